"""The live page in a real browser, on a real listener that hears a virtual microphone: what is heard, and teaching."""

import pytest

from tests.streams.web.listening import SOUNDS, missing, until
from tests.streams.web.listening import bark as bark
from tests.streams.web.listening import browser as browser
from tests.streams.web.listening import listening as listening
from tests.streams.web.listening import microphone as microphone
from tests.streams.web.listening import page as page

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def test_a_sound_that_is_played_appears_by_name(page, microphone, bark):
    page.open()
    page.watch("#now-label")
    microphone.play(bark)
    page.wait_said("dog bark")
    page.wait_event("dog_bark")
    page.wait("[...document.querySelectorAll('.mark')].some((mark) => mark.textContent === 'dog bark')")
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
    since_s = page.heard_s()
    microphone.play(SOUNDS / "ring.wav")
    page.drag_sound(since_s)
    page.wait_text("#teach-what", "Teaches ")
    page.browser.type("doorbell")
    page.click("#teach .primary")
    page.wait_text("#teach-answer .good", "doorbell")
    assert page.text("#teach-answer .effect")  # what it did to the others
    assert page.browser.run("document.querySelector('#label').value") == ""
    assert page.listening.labels()["doorbell"]["taught"] == 1
    page.watch("#now-label")
    microphone.play(SOUNDS / "ring_hall.wav")
    page.wait_said("doorbell")
    page.wait_event("doorbell")
    page.click("#teach-answer button", "Undo")
    page.wait_text("#teach-answer .did", "Undone")
    assert "doorbell" not in page.listening.labels()


def test_a_finger_teaches_on_a_small_screen(page, microphone):
    page.open(width=360, height=740)
    since_s = page.heard_s()
    microphone.play(SOUNDS / "ring.wav")
    page.drag_sound(since_s, touch=True)
    page.wait_text("#teach-what", "Teaches ")
    page.fill("#label", "bell")
    page.click("#teach .primary")
    page.wait_text("#teach-answer .good", "bell")
    page.click("#teach-answer button", "Undo")
    page.wait_text("#teach-answer .did", "Undone")


def test_all_of_teaching_works_with_the_keyboard_alone(page, microphone):
    page.open()
    since_s = page.heard_s()
    microphone.play(SOUNDS / "ring.wav")
    page.wait(f"import('/plot.js').then(({{ strip }}) => strip().end_s > {since_s} + 5)")
    page.tab_to("#that")
    page.browser.press("Enter")
    page.wait_text("#teach-what", "Teaches ")
    page.wait("document.activeElement.id === 'label'")
    length_s = float(page.text("#selection .length").split()[0])
    assert 2 < length_s < 5  # the ring, whole
    page.tab_to("#selection-start", back=True)
    for _ in range(5):
        page.browser.press("ArrowRight")
    page.wait_text("#teach-what", f"Teaches {length_s - 0.5:.1f} s")
    page.tab_to("#label")
    page.browser.type("keyboard bell")
    page.browser.press("Enter")
    page.wait_text("#teach-answer .good", "keyboard bell")
    assert "keyboard bell" in page.listening.labels()
    page.tab_to("#teach-answer .undo")
    page.browser.press("Enter")
    page.wait_text("#teach-answer .did", "Undone")
    assert "keyboard bell" not in page.listening.labels()
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
    page.wait_event("dog_bark, corrected to: our dog")
    assert page.listening.labels()["our dog"]["taught"] == 1
    page.click("#events-answer button", "Undo")
    page.wait_text("#events-answer .did", "Undone")
    page.wait("!document.querySelector('#events').textContent.includes('our dog')")
    page.click(".event button", "Hide")
    page.wait_text("#events-answer .good", "hidden")
    until(lambda: page.listening.get("api/state")["hidden"] == ["dog_bark"])
    page.go("classes")
    page.wait_text(".class-list", "hidden")
    page.go("classes/dog_bark")
    page.click("#view-classes button", "Show again")
    page.wait_text("#view-classes .good", "dog_bark")
    until(lambda: page.listening.get("api/state")["hidden"] == [])


def test_a_file_teaches(page):
    page.open()
    page.click(".from-file summary")
    page.fill("#label", "from a file")
    root = page.browser.page("DOM.getDocument")["root"]["nodeId"]
    node = page.browser.page("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page.browser.page("DOM.setFileInputFiles", nodeId=node, files=[str(SOUNDS / "ring.wav")])
    page.click("#teach-file")
    page.wait_text("#teach-answer .good", "from a file")
    assert page.listening.labels()["from a file"]["taught"] == 1
    page.click("#teach-answer button", "Undo")
    page.wait_text("#teach-answer .did", "Undone")


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
    microphone.play(SOUNDS / "ring.wav")
    page.fill("#label", "half a na")
    page.click("#that")
    page.wait("!document.querySelector('#selection').hidden")
    page.browser.page("Page.reload")
    page.wait(
        "document.querySelector('#connection')?.dataset.state === 'open' && document.querySelector('#selection').hidden"
    )
    assert page.browser.run("document.querySelector('#label').value") == ""
    assert page.text("#pause") == "Pause"
    shown = page.browser.run("[...document.querySelectorAll('#labels option')].map((option) => option.value)")
    assert set(shown) == {label for label, known in page.listening.labels().items() if not known["background"]}


def test_a_page_out_of_sight_asks_for_nothing(page):
    page.open()
    until(lambda: page.listening.get("api/state")["viewers"] == 1)
    uncover = page.browser.cover()
    page.wait_text("#connection-words", "Resting")
    until(lambda: page.listening.get("api/state")["viewers"] == 0)
    uncover()
    page.wait("document.querySelector('#connection').dataset.state === 'open'")


def test_the_page_outlives_the_listener_and_keeps_the_label_that_could_not_be_taught(page):
    page.open()
    page.fill("#label", "patience")
    page.listening.stop()
    page.wait_text("#connection-words", "No connection")
    page.click("#teach .primary")
    page.wait_text("#teach-answer [role=alert]", "does not answer")
    assert page.browser.run("document.querySelector('#label').value") == "patience"
    page.listening.start()
    page.wait("document.querySelector('#connection').dataset.state === 'open'")
    page.wait("document.querySelector('#now-label').textContent !== 'Listening …'")
    page.browser.complaints.clear()  # Chromium reports that nobody answered
