"""The benchmark of restraint: its draws, its mixtures, and what it counts."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from benchmarks.kept_encoder import KeptEncoder
from benchmarks.matching import Announced, Played
from benchmarks.restraint import TIMES, Bench, Row, auroc, chosen, listen, table, wrong_seconds
from benchmarks.restraint_sound import (
    CLEAR_S,
    LONGEST_S,
    Bed,
    Family,
    TimeLine,
    audible,
    draw,
    mixture,
    random,
    read_bed,
    read_families,
    stream,
)  # fmt: skip
from pace_edge.errors import UsageError
from pace_edge.model_file import read_model
from streams.heard import Event, Window
from streams.listening.classify import ears_for
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from tests import synthetic

RATE_HZ = 16000


def tone(hz, seconds=1.0, level=0.2):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def family(classes=3, clips=8):
    return Family("tones", {f"c{c}": [tone(200 + 300 * c + 7 * i) for i in range(clips)] for c in range(classes)})


def test_auroc_is_the_chance_that_an_own_score_is_above_anothers():
    assert auroc([3, 4], [1, 2]) == 1 and auroc([1], [2]) == 0
    assert auroc([1, 1], [1]) == 0.5 and auroc([2, 1], [1.5]) == 0.5


def test_seconds_count_as_wrong_away_from_where_the_sound_was():
    stretches = [("it", 10.0, 13.0), ("it", 12.0, 14.0), ("other", 20.0, 30.0), ("it", 50.0, 51.0)]
    assert wrong_seconds(stretches, "it", (), 2.0) == pytest.approx(5.0)
    assert wrong_seconds(stretches, "it", [Played("it", 49.0, 52.0)], 2.0) == pytest.approx(4.0)
    assert wrong_seconds(stretches, "it", [Played("it", 5.0, 9.0)], 2.0) == pytest.approx(4.0)  # from 11.0 on
    assert wrong_seconds([], "it", (), 2.0) == 0


def test_taught_clips_are_never_among_those_left():
    drawn = draw(family(), "c1", 5, seed=0)
    assert len(drawn.taught) == 5 and len(drawn.left) == 3
    assert not {id(clip) for clip in drawn.taught} & {id(clip) for clip in drawn.left}
    again, other = draw(family(), "c1", 5, seed=0), draw(family(), "c1", 5, seed=1)
    assert all((a == b).all() for a, b in zip(drawn.taught, again.taught, strict=True))
    assert not all((a == b).all() for a, b in zip(drawn.taught, other.taught, strict=True))


@pytest.mark.parametrize("clips", [3, 10, 14])
def test_a_mixture_holds_a_taught_class_ten_times_with_pauses(clips):
    true = {"a": [tone(300)] * clips, "b": [tone(400)] * clips}
    made = mixture(
        true, [("c", tone(500)), ("d", tone(600))], Bed(RATE_HZ), times=TIMES, others=9, seconds=120.0,
        rng=random(0, "x"),
    )  # fmt: skip
    labels = [sound.label for sound in made.played]
    assert labels.count("a") == labels.count("b") == TIMES and len(labels) == 2 * TIMES + 9
    assert len(made.samples) == 120 * RATE_HZ and np.abs(made.samples).max() <= 1
    assert all(b.start_s - a.end_s >= CLEAR_S - 0.01 for a, b in pairwise(made.played))
    assert made.played[-1].end_s <= 120 - CLEAR_S + 0.01


def test_a_mixture_plays_every_clip_that_is_left_before_one_comes_again():
    true = {"a": [tone(300, 0.2 + 0.1 * i) for i in range(10)]}
    made = mixture(true, [], Bed(RATE_HZ), times=10, others=30, seconds=60.0, rng=random(1, "x"))
    lengths = {round(one.end_s - one.start_s, 2) for one in made.played}
    assert len(made.played) == len(lengths) == 10


def test_a_mixture_that_is_too_short_says_so():
    with pytest.raises(UsageError, match="do not fit into a mixture of 5 s"):
        mixture({"a": [tone(300)]}, [], Bed(RATE_HZ), times=10, others=0, seconds=5.0, rng=random(0, "x"))


def test_what_is_played_is_where_the_time_line_says():
    made = stream([("a", tone(300)), ("b", tone(900))], Bed(RATE_HZ), seconds=60.0, rng=random(0, "x"))
    loud = np.sqrt(np.convolve(made.samples**2, np.ones(800) / 800, "same")) > 0.01
    for sound in made.played:
        middle = round((sound.start_s + sound.end_s) / 2 * RATE_HZ)
        assert loud[middle] and not loud[round((sound.start_s - 0.15) * RATE_HZ)]
    assert {sound.label for sound in made.played} == {"a", "b"}


def test_a_stream_ends_when_its_time_is_over():
    made = stream([("a", tone(300))] * 100, Bed(RATE_HZ), seconds=10.0, rng=random(0, "x"))
    assert len(made.samples) <= 10 * RATE_HZ + 2 * RATE_HZ and 3 <= len(made.played) < 10


def test_no_clip_is_clipped_or_longer_than_it_may_be():
    sharp = np.zeros(RATE_HZ * 10, np.float32)
    sharp[100] = 1.0
    played = audible(sharp, RATE_HZ, rng=random(0, "x"))
    assert len(played) == LONGEST_S * RATE_HZ and np.abs(played).max() <= 0.951


def test_a_bed_is_as_long_as_asked_whatever_the_recordings_are():
    bed = Bed(RATE_HZ, (tone(100), tone(50, 2.5)))
    for made in (bed.under(7 * RATE_HZ + 3, rng=random(0)), bed.alone(7 * RATE_HZ + 3, rng=random(0))):
        assert len(made) == 7 * RATE_HZ + 3
    assert len(Bed(RATE_HZ).alone(100, rng=random(0))) == 0


def written(folder, sets):
    for name, made in sets.items():
        for label, clips in made.clips.items():
            (folder / name / label).mkdir(parents=True)
            for i, clip in enumerate(clips):
                soundfile.write(folder / name / label / f"{i}.wav", clip, RATE_HZ)
    return folder


def test_sets_are_read_from_folders(tmp_path):
    (family_read,) = read_families(written(tmp_path, {"tones": family()}), RATE_HZ, most=5)
    assert family_read.name == "tones" and [len(clips) for clips in family_read.clips.values()] == [5, 5, 5]


@pytest.mark.parametrize("read", [lambda folder: read_families(folder, RATE_HZ, most=1),
                                  lambda folder: read_bed(folder, RATE_HZ)])  # fmt: skip
def test_a_folder_without_sound_is_no_set(read, tmp_path):
    with pytest.raises(UsageError, match="holds no"):
        read(tmp_path)


def test_the_table_names_the_class_that_fares_worst():
    usual = {
        "auroc": 90.0, "claimed": 1.0, "family_events": 5.0, "others_events": 0.0, "others_seconds": 0.0, "found": 9,
        "false": 1, "wrong_seconds": 2.0, "quiet_events": 0.0,
    }  # fmt: skip

    def row(label, **values):
        return Row("s", label, **(usual | values))

    text = table([row("a", others_events=4.0), row("b", found=7)], [("a quiet room", 3.0, 0.0)])
    mean, worst = [line.split("|")[1:-1] for line in text.splitlines()[2:4]]
    assert [cell.strip() for cell in mean] == [
        "s: mean",
        "2",
        "90.0",
        "1.0",
        "5.0",
        "2.0",
        "0",
        "8.0",
        "1.0",
        "2.0",
        "0.0",
    ]
    assert worst[5].strip() == "4.0 a" and worst[7].strip() == "7.0 b"
    assert "| a quiet room | 3 | 0.0 |" in text


def test_windows_heard_before_cost_nothing_again(small_model, tmp_path, monkeypatch):
    model = read_model(small_model)
    windows = np.stack([tone(300), tone(500), tone(300)])
    first = KeptEncoder(model, tmp_path)
    heard = first(windows)
    first.save()
    again = KeptEncoder(model, tmp_path)
    monkeypatch.setattr(again, "_session", None)  # it cannot hear anything new
    assert (again(windows) == heard).all() and (heard[0] == heard[2]).all()
    assert again(windows[:0]).shape == (0, model.embedding_size)


def bench_of(model_path, cache, families, *, mixture_s=60.0):
    model = read_model(model_path)
    return Bench(
        model, KeptEncoder(model, cache), families, Bed(RATE_HZ), taught=5, seconds=10.0, mixture_s=mixture_s, seed=0
    )


def test_it_hears_what_a_listener_hears(small_model, tmp_path):
    """The same windows, names, events and times as the product's own loop."""
    bench = bench_of(small_model, tmp_path / "cache", [family(2)])
    rng = np.random.default_rng(0)
    quiet = [synthetic.hiss(seconds, rng=rng) for seconds in (5, 4, 3)]
    low, high = (synthetic.tone(hz, 2.3, rng=rng) for hz in synthetic.TONES_HZ.values())
    line = np.concatenate([quiet[0], low, quiet[1], high, quiet[2]])
    heard = bench.hear(TimeLine(line, ()))
    with open_journal(bench.model, tmp_path / "journal.sqlite") as journal:
        said = listen(ears_for(bench.model, bench.encoder, journal), heard)
        reports = list(Listener(bench.model, journal, Options()).feed(line, live=False))
    windows = [one for one in reports if isinstance(one, Window)]
    events = [one for one in reports if isinstance(one, Event)]
    assert [(w.start_s, w.end_s, w.level_dbfs) for w in heard.windows] == [
        (w.start_s, w.end_s, w.level_dbfs) for w in windows
    ]
    assert [one.label for one in said.starts] == ["low", "high"]
    assert list(said.starts) == [Announced(e.label, e.end_s) for e in events if e.state == "start"]
    assert list(said.stretches) == [(e.label, e.start_s, e.end_s) for e in events if e.state == "end"]


