"""`pace-edge listen --web` as a person runs it, in a process of its own on a virtual microphone, and a page on it.

A test file that imports the fixtures shares one of each among its tests.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pace_edge.config import DEMO_RECORDING
from tests.chromium import Chromium
from tests.virtual_microphone import VirtualMicrophone
from tests.waiting import PATIENCE_S

SOUNDS = Path(__file__).parents[3] / "examples" / "sounds"
CHROMIUM = shutil.which("chromium")


def missing() -> str:
    """Why the page cannot be tried in a browser here; empty where it can."""
    packages = [*([] if CHROMIUM else ["chromium"]), *VirtualMicrophone.missing()]
    return f"no browser or no virtual microphone: apt-get install {' '.join(packages)}" if packages else ""


def until(condition: Callable[[], bool]) -> None:
    """What a listener takes up at its next window."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)  # a client that asks too often is refused


class Listening:
    """Inside `with` it runs; `stop` and `start` are a restart at the same address with the same state."""

    def __init__(self, env: dict[str, str], home: Path, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self.home = home
        self._env = env | {"PACE_EDGE_HOME": str(home)}
        self._options = options

    def __enter__(self) -> Listening:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [sys.executable, "-m", "pace_edge", "listen", "--json", "--web", f"127.0.0.1:{self.port}"]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options], env=self._env, stdout=subprocess.DEVNULL, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the listener did not start:\n{self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        return (self.home / "log").read_text(errors="replace")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any] | bytes) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Pace-Edge": "1", "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def labels(self) -> dict[str, Any]:
        """What it knows, by name."""
        return {known["label"]: known for known in self.get("api/labels")["labels"]}

    def history(self, label: str) -> list[Any]:
        """The events of a class, newest first."""
        return self.get(f"api/history?{urlencode({'label': label})}")["events"]

    def teach(self, label: str, sound: str | Path) -> None:
        """From a recording, of examples/sounds where it has no folder."""
        self.post(f"api/learn/file?{urlencode({'label': label})}", (SOUNDS / sound).read_bytes())

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.address + "api/login", timeout=PATIENCE_S).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


# The newest sound in the spectrogram: [from_s, to_s] of its loud columns, after `since_s` and over; null: none yet
_NEWEST_SOUND = """import("/plot.js").then(({ strip }) => {
  const { columns, size, mels, bytes, end_s, frame_s } = strip();
  const loud = (i) => bytes.subarray((i % size) * mels, (i % size + 1) * mels).some((value) => value > 140);
  const seconds = (i) => end_s - (columns - i) * frame_s;
  const oldest = Math.max(0, columns - size);
  let last = columns - 1;
  while (last > oldest && !loud(last)) last -= 1;
  let first = last;
  for (let i = last; i > oldest && (first - i) * frame_s < 0.7; i -= 1) if (loud(i)) first = i;
  return seconds(first) > SINCE_S && seconds(last) < end_s - 0.3 ? [seconds(first), seconds(last)] : null;
})"""

# Where that is in the window, once it is paused and in view: [left, top, from, to, height] in pixels
_IN_VIEW = """import("/plot.js").then(async ({ lookAt, pause, toPixel }) => {
  pause(true);
  lookAt(TO_S + 0.5);
  const picture = document.querySelector("#spectrogram");
  picture.scrollIntoView({ block: "center" });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const { x, y, width, height } = picture.getBoundingClientRect();
  const inside = (at) => Math.min(width - 3, Math.max(3, at));
  return [x, y, inside(toPixel(FROM_S)), inside(toPixel(TO_S)), height];
})"""


