"""What can be set while it listens: it takes hold at the next chunk, and is kept for the next start.

It is kept in a file of its own, in the form of the configuration file, which it goes before; flags and the environment
go before both. `pace-edge config --show` names the file where a value comes from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pace_edge.errors import DeviceError, PaceEdgeError, UsageError
from pace_edge.files import write_whole
from pace_edge.operations import State
from streams.configuration.configure import kept_path
from streams.configuration.settings import Settings
from streams.configuration.settings_file import as_toml
from streams.configuration.source_settings import SourceSettings
from streams.listening.listener import Listener

_HEAD = "# What was set on the page. A flag or the environment goes before it, and it before the configuration file."


class Controls:
    """Called from one thread at a time. `switch` takes the settings whose sources are to be heard."""

    def __init__(
        self, settings: Settings, listener: Listener, switch: Callable[[Settings], None] | None = None
    ) -> None:
        self.settings, self._listener, self._switch = settings, listener, switch
        self.path = settings.web.kept_in or kept_path()

    def set_gain(self, gain_db: float) -> None:
        self._set("windows", gain_db=gain_db)

    def set_threshold(self, label: str, threshold: float | None, state: State) -> None:
        """Of one class, by its name in `state` or an earlier one; None: as the others. `label` "": of all that have
        none of their own; None: the model's."""
        if not label:
            self._set("events", threshold=threshold)
            return
        old = self._listener.options.thresholds
        meant = state.names_now([*old, label])  # what was set for the class under an earlier name is replaced
        kept = {name: value for name, value in old.items() if meant[name] != meant[label]}
        self._set("events", thresholds=kept if threshold is None else {**kept, meant[label]: threshold})

    def _set(self, section: str, **changed: Any) -> None:
        self._listener.adjust(replace(self._listener.options, **changed))
        newer = getattr(self.settings, section).model_copy(update=changed)
        self.settings = self.settings.model_copy(update={section: newer})
        self._keep({section: changed})

    def set_source(self, name: str, device: str | None) -> None:
        """The source called `name` is that microphone from now on; None: the system's default. Raises DeviceError."""
        if self._switch is None:
            raise UsageError("the source cannot be changed here", do="Start the listener with another --input.")
        sources = list(self.settings.sources) or [SourceSettings()]
        if any(one.input == "-" for one in sources):
            raise UsageError("standard input is heard, which cannot be opened again", do="Start again with --input.")
        place = next((i for i, one in enumerate(sources) if name in (one.name, _words(one), f"{i}")), None)
        if place is None and len(sources) > 1:
            expected = ", ".join(_words(one) for one in sources)
            raise UsageError(f"no source is called '{name}'", expected=expected, do="Nothing was changed.")
        chosen = None if device is None else _chosen(device)
        old = sources[place or 0]
        given = {name: value for name, value in (("name", old.name), ("input", chosen)) if value is not None}
        sources[place or 0] = SourceSettings.model_validate(given)
        changed = self.settings.model_copy(update={"sources": tuple(sources)})
        self._switch(changed)
        self.settings = changed
        self._keep({"sources": [{k: getattr(one, k) for k in one.model_fields_set} for one in sources]})

    def _keep(self, changed: Mapping[str, Any]) -> None:
        """Beside what was kept before. It holds already, so a failure loses only the next start, and is told."""
        try:
            kept = tomllib.loads(self.path.read_text(encoding="utf-8-sig")) if self.path.exists() else {}
            for name, value in changed.items():
                kept[name] = {**kept.get(name, {}), **value} if isinstance(value, dict) else value
            write_whole(self.path, _text(kept).encode())
        except (OSError, ValueError) as error:
            raise PaceEdgeError(
                f"it is set, but cannot be kept in {self.path} ({getattr(error, 'strerror', None) or error})",
                do="It holds until the listener ends: make the file writable, or name another with web.kept_in.",
            ) from error


def _chosen(device: str) -> str:
    """The words that mean this microphone at the next start: its name, unless that could be taken for a file."""
    from streams.sources.microphone import input_devices
    from streams.sources.source import means_a_file

    devices = input_devices()
    found = [one for one in devices if one.name == device]
    if len(found) != 1:
        there = ", ".join(f"'{one.name}'" for one in devices) or "no microphone"
        raise DeviceError(f"there is no one microphone '{device}'", expected=there, do="Choose one of these.")
    return str(found[0].index) if means_a_file(device) or device.isdecimal() else device


def _words(source: SourceSettings) -> str:
    return source.name or source.input or "the default microphone"


def _text(kept: Mapping[str, Any]) -> str:
    """TOML: what is no table comes first, since a table goes on to the next one's name."""
    lines = [_HEAD, *(f"{name} = {as_toml(v)}" for name, v in kept.items() if not isinstance(v, dict))]
    for name, table in kept.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{key} = {as_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"
