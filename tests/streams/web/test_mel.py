"""The spectrogram is the model's own: its graph's log-mel, frame by frame, and drawn only while somebody looks."""

import base64

import numpy as np
import onnx
import pytest
import torch

from pace_edge.config import STARTER_MODEL
from pace_edge.model_file import read_model
from streams.web.mel import FLOOR_DB, front_end
from streams.web.painter import Painter
from streams.web.tape import Tape
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import first, serving
from tests.synthetic import RATE_HZ, MelStatistics, hiss, tone


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def small(small_model):
    return front_end(read_model(small_model))


@pytest.fixture(scope="module")
def starter():
    return front_end(read_model(STARTER_MODEL))


def test_it_is_what_the_model_was_trained_with(small, rng):
    sound = tone(300, 1, rng=rng)
    log_mel = MelStatistics().log_mel(torch.from_numpy(sound)[None])[0].numpy()
    assert (small.mels, small.hop, small.length, small.lead) == (40, 160, 400, 0)
    np.testing.assert_allclose(small(sound), log_mel * 10 / np.log(10) - small.reference_db, atol=1e-2)


def test_of_several_front_ends_it_is_the_one_with_the_most_bands(starter):
    assert (starter.mels, starter.hop, starter.length, starter.lead) == (80, 160, 400, 200)


def test_a_full_scale_tone_is_0_db_and_silence_the_floor(starter):
    t = np.arange(starter.window) / RATE_HZ
    assert starter.pixels(np.sin(2 * np.pi * 1000 * t)).max() == 255
    assert starter.pixels(0.001 * np.sin(2 * np.pi * 1000 * t))[50].max() == round(255 * (1 + 60 / FLOOR_DB))
    assert starter.pixels(np.zeros(starter.window)).max() == 0


@pytest.mark.parametrize("which", ["small", "starter"])
def test_a_frame_lies_where_its_sound_is(which, request):
    """A click is in the frames that cover it and in no other."""
    f = request.getfixturevalue(which)
    at = f.window // 2 + 37
    click = np.zeros(f.window, np.float32)
    click[at] = 1.0
    loud = np.flatnonzero(f(click).max(1) > f(np.zeros(f.window)).max() + 20)
    covered = [t for t in range(f(click).shape[0]) if 8 < at - (t * f.hop - f.lead) < f.length - 8]
    assert loud.tolist() == covered


@pytest.mark.parametrize("which", ["small", "starter"])
@pytest.mark.parametrize("chunk", [700, 1600, 16000, 100_000])
def test_every_frame_is_painted_once_and_is_that_of_any_window(which, chunk, request, rng):
    f, tape = request.getfixturevalue(which), Tape(RATE_HZ)
    painter, sound = Painter(tape, f), np.concatenate([tone(300, 2.5, rng=rng), hiss(3.3, rng=rng)])
    pieces = []
    for i in range(0, len(sound), chunk):
        tape.push("attic", sound[i : i + chunk], start_s=i / RATE_HZ)
        pieces += painter.paint()
    assert painter.paint() == []
    frames = np.concatenate([pixels_of(piece) for piece in pieces])
    starts = [round(piece["start_s"] * RATE_HZ / f.hop) for piece in pieces]
    counts = [piece["frames"] for piece in pieces]
    assert starts == (starts[0] + np.cumsum([0, *counts[:-1]])).tolist()
    skip = -(-f.lead // f.hop)
    assert starts[0] == skip
    whole = [f.pixels(sound[at : at + f.window]) for at in range(0, len(sound) - f.window + 1, f.hop)]
    assert len(frames) == (len(sound) + f.lead - f.length) // f.hop + 1 - skip
    inside = 10
    for t, frame in enumerate(frames, skip):
        window = min(max(0, t - inside), len(whole) - 1)
        if t - window < len(whole[0]) - skip:
            assert np.abs(frame.astype(int) - whole[window][t - window].astype(int)).max() <= 1, t


def pixels_of(piece):
    return np.frombuffer(base64.b64decode(piece["data"]), np.uint8).reshape(piece["frames"], piece["mels"])


def test_lost_sound_and_a_stream_that_begins_again_are_drawn_where_they_are(small, rng):
    tape = Tape(RATE_HZ)
    painter = Painter(tape, small)
    tape.push("attic", tone(300, 2, rng=rng), start_s=0.0)
    tape.push("attic", tone(300, 2, rng=rng), start_s=3.0)
    (gap,) = [p for p in painter.paint() if p["start_s"] <= 2.5 < p["end_s"]]
    assert pixels_of(gap)[round((2.5 - gap["start_s"]) / gap["hop_s"])].max() < 5
    tape.push("attic", tone(300, 1, rng=rng), start_s=0.0)
    again = painter.paint()
    assert again[0]["start_s"] == 0.0
    assert painter.recent() == again


def test_no_more_than_a_minute_is_kept(small):
    tape = Tape(RATE_HZ, kept_s=5.0)
    painter = Painter(tape, small)
    for i in range(20):
        tape.push("attic", np.zeros(RATE_HZ, np.float32), start_s=float(i))
        painter.paint()
    assert tape.span("attic").end - tape.span("attic").begin <= 5 * RATE_HZ
    assert sum(p["frames"] for p in painter.recent()) <= 700
    assert len(tape._reels["attic"].pieces) <= 7


def test_a_graph_without_a_log_mel_is_drawn_without_one(small_model, tmp_path):
    proto = onnx.load(small_model)
    for node in proto.graph.node:
        if node.op_type == "Log":
            node.op_type = "Sqrt"
    (tmp_path / "no.onnx").write_bytes(proto.SerializeToString())
    assert front_end(read_model(tmp_path / "no.onnx")) is None
    with serving(tmp_path / "no.onnx") as served:
        served.hear_hiss(2)
        assert served.get("/api/recent")["mel"] == []
        state = served.get("/api/state")
        assert state["mel"] is None
        assert "no log-mel" in state["mel_words"]


def test_nothing_is_drawn_until_somebody_looks_and_then_all_of_the_last_minute(served):
    served.hear_low(3)
    assert served.get("/api/state")["mel_words"] == "nobody has looked yet"
    with served.stream() as messages:
        piece = first(messages, lambda kind, data: kind == "mel")
        assert (piece["source"], piece["start_s"], piece["mels"]) == ("attic", 0.0, 40)
        wait_until(lambda: served.get("/api/state")["mel"])
    served.hear_low(1)
    assert served.get("/api/recent")["mel"][-1]["end_s"] > 3.9


def test_a_page_that_opens_takes_nothing_from_those_that_are_open(served, monkeypatch):
    """What /api/recent paints goes to every page."""
    monkeypatch.setattr("streams.web.studio.PAINT_EVERY_S", 3600.0)
    with served.stream() as messages:
        served.hear_low(3)
        served.get("/api/recent")
        served.hear_low(1)
        served.get("/api/recent")
        ends = []
        while not ends or ends[-1][1] < 3.9:
            piece = first(messages, lambda kind, data: kind == "mel")
            assert not ends or piece["start_s"] == ends[-1][1]
            ends.append((piece["start_s"], piece["end_s"]))


def test_the_gain_is_in_the_picture(served):
    served.hear_low(2)
    served.post("/api/settings", gain_db=-20.0)
    served.hear_low(2)
    pieces = served.get("/api/recent")["mel"]
    assert pieces[0]["start_s"] == 0.0
    quiet = max(pixels_of(piece).max() for piece in pieces)
    assert quiet < 255 * (1 - 20 / 90)
