"""What a listener has done since it started, in numbers: it writes them, metrics and benchmarks read them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(kw_only=True)
class Counters:
    """Totals of all sources. One thread writes; any other may read, and sees numbers that are a moment old.

    A listener behind in time has a growing `latency_s`; lost sound is in `dropped_samples` and `overflows`, never
    nowhere.
    """

    sound_s: float = 0.0  # seconds of sound that came
    windows: int = 0  # reported, with or without the model
    gated: int = 0  # of these the ones that the model did not have to hear
    clipped: int = 0  # of these the ones with samples at full scale
    events: int = 0  # announced: starts, not updates or ends
    learned: int = 0  # labels taken up from the journal while listening
    gaps: int = 0  # places where sound is missing
    dropped_samples: int = 0  # at the model's rate, lost although their source was there
    away_samples: int = 0  # at the model's rate, missing because their source was away
    overflows: int = 0  # times that the sound system lost samples and did not say how many
    journal_failures: int = 0  # times that the journal could not be read or written
    inference_s: float = 0.0  # wall-clock seconds inside ONNX Runtime
    latency_s: float = 0.0  # of the latest window: from the arrival of its last sample to its report
