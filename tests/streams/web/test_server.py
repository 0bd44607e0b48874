"""The page is served beside a listener that it never holds up, from this machine only unless asked otherwise."""

import json
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest

from pace_edge.errors import PaceEdgeError
from streams.web.server import address_of
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import first, serving
from tests.waiting import PATIENCE_S


def test_what_is_heard_arrives_with_all_classes(served):
    with served.stream() as messages:
        served.hear_low()
        window = first(messages, lambda kind, data: kind == "heard" and data["label"] == "low")
        assert (window["type"], window["source"]) == ("window", "attic")
        assert window["top"]["low"] == max(window["top"].values())
        event = first(messages, lambda kind, data: kind == "heard" and data["type"] == "event")
        assert (event["state"], event["label"]) == ("start", "low")


def test_a_page_that_opens_gets_the_last_minute_at_once(served):
    served.hear_low()
    served.hear_hiss()
    wait_until(lambda: len(served.get("/api/recent")["windows"]) == 11)
    recent = served.get("/api/recent")
    assert [event["state"] for event in recent["events"]] == ["start", "end"]
    assert recent["mel"][0]["source"] == "attic"


@pytest.mark.parametrize("recorded", [None, 1.5e9])
def test_the_last_minute_is_what_was_heard_in_it_whenever_it_was_recorded(served, recorded):
    served.hear_low(live=False, recorded_unix_s=recorded)
    wait_until(lambda: len(served.get("/api/recent")["windows"]) == 5)
    recent = served.get("/api/recent")
    (event,) = recent["events"]
    assert event["at_unix_s"] == recorded
    assert [window["at_unix_s"] for window in recent["windows"]] == [
        None if recorded is None else recorded + window["end_s"] for window in recent["windows"]
    ]


def test_an_event_that_goes_on_is_told_however_long_ago_it_began(served, monkeypatch):
    served.hear_low()
    wait_until(lambda: served.get("/api/recent")["events"])
    monkeypatch.setattr("streams.web.hub.HEARD_KEPT_S", -60.0)  # a minute later
    (event,) = served.get("/api/recent")["events"]
    assert (event["state"], event["label"]) == ("start", "low")


def test_the_state_says_what_listens_and_what_is_set(served):
    served.hear_low()
    wait_until(lambda: served.get("/api/state")["sources"])
    state = served.get("/api/state")
    assert state["labels"] == ["low", "high", "background"]
    assert state["model"]["name"] == "small"
    (source,) = state["sources"]
    assert (source["name"], source["state"]) == ("attic", "hearing")
    assert -20 < source["level_dbfs"] < 0
    assert state["counters"]["windows"] == 5
    assert state["token"] is False


def test_a_change_of_the_state_is_told(served):
    with served.stream() as messages:
        served.hear_low(1.5)
        served.post("/api/hide", label="high")
        served.hear_low(1)
        state = first(messages, lambda kind, data: kind == "state" and data["hidden"])
        assert state["hidden"] == ["high"]


def test_a_slow_page_loses_the_oldest_is_told_how_many_and_holds_nobody_up(served, monkeypatch):
    """One page reads nothing while more is heard than its queue and the sockets' buffers hold; another reads all."""
    monkeypatch.setattr("streams.web.hub.QUEUE", 20)
    monkeypatch.setattr("streams.web.studio.PAINT_EVERY_S", 3600.0)  # windows alone
    quick_sees = []
    with served.stream() as slow, served.stream() as quick:
        wait_until(lambda: served.get("/api/state")["viewers"] == 2)
        served.web._loop.call_soon_threadsafe(served.web.hub.tell, "padding", {"words": "x" * 8_000_000})
        first(quick, lambda kind, data: kind == "padding")
        for _ in range(10):
            served.hear_low(5)
            while not quick_sees or quick_sees[-1]["end_s"] < served._given["attic"] / 16000 - 0.5:
                quick_sees.append(first(quick, lambda kind, data: kind == "heard" and data["type"] == "window"))
        assert np.allclose(np.diff([window["end_s"] for window in quick_sees]), 0.5)
        first(slow, lambda kind, data: kind == "padding")
        lost = first(slow, lambda kind, data: kind == "lost")
        assert lost["count"] > 50
        assert first(slow, lambda kind, data: kind == "heard" and data["end_s"] == quick_sees[-1]["end_s"])


def test_a_server_that_hangs_holds_the_listener_up_nowhere(served):
    """Its loop stands still: what is heard is dropped and counted, and the listener comes to its end."""
    hangs, over = threading.Event(), threading.Event()
    served.web._loop.call_soon_threadsafe(lambda: (hangs.set(), over.wait(PATIENCE_S)))
    assert hangs.wait(PATIENCE_S)
    for _ in range(20):
        served.hear_low(2)
    for _ in range(5000):
        served.web.write(next(iter(served.listener.skip(0, source="attic"))))
    assert not over.is_set()
    over.set()
    assert served.web.counts().discarded > 0


def test_no_more_pages_than_set_are_open_at_once(small_model):
    with serving(small_model, viewers=1) as served:
        with served.stream():
            assert "1 pages are open" in served.get("/api/stream", 503)["error"]
        wait_until(lambda: served.get("/api/state")["viewers"] == 0, "the page that went is forgotten")
        served.get("/api/state")


def test_a_line_on_which_nothing_happens_is_kept_alive(served, monkeypatch):
    monkeypatch.setattr("streams.web.hub.KEEP_ALIVE_S", 0.05)
    with socket.create_connection(("127.0.0.1", served.web.port), timeout=PATIENCE_S) as line:
        line.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        came = b""
        while b": nothing new" not in came:
            came += line.recv(4096)


def test_an_address_that_is_taken_is_an_error_in_one_line(served, small_model):
    with (
        pytest.raises(PaceEdgeError, match=r"cannot be served on 127.0.0.1:\d+ \(Address already in use\)"),
        serving(small_model, serve=f"127.0.0.1:{served.web.port}"),
    ):
        pass


def test_an_address_has_a_port_and_is_this_machine_unless_said_otherwise():
    assert address_of("8765") == ("127.0.0.1", 8765)
    assert address_of("0.0.0.0:80") == ("0.0.0.0", 80)
    assert address_of("[::1]:80") == ("::1", 80)


def test_the_server_ends_with_its_listener_although_a_page_is_open(small_model):
    with serving(small_model) as served, served.stream() as messages:
        served.hear_low(1.5)
        first(messages, lambda kind, data: kind == "heard")
        served.web.close()
        wait_until(lambda: not served.web._thread.is_alive(), "the server ends")
        served.hear_low(1.5)  # and the listener goes on


def test_without_the_extra_it_is_named():
    script = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from streams.web.server import Web\n"
        "from pace_edge.errors import PaceEdgeError\n"
        "try: Web(None, None, None)\n"
        "except PaceEdgeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert "pip install 'pace-edge[web]'" in done.stdout


def test_an_unknown_call_is_answered_in_json(served):
    assert served.get("/api/nothing", 404)["error"].startswith("There is no /api/nothing")
    assert json.loads(served.ask("POST", "/api/nothing", "", {"X-Pace-Edge": "1"})[2])["status"] == 404
