"""The sets come as the paper says; what is not here, or is another set, is said and not run."""

import csv
import gzip
import hashlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from pace_edge.adapt.sessions import plan_sessions
from pace_edge.benchmark.sets import SETS, _from_manifest, find_set, read_set, set_sha256
from pace_edge.errors import PaceEdgeError, UsageError
from tests.adapt.small import write_clips

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_the_papers_sets_come_in_the_papers_sessions():
    paper = {one.paper: (one.classes, one.per_session, one.epochs, one.fine) for one in SETS.values() if one.paper}
    assert paper == {
        "ESC-50": (50, 5, 10, False), "US8K": (10, 2, 15, False), "SC2": (35, 5, 1, False),
        "TIMIT-2": (630, 2, 30, True), "TIMIT-3": (630, 3, 30, True), "VocalSet": (16, 2, 6, True),
    }  # fmt: skip
    assert SETS["timit-2"].classes / 2 == 315
    assert SETS["timit-3"].classes / 3 == 210


@pytest.mark.parametrize("name", SETS)
def test_a_set_that_is_not_here_says_where_to_get_it(tmp_path, name):
    with pytest.raises(PaceEdgeError, match=f"the set {name} is not there: no folder {tmp_path}/") as caught:
        read_set(SETS[name], tmp_path)
    assert SETS[name].where.split()[0] in str(caught.value)


@pytest.mark.parametrize("name", [name for name, one in SETS.items() if not one.paper])
@pytest.mark.skipif(not SHARED.exists(), reason="the small sets' audio is not here")
def test_a_small_set_is_whole_and_can_be_planned(name):
    one = SETS[name]
    clips = read_set(one, SHARED)
    sessions = plan_sessions(clips, classes_per_session=one.per_session, test_fold=1)
    sizes = [len(session.labels) for session in sessions]
    assert set(sizes[:-1]) == {one.per_session}
    assert sizes[-1] in (one.per_session, one.per_session + 1)  # a rest of one goes to the session before
    share = sum(len(session.test) for session in sessions) / len(clips)
    assert 0.15 < share < 0.36


@pytest.mark.parametrize("name", [name for name, one in SETS.items() if not one.paper])
def test_groups_are_kept_exactly_where_the_split_parts_none(name):
    manifest, _, grouped = SETS[name].read.args
    folds = defaultdict(set)
    with gzip.open(manifest, "rt") as file:
        for row in csv.DictReader(file):
            folds[row["group"]].add(row["fold"])
    assert grouped == all(len(its) == 1 for its in folds.values())


def test_a_set_with_too_few_classes_is_not_run(tmp_path):
    write_clips(tmp_path, classes=2)
    one = replace(find_set(str(tmp_path)), classes=3)
    with pytest.raises(PaceEdgeError, match="not whole: expected 3 classes, got 2 in"):
        read_set(one, tmp_path)


def test_a_folder_or_a_csv_of_ones_own_is_a_set(tmp_path, monkeypatch):
    clips = write_clips(tmp_path, classes=2)
    assert find_set(str(tmp_path)).name == tmp_path.name
    monkeypatch.chdir(tmp_path)
    for said in (str(tmp_path), "labels.csv"):
        assert read_set(find_set(said), tmp_path / "nowhere") == [
            replace(clip, path=Path(said if said != "labels.csv" else ".") / clip.path.name) for clip in clips
        ]


def test_a_set_that_is_neither_ours_nor_a_path_is_a_usage_error():
    with pytest.raises(
        UsageError, match="there is no data set 'esc51': expected a folder, a CSV file or one of esc50,"
    ):
        find_set("esc51")


def test_a_sets_checksum_is_that_of_content_label_fold_and_what_belongs_together(tmp_path):
    clips = [replace(clip, group=str(i // 2)) for i, clip in enumerate(write_clips(tmp_path, classes=2, per_class=4))]
    sums = [str(i) for i in range(len(clips))]
    moved = [replace(clip, path=Path("/elsewhere") / clip.path.name, group=f"x{clip.group}") for clip in clips]
    assert set_sha256(moved[::-1], sums[::-1]) == set_sha256(clips, sums)
    assert set_sha256(clips, [*sums[:-1], "x"]) != set_sha256(clips, sums)
    for change in ({"fold": 9}, {"label": "x"}, {"group": "x"}):
        assert set_sha256([replace(clips[0], **change), *clips[1:]], sums) != set_sha256(clips, sums)


def test_a_set_whose_split_parts_groups_has_each_clip_alone(tmp_path):
    rows = ["path,label,fold,group,check"]
    for name, fold in (("a.wav", 1), ("b.wav", 2)):
        (tmp_path / name).write_bytes(name.encode())
        rows.append(f"{name},7,{fold},george,{hashlib.sha256(name.encode()).hexdigest()[:16]}")
    manifest = tmp_path / "digits.csv.gz"
    manifest.write_bytes(gzip.compress("\n".join(rows).encode()))
    for label, name in (("label", "7"), ("group", "george")):
        clips = _from_manifest(manifest, label, False, tmp_path)
        assert [clip.label for clip in clips] == [name, name]
        assert len({clip.group for clip in clips}) == 2
    assert [clip.group for clip in _from_manifest(manifest, "label", True, tmp_path)] == ["george", "george"]
