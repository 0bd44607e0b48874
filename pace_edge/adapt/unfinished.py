"""What an interrupted session has done so far: one file, replaced whole after each epoch, gone when the session ends.

unfinished.pt   {"run": which run it belongs to, "session": its number, "stages": {name: state}}; tensors and plain
                values only, so that reading it runs no code
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

NAME = "unfinished.pt"


class Unfinished:
    """`folder` None keeps nothing. Only a process that `writes` does; all read the same file at `begin`."""

    def __init__(self, folder: Path | None = None, *, run: str = "", writes: bool = True) -> None:
        self._path = folder / NAME if folder else None
        self._run, self._writes = run, writes
        self._session = 0
        self._stages: dict[str, Any] = {}

    def begin(self, session: int) -> None:
        """Find what was kept of this session; what was kept of another is out of date. Raises PaceEdgeError."""
        self._session, self._stages = session, {}
        if self._path is None or not self._path.exists():
            return
        try:
            content = torch.load(self._path, map_location="cpu", weights_only=True)
            run, number, stages = content["run"], content["session"], content["stages"]
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
            raise PaceEdgeError(
                f"{self._path} is damaged ({type(error).__name__})",
                do="Delete it: the run then goes on from its last finished session.",
            ) from None
        if run == self._run and number == session:
            self._stages = stages

    def stage(self, name: str) -> Any:
        """What was kept of a stage, or None."""
        return self._stages.get(name)

    def keep(self, name: str, state: Any) -> None:
        """From now on an interrupted run goes on from this state. Raises PaceEdgeError."""
        self._stages[name] = state
        if self._path is None or not self._writes:
            return
        content = io.BytesIO()
        torch.save({"run": self._run, "session": self._session, "stages": self._stages}, content)
        try:
            write_whole(self._path, content.getvalue())
        except OSError as error:
            raise PaceEdgeError(
                f"cannot write {self._path}: {error.strerror}", do="Make room and go on with --resume."
            ) from error

    def end(self) -> None:
        """The session is in the checkpoint."""
        self._stages = {}
        if self._path is not None and self._writes:
            self._path.unlink(missing_ok=True)
