"""A clip in, what it is called out: window by window and as a whole, without a stream, and nothing is remembered."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pace_edge.audio import level_dbfs
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.errors import AudioError, UsageError
from pace_edge.journal import Journal
from pace_edge.model_file import Model
from pace_edge.samples import as_sound
from pace_edge.stretch import read_stretch
from streams.configuration.place import place
from streams.heard import Window
from streams.listening.counters import Counters
from streams.listening.ears import Ears
from streams.listening.encoder import Encoder
from streams.listening.learner import open_journal
from streams.listening.notices import Notices
from streams.listening.options import Options
from streams.listening.stream import FULL_SCALE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LONGEST_S = 600.0
_LISTEN = "Listen to it: pace_edge.listen(source=..., realtime=False)."


@dataclass(frozen=True)
class Classification:
    """What a clip is called: `label` is the class that wins over all windows that are loud enough, `unknown` where none
    is like it, with the `score` from 0 to 1; `top` the best classes with their scores, best first; `level_dbfs` of the
    loudest window. `windows`: the same for each window, in their order.

    >>> import pace_edge
    >>> said = pace_edge.classify("ring.wav")
    >>> len(said.windows), said.windows[0].end_s
    (4, 2.0)
    """

    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    level_dbfs: float
    windows: tuple[Window, ...]

    def in_words(self) -> str:
        """Such as "doorbell (0.98), from 7 windows"."""
        count = len(self.windows)
        return f"{self.label} ({self.score:.2f}), from {count} window{'s' * (count != 1)}"


def classify(
    samples: ArrayLike | str | os.PathLike[str], rate_hz: float | None = None, *,
    model: str | Path | Model | None = None, journal: str | Path | None = None, channel: int | None = None,
) -> Classification:  # fmt: skip
    """What a clip is called by the model and all that was taught to it.

    `samples`: an array at `rate_hz` samples per second, as `Teacher.learn` takes it, or an audio file's name or Path;
    of a file at most 10 minutes. `channel`: this one alone, the first is 1; else their average. `model` and `journal`:
    None, as configured. For many clips `Teacher.classify` loads the model once.

    Raises AudioError for what is no sound, UsageError, ModelFileError, ProviderError and JournalError.

    >>> import pace_edge
    >>> import soundfile
    >>> samples, rate_hz = soundfile.read("ring.wav", dtype="int16")
    >>> pace_edge.classify(samples, rate_hz).label == pace_edge.classify("ring.wav").label
    True
    """
    found = place(model, journal=journal)
    loaded = found.load()
    sound = clip_of(samples, rate_hz, to_hz=loaded.info.rate_hz, channel=channel)
    with open_journal(loaded, found.journal_of(loaded)) as opened:
        return classify_with(ears_for(loaded, Encoder(loaded), opened), sound)


def clip_of(
    samples: ArrayLike | str | os.PathLike[str], rate_hz: float | None, *, to_hz: int, channel: int | None
) -> np.ndarray:
    """A file or array as float32 [n] at `to_hz`. Raises AudioError or UsageError."""
    if isinstance(samples, str | os.PathLike):
        if rate_hz is not None:
            raise UsageError(f"rate_hz={rate_hz!r} is that of arrays", do="Leave it out: a file knows its rate.")
        return read_stretch(Path(samples), to_hz, longest_s=LONGEST_S, channel=channel, if_too_long=_LISTEN)
    sound = as_sound(samples, rate_hz, to_hz=to_hz, channel=channel)
    if len(sound) > LONGEST_S * to_hz:
        raise AudioError(
            "this array is too long to be one sound", expected=f"at most {LONGEST_S:g} s",
            got=f"{len(sound) / to_hz:.0f} s", do=_LISTEN,
        )  # fmt: skip
    return sound


def ears_for(model: Model, encoder: Encoder, journal: Journal) -> Ears:
    return Ears(model, encoder, journal, Options(), Notices(), Counters())


def classify_with(ears: Ears, sound: np.ndarray) -> Classification:
    """`sound`: float32 [n] at the model's rate. One shorter than a window is one, set into silence in three ways,
    as it would be taught."""
    ears.catch_up()
    rate_hz, size = ears.info.rate_hz, ears.window
    cut = clip_windows(sound, size, ears.hop)
    levels = window_levels_dbfs(cut)
    heard = ears.hear(cut)
    loud = loud_enough(levels)
    whole = ears.judge(heard.embeddings[loud], float(levels.max()), heard.names[loud])
    if len(sound) < size:
        spans = [(0, len(sound), slice(None))]
    else:
        starts = [*range(0, len(sound) - size, ears.hop), len(sound) - size]
        spans = [(start, start + size, slice(i, i + 1)) for i, start in enumerate(starts)]
    windows, now = [], time.time()
    for start, end, rows in spans:
        piece = sound[start:end]
        level = level_dbfs(piece)
        said = ears.judge(heard.embeddings[rows], level, heard.names[rows])
        windows.append(Window(
            start / rate_hz, end / rate_hz, said.label, said.score, level, top=said.top, scores=said.scores,
            clipped=float(np.mean(np.abs(piece) >= FULL_SCALE)), heard_unix_s=now,
            sounds_like=said.sounds_like,
        ))  # fmt: skip
    return Classification(whole.label, whole.score, whole.top, float(levels.max()), tuple(windows))