class Page:
    """What a person sees and does on the page of a listener."""

    def __init__(self, browser: Chromium, listening: Listening) -> None:
        self.browser, self.listening = browser, listening

    def open(self, view: str = "live", *, width: int = 1200, height: int = 900, scheme: str = "light") -> None:
        """Anew, whatever it was."""
        self.prefer(scheme)
        self.browser.open("about:blank", width=width, height=height)
        self.wait("location.href === 'about:blank'")
        self.browser.open(f"{self.listening.address}#{view}", width=width, height=height)
        self.wait("document.querySelector('#connection')?.dataset.state === 'open'")

    def prefer(self, scheme: str) -> None:
        """Light or dark; and no motion, so that what is measured stands still."""
        self.browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")

    def go(self, view: str) -> None:
        self.browser.run(f"location.hash = {json.dumps(view)}")

    def wait(self, condition: str) -> None:
        self.browser.wait(condition, PATIENCE_S)

    def text(self, selector: str) -> str:
        """What an element says; empty where there is none."""
        return self.browser.run(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''")

    def watch(self, selector: str) -> None:
        """Remember all that an element says from now on, however short, for `wait_said`."""
        self.browser.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); window.said = new Set();"
            " new MutationObserver(() => said.add(e.textContent)).observe(e, {childList: true, subtree: true}); })()"
        )

    def wait_said(self, words: str) -> None:
        self.wait(f"said.has({json.dumps(words)})")

    def wait_text(self, selector: str, part: str) -> None:
        words, part = json.dumps(selector), json.dumps(part)
        self.wait(f"(document.querySelector({words})?.textContent ?? '').includes({part})")

    def click(self, selector: str, words: str = "") -> None:
        """With the mouse, in the middle of the first element that fits and says `words`, once it is there."""
        all, says = f"[...document.querySelectorAll({json.dumps(selector)})]", json.dumps(words)
        found = f"{all}.find((e) => e.textContent.includes({says}))"
        self.wait(f"Boolean({found})")
        x, y = self.browser.run(
            f"(() => {{ const e = {found}; e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self.browser.drag([(x, y)])

    def fill(self, selector: str, text: str) -> None:
        self.browser.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus(); e.select(); }})()"
        )
        self.browser.type(text)

    def heard_s(self) -> float:
        """How far the spectrogram has come, in the stream's seconds."""
        return self.browser.run("import('/plot.js').then(({ strip }) => strip().end_s)")

    def drag_sound(self, since_s: float, *, touch: bool = False) -> None:
        """Over the sound that came after `since_s`, once it is over: a slow machine hears it late."""
        where = _NEWEST_SOUND.replace("SINCE_S", str(since_s))
        self.wait(f"{where}.then(Boolean)")
        from_s, to_s = self.browser.run(where)
        left, top, from_x, to_x, height = self.browser.run(
            _IN_VIEW.replace("FROM_S", str(from_s)).replace("TO_S", str(to_s))
        )
        points = [(left + from_x + (to_x - from_x) * i / 8, top + height / 2) for i in range(9)]
        self.browser.drag(points, touch=touch)

    def events(self) -> list[str]:
        """The names in the list of the last minute, newest first."""
        return self.browser.run("[...document.querySelectorAll('#events .name')].map((name) => name.textContent)")

    def wait_event(self, label: str) -> None:
        words = json.dumps(label)
        self.wait(f"[...document.querySelectorAll('#events .name')].some((name) => name.textContent === {words})")

    def tab_to(self, selector: str, *, back: bool = False) -> None:
        """With the keyboard alone."""
        for _ in range(200):
            self.browser.press("Tab", shift=back)
            if self.browser.run(f"document.activeElement.matches({json.dumps(selector)})"):
                return
        raise AssertionError(f"Tab does not reach {selector}")


@pytest.fixture(scope="module")
def microphone() -> Iterator[VirtualMicrophone]:
    with VirtualMicrophone() as microphone:
        yield microphone


@pytest.fixture(scope="module")
def listening(microphone: VirtualMicrophone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """It keeps a history and clips, and knows a kettle from two examples, besides what the starter knows."""
    home = tmp_path_factory.mktemp("home")
    keeps = ["--set", "outputs.history.keep=true", "--set", f"outputs.clips.folder={home / 'clips'}"]
    with Listening(microphone.env, home, *keeps) as listening:
        until(lambda: bool(listening.get("api/recent")["windows"]))  # the microphone is heard: nothing is played before
        for name in ("other_bell.wav", "ring_far.wav"):
            listening.teach("kettle", name)
        yield listening


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    assert CHROMIUM
    with Chromium(CHROMIUM, tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


@pytest.fixture
def page(browser: Chromium, listening: Listening) -> Iterator[Page]:
    """On the listener; in the end it must have asked nobody else, without a complaint that the test did not expect."""
    browser.complaints.clear()
    browser.requests.clear()
    yield Page(browser, listening)
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith((listening.address, "about:", "data:"))] == []


@pytest.fixture(scope="session")
def bark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2.5 s of a dog, from the recording that ships, and a second of silence."""
    import numpy as np
    import soundfile

    demo, rate_hz = soundfile.read(DEMO_RECORDING)
    path = tmp_path_factory.mktemp("sounds") / "bark.wav"
    dog = demo[round(4.6 * rate_hz) : round(7.1 * rate_hz)]
    soundfile.write(path, np.concatenate([dog, np.zeros(rate_hz)]), rate_hz)
    return path
