"""A manifest ships without its audio, and knows whether the audio beside it is the right one."""

import pytest

from pace_edge.adapt.data import Clip
from pace_edge.benchmark.manifests import FOLDER, read_manifest, write_manifest
from pace_edge.benchmark.sets import SETS
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import write_clips


@pytest.fixture
def tones(tmp_path):
    clips = [
        Clip(clip.path, 'rain, "heavy"' if clip.label == "tone0" else clip.label, clip.fold, clip.group)
        for clip in write_clips(tmp_path, classes=2, per_class=3)
    ]
    write_manifest(clips, tmp_path, tmp_path / "tones.csv.gz")
    return clips


def test_clips_come_back_as_they_were(tmp_path, tones):
    assert read_manifest(tmp_path / "tones.csv.gz", tmp_path) == tones


def test_the_same_clips_give_the_same_bytes(tmp_path, tones):
    write_manifest(tones, tmp_path, tmp_path / "again.csv.gz")
    assert (tmp_path / "again.csv.gz").read_bytes() == (tmp_path / "tones.csv.gz").read_bytes()


def test_another_file_of_the_same_name_is_not_run(tmp_path, tones):
    tones[4].path.write_bytes(tones[3].path.read_bytes())
    with pytest.raises(PaceEdgeError, match=r"1-1\.wav is not the file that the set tones is made of: expected sha256"):
        read_manifest(tmp_path / "tones.csv.gz", tmp_path)


def test_a_missing_file_is_named(tmp_path, tones):
    tones[4].path.unlink()
    with pytest.raises(
        PaceEdgeError, match=r"clip 5 of the set tones cannot be read: .*1-1\.wav .*Bring the whole set"
    ):
        read_manifest(tmp_path / "tones.csv.gz", tmp_path)


@pytest.mark.parametrize("manifest", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_what_ships_is_small(manifest):
    assert manifest.name.endswith(".csv.gz")
    assert manifest.stat().st_size < 100_000


def test_every_small_set_has_its_manifest():
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == {
        *("esc10", "sc12", "us8k-part", "timit16", "digits", "speakers50")
    }
    assert {name for name, one in SETS.items() if not one.paper} >= {"esc10", "timit16-2", "timit16-3"}
