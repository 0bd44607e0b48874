"""Another journal's examples count once, however often they come."""

import hashlib

import numpy as np
import pytest

from pace_edge.errors import JournalError
from pace_edge.merging import Merged
from pace_edge.operations import Operation, State, effective
from tests.journals import D, damage, embeddings, examples, open_journal


def test_what_was_merged_is_called_as_there_and_undone_at_once(tmp_path):
    with open_journal(tmp_path / "there") as there:
        first = there.add("a", embeddings(), source="x")
        there.add("b", embeddings(), source="x")
        there.append("forget", "b")
        there.append("correct", "c", target=first.id)
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there") == Merged(1, {})
        assert [e.label for e in examples(journal)] == ["c"]
        journal.undo()
        assert effective(journal.operations(), State()).examples == {}
        assert journal.merge(tmp_path / "there") == Merged(1, {})  # it was undone, not refused
        journal.append("forget", "c")
        assert journal.merge(tmp_path / "there") == Merged(0, {})  # what was forgotten stays forgotten


def test_what_is_damaged_in_another_journal_is_named_and_the_rest_merged(tmp_path):
    with open_journal(tmp_path / "there") as there:
        for label in "ab":
            there.add(label, embeddings(), source="x")
    damage(tmp_path / "there", "UPDATE embeddings SET windows = zeroblob(length(windows)) WHERE operation = 2")
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there")[:2] == (1, {2: "learn 'b' from x"})


@pytest.mark.parametrize("what", ["another model", "no journal", "nothing"])
def test_what_is_no_journal_of_this_model_is_not_merged(tmp_path, what):
    if what == "another model":
        open_journal(tmp_path / "there", sha256="b" * 64).close()
    elif what == "no journal":
        (tmp_path / "there").write_text("no journal")
    with open_journal(tmp_path / "here") as journal:
        with pytest.raises(JournalError, match=r"belongs to another model|is no journal"):
            journal.merge(tmp_path / "there")
        assert journal.operations() == []
    assert (what == "nothing") is not (tmp_path / "there").exists()


def test_what_was_purged_does_not_come_back_by_a_merge(tmp_path):
    with open_journal(tmp_path / "here") as journal:
        journal.add("a", embeddings(), source="x")
        with open_journal(tmp_path / "there") as other:
            assert other.merge(tmp_path / "here") == Merged(1, {})
        journal.purge("a")
        assert journal.merge(tmp_path / "there") == Merged(0, {})


def kept(journal, content, name=None):
    """A recording that was kept beside a journal: its name and checksum."""
    name = name or f"{hashlib.md5(content).hexdigest()}.flac"
    journal.clips.mkdir(exist_ok=True)
    (journal.clips / name).write_bytes(content)
    return {"audio": name, "audio_sha256": hashlib.sha256(content).hexdigest()}


@pytest.fixture
def there(tmp_path):
    with open_journal(tmp_path / "there") as journal:
        yield journal


@pytest.fixture
def here(tmp_path):
    with open_journal(tmp_path / "here") as journal:
        yield journal


def test_kept_recordings_come_along_whole_private_and_once(there, here):
    for seed, content in enumerate((b"one", b"two")):
        there.add("a", embeddings(2, seed), source="x", **kept(there, content))
    assert here.merge(there.path) == Merged(2, {}, 2)
    assert sorted(path.read_bytes() for path in here.clips.iterdir()) == [b"one", b"two"]
    assert {path.stat().st_mode & 0o777 for path in here.clips.iterdir()} == {0o600}
    before = {path: path.stat().st_mtime_ns for path in here.clips.iterdir()}
    assert here.merge(there.path) == Merged(0, {}, 0)
    assert {path: path.stat().st_mtime_ns for path in here.clips.iterdir()} == before


def test_a_recording_that_is_missing_or_wrong_is_said_and_its_example_counts(there, here):
    there.add("a", embeddings(2, 1), source="x", **kept(there, b"one"))
    wrong = there.add("b", embeddings(2, 2), source="x", **kept(there, b"two"))
    missing, changed = sorted(there.clips.iterdir())
    content = missing.read_bytes()
    missing.unlink()
    changed.write_bytes(b"another")
    merged = here.merge(there.path)
    assert merged[:3] == (2, {}, 0)
    assert len(merged.without) == 2
    assert all("is missing in" in line for line in merged.without)
    assert {e.label for e in examples(here)} == {"a", wrong.label}
    missing.write_bytes(content)
    again = here.merge(there.path)  # when it is there, it comes
    assert again[:3] == (0, {}, 1)
    assert len(again.without) == 1


