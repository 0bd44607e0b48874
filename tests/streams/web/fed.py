"""The page in a real browser, on a listener that a test feeds: its sources, and when they end, are the test's."""

import json
import shutil
from contextlib import contextmanager

import pytest

from tests.streams.web.listening import Page
from tests.streams.web.serving import serving

needs_browser = pytest.mark.skipif(not shutil.which("chromium"), reason="no browser: apt-get install chromium")


class Fed:
    """What a Page asks of a listener: here one that the test feeds."""

    def __init__(self, served):
        self.served, self.address = served, f"http://127.0.0.1:{served.web.port}/"

    def labels(self):
        return {known["label"]: known for known in self.served.get("/api/labels")["labels"]}


@pytest.fixture
def fed(browser, small_model):
    with fed_with(browser, small_model) as page:
        yield page


@contextmanager
def fed_with(browser, model):
    """The page on a listener with this model."""
    with serving(model) as served:
        browser.complaints.clear()
        page = Page(browser, Fed(served))
        page.served = served
        yield page
        browser.open("about:blank", width=1200)
        assert browser.complaints == []


def shown(page):
    return page.browser.run("import('/plot.js').then(({ view }) => view.source)")


def wait_shown(page, name):
    page.wait(f"import('/plot.js').then(({{ view }}) => view.source === {json.dumps(name)})")


def options(page):
    return page.browser.run("[...document.querySelectorAll('#source option')].map((one) => one.textContent)")


def pick(page, name):
    page.browser.run(
        f"(() => {{ const e = document.querySelector('#source'); e.value = '{name}';"
        " e.dispatchEvent(new Event('change')); })()"
    )


def drag(page):
    """Across the last two seconds of what is shown."""
    page.wait("import('/plot.js').then(({ strip }) => strip().frame_s > 0)")
    box = page.browser.run(
        "(async () => { const p = document.querySelector('#spectrogram'); p.scrollIntoView({block: 'center'});"
        " const { pause, lookAt, strip, toPixel } = await import('/plot.js'); pause(true); lookAt(strip().end_s);"
        " const r = p.getBoundingClientRect(); const { end_s } = strip();"
        " return [r.x + toPixel(end_s - 2), r.x + toPixel(end_s - 0.2), r.y + r.height / 2]; })()"
    )
    page.browser.drag([(box[0] + (box[1] - box[0]) * i / 8, box[2]) for i in range(9)])
    page.wait_text("#teach-what", "Teaches ")
