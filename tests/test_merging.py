"""Another journal's examples count once, however often they come."""

import pytest

from pace_edge.errors import JournalError
from pace_edge.operations import State, effective
from tests.journals import damage, embeddings, examples, open_journal


def test_what_was_merged_is_called_as_there_and_undone_at_once(tmp_path):
    with open_journal(tmp_path / "there") as there:
        first = there.add("a", embeddings(), source="x")
        there.add("b", embeddings(), source="x")
        there.append("forget", "b")
        there.append("correct", "c", target=first.id)
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there") == (1, {})
        assert [e.label for e in examples(journal)] == ["c"]
        journal.undo()
        assert effective(journal.operations(), State()).examples == {}
        assert journal.merge(tmp_path / "there") == (1, {})  # it was undone, not refused
        journal.append("forget", "c")
        assert journal.merge(tmp_path / "there") == (0, {})  # what was forgotten stays forgotten


def test_what_is_damaged_in_another_journal_is_named_and_the_rest_merged(tmp_path):
    with open_journal(tmp_path / "there") as there:
        for label in "ab":
            there.add(label, embeddings(), source="x")
    damage(tmp_path / "there", "UPDATE embeddings SET windows = zeroblob(length(windows)) WHERE operation = 2")
    with open_journal(tmp_path / "here") as journal:
        assert journal.merge(tmp_path / "there") == (1, {2: "learn 'b' from x"})


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
            assert other.merge(tmp_path / "here") == (1, {})
        journal.purge("a")
        assert journal.merge(tmp_path / "there") == (0, {})
