"""The live view on a real terminal: it shows what is heard, fits any size, does not flicker, gives the screen back."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from dataclasses import replace

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.heard import Gap, SourceState, Window
from streams.sinks.drawing import draw
from streams.sinks.picture import Picture, say, step
from tests.streams.sinks.given import event, wait_until
from tests.waiting import PATIENCE_S

HIDE, SHOW, TO_ALTERNATE, BACK, CLEAR = "\x1b[?25l", "\x1b[?25h", "\x1b[?1049h", "\x1b[?1049l", "\x1b[2J"

VIEWER = """
import sys, time
from streams.heard import Gap, SourceState, Window
from streams.sinks.live import LiveView
from tests.streams.sinks.given import event
view = LiveView(sys.stdout, title="starter, 47 classes", foot=lambda: "mqtt: 3 waiting")
view.write(SourceState("attic", "healthy", "opened", 1.0))
view.write(SourceState("hall", "gone", "unplugged, looked for every 2 s", 1.0))
view.write(Window(0, 2, "dog", 0.93, -23, "attic", 0, (("dog", 0.93), ("cat", 0.05)), 0.1))
view.write(event(1, "end", label="doorbell"))
view.write(event(2, "start", label="kettle"))
view.write(Gap(1, 2.5, "attic"))
view.say("mqtt: there is no connection")
for line in sys.stdin:
    match line.strip():
        case "boom":
            raise RuntimeError("boom")
        case "close":
            view.close()
            break
        case label:
            view.write(event(3, "start", label=label))
"""


class Terminal:
    """A real pseudo-terminal with the viewer in it; `screen` is what a person sees, `raw` all that was sent."""

    def __init__(self, columns=80, lines=24):
        self.screen, self.raw = pyte.Screen(columns, lines), ""
        self._stream = pyte.Stream(self.screen)
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        environment = os.environ | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        for size in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(size, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", VIEWER],
            stdin=subprocess.PIPE,
            stdout=slave,
            stderr=slave,
            env=environment,
            text=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # nobody has the other end any more
                return
            self.raw += data
            self._stream.feed(data)

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def shows(self, words):
        return any(words in line for line in self.screen.display)

    def type(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        os.close(self._master)
        return code


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    if terminal.process.poll() is None:
        terminal.process.kill()
        terminal.end()


def test_it_shows_levels_classes_events_sources_drops_and_messages(terminal):
    wait_until(lambda: terminal.shows("mqtt: there is no connection"))
    for words in (
        "starter, 47 classes", "-23 dBFS  clipped  attic  healthy", "hall  gone", "hall: unplugged, looked for every",
        "dog                  0.93 ███", "cat                  0.05 █", "1 gap, 1.5 s of sound lost  mqtt: 3 waiting",
    ):  # fmt: skip
        assert terminal.shows(words), "\n".join(terminal.screen.display)
    lines = [line for line in terminal.screen.display if "doorbell" in line or "kettle" in line]
    assert ["kettle" in line and "now" in line for line in lines] == [True, False]  # newest first
    terminal.type("close")
    assert terminal.end() == 0


def test_it_is_redrawn_in_place_and_gives_the_screen_back(terminal):
    wait_until(lambda: terminal.shows("kettle"))
    terminal.type("a new sound")
    wait_until(lambda: terminal.shows("a new sound"))
    drawn = terminal.raw
    assert drawn.count(TO_ALTERNATE) == 1
    assert CLEAR not in drawn.partition(TO_ALTERNATE)[2]  # a cleared screen is what flickers
    terminal.type("close")
    assert terminal.end() == 0
    assert terminal.raw.rindex(BACK) > terminal.raw.rindex(TO_ALTERNATE)
    assert terminal.raw.rindex(SHOW) > terminal.raw.rindex(HIDE)


def test_an_error_gives_the_screen_back_too(terminal):
    wait_until(lambda: terminal.shows("kettle"))
    terminal.type("boom")
    assert terminal.end() == 1
    assert BACK in terminal.raw
    assert terminal.raw.rindex(SHOW) > terminal.raw.rindex(HIDE)


def test_another_size_is_filled_soon(terminal):
    wait_until(lambda: terminal.shows("kettle"))
    for columns, lines in ((40, 8), (120, 40)):
        terminal.screen.reset()
        terminal.resize(columns, lines)
        wait_until(lambda lines=lines: "1 gap, 1.5 s of sound lost" in terminal.screen.display[lines - 1])
        assert terminal.shows("starter, 47 classes")
    terminal.type("close")
    assert terminal.end() == 0


def test_a_terminal_that_goes_away_ends_the_view_and_not_the_listener(terminal):
    from streams.sinks.live import LiveView

    class Gone(io.StringIO):
        gone = False

        def isatty(self):
            return True

        def write(self, text):
            if self.gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    stream = Gone()
    view = LiveView(stream)
    stream.gone = True
    wait_until(lambda: view.counts().failed)
    view.write(event())
    view.close()
    view.close()


names = st.text(max_size=30)
numbers = st.floats(-200, 200, allow_nan=False)
heards = st.one_of(
    st.builds(Window, numbers, numbers, names, numbers, numbers, source=names, clipped=st.floats(0, 1),
              top=st.lists(st.tuples(names, numbers), max_size=9).map(tuple)),
    st.builds(event, st.integers(0, 50), st.sampled_from(["start", "update", "end"]), names, source=names),
    st.builds(Gap, numbers, numbers, names),
    st.builds(SourceState, names, st.sampled_from(["healthy", "gone", "stuck"]), names, numbers),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(heards, max_size=25), names, st.integers(1, 150), st.integers(1, 60), st.booleans())
def test_whatever_is_heard_the_drawing_fits_the_terminal_exactly(heard, words, width, height, ascii_only):
    picture = say(Picture(), words)
    for one in heard:
        picture = step(picture, one)
    drawn = draw(picture, title=words, foot=words, width=width, height=height, ascii_only=ascii_only)
    lines = drawn.split("\n", allow_blank=True)
    assert len(lines) == height
    assert all(line.cell_len <= width for line in lines)
    assert not set(drawn.plain) & set("\x1b\r\t\x07")


def test_a_source_that_was_away_is_not_told_as_lost_sound():
    picture = step(Picture(), Gap(1.0, 2.3, "attic", "source"))
    drawn = draw(picture, title="", foot="", width=100, height=20).plain
    assert "no sound lost, 1.3 s missing while a source was away" in drawn


def test_the_picture_keeps_each_event_once_and_never_grows_without_end():
    picture = Picture()
    for number in range(1000):
        picture = step(step(picture, event(number, "start")), event(number, "end"))
        picture = say(picture, "words")
    assert len(picture.events) == len(picture.words) == 200
    assert {one.state for one in picture.events} == {"end"}


def test_it_says_what_the_newest_window_sounds_like_only_where_nothing_is_announced():
    alarm = (("Smoke detector, smoke alarm", 0.8), ("Beep, bleep", 0.3))
    window = Window(0, 2, "unknown", 0.9, -23, "attic", sounds_like=alarm)
    picture = step(Picture(), window)
    shown = "sounds like: smoke detector, 0.80"
    assert shown in draw(picture, title="t", foot="", width=80, height=24).plain
    picture = step(picture, replace(event(1, "start", label="kettle"), source="attic"))
    assert shown not in draw(picture, title="t", foot="", width=80, height=24).plain
    picture = step(picture, replace(event(1, "end", label="kettle"), source="attic"))
    assert shown in draw(picture, title="t", foot="", width=80, height=24).plain
