"""The recordings that are kept beside a journal: FLAC files in a folder of their own, with names that we made.

A journal may be another device's, so a name in it is only taken for a file here if it is of our making, and no link is
followed.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from pace_edge.files import write_whole

LARGEST_BYTES = 200_000_000
PRIVATE = 0o600  # as the sound of somebody's home is
_OURS = re.compile(r"[0-9a-f]{32}\.flac")


def is_kept_name(audio: str) -> bool:
    """Whether an example's `audio` is the name of a recording that we kept, and no path."""
    return _OURS.fullmatch(audio) is not None


def recording_path(clips: Path, audio: str) -> Path | None:
    """Where an example's recording is, as the journal names it: a person's own file, by its whole path, or what was
    kept in the folder `clips`. None: it has none, or a name that is not of our making."""
    if is_kept_name(audio):
        return clips / audio
    return Path(audio) if Path(audio).is_absolute() else None


def read_kept(clips: Path, name: str, sha256: str) -> bytes | None:
    """A recording that was kept; None: there is none, it is no plain file, or it was changed."""
    try:
        descriptor = os.open(clips / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST_BYTES:
                return None
            content = file.read(LARGEST_BYTES + 1)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def write_kept(clips: Path, name: str, content: bytes) -> None:
    """Whole or not at all, for its owner alone. Raises OSError; FileExistsError where another file has this name."""
    clips.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.path.lexists(clips / name):
        raise FileExistsError(17, "there is another file of this name")
    write_whole(clips / name, content, mode=PRIVATE)
