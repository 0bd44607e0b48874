"""What else would be announced as a class is said when it is taught: as a listener would do it, by name, in words."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from export import calibrate
from pace_edge.cli import cli
from pace_edge.kept_sample import Sample
from pace_edge.rates import THRESHOLDS
from streams.listening.event_rule import EventRule
from streams.listening.learner import Learner, open_journal
from streams.teaching.confusion import Confusion, confusions, kept_shares, named, one_in, reach
from streams.teaching.effect import survey
from streams.teaching.labels import count_labels
from streams.teaching.teach import Teacher
from tests.synthetic import RATE_HZ, other_sounds, tone, with_sample
from tests.taught import embeddings, model

KEPT = {"violin": 4, "saxophone": 3, "rain": 5, "low": 2}


def keeping(views, *, weighing):
    """A small model that keeps KEPT, each name's windows around a place of its own."""
    plain = model(views)
    names = [name for name, count in KEPT.items() for _ in range(count)]
    rows = np.concatenate([embeddings(name, seed, 1) for seed, name in enumerate(names)])
    read_out = plain.info.read_out
    if weighing:
        read_out = calibrate.weighing(plain.classifier, read_out, restraint=0.5, floor=0.3)
    return replace(plain, info=replace(plain.info, read_out=read_out), sample=Sample(rows, tuple(names)))


@pytest.fixture(params=[(1, False), (2, False), (2, True)], ids=["one view", "two views", "weighing"])
def kept_model(request):
    views, weighing = request.param
    return keeping(views, weighing=weighing)


@pytest.fixture
def journal(kept_model, tmp_path):
    with open_journal(kept_model, tmp_path / "j") as journal:
        yield journal


@pytest.fixture
def learner(kept_model, journal):
    """Taught a cello that sounds like the kept violins, and two other classes."""
    for label, like, count in (("cello", "violin", 3), ("horn", "saxophone", 1), ("drum", "drum", 2)):
        for seed in range(count):
            journal.add(label, embeddings(like, 100 + seed), source="test")
    journal.append("hide", "high")
    return Learner(kept_model, journal)


def begins(learner, rule, row):
    """The classes of which this window would begin an event, as a listener judges."""
    reading, labels = learner.read(row[None]), learner.classifier.labels
    return {
        label for c, label in enumerate(labels)
        if rule.hit(label, float(reading.confidences[c]), wins=c == reading.winner, going_on=False)
    }  # fmt: skip


@pytest.mark.parametrize("beside", [1.0, 1.3])
@pytest.mark.parametrize("threshold", [0.02, 0.1, 0.3, 0.6])
def test_a_window_is_taken_where_a_listener_would_begin_an_event_with_it(kept_model, learner, threshold, beside):
    rule = EventRule(threshold=threshold, background="background", beside=beside, thresholds={"horn": 0.05})
    rule = rule.for_classes(learner.state)
    expected = [begins(learner, rule, row) for row in kept_model.sample.embeddings]
    found = confusions(learner, rule, survey(learner).called, learner.classifier.labels)
    assert found.keys() == {"low", "cello", "horn", "drum"}  # not what is never announced
    for label, one in found.items():
        by_name = {}
        for name, labels in zip(kept_model.sample.names, expected, strict=True):
            if name != label:
                by_name[name] = by_name.get(name, 0) + (label in labels)
        assert {name: count for name, count, _ in one.taken} == {name: n for name, n in by_name.items() if n}
        assert all(of == KEPT[name] for name, _, of in one.taken)
        assert [count for _, count, _ in one.taken] == sorted((count for _, count, _ in one.taken), reverse=True)
        assert one.share == sum(by_name.values()) / one.of
    assert any(one.taken for one in found.values()) or threshold > 0.3


def test_what_cannot_be_announced_may_be_left_out_of_the_work_and_nothing_else_changes(learner):
    labels = ["cello", "horn", "low"]
    whole, part = reach(learner, labels, beside=1.3), reach(learner, labels, beside=1.3, least=0.3)
    assert ((whole >= 0.3) == (part >= 0.3)).all()
    assert np.array_equal(whole[part > 0], part[part > 0])


