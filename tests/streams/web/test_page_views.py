"""The page's other views in a real browser: classes, history, review, settings; and how all of them can be read."""

import pytest

from tests.streams.web.listening import bark as bark
from tests.streams.web.listening import browser as browser
from tests.streams.web.listening import listening as listening
from tests.streams.web.listening import microphone as microphone
from tests.streams.web.listening import missing, until
from tests.streams.web.listening import page as page
from tests.streams.web.seen import low_contrasts

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

SHOWS = {  # of each view, what is there once it is whole
    "live": "dBFS", "classes": "kettle", "classes/kettle": "uploaded", "history": "dog_bark", "review": "Was this",
    "settings": "pace-starter",
}  # fmt: skip
BUTTON_HEIGHTS = """Math.min(99, ...[...document.querySelectorAll("button, summary")]
  .filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect().height))"""
NASTY = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def barked(listening, microphone, bark):
    """A dog has been announced, is over, and its clip is kept."""
    microphone.play(bark)
    until(lambda: any(event["plays"] for event in listening.history("dog_bark")))


def test_a_past_sound_is_found_by_its_class_and_played(page, barked):
    page.open("history")
    page.wait_text("#view-history .event", "dog_bark")
    page.fill("#history-label", "rain")
    page.browser.press("Enter")
    page.wait_text("#view-history", "Nothing that was announced fits.")
    page.click("#view-history button", "Clear filters")
    page.click("#view-history .play")
    page.wait_text("#view-history .play", "Stop")
    page.wait_text("#view-history .play", "Play")  # it is over
    assert page.text("#view-history .answer") == ""
    assert any("/api/event/audio?id=" in url for url in page.browser.requests)


def test_a_correction_is_still_told_when_the_history_is_opened_again(page, barked):
    page.open("history")
    page.click("#view-history .event button", "Correct")
    page.fill("#view-history .event form input", "our dog")
    page.browser.press("Enter")
    page.wait_text("#view-history .event .name", "dog_bark, corrected to: our dog")
    page.open("history")
    page.wait_text("#view-history .event .name", "dog_bark, corrected to: our dog")
    page.listening.post("api/undo", {})


def test_undo_takes_back_nothing_where_somebody_else_did_something_since(page, barked):
    page.open("history")
    page.click("#view-history .event button", "Correct")
    page.fill("#view-history .event form input", "our dog")
    page.browser.press("Enter")
    page.wait_text("#view-history .good", "our dog")
    other = page.listening.post("api/hide", {"label": "kettle"})
    page.click("#view-history .undo")
    page.wait_text("#view-history [role=alert]", "omething else was done since: hide 'kettle'")
    assert page.text("#view-history .event .name") == "dog_bark, corrected to: our dog"
    known = page.listening.labels()
    assert (known["our dog"]["taught"], known["kettle"]["hidden"]) == (1, True)
    page.browser.complaints.clear()  # Chromium reports what the listener refused
    page.listening.post("api/undo", {"id": other["id"]})
    page.listening.post("api/undo", {})


def test_a_question_is_answered_with_one_key(page, barked):
    page.open("review")
    page.wait_text("#view-review h2", "Was this a dog bark?")
    page.browser.press("s")
    page.browser.type("our dog")
    page.browser.press("Enter")
    page.wait_text("#view-review .good", "our dog")
    assert page.listening.labels()["our dog"]["taught"] == 1
    page.click("#view-review .undo")
    page.wait_text("#view-review .did", "Undone")
    assert "our dog" not in page.listening.labels()


def test_the_gain_is_set(page):
    page.open("settings")
    page.wait("Boolean(document.querySelector('#gain'))")
    page.browser.run("document.querySelector('#gain').focus()")
    page.browser.press("ArrowRight")
    page.wait_text("#view-settings .good", "+1 dB")
    until(lambda: page.listening.get("api/state")["gain_db"] == 1.0)
    page.browser.press("ArrowLeft")
    until(lambda: page.listening.get("api/state")["gain_db"] == 0.0)


def test_what_is_forgotten_is_gone_once_a_person_has_said_so_twice(page):
    page.listening.teach("gone soon", "ring.wav")
    page.open("classes/gone%20soon")
    page.click("#view-classes button", "Forget")
    page.wait_text(".dialog", "1 example")
    assert "gone soon" in page.listening.labels()
    page.click(".dialog button", "Cancel")
    page.wait("!document.querySelector('.dialog')")
    page.click("#view-classes button", "Forget")
    page.click(".dialog button", "Forget")
    page.wait_text("#view-classes .good", "forgotten")
    page.wait_text("#view-classes", "no such class")
    assert "gone soon" not in page.listening.labels()


