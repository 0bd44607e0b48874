"""Network streams over a real HTTP server: live ones come back, recordings go on where they broke off."""

import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import numpy as np
import pytest

from pace_edge.audio import read_audio
from pace_edge.errors import AudioError, DeviceError
from streams.sources import network
from streams.sources.network import open_stream, without_secrets
from streams.sources.source import open_source
from streams.sources.watchdog import Patience
from tests.media import loudest_hz, tone, write_media
from tests.waiting import PATIENCE_S

SOON = Patience(opening_s=60, stuck_s=10, silent_s=0, first_retry_s=0.1, last_retry_s=0.5)
LONGEST_S = PATIENCE_S


class Files(SimpleHTTPRequestHandler):
    break_off_after = 10**9  # bytes

    def log_message(self, *words):
        pass

    def copyfile(self, source, outputfile):
        outputfile.write(source.read(self.break_off_after))


class Radio(SimpleHTTPRequestHandler):
    """Plays a file again and again, for ever, in real time, as a radio station does."""

    def log_message(self, *words):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "audio/mpeg")
        self.end_headers()
        data = self.server.programme
        try:
            while not self.server.off.is_set():
                for i in range(0, len(data), 1000):
                    self.wfile.write(data[i : i + 1000])
                    if self.server.off.wait(0.05):
                        return
        except OSError:  # nobody listens any more
            pass


class Server:
    """An HTTP server that can be killed and started again at the same address."""

    def __init__(self, handler, programme=b""):
        self.handler, self.programme, self.port = handler, programme, 0
        self.start()

    def start(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler)
        self.server.daemon_threads, self.server.block_on_close = True, False
        self.server.programme, self.server.off = self.programme, threading.Event()
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self):
        self.server.off.set()
        self.server.shutdown()
        self.server.server_close()

    def address(self, name):
        return f"http://me:secret@127.0.0.1:{self.port}/{name}"


@pytest.fixture
def serve(tmp_path):
    servers = []

    def serve(handler, programme=b""):
        handler = partial(handler, directory=str(tmp_path)) if handler is not Radio else handler
        servers.append(Server(handler, programme))
        return servers[-1]

    yield serve
    for server in servers:
        server.kill()


@pytest.mark.parametrize("name", ["a.mp3", "a.mp4"])
def test_a_recording_on_the_network_is_the_recording_and_ends(serve, tmp_path, name):
    path = write_media(tmp_path / name, tone(3, 44100, 440, 1000), 44100)
    with open_source(serve(Files).address(name), rate_hz=16000, realtime=False) as source:
        heard = np.concatenate(list(source))
    np.testing.assert_allclose(heard, read_audio(path, 16000)[: len(heard)], atol=1e-5)  # two decoders of MP3
    assert len(heard) == pytest.approx(3 * 16000, abs=2400)
    assert [state.state for state in source.news()] == ["healthy", "ended"]
    assert source.dropped == 0
    assert not source.live


def test_a_recording_that_breaks_off_goes_on_where_it_was(serve, tmp_path):
    path = write_media(tmp_path / "a.mp3", tone(5, 44100, 440), 44100)
    server = serve(Files)
    server.server.RequestHandlerClass = type("Broken", (Files,), {"break_off_after": 20_000})
    server.server.RequestHandlerClass = partial(server.server.RequestHandlerClass, directory=str(tmp_path))
    with open_stream(server.address("a.mp3"), rate_hz=16000, patience=SOON, news_s=0) as source:
        chunks = []
        for chunk in source:
            chunks.append(chunk)
            if source.health.state == "gone":
                server.server.RequestHandlerClass = server.handler
    heard = np.concatenate(chunks)
    assert "gone" in [state.state for state in source.news()]
    assert len(heard) == pytest.approx(len(read_audio(path, 16000)), abs=1)
    assert loudest_hz(heard[:64000], 16000) == 440


def test_realtime_paces_a_recording(serve, tmp_path):
    write_media(tmp_path / "a.mp3", tone(3, 44100, 440), 44100)
    begin = time.monotonic()  # before any of it can have come, however late this process is woken
    with open_source(serve(Files).address("a.mp3"), rate_hz=16000, realtime=True) as source:
        heard = sum(map(len, source))
    assert time.monotonic() - begin > heard / 16000 - 0.1


def test_a_radio_whose_server_is_killed_comes_back_when_that_is_started_again(serve, tmp_path):
    programme = write_media(tmp_path / "a.mp3", tone(2, 44100, 440), 44100).read_bytes()
    radio = serve(Radio, programme)
    with open_stream(radio.address(""), rate_hz=16000, patience=SOON, news_s=0) as source:
        begin, states, down, given, first_s = time.monotonic(), [], None, 0, 0.0
        for chunk in source:
            states += [state.state for state in source.news()]
            assert time.monotonic() - begin < LONGEST_S, states
            given += len(chunk)
            first_s = first_s or (time.monotonic() if given else 0.0)
            if len(chunk) and down is None and "healthy" in states:
                radio.kill()
                down = True
            # a radio sends the first seconds at once: it is away until the clock has come past what it sent
            if down and "waiting" in states and time.monotonic() > first_s + given / 16000 + 0.5:
                radio.start()
                down = False
            if states.count("healthy") == 2:
                break
        chunks = islice((chunk for chunk in source if len(chunk)), 50)
        heard = np.concatenate(list(chunks))
    assert states[0] == "healthy"
    assert "gone" in states
    assert loudest_hz(heard, 16000) == pytest.approx(440, abs=5)
    assert source.dropped > 0  # the time that it was away


def test_a_radio_that_is_silent_on_the_line_is_stuck(serve, tmp_path):
    programme = write_media(tmp_path / "a.mp3", tone(2, 44100, 440), 44100).read_bytes()

    class Hanging(Radio):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.programme)
            self.server.off.wait()

    patience = Patience(opening_s=60, stuck_s=0.5, first_retry_s=0.1)
    server = serve(Radio, programme)
    server.server.RequestHandlerClass = Hanging
    source = open_stream(server.address(""), rate_hz=16000, patience=patience, restart=False)
    with source, pytest.raises(DeviceError, match="sent nothing for"):
        list(source)


@pytest.mark.parametrize(("name", "why"), [("absent.mp3", "404 Not Found"), ("notes.txt", "cannot open|has no sound")])
def test_what_cannot_be_heard_is_told_at_once_and_without_the_password(serve, tmp_path, name, why):
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(DeviceError, match=why) as caught:
        open_stream(serve(Files).address(name), rate_hz=16000).__enter__()
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told(serve):
    server = serve(Files)
    server.kill()
    with pytest.raises(DeviceError, match=r"cannot open stream http://127.0.0.1:\d+/a.mp3 \(Connection refused\)"):
        open_stream(server.address("a.mp3"), rate_hz=16000).__enter__()
    server.start()


def test_without_ffmpeg_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(network, "has_ffmpeg", lambda: False)
    with pytest.raises(AudioError, match=r"network streams need PyAV. Install it: `pip install 'pace-edge\[media\]'`"):
        open_stream("http://127.0.0.1/", rate_hz=16000)


@pytest.mark.parametrize(
    ("address", "shown"),
    [("rtsp://u:p@w@host:1/a?token=p", "rtsp://host:1/a"), ("https://host/live.m3u8", "https://host/live.m3u8")],
)
def test_secrets_are_not_shown(address, shown):
    assert without_secrets(address) == shown
