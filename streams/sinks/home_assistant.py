"""What Home Assistant is told over MQTT: one device for the listener, one binary sensor for each class.

Its documentation has event entities for what is momentary and has no state, such as a button; a sound begins and ends,
and the device class "sound" of a binary sensor is on while one is detected. So a class is a binary sensor. For
automations that want every single event, `topics.event` has each as JSON.

https://www.home-assistant.io/integrations/mqtt/ (device discovery, Home Assistant 2024.12 and later)
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DISCOVERY_PREFIX = "homeassistant"
ONLINE, OFFLINE = "online", "offline"


def slug(text: str) -> str:
    """A name for topics and ids: a-z, 0-9, - and _; different texts have different ones."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_")[:40]
    return plain if plain == text else f"{plain}_{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("_")


@dataclass(frozen=True)
class Topics:
    """Under `base`/`node`: `availability`, `event`, `window`, `sound/CLASS`, `source/NAME`."""

    base: str
    node: str

    def _of(self, *levels: str) -> str:
        return "/".join((self.base, self.node, *levels))

    @property
    def availability(self) -> str:
        return self._of("availability")

    @property
    def event(self) -> str:
        return self._of("event")

    @property
    def window(self) -> str:
        return self._of("window")

    def sound(self, label: str) -> str:
        return self._of("sound", slug(label))

    def source(self, name: str) -> str:
        return self._of("source", slug(name))


def discovery_topic(prefix: str, node: str) -> str:
    return f"{prefix}/device/{node}/config"


def discovery(topics: Topics, labels: Iterable[str], *, device_name: str, version: str) -> dict[str, Any]:
    """The device and its sensors, to be published retained."""
    return {
        "device": {
            "identifiers": [f"pace-edge_{topics.node}"],
            "name": device_name,
            "manufacturer": "pace-edge",
            "model": "listener",
            "sw_version": version,
        },
        "origin": {"name": "pace-edge", "sw_version": version},
        "availability_topic": topics.availability,
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "components": {slug(label): _sensor(topics, label) for label in labels},
    }


def _sensor(topics: Topics, label: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": label,
        "unique_id": f"pace-edge_{topics.node}_{slug(label)}",
        "device_class": "sound",
        "state_topic": topics.sound(label),
        "value_template": "{{ value_json.state }}",
        "json_attributes_topic": topics.sound(label),
    }


def sound_state(on: bool, event: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a class's topic has: ON or OFF, and what was heard last of it as attributes."""
    attributes = ("score", "level_dbfs", "duration_s", "source", "at_unix_s", "id")
    return {"state": "ON" if on else "OFF"} | {key: event[key] for key in attributes if event and key in event}
