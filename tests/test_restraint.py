"""Each class weighs the views by what they know of it, and gets the bar that it deserves: from sums alone, exactly."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.calibrate import calibrated, weighing
from pace_edge.analytic import FEWEST, AnalyticClassifier
from pace_edge.model_file import ModelInfo, read_model
from pace_edge.readout import LEAST, NOTHING, ReadOut

M = 16
FLOOR = 0.2
TODAY = ReadOut(power=0.65, reference=40.0, own_share=1 / 3, leverage_weight=0.1, leverage_median=0.3)
GAMMA = (0.5, 0.8)


def read_out(views, **more):
    said = {"gains": (0.06, 0.04), "spreads": (0.02, 0.03), "leverage_median": (0.3, 0.2)}
    each = {name: value[:views] for name, value in said.items()}
    return replace(TODAY, **{**each, "restraint": 0.7, "floor": FLOOR, **more})


def clip(label, seed, views=2, n_windows=2):
    """Around the label's own place; a word (lower case) has nothing in a second view, a voice has."""
    centre = 2.0 * np.random.default_rng(sum(label.encode())).standard_normal(views * M)
    rows = centre + 0.7 * np.random.default_rng([seed, sum(label.encode())]).standard_normal((n_windows, views * M))
    if label.islower():
        rows[:, M:] = 0.0
    return np.maximum(rows, 0.0)


def taught(labels, views=2):
    """One clip for each of `labels`, in their order: (classifier, [(phi, label)])."""
    examples = [(clip(label, seed, views), label) for seed, label in enumerate(labels)]
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA[:views], views=views)
    classifier.learn_all(examples)
    return classifier, examples


def by_hand(read_out, classifier, examples):
    """weights [V, C], own [C], expected [C] and bars [C], by their formulas, from the examples themselves."""
    V, C = len(classifier.views), len(classifier.labels)
    weights, owns, expecteds, bars = np.zeros((V, C)), np.zeros(C), np.zeros(C), np.zeros(C)
    for c, label in enumerate(classifier.labels):
        mine = [phi for phi, name in examples if name == label]
        n, own, expected = len(mine), np.zeros(V), np.zeros(V)
        for v, view in enumerate(classifier.views):
            means = np.array([phi.mean(0)[v * M : (v + 1) * M] for phi in mine])
            own[v] = np.mean(means @ view.W[:, c])
            deviation = np.mean(((means - means.mean(0)) ** 2).sum(1))
            expected[v] = max(own[v] - (n * read_out.gains[v] * deviation + read_out.spreads[v]) / n, LEAST)
        worth = expected**2 * (own > NOTHING)
        share = worth / worth.sum()
        share[share < 0.02] = 0.0
        weights[:, c] = share / share.sum()
        owns[c], expecteds[c] = weights[:, c] @ own, weights[:, c] @ expected
        calibrated = expecteds[c] * (read_out.reference / n) ** read_out.power
        s = read_out.own_share
        few = max(1 - n / read_out.reference, 0)
        bars[c] = max(read_out.floor, read_out.restraint * few * calibrated ** (1 - s) * (expecteds[c] / owns[c]) ** s)
    return weights, owns, expecteds, bars


names = st.lists(st.sampled_from("abABC"), min_size=1, max_size=14)


@pytest.mark.parametrize("views", [1, 2])
@settings(deadline=None, max_examples=40)
@given(names)
def test_weights_and_bars_are_what_the_examples_themselves_say(views, labels):
    classifier, examples = taught(labels, views)
    at, expected = read_out(views).standing(classifier), by_hand(read_out(views), classifier, examples)
    for ours, theirs in zip((at.weights, at.own, at.expected, at.bars), expected, strict=True):
        assert np.abs(ours - theirs).max() < 1e-8
    assert np.allclose(at.weights.sum(0), 1.0)


def of_before(classifier, phi):
    """Winner, confidences and strangeness as this read-out was before there were views to weigh and bars."""
    plain, counts, own = classifier.plain_scores(phi).mean(0), classifier.counts, classifier.own_scores()
    calibrated = plain * (TODAY.reference / np.maximum(counts, FEWEST)) ** TODAY.power
    likeness = np.maximum(plain, 0.0) / np.maximum(own, FEWEST)
    strangeness = float(classifier.leverage(phi).mean()) / TODAY.leverage_median
    evidence = np.maximum(calibrated, 0.0) ** (1 - TODAY.own_share) * likeness**TODAY.own_share
    return int(calibrated.argmax()), np.clip(evidence - TODAY.leverage_weight * strangeness, 0.0, 1.0), strangeness


