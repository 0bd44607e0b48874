"""Which listeners run here, and what they listen with: so that a verb that writes into another journal can say so.

Each has a file in `running` in its state folder, and one in XDG_RUNTIME_DIR where there is one, by which a verb with
another state folder finds it too. It holds a lock on the file while it lives; a file without one was left by a listener
that was killed. Only its owner can read it. Whatever goes wrong here stops no listening and no teaching.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, Self

from pace_edge.config import home
from pace_edge.model_file import Model

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None  # type: ignore[assignment]

SCHEMA = 1
LEFT_BEHIND_S = 60.0  # a file without a lock may be that of a listener that is just starting
LOOKS = 50  # of others at a new file, each of a moment, until it is locked
TOLD = 3  # listeners that are named in one go


@dataclass(frozen=True)
class RunningListener:
    """The process `pid`; its model file, journal and state folder, each with its whole path; the names of its
    sources; since when it listens."""

    pid: int
    model: str
    model_name: str
    model_sha256: str
    journal: str
    home: str
    sources: tuple[str, ...]
    since_unix_s: float

    def uses(self, journal: Path) -> bool:
        """Whether this is its journal, by whatever path."""
        try:
            return Path(self.journal).samefile(journal)
        except OSError:  # one of them is not there
            return Path(self.journal).resolve() == journal.resolve()

    def in_words(self) -> str:
        return (
            f"the listener that runs here (pid {self.pid}) uses the journal {self.journal} with the model {self.model}"
        )

    def options(self) -> str:
        """What a verb is given to mean the same place."""
        return f"--journal {shlex.quote(self.journal)} --model {shlex.quote(self.model)}"


class Registration:
    """What a listener says of itself: `running` finds it until `close`. Called from one thread."""

    def __init__(self, model: Model, journal: Path, sources: Sequence[str] = ()) -> None:
        self._files: dict[Path, IO[bytes]] = {}
        self._since_unix_s = time.time()
        self._said = self._words(model, journal, sources)
        name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}.json"
        for folder in _folders():
            with contextlib.suppress(OSError, ValueError):
                self._files[folder / name] = _made(folder / name)
        self._write()

    def update(self, model: Model, journal: Path, sources: Sequence[str]) -> None:
        """It goes on with another model or other sources. Costs next to nothing where neither is new."""
        said = self._words(model, journal, sources)
        if said != self._said:
            self._said = said
            self._write()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        for path, file in self._files.items():
            if fcntl is not None:  # while it is locked: nobody takes it for one that was left
                _removed(path)
            with contextlib.suppress(OSError):
                file.close()
            if fcntl is None:
                _removed(path)
        self._files = {}

    def _words(self, model: Model, journal: Path, sources: Sequence[str]) -> RunningListener:
        return RunningListener(
            os.getpid(), str(model.path.absolute()), model.info.name, model.sha256, str(journal.absolute()),
            str(home().absolute()), tuple(sources), self._since_unix_s,
        )  # fmt: skip

    def _write(self) -> None:
        content = json.dumps({"schema": SCHEMA, **asdict(self._said)}).encode()
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.seek(0)
                file.write(content)
                file.truncate()
                file.flush()


def running() -> list[RunningListener]:
    """The listeners that run here with this state folder, or as this person; the newest first."""
    found: dict[str, RunningListener] = {}
    for folder in _folders():
        try:
            paths = sorted(folder.glob("*.json"))
        except OSError:
            continue
        for path in paths:
            if path.name not in found and (listener := _read(path)) is not None:
                found[path.name] = listener
    return sorted(found.values(), key=lambda one: -one.since_unix_s)


def elsewhere(journal: Path) -> list[RunningListener]:
    """The listeners that run here, if none of them uses this journal; none, if one does."""
    there = running()
    return [] if any(one.uses(journal) for one in there) else there


def unmet(journal: Path) -> list[str]:
    """Of what is written into this journal, while only listeners with other journals run here: one sentence each."""
    there = elsewhere(journal)[:TOLD]
    return [f"{one.in_words()}: it will not know this; name that with {one.options()}" for one in there]


def _folders() -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folders = [home() / "running", *([Path(runtime) / "pace-edge" / "running"] if runtime else [])]
    return list(dict.fromkeys(folder.absolute() for folder in folders))


def _made(path: Path) -> IO[bytes]:
    """A new file that only its owner can read, open and locked. Raises OSError, also where it cannot be locked."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
    try:
        if fcntl is not None:
            _lock(file)
    except OSError:
        path.unlink(missing_ok=True)
        file.close()
        raise
    return file


def _lock(file: IO[bytes]) -> None:
    """Whoever looks whether its listener lives has a lock on it for a moment. Raises OSError."""
    for _ in range(LOOKS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.02)
    raise BlockingIOError


def _read(path: Path) -> RunningListener | None:
    """None: it does not run any more, or says nothing that is understood."""
    try:
        left_behind = time.time() - path.stat().st_mtime > LEFT_BEHIND_S
        if fcntl is None and left_behind and _removed(path):
            return None
        with path.open("rb") as file:
            if fcntl is not None and not _locked(file):
                if left_behind:
                    _removed(path)
                return None
            for _ in range(3):  # it may be just writing
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    file.seek(0)
                    return _understood(json.loads(file.read()))
                time.sleep(0.02)
    except OSError:
        pass
    return None


def _locked(file: IO[bytes]) -> bool:
    """Whether the listener that wrote it lives."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _understood(said: Any) -> RunningListener:
    """Raises KeyError, TypeError or ValueError."""
    if said["schema"] != SCHEMA:
        raise ValueError("another version wrote it")
    kinds: dict[str, Any] = {"int": int, "str": str, "float": float}
    values = {f.name: kinds.get(str(f.type), tuple)(said[f.name]) for f in fields(RunningListener)}
    return RunningListener(**values)
