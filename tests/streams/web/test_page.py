"""The live page in a real browser, on a real listener that hears a virtual microphone."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pace_edge.config import DEMO_RECORDING
from tests.chromium import Chromium
from tests.streams.web.listening import CHROMIUM, Listening, Page, missing
from tests.streams.web.seen import low_contrasts
from tests.virtual_microphone import VirtualMicrophone

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

SOUNDS = Path(__file__).parents[3] / "examples" / "sounds"
SHOWS = {  # of each view, what is there once it is whole
    "live": "dBFS", "classes": "kettle", "classes/kettle": "uploaded", "history": "sound", "review": "Was this",
    "settings": "pace-starter",
}  # fmt: skip
NASTY = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def microphone():
    with VirtualMicrophone() as microphone:
        yield microphone


@pytest.fixture(scope="module")
def listening(microphone, tmp_path_factory):
    """It knows a kettle from two examples, besides what the starter knows."""
    home = tmp_path_factory.mktemp("home")
    keeps = ["--set", "outputs.history.keep=true", "--set", f"outputs.clips.folder={home / 'clips'}"]
    with Listening(microphone.env, home, *keeps) as listening:
        for name in ("other_bell.wav", "ring_far.wav"):
            listening.post("api/learn/file?label=kettle", (SOUNDS / name).read_bytes())
        yield listening


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(CHROMIUM, tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


@pytest.fixture
def page(browser, listening):
    """On the listener; in the end it must have asked nobody else, without a complaint that the test did not expect."""
    page = Page(browser, listening)
    browser.complaints.clear()
    browser.requests.clear()
    yield page
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith((listening.address, "about:", "data:"))] == []


@pytest.fixture(scope="module")
def bark(tmp_path_factory):
    """2.5 s of a dog, from the recording that ships."""
    demo, rate_hz = soundfile.read(DEMO_RECORDING)
    path = tmp_path_factory.mktemp("sounds") / "bark.wav"
    soundfile.write(path, np.concatenate([demo[round(4.6 * rate_hz) : round(7.1 * rate_hz)], np.zeros(rate_hz)]), rate_hz)
    return path


def labels(listening):
    return {known["label"]: known for known in listening.get("api/labels")["labels"]}


def test_a_sound_that_is_played_appears_by_name(page, microphone, bark):
    page.open()
    with microphone.play(bark, wait=False):
        page.wait("document.querySelector('#now-label').textContent === 'dog bark'")
        page.wait_event("dog_bark")
    page.wait("[...document.querySelectorAll('.mark')].some((mark) => mark.textContent === 'dog bark')")
    page.wait("Number(document.querySelector('#level').getAttribute('aria-valuenow')) > -60")
    assert page.text("#announced").startswith("dog bark, ")
    assert page.browser.run(LOUD_PIXELS) > 100


LOUD_PIXELS = """(() => {
  const canvas = document.querySelector("#spectrogram");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height - 30);
  const colours = new Set(new Uint32Array(data.buffer));
  return colours.size;
})()"""


def test_a_drag_teaches_a_class_whose_next_sound_is_named_until_it_is_taken_back(page, microphone):
    page.open()
    microphone.play(SOUNDS / "ring.wav")
    page.drag_last(3.0)
    page.wait_text("#teach-what", "Teaches ")
    page.fill("#label", "doorbell")
    page.click("#teach .primary")
    page.wait_text("#teach-answer .good", "doorbell")
    assert page.text("#teach-answer .effect")  # what it did to the others
    assert page.browser.run("document.querySelector('#label').value") == ""
    assert labels(page.listening)["doorbell"]["taught"] == 1
    with microphone.play(SOUNDS / "ring_hall.wav", wait=False):
        page.wait("document.querySelector('#now-label').textContent === 'doorbell'")
        page.wait_event("doorbell")
    page.click("#teach-answer button", "Undo")
    page.wait_text("#teach-answer .did", "Undone")
    assert "doorbell" not in labels(page.listening)


def test_a_finger_teaches_on_a_small_screen(page, microphone):
    page.open(width=360, height=740)
    microphone.play(SOUNDS / "ring.wav")
    page.drag_last(2.5, touch=True)
    page.wait_text("#teach-what", "Teaches ")
    page.fill("#label", "bell")
    page.click("#teach .primary")
    page.wait_text("#teach-answer .good", "bell")
    page.click("#teach-answer button", "Undo")
    page.wait_text("#teach-answer .did", "Undone")


def test_all_of_teaching_works_with_the_keyboard_alone(page, microphone):
    page.open()
    microphone.play(SOUNDS / "ring.wav")
    page.tab_to("#that")
    page.browser.press("Enter")
    page.wait_text("#teach-what", "Teaches 3.0 s")
    assert page.browser.run("document.activeElement.id") == "label"
    page.tab_to("#selection-start", back=True)
    for _ in range(5):
        page.browser.press("ArrowRight")
    page.wait_text("#teach-what", "Teaches 2.5 s")
    page.tab_to("#label")
    page.browser.type("keyboard bell")
    page.browser.press("Enter")
    page.wait_text("#teach-answer .good", "keyboard bell")
    assert "keyboard bell" in labels(page.listening)
    page.tab_to("#teach-answer .undo")
    page.browser.press("Enter")
    page.wait_text("#teach-answer .did", "Undone")
    assert "keyboard bell" not in labels(page.listening)
    page.tab_to('.tabs a[href="#classes"]')
    page.browser.press("Enter")
    page.wait_text("#view-classes h1", "Classes")


def test_an_event_that_was_called_wrong_is_corrected_and_its_class_hidden(page, microphone, bark):
    page.open()
    microphone.play(bark)
    page.wait_event("dog_bark")
    page.wait("!document.querySelector('.event.on')")  # it is over
    page.click(".event button", "Correct")
    page.fill(".event form input", "our dog")
    page.browser.press("Enter")
    page.wait_text("#events-answer .good", "our dog")
    page.wait_event("our dog")
    assert labels(page.listening)["our dog"]["taught"] == 1
    page.click("#events-answer button", "Undo")
    page.wait_text("#events-answer .did", "Undone")
    page.click(".event button", "Hide")
    page.wait_text("#events-answer .good", "hidden")
    page.until(lambda: page.listening.get("api/state")["hidden"] == ["dog_bark"])
    page.go("classes")
    page.wait_text(".class-list", "hidden")
    page.go("classes/dog_bark")
    page.click("#view-classes button", "Show again")
    page.wait_text("#view-classes .good", "dog_bark")
    page.until(lambda: page.listening.get("api/state")["hidden"] == [])


def test_what_is_forgotten_is_gone_once_a_person_has_said_so_twice(page):
    page.listening.post("api/learn/file?label=gone soon".replace(" ", "%20"), (SOUNDS / "ring.wav").read_bytes())
    page.open("classes/gone%20soon")
    page.click("#view-classes button", "Forget")
    page.wait_text(".dialog", "1 example")
    assert "gone soon" in labels(page.listening)
    page.click(".dialog button", "Cancel")
    page.wait("!document.querySelector('.dialog')")
    page.click("#view-classes button", "Forget")
    page.click(".dialog button", "Forget")
    page.wait_text("#view-classes .good", "forgotten")
    page.wait_text("#view-classes", "no such class")
    assert "gone soon" not in labels(page.listening)


def test_the_threshold_slider_sets_the_score_from_which_a_class_is_announced(page):
    page.open("classes/kettle")
    page.wait("Boolean(document.querySelector('#threshold'))")
    page.browser.run("document.querySelector('#threshold').focus()")
    page.browser.press("End")
    page.wait_text("#view-classes .good", "100 %")
    page.until(lambda: page.listening.get("api/state")["thresholds"] == {"kettle": 1.0})
    page.click("#view-classes button", "As all others")
    page.wait_text("#view-classes .good", "31 %")
    page.until(lambda: page.listening.get("api/state")["thresholds"] == {})


def test_an_example_is_found_on_the_map_moved_and_removed(page):
    page.listening.post("api/learn/file?label=kettle", (SOUNDS / "ring_soft.wav").read_bytes())
    page.open("classes/kettle")
    page.tab_to(".map .point")
    page.browser.press("Enter")
    page.wait("document.activeElement.matches('.example')")
    page.click(".example button", "Move")
    page.fill(".example form input", "teapot")
    page.browser.press("Enter")
    page.wait_text("#view-classes .good", "teapot")
    page.wait("document.querySelectorAll('.example').length === 2")
    assert labels(page.listening)["teapot"]["taught"] == 1
    page.go("classes/teapot")
    page.wait_text(".class-head h1", "teapot")
    page.click(".example button", "Remove")
    page.wait("document.querySelector('#view-classes .good') !== null")
    assert "teapot" not in labels(page.listening)


def test_a_file_teaches(page):
    page.open()
    page.click(".from-file summary")
    page.fill("#label", "from a file")
    root = page.browser.page("DOM.getDocument")["root"]["nodeId"]
    node = page.browser.page("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page.browser.page("DOM.setFileInputFiles", nodeId=node, files=[str(SOUNDS / "ring.wav")])
    page.click("#teach-file")
    page.wait_text("#teach-answer .good", "from a file")
    assert labels(page.listening)["from a file"]["taught"] == 1
    page.click("#teach-answer button", "Undo")
    page.wait_text("#teach-answer .did", "Undone")


def test_a_label_is_text_wherever_it_is_shown(page):
    page.listening.post(f"api/learn/file?label={NASTY.replace(' ', '%20')}", (SOUNDS / "ring.wav").read_bytes())
    page.open()
    page.wait_text("#chips", NASTY)
    for view, place in (("classes", ".class-list"), (f"classes/{NASTY.replace(' ', '%20')}", ".class-head h1")):
        page.go(view)
        page.wait_text(place, NASTY)
    assert page.browser.run("document.querySelectorAll('main img').length") == 0
    assert page.browser.run("document.title") == "pace-edge"
    page.listening.post("api/undo", {"steps": 1})


def test_a_mistake_is_said_in_words_and_loses_no_label(page):
    page.open()
    page.click("#teach .primary")
    page.wait_text("#teach-answer [role=alert]", "no name yet")
    page.fill("#label", "x" * 199)
    page.browser.run("document.querySelector('#label').removeAttribute('maxlength')")
    page.fill("#label", "too\u0000strange")
    page.click("#teach .primary")
    page.wait("document.querySelector('#teach-answer .bad .did')?.textContent.length > 40")
    assert page.browser.run("document.querySelector('#label').value") != ""
    page.browser.complaints.clear()  # Chromium reports what the listener refused


def test_a_page_that_is_opened_again_shows_what_is_and_nothing_of_before(page, microphone):
    page.open()
    page.fill("#label", "half a na")
    page.click("#that")
    page.wait("!document.querySelector('#selection').hidden")
    page.browser.page("Page.reload")
    page.wait("document.querySelector('#connection')?.dataset.state === 'open' && document.querySelector('#selection').hidden")
    assert page.browser.run("document.querySelector('#label').value") == ""
    assert page.text("#pause") == "Pause"
    shown = page.browser.run("[...document.querySelectorAll('#labels option')].map((option) => option.value)")
    assert set(shown) == {label for label, known in labels(page.listening).items() if not known["background"]}


def test_the_page_outlives_the_listener_and_keeps_the_label_that_could_not_be_taught(page):
    page.open()
    page.fill("#label", "patience")
    page.listening.stop()
    page.wait("document.querySelector('#connection').dataset.state === 'lost'")
    assert "No connection" in page.text("#connection-words")
    page.click("#teach .primary")
    page.wait_text("#teach-answer [role=alert]", "does not answer")
    assert page.browser.run("document.querySelector('#label').value") == "patience"
    page.listening.start()
    page.wait("document.querySelector('#connection').dataset.state === 'open'")
    page.wait("document.querySelector('#now-label').textContent !== 'Listening …'")
    page.browser.complaints.clear()  # Chromium reports that nobody answered


CONTROLS = {"button", "textbox", "searchbox", "combobox", "slider", "spinbutton", "checkbox", "radio", "meter", "link", "image", "DateTime"}


@pytest.mark.parametrize("view", SHOWS)
def test_everything_has_a_name_fits_a_small_phone_and_can_be_read_in_light_and_dark(page, view):
    page.open(view, width=360, height=740)
    page.wait_text(f"#view-{view.partition('/')[0]}", SHOWS[view])
    if view == "live":
        page.click("#that")
        page.click("#teach .primary")  # with an answer in view
    if view == "classes/kettle":
        page.click("#view-classes button", "Forget")
    page.browser.run("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert page.browser.run("document.documentElement.scrollWidth") <= 360
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        assert page.browser.run("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
        assert low_contrasts(page.browser) == []
    controls = [node for node in page.browser.accessible() if node["role"] in CONTROLS]
    assert len(controls) > 8
    assert [node for node in controls if not node["name"].strip()] == []


@pytest.mark.skipif("PACE_EDGE_SCREENSHOTS" not in os.environ, reason="PACE_EDGE_SCREENSHOTS names no folder for them")
def test_screenshots_for_the_readme(page, microphone):
    raise NotImplementedError