def test_a_class_that_is_easy_is_found(small_model, tmp_path):
    rng = np.random.default_rng(0)
    clips = {name: [synthetic.tone(hz, 3.0, rng=rng) for _ in range(9)] for name, hz in (("mid", 900), ("top", 6000))}
    made = Family("odd", clips)
    bench = bench_of(small_model, tmp_path, [made, family(1)], mixture_s=120.0)
    rows = bench.measure(made, ["mid", "top"])
    assert [(row.set, row.label) for row in rows] == [("odd", "mid"), ("odd", "top")]
    assert all(row.auroc == 100 and row.claimed == 0 and row.found >= 6 for row in rows)
    assert not any(
        row.family_events or row.others_events or row.false or row.wrong_seconds or row.quiet_events for row in rows
    )
    silent = bench.nothing_taught()
    assert {kind for kind, _, _ in silent} == {"odd", "tones", "a quiet room"}
    assert not any(windows or events for _, windows, events in silent)  # what is unknown is not announced


def test_classes_are_chosen_by_name_or_drawn():
    made = Family("s", {f"c{i}": [tone(300)] * (9 if i else 3) for i in range(8)})
    assert "c0" not in chosen(made, [], taught=5, most=9, seed=0)  # it has too few clips
    assert chosen(made, ["s"], taught=5, most=3, seed=0) == chosen(made, [], taught=5, most=3, seed=0)
    assert chosen(made, ["s/c5", "s/c2"], taught=5, most=3, seed=0) == ["c2", "c5"]
    assert not chosen(made, ["t", "t/c2"], taught=5, most=3, seed=0)
    with pytest.raises(UsageError, match="s/c0"):
        chosen(made, ["s/c0"], taught=5, most=3, seed=0)
