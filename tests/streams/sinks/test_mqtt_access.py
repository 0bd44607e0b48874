"""MQTT: who may connect and what may be said; what cannot be is told at once, with what to do."""

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pace_edge.errors import SinkError
from streams.sinks import home_assistant as ha
from streams.sinks.broker import Broker
from streams.sinks.mqtt import Mqtt
from tests.streams.sinks.given import Said, event, wait_until
from tests.streams.sinks.mosquitto import Mosquitto, needs_mosquitto

pytestmark = needs_mosquitto


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A broker that wants a password and TLS, and forbids the user "mute" to publish events."""
    folder = tmp_path_factory.mktemp("locked")
    openssl, passwords = shutil.which("openssl"), shutil.which("mosquitto_passwd")
    if not (openssl and passwords):
        pytest.skip("openssl or mosquitto_passwd is not installed")
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([openssl, "req", "-x509", "-days", "2", *key, *names], check=True, capture_output=True)
    for user, create in (("ear", ["-c"]), ("mute", [])):
        subprocess.run(
            [passwords, "-b", *create, folder / "passwords", user, "s3cret"], check=True, capture_output=True
        )
    (folder / "rules").write_text("user ear\ntopic readwrite #\nuser mute\ntopic readwrite pace-edge/+/availability\n")
    for name in ("key.pem", "passwords", "rules"):
        (folder / name).chmod(0o600)
    broker = Mosquitto(
        folder, f"cafile {folder}/cert.pem", f"certfile {folder}/cert.pem", f"keyfile {folder}/key.pem",
        "allow_anonymous false", f"password_file {folder}/passwords", f"acl_file {folder}/rules",
    )  # fmt: skip
    broker.start()
    broker.ca_file = folder / "cert.pem"
    broker.password_file = folder / "password"
    broker.password_file.write_text("s3cret\n")
    yield broker
    broker.kill()


def address(locked, **fields):
    given = {"user": "ear", "password_file": locked.password_file, "ca_file": locked.ca_file} | fields
    return Broker(host="127.0.0.1", port=locked.port, **given)


def test_tls_and_a_password_from_a_file_or_the_environment(locked, publish, monkeypatch):
    sink = publish(locked.port, broker=address(locked))
    sink.write(event(1))
    wait_until(lambda: sink.counts().delivered == 1)
    sink.close()
    monkeypatch.setenv("PACE_EDGE_MQTT_PASSWORD", "s3cret")
    sink = publish(locked.port, broker=address(locked, password_file=None))
    sink.write(event(2))
    wait_until(lambda: sink.counts().delivered == 1)


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <s.*ocket:pytest.PytestUnraisableExceptionWarning")
def test_a_wrong_password_and_an_unknown_authority_are_said_and_the_event_waits(locked, publish, monkeypatch, outbox):
    monkeypatch.setenv("PACE_EDGE_MQTT_PASSWORD", "wrong")
    sink = publish(locked.port, said := Said(), broker=address(locked, password_file=None))
    sink.write(event(1))
    wait_until(lambda: said.has("the broker refuses us: Not authorized"))
    sink.close()
    sink = publish(locked.port, said := Said(), broker=address(locked, ca_file=None, tls=True))
    wait_until(lambda: said.has("there is no connection to 127.0.0.1"))
    assert sink.counts().waiting == 1
    assert sink.counts().delivered == 0
    sink.close()
    gc.collect()


def test_an_event_that_the_brokers_rules_forbid_is_refused_and_said(locked, publish):
    sink = publish(locked.port, said := Said(), broker=address(locked, user="mute"))
    sink.write(event(1))
    wait_until(lambda: sink.counts().failed == 1)
    assert said.has("dog was refused and is not sent again (Not authorized)")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": ""}, "this is no MQTT broker: expected a host name or address, got ''"),
        ({"host": "mqtt://host"}, "Leave out mqtt://"),
        ({"host": "h", "port": 70000}, "this is no port: expected 1 to 65535"),
    ],
)
def test_a_broker_that_cannot_be_is_said_at_once(fields, words):
    with pytest.raises(SinkError, match=words):
        Broker(**fields)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_topic": "a/#"}, "this is no topic"),
        ({"base_topic": ""}, "this is no topic"),
        ({"discovery_prefix": "/x"}, "this is no topic"),
        ({"node": "My Attic"}, "this node cannot be used"),
        ({"broker": Broker(host="h", user="u", password_file=Path("absent"))}, "the secret absent cannot be read"),
        ({"broker": Broker(host="h", ca_file=Path("absent"))}, "the certificates for h cannot be read"),
    ],
)
def test_options_that_cannot_be_are_said_at_once(publish, options, words):
    with pytest.raises(SinkError, match=words):
        publish(1, **options)


def test_without_paho_it_says_what_to_install(publish, monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(SinkError, match=r"MQTT needs the package paho-mqtt. pip install 'pace-edge\[mqtt\]'"):
        publish(1)


def test_this_machines_name_is_the_node_unless_one_is_given(outbox):
    sink = Mqtt(Broker(host="127.0.0.1", port=1), outbox, Said().reports)
    assert sink._topics.node == ha.slug(os.uname().nodename)
    sink.close()
