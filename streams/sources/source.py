"""Where sound comes from: files, folders, standard input, microphones and the network, all read in the same way.

with open_source("ring.wav", rate_hz=16000, realtime=True) as source:
    for chunk in source:  # float32 mono
        ...
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from pace_edge.audio import AUDIO_SUFFIXES
from pace_edge.errors import UsageError
from pace_edge.media import MEDIA_SUFFIXES
from streams.heard import SourceState
from streams.sources.files import FileSource, Folder
from streams.sources.microphone import open_microphone
from streams.sources.network import is_address, open_stream
from streams.sources.several import number_namesakes
from streams.sources.standard_input import RawPcm, StandardInput
from streams.sources.watchdog import Patience


class Source(Protocol):
    """Sound in chunks of float32 mono, range -1..1, at `rate_hz`; read once, inside `with`.

    A chunk may be empty: nothing came for a moment, about four times a second from a live source. A new `name` begins
    a new stream, as each file of a folder is.

    Three more attributes a source may have: `live` (True: its sound comes as it is made; a source without it is taken
    for live), `recorded_unix_s` (when the first sample of a recording was made, in seconds since 1970, or None) and
    `away` (so many of `dropped` are missing because the source itself was away, not because its reader was slow).
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


def open_source(
    input: str | None, *, rate_hz: int, realtime: bool, channel: int | None = None, pcm: RawPcm | None = None,
    patience: Patience | None = None, restart: bool = True, wait: bool = False,
) -> Source:  # fmt: skip
    """The source that a person's words mean: None is the default microphone, "-" standard input.

    Else an address with "://", a file or folder that exists, a microphone's number, or part of its name, in this
    order. Words that look like a path are never taken for a microphone.

    `realtime` paces recordings; the others have their own pace. `channel`: this one alone, the first is 1; else all of
    them mixed. `pcm`: what raw bytes on standard input are. For microphones and network streams, `patience`: when they
    are opened again, `restart`: whether, `wait`: whether they may be missing at the start.
    """
    if input == "-":
        return StandardInput(rate_hz=rate_hz, pcm=pcm, channel=channel)
    if pcm is not None:
        raise UsageError("a sample format was given, and no raw PCM", do="It goes with `--input -`.")
    if input is not None and is_address(input):
        return open_stream(
            input, rate_hz=rate_hz, channel=channel, patience=patience, restart=restart, wait=wait, realtime=realtime
        )
    if input is not None and Path(input).is_dir():
        return Folder(input, rate_hz=rate_hz, realtime=realtime, channel=channel)
    if input is not None and (Path(input).exists() or _looks_like_path(input)):
        return FileSource(input, rate_hz=rate_hz, realtime=realtime, channel=channel)
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


def means_a_file(text: str) -> bool:
    """Whether `open_source` would take these words for a file, a folder, an address or standard input."""
    return text == "-" or is_address(text) or Path(text).exists() or _looks_like_path(text)


def _looks_like_path(text: str) -> bool:
    separators = [os.sep, *filter(None, [os.altsep])]
    suffixes = AUDIO_SUFFIXES + MEDIA_SUFFIXES
    return any(separator in text for separator in separators) or text.lower().endswith(suffixes)