@pytest.mark.parametrize("views", [1, 2])
@settings(deadline=None, max_examples=40)
@given(names, st.integers(0, 99), st.integers(1, 5))
def test_without_restraint_everything_is_as_it_was_bit_for_bit(views, labels, seed, n_windows):
    classifier, _ = taught(labels, views)
    phi = clip(labels[0], seed, views, n_windows)
    winner, confidences, strangeness = of_before(classifier, phi)
    reading = TODAY.read(classifier, phi)
    assert (reading.winner, reading.strangeness) == (winner, pytest.approx(strangeness, rel=1e-15))
    if views == 1:
        assert reading.strangeness == strangeness
        assert np.array_equal(reading.confidences, confidences)
        scores = classifier.plain_scores(phi) * TODAY.class_scale(classifier.counts)
        assert np.array_equal(TODAY.scores(classifier, phi), scores)
    assert np.abs(reading.confidences - confidences).max() < 1e-12


def test_a_restraint_without_sums_or_without_a_threshold_restrains_nothing():
    classifier, examples = taught("aabb", 1)
    classifier.fold()
    old = AnalyticClassifier(classifier.G, classifier.Q, classifier.counts, classifier.labels, GAMMA[:1])
    for ours, given_to in (
        (read_out(1), old), (read_out(1, floor=0.0), classifier), (read_out(1, gains=(), spreads=()), classifier)
    ):  # fmt: skip
        for phi, _ in examples:
            read, before = ours.read(given_to, phi), replace(TODAY, leverage_median=(0.3,)).read(given_to, phi)
            assert np.allclose(read.confidences, before.confidences, atol=1e-9)
            assert read.winner == before.winner


@pytest.mark.parametrize("views", [1, 2])
def test_a_confidence_reaches_the_threshold_exactly_where_the_evidence_reaches_the_bar(views):
    classifier, _ = taught("aaaaabbA", views)
    ours, at = read_out(views, leverage_weight=0.0), read_out(views).standing(classifier)
    direction = clip("a", 50, views)
    c = classifier.labels.index("a")
    bar = ours.score_bars(classifier)[c]
    per_unit = ours.scores(classifier, direction).mean(0)[c]
    for part in (0.9, 1.0, 1.1):
        reading = ours.read(classifier, part * bar / per_unit * direction)
        assert reading.confidences[c] == pytest.approx(min(part * FLOOR, 1.0))
    assert at.bars[c] > FLOOR  # else this would prove nothing


def test_a_class_that_is_expected_to_be_clear_has_a_higher_bar_and_which_class_wins_does_not_change():
    classifier, examples = taught("aaaaabbbbA")
    ours, free = read_out(2), read_out(2, restraint=0.0)
    for phi, _ in examples:
        restrained, unrestrained = ours.read(classifier, phi), free.read(classifier, phi)
        assert restrained.winner == unrestrained.winner
        assert restrained.strangeness == unrestrained.strangeness
        assert (restrained.confidences <= unrestrained.confidences).all()
    assert (ours.standing(classifier).bars >= FLOOR).all()
    assert ours.standing(classifier).bars.max() > FLOOR


changes = st.lists(st.tuples(st.sampled_from(["learn", "correct"]), st.sampled_from("aAB"), st.integers(20, 29)))


@settings(deadline=None, max_examples=40)
@given(changes)
def test_what_is_taken_back_leaves_every_bar_and_weight_as_it_was(sequence):
    classifier, _ = taught("aaabbA")
    before, done = read_out(2).standing(classifier), []
    for action, label, seed in sequence:
        if action == "learn":
            classifier.learn(clip(label, seed), label)
        else:
            classifier.relabel(clip("a", 0), "a", "b")
            classifier.relabel(clip("a", 0), "b", "a")
            continue
        done.append((label, seed))
        read_out(2).standing(classifier)
    for label, seed in done:
        classifier.unlearn(clip(label, seed), label)
    classifier.arrange(["a", "b", "A"])
    after = read_out(2).standing(classifier)
    for name in ("weights", "own", "expected", "bars", "ease"):
        assert np.abs(getattr(after, name) - getattr(before, name)).max() < 1e-8


def test_every_label_changes_the_bars_at_once():
    classifier, _ = taught("ab")
    before = read_out(2).standing(classifier).bars
    classifier.learn(clip("a", 5), "a")
    assert read_out(2).standing(classifier).bars[0] != before[0]


