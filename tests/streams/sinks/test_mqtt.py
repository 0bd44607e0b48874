"""MQTT with a real mosquitto: no promised event is lost when it is killed, and sensors show what is so now."""

import json
import signal
import subprocess
import sys

import pytest

from pace_edge.journal import Example
from streams.heard import SourceState, Window
from streams.sinks import home_assistant as ha
from streams.sinks.broker import Broker
from streams.sinks.mqtt import Mqtt
from streams.sinks.outbox import Outbox
from tests.streams.sinks.given import Said, event, wait_until
from tests.streams.sinks.mosquitto import Mosquitto, Subscriber, needs_mosquitto, pause

pytestmark = needs_mosquitto
EVENT, ONLINE, DOG = "pace-edge/attic/event", "pace-edge/attic/availability", "pace-edge/attic/sound/dog"


@pytest.fixture
def broker(tmp_path_factory):
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), "allow_anonymous true")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def subscriber(broker):
    subscriber = Subscriber(broker.port)
    yield subscriber
    subscriber.close()


def state(subscriber, topic=DOG):
    return json.loads(subscriber.last(topic) or '{"state": null}')["state"]


def ids(subscriber):
    return [json.loads(payload)["id"] for payload in subscriber.payloads(EVENT)]


def test_home_assistant_finds_one_device_with_a_sensor_for_each_class(broker, publish, subscriber):
    publish(broker.port)
    wait_until(lambda: subscriber.last("homeassistant/device/attic/config"))
    device = json.loads(subscriber.last("homeassistant/device/attic/config"))
    assert device["device"]["identifiers"] == ["pace-edge_attic"]
    assert device["origin"]["name"] == "pace-edge"
    assert device["availability_topic"] == ONLINE
    assert set(device["components"]) == {"dog", "cat"}
    assert device["components"]["dog"] == {
        "platform": "binary_sensor", "name": "dog", "unique_id": "pace-edge_attic_dog", "device_class": "sound",
        "state_topic": DOG, "value_template": "{{ value_json.state }}", "json_attributes_topic": DOG,
    }  # fmt: skip
    wait_until(lambda: state(subscriber) == "OFF")
    assert subscriber.last(ONLINE) == "online"
    late = Subscriber(broker.port, client_id="late")  # Home Assistant after a restart
    wait_until(lambda: late.last(ONLINE) and late.last(DOG) and late.last("homeassistant/device/attic/config"))
    assert all(retained for _, _, retained in late.messages)
    late.close()


def test_a_sensor_is_on_while_an_event_of_its_class_goes_on_in_any_source(broker, publish, subscriber):
    sink = publish(broker.port)
    wait_until(lambda: state(subscriber) == "OFF")
    for one, expected in [
        (event(1, "start", source="attic"), "ON"), (event(2, "start", source="hall"), "ON"),
        (event(1, "end", source="attic"), "ON"), (event(2, "end", source="hall"), "OFF"),
    ]:  # fmt: skip
        seen = len(subscriber.payloads(DOG))
        sink.write(one)
        wait_until(lambda seen=seen: len(subscriber.payloads(DOG)) > seen)
        assert state(subscriber) == expected
    assert json.loads(subscriber.last(DOG))["source"] == "hall"
    wait_until(lambda: ids(subscriber) == ["id-1", "id-2", "id-1", "id-2"])
    record = json.loads(subscriber.payloads(EVENT)[0])
    assert record == record | {"type": "event", "state": "start", "label": "dog", "score": 0.9}
    assert not [retained for topic, _, retained in subscriber.messages if topic == EVENT and retained]


def test_a_class_that_is_learned_or_first_heard_later_is_announced(broker, publish, subscriber):
    sink = publish(broker.port)
    wait_until(lambda: state(subscriber) == "OFF")
    sink.write(Example(7, 5.0, "Türklingel", "file", None))
    sink.write(event(1, "start", label="kettle"))
    wait_until(lambda: "kettle" in (subscriber.last("homeassistant/device/attic/config") or ""))
    names = {
        one["name"] for one in json.loads(subscriber.last("homeassistant/device/attic/config"))["components"].values()
    }
    assert names == {"dog", "cat", "Türklingel", "kettle"}
    wait_until(lambda: state(subscriber, f"pace-edge/attic/sound/{ha.slug('Türklingel')}") == "OFF")


def test_sources_and_windows_are_told_when_asked(broker, publish, subscriber):
    sink = publish(broker.port, windows=True, discovery_prefix="")
    wait_until(lambda: subscriber.last(ONLINE) == "online")
    sink.write(SourceState("attic", "gone", "unplugged", 5.0))
    sink.write(Window(0, 1, "dog", 1, -20))
    wait_until(lambda: subscriber.last("pace-edge/attic/source/attic"))
    wait_until(lambda: subscriber.last("pace-edge/attic/window"))
    assert not [topic for topic, _, _ in subscriber.messages if topic.startswith("homeassistant")]