def test_kept_sounds_of_the_classs_own_name_are_no_others(learner):
    rule = EventRule(threshold=0.02, background="background")
    assert confusions(learner, rule, {}, ["low"])["low"].of == sum(KEPT.values()) - KEPT["low"]


def test_the_share_at_each_threshold_falls_and_is_the_one_that_is_said_at_the_classs_own(learner):
    shares = kept_shares(learner, "cello", THRESHOLDS, beside=1.3)
    assert shares == sorted(shares, reverse=True) and len(shares) == len(THRESHOLDS)
    for i in (4, 14, 40):
        rule = EventRule(threshold=THRESHOLDS[i], background="background")
        assert confusions(learner, rule, {}, ["cello"])["cello"].share == shares[i]
    assert kept_shares(learner, "nobody", THRESHOLDS, beside=1.3) == []


def test_the_sample_is_projected_once(learner):
    assert learner.sample_features() is learner.sample_features()


def test_a_model_that_keeps_nothing_says_nothing_of_other_sounds(tmp_path):
    with open_journal(model(), tmp_path / "j") as journal:
        journal.add("cello", embeddings("violin", 1), source="test")
        learner = Learner(model(), journal)
        found = confusions(learner, EventRule(threshold=0.3), survey(learner).called, ["cello"])["cello"]
        assert (found.of, found.taken, found.share, found.in_words()) == (0, (), 0.0, "")
        assert kept_shares(learner, "cello", THRESHOLDS, beside=1.3) == []
        assert count_labels(learner)[-1].confusion == found


# In words


def test_the_words_name_what_is_taken_and_what_to_do():
    taken = (("violin", 6, 8), ("saxophone", 4, 6), ("flute", 2, 3), ("organ", 1, 3), ("bell", 1, 4))
    words = Confusion("cello", 480, 14 / 480, taken, (("horn", 1, 3),), ("violin",)).in_words()
    assert words == (
        "of 480 other sounds that the model keeps, 14 (about 1 in 34) would be announced as 'cello': violin (6 of 8), "
        "saxophone (4 of 6), flute (2 of 3), organ (1 of 3) and 1 more; of what was taught as something else, also "
        "horn (1 of 3); it cannot be told from violin yet; teach one of these as something else, or two more "
        "recordings of 'cello'"
    )


def test_with_nothing_taken_that_is_said_and_of_one_example_that_a_second_helps():
    assert Confusion("cello", 480, 0.0).in_words() == (
        "none of 480 other sounds that the model keeps would be announced as 'cello'"
    )
    assert Confusion("cello", 480, 0.0, cautious=True).in_words().endswith(
        "'cello'; with one recording it is announced with caution; a second one opens it up"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "none"), (0.002, "about 1 in 500"), (0.05, "about 1 in 20"), (0.35, "about 1 in 3"), (0.72, "about 7 in 10"),
     (1.0, "about 10 in 10")],
)  # fmt: skip
def test_a_share_is_said_as_a_person_says_it(share, words):
    assert one_in(share) == words


def test_few_names_are_all_named():
    assert named((("violin", 6, 8),)) == "violin (6 of 8)"


# Where it is taught


@pytest.fixture
def small(any_model, tmp_path):
    return with_sample(any_model, tmp_path / "keeping.onnx", other_sounds())


def bell(seed):
    return tone(1200 + 10 * seed, 1.5, rng=np.random.default_rng(seed))


def test_a_class_that_cannot_be_told_from_its_family_says_so_and_one_that_can_does_not(small, tmp_path):
    with Teacher(small, journal=tmp_path / "j") as teacher:
        lessons = [teacher.learn("bell", bell(seed), RATE_HZ) for seed in range(3)]
        assert lessons[0].confusion.not_told_from == ()  # of one example nothing can be left out
        assert lessons[2].confusion.not_told_from == ("whistle",)
        assert "'bell': whistle (" in lessons[2].in_words()
        assert "it cannot be told from whistle yet; teach one of these as something else" in lessons[2].in_words()
        other = [teacher.learn("buzz", tone(600 + hz, 1.5, rng=np.random.default_rng(hz)), RATE_HZ) for hz in (0, 5)]
        assert (other[1].confusion.taken, other[1].confusion.not_told_from) == ((), ())
        assert "none of 9 other sounds that the model keeps would be announced as 'buzz'" in other[1].in_words()