def test_a_word_has_nothing_in_the_voices_view_which_is_used_only_while_a_voice_is_known():
    classifier, _ = taught("aabbb")
    assert np.array_equal(read_out(2).standing(classifier).weights, [[1.0, 1.0], [0.0, 0.0]])
    assert [read_out(2).uses_view(classifier, v) for v in (0, 1)] == [True, False]
    classifier.learn(clip("A", 0), "A")
    assert read_out(2).uses_view(classifier, 1)
    assert read_out(2).standing(classifier).weights[1, 2] > 0.02
    classifier.unlearn(clip("A", 0), "A")
    assert not read_out(2).uses_view(classifier, 1)
    assert TODAY.uses_view(classifier, 1)  # where nothing is weighed every view counts


def test_what_a_class_does_not_look_at_changes_nothing_of_its_score_or_its_strangeness():
    classifier, _ = taught("aabbbA")
    phi = clip("a", 50)
    spoken = phi.copy()
    spoken[:, M:] = clip("A", 50)[:, M:]
    without, with_voice = (read_out(2).read(classifier, each) for each in (phi, spoken))
    assert with_voice.confidences[0] == without.confidences[0]
    assert read_out(2).scores(classifier, phi)[0, 2] != read_out(2).scores(classifier, spoken)[0, 2]
    words, _ = taught("aabbb")
    assert read_out(2).read(words, phi).strangeness == read_out(2).read(words, spoken).strangeness


def test_strangeness_is_the_winner_s():
    classifier, _ = taught("aabbbA")
    for label in "aA":
        phi = clip(label, 60)
        reading, at = read_out(2).read(classifier, phi), read_out(2).standing(classifier)
        times = classifier.view_leverages(phi).mean(1) / (0.3, 0.2)
        assert classifier.labels[reading.winner] == label
        assert reading.strangeness == pytest.approx(at.weights[:, reading.winner] @ times)


@pytest.mark.parametrize("restraint", [0.0, 0.7])
def test_classes_without_examples_and_none_at_all_are_read(restraint):
    ours = read_out(2, restraint=restraint)
    classifier = AnalyticClassifier.empty(M, gamma=GAMMA, views=2)
    assert ours.read(classifier, clip("a", 0)).winner is None
    assert ours.best(classifier, clip("a", 0)) == ("unknown", 0.0)
    assert not ours.uses_view(classifier, 1)
    classifier.learn(clip("A", 0), "A")
    classifier.add_class("empty")
    reading = ours.read(classifier, clip("A", 1))
    assert reading.winner == 0
    assert reading.confidences[1] == 0.0
    assert np.isfinite(ours.score_bars(classifier)).all()


def test_a_read_out_is_written_as_json_and_an_older_one_is_as_it_was(weighing_model, small_model):
    info = read_model(weighing_model).info
    assert info.read_out.restraint == 0.5
    assert ModelInfo.from_metadata(info.to_metadata()) == info
    assert ReadOut(**json.loads(json.dumps(read_out(2).said()))) == read_out(2)
    old = read_model(small_model).info.read_out
    assert (old.gains, old.spreads, old.restraint, old.floor) == ((), (), 0.0, 0.0)


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("views", [1, 2])
def test_what_is_expected_of_a_class_is_what_recordings_score_that_were_not_taught(views, n):
    rng, width = np.random.default_rng(n), 96
    centres = rng.standard_normal((12, views * width))

    def clips_of(c, count):
        return np.maximum(centres[c] + 1.5 * rng.standard_normal((count, views * width)), 0.0)

    classifier = AnalyticClassifier.empty(width, gamma=[40.0, 60.0][:views], views=views)
    classifier.learn_all([(phi, str(c)) for c in range(12) for phi in clips_of(c, n)])
    at = weighing(classifier, TODAY, restraint=0.5, floor=FLOOR).standing(classifier)
    unseen = [(at.weights[:, c] * classifier.view_scores(clips_of(c, 200)).mean(1)[:, c]).sum() for c in range(12)]
    assert np.mean(np.abs(at.expected - unseen)) < 0.3 * np.mean(np.abs(at.own - unseen))


def test_the_threshold_that_is_measured_becomes_the_floor_and_does_not_depend_on_restraint():
    classifier, _ = taught("abAB" * 8)
    phi = np.concatenate([clip(label, seed, n_windows=1) for seed in range(50, 60) for label in "abAB"])
    threshold, found = calibrated(classifier, phi, list("abAB" * 10), read_out(2, floor=0.01))
    assert (found.floor, found.restraint) == (threshold, 0.7)
    assert threshold == calibrated(classifier, phi, list("abAB" * 10), read_out(2, restraint=0.0))[0]
    spoken = classifier.view_leverages(phi)[1]
    assert found.leverage_median[1] == np.median(spoken[spoken > 0])  # half of the windows have nothing there
