"""A folder is of one label, or its subfolders are labels; whatever was passed over is told."""

import pytest

from pace_edge.errors import UsageError
from streams.teaching.clip_folder import clips_of_folder


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.wav", "b/1.WAV", "b/deep/er/0.wav", "a/3.flac", "a/notes.txt", "4.wav", "._4.wav", "empty/.x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def found(folder, label=None):
    return [(label, path.name) for label, path in clips_of_folder(folder, label).clips]


def test_the_subfolders_of_the_first_level_are_labels_and_what_is_deeper_belongs_to_them(folder):
    assert found(folder) == [("a", "3.flac"), ("b", "1.WAV"), ("b", "2.wav"), ("b", "0.wav")]
    assert clips_of_folder(folder).skipped == (
        f"{folder}: skipped: 3 (4.wav: in no subfolder, which would be its label; ._4.wav: hidden; "
        "a/notes.txt: no sound)"
    )


def test_with_a_label_all_files_are_of_it(folder):
    assert found(folder, "x") == [
        ("x", "4.wav"), ("x", "3.flac"), ("x", "1.WAV"), ("x", "2.wav"), ("x", "0.wav"),
    ]  # fmt: skip


def test_a_folder_that_has_none_is_said_with_what_there_is(folder):
    for none in (folder / "absent", folder / "a", folder / "4.wav"):
        with pytest.raises(UsageError, match=r"there (is no folder|are no audio files)"):
            clips_of_folder(none)
    with pytest.raises(UsageError, match=r"skipped: 2 \(3.flac: in no subfolder, which would be its label; notes"):
        clips_of_folder(folder / "a")
