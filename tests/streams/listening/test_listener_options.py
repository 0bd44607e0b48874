"""What can be set about a listener does what it says, and what cannot be set is refused."""

from dataclasses import replace

import numpy as np
import pytest

from pace_edge.errors import UsageError
from pace_edge.model_file import read_model
from streams.heard import Event, Notice, Window
from streams.listening.learner import open_journal
from streams.listening.listen import listen
from streams.listening.listener import Listener
from streams.listening.options import Options
from tests.streams.arrays import Arrays
from tests.synthetic import RATE_HZ, hiss, tone, with_info


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def only(kind, heard):
    return [h for h in heard if isinstance(h, kind)]


def events(model, samples, chunk=1600, **options):
    heard = listen(model, Arrays(samples, chunk), options=Options(**options), events_only=True)
    return [(e.label, e.state) for e in heard]


def test_any_hop_gives_windows_that_far_apart(small_model, rng):
    for hop_s in (0.1, 0.75, 2.5):  # 2.5 s leaves sound between windows out
        heard = listen(small_model, Arrays(hiss(6, rng=rng)), options=Options(hop_s=hop_s))
        windows = only(Window, heard)
        starts = [w.start_s for w in windows]
        assert starts == pytest.approx([i * hop_s for i in range(len(starts))])
        assert 6 - hop_s < windows[-1].end_s <= 6


def test_gain_comes_before_everything(small_model, rng):
    quiet = tone(300, 3, rng=rng) / 100
    window = only(Window, listen(small_model, Arrays(quiet)))[0]
    louder = only(Window, listen(small_model, Arrays(quiet), options=Options(gain_db=40)))[0]
    assert louder.level_dbfs == pytest.approx(window.level_dbfs + 40, abs=0.01)
    assert louder.label == "low"


def test_gain_and_rule_are_adjusted_from_the_next_chunk_on_for_every_stream(small_model, rng):
    model, sound = read_model(small_model), tone(300, 3, rng=rng)
    with open_journal(model) as journal:
        listener = Listener(model, journal, Options(thresholds={"low": 1.0}))
        before = [h for source in "ab" for h in listener.feed(sound, source=source)]
        assert not only(Event, before)
        listener.adjust(replace(listener.options, thresholds={"low": 0.3}, gain_db=-6.0, hidden=frozenset({"high"})))
        after = [h for source in "ab" for h in listener.feed(sound, source=source)]
    assert [(event.source, event.label) for event in only(Event, after)] == [("a", "low"), ("b", "low")]
    assert only(Window, after)[-1].level_dbfs == pytest.approx(only(Window, before)[-1].level_dbfs - 6, abs=0.1)
    assert "'high' are never announced" in listener.in_words()


def test_an_adjustment_outlives_a_new_model(small_model, tmp_path, rng):
    with open_journal(read_model(small_model)) as journal, Listener(read_model(small_model), journal) as listener:
        listener.adjust(replace(listener.options, thresholds={"low": 1.0}))
        listener.swap(with_info(small_model, tmp_path / "other.onnx", name="other"))
        assert not only(Event, list(listener.feed(tone(300, 4, rng=rng))))


