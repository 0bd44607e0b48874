"""Whatever was done to the journal is reported once, also where the journal fails while it is taken up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pace_edge.errors import JournalError
from pace_edge.journal import Example, Journal
from streams.heard import Notice
from streams.listening.counters import Counters
from streams.listening.learner import Learner, open_journal
from streams.listening.memory import LONGEST_WAIT_S, Memory
from streams.listening.notices import Notices
from tests.taught import assert_exact, embeddings, model


class FailingJournal(Journal):
    """A disk that cannot be read now and then: `fails` says it of each reading, and then never again."""

    fails: list[bool] = []  # noqa: RUF012

    def operations(self, after=0):
        self._read()
        return super().operations(after)

    def embeddings(self, ids):
        self._read()
        yield from super().embeddings(ids)

    def _read(self):
        if self.fails and self.fails.pop(0):
            raise JournalError("the disk cannot be read")


def failing(path):
    m = model()
    return FailingJournal(path, model_name=m.info.name, model_sha256=m.sha256, embedding_size=m.embedding_size)


def reports(found):
    return [(one.label, type(one) is Example) for one in found]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), max_size=8))
def test_what_was_taught_while_the_journal_failed_is_reported_when_it_does_not(tmp_path_factory, fails):
    path = tmp_path_factory.mktemp("journal") / "j"
    with failing(path) as read, open_journal(model(), path) as written:
        learner, found = Learner(model(), read), []
        written.add("a", embeddings("a", 1), source="test")
        written.append("hide", "low")
        read.fails = list(fails)
        for _ in range(len(fails) + 1):
            try:
                found += learner.catch_up()
            except JournalError:
                written.append("unhide", "low") if len(written.operations()) == 2 else None
        assert reports(found)[:2] == [("a", True), ("low", False)]
        assert len(found) == len(read.operations())
        assert learner.catch_up() == []
        assert_exact(learner)


@pytest.mark.parametrize("reading", [1, 2, 3])
def test_a_listener_s_memory_says_that_it_failed_and_reports_the_label_later(tmp_path, reading):
    now = [0.0]
    with failing(tmp_path / "j") as read, open_journal(model(), tmp_path / "j") as written:
        counters = Counters()
        memory = Memory(Learner(model(), read), read, Notices(lambda: now[0]), counters, lambda: now[0])
        written.add("a", embeddings("a", 1), source="test")
        read.fails = [False] * (reading - 1) + [True]
        (notice,) = memory.catch_up()
        assert isinstance(notice, Notice)
        now[0] += LONGEST_WAIT_S
        assert reports(memory.catch_up()) == [("a", True)]
        assert (counters.learned, counters.journal_failures) == (1, 1)
