"""Every error a user can cause, as one line: what happened, what was expected, what came, what to do.

The command line prints the line and exits with the class's code; the Python API raises it.
"""

from __future__ import annotations


class PaceEdgeError(Exception):
    """A failure that says what to do next. `exit_code` is what the command line exits with."""

    exit_code = 1

    def __init__(self, what: str, *, expected: str = "", got: str = "", do: str = "") -> None:
        facts = ", ".join(part for part in (expected and f"expected {expected}", got and f"got {got}") if part)
        sentence = f"{what}: {facts}" if facts else what
        line = f"{sentence}. {do}" if do else f"{sentence}."
        super().__init__(" ".join(line.split()))  # one line, whatever a library put into a message


class UsageError(PaceEdgeError):
    """The command's words are wrong; nothing was tried."""

    exit_code = 2


class AudioError(PaceEdgeError):
    """A file or stream is no audio we can read."""


class DeviceError(PaceEdgeError):
    """A microphone or network stream cannot be opened or went away."""


class ModelFileError(PaceEdgeError):
    """A model file is absent, broken, or not one of ours."""


class ProviderError(PaceEdgeError):
    """The model does not run on the hardware that was required."""


class JournalError(PaceEdgeError):
    """A journal cannot be read or written, or belongs to another model."""


class LearningError(PaceEdgeError):
    """A label or a correction cannot be applied."""


class SinkError(PaceEdgeError):
    """A sink cannot be set up: its file, its receiver's address or its secret."""
