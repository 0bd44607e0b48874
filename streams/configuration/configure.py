"""Where a setting comes from: a flag, else the environment, else what was set on the page, else one TOML file, else the
default.

A value is looked up by its path, such as ("events", "threshold"): `[events] threshold` in the file,
PACE_EDGE_EVENTS_THRESHOLD in the environment, `--set events.threshold=0.5` on the command line.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from pace_edge.config import home
from pace_edge.errors import UsageError
from streams.configuration.section import Section, is_section
from streams.configuration.settings import Settings
from streams.configuration.toml_lines import Key, lines_of
from streams.configuration.wrong_settings import dotted, explained, unknown, wrong

DEFAULT = "default"
_PREFIX = "PACE_EDGE_"


@dataclass(frozen=True)
class Given:
    """A value that somebody gave, and where: `--threshold`, an environment variable's name, or `FILE:LINE`."""

    value: object
    origin: str


@dataclass(frozen=True)
class Configuration:
    """The settings in force; `origins` says of each one by its path where it came from."""

    settings: Settings
    origins: Mapping[Key, str]

    def values(self) -> Iterator[tuple[Key, Any, str]]:
        """Every setting: path, value, origin."""
        for path, value in settings_values(self.settings):
            yield path, value, self.origins[path]


def configure(
    flags: Mapping[str, Given] | None = None, *, file: Path | None = None,
    environment: Mapping[str, str] | None = None, folder: Path | None = None,
) -> Configuration:  # fmt: skip
    """The settings that hold. `flags` by dotted path; `file`: else PACE_EDGE_CONFIG, else config.toml in the state
    `folder`, else in this process's, if there is one. Raises UsageError for a wrong value, in one line that names its
    place."""
    folder = folder or home()
    environment = os.environ if environment is None else environment
    chosen = file or (Path(environment["PACE_EDGE_CONFIG"]) if environment.get("PACE_EDGE_CONFIG") else None)
    given, places = _from_file(chosen or folder / "config.toml", must_exist=chosen is not None)
    said = _from_environment(environment)
    for name, flag in (flags or {}).items():
        path: Key = tuple(name.split("."))
        said[path] = Given(_parsed(path, flag.value, flag.origin), flag.origin)
    kept_in = (given | said).get(("web", "kept_in"))
    kept, kept_places = _from_file(kept_path(kept_in.value if kept_in else None, folder), must_exist=False)
    given, places = given | kept | said, places | kept_places
    origins = {path: one.origin for path, one in given.items()}
    try:
        settings = Settings.model_validate(_nested(given))
    except ValidationError as error:
        raise explained(error, origins, places) from None
    return Configuration(settings, {path: origins.get(path, DEFAULT) for path in settings_paths()})


def kept_path(said: object = None, folder: Path | None = None) -> Path:
    """Where is kept what was set on the page: the setting web.kept_in, else a file in the state folder."""
    return Path(str(said)).expanduser() if said else (folder or home()) / "page.toml"


def settings_paths(schema: type[Section] = Settings, prefix: Key = ()) -> Iterator[Key]:
    """The path of every setting, in the order of settings.py. A list of tables is one setting."""
    for name, field in schema.model_fields.items():
        if is_section(field.annotation):
            yield from settings_paths(field.annotation, (*prefix, name))
        else:
            yield (*prefix, name)


def settings_values(settings: Settings) -> Iterator[tuple[Key, Any]]:
    """Every setting: path, value."""
    for path in settings_paths():
        value: Any = settings
        for name in path:
            value = getattr(value, str(name))
        yield path, value


def variable_of(path: Key) -> str:
    """The environment variable of the setting with this path."""
    return _PREFIX + "_".join(map(str, path)).upper()


def _nested(given: Mapping[Key, Given]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, one in given.items():
        table = values
        for name in path[:-1]:
            table = table.setdefault(str(name), {})
        table[str(path[-1])] = one.value
    return values


def _from_file(path: Path, *, must_exist: bool) -> tuple[dict[Key, Given], dict[Key, str]]:
    """What the file gives, and the place of everything in it as `FILE:LINE`."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a byte order mark first
        table = tomllib.loads(text)
    except FileNotFoundError:
        if not must_exist:
            return {}, {}
        raise UsageError(f"there is no configuration file {path}", do="`pace-edge config` writes one.") from None
    except OSError as error:
        raise UsageError(
            f"cannot read the configuration file {path} ({error.strerror})", do="Name another with --config FILE."
        ) from None
    except ValueError as error:  # no UTF-8, or no TOML
        raise UsageError(f"{path} is no TOML: {error}", do="`pace-edge config` shows how it is written.") from None
    places = {key: f"{path}:{line}" for key, line in lines_of(text).items()}
    leaves = _leaves(table, places, path.absolute().parent)
    return {key: Given(value, places.get(key, str(path))) for key, value in leaves}, places


def _leaves(
    table: Mapping[str, Any], places: Mapping[Key, str], folder: Path, schema: type[Section] = Settings,
    prefix: Key = (),
) -> Iterator[tuple[Key, object]]:  # fmt: skip
    for name, value in table.items():
        path, field = (*prefix, name), schema.model_fields.get(name)
        if field is None or not is_section(field.annotation):
            yield path, _within(folder, value, field.annotation if field else None)
        elif isinstance(value, dict):
            yield from _leaves(value, places, folder, field.annotation, path)
        else:
            raise wrong(path, places.get(path, "the file"), expected="a table", got=repr(value))


def _within(folder: Path, value: Any, annotation: Any) -> Any:
    """A path in a file is one of that file's folder, or a service and a terminal would mean two by it."""
    kinds = get_args(annotation) or (annotation,)
    if isinstance(value, str) and any(Path in (kind, *get_args(kind)) for kind in kinds):
        return str(folder / value) if value and not value.startswith("~") else value
    if isinstance(value, list) and is_section(kinds[0]):
        fields = kinds[0].model_fields
        types = {name: field.annotation for name, field in fields.items()}
        return [
            {name: _within(folder, one, types.get(name)) for name, one in table.items()}
            if isinstance(table, dict) else table
            for table in value
        ]  # fmt: skip
    return value


def _from_environment(environment: Mapping[str, str]) -> dict[Key, Given]:
    """Of names that are no setting's those are mistakes that begin as a section's do; others may be anybody's."""
    known = {variable_of(path): path for path in settings_paths()}
    sections = tuple(variable_of((name, "")) for name, field in Settings.model_fields.items())
    given = {}
    for name, text in environment.items():
        if name in known:
            given[known[name]] = Given(_parsed(known[name], text, name), name)
        elif name.startswith(sections):
            raise unknown(name, "the environment", known)
    return given


def _parsed(path: Key, value: object, origin: str) -> object:
    """A text for a list or a table is TOML; for all else it is the text of the value."""
    schema: Any = Settings
    for name in path:
        if not is_section(schema) or name not in schema.model_fields:
            raise unknown(dotted(path), origin, map(dotted, settings_paths()))
        schema = schema.model_fields[str(name)].annotation
    if is_section(schema):
        raise UsageError(f"{origin}: {dotted(path)} is a section", do=f"Set one of {', '.join(schema.model_fields)}.")
    if not isinstance(value, str) or get_origin(schema) not in (dict, tuple, frozenset):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        raise wrong(path, origin, expected="a list or a table as in TOML", got=repr(value)) from None
