"""`pace-edge listen --web` as a person runs it: in a process of its own, with a real microphone."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import soundfile

from streams.configuration.configure import configure
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import JSON
from tests.synthetic import RATE_HZ, TONES_HZ, tone
from tests.waiting import PATIENCE_S

PAGE = re.compile(r"the page is on http://127\.0\.0\.1:(\d+)")


class Listening:
    def __init__(self, process):
        self.process, self.words = process, []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=process.stdout.read)]
        for reader in self._readers:
            reader.start()

    def close(self):
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def _read(self):
        for line in self.process.stderr:
            self.words.append(line.decode())

    def said(self, pattern):
        return next((found for line in self.words if (found := re.search(pattern, line))), None)

    def ask(self, method, path, headers=None, **body):
        connection = http.client.HTTPConnection("127.0.0.1", int(self.said(PAGE).group(1)), timeout=PATIENCE_S)
        try:
            connection.request(
                method, path, json.dumps(body) if method == "POST" else None, {**JSON, **(headers or {})}
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path):
        return self.ask("GET", path)[1]


def loud(window):
    return window["level_dbfs"] > -30


@contextmanager
def listening(*words, environment=None):
    """For ten minutes at most."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pace_edge", "listen", "--web", "127.0.0.1:0", *map(str, words)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment or os.environ,
    )  # fmt: skip
    limit = threading.Timer(2 * PATIENCE_S, process.kill)
    limit.start()
    one = Listening(process)
    try:
        wait_until(lambda: one.said(PAGE) or process.poll() is not None, "the page is served")
        yield one
    finally:
        limit.cancel()
        one.close()


def test_what_the_microphone_hears_is_taught_with_a_question_and_named(small_model, tmp_path, virtual_microphone):
    """And another microphone is chosen while it listens, which it still is at the next start."""
    soundfile.write(tmp_path / "x.wav", tone(1000, 4, rng=np.random.default_rng(1)), RATE_HZ)
    with listening("--model", small_model, environment=virtual_microphone.env) as one:
        wait_until(lambda: one.get("/api/recent")["windows"], "the microphone is heard")
        with virtual_microphone.playing(tmp_path / "x.wav"):
            wait_until(lambda: all(loud(w) for w in one.get("/api/recent")["windows"][-12:]), "it is heard for 6 s")
            status, lesson = one.ask("POST", "/api/learn", label="whistle", last_s=20)
            assert status == 200, lesson
            wait_until(lambda: any(e["label"] == "whistle" for e in one.get("/api/recent")["events"]), "it is named")
        (device, *_) = one.get("/api/devices")["devices"]
        status, kept = one.ask("POST", "/api/settings", source={"device": device["name"]})
        assert status == 200, kept
        chosen = f"'{device['name']}'"
        wait_until(lambda: any(chosen in s["name"] for s in one.get("/api/state")["sources"]), "the other is heard")
        with virtual_microphone.playing(tmp_path / "x.wav"):
            wait_until(
                lambda: any(
                    e["label"] == "whistle" and chosen in e["source"] for e in one.get("/api/recent")["events"]
                ),
                "what the other hears is named",
            )
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(PATIENCE_S) == 0
        assert not any("Traceback" in line for line in one.words)
    (source,) = configure(environment={}).settings.sources
    assert source.input == device["name"]


def test_a_token_is_shown_once_and_made_anew_when_asked(small_model, tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(60 * RATE_HZ, np.float32), RATE_HZ)
    words = ("--model", small_model, "--input", tmp_path / "long.wav", "--set", "web.token=always")

    def token_shown(*more):
        with listening(*words, *more) as one:
            assert one.ask("GET", "/api/state")[0] == 401
            return one.said(r"token, which is shown only now: (\S+)").group(1)

    first = token_shown()
    with listening(*words) as again:
        assert again.said("shown only now") is None
        assert again.ask("GET", "/api/state", {"Authorization": f"Bearer {first}"})[0] == 200
    assert token_shown("--new-web-token") != first


def test_a_stop_ends_it_although_a_page_is_open(small_model, tmp_path):
    soundfile.write(tmp_path / "low.wav", tone(TONES_HZ["low"], 60, rng=np.random.default_rng(1)), RATE_HZ)
    with listening("--model", small_model, "--input", tmp_path / "low.wav") as one:
        connection = http.client.HTTPConnection("127.0.0.1", int(one.said(PAGE).group(1)), timeout=PATIENCE_S)
        connection.request("GET", "/api/stream")
        assert connection.getresponse().status == 200
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(PATIENCE_S) == 0
        connection.close()


def test_an_address_that_is_none_is_one_line_before_anything_is_heard(small_model):
    for words, expected in (
        (("--web", "300.1.1.1:80"), "cannot be served on 300.1.1.1:80"),
        (("--web", "here"), "web"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pace_edge", "listen", "--model", small_model, *words],
            capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode in (1, 2)
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
