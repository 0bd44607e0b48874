"""What can be set about where a listener tells what it hears. `outputs.py` opens what is set."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from streams.configuration.section import APath, Count, Labels, Seconds, Section, SomeSeconds

States = frozenset[Literal["start", "update", "end"]]
_STATES = "Of an event, which of start, update and end."
_LABELS = "Only these classes; none: all."


class HistorySettings(Section):
    keep: bool = Field(default=False, description="Keep events in a history, for `pace-edge history`.")
    file: APath | None = Field(default=None, description="Its file; not set: history.sqlite in PACE_EDGE_HOME.")
    keep_days: SomeSeconds = Field(default=365.0, description="Remove what is older, in days.")
    keep_mb: SomeSeconds = Field(default=256.0, description="Remove the oldest where it grows larger, in MB.")


class ClipSettings(Section):
    folder: APath | None = Field(default=None, description="Keep the sound of events there; not set: no sound is kept.")
    before_s: Seconds = Field(default=2.0, description="A clip begins so many seconds before its event.")
    longest_s: SomeSeconds = Field(default=30.0, description="And has at most so many seconds.")
    keep_mb: SomeSeconds = Field(default=500.0, description="All of them together, in MB; the oldest go first.")
    labels: Labels = Field(default=frozenset(), description=_LABELS)


class OutboxSettings(Section):
    keep_days: SomeSeconds = Field(default=30.0, description="Give up what is older, in days.")
    keep_events: Count = Field(default=100_000, description="Give up the oldest of more, for each receiver.")


class MqttSettings(Section):
    host: str | None = Field(default=None, description="The broker's name or address; not set: no MQTT.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=0, description="Its port; 0: 1883, with TLS 8883.")
    user: str | None = Field(default=None, description="Our name, if the broker asks for one.")
    password_file: APath | None = Field(
        default=None, description="A file with the password; not set: the environment's PACE_EDGE_MQTT_PASSWORD."
    )
    tls: bool = Field(default=False, description="Encrypt; also with any of the three files.")
    ca_file: APath | None = Field(default=None, description="The authority to trust, PEM; not set: the system's.")
    certificate_file: APath | None = Field(default=None, description="Our certificate, PEM, if the broker wants one.")
    key_file: APath | None = Field(default=None, description="Its key, PEM.")
    client_id: str = Field(default="", description="Not set: made from the node.")
    keepalive_s: Count = Field(default=30, description="The broker misses us after about so many seconds.")
    base_topic: str = Field(default="pace-edge", description="Topics begin with it.")
    node: str = Field(default="", description="Their next part; not set: this machine's name.")
    device_name: str = Field(default="", description="In Home Assistant; not set: pace-edge and the node.")
    discovery_prefix: str = Field(default="homeassistant", description="Of its discovery; none: no discovery.")
    windows: bool = Field(default=False, description="Publish every window too.")
    states: States = Field(default=frozenset({"start", "end"}), description=_STATES)
    only_labels: Labels = Field(default=frozenset(), description=_LABELS)


class WebhookSettings(Section):
    url: str = Field(description="Events are posted there as JSON.", examples=["https://example.org/heard"])
    name: str | None = Field(default=None, description="In words and in the outbox; not set: webhook.")
    secret_file: APath | None = Field(
        default=None, description="A file with the key that signs; not set: the environment's PACE_EDGE_WEBHOOK_SECRET."
    )
    token_file: APath | None = Field(
        default=None, description="A file with a bearer token; not set: the environment's PACE_EDGE_WEBHOOK_TOKEN."
    )
    ca_file: APath | None = Field(default=None, description="The authority to trust, PEM; not set: the system's.")
    timeout_s: SomeSeconds = Field(default=10.0, description="Wait so many seconds for an answer.")
    states: States = Field(default=frozenset({"start", "end"}), description=_STATES)
    labels: Labels = Field(default=frozenset(), description=_LABELS)


def _in_a_shell(command: Any) -> Any:
    if not isinstance(command, str):
        return command
    return ("cmd", "/c", command) if os.name == "nt" else ("/bin/sh", "-c", command)


class CommandSettings(Section):
    command: Annotated[tuple[str, ...], BeforeValidator(_in_a_shell)] = Field(
        description="A program and its words, or one text for the shell. It gets the event as JSON on standard input "
        "and as PACE_EDGE_LABEL, PACE_EDGE_STATE, ... in the environment.",
        examples=[["notify-send", "heard"]],
    )
    name: str | None = Field(default=None, description="In words; not set: command.")
    timeout_s: SomeSeconds = Field(default=30.0, description="Killed after so many seconds.")
    at_once: Count = Field(default=2, description="So many may run at the same time.")
    states: States = Field(default=frozenset({"start", "end"}), description=_STATES)
    labels: Labels = Field(default=frozenset(), description=_LABELS)


class OutputSettings(Section):
    stdout: Literal["auto", "live", "lines", "json", "events", "none"] = Field(
        default="auto",
        description="On standard output: a live view, lines, JSON lines, events (lines without the windows) or none; "
        "auto: the live view on a terminal, events under systemd, else JSON.",
    )
    csv: APath | None = Field(default=None, description="Append events to this CSV file.")
    audacity: APath | None = Field(default=None, description="Append events to this file of Audacity labels.")
    raven: APath | None = Field(default=None, description="Append events to this Raven selection table.")
    history: HistorySettings = Field(default=HistorySettings(), description="Events in a database.")
    clips: ClipSettings = Field(default=ClipSettings(), description="The sound of events, as FLAC.")
    outbox: OutboxSettings = Field(
        default=OutboxSettings(), description="What waits for receivers of MQTT and webhooks that are away."
    )
    mqtt: MqttSettings = Field(
        default=MqttSettings(), description="An MQTT broker, such as Home Assistant's. Needs the extra [mqtt]."
    )
    webhooks: tuple[WebhookSettings, ...] = Field(default=(), description="HTTP receivers, a table for each.")
    commands: tuple[CommandSettings, ...] = Field(default=(), description="Programs run for events, a table for each.")
