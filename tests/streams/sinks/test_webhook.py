"""Webhooks reach a real server: in order, signed, again while it is dead, and never again where it refused."""

import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pace_edge.errors import SinkError
from streams.heard import Window
from streams.sinks.outbox import Outbox
from streams.sinks.webhook import Webhook
from tests.streams.sinks.given import Said, event, finish, wait_until

QUICK = {"first_retry_s": 0.02, "longest_retry_s": 0.2}


@pytest.fixture
def server():
    """A receiver whose `.answers` are given one after the other, then 200; `.got` has (headers, body) of each."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((self.headers, body))
            status, headers = server.answers.pop(0) if server.answers else (200, {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self):  # where a redirection was followed
            self.do_POST()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def labels(server):
    return [json.loads(body)["label"] for _, body in server.got]


def test_each_event_is_posted_as_its_record_with_a_signature_of_the_secret(server, outbox, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "token").write_text("t0ken")
    sink = Webhook(
        server.url, outbox, Said().reports, secret_file=tmp_path / "secret", token_file=tmp_path / "token", **QUICK
    )
    for heard in (Window(0, 1, "no", 1, -20), event(state="update"), event(state="start", label="дог"), event()):
        sink.write(heard)
    finish(sink)
    assert labels(server) == ["дог", "dog"]
    headers, body = server.got[0]
    assert json.loads(body).items() >= {"type": "event", "state": "start", "id": "id-1", "source": "attic"}.items()
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer t0ken"
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Pace-Edge-Signature-256"] == f"sha256={expected}"
    assert headers["Idempotency-Key"] != server.got[1][0]["Idempotency-Key"]
    assert (sink.counts().written, sink.counts().delivered, sink.counts().waiting) == (2, 2, 0)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_go_well_later_is_sent_again(server, outbox, status):
    server.answers = [(status, {}), (status, {"Retry-After": "0"})]
    sink = Webhook(server.url, outbox, (said := Said()).reports, **QUICK)
    sink.write(event())
    wait_until(lambda: sink.counts().delivered)
    sink.close()
    assert len(server.got) == 3
    assert len({headers["Idempotency-Key"] for headers, _ in server.got}) == 1
    assert said.has(f"HTTP status {status}")


def test_the_receiver_says_when_to_come_again(server, outbox):
    server.answers = [(503, {"Retry-After": "3600"})]
    sink = Webhook(server.url, outbox, Said().reports, **QUICK)
    sink.write(event())
    wait_until(lambda: server.got)
    wait_until(lambda: sink._courier._tries)
    assert sink._courier._pause() > 3500
    sink.close()
    assert outbox.waiting("webhook") == 1


@pytest.mark.parametrize("status", [400, 404, 301, 307])
def test_a_refusal_is_said_and_the_next_event_is_sent(server, outbox, status):
    server.answers = [(status, {"Location": server.url})]
    sink = Webhook(server.url, outbox, (said := Said()).reports, **QUICK)
    sink.write(event(1, label="refused"))
    sink.write(event(2, label="taken"))
    wait_until(lambda: sink.counts().delivered)
    sink.close()
    assert labels(server) == ["refused", "taken"]
    assert sink.counts().failed == 1
    assert said.has(f"refused was refused and is not sent again (HTTP status {status}")


def test_only_the_chosen_events_are_sent(server, outbox):
    sink = Webhook(server.url, outbox, Said().reports, states=("start",), labels=("dog",), **QUICK)
    for one in (event(1, "start"), event(1, "end"), event(2, "start", "cat")):
        sink.write(one)
    finish(sink)
    assert labels(server) == ["dog"]


RECEIVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[2], "ab") as file:
            file.write(body + b"\\n")
            os.fsync(file.fileno())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass
HTTPServer.allow_reuse_address = True
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print("up", flush=True)
server.serve_forever()
"""


def test_a_receiver_that_is_killed_and_started_again_and_again_misses_nothing(tmp_path, outbox):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    received = tmp_path / "received"

    def start():
        process = subprocess.Popen([sys.executable, "-c", RECEIVER, str(port), received], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        return process

    def ids():
        return [json.loads(line)["id"] for line in received.read_bytes().splitlines()] if received.exists() else []

    sink = Webhook(f"http://127.0.0.1:{port}/", outbox, Said().reports, **QUICK)
    number = 0
    for _ in range(3):
        receiver = start()
        for _ in range(8):
            number += 1
            sink.write(event(number))
        wait_until(lambda: len(ids()) > 0)
        receiver.send_signal(signal.SIGKILL)
        receiver.communicate()
        number += 1
        sink.write(event(number))  # while it is dead
    receiver = start()
    wait_until(lambda: sink.counts().waiting == 0)
    sink.close()
    receiver.kill()
    receiver.communicate()
    got = ids()
    expected = [f"id-{n}" for n in range(1, number + 1)]
    assert list(dict.fromkeys(got)) == expected  # each, in order; at most some twice
    assert sink.counts().delivered == number


LISTENER = """
import sys
from pathlib import Path
from streams.sinks.outbox import Outbox
from streams.sinks.reports import Reports
from streams.sinks.webhook import Webhook
from tests.streams.sinks.given import event
outbox = Outbox(Path(sys.argv[1]))
sink = Webhook(sys.argv[2], outbox, Reports(lambda words: None), first_retry_s=0.01, longest_retry_s=0.05)
for number in range(1, 1_000_000):
    sink.write(event(number))
    print(number, flush=True)  # promised
"""


def test_a_listener_that_is_killed_breaks_no_promise(server, tmp_path):
    path, promised = tmp_path / "killed.sqlite", 0
    listener = subprocess.Popen([sys.executable, "-c", LISTENER, path, server.url], stdout=subprocess.PIPE, text=True)
    listener.stdout.readline()
    wait_until(lambda: len(server.got) > 5)
    listener.send_signal(signal.SIGKILL)
    lines = listener.communicate()[0].splitlines(keepends=True)
    promised = int([line for line in lines if line.endswith("\n")][-1])
    outbox = Outbox(path)
    sink = Webhook(server.url, outbox, Said().reports, **QUICK)
    wait_until(lambda: sink.counts().waiting == 0)
    sink.close()
    outbox.close()
    got = list(dict.fromkeys(json.loads(body)["id"] for _, body in server.got))
    assert got[:promised] == [f"id-{n}" for n in range(1, promised + 1)]


@pytest.mark.parametrize("url", ["", "ftp://host/x", "host/x", "http://", "http://host:99999/", "http://user:pw@host/",
                                 "http://host/a b", "http://host/ä", "http://[::1"])  # fmt: skip
def test_an_address_that_is_none_is_said_at_once(outbox, url):
    with pytest.raises(SinkError, match="this webhook address cannot be used"):
        Webhook(url, outbox, Said().reports)


def test_a_mistake_in_the_options_is_said_at_once(outbox, tmp_path):
    (tmp_path / "empty").touch()
    for options, words in (
        ({"secret_file": tmp_path / "absent"}, "the secret .*absent cannot be read: No such file"),
        (
            {"secret_file": tmp_path / "empty"},
            "the secret .*empty cannot be used: expected one line of text, got an empty",
        ),
        ({"ca_file": tmp_path / "empty"}, "the certificates .*empty cannot be read"),
        ({"states": ("begin",)}, "no such state of an event: expected start, update or end, got begin"),
    ):
        with pytest.raises(SinkError, match=words):
            Webhook("http://127.0.0.1:1/", outbox, Said().reports, **options)
