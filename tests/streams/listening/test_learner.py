"""Whatever is done to a journal, in any order and from several processes at once, each has the batch solution on what
is left."""

import hashlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pace_edge.errors import LearningError
from pace_edge.journal import HeardWindow
from pace_edge.snapshot import snapshot_path
from streams.listening import learner as learner_module
from streams.listening.learner import UNKNOWN, Learner, open_journal
from streams.teaching.change import Changer
from tests.taught import BUILT_IN, assert_exact, embeddings, model

LABELS = st.sampled_from(["a", "b", "low", "background", "high"])
PROCESSES = st.integers(0, 2)


class ManyProcesses(RuleBasedStateMachine):
    """Three open handles on one journal, each with a classifier of its own, and another device with another journal."""

    views = 1

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.changers = [Changer(model(self.views), journal=self.folder / "j") for _ in range(3)]
        self.other = Changer(model(self.views), journal=self.folder / "other")
        self.seed = 0

    def teardown(self):
        for changer in (*self.changers, self.other):
            changer.__exit__()
        shutil.rmtree(self.folder)

    def learn_by(self, changer, label, windows):
        self.seed += 1
        changer._journal.add(label, embeddings(label, self.seed, windows), source="test")

    def said(self, change, *arguments, **options):
        """What a person may ask and cannot have is an error and changes nothing."""
        before = [o.id for o in self.changers[0]._journal.operations()]
        try:
            change(*arguments, **options)
        except LearningError:
            assert [o.id for o in self.changers[0]._journal.operations()] == before

    @rule(process=PROCESSES, label=LABELS, windows=st.integers(1, 3), times=st.sampled_from([1, 1, 1, 30]))
    def learn(self, process, label, windows, times):
        for _ in range(times):
            self.learn_by(self.changers[process], label, windows)

    @rule(process=PROCESSES, label=LABELS, which=st.integers(0, 99))
    def correct(self, process, label, which):
        self.changers[process]._learner.catch_up()
        taught = list(self.changers[process]._learner.state.examples)
        if taught:
            self.said(self.changers[process].correct, label=label, example=taught[which % len(taught)])

    @rule(process=PROCESSES, which=st.integers(0, 9))
    def remove(self, process, which):
        self.changers[process]._learner.catch_up()
        taught = list(self.changers[process]._learner.state.examples)
        if taught:
            self.said(self.changers[process].remove, taught[which % len(taught)])

    @rule(process=PROCESSES, label=LABELS)
    def correct_an_event(self, process, label):
        journal = self.changers[process]._journal
        if not journal.events():
            heard = embeddings("low", 0)
            journal.hear("s", [HeardWindow(float(i), i + 1.0, -20.0, row) for i, row in enumerate(heard)])
            journal.remember_event("s", "e1", "low", start_s=0.0, end_s=9.0, at_unix_s=1.0)
        self.said(self.changers[process].correct, "last", label)

    @rule(process=PROCESSES, steps=st.integers(1, 3))
    def undo(self, process, steps):
        self.said(self.changers[process].undo, steps)

    @rule(process=PROCESSES, label=st.sampled_from(["a", "b", "low", "high", "c"]), purge=st.sampled_from([0, 0, 0, 1]))
    def forget(self, process, label, purge):
        self.said(self.changers[process].forget, label, purge=bool(purge))

    @rule(process=PROCESSES, label=st.sampled_from(["a", "low", "c"]))
    def hide(self, process, label):
        self.said(self.changers[process].hide, label)

    @rule(process=PROCESSES, label=st.sampled_from(["a", "low", "c"]))
    def unhide(self, process, label):
        self.said(self.changers[process].unhide, label)

    @rule(process=PROCESSES, old=st.sampled_from(["a", "b", "low", "high", "c"]), new=st.sampled_from("abc"))
    def rename(self, process, old, new):
        self.said(self.changers[process].rename, old, new)

    @rule(label=LABELS)
    def another_device_learns(self, label):
        self.learn_by(self.other, label, 2)

    @rule(process=PROCESSES)
    def merge(self, process):
        self.changers[process].merge(self.folder / "other")
        once = [o.id for o in self.changers[process]._journal.operations()]
        self.changers[process].merge(self.folder / "other")
        assert [o.id for o in self.changers[process]._journal.operations()] == once

    @rule(process=PROCESSES)
    def another_device_merges(self, process):
        self.other.merge(self.folder / "j")

    @rule(process=PROCESSES)
    def reset(self, process):
        if len(self.changers[0]._journal.operations()) > 30:
            self.changers[process].reset()

    @rule(process=PROCESSES)
    def restart(self, process):
        self.changers[process].__exit__()
        self.changers[process] = Changer(model(self.views), journal=self.folder / "j")

    @rule(process=PROCESSES)
    def be_idle(self, process):
        self.changers[process]._learner.classifier.fold()

    @invariant()
    def every_process_has_the_batch_solution(self):
        for changer in (*self.changers, self.other):
            changer._learner.catch_up()
            assert_exact(changer._learner)


