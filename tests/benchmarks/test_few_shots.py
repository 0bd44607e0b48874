"""The benchmark's own arithmetic is what its docstrings say. Skipped where the `bench` extra is not installed."""

from pathlib import Path

import numpy as np
import pytest

from pace_edge.adapt.data import Clip
from pace_edge.adapt.starter import starter_projection
from pace_edge.adapt.whitening import second_moment

pytest.importorskip("sklearn")

from benchmarks.features import StarterFeatures
from benchmarks.heard import Heard
from benchmarks.open_set import measured
from benchmarks.opponents import OPPONENTS, rotated
from benchmarks.shots_data import NOISES, SPEAKERS, WORDS, few_of_each, made_of


def heard(labels, folds, seed=0, D=12):
    rng = np.random.default_rng(seed)
    return Heard(np.array(labels), np.array(folds), [rng.standard_normal((1 + i % 3, D)) for i in range(len(labels))])


def test_the_starter_s_projection_is_made_again_without_what_is_tested():
    made_of = heard([*"aabbcc", "speech", "speech"] * 3, np.repeat([1, 2, 3], 8))
    views = [slice(0, 8), slice(8, None)]
    features = StarterFeatures(made_of, views)
    kept = [i for i in range(24) if made_of.folds[i] != 2 and made_of.labels[i] not in ("b", "speech")]
    moment = second_moment([made_of.windows[i] for i in kept], made_of.labels[kept].tolist())
    expected = starter_projection(moment, views=views)
    left_out = features.without({2}, {"b", "unknown"})
    assert np.abs(left_out.steps.astype(int) - expected.steps).max() <= 1
    assert np.abs(left_out.steps.astype(int) - features.without().steps).max() > 5
    assert features.without({2}, {"b", "unknown"}) is left_out


def test_a_starter_that_is_tested_on_speakers_is_made_without_their_words(tmp_path):
    folder = tmp_path / WORDS
    folder.mkdir()
    words = [("anna", 1), ("bert", 1), ("cleo", 2), ("anna", 2)]
    rows = [f"{who}_{i}.wav,yes,{fold},{who}" for i, (who, fold) in enumerate(words)]
    (folder / "labels.csv").write_text("\n".join(["path,label,fold,group", *rows]))
    (folder / SPEAKERS).write_text("path,label,fold,group\nanna_9.wav,spk_anna,1,no")
    for name in ["anna_9.wav", *(row.split(",")[0] for row in rows)]:
        (folder / name).touch()
    rooms = heard(["yes", "yes", *NOISES * ["background"]] * 2, np.repeat([1, 2], 2 + NOISES))
    sets = {"sounds": heard(["rain"], [1]), "rooms": rooms}
    left = made_of("speakers50", tmp_path, sets)
    assert [w.tolist() for w in left.windows] == [
        w.tolist()
        for w in [*sets["sounds"].windows, *(w for i, w in enumerate(rooms.windows) if i not in (0, 3 + NOISES))]
    ]
    assert len(made_of("digits", tmp_path, sets).labels) == len(rooms.labels) + 1


def test_a_linear_opponent_is_the_same_in_the_space_of_its_training_clips():
    rng = np.random.default_rng(1)
    train, test = rng.standard_normal((12, 40)), rng.standard_normal((5, 40))
    labels = np.repeat(["a", "b", "c"], 4)
    short_train, short_test = rotated(train, test)
    assert short_train.shape[1] <= 12
    assert short_test @ short_train.T == pytest.approx(test @ train.T)
    model = OPPONENTS["logistic regression"].make(0.1).set_params(tol=1e-8)
    whole = model.fit(train, labels).decision_function(test)
    assert model.fit(short_train, labels).decision_function(short_test) == pytest.approx(whole, abs=1e-4)


def test_clips_are_chosen_by_their_names_and_not_by_their_order():
    clips = [Clip(Path(f"{i}.wav"), "ab"[i % 2], 1 + i % 3, "") for i in range(60)]
    chosen = few_of_each(clips, 4)
    assert len(chosen) == 2 * 3 * 4
    assert set(few_of_each(clips[::-1], 4)) == set(chosen)
    assert [clip for clip in clips if clip in chosen] == chosen


def test_an_unknown_sound_that_is_called_background_is_never_announced():
    known = (np.array(["dog"] * 20), np.linspace(0.5, 1.0, 20))
    loud, truth = np.full(4, 2.0), known[0]
    auroc, an_hour, threshold = measured(known, truth, (np.array(["background"] * 4), loud), ("background",))
    assert (auroc, an_hour) == (1.0, 0.0)
    assert measured(known, truth, (np.array(["dog"] * 4), loud), ("background",))[:2] == (0.0, 7200.0)
    assert (known[1] < threshold).mean() == pytest.approx(0.05)
