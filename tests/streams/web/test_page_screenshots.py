"""The README's pictures of the page, made only where PACE_EDGE_SCREENSHOTS names their folder."""

import os
import time
from pathlib import Path

import pytest
import soundfile

from pace_edge.config import DEMO_RECORDING
from tests.streams.web.listening import SOUNDS, missing, until
from tests.streams.web.listening import browser as browser
from tests.streams.web.listening import listening as listening
from tests.streams.web.listening import microphone as microphone
from tests.streams.web.listening import page as page

FOLDER = os.environ.get("PACE_EDGE_SCREENSHOTS", "")

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing() or "-"),
    pytest.mark.skipif(not FOLDER, reason="PACE_EDGE_SCREENSHOTS names no folder for them"),
]


DOGS = [("our dog", 4.6, 7.0), ("our dog", 4.8, 7.2), ("our dog", 5.0, 7.4), ("doorbell", 5.2, 7.6)]


def picture(page, name):
    """In 256 colours, which is small and looks the same."""
    from PIL import Image

    path = Path(FOLDER) / name
    page.browser.screenshot(path, whole=False)
    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < 250_000


def test_of_the_readme(page, microphone, tmp_path):
    demo, rate_hz = soundfile.read(DEMO_RECORDING)
    programme, dog = tmp_path / "programme.wav", tmp_path / "dog.wav"
    soundfile.write(programme, demo[: round(14.4 * rate_hz)], rate_hz)
    page.listening.post("api/forget", {"label": "kettle"})
    for sound in ("ring_soft.wav", "ring_far.wav", "ring_noise.wav", "other_bell.wav"):
        page.listening.teach("doorbell", sound)
    page.browser.page("Emulation.setScrollbarsHidden", hidden=True)

    page.open(width=1200, height=850, scheme="dark")
    microphone.play(programme)
    since_s = page.heard_s()
    microphone.play(SOUNDS / "ring.wav")
    page.wait_event("doorbell")
    page.drag_sound(since_s)
    page.browser.run("document.querySelector('#selection-end').focus()")
    page.browser.press("ArrowRight", shift=True)
    page.fill("#label", "doorbell")
    page.browser.run("scrollTo(0, 0)")
    picture(page, "live.png")
    page.click("#teach .primary")
    page.wait_text("#teach-answer .good", "doorbell")

    page.open(width=360, height=740)
    with microphone.play(programme, wait=False):
        until(lambda: page.text("#now-label") == "clock tick")
        time.sleep(1.5)
        picture(page, "phone.png")

    for label, begin_s, end_s in DOGS:  # one of them was called a doorbell
        soundfile.write(dog, demo[round(begin_s * rate_hz) : round(end_s * rate_hz)], rate_hz)
        page.listening.teach(label, dog)
    page.open("classes/doorbell", width=1200, height=1000)
    page.wait("Boolean(document.querySelector('.histogram svg'))")
    picture(page, "class.png")