TestManyProcesses = ManyProcesses.TestCase
TestManyProcesses.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)


class ManyProcessesOfTwoViews(ManyProcesses):
    views = 2


TestManyProcessesOfTwoViews = ManyProcessesOfTwoViews.TestCase
TestManyProcessesOfTwoViews.settings = settings(max_examples=4, stateful_step_count=25, deadline=None)


@pytest.fixture
def journal(tmp_path):
    with open_journal(model(), tmp_path / "j") as journal:
        yield journal


def teach(journal, *labels):
    return [journal.add(label, embeddings(label, seed), source="test") for seed, label in enumerate(labels)]


def test_news_are_the_examples_and_the_other_operations_in_their_order(journal):
    learner = Learner(model(), journal)
    first, _ = teach(journal, "a", "b")
    journal.append("correct", "b", target=first.id)
    journal.append("hide", "b")
    assert [(type(one).__name__, one.label) for one in learner.catch_up()] == [
        ("Example", "a"), ("Example", "b"), ("Operation", "b"), ("Operation", "b"),
    ]  # fmt: skip
    assert learner.catch_up() == []


def test_a_hidden_class_keeps_its_sounds_and_is_not_reported(journal):
    learner, sound = Learner(model(), journal), embeddings("low", 1)
    assert learner.best(sound)[0] == "low"
    journal.append("hide", "low")
    learner.catch_up()
    assert learner.best(sound) == (UNKNOWN, 0.0)
    journal.append("unhide", "low")
    learner.catch_up()
    assert learner.best(sound)[0] == "low"


def test_a_damaged_example_is_left_out_by_every_process_and_comes_back_when_it_is_whole(journal, tmp_path):
    teach(journal, "a", "b", "a")
    learner = Learner(model(), journal)
    journal._db.execute("DROP TRIGGER embeddings_keep_UPDATE")
    (whole,) = journal._db.execute("SELECT windows FROM embeddings WHERE operation = 2").fetchone()
    journal._db.execute("UPDATE embeddings SET windows = zeroblob(length(windows)) WHERE operation = 2")
    opened = Learner(model(), journal)
    assert list(opened.state.examples) == [1, 3]
    assert list(journal.damaged) == [2]
    for one in (learner, opened):  # the first has learned it while it was whole, and must go back without it
        journal.append("forget", "b")
        one.catch_up()
        assert list(one.state.examples) == [1, 3]
        assert_exact(one)
    journal._db.execute("UPDATE embeddings SET windows = ? WHERE operation = 2", (whole,))
    for operation in journal.operations():
        if operation.kind == "forget":
            journal.append("undo", target=operation.id)
    opened.catch_up()
    assert list(opened.state.examples) == [1, 2, 3]
    assert_exact(opened)


def test_a_change_that_breaks_off_is_made_up_for(journal, monkeypatch):
    learner = Learner(model(), journal)
    teach(journal, "a", "b", "a", "b")
    real, calls = learner.journal.embeddings, []

    def breaks_off(ids):
        for one in real(ids):
            calls.append(one)
            if len(calls) == 3:
                raise OSError("the card was pulled out")
            yield one

    monkeypatch.setattr(journal, "embeddings", breaks_off)
    monkeypatch.setattr(learner_module, "BATCH", 1)
    with pytest.raises(OSError, match="pulled out"):
        learner.catch_up()
    learner.catch_up()
    assert_exact(learner)