def test_what_was_taught_as_something_else_and_sounds_the_same_is_named_too(small, tmp_path):
    with Teacher(small, journal=tmp_path / "j") as teacher:
        for seed in (0, 2, 4):
            teacher.learn("bell", bell(seed), RATE_HZ)
        last = [teacher.learn("chime", bell(seed), RATE_HZ) for seed in (1, 3, 5)][-1]
    ((name, taken, of),) = last.confusion.classes
    assert (name, of) == ("bell", 3) and taken > 0
    assert "of what was taught as something else, also bell (" in last.in_words()


def test_corrections_removals_and_undo_say_it_too_and_what_changes_no_sounds_does_not(small, tmp_path):
    with Teacher(small, journal=tmp_path / "j") as teacher:
        first, second = (teacher.learn("bell", bell(seed), RATE_HZ) for seed in range(2))
        removed = teacher.remove(second.id)
        assert removed.confusion == first.confusion and removed.confusion.in_words() in removed.in_words()
        assert teacher.undo().confusion == second.confusion
        assert teacher.correct(label="chime", example=first.id).confusion.label == "chime"
        assert teacher.rename("chime", "gong").confusion is None
        assert teacher.hide("gong").confusion is None
        assert teacher.unhide("gong").confusion.label == "gong"
        assert teacher.forget("gong").confusion is None


def test_of_what_is_never_announced_nothing_is_said(small, tmp_path):
    with Teacher(small, journal=tmp_path / "j") as teacher:
        assert teacher.learn("background", bell(0), RATE_HZ, force=True).confusion is None


def test_it_is_said_by_the_thresholds_that_are_set_here(small, tmp_path):
    config = tmp_path / "config.toml"
    with Teacher(small, journal=tmp_path / "j", config=config_of(config, "")) as teacher:
        for seed in range(3):
            assert teacher.learn("bell", bell(seed), RATE_HZ).confusion is not None
        config_of(config, "[events]\nhidden = ['bell']\n")
        assert teacher.learn("bell", bell(4), RATE_HZ).confusion is None
        config_of(config, "[events]\nthreshold = 0.01\nbeside = 1.0\n")
        low = teacher.learn("bell", bell(5), RATE_HZ).confusion
        rule = EventRule(threshold=0.01, beside=1.0)
        assert low.taken == confusions(teacher.learner, rule, {}, ["bell"])["bell"].taken
        config_of(config, "[events]\nthreshold = 7\n")  # stops no lesson
        assert teacher.learn("bell", bell(3), RATE_HZ).confusion.taken
        assert sum(label == "bell" for label in teacher.learner.state.examples.values()) == 6


def config_of(path, text):
    path.write_text(text)
    return path


def test_learn_and_labels_print_it_and_give_it_as_json(small, tmp_path):
    with Teacher(small, journal=tmp_path / "j") as teacher:
        for seed in (1, 2):
            teacher.learn("bell", bell(seed), RATE_HZ)
    soundfile.write(tmp_path / "bell.wav", bell(0), RATE_HZ)
    where = ["--model", str(small), "--journal", str(tmp_path / "j")]
    done = CliRunner().invoke(cli, ["learn", "--label", "bell", "--file", str(tmp_path / "bell.wav"), *where, "--json"])
    assert "of 9 other sounds that the model keeps, " in done.stderr
    said = json.loads(done.stdout)["confusion"]
    assert said["label"] == "bell" and said["taken"][0][0] == "whistle"
    table = CliRunner().invoke(cli, ["labels", *where]).stdout
    assert "others" in table.splitlines()[0]
    taken = said["taken"][0][1]
    (row,) = [line for line in table.splitlines() if line.startswith("bell ")]
    assert f"  {taken}/9" in row and f"also announced: whistle ({taken} of 4)" in row
    listed = json.loads(CliRunner().invoke(cli, ["labels", *where, "--json"]).stdout)
    assert {one["label"]: one["confusion"] for one in listed}["bell"] == said


def test_a_table_of_classes_of_a_model_that_keeps_nothing_has_no_column_for_it(small_model, tmp_path):
    table = CliRunner().invoke(cli, ["labels", "--model", str(small_model), "--journal", str(tmp_path / "j")]).stdout
    assert "others" not in table
