"""Every clip has one label and one fold; what belongs together is never split; a wrong data set says what is wrong."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pace_edge.adapt.data import Clip, dealt, read_clips, read_manifest
from pace_edge.errors import PaceEdgeError


def touch(folder: Path, *names: str) -> Path:
    """Files that look like clips; a list of clips is made without opening them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def write_manifest(folder: Path, text: str, name: str = "labels.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_each_row_of_a_manifest_is_a_clip(tmp_path):
    write_manifest(touch(tmp_path, "audio/a.wav"), "path,label,fold,group,extra\naudio/a.wav,dog,3,rex,\n")
    clip = Clip(tmp_path / "audio/a.wav", "dog", 3, "rex")
    assert read_clips(tmp_path) == read_manifest(tmp_path) == read_clips(tmp_path / "labels.csv") == [clip]


def test_another_manifest_and_another_column_may_be_chosen(tmp_path):
    touch(tmp_path, "a.wav", "b.wav")
    write_manifest(tmp_path, "path,label,fold\na.wav,dog,1\n")
    write_manifest(tmp_path, "\ufeffpath,label,who,fold\nb.wav,word, ann ,2\n", "speakers.csv")  # as Excel writes it
    assert read_clips(tmp_path / "speakers.csv", label_column="who") == [Clip(tmp_path / "b.wav", "ann", 2, "b.wav")]


def test_folders_are_classes(tmp_path):
    touch(tmp_path, "dog/a.wav", "dog/deep/er/b.FLAC", "dog/notes.txt", "dog/.c.wav", "dog/.trash/d.wav")
    touch(tmp_path, "cat/a.mp3", ".git/e.wav", "readme.md")
    (tmp_path / "dog/folder.wav").mkdir()
    clips = read_clips(tmp_path)
    assert [(c.path.relative_to(tmp_path).as_posix(), c.label, c.group) for c in clips] == [
        ("cat/a.mp3", "cat", "cat/a.mp3"),
        ("dog/a.wav", "dog", "dog/a.wav"),
        ("dog/deep/er/b.FLAC", "dog", "dog/deep/er/b.FLAC"),
    ]


def clips_of(groups: list[list[str]]) -> list[Clip]:
    """A clip for each label of each group."""
    return [
        Clip(Path(f"{g}-{i}.wav"), label, 0, f"g{g}") for g, its in enumerate(groups) for i, label in enumerate(its)
    ]


GROUPS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), min_size=1, max_size=30)


@given(GROUPS, st.integers(2, 6), st.integers(0, 5))
@example([[*"aa"], [*"daab"], [*"dbdd"], [*"dbac"], [*"cc"], [*"c"]], 2, 0)  # here costs are equal but for rounding
def test_no_group_is_split_and_no_clip_is_lost(groups, folds, seed):
    clips = clips_of(groups)
    result = dealt(clips, folds=folds, seed=seed)
    assert [(c.path, c.label, c.group) for c in result] == [(c.path, c.label, c.group) for c in clips]
    assert {c.fold for c in result} <= set(range(1, folds + 1))
    assert dealt(clips[::-1], folds=folds, seed=seed) == result[::-1]
    of_group = defaultdict(set)
    for clip in result:
        of_group[clip.group].add(clip.fold)
    assert all(len(its) == 1 for its in of_group.values())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(2, 6), st.integers(0, 5))
def test_clips_without_groups_are_spread_evenly_and_fold_1_has_every_class(sizes, folds, seed):
    result = dealt(clips_of([[f"class{c}"] for c, n in enumerate(sizes) for _ in range(n)]), folds=folds, seed=seed)
    for c, n in enumerate(sizes):
        held = Counter(clip.fold for clip in result if clip.label == f"class{c}")
        counts = [held[fold] for fold in range(1, folds + 1)]
        assert max(counts) - min(counts) <= 1
        assert held[1]
        assert n == 1 or held[1] < n


@given(st.lists(st.integers(1, 9), min_size=2, max_size=40), st.integers(2, 5))
def test_groups_of_one_class_are_as_even_as_the_largest_of_them_lets(sizes, folds):
    result = dealt(clips_of([["a"] * n for n in sizes]), folds=folds, seed=0)
    held = Counter(clip.fold for clip in result)
    counts = [held[fold] for fold in range(1, folds + 1)]
    assert max(counts) - min(counts) <= max(sizes)


def test_speakers_who_say_every_word_are_shared_out_within_each_word():
    rng = np.random.default_rng(0)
    said = [[word for word in ("yes", "no", "up") for _ in range(rng.integers(1, 5))] for _ in range(40)]
    result = dealt(clips_of(said), folds=5, seed=1)
    for word in ("yes", "no", "up"):
        counts = Counter(clip.fold for clip in result if clip.label == word)
        mean = counts.total() / 5
        assert max(abs(n - mean) for n in counts.values()) < 0.15 * mean