def test_a_class_is_renamed_where_it_stands_and_gets_its_name_back(page):
    page.listening.teach("clink", "ring.wav")
    page.open("classes/clink")
    page.click("#view-classes button", "Rename")
    page.wait("document.activeElement.value === 'clink'")
    page.fill(".dialog input", "clang")
    page.browser.press("Enter")
    page.wait_text(".class-head h1", "clang")
    page.wait_text("#view-classes .good", "'clink' is called 'clang' now")
    assert page.browser.run("location.hash") == "#classes/clang"
    known = page.listening.labels()
    assert ("clink" in known, known["clang"]["taught"]) == (False, 1)
    page.click("#view-classes .undo")
    page.wait_text("#view-classes .did", "Undone")
    assert "clink" in page.listening.labels()
    page.listening.post("api/undo", {})


def test_a_label_of_another_form_of_a_class_is_asked_about(page):
    page.listening.teach("clink", "ring.wav")
    page.open("classes/clink")

    def rename_and_answer(answer):
        page.click("#view-classes button", "Rename")
        page.wait("document.activeElement.value === 'clink'")
        page.fill(".dialog input", "Kettle")
        page.browser.press("Enter")
        page.wait_text(".which", "There is “kettle” already. Is that meant?")
        page.click(".which button", answer)
        page.browser.complaints.clear()  # Chromium reports what the listener refused

    rename_and_answer("Cancel")
    page.wait_text("#view-classes [role=alert]", "here is 'kettle' already")
    page.click(".dialog button", "Cancel")
    rename_and_answer("No, Kettle is a class of its own")
    page.wait_text(".class-head h1", "Kettle")
    page.click("#view-classes .undo")
    page.wait_text("#view-classes .did", "Undone")
    page.open("classes/clink")
    rename_and_answer("Yes, kettle")
    page.wait_text("#view-classes .good", "which it joins")
    page.listening.post("api/undo", {})
    page.listening.post("api/undo", {})
    assert "clink" not in page.listening.labels()


def test_the_threshold_slider_sets_the_score_from_which_a_class_is_announced(page):
    page.open("classes/kettle")
    page.wait("Boolean(document.querySelector('#threshold'))")
    page.wait_text(".threshold .often", "too little heard to say")
    page.browser.run("document.querySelector('#threshold').focus()")
    page.browser.press("End")
    page.wait_text("#view-classes .good", "100 %")
    until(lambda: page.listening.get("api/state")["thresholds"] == {"kettle": 1.0})
    page.click("#view-classes button", "As all others")
    common = page.listening.get("api/state")["model"]["threshold"]
    page.wait_text("#view-classes .good", f"{100 * common:.0f} %")
    until(lambda: page.listening.get("api/state")["thresholds"] == {})


def test_an_example_is_found_on_the_map_moved_and_removed(page):
    page.listening.teach("kettle", "ring_soft.wav")
    page.open("classes/kettle")
    page.tab_to(".map .point")
    page.browser.press("Enter")
    page.wait("document.activeElement.matches('.example')")
    page.click(".example button", "Move")
    page.fill(".example form input", "teapot")
    page.browser.press("Enter")
    page.wait_text("#view-classes .good", "teapot")
    page.wait("document.querySelectorAll('.example').length === 2")
    assert page.listening.labels()["teapot"]["taught"] == 1
    page.go("classes/teapot")
    page.wait_text(".class-head h1", "teapot")
    page.click(".example button", "Remove")
    page.wait("document.querySelector('#view-classes .good') !== null")
    assert "teapot" not in page.listening.labels()


def test_a_label_is_text_wherever_it_is_shown(page):
    page.listening.teach(NASTY, "ring.wav")
    page.open()
    page.wait_text("#chips", NASTY)
    for view, place in (("classes", ".class-list"), (f"classes/{NASTY.replace(' ', '%20')}", ".class-head h1")):
        page.go(view)
        page.wait_text(place, NASTY)
    assert page.browser.run("document.querySelectorAll('main img').length") == 0
    assert page.browser.run("document.title") == "pace-edge"
    page.listening.post("api/undo", {"steps": 1})


CONTROLS = {
    "button",
    "textbox",
    "searchbox",
    "combobox",
    "slider",
    "spinbutton",
    "checkbox",
    "radio",
    "meter",
    "link",
    "image",
    "DateTime",
}


@pytest.mark.parametrize("view", SHOWS)
def test_everything_has_a_name_fits_a_small_phone_and_can_be_read_in_light_and_dark(page, barked, view):
    page.open(view, width=360, height=740)
    page.wait_text(f"#view-{view.partition('/')[0]}", SHOWS[view])
    if view == "live":
        page.click("#that")
        page.click("#teach .primary")  # with an answer in view
    if view == "classes/kettle":
        page.click("#view-classes button", "Forget")
    page.browser.run("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert page.browser.run("document.documentElement.scrollWidth") <= 360
    assert page.browser.run(BUTTON_HEIGHTS) >= 40  # pixels, for a finger
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        assert page.browser.run("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
        assert low_contrasts(page.browser) == []
    controls = [node for node in page.browser.accessible() if node["role"] in CONTROLS]
    assert len(controls) > 8
    assert [node for node in controls if not node["name"].strip()] == []
