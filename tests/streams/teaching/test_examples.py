"""An example that is unlike the others of its class is found, and the picture shows it beside its neighbours."""

import pytest

from streams.listening.learner import Learner, open_journal
from streams.teaching.examples import BESIDE, examples_of
from tests.taught import embeddings, model


@pytest.fixture
def journal(tmp_path):
    with open_journal(model(), tmp_path / "j") as journal:
        yield journal


def taught(journal, **labels):
    for label, seeds in labels.items():
        for seed in seeds:
            journal.add(label, embeddings(label, seed), source="test")
    return Learner(model(), journal)


def test_one_that_the_others_call_otherwise_is_odd(journal):
    taught(journal, bell=range(5))
    wrong = journal.add("bell", embeddings("low", 3), source="a mistake")
    found = examples_of(Learner(model(), journal), "bell")
    (odd,) = [one for one in found.examples if one.odd]
    assert odd.operation.id == wrong.id
    assert odd.why == "the other examples call it 'low'"
    assert found.confused_with == (("low", 1),)


def test_one_that_is_far_off_is_odd_though_it_is_called_right(journal):
    taught(journal, bell=range(5))
    far = journal.add("bell", 2.5 * embeddings("bell", 9), source="louder")
    odd = [
        one.operation.id for one in examples_of(Learner(model(), journal), "bell").examples if "as strange" in one.why
    ]
    assert odd == [far.id]


def test_of_a_class_with_one_example_nothing_is_odd(journal):
    (only,) = examples_of(taught(journal, bell=[1]), "bell").examples
    assert (only.odd, only.left_out.alone) == (False, True)


def test_the_picture_has_the_nearest_other_classes_and_no_more(journal):
    others = {f"other{n}": [0] for n in range(BESIDE + 3)}
    found = examples_of(taught(journal, bell=[0, 1], **others), "bell")
    labels = [point.label for point in found.points]
    assert labels.count("bell") == 2
    assert len(set(labels)) == BESIDE + 1
    assert 0 < found.share <= 1


def test_a_class_that_was_not_taught_here_is_empty(journal):
    found = examples_of(taught(journal, bell=[0]), "low")
    assert (found.examples, found.points, found.share) == ((), (), 1.0)


def test_an_example_that_cannot_be_read_is_odd_and_the_others_are_shown(journal):
    learner = taught(journal, bell=range(3))
    journal._db.execute("DROP TRIGGER embeddings_keep_UPDATE")
    journal._db.execute("UPDATE embeddings SET windows = zeroblob(length(windows)) WHERE operation = 2")
    found = examples_of(learner, "bell")
    assert [one.odd for one in found.examples] == [False, True, False]
    assert "damaged" in found.examples[1].why
    assert len(found.points) == 2
