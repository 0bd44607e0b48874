"""The live page of two sources, where a token is demanded: nothing without it."""

import json
import re

import pytest

from pace_edge.config import DEMO_RECORDING
from tests.chromium import Chromium
from tests.streams.web.listening import CHROMIUM, Listening, Page, missing
from tests.streams.web.seen import low_contrasts
from tests.virtual_microphone import VirtualMicrophone

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(scope="module")
def listening(tmp_path_factory):
    with VirtualMicrophone() as microphone:
        demand = ["--set", "web.token=always", "--input", "default", "--input", str(DEMO_RECORDING)]
        with Listening(microphone.env, tmp_path_factory.mktemp("home"), *demand) as listening:
            yield listening


@pytest.fixture(scope="module")
def page(listening, tmp_path_factory):
    with Chromium(CHROMIUM, tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield Page(browser, listening)


@pytest.fixture(scope="module")
def token(listening):
    """As it was shown once, on stderr."""
    return re.search(r"shown only now: (\S+)", listening.log())[1]


def test_a_wrong_token_gets_nothing_and_the_right_one_gets_in_until_it_is_given_back(page, token):
    page.browser.open(page.listening.address, width=360)
    page.wait("document.querySelector('#view-login')?.hidden === false")
    page.wait("document.activeElement.id === 'token'")
    page.fill("#token", "wrong" + token[5:])
    page.browser.press("Enter")
    page.wait_text("#view-login [role=alert]", "token")
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        assert low_contrasts(page.browser) == []
    statuses = page.browser.run(ASK_ALL)
    assert set(statuses.values()) == {401}, statuses
    assert page.browser.run("document.querySelectorAll('.mark, .event, .class-row, #scores li').length") == 0
    assert page.text("#connection-words") == "Logged out"

    page.fill("#token", token)
    page.browser.press("Enter")
    page.wait("document.querySelector('#connection')?.dataset.state === 'open'")
    page.wait_text("#level-number", "dBFS")
    assert token not in page.browser.run("document.cookie")  # no script can read it

    page.wait("document.querySelectorAll('#source option').length === 2")
    page.browser.run("document.querySelector('#source').focus()")
    other = page.browser.run(
        "[...document.querySelectorAll('#source option')].find((option) => !option.selected).value"
    )
    page.browser.press(
        "ArrowUp" if page.browser.run("document.querySelector('#source').selectedIndex") else "ArrowDown"
    )
    page.wait(f"import('/plot.js').then(({{ view }}) => view.source === {json.dumps(other)})")

    page.go("settings")
    page.click("#view-settings button", "Log out")
    page.wait("document.querySelector('#view-login')?.hidden === false")
    assert set(page.browser.run(ASK_ALL).values()) == {401}


ASK_ALL = """Promise.all([
  "state", "recent", "stream", "labels", "label?label=rain", "history", "review", "settings", "devices", "health",
  "model", "scores?label=rain", "event/audio?id=1", "example/audio?id=1", "openapi.json",
].map(async (path) => [path, (await fetch(`/api/${path}`)).status])).then(Object.fromEntries)"""
