"""Passwords and keys: from a file or the environment, never from the command line, where every user sees them."""

from __future__ import annotations

import os
from pathlib import Path

from pace_edge.errors import SinkError


def read_secret(file: Path | None, variable: str) -> str | None:
    """The one line in `file`; else what the environment's `variable` has; else None. Raises SinkError."""
    if file is None:
        return os.environ.get(variable) or None
    try:
        secret = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SinkError(
            f"the secret {file} cannot be read: {getattr(error, 'strerror', None) or error}",
            do=f"See that it is there and readable, or set {variable} instead.",
        ) from error
    if not secret or not secret.isprintable():
        got = "several lines or control characters" if secret else "an empty file"
        raise SinkError(
            f"the secret {file} cannot be used",
            expected="one line of text",
            got=got,
            do="Write only the secret into it.",
        )
    return secret
