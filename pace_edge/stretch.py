"""A stretch of a file, or a short file whole: what is asked for is held against the file's header, and then only that
part is decoded. So a file of two hours is refused at once, or gives its three seconds at once.
"""

from __future__ import annotations

import math
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from pace_edge.arguments import check_path, check_type
from pace_edge.audio import mono_blocks, open_audio, resampled
from pace_edge.errors import AudioError, UsageError

_BLOCK_S = 10
_TEACH = "Teach a stretch of it, such as --from 12.5 --to 15; nothing was learned."
_ROUNDED_S = 0.1  # a table's times are rounded: so much beyond the end of the file is its end


def read_stretch(
    path: str | Path, rate_hz: int, *, from_s: float | None = None, to_s: float | None = None,
    longest_s: float = math.inf, channel: int | None = None, if_too_long: str = _TEACH,
) -> np.ndarray:  # fmt: skip
    """float32 mono [samples] in -1..1 at `rate_hz`, from `from_s` (None: the beginning) to `to_s` (None: the end).

    Raises UsageError for a stretch that is empty or reversed, and AudioError for one that lies outside the file or is
    longer than `longest_s`, both before anything is decoded where the file says how long it is. `if_too_long`: what to
    do then.
    """
    check_stretch(from_s, to_s)
    check_path("path", path)
    path, start_s = Path(path), from_s or 0.0
    with open_audio(path) as file:
        length_s = _length_s(file)
        end_s = _held_against(path, start_s, to_s, length_s)
        _not_too_long(path, end_s - start_s if end_s is not None else 0.0, longest_s, if_too_long)
        first, rate = round(start_s * file.samplerate), file.samplerate
        wanted = math.inf if to_s is None else max(1, round(to_s * rate) - first)
        passed = _seek(file, first)
        blocks, had = [], 0
        for block in mono_blocks(path, file, _BLOCK_S * rate, channel, done=passed):
            inside = block[max(0, first - passed) :]
            passed += len(block)
            blocks.append(inside[: int(min(len(inside), wanted - had))])
            had += len(blocks[-1])
            _not_too_long(path, had / rate, longest_s, if_too_long)  # its header need not be right
            if had >= wanted:
                break
    samples = [*resampled(blocks, rate, rate_hz)]
    if not samples:
        raise AudioError(
            f"{path} has no sound at {start_s:g} s" if start_s else f"audio file {path} is empty",
            expected="sound", got="0 samples", do="Choose an earlier stretch." if start_s else "Record it again.",
        )  # fmt: skip
    return np.concatenate(samples)


def check_stretch(from_s: float | None, to_s: float | None) -> None:
    """Seconds of a file, either of which may be absent. Raises UsageError."""
    for name, value in (("begin", from_s), ("end", to_s)):
        check_type("from_s" if name == "begin" else "to_s", value, (Real, type(None)), "seconds, or None")
        if value is not None and not 0 <= value < math.inf:
            raise UsageError(f"a stretch of a file cannot {name} at {value:g} s", expected="0 s or later")
    start_s = from_s or 0.0
    if to_s is not None and to_s <= start_s:
        wrong = "is empty" if to_s == start_s else "ends before it begins"
        raise UsageError(
            f"the stretch from {start_s:g} to {to_s:g} s {wrong}",
            expected="an end after the beginning", do="Exchange or change its ends.",
        )  # fmt: skip


def stretch_around(path: str | Path, at_s: float, length_s: float) -> tuple[float, float]:
    """`length_s` of the file around a moment of it, as far as the file reaches. Raises AudioError."""
    with open_audio(Path(path)) as file:
        whole_s = _length_s(file)
    _held_against(Path(path), at_s, None, whole_s)
    end_s = max(at_s + length_s / 2, length_s)
    end_s = end_s if whole_s is None else min(end_s, whole_s)
    return max(0.0, end_s - length_s), end_s


def in_words(from_s: float | None, to_s: float | None) -> str:
    """Such as "12.5 to 15 s"; empty for a whole file."""
    if from_s is None and to_s is None:
        return ""
    return f"{from_s or 0.0:g} to {'the end' if to_s is None else f'{to_s:g} s'}"


def _length_s(file: Any) -> float | None:
    """What the file says of its length; None: it does not say."""
    frames = file.frames
    return frames / file.samplerate if frames is not None and 0 < frames < 2**62 else None


def _held_against(path: Path, start_s: float, to_s: float | None, length_s: float | None) -> float | None:
    """Where the stretch ends, as far as it can be told. Raises AudioError where it lies outside the file."""
    if length_s is None:
        return to_s
    if start_s >= length_s or (to_s is not None and to_s > length_s + _ROUNDED_S):
        words = in_words(start_s, to_s) if to_s is not None else f"{start_s:g} s"
        raise AudioError(
            f"{path} ends at {length_s:.2f} s, and has no {words}", expected=f"a stretch within 0 to {length_s:.2f} s",
            do="Choose another stretch.",
        )  # fmt: skip
    return length_s if to_s is None else min(to_s, length_s)


def _not_too_long(path: Path, seconds: float, longest_s: float, do: str) -> None:
    if seconds > longest_s:
        raise AudioError(
            f"{path} is too long to be one sound", expected=f"at most {longest_s:g} s", got=f"{seconds:.0f} s", do=do,
        )  # fmt: skip


def _seek(file: Any, frame: int) -> int:
    """Go as near before this frame as can be without decoding. Returns the frame that comes next."""
    if not frame or not getattr(file, "seekable", lambda: False)():
        return 0
    return file.seek(frame)
