"""A real MQTT broker on a loopback port, and someone who listens to it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.streams.sinks.given import wait_until

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed: apt-get install mosquitto")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Mosquitto:
    """Keeps sessions and retained messages on the disk when it is told to (`freeze`): a kill loses all after that."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port, self._folder = free_port(), folder
        self._file = folder / "mosquitto.conf"
        self._settings = settings
        folder.chmod(0o777)  # started by root, it becomes the user "mosquitto"

    def start(self, *, forget: bool = False) -> None:
        """`forget`: with nothing of what it kept."""
        if forget:
            (self._folder / "mosquitto.db").unlink(missing_ok=True)
        self._file.write_text("\n".join((
            f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {self._folder}/",
            "user root", *self._settings, "",
        )))  # fmt: skip
        self._process = subprocess.Popen([PROGRAM, "-c", self._file], stderr=subprocess.DEVNULL)
        wait_until(self._answers, "the broker starts")

    def freeze(self) -> None:
        """It writes its state to the disk, then reads nothing more; what is sent to it is never confirmed."""
        saved = self._folder / "mosquitto.db"
        saved.unlink(missing_ok=True)
        self._process.send_signal(signal.SIGUSR1)
        wait_until(saved.exists, "mosquitto saves")
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "mosquitto ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Subscriber:
    """Hears everything at QoS 1, in a session that outlives connections: `.messages` are (topic, payload, retained)."""

    def __init__(
        self, port: int, topic: str = "#", client_id: str = "subscriber", user: str = "", password: str = ""
    ) -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        if user:
            self._client.username_pw_set(user, password)
        self._client.reconnect_delay_set(0.02, 0.1)
        subscribed: list[object] = []
        self._client.on_connect = lambda *_: self._client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: subscribed.append(1)
        self._client.on_message = lambda _, __, m: self.messages.append((m.topic, m.payload.decode(), m.retain))
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=session)
        self._client.loop_start()
        wait_until(lambda: subscribed, "the subscription")

    def payloads(self, topic: str) -> list[str]:
        return [payload for its, payload, _ in list(self.messages) if its == topic]

    def last(self, topic: str) -> str | None:
        return (self.payloads(topic) or [None])[-1]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def pause() -> None:
    """Time for what must not happen."""
    time.sleep(0.3)
