"""With several sources, and after one ended or went away, the page shows and teaches what is alive. In a real browser,
on a listener whose sources the test feeds."""

import numpy as np
import pytest

from tests.streams.web.fed import drag, fed, needs_browser, options, pick, shown, wait_shown
from tests.streams.web.listening import browser, listening, microphone, missing, page, until
from tests.synthetic import RATE_HZ, tone

needs_microphone = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
__all__ = ["browser", "fed", "listening", "microphone", "page"]  # the fixtures


@needs_browser
def test_the_page_goes_on_with_a_source_that_lives_and_teaches_it(fed):
    fed.served.hear_low(4, source="attic")
    fed.open()
    wait_shown(fed, "attic")
    fed.served.end("attic")
    fed.wait_text("#now-label", "Ended")  # where nothing else lives, its last minute is shown
    assert shown(fed) == "attic"
    fed.served.hear(tone(1000, 4, rng=fed.served.rng), source="door")
    wait_shown(fed, "door")
    fed.wait("document.querySelector('#now-label').textContent !== 'Ended'")
    assert fed.text("#now-name") == "Hearing now"
    assert options(fed) == ["door", "attic (ended)"]
    drag(fed)
    fed.fill("#label", "whistle")
    fed.browser.press("Enter")
    fed.wait_text("#teach-answer .good", "whistle")
    fed.wait_text("#teach-answer .good", "door")
    assert fed.listening.labels()["whistle"]["taught"] == 1


@needs_browser
def test_a_source_that_has_ended_is_looked_at_and_taught_where_a_person_picks_it(fed):
    fed.served.hear(tone(1000, 4, rng=fed.served.rng), source="attic")
    fed.served.end("attic")
    fed.served.hear_hiss(4, source="door")
    fed.open()
    wait_shown(fed, "door")
    pick(fed, "attic")
    fed.wait_text("#now-label", "Ended")
    fed.served.hear_hiss(1, source="door")
    fed.served.say("door", "healthy", "door is heard")
    fed.wait_text("#now-more", "can still be taught")
    assert shown(fed) == "attic"
    drag(fed)
    fed.fill("#label", "whistle")
    fed.browser.press("Enter")
    fed.wait_text("#teach-answer .good", "attic")
    assert fed.listening.labels()["whistle"]["taught"] == 1


@needs_browser
def test_what_is_selected_of_a_source_stays_in_view_when_that_ends_and_only_then_the_page_goes_on(fed):
    fed.served.hear(tone(1000, 4, rng=fed.served.rng), source="attic")
    fed.served.hear_hiss(4, source="door")
    fed.open()
    wait_shown(fed, "attic")
    drag(fed)
    fed.served.end("attic")
    fed.wait_text("#now-label", "Ended")
    assert shown(fed) == "attic"
    fed.fill("#label", "whistle")
    fed.browser.press("Enter")
    fed.wait_text("#teach-answer .good", "attic")
    wait_shown(fed, "door")


@needs_browser
def test_one_that_was_picked_is_shown_again_when_it_comes_back_and_stays_while_it_is_away(fed):
    fed.served.hear_low(3, source="attic")
    fed.served.hear_hiss(3, source="door")
    fed.open()
    wait_shown(fed, "attic")
    pick(fed, "door")
    wait_shown(fed, "door")
    fed.served.say("door", "gone", "door was pulled out")
    fed.wait_text("#now-more", "door was pulled out.")
    assert (shown(fed), fed.text("#now-label"), fed.text("#now-name")) == ("door", "No sound", "Not hearing")
    fed.served.say("door", "healthy", "door is heard again")
    fed.served.hear_high(2, source="door")
    fed.wait_text("#now-label", "high")
    fed.served.end("door")
    wait_shown(fed, "attic")
    fed.served.hear_high(2, source="door")  # it begins again
    wait_shown(fed, "door")
    fed.wait_text("#now-label", "high")


@needs_browser
def test_the_headline_names_the_sound_that_goes_on_although_a_window_is_background(fed):
    fed.served.hear_high(3)
    fed.open()
    fed.wait_text("#now-label", "high")
    fed.served.hear(np.zeros(RATE_HZ, np.float32))  # a pause within it
    fed.wait("import('/memory.js').then(({ sourceNamed }) => sourceNamed('attic').windows.at(-1).label !== 'high')")
    fed.wait_text("#now-more", "It goes on")
    assert fed.text("#now-label") == "high"
    fed.served.hear(np.zeros(4 * RATE_HZ, np.float32))
    fed.wait("document.querySelector('#now-label').textContent !== 'high'")


@needs_browser
def test_with_the_listener_gone_nothing_is_said_to_be_heard(fed):
    fed.served.hear_low(3)
    fed.open()
    fed.wait_text("#now-label", "low")
    assert fed.text("#now-name") == "Hearing now"
    fed.served.web.close()
    fed.wait_text("#now-label", "No connection")
    assert (fed.text("#now-name"), fed.text("#level-number")) == ("Not hearing", "no sound")
    fed.browser.complaints.clear()  # Chromium reports that nobody answers


@needs_microphone
def test_after_another_microphone_is_used_the_page_shows_and_teaches_that_one(page):
    before = page.listening.get("api/state")["sources"][0]["name"]
    page.open()
    wait_shown(page, before)
    page.go("settings")
    page.wait("document.querySelectorAll('#view-settings select option').length > 1")
    device = page.browser.run(
        "(() => { const e = document.querySelector('#view-settings select'); e.selectedIndex = 1; return e.value; })()"
    )
    page.click("#view-settings button", "Use it")
    page.wait_text("#view-settings .good", "It listens to")
    page.wait(f"document.querySelector('#view-settings .plain-list strong')?.textContent.includes({device!r})")
    assert page.text("#view-settings .plain-list .tag") in ("healthy", "hearing")
    assert page.browser.run("document.querySelectorAll('#view-settings .plain-list strong').length") == 1
    page.go("live")
    page.wait(f"import('/plot.js').then(({{ view }}) => view.source.includes({device!r}))")
    page.wait("document.querySelector('#now-name').textContent === 'Hearing now'")
    assert page.text("#now-label") not in ("Ended", "No sound")
    until(lambda: [before not in one["name"] for one in page.listening.get("api/state")["sources"]] == [True])