def test_a_broker_that_is_killed_and_started_again_and_again_misses_no_event(broker, publish, subscriber):
    sink = publish(broker.port, said := Said())
    number = 0
    for _ in range(3):
        wait_until(lambda: subscriber.last(ONLINE) == "online")
        for _ in range(5):
            number += 1
            sink.write(event(number))
        wait_until(lambda number=number: len(set(ids(subscriber))) == number)  # it has confirmed, and passed on, all
        broker.freeze()
        for kill in (lambda: None, broker.kill, lambda: None):  # on their way, and while it is dead
            kill()
            for _ in range(2):
                number += 1
                sink.write(event(number))
        broker.start()
    wait_until(lambda: sink.counts().waiting == 0)
    expected = [f"id-{n}" for n in range(1, number + 1)]
    wait_until(lambda: set(ids(subscriber)) == set(expected), f"{number} events")
    assert list(dict.fromkeys(ids(subscriber))) == expected  # in order; at most some twice
    assert said.has("mqtt: the connection was lost")
    assert said.has("mqtt is connected.")


def test_a_broker_that_forgot_everything_is_told_what_is_so_now(broker, publish, subscriber):
    sink = publish(broker.port)
    wait_until(lambda: state(subscriber) == "OFF")
    broker.freeze()
    sink.write(event(1, "start"))  # on its way, and over before it can arrive
    broker.kill()
    sink.write(event(1, "end"))
    sink.write(event(2, "start", label="cat"))
    broker.start(forget=True)
    wait_until(lambda: sink._connection.up)
    late = Subscriber(broker.port, client_id="late")
    wait_until(lambda: late.last(ONLINE) == "online" and late.last("homeassistant/device/attic/config"))
    wait_until(lambda: state(late) == "OFF" and state(late, "pace-edge/attic/sound/cat") == "ON")
    wait_until(lambda: sink.counts().waiting == 0)
    pause()
    assert state(late) == "OFF"
    late.close()


def test_a_broker_that_comes_later_gets_every_event_and_no_sensor_goes_on_for_what_is_over(tmp_path, outbox, publish):
    broker = Mosquitto(tmp_path, "allow_anonymous true")
    sink = publish(broker.port, said := Said())
    for one in (event(1, "start"), event(1, "end")):
        sink.write(one)
    wait_until(lambda: said.has("mqtt takes no events (there is no connection to 127.0.0.1:"))
    broker.start()
    early = Subscriber(broker.port)
    wait_until(lambda: sink.counts().delivered == 2)
    wait_until(lambda: state(early) == "OFF")
    pause()
    assert "ON" not in {json.loads(payload)["state"] for payload in early.payloads(DOG)}
    early.close()
    broker.kill()


LISTENER = """
import sys
from pathlib import Path
from streams.sinks.broker import Broker
from streams.sinks.mqtt import Mqtt
from streams.sinks.outbox import Outbox
from streams.sinks.reports import Reports
from tests.streams.sinks.given import event
sink = Mqtt(Broker(host="127.0.0.1", port=int(sys.argv[2])), Outbox(Path(sys.argv[1])), Reports(lambda words: None),
            node="attic", labels=("dog",))
for number in range(1, 1_000_000):
    sink.write(event(number, "start"))
    print(number, flush=True)  # promised
"""


def test_a_listener_that_is_killed_breaks_no_promise_and_the_broker_says_it_is_gone(broker, subscriber, tmp_path):
    path = tmp_path / "killed.sqlite"
    listener = subprocess.Popen(
        [sys.executable, "-c", LISTENER, path, str(broker.port)], stdout=subprocess.PIPE, text=True
    )
    listener.stdout.readline()
    wait_until(lambda: len(ids(subscriber)) > 5)
    listener.send_signal(signal.SIGKILL)
    lines = listener.communicate()[0].splitlines(keepends=True)
    promised = int([line for line in lines if line.endswith("\n")][-1])
    wait_until(lambda: subscriber.last(ONLINE) == "offline", "the last will")
    assert state(subscriber) == "ON"  # as it was when it died
    outbox = Outbox(path)
    sink = Mqtt(Broker(host="127.0.0.1", port=broker.port), outbox, Said().reports, node="attic", labels=("dog",))
    wait_until(lambda: sink.counts().waiting == 0)
    wait_until(lambda: state(subscriber) == "OFF" and subscriber.last(ONLINE) == "online")
    sink.close()
    outbox.close()
    wait_until(lambda: len(set(ids(subscriber))) >= promised)
    assert list(dict.fromkeys(ids(subscriber)))[:promised] == [f"id-{n}" for n in range(1, promised + 1)]


def test_an_orderly_end_says_offline(broker, publish, subscriber):
    sink = publish(broker.port)
    wait_until(lambda: subscriber.last(ONLINE) == "online")
    sink.close()
    wait_until(lambda: subscriber.last(ONLINE) == "offline")
