"""One walk through a folder for every verb: each recording once, in order, and what was passed over is counted."""

import os
import sys

import pytest

from pace_edge import walk as walking
from pace_edge.walk import Skipped, printable, readable_suffixes, skipped_in_words, walk


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def names(walked):
    return [path.relative_to(walked.folder).as_posix() for path in walked.files]


def test_every_recording_however_deep_in_the_order_of_names(tmp_path):
    touch(tmp_path, "b.wav", "a/10.flac", "a/2.WAV", "a/b/c/1.mp3", "c.aiff", "d.w64", "e.au", "f.caf", "g.opus")
    walked = walk(tmp_path)
    assert names(walked) == [
        "a/10.flac",
        "a/2.WAV",
        "a/b/c/1.mp3",
        "b.wav",
        "c.aiff",
        "d.w64",
        "e.au",
        "f.caf",
        "g.opus",
    ]
    assert walked.skipped_in_words() == ""


@pytest.mark.parametrize("ffmpeg", [True, False])
def test_what_is_passed_over_is_named_with_its_reason_and_what_may_be_missed_first(tmp_path, monkeypatch, ffmpeg):
    monkeypatch.setattr(walking, "has_ffmpeg", lambda: ffmpeg)
    touch(tmp_path, "a.wav", "._a.wav", ".git/x.wav", ".DS_Store", "__MACOSX/a/b.wav", "memo.m4a", "notes.txt")
    walked = walk(tmp_path)
    assert names(walked) == ["a.wav", "memo.m4a"] if ffmpeg else ["a.wav"]
    words = "._a.wav: hidden; .git: hidden; __MACOSX: what macOS adds to archives; notes.txt: no sound)"
    if ffmpeg:
        assert walked.skipped_in_words() == f"skipped: 4 ({words}"
    else:
        assert walked.skipped_in_words() == f"skipped: 5 (memo.m4a: needs pip install 'pace-edge[media]'; {words}"


def test_the_sentence_is_short_however_much_was_skipped():
    words = skipped_in_words(tuple(Skipped("x" * 500 + str(i), "no sound") for i in range(10_000)))
    assert words.startswith("skipped: 10000 (")
    assert words.endswith("; ...)")
    assert len(words) < 500


def test_folders_by_links_are_walked_once_and_rings_end(tmp_path):
    touch(tmp_path, "there/1.wav", "here/2.wav")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "there", target_is_directory=True)
    (tmp_path / "here" / "ring").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "here" / "gone.wav").symlink_to(tmp_path / "absent.wav")
    (tmp_path / "file.wav").symlink_to(tmp_path / "there" / "1.wav")
    walked = walk(tmp_path)
    assert names(walked) == ["file.wav", "here/2.wav", "here/link/1.wav"]
    assert {one.name: one.why for one in walked.skipped} == {
        "here/gone.wav": "cannot be read (No such file or directory)",
        "here/ring": "a link to a folder that is walked already", "there": "a link to a folder that is walked already",
    }  # fmt: skip


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (walked,) = walk(tmp_path).skipped
    assert (walked.name, walked.why, walked.wanted) == ("pipe.wav", "no file", True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text_is_found_and_can_be_written_anywhere(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    os.close(os.open(path, os.O_CREAT))
    (found,) = walk(tmp_path).files
    assert os.fsencode(found) == path
    assert printable(found.name) == "caf\\udce9.wav"
    assert printable("café.wav") == "café.wav"


def test_what_libsndfile_reads_counts_as_sound_without_ffmpeg(monkeypatch):
    monkeypatch.setattr(walking, "has_ffmpeg", lambda: False)
    assert {".aif", ".aiff", ".w64", ".au", ".caf", ".rf64"} <= set(readable_suffixes())
    assert ".m4a" not in readable_suffixes()