def test_no_link_is_followed_and_no_file_of_ours_is_replaced(there, here, tmp_path):
    secret, example = tmp_path / "secret", kept(there, b"secret")
    secret.write_bytes(b"secret")
    (there.clips / example["audio"]).unlink()
    (there.clips / example["audio"]).symlink_to(secret)
    there.add("a", embeddings(2, 1), source="x", **example)
    mine = kept(here, b"mine")
    there.add("b", embeddings(2, 2), source="x", **kept(there, b"theirs", name=mine["audio"]))
    merged = here.merge(there.path)
    assert merged[:3] == (2, {}, 0)
    assert "is missing in" in merged.without[0]
    assert "another file of this name" in merged.without[1]
    assert [path.read_bytes() for path in here.clips.iterdir()] == [b"mine"]


def test_a_folder_of_recordings_that_is_a_link_is_not_followed(there, here, tmp_path):
    there.add("a", embeddings(2, 1), source="x", **kept(there, b"one"))
    there.clips.rename(tmp_path / "elsewhere")
    there.clips.symlink_to(tmp_path / "elsewhere")
    assert here.merge(there.path)[2] == 0


@pytest.mark.parametrize(
    "audio", ["../../precious.txt", "x.flac", f"a/{0:032x}.flac", f"{0:032x}.flac\n", f"{0:032X}G"]
)
def test_a_name_that_is_not_of_our_making_is_dropped_and_the_example_counts(there, here, audio):
    there.add("a", embeddings(), source="x", audio=audio, audio_sha256="0" * 64)
    assert here.merge(there.path) == Merged(1, {})
    assert [(o.label, o.audio, o.audio_sha256) for o in here.operations() if o.kind == "learn"] == [("a", "", "")]


def test_the_same_recording_taught_on_two_devices_is_one_example(there, here):
    here.add("a", embeddings(2, 1), source="x")
    here.add("b", embeddings(2, 2), source="x", audio="/ring.wav", audio_sha256="1" * 64)
    there.add("a", embeddings(2, 1), source="y")  # the same embeddings
    there.add("b", embeddings(2, 3), source="y", audio="/other.wav", audio_sha256="1" * 64)  # the same recording
    there.add("b", embeddings(2, 4), source="y", audio="/other.wav", audio_sha256="1" * 64, start_s=3.0, end_s=4.0)
    there.add("c", embeddings(2, 1), source="y")  # under another label
    there.add("d", embeddings(2, 5), source="y")
    there.add("d", embeddings(2, 5), source="y")  # twice there
    assert here.merge(there.path).new == 3
    assert sorted(e.label for e in examples(here)) == ["a", "b", "b", "c", "d"]
    assert here.merge(there.path).new == 0


def test_a_twin_that_does_not_count_here_keeps_nothing_out(there, here):
    id = here.add("a", embeddings(2, 1), source="x").id
    here.append("remove", target=id)
    there.add("a", embeddings(2, 1), source="y")
    assert here.merge(there.path).new == 1


@pytest.mark.parametrize("label", ["\x1b[31mred", "\n", "x" * 200, "a\u202eb", "Unknown", ""])
def test_a_label_that_could_not_be_typed_is_left_out_and_named(there, here, label):
    with there.deciding():  # as no door of ours writes it
        there._append(Operation(kind="learn", label=label, source="x"), embeddings(2, 1))
    there.add("good", embeddings(2, 2), source="x")
    merged = here.merge(there.path)
    assert [o.label for o in here.operations() if o.kind == "learn"] == ["good"]
    assert (merged.new, list(merged.left_out)) == (1, [1])
    assert "cannot be used" in merged.left_out[1]
    assert merged.left_out[1].isprintable()
    assert here.merge(there.path, own=["unknown"]).new == (label == "Unknown")


def test_embeddings_that_no_classifier_could_learn_are_left_out_and_named(there, here):
    with there.deciding():
        there._append(Operation(kind="learn", label="a", source="x"), np.full((2, D), np.nan, np.float32))
        there._append(Operation(kind="learn", label="b", source="x"), np.ones(D + 1, np.float32))
    there.add("good", embeddings(), source="x")
    assert here.merge(there.path) == Merged(1, {1: "learn 'a' from x", 2: "learn 'b' from x"})
