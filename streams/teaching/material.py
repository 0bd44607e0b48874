"""What an example is made of, by whatever door it came; whether it can be the sound that was meant; and whether an
example was made of it before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pace_edge.clips import loud_enough, window_levels_dbfs
from pace_edge.errors import DoubtfulError
from pace_edge.operation_log import embeddings_sha256
from pace_edge.operations import Operation
from streams.listening.stream import FULL_SCALE
from streams.teaching.sounds import AUDIBLE_DBFS, HeardSound

CLIPPED = 0.02  # of the samples at full scale: another sound than the one that was there
SURE = 0.8  # of the model's threshold: what it calls background with such a score is background
SAME = 0.5  # of the shorter of two stretches of one recording: they are the same sound
REACHED = 0.8  # of an event must be in reach of the windows of a taught sound; else it is another, which went on beside


@dataclass(frozen=True)
class Material:
    """The embeddings [windows, D] of the windows that hold the sound, `source` in words, and what it was taken from, as
    `Operation` says. `level_dbfs` of the loudest window, `clipped` the share of samples at full scale, `duration_s` of
    what was given."""

    embeddings: np.ndarray
    source: str
    windows_heard: int
    level_dbfs: float
    clipped: float
    duration_s: float
    audio: tuple[str, str] = ("", "")
    session: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    heard: HeardSound | None = None


def of_clip(
    windows: np.ndarray, encode: Callable[[np.ndarray], np.ndarray], source: str, audio: tuple[str, str],
    span_s: tuple[float, float], *, duration_s: float,
) -> Material:  # fmt: skip
    """The windows [n, window] of one clip, without the pauses in it."""
    taken = windows[loud_enough(window_levels_dbfs(windows))]
    return Material(
        encode(taken), source, len(windows), float(window_levels_dbfs(taken).max()),
        float(np.mean(np.abs(taken) >= FULL_SCALE)), duration_s, audio, start_s=span_s[0], end_s=span_s[1],
    )  # fmt: skip


def of_sound(sound: HeardSound) -> Material:
    """The windows of what was just heard, without those that are too quiet beside the rest."""
    loud = loud_enough(np.array([window.level_dbfs for window in sound.windows]))
    taken = [window for window, is_loud in zip(sound.windows, loud, strict=True) if is_loud]
    return Material(
        np.stack([window.embedding for window in taken]), f"heard {sound.in_words()}", len(sound.windows),
        sound.level_dbfs, float(np.mean([window.clipped for window in taken])), sound.duration_s,
        session=sound.stream.session,
        start_s=sound.start_s, end_s=sound.end_s, heard=sound,
    )  # fmt: skip


def check(
    material: Material, label: str, *, background: str, threshold: float,
    call: Callable[[np.ndarray], tuple[str, float]], remembered: Callable[[], str],
) -> None:  # fmt: skip
    """Whether this can be the sound that was meant.

    `background`: the model's class of what is none, or ""; `threshold`: its own; `call`: what it calls embeddings, with
    the score; `remembered`: what there is in the last minute, in words. Raises DoubtfulError.
    """
    about = material.source
    if material.level_dbfs < AUDIBLE_DBFS:
        raise DoubtfulError(
            f"there is only silence in what was to be taught ({about})",
            expected=f"a sound above {AUDIBLE_DBFS:g} dBFS", got=f"{material.level_dbfs:.0f} dBFS",
        )  # fmt: skip
    if material.clipped > CLIPPED:
        raise DoubtfulError(
            f"what was to be taught is clipped, and so distorted ({about})",
            expected=f"at most {100 * CLIPPED:g} % of the samples at full scale",
            got=f"{100 * material.clipped:.0f} %", do="Turn the microphone or the gain down.",
        )  # fmt: skip
    if label == background:
        return
    if material.heard is not None and not material.heard.has_sound:
        raise DoubtfulError(
            f"no sound stands out of what is always there in what was to be taught ({about})", got=remembered()
        )
    called, score = call(material.embeddings)
    if called == background and score >= SURE * threshold:
        raise DoubtfulError(
            f"what was to be taught is what the model calls {background} ({about})",
            expected="a sound", got=f"'{called}' with a score of {score:.2f}",
        )  # fmt: skip


def made_of_it(
    material: Material, label: str, operations: Sequence[Operation], counting: Mapping[int, str]
) -> Operation | None:
    """The newest example in effect that was made of this very recording, or of most of the same stretch of it."""
    checksum = embeddings_sha256(material.embeddings)
    for operation in reversed(operations):
        if operation.id not in counting or operation.kind != "learn":
            continue
        same_label = counting[operation.id] == label
        if operation.embeddings_sha256 == checksum or _same_stretch(operation, material, of_shorter=same_label):
            return operation
    return None


def share(one: tuple[float, float], other: tuple[float, float], *, of_shorter: bool = True) -> float:
    """How much two stretches, each from and to, share: of the shorter one, or of both together."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    if shared <= 0:
        return 0.0
    if of_shorter:
        return shared / min(one[1] - one[0], other[1] - other[0])
    return shared / (max(one[1], other[1]) - min(one[0], other[0]))


def is_announced(taught: tuple[float, float], event: tuple[float, float], window_s: float) -> bool:
    """Whether an announced sound is the one that was taught: it has most of that, and next to nothing besides. Its
    windows, of `window_s`, reach beyond the sound itself."""
    reach = taught[0] - window_s, taught[1] + window_s
    return _part(taught, of=event) >= SAME and _part(event, of=reach) >= REACHED


def _part(one: tuple[float, float], *, of: tuple[float, float]) -> float:
    """How much of one stretch is a part of another."""
    shared = min(one[1], of[1]) - max(one[0], of[0])
    return shared / (one[1] - one[0]) if shared > 0 else 0.0


def _same_stretch(operation: Operation, material: Material, *, of_shorter: bool) -> bool:
    """Two sounds may be there at once; so under another label they share most of both together."""
    if not operation.end_s and not material.end_s:  # two whole recordings
        return bool(material.audio[1]) and operation.audio_sha256 == material.audio[1]
    if operation.session != material.session:
        return False
    if not material.session and (not material.audio[1] or operation.audio_sha256 != material.audio[1]):
        return False
    stretches = (operation.start_s, operation.end_s), (material.start_s, material.end_s)
    return share(*stretches, of_shorter=of_shorter) >= SAME
