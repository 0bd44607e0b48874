"""The page of a listener that plays a recording: its sounds have the recording's time, or are told by its seconds."""

import os
import re

import numpy as np
import pytest
import soundfile

from pace_edge.config import DEMO_RECORDING
from tests.streams.web.listening import Listening, Page, missing
from tests.streams.web.listening import browser as browser

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

TIMES = "[...document.querySelectorAll('#events .event .number')].map((time) => time.textContent)"


@pytest.fixture
def recording(tmp_path):
    """The one that ships, again and again for ten minutes, so that the listener is there for as long as the test."""
    demo, rate_hz = soundfile.read(DEMO_RECORDING)
    soundfile.write(tmp_path / "a.wav", np.tile(demo, 20), rate_hz)
    return tmp_path / "a.wav"


@pytest.mark.parametrize(("words", "time"), [
    ([], r"at \d+:\d\d"), (["--recorded-at", "2020-05-05T23:15:00"], r"23:(1[5-9]|2\d):\d\d"),
])  # fmt: skip
def test_a_sound_of_a_recording_has_its_own_time_or_the_seconds_of_the_recording(
    browser, recording, tmp_path, words, time
):
    browser.complaints.clear()
    keeps = ["--set", "outputs.history.keep=true"]
    with Listening(dict(os.environ), tmp_path, "--input", str(recording), *keeps, *words) as listening:
        page = Page(browser, listening)
        page.open()
        page.wait(f"{TIMES}.length > 0")
        shown = browser.run(TIMES)
        assert all(re.fullmatch(time, one) for one in shown), shown
        page.go("history")
        page.wait("document.querySelector('#view-history .event')")
        heading = page.text("#view-history h2")
        assert ("Time unknown, heard: Today" in heading) == (not words)
        assert browser.complaints == []
        browser.open("about:blank", width=1200, height=900)  # before the listener goes
