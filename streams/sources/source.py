"""Where sound comes from: files, folders, standard input, microphones and the network, all read in the same way.

with open_source("ring.wav", rate_hz=16000, realtime=True) as source:
    for chunk in source:  # float32 mono
        ...
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, cast

import numpy as np

from pace_edge.arguments import shown
from pace_edge.audio import AUDIO_SUFFIXES
from pace_edge.errors import UsageError
from pace_edge.media import MEDIA_SUFFIXES
from streams.heard import SourceState
from streams.sources.arrays import ArraySource, ArrayStream
from streams.sources.files import FileSource, Folder
from streams.sources.microphone import open_microphone
from streams.sources.network import is_address, open_stream
from streams.sources.several import number_namesakes
from streams.sources.standard_input import RawPcm, StandardInput
from streams.sources.watchdog import Patience

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Source(Protocol):
    """Sound in chunks of float32 mono, range -1..1, at `rate_hz`; read once, inside `with`.

    A chunk may be empty: nothing came for a moment, about four times a second from a live source. A new `name` begins
    a new stream, as each file of a folder is.

    Five more attributes a source may have: `live` (True: its sound comes as it is made; a source without it is taken
    for live), `recorded_unix_s` (when the first sample of a recording was made, in seconds since 1970, or None), `file`
    (the recording's whole path, or None), `came_unix_s` (when the last sample of the latest chunk was made; None: just
    now) and `away` (so many of `dropped` are missing because the source itself was away, not because its reader was
    slow).
    """

    rate_hz: int
    name: str  # words for a person, such as "file ring.wav"
    dropped: int  # samples lost before the latest chunk, at rate_hz
    overflows: int  # times that the sound system lost samples itself; it does not say how many

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def __iter__(self) -> Iterator[np.ndarray]: ...

    def news(self) -> list[SourceState]:
        """What became of the source since this was asked last."""
        ...


if TYPE_CHECKING:
    AnySource = Source | str | os.PathLike[str] | int | ArrayLike | Iterable[ArrayLike] | None


def open_source(
    input: str | None, *, rate_hz: int, realtime: bool, channel: int | None = None, pcm: RawPcm | None = None,
    patience: Patience | None = None, restart: bool = True, wait: bool = False, recorded_unix_s: float | None = None,
) -> Source:  # fmt: skip
    """The source that a person's words mean: None is the default microphone, "-" standard input.

    Else an address with "://", a file or folder that exists, a microphone's number, or part of its name, in this
    order. Words that look like a path are never taken for a microphone.

    `realtime` paces recordings; the others have their own pace. `channel`: this one alone, the first is 1; else all of
    them mixed. `pcm`: what raw bytes on standard input are. For microphones and network streams, `patience`: when they
    are opened again, `restart`: whether, `wait`: whether they may be missing at the start. `recorded_unix_s`: when a
    recording's first sample was made, in seconds since 1970; else as the recording tells it.
    """
    if input == "-":
        return StandardInput(rate_hz=rate_hz, pcm=pcm, channel=channel, recorded_unix_s=recorded_unix_s)
    if pcm is not None:
        raise UsageError("a sample format was given, and no raw PCM", do="It goes with `--input -`.")
    if input is not None and is_address(input):
        return open_stream(
            input, rate_hz=rate_hz, channel=channel, patience=patience, restart=restart, wait=wait, realtime=realtime,
            recorded_unix_s=recorded_unix_s,
        )  # fmt: skip
    if input is not None and Path(input).is_dir():
        if recorded_unix_s is not None:
            raise UsageError(f"recorded_at is of one recording, and {input} is a folder", do="Name one file.")
        return Folder(input, rate_hz=rate_hz, realtime=realtime, channel=channel)
    if input is not None and (Path(input).exists() or _looks_like_path(input)):
        return FileSource(input, rate_hz=rate_hz, realtime=realtime, channel=channel, recorded_unix_s=recorded_unix_s)
    if recorded_unix_s is not None:
        raise UsageError(
            "recorded_at is of a recording", got=f"the microphone '{input or 'default'}'", do="Leave it out."
        )
    device = int(input) if input is not None and input.isdecimal() else input
    return open_microphone(device, rate_hz=rate_hz, channel=channel, patience=patience, restart=restart, wait=wait)


def open_sources(
    inputs: Sequence[str | None], *, rate_hz: int, realtime: bool, channel: int | None = None,
    pcm: RawPcm | None = None, patience: Patience | None = None, restart: bool = True, wait: bool = False,
) -> list[Source]:  # fmt: skip
    """Several of them, no two of the same name."""
    if len(set(inputs)) < len(inputs):
        raise UsageError("an input is named twice", got=", ".join(map(str, inputs)), do="Name each once.")
    sources = [
        open_source(
            each, rate_hz=rate_hz, realtime=realtime, channel=channel, pcm=pcm if each == "-" else None,
            patience=patience, restart=restart, wait=wait,
        )
        for each in inputs
    ]  # fmt: skip
    number_namesakes(sources)
    return sources


def is_sound(name: str) -> bool:
    """Whether a file of this name would be read as sound."""
    return name.lower().endswith(AUDIO_SUFFIXES + MEDIA_SUFFIXES)


def means_a_file(text: str) -> bool:
    """Whether `open_source` would take these words for a file, a folder, an address or standard input."""
    return text == "-" or is_address(text) or Path(text).exists() or _looks_like_path(text)


def _looks_like_path(text: str) -> bool:
    separators = [os.sep, *filter(None, [os.altsep])]
    suffixes = AUDIO_SUFFIXES + MEDIA_SUFFIXES
    return any(separator in text for separator in separators) or text.lower().endswith(suffixes)


def source_of(
    given: AnySource, *, to_hz: int, realtime: bool, rate_hz: float | None = None, channel: int | None = None
) -> Source:
    """The source that a program means: what `open_source` takes, a microphone's number, a Path (of a file or folder,
    never of a microphone), an opened `Source`, an array, or an iterable of arrays; `rate_hz` is that of arrays.

    Raises UsageError for what is none of these, and the source's own errors.
    """
    check_source(given, rate_hz)
    if given is None or isinstance(given, str):
        return open_source(given, rate_hz=to_hz, realtime=realtime, channel=channel)
    if isinstance(given, os.PathLike):
        path = Path(given)
        kind = Folder if path.is_dir() else FileSource
        return kind(path, rate_hz=to_hz, realtime=realtime, channel=channel)
    if isinstance(given, Integral):
        return open_microphone(int(given), rate_hz=to_hz, channel=channel)
    if rate_hz is None:
        return _at_rate(cast(Source, given), to_hz)
    if hasattr(given, "__array__") or isinstance(given, list | tuple):
        return ArraySource(given, rate_hz, to_hz=to_hz, realtime=realtime, channel=channel)
    return ArrayStream(cast("Iterable[ArrayLike]", given), rate_hz, to_hz=to_hz, live=realtime, channel=channel)


def check_source(given: object, rate_hz: float | None) -> None:
    """Whether `source_of` takes this; nothing is opened. Raises UsageError."""
    arrays = _are_arrays(given)
    if arrays and rate_hz is None:
        raise UsageError("the rate of these samples is missing", do="Give it: listen(source=samples, rate_hz=16000).")
    if not arrays and rate_hz is not None:
        raise UsageError(
            f"rate_hz={rate_hz!r} is that of arrays", expected="source= an array or an iterable of arrays",
            got=f"source={shown(given)}", do="Leave it out: other sources know their rate.",
        )  # fmt: skip
    if isinstance(given, Integral) and not isinstance(given, bool) and int(given) < 0:
        raise UsageError(f"there is no microphone {given}", do="pace-edge devices lists them.")
    if arrays or given is None or (isinstance(given, str | os.PathLike | Integral) and not isinstance(given, bool)):
        return
    needed = ("rate_hz", "name", "dropped", "overflows", "__enter__", "__exit__", "__iter__")
    missing = [name for name in needed if not hasattr(given, name)]
    if len(missing) > 2:
        raise UsageError(
            f"source={shown(given)} is nothing to listen to",
            expected="a file's name or Path, a microphone's number or name, an array or an iterable of arrays with "
            "rate_hz=, or a Source", got=type(given).__name__, do="See help(pace_edge.listen).",
        )  # fmt: skip
    if missing:
        raise UsageError(
            f"source={shown(given)} is no whole Source", expected=", ".join(needed), got=f"no {', '.join(missing)}",
            do="See streams.sources.source.Source.",
        )  # fmt: skip


def _are_arrays(given: object) -> bool:
    """Whether it is an array, or gives some one after the other."""
    other = str | bytes | bytearray | os.PathLike | Mapping | Set
    arrays = hasattr(given, "__array__") or (hasattr(given, "__iter__") and not isinstance(given, other))
    return arrays and not hasattr(given, "rate_hz") and getattr(given, "ndim", 1) != 0


def _at_rate(source: Source, to_hz: int) -> Source:
    if source.rate_hz != to_hz:
        raise UsageError(
            f"{source.name} is at another rate than the model", expected=f"{to_hz} Hz", got=f"{source.rate_hz} Hz",
            do="Let it resample, or give its arrays with rate_hz=.",
        )  # fmt: skip
    return source
