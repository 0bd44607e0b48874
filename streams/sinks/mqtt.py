"""MQTT: every event at least once (QoS 1 and the outbox), each class's state retained, Home Assistant's discovery.

What is so now (a class's state, a source's, the listener's) is told when it changes and again at each connection; only
the events themselves wait in the outbox. So a sensor does not switch on for what was heard while the broker was away.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Iterable
from importlib.metadata import version
from typing import Any

from pace_edge.errors import SinkError
from pace_edge.journal import Example
from streams.heard import Event, Heard, SourceState, Window, as_record
from streams.sinks import home_assistant as ha
from streams.sinks.broker import Broker, Connection
from streams.sinks.courier import FIRST_RETRY_S, LONGEST_RETRY_S
from streams.sinks.outbox import Letter, Outbox
from streams.sinks.remote import STATES, Choice, Remote
from streams.sinks.reports import Reports
from streams.sinks.sink import NamesNow, event_record, identity, unchanged


class Mqtt(Remote):
    """Publishes under `base_topic`/`node`, `node` being this machine's name unless given (`home_assistant.Topics`).

    `labels`: the classes to announce to Home Assistant at once; one that is learned or first heard later is added.
    `discovery_prefix`: empty for no Home Assistant. `windows`: also every window, at most once, and none while the
    broker is slow. The broker says "offline" for us when we are gone. Raises SinkError, but not for a broker that is
    away.
    """

    def __init__(
        self, broker: Broker, outbox: Outbox, reports: Reports, *, labels: Iterable[str] = (), name: str = "mqtt",
        base_topic: str = "pace-edge", node: str = "", device_name: str = "", windows: bool = False,
        discovery_prefix: str = ha.DISCOVERY_PREFIX, states: Collection[str] = STATES,
        only_labels: Collection[str] = (), names_now: NamesNow = unchanged,
        first_retry_s: float = FIRST_RETRY_S, longest_retry_s: float = LONGEST_RETRY_S,
    ) -> None:  # fmt: skip
        host = socket.gethostname() or "listener"
        _check(base_topic, discovery_prefix, node)
        self._topics = ha.Topics(base_topic, node or ha.slug(host))
        self._device_name = device_name or f"pace-edge {node or host}"
        self._prefix, self._windows, self._trouble = discovery_prefix, windows, reports
        self._lock = threading.RLock()  # of the four below, which both the listener and the connection's thread use
        self._states: dict[str, dict[str, Any]] = {label: ha.sound_state(False) for label in labels}
        self._going_on: dict[str, set[str]] = {}
        self._sources: dict[str, dict[str, Any]] = {}
        self._connection = Connection(
            broker, client_id=f"pace-edge_{self._topics.node}", will=(self._topics.availability, ha.OFFLINE),
            on_up=self._tell_all, on_down=self._down, first_retry_s=first_retry_s, longest_retry_s=longest_retry_s,
        )  # fmt: skip
        super().__init__(
            name, self._deliver, outbox, reports, choice=Choice(states, only_labels, names_now),
            first_retry_s=first_retry_s, longest_retry_s=longest_retry_s,
        )  # fmt: skip
        self._connection.open()

    def write(self, heard: Heard) -> None:
        match heard:
            case Event():
                self._tell_state(heard)
            case SourceState():
                with self._lock:
                    self._sources[heard.source] = as_record(heard)
                    self._connection.tell(self._topics.source(heard.source), self._sources[heard.source])
            case Example():
                self._announce(heard.label)
            case Window() if self._windows:
                self._connection.try_to_tell(self._topics.window, as_record(heard))
        super().write(heard)

    def close(self) -> None:
        super().close()
        self._connection.close()

    def _deliver(self, letter: Letter) -> None:
        self._connection.deliver(letter.id, self._topics.event, letter.record)

    def _tell_state(self, event: Event) -> None:
        """A class is on while any of its events goes on, in any source."""
        with self._lock:
            self._announce(event.label)
            going_on = self._going_on.setdefault(event.label, set())
            if event.state == "end":
                going_on.discard(identity(event))
            else:
                going_on.add(identity(event))
            self._states[event.label] = ha.sound_state(bool(going_on), event_record(event))
            self._connection.tell(self._topics.sound(event.label), self._states[event.label])

    def _announce(self, label: str) -> None:
        with self._lock:
            if label not in self._states:
                self._states[label] = ha.sound_state(False)
                self._tell_discovery()
                self._connection.tell(self._topics.sound(label), self._states[label])

    def _tell_discovery(self) -> None:
        if self._prefix:
            device = ha.discovery(
                self._topics, self._states, device_name=self._device_name, version=version("pace-edge")
            )
            self._connection.tell(ha.discovery_topic(self._prefix, self._topics.node), device)

    def _tell_all(self) -> None:
        """The broker is there, perhaps newly started and knowing nothing."""
        with self._lock:
            self._connection.tell(self._topics.availability, ha.ONLINE)
            self._tell_discovery()
            for label, state in self._states.items():
                self._connection.tell(self._topics.sound(label), state)
            for source, record in self._sources.items():
                self._connection.tell(self._topics.source(source), record)
        self._trouble.over(f"{self.name} connection", f"{self.name} is connected.")
        self._courier.retry_now()

    def _down(self, why: str) -> None:
        self._trouble.trouble(f"{self.name} connection", f"{self.name}: {why}. It is tried again.")


def _check(base_topic: str, discovery_prefix: str, node: str) -> None:
    """Raises SinkError for words that MQTT or Home Assistant would not take."""
    for topic in (base_topic, discovery_prefix or "homeassistant"):
        if not topic or not topic.isprintable() or set(topic) & set("+# ") or topic[0] in "/$" or topic[-1] == "/":
            raise SinkError("this is no topic", expected="words with / between, without + and #", got=repr(topic))
    if node and ha.slug(node) != node:
        raise SinkError("this node cannot be used", expected="1 to 40 of a-z, 0-9, - and _", got=repr(node))