@pytest.mark.parametrize("seed", range(4))
def test_small_groups_make_up_for_large_ones(seed):
    groups = [["a"], ["a"] * 4, ["a"], ["a"], ["a"]]
    held = Counter(clip.fold for clip in dealt(clips_of(groups), folds=2, seed=seed))
    assert held == {1: 4, 2: 4}


@pytest.mark.parametrize("seed", range(4))
def test_a_small_class_is_spread_as_carefully_as_a_large_one(seed):
    said = [["many"] * n + ["few"] * (n % 2) for n in range(20, 30)]
    result = dealt(clips_of(said), folds=5, seed=seed)
    assert Counter(clip.fold for clip in result if clip.label == "few") == {fold: 1 for fold in range(1, 6)}


def test_folds_follow_names_and_seed_and_nothing_else(tmp_path):
    names = [f"{label}/{i}.wav" for label in ("dog", "cat") for i in range(10)]
    ours, theirs = touch(tmp_path / "here", *names), touch(tmp_path / "there", *names[::-1])

    def folds(source, seed=0):
        return {clip.group: clip.fold for clip in read_clips(source, seed=seed)}

    rows = "".join(f"{name},{name[:3]}\n" for name in names[::-1])
    assert folds(ours) == folds(theirs) == folds(write_manifest(theirs, "path,label\n" + rows)) != folds(ours, seed=1)
    assert [folds(ours)[f"dog/{i}.wav"] for i in range(10)] == [5, 4, 1, 2, 4, 5, 3, 3, 2, 1]  # on every machine


def test_a_manifest_without_folds_keeps_its_groups_together(tmp_path):
    touch(tmp_path, *(f"{i}.wav" for i in range(12)))
    write_manifest(tmp_path, "path,label,group\n" + "".join(f"{i}.wav,dog,take{i // 4}\n" for i in range(12)))
    clips = read_clips(tmp_path, folds=3)
    assert sorted(Counter((clip.group, clip.fold) for clip in clips).values()) == [4, 4, 4]
    assert {clip.fold for clip in clips} == {1, 2, 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path;label\na.wav;dog\n", r"no column label nor path: expected columns path, label and.*got path;label"),
        ("", "no column label nor path.*got nothing"),
        ("path,sort\na.wav,dog\n", "no column label: .*got path, sort"),
        ("path,label,fold\n", "lists no clips"),
        ("path,label,fold\na.wav,dog,first\n", r"line 2 of .*labels\.csv has no fold.*got 'first'"),
        ("path,label,fold\na.wav,dog\n", "line 2 of .* has not one field for each column: expected path, label, fold"),
        ("path,label\na.wav,rain, heavy\n", "line 2 of .* has not one field.*Quote a field that holds a comma"),
        ("path,label\na.wav,dog\na.wav, \n", r"line 3 of .* has no label: got a\.wav"),
        ("path,label\na.wav,dog\n\nb.wav,dog\n", r"line 4 of .* names a file that is not there: .*/b\.wav"),
        ("path,label\n,dog\n", "line 2 of .* names a file that is not there"),
        (f"path,label\n{'a' * 5000},dog\n", "line 2 of .* names a file that is not there"),
        ('path,label\na.wav,"dog\n', "is not a manifest .unexpected end of data"),
    ],
)
def test_a_wrong_manifest_is_named(tmp_path, text, message):
    write_manifest(touch(tmp_path, "a.wav"), text)
    with pytest.raises(PaceEdgeError, match=message):
        read_clips(tmp_path)


def test_a_file_that_is_no_text_is_no_manifest(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF\xff\xfe\x00")
    with pytest.raises(PaceEdgeError, match=r"a\.wav is not a manifest.*expected CSV in UTF-8"):
        read_clips(tmp_path / "a.wav")


def test_an_absent_source_is_said(tmp_path):
    with pytest.raises(PaceEdgeError, match="absent: No such file"):
        read_clips(tmp_path / "absent")
    with pytest.raises(PaceEdgeError, match=r"cannot read the manifest.*labels\.csv: No such file"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no clips: expected one folder of clips for each class, or a labels.csv"),
        (["readme.md", ".dog/a.wav"], "holds no clips"),
        (["a.wav"], r"clips that are in no class's folder.*got a\.wav\. Move them"),
        (["b.wav", "a.wav", "dog/a.wav"], r"no class's folder.*got a\.wav and 1 more beside them"),
        (["dog/a.wav", "cat/notes.txt", "cat/.a.wav"], "class 'cat' has no clips: expected wav, .* files in .*cat"),
    ],
)
def test_a_folder_that_is_no_data_set_is_named(tmp_path, names, message):
    with pytest.raises(PaceEdgeError, match=message):
        read_clips(touch(tmp_path, *names))
