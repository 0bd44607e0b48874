"""Text that somebody gave, inside Markdown."""

from __future__ import annotations

import re
import unicodedata


def cell(label: str) -> str:
    """A label in a Markdown table, as it is."""
    return re.sub(r"([\\`*_\[\]<>|~$&#])", r"\\\1", one_line(label))


def one_line(label: str) -> str:
    """The label with what would break a line, or is no character, as its escape."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in label
    )