def test_a_classifier_that_went_wrong_heals_at_the_next_label(journal):
    learner = Learner(model(), journal)
    learner.classifier.views[0].W += 1e-5
    teach(journal, "a")
    learner.catch_up()
    learner.classifier.fold()
    assert_exact(learner)


def opened_from_snapshot(journal, monkeypatch, views):
    """A learner that cannot read what the snapshot covers, so that it has it from there."""
    monkeypatch.setattr(type(journal), "embeddings", lambda self, ids: iter(()))
    return Learner(model(views), journal)


@pytest.mark.parametrize("views", [1, 2])
def test_a_snapshot_opens_without_reading_the_examples_again(journal, monkeypatch, views):
    monkeypatch.setattr(learner_module, "SNAPSHOT_FROM", 5)
    teach(journal, *"abab")
    journal.append("forget", "low")
    taught = Learner(model(views), journal)
    assert snapshot_path(journal.path).exists()
    with monkeypatch.context() as patch:
        opened = opened_from_snapshot(journal, patch, views)
        assert opened.state == taught.state
        assert opened.classifier.gamma == taught.classifier.gamma
        assert np.abs(opened.classifier.R - taught.classifier.R).max() < 1e-9
    teach(journal, "b")
    journal.append("rename", "a", new_label="b")
    assert_exact(Learner(model(views), journal))


def test_few_labels_need_no_snapshot(journal):
    teach(journal, *"abab")
    Learner(model(), journal)
    assert not snapshot_path(journal.path).exists()


def flipped(path, journal):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncated(path, journal):
    path.write_bytes(path.read_bytes()[:-100])


def of_a_log_that_was_purged(path, journal):
    kept = path.read_bytes()
    journal.purge("a")
    path.write_bytes(kept)


def of_a_model_that_was_replaced(path, journal):
    path.write_bytes(path.read_bytes().replace(model().sha256.encode(), b"b" * 64))


def of_a_version_that_wrote_labels_in_another_unicode_form(path, journal):
    magic, _, body = path.read_bytes().split(b"\n", 2)
    body = body.replace(b'"low"', b'"lo\\u0308w"')
    path.write_bytes(b"\n".join([magic, hashlib.sha256(body).hexdigest().encode(), body]))


def of_a_version_without_squares(path, journal):
    path.write_bytes(path.read_bytes().replace(b"pace-edge snapshot 3", b"pace-edge snapshot 2"))


HARMS = [
    of_a_version_without_squares, flipped, truncated, of_a_log_that_was_purged, of_a_model_that_was_replaced,
    of_a_version_that_wrote_labels_in_another_unicode_form,
]  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_a_snapshot_that_does_not_fit_is_ignored(journal, monkeypatch, harm):
    monkeypatch.setattr(learner_module, "SNAPSHOT_FROM", 5)
    teach(journal, *"abab")
    Learner(model(), journal)
    harm(snapshot_path(journal.path), journal)
    assert_exact(Learner(model(), journal))


def test_an_R_that_does_not_fit_the_sums_is_solved_again():
    whole = model().classifier
    G, Q, R = whole.G, whole.Q, whole.R.copy()
    R[3, 3] *= 1.01
    restored = type(whole).restored(G, Q, R, whole.counts, whole.labels, whole.gamma)
    assert np.abs(restored.W - whole.W).max() < 1e-8
    assert np.abs(restored.R - whole.R).max() < 1e-8


def test_forgetting_a_built_in_class_leaves_its_examples_as_nameless_negatives(journal):
    learner = Learner(model(), journal)
    G, W = learner.classifier.G.copy(), learner.classifier.W.copy()
    journal.append("forget", "low")
    learner.catch_up()
    assert learner.classifier.labels == ["high", "background"]
    assert np.array_equal(learner.classifier.G, G)
    assert np.abs(learner.classifier.W - W[:, 1:]).max() < 1e-12
    assert BUILT_IN[0] not in {learner.best(embeddings("low", seed))[0] for seed in range(5)}
