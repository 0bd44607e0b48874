"""A setting that is wrong, in one line: where it was given, its key, what was expected, what came, the nearest key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from pace_edge.errors import UsageError
from streams.configuration.section import is_section
from streams.configuration.settings import Settings
from streams.configuration.toml_lines import Key


def dotted(path: Key) -> str:
    """("sources", 1, "input") as sources[1].input."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def wrong(path: Key, origin: str, *, expected: str, got: str) -> UsageError:
    return UsageError(f"{origin}: the setting {dotted(path)} is wrong", expected=expected, got=got)


def unknown(name: str, origin: str, known: Iterable[str]) -> UsageError:
    """`known` are the names that would have been right, written as `name` is."""
    near = get_close_matches(name, [*known], n=1)
    return UsageError(
        f"{origin}: there is no setting {name}",
        do=f"Did you mean {near[0]}?" if near else "`pace-edge config` lists them all.",
    )


def explained(error: ValidationError, origins: Mapping[Key, str], places: Mapping[Key, str]) -> UsageError:
    """The first of pydantic's errors in our words. `origins` of the settings, and in the file the `places` of keys."""
    first = error.errors(include_url=False)[0]
    path: Key = first["loc"]
    origin = _origin(path, origins, places)
    if first["type"] == "extra_forbidden":
        return unknown(dotted(path), origin, [dotted((*path[:-1], name)) for name in _fields_at(path[:-1])])
    if first["type"] == "missing":
        return UsageError(f"{origin}: {dotted(path[:-1])} needs {path[-1]}", do="`pace-edge config` says what it is.")
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if first["type"] == "path_type":
        expected = "a path in quotes"
    return wrong(path, origin, expected=expected, got=repr(first["input"]))


def _origin(path: Key, origins: Mapping[Key, str], places: Mapping[Key, str]) -> str:
    """Of the setting that holds this path; in a table of the file the line of what is in it."""
    ancestors = [path[:end] for end in range(len(path), 0, -1)]
    setting = next((part for part in ancestors if part in origins), ())
    if setting in places and origins[setting] == places[setting]:
        return next(places[part] for part in ancestors if part in places)
    return origins.get(setting, "default")


def _fields_at(path: Key) -> list[str]:
    """The names that the section, or the table of a list, at this path has."""
    schema: Any = Settings
    for name in path:
        schema = schema.__args__[0] if isinstance(name, int) else schema.model_fields[name].annotation
    return list(schema.model_fields) if is_section(schema) else []
