"""The connection to an MQTT broker: kept up by itself, with a last will, and sure of what was confirmed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pace_edge.errors import SinkError
from streams.sinks.courier import AwayError, RefusedError
from streams.sinks.secrets import read_secret

PASSWORD_VARIABLE = "PACE_EDGE_MQTT_PASSWORD"
LONGEST_RECONNECT_S = 60.0
_CONFIRMED_WITHIN_S = 10.0
_GOODBYE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where the broker is and how it knows us. Raises SinkError."""

    host: str
    port: int = 0  # else 1883, with TLS 8883
    user: str | None = None
    password_file: Path | None = None  # else the environment's PACE_EDGE_MQTT_PASSWORD
    tls: bool = False  # also on with any of the three files
    ca_file: Path | None = None  # else the system's authorities
    certificate_file: Path | None = None  # ours, where the broker wants one, with its key
    key_file: Path | None = None
    client_id: str = ""  # else made from the node; two listeners with the same one throw each other out
    keepalive_s: int = 30

    def __post_init__(self) -> None:
        if not self.host or not self.host.isprintable() or set(self.host) & set(" /"):
            raise SinkError(
                "this is no MQTT broker", expected="a host name or address", got=repr(self.host),
                do="Leave out mqtt:// and the port; the port is an option of its own.",
            )  # fmt: skip
        if not 0 <= self.port < 65536:
            raise SinkError("this is no port", expected="1 to 65535, or 0 for the usual one", got=str(self.port))

    @property
    def secure(self) -> bool:
        return self.tls or any((self.ca_file, self.certificate_file, self.key_file))

    @property
    def real_port(self) -> int:
        return self.port or (8883 if self.secure else 1883)


class Connection:
    """To `broker`, from now until `close`. Each time that it comes up, `on_up` is called, in the connection's thread;
    `on_down` gets the reason each time that it cannot be had. MQTT 5, whose confirmations say when a broker's rules
    forbid a topic. Raises SinkError, but not for a broker that is away.
    """

    def __init__(
        self, broker: Broker, *, client_id: str, will: tuple[str, str], on_up: Callable[[], None],
        on_down: Callable[[str], None], first_retry_s: float, longest_retry_s: float,
    ) -> None:  # fmt: skip
        self._will, self._on_up, self._on_down = will, on_up, on_down
        self._up = threading.Event()
        self._refusals: dict[int, str] = {}
        self._unconfirmed: tuple[int, Any] | None = None
        self._tried: Any = None
        self._why = f"there is no connection to {broker.host}:{broker.real_port}"
        self._client = _new_client(broker, client_id)
        self._client.will_set(*will, qos=1, retain=True)
        self._client.reconnect_delay_set(first_retry_s, min(longest_retry_s, LONGEST_RECONNECT_S))
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda *_: self._on_down(self._why)
        self._client.on_disconnect = self._disconnected
        self._client.on_publish = self._confirmed
        self._client.connect_async(broker.host, broker.real_port, keepalive=broker.keepalive_s)

    def open(self) -> None:
        self._client.loop_start()

    @property
    def up(self) -> bool:
        return self._up.is_set()

    def tell(self, topic: str, payload: dict[str, Any] | str) -> None:
        """Publish what is so now, retained; without waiting, and only while connected: `on_up` tells it all again.

        At QoS 0: at 1 the client would send again, after a reconnection, what is no longer so."""
        if self.up:
            self._client.publish(topic, _text(payload), qos=0, retain=True)

    def try_to_tell(self, topic: str, payload: dict[str, Any]) -> None:
        """Publish at most once, and not at all while the one before is still on its way."""
        if self.up and (self._tried is None or _published(self._tried)):
            self._tried = self._client.publish(topic, _text(payload), qos=0)

    def deliver(self, number: int, topic: str, payload: dict[str, Any]) -> None:
        """Publish, and return when the broker has confirmed it; raises AwayError or RefusedError. Called again with the
        same number it waits on: the client itself sends it again after a lost connection."""
        if self._unconfirmed is None or self._unconfirmed[0] != number:
            if not self.up:
                raise AwayError(self._why)
            self._refusals.clear()
            self._unconfirmed = (number, self._client.publish(topic, _text(payload), qos=1))
        info, end = self._unconfirmed[1], time.monotonic() + _CONFIRMED_WITHIN_S
        while not _published(info):
            if not self.up:
                raise AwayError(self._why)
            if time.monotonic() > end:
                raise AwayError(f"the broker confirmed nothing within {_CONFIRMED_WITHIN_S:g} s")
            with suppress(RuntimeError, ValueError):
                info.wait_for_publish(0.2)
        self._unconfirmed = None
        if refusal := self._refusals.pop(info.mid, None):
            raise RefusedError(refusal)

    def close(self) -> None:
        """Say goodbye in the words of the last will, which is not sent after an orderly end."""
        if self.up:
            goodbye = self._client.publish(self._will[0], self._will[1], qos=1, retain=True)
            with suppress(RuntimeError, ValueError):
                goodbye.wait_for_publish(_GOODBYE_S)
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._why = f"the broker refuses us: {reason}"
            self._on_down(self._why)
            return
        self._up.set()
        self._on_up()

    def _disconnected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if self.up:
            self._up.clear()
            self._why = f"the connection was lost: {reason}"
            self._on_down(self._why)

    def _confirmed(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refusals[mid] = str(reason)


def _new_client(broker: Broker, client_id: str) -> Any:
    try:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError:
        raise SinkError("MQTT needs the package paho-mqtt", do="pip install 'pace-edge[mqtt]'") from None
    client = Client(CallbackAPIVersion.VERSION2, client_id=broker.client_id or client_id, protocol=MQTTv5)
    if broker.user is not None:
        client.username_pw_set(broker.user, read_secret(broker.password_file, PASSWORD_VARIABLE))
    if broker.secure:
        ca, certificate, key = (
            str(file) if file else None for file in (broker.ca_file, broker.certificate_file, broker.key_file)
        )
        try:
            client.tls_set(ca, certificate, key)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise SinkError(
                f"the certificates for {broker.host} cannot be read: {error}", do="Name PEM files, a key with its "
                "certificate.",
            ) from error  # fmt: skip
    return client


def _published(info: Any) -> bool:
    with suppress(RuntimeError, ValueError):  # it was not sent at once; the client sends it when it is connected
        return info.is_published()
    return False


def _text(payload: dict[str, Any] | str) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
