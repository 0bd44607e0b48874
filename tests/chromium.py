"""A headless Chromium, driven through its own protocol over a pipe: no driver, no package, no open port.

https://chromedevtools.github.io/devtools-protocol/ describes the methods. Everything that the page and its workers ask
the network for, and every error that they report, is kept.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE_S

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip


KEYS = {  # name: (virtual key code, the text that it types)
    "Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), " ": (32, " "), "End": (35, ""), "Home": (36, ""),
    "ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, ""),
}  # fmt: skip


class Chromium:
    """One page in a browser of its own, whose microphone plays `microphone`, a WAV file, over and over; silence without
    one."""

    def __init__(self, program: str, profile: Path, microphone: Path | None = None) -> None:
        self.requests: list[str] = []  # URLs
        self.complaints: list[str] = []  # errors and warnings of the console, and exceptions that nobody caught
        self._id, self._answers, self._unread = 0, {}, b""
        read_commands, self._commands = _pipe()
        self._replies, write_replies = _pipe()
        command = [program, *FLAGS, f"--user-data-dir={profile}"]
        command += [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
        pipes = [(os.POSIX_SPAWN_DUP2, read_commands, 3), (os.POSIX_SPAWN_DUP2, write_replies, 4)]
        log = (os.POSIX_SPAWN_OPEN, 2, str(profile.with_suffix(".log")), os.O_WRONLY | os.O_CREAT, 0o600)
        self._process = os.posix_spawn(
            program, [*command, "about:blank"], os.environ, file_actions=[*pipes, log], setpgroup=0
        )
        os.close(read_commands)
        os.close(write_replies)
        (target,) = [t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        self._session = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self._watch(self._session)

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *exception: object) -> None:
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._commands)
        os.close(self._replies)

    def open(self, url: str, *, width: int, height: int = 900) -> None:
        self.page("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.page("Page.navigate", url=url)

    def page(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol for the page."""
        return self._call(method, self._session, **parameters)

    def run(self, script: str) -> Any:
        """The value, or what the promise gives, of a JavaScript expression in the page."""
        done = self.page("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float) -> None:
        """Until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < deadline, (
                f"after {seconds} s still not {condition}; complaints: {self.complaints}"
            )
            time.sleep(0.05)

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Of the page, or only of what its window shows."""
        path.write_bytes(base64.b64decode(self.page("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def prefer(self, **features: str) -> None:
        """What a person prefers, such as prefers_color_scheme="dark"; all that is not named is as it comes."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.page("Emulation.setEmulatedMedia", features=named)

    def cover(self) -> Callable[[], None]:
        """Put another page before this one, until what it gives is called."""
        other = self._call("Target.createTarget", url="about:blank")["targetId"]
        return lambda: self._call("Target.closeTarget", targetId=other) and None

    def type(self, text: str) -> None:
        """Into what has the focus, as a keyboard or an input method does."""
        self.page("Input.insertText", text=text)

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key by its name, such as "Tab", "Enter", "ArrowLeft" or "y"."""
        code, text = KEYS.get(key, (ord(key.upper()[0]), key if len(key) == 1 else ""))
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self.page("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.page("Input.dispatchKeyEvent", type="keyUp", **named)

    def drag(self, path: Sequence[tuple[float, float]], *, touch: bool = False) -> None:
        """With the mouse or a finger, pressed, along points of the page's window in pixels."""
        for i, (x, y) in enumerate([*path, path[-1]]):
            which = 0 if i == 0 else 1 if i < len(path) else 2
            if touch:
                points = [] if which == 2 else [{"x": x, "y": y}]
                self.page(
                    "Input.dispatchTouchEvent", type=("touchStart", "touchMove", "touchEnd")[which], touchPoints=points
                )
            else:
                kind = ("mousePressed", "mouseMoved", "mouseReleased")[which]
                held = {"button": "left", "buttons": 0 if which == 2 else 1, "clickCount": 1}
                self.page("Input.dispatchMouseEvent", type=kind, x=x, y=y, **held)

    def accessible(self) -> list[dict[str, Any]]:
        """What assistive technology is given: role, name and properties of each node that it does not ignore."""
        nodes = self.page("Accessibility.getFullAXTree")["nodes"]
        return [
            {"role": node["role"]["value"], "name": node.get("name", {}).get("value", ""),
             **{p["name"]: p["value"].get("value") for p in node.get("properties", [])}}
            for node in nodes if not node["ignored"]
        ]  # fmt: skip

    def _watch(self, session: str) -> None:
        for method in ("Page.enable", "Network.enable", "Runtime.enable", "Log.enable"):
            self._send(method, session)
        self._send("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        self._send("Runtime.runIfWaitingForDebugger", session)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = self._send(method, session, **parameters)
        while number not in self._answers:
            self._receive()
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _send(self, method: str, session: str | None, **parameters: Any) -> int:
        self._id += 1
        message = {"id": self._id, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        return self._id

    def _receive(self) -> None:
        assert select.select([self._replies], [], [], PATIENCE_S)[0], "Chromium says nothing"
        data = os.read(self._replies, 1 << 20)
        assert data, "Chromium has ended"
        *messages, self._unread = (self._unread + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message["params"])

    def _note(self, event: str, what: dict[str, Any]) -> None:
        match event:
            case "Target.attachedToTarget":
                self._watch(what["sessionId"])
            case "Network.requestWillBeSent":
                self.requests.append(what["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(what["exceptionDetails"]))
            case "Log.entryAdded" if what["entry"]["level"] in ("warning", "error"):
                self.complaints.append(json.dumps(what["entry"]))
            case "Runtime.consoleAPICalled" if what["type"] in ("warning", "error", "assert"):
                self.complaints.append(json.dumps(what["args"]))


def _pipe() -> tuple[int, int]:
    """Both ends, away from the numbers that Chromium expects its own at."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]
