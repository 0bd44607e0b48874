"""A damaged journal is named in its parts; the rest is saved into a new file, and the damaged one is not touched."""

import random
import sqlite3

import numpy as np
import pytest

from pace_edge.errors import JournalError
from pace_edge.journal import Journal
from pace_edge.operations import State, effective
from pace_edge.salvage import check, repair
from tests.journals import damage

D = 6


def open_journal(path):
    return Journal(path, model_name="m", model_sha256="a" * 64, embedding_size=D)


def embeddings(seed):
    return np.random.default_rng(seed).standard_normal((60, D)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        for i in range(1, 61):
            journal.add("ab"[i % 2], embeddings(i), source=f"file {i}")
        journal.append("rename", "a", new_label="c")
    return tmp_path / "j"


def saved(path):
    """id to label of what can be learned from the journal, each checked to the bit."""
    with open_journal(path) as journal:
        calls = effective(journal.operations(), State()).examples
        for id, windows in journal.embeddings(calls):
            assert np.array_equal(windows, embeddings(id))
        assert not journal.damaged
    return calls


def test_a_whole_journal_is_whole_and_a_repair_of_it_is_the_same(path, tmp_path):
    assert check(path).damaged == ()
    assert repair(path, tmp_path / "new").whole == 61
    assert saved(tmp_path / "new") == saved(path)
    with open_journal(path) as old, open_journal(tmp_path / "new") as new:
        assert new.operations() == old.operations()
        assert new.add("d", embeddings(62), source="x").id == 62


def test_a_flipped_bit_in_an_example_is_named_and_the_others_are_saved(path, tmp_path):
    content = bytearray(path.read_bytes())
    at = content.find(embeddings(31).tobytes()[:200]) + 100
    content[at] ^= 4
    path.write_bytes(content)
    assert check(path).damaged == ("the embeddings of operation 31 (learn 'b') do not fit their checksum",)
    repair(path, tmp_path / "new")
    assert sorted(saved(tmp_path / "new")) == [i for i in range(1, 61) if i != 31]
    assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.55, 0.7, 0.9])
def test_of_a_truncated_journal_what_is_left_is_saved(path, tmp_path, share):
    content = path.read_bytes()[: int(share * path.stat().st_size)]
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"is damaged.*pace-edge journal --repair"), open_journal(path) as journal:
        journal.operations()
    found = repair(path, tmp_path / "new")
    assert found.damaged
    assert len(saved(tmp_path / "new")) > 60 * share / 2
    assert path.read_bytes() == content


def test_of_a_journal_cut_below_half_it_is_said_what_was_lost(path, tmp_path):
    content = path.read_bytes()
    path.write_bytes(content[: int(0.4 * len(content))])
    cut, *others = check(path).damaged
    assert cut == f"the file ends after {int(0.4 * len(content)) // 4096} of its {len(content) // 4096} pages; " \
        "what was on the others is lost"  # fmt: skip
    lost = [line for line in others if line.startswith("operation")]
    assert len(lost) == 61 - check(path).whole
    assert any(line.endswith("its embeddings are there, but not what they were called") for line in lost)


def test_whatever_bits_flip_it_is_named_or_does_not_matter_and_nothing_false_is_saved(path, tmp_path):
    content, rng, kept = path.read_bytes(), random.Random(5), []
    for turn in range(30):
        harmed = bytearray(content)
        start = rng.randrange(4096, len(content) - 64)
        for i in range(start, start + rng.choice([1, 64])):
            harmed[i] ^= 1 << rng.randrange(8)
        path.write_bytes(harmed)
        found = repair(path, tmp_path / f"new{turn}")
        there = saved(tmp_path / f"new{turn}")  # which compares every example to the bit
        assert found.damaged or len(there) == 60
        kept.append(len(there))
    assert np.median(kept) >= 59


def test_a_log_that_was_not_moved_into_the_file_yet_is_read_too(path, tmp_path):
    with open_journal(path) as journal:
        journal.add("d", embeddings(62), source="x")  # in the log, since the file is open
        assert check(path).whole == 62


def test_what_is_no_journal_cannot_be_saved(tmp_path):
    (tmp_path / "text").write_text("no journal")
    for job in (check, lambda path: repair(path, tmp_path / "new")):
        with pytest.raises(JournalError, match="nothing can be read"):
            job(tmp_path / "text")
        with pytest.raises(JournalError, match="cannot be read"):
            job(tmp_path / "absent")
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(path, tmp_path):
    (tmp_path / "new").write_text("mine")
    with pytest.raises(JournalError, match="exists already"):
        repair(path, tmp_path / "new")
    assert (tmp_path / "new").read_text() == "mine"


def test_a_journal_that_lost_its_model_says_so(path, tmp_path):
    database = sqlite3.connect(path)
    database.execute("DELETE FROM model")
    database.commit()
    database.close()
    with pytest.raises(JournalError, match="which model"):
        repair(path, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_id_that_was_lost_is_never_given_to_another_example(path, tmp_path):
    with open_journal(path) as journal:
        last = journal.append("hide", "c").id
    damage(path, f"UPDATE operations SET label = 'x' WHERE id = {last}")
    repair(path, tmp_path / "new")
    with open_journal(tmp_path / "new") as journal:
        assert max(o.id for o in journal.operations()) == last - 1
        assert journal.add("new", embeddings(99), source="x").id == last + 1
