"""The arguments of a Python call, checked where they come in: a wrong type is one sentence, not a traceback from deep
within.
"""

from __future__ import annotations

import os
from numbers import Real

from pace_edge.errors import UsageError

_LONGEST = 60  # characters of a value that an error repeats


def check_type(name: str, value: object, right: type | tuple[type, ...], expected: str, *, do: str = "") -> None:
    """`name`: what the argument is called. A bool is no number. Raises UsageError."""
    if isinstance(value, right) and not isinstance(value, bool):
        return
    raise UsageError(f"{name}={shown(value)} cannot be used", expected=expected, got=type(value).__name__, do=do)


def check_seconds(name: str, value: object, most: float) -> None:
    """Whether it is a length of time above 0 s and at most `most` seconds. Raises UsageError."""
    check_type(name, value, Real, "a number of seconds")
    if not 0 < float(value) <= most:  # type: ignore[arg-type]  # also where it is not a number
        raise UsageError(f"{name}={shown(value)} cannot be used", expected=f"above 0 and at most {most:g} seconds")


def check_path(name: str, value: object) -> None:
    """Whether it names a file. Raises UsageError."""
    check_type(name, value, (str, os.PathLike), "a file's name or Path")


def shown(value: object) -> str:
    """A value in an error, on one line and not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
