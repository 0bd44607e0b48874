"""Prometheus gets what was heard, counted and lost, over real HTTP, from this machine only unless asked otherwise."""

import http.client
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pace_edge.errors import PaceEdgeError
from streams.heard import Event, Gap, SourceState, Window
from streams.listening.counters import Counters
from streams.sinks import metrics as module
from streams.sinks.metrics import Metrics
from streams.sinks.sink import Counts
from tests.waiting import PATIENCE_S


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def metrics(counters):
    opened = Metrics(0, counters=lambda: counters, sinks=lambda: {"mqtt": Counts(written=5, delivered=3, waiting=2)})
    yield opened
    opened.close()


def get(metrics, path="/metrics"):
    connection = http.client.HTTPConnection("127.0.0.1", metrics.port, timeout=PATIENCE_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def samples(metrics):
    status, body = get(metrics)
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            found[sample.name, *sorted(sample.labels.values())] = sample.value
    return found


def test_what_is_heard_is_counted(metrics, counters):
    counters.windows, counters.latency_s, counters.dropped_samples, counters.learned = 2, 0.03, 160, 1
    counters.away_samples = 320
    for heard in (
        Window(0, 1, "dog", 0.9, -20.0, source="attic"),
        Event("start", 0, 1, "dog", 0.9, source="attic"),
        Event("update", 0, 2, "dog", 0.9, source="attic"),
        Event("end", 0, 3, 'do"g\n', 0.9, source="attic"),
        Event("start", 4, 5, 'do"g\n', 0.9, source="attic"),
        Gap(1, 2),
        SourceState("attic", "gone", "unplugged", 0.0),
    ):
        metrics.write(heard)
    found = samples(metrics)
    assert found["pace_edge_events_total", "attic", "dog"] == 1
    assert found["pace_edge_events_total", "attic", 'do"g\n'] == 1
    assert found["pace_edge_windows_total",] == 2
    assert found["pace_edge_dropped_samples_total",] == 160
    assert found["pace_edge_away_samples_total",] == 320
    assert found["pace_edge_labels_learned_total",] == 1
    assert found["pace_edge_window_latency_seconds_bucket", "0.02"] == 0
    assert found["pace_edge_window_latency_seconds_bucket", "0.05"] == 1
    assert found["pace_edge_level_dbfs", "attic"] == -20
    assert found["pace_edge_source_state", "attic", "gone"] == 1
    assert found["pace_edge_source_state", "attic", "healthy"] == 0
    assert found["pace_edge_sink_reports_total", "delivered", "mqtt"] == 3
    assert found["pace_edge_sink_waiting", "mqtt"] == 2
    assert found["process_resident_memory_bytes",] > 1e6


def test_every_counter_is_told(metrics, counters):
    """A number that is added to Counters does not stay unseen: events have their labels, latency a histogram."""
    told = set(module._TOTALS) | {"events", "latency_s"}
    assert set(vars(counters)) == told


def test_health_says_whether_the_listener_comes_round(metrics, monkeypatch):
    assert get(metrics, "/health")[0] == 200
    monkeypatch.setattr(module, "STALE_S", -1.0)
    assert get(metrics, "/health")[0] == 503
    monkeypatch.setattr(module, "STALE_S", 30.0)
    metrics.alive()
    assert get(metrics, "/health")[0] == 200
    assert get(metrics, "/other")[0] == 404


def test_a_client_that_says_nothing_does_not_keep_the_others_out(metrics):
    silent = http.client.HTTPConnection("127.0.0.1", metrics.port)
    silent.connect()
    assert get(metrics, "/health")[0] == 200
    silent.close()


def test_only_this_machine_is_served_unless_asked_otherwise(metrics):
    assert metrics._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_an_error_in_one_line(metrics, counters):
    with pytest.raises(PaceEdgeError, match=r"cannot be served on 127.0.0.1:\d+ \(Address already in use\)"):
        Metrics(metrics.port, counters=lambda: counters)


def test_an_address_that_is_none_is_an_error_in_one_line(counters):
    with pytest.raises(PaceEdgeError, match=r"cannot be served on 300\.1\.1\.1"):
        Metrics(0, "300.1.1.1", counters=lambda: counters)


def test_without_the_extra_it_is_named():
    script = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from streams.sinks.metrics import Metrics; from streams.listening.counters import Counters\n"
        "from pace_edge.errors import PaceEdgeError\n"
        "try: Metrics(0, counters=Counters)\n"
        "except PaceEdgeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert "pip install 'pace-edge[metrics]'" in done.stdout
