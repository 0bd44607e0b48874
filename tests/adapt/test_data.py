"""A manifest names every clip, and a wrong one says what is wrong."""

import pytest

from pace_edge.adapt.data import Clip, read_manifest
from pace_edge.errors import PaceEdgeError


def test_each_row_is_a_clip(tmp_path):
    (tmp_path / "labels.csv").write_text("path,label,fold,group,extra\naudio/a.wav,dog,3,rex,\n")
    assert read_manifest(tmp_path) == [Clip(tmp_path / "audio/a.wav", "dog", 3, "rex")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.wav,dog\n", "expected columns path, label, fold"),
        ("path,label,fold,group\na.wav,dog,first,\n", "is not a manifest"),
        ("path,label,fold,group\n", "lists no clips"),
    ],
)
def test_a_wrong_manifest_is_named(tmp_path, text, message):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(PaceEdgeError, match=message):
        read_manifest(tmp_path)


def test_an_absent_manifest_is_said(tmp_path):
    with pytest.raises(PaceEdgeError, match=r"labels\.csv: No such file"):
        read_manifest(tmp_path)
