"""On which line of a TOML file each key is, which tomllib does not say."""

from __future__ import annotations

import re

Key = tuple[str | int, ...]  # ("sources", 1, "input"): the input of the second [[sources]]

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r""""[^"]*"|'[^']*'|[\w-]+""")


def lines_of(text: str) -> dict[Key, int]:
    """Lines, from 1, of the keys and table headers of a text that tomllib could read. What looks like a key within a
    text of several lines does no harm: only known keys are looked up, and the first place wins."""
    found: dict[Key, int] = {}
    tables: dict[Key, int] = {}  # how many [[name]] came so far
    here: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            here = ()
            for part in _parts(header[2]):
                here = (*here, part)
                if here in tables:
                    here = (*here, tables[here] - 1)
            if header[1] == "[[":
                name = here[:-1] if isinstance(here[-1], int) else here
                tables[name] = tables.get(name, 0) + 1
                here = (*name, tables[name] - 1)
                found.setdefault(name, number)
            found.setdefault(here, number)
        elif key := _KEY.match(line):
            found.setdefault((*here, *_parts(key[1])), number)
    return found


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]
