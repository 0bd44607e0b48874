"""A file is the old one or the new one, never half of it."""

import os

import pytest

from pace_edge.files import write_whole


def test_the_content_arrives_and_the_folder_is_made(tmp_path):
    write_whole(tmp_path / "new" / "f", b"content")
    assert (tmp_path / "new" / "f").read_bytes() == b"content"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["f"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, broken):
    target = tmp_path / "f"
    target.write_bytes(b"the old one")

    def disk_full(*_):
        raise OSError("disk full")

    if broken == "fsync":
        monkeypatch.setattr(os, "fsync", disk_full)
    else:
        monkeypatch.setattr("pathlib.Path.replace", disk_full)
    with pytest.raises(OSError, match="disk full"):
        write_whole(target, b"the new one")
    assert target.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [target]
