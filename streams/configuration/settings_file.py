"""The configuration file as a person gets it: every setting with its sentence and its default, commented out.

What stays commented out follows the defaults of later versions. The line of a sentence starts with "# ", that of a
setting with "#".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from streams.configuration.configure import variable_of
from streams.configuration.section import Section, is_section
from streams.configuration.settings import Settings

_HEAD = f"""\
# What pace-edge listens with. Take the # away from the settings that you change; the others keep their defaults.
# A flag goes before the environment, and that before this file: events.threshold is also --set events.threshold=0.8
# and {variable_of(("events", "threshold"))}=0.8. An empty text means: not set."""


def commented_toml() -> str:
    """The text of a configuration file in which nothing is changed."""
    return "\n".join([_HEAD, *_section(Settings, "")]) + "\n"


def as_toml(value: Any) -> str:
    """A setting's value as TOML has it; not set is an empty text."""
    if value is None:
        return '""'
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in value.model_fields_set}
    if isinstance(value, dict):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{as_toml(k)} = {as_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's texts and numbers are TOML's too


def shown_toml(value: Any) -> str:
    """The same, without the user and the password that an address may have."""
    return re.sub(r"://[^/@]+@", "://...@", as_toml(value))


def _section(schema: type[Section], prefix: str) -> Iterator[str]:
    tables: list[tuple[str, type[Section], str, bool]] = []
    for name, field in schema.model_fields.items():
        annotation: Any = field.annotation
        element = annotation.__args__[0] if getattr(annotation, "__origin__", None) is tuple else annotation
        if is_section(element):
            tables.append((prefix + name, element, field.description or "", element is not annotation))
            continue
        yield f"# {field.description}"
        default = field.get_default(call_default_factory=True)
        if field.is_required():  # then it has an example
            default = (field.examples or [""])[0]
        yield f"#{name} = {as_toml(default)}"
    for name, element, sentence, many in tables:
        yield ""
        yield f"# {sentence}"
        yield f"#[[{name}]]" if many else f"[{name}]"
        yield from _section(element, name + ".")
