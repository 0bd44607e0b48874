"""The recordings in a folder, for every verb that takes a folder: what is found, and what is passed over and why.

All folders in it are walked too, in the order of names; a folder that links lead to twice is walked once, so that no
ring of links has no end. Hidden files, the shadows that macOS leaves (`._a.wav`, `__MACOSX`) and what is no sound are
passed over.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pace_edge.audio import AUDIO_SUFFIXES
from pace_edge.media import INSTALL, MEDIA_SUFFIXES, has_ffmpeg

_NAMED = 5  # of what was skipped
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Skipped:
    """`name` within the folder, and why it was passed over; `wanted`: it may be what somebody misses."""

    name: str
    why: str
    wanted: bool = False


@dataclass(frozen=True)
class Walk:
    """The recordings in `folder`, and what else there is."""

    folder: Path
    files: tuple[Path, ...]
    skipped: tuple[Skipped, ...]

    def skipped_in_words(self) -> str:
        """Such as "skipped: 3 (memo.m4a: needs ...; ._a.wav: hidden; notes.txt: no sound)"; empty: nothing was."""
        return skipped_in_words(self.skipped)


def walk(folder: Path) -> Walk:
    """Everything in it. Raises OSError where the folder itself cannot be read."""
    files: list[Path] = []
    skipped: list[Skipped] = []
    readable = readable_suffixes()
    seen: set[tuple[int, int]] = set()
    _enter(folder, seen)
    for path, why, wanted in _walk(folder, seen, readable):
        if why:
            skipped.append(Skipped(printable(path.relative_to(folder).as_posix()), why, wanted))
        else:
            files.append(path)
    return Walk(folder, tuple(files), tuple(skipped))


def skipped_in_words(skipped: tuple[Skipped, ...]) -> str:
    """One sentence of limited length: how many, and the first by name, those first that somebody may miss."""
    if not skipped:
        return ""
    first = sorted(skipped, key=lambda one: not one.wanted)[:_NAMED]
    named = [f"{_shortened(one.name)}: {one.why}" for one in first]
    return f"skipped: {len(skipped)} ({'; '.join(named)}{'; ...' if len(skipped) > _NAMED else ''})"


def readable_suffixes() -> tuple[str, ...]:
    """How the names of the files end that can be read here."""
    return AUDIO_SUFFIXES + MEDIA_SUFFIXES if has_ffmpeg() else AUDIO_SUFFIXES


def printable(name: str | Path) -> str:
    """A file's name as any output takes it: bytes that are no UTF-8 are escapes."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def _walk(folder: Path, seen: set[tuple[int, int]], readable: tuple[str, ...]) -> Iterator[tuple[Path, str, bool]]:
    """Each path with why it is passed over (empty: it is a recording) and whether somebody may miss it."""
    for path in sorted(folder.iterdir()):
        name, suffix = path.name, path.suffix.lower()
        sound = suffix in AUDIO_SUFFIXES or suffix in MEDIA_SUFFIXES
        try:
            is_folder, is_file = _kind(path)
            if name == "__MACOSX":
                yield path, "what macOS adds to archives", False
            elif name.startswith("."):
                if sound or is_folder:  # of other hidden files nobody wants to read
                    yield path, "hidden", False
            elif is_folder:
                if _enter(path, seen):
                    yield from _walk(path, seen, readable)
                else:
                    yield path, "a link to a folder that is walked already", False
            elif not sound:
                yield path, "no sound", False
            elif not is_file:
                yield path, "no file", True
            elif suffix not in readable:
                yield path, f"needs {INSTALL}", True
            else:
                yield path, "", False
        except OSError as error:
            yield path, f"cannot be read ({error.strerror})", True


def _kind(path: Path) -> tuple[bool, bool]:
    """Whether it is a folder, and whether it is a file, also by a link."""
    mode = path.stat().st_mode
    return stat.S_ISDIR(mode), stat.S_ISREG(mode)


def _enter(folder: Path, seen: set[tuple[int, int]]) -> bool:
    """False: it was walked already, perhaps by another name."""
    found = folder.stat()
    place = (found.st_dev, found.st_ino) if found.st_ino else (0, hash(folder.resolve()))  # Windows may not number
    if place in seen:
        return False
    seen.add(place)
    return True


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"...{name[-_LONGEST_NAME:]}"
