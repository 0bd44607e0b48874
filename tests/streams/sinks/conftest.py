"""An outbox, and MQTT sinks that are closed when the test is over."""

import pytest

from streams.sinks.broker import Broker
from streams.sinks.mqtt import Mqtt
from streams.sinks.outbox import Outbox
from tests.streams.sinks.given import QUICK, Said


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite")
    yield outbox
    outbox.close()


@pytest.fixture
def publish(outbox):
    """Opens the sink, and closes it."""
    opened = []

    def start(port, said=None, **options):
        reports = (Said() if said is None else said).reports
        options = {"node": "attic", "labels": ("dog", "cat"), **QUICK} | options
        host = options.pop("broker", Broker(host="127.0.0.1", port=port))
        opened.append(Mqtt(host, outbox, reports, **options))
        return opened[-1]

    yield start
    for sink in opened:
        sink.close()