def test_a_window_has_the_scores_of_all_classes_but_hidden_ones(small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        window = only(Window, listener.feed(tone(300, 2, rng=rng)))[0]
        assert window.scores["low"] == window.score
        journal.append("hide", "low")
        window = only(Window, listener.feed(tone(300, 2, rng=rng)))[-1]
        assert "low" not in window.scores


def test_clipped_sound_is_counted_and_said_once(small_model, rng):
    heard = list(listen(small_model, Arrays(tone(300, 5, rng=rng, level=2.0).clip(-1, 1))))
    assert all(0.6 < w.clipped < 0.7 for w in only(Window, heard))  # two thirds of a sine of twice the height
    (notice,) = only(Notice, heard)
    assert (notice.kind, notice.source) == ("clipping", "arrays")
    assert "% of the sound is at full scale" in notice.words
    assert not [w for w in only(Window, listen(small_model, Arrays(tone(300, 2, rng=rng)))) if w.clipped]


def test_behind_a_gate_the_same_is_announced_and_the_model_hears_only_what_is_loud(small_model, rng):
    quiet = hiss(20, rng=rng) / 10
    sound = np.concatenate([quiet, tone(300, 3, rng=rng), quiet, tone(2500, 0.3, rng=rng), quiet])
    model = read_model(small_model)
    with open_journal(model) as journal:
        plain = list(Listener(model, journal).run(Arrays(sound)))
        listener = Listener(model, journal, Options(gate_dbfs=-40))
        gated = list(listener.run(Arrays(sound)))
    told = [[(e.label, e.state, e.start_s, e.end_s) for e in only(Event, heard)] for heard in (plain, gated)]
    assert told[0] == told[1] != []
    windows = only(Window, gated)
    assert len(windows) == listener.counters.windows == len(only(Window, plain))
    unheard = [w for w in windows if (w.label, w.score, w.top) == ("background", 0.0, ())]
    assert len(windows) - 14 <= listener.counters.gated <= len(unheard)


def test_a_threshold_can_be_given_for_all_and_for_one(small_model, rng):
    sound = np.concatenate([tone(300, 3, rng=rng), hiss(3, rng=rng), tone(2500, 3, rng=rng)])
    assert events(small_model, sound, threshold=1.0) == []
    assert events(small_model, sound, thresholds={"low": 1.0}) == [("high", "start"), ("high", "end")]
    assert events(small_model, sound, hidden=frozenset({"high"})) == [("low", "start"), ("low", "end")]


def test_a_loud_strange_sound_is_unknown_and_announced_only_when_asked(small_model, rng):
    quiet = hiss(2, rng=rng) / 10
    strange = np.concatenate([quiet, tone(900, 4, rng=rng), quiet])
    windows = only(Window, listen(small_model, Arrays(strange)))
    unknown = [w for w in windows if w.label == "unknown"]
    assert {2.0 + 0.5 * i for i in range(7)} <= {w.start_s for w in unknown} <= {1.5 + 0.5 * i for i in range(9)}
    assert all(w.level_dbfs > -20 and w.score > 0.5 for w in unknown)
    assert events(small_model, strange) == []
    assert events(small_model, strange, unknown=True) == [("unknown", "start"), ("unknown", "end")]
    assert events(small_model, strange, unknown=True, hidden=frozenset({"unknown"})) == []


def test_events_do_not_depend_on_the_chunks(small_model, rng):
    sound = np.concatenate([hiss(1, rng=rng), tone(300, 2, rng=rng), tone(2500, 2, rng=rng), hiss(3, rng=rng)])
    for options in ({}, {"hop_s": 0.2}, {"gate_dbfs": -35.0}):
        by_chunk = []
        for chunk in (333, 8000, len(sound)):
            heard = listen(small_model, Arrays(sound, chunk), options=Options(**options), events_only=True)
            by_chunk.append([(e.state, e.label, e.start_s, e.end_s, e.id.partition("-")[2]) for e in heard])
        assert by_chunk[0] == by_chunk[1] == by_chunk[2] != []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"hop_s": 0.0}, "hop_s cannot be 0.0: expected 0.02 to 60 s"),
        ({"gain_db": 100.0}, "gain_db cannot be 100.0: expected -60 to 60 dB"),
        ({"gate_dbfs": 3.0}, "gate_dbfs cannot be 3.0: expected -120 to 0 dB"),
        ({"speech": "sometimes"}, "speech cannot be sometimes: expected any, only or never"),
        ({"provider": "tpu"}, "provider cannot be tpu: expected auto, cpu or cuda"),
        ({"threads": 0}, "threads cannot be 0"),
        ({"threshold": 1.5}, "threshold cannot be 1.5"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(UsageError, match=words):
        Options(**wrong)


def test_what_the_settings_amount_to_is_said(small_model):
    model = read_model(small_model)
    with open_journal(model) as journal:
        options = Options(gain_db=6, gate_dbfs=-50, speech="never", hop_s=0.25, provider="cpu", threads=2)
        words = Listener(model, journal, options).in_words()
        plain = Listener(model, journal, replace(Options(), provider="cpu")).in_words()
    assert words.startswith(
        "hears 1 s every 0.25 s, +6 dB, where any 0.1 s of it reaches -50 dBFS, while nobody speaks, running on CPU "
        "with 2 threads; a sound is announced after 2 windows (0.5 s)"
    )
    assert plain.startswith("hears 1 s every 0.5 s, running on CPU with 1 thread; a sound")


def test_counters_count(small_model, rng):
    model = read_model(small_model)
    with open_journal(model) as journal:
        listener = Listener(model, journal)
        heard = list(listener.run(Arrays(tone(300, 4, rng=rng))))
    counters = listener.counters
    assert counters.sound_s == pytest.approx(4.0)
    assert counters.windows == len(only(Window, heard)) == 7
    assert counters.events == 1
    assert counters.inference_s > 0
    assert counters.latency_s > 0
    assert listener.rate_hz == RATE_HZ
