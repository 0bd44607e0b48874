"""What the page teaches is the sound that was meant: the last one, whole, as it shows. What is doubtful is asked."""

import numpy as np
import pytest

from tests.streams.sinks.given import wait_until
from tests.streams.web.fed import drag, fed, fed_with, needs_browser, pick, shown, wait_shown
from tests.streams.web.listening import browser
from tests.synthetic import RATE_HZ, other_sounds, tone, with_sample

__all__ = ["browser", "fed"]  # the fixtures
pytestmark = needs_browser

SELECTED = "import('/selection.js').then(({ selection }) => selection())"
PAUSED = "import('/plot.js').then(({ view }) => view.paused)"


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def focused(page):
    return page.browser.run("document.activeElement.id")


def that(page):
    page.click("#that")
    page.wait("!document.querySelector('#selection').hidden")
    return page.browser.run(SELECTED)


def test_that_is_the_last_sound_whole_and_a_name_is_all_it_takes(fed):
    fed.served.hear(silence(4))
    fed.served.hear_high(3)
    fed.served.hear(silence(6))
    fed.open()
    fed.wait("import('/plot.js').then(({ strip }) => strip().end_s > 12)")
    chosen = that(fed)
    assert (chosen["start_s"], chosen["end_s"]) == (pytest.approx(4, abs=0.11), pytest.approx(7, abs=0.11))
    assert "It was called high." in fed.text("#teach-what")
    assert focused(fed) == "label"
    fed.browser.type("whistle")
    fed.browser.press("Enter")
    fed.wait_text("#teach-answer .good", "heard by attic")
    fed.wait_text("#teach-answer .good", "3.0 s")
    (example,) = fed.served.get("/api/label?label=whistle")["examples"]
    assert example["plays"]
    assert fed.browser.run(PAUSED) is False


def test_the_last_sound_is_of_whichever_source_heard_it_unless_one_was_picked(fed):
    fed.served.hear(tone(1000, 3, rng=fed.served.rng), source="attic")
    fed.served.hear(silence(6), source="attic")
    fed.served.hear(silence(5), source="door")
    fed.served.hear_high(2, source="door")
    fed.served.hear(silence(2), source="door")
    fed.open()
    wait_shown(fed, "attic")
    assert that(fed)["source"] == "door"
    assert shown(fed) == "door"
    pick(fed, "attic")
    assert that(fed)["source"] == "attic"


def test_where_there_was_no_sound_it_says_so_and_teaches_nothing(fed):
    fed.served.hear(silence(5))
    fed.open()
    fed.click("#that")
    fed.wait_text("#teach-answer [role=alert]", "o sound was heard in the last 60 s")
    assert "--" not in fed.text("#teach-answer")  # the page has no flags
    fed.fill("#label", "nothing")
    fed.browser.press("Enter")
    fed.wait("document.querySelector('#teach [aria-disabled]') === null")
    assert "nothing" not in fed.listening.labels()
    assert fed.browser.run("document.querySelector('#label').value") == "nothing"
    fed.browser.complaints.clear()  # Chromium reports what the listener refused


def test_after_a_drag_the_name_is_typed_at_once_and_escape_gives_up(fed):
    fed.served.hear_high(5)
    fed.open()
    drag(fed)
    assert focused(fed) == "label"
    fed.browser.type("half a na")
    assert fed.browser.run(PAUSED) is True
    fed.browser.press("Escape")
    fed.wait("document.querySelector('#selection').hidden")
    assert fed.browser.run(PAUSED) is False
    assert fed.text("#pause") == "Pause"
    assert fed.browser.run("document.querySelector('#label').value") == "half a na"


def test_a_doubtful_sound_is_taught_once_a_person_insists(fed):
    fed.served.hear_high(3)
    fed.served.hear(silence(5))
    fed.open()
    drag(fed)
    fed.browser.type("quiet")
    fed.browser.press("Enter")
    fed.wait_text(".which", "here is only silence in what was to be taught")
    assert "--force" not in fed.text(".which")
    fed.click(".which button", "Cancel")
    fed.wait_text("#teach-answer [role=alert]", "only silence")
    assert "quiet" not in fed.listening.labels()
    fed.click("#teach .primary")
    fed.click(".which button", "Teach it anyway")
    fed.wait_text("#teach-answer .good", "uiet is learned as a new class")
    assert fed.listening.labels()["quiet"]["taught"] == 1
    fed.browser.complaints.clear()  # Chromium reports what the listener refused


def test_what_was_taught_already_is_said_and_has_no_undo_that_would_undo_another_step(fed):
    fed.served.hear(silence(4))
    fed.served.hear_high(3)
    fed.served.hear(silence(3))
    fed.open()
    for _ in range(2):
        that(fed)
        fed.browser.type("whistle")
        fed.browser.press("Enter")
        fed.wait("document.querySelector('#selection').hidden")
    fed.wait_text("#teach-answer .good", "Taught already")
    assert fed.browser.run("document.querySelectorAll('#teach-answer .undo').length") == 0
    assert fed.listening.labels()["whistle"]["taught"] == 1


def test_review_goes_on_to_the_next_question_whatever_becomes_of_one(fed):
    def questions():
        return fed.served.get("/api/review")["questions"]

    for hear in (fed.served.hear_low, fed.served.hear_high) * 2:
        hear(3)
        fed.served.hear(silence(3))
    wait_until(lambda: fed.served.hear(silence(1)) or len(questions()) == 4)  # what the journal was too busy for
    asked = questions()
    fed.open("review")
    fed.wait_text("#view-review", "4 questions left")
    fed.served.post("/api/review", event=asked[0]["event"], answer="no")  # another page
    fed.browser.press("y")
    fed.wait_text("#view-review .answer", "Somebody has answered this meanwhile.")
    fed.wait_text("#view-review", "3 questions left")
    fed.served.post("/api/forget", label=asked[1]["label"])
    fed.browser.press("y")
    fed.wait_text("#view-review .answer", "is no class")
    fed.wait_text("#view-review", "2 questions left")
    fed.served.web.close()
    fed.browser.press("k")  # nobody need be asked
    fed.wait_text("#view-review", "1 question left")
    fed.browser.complaints.clear()  # Chromium reports that nobody answers


def test_what_else_would_be_announced_is_said_with_the_lesson_in_the_list_and_at_the_threshold(
    browser, small_model, tmp_path
):
    with fed_with(browser, with_sample(small_model, tmp_path / "keeping.onnx", other_sounds())) as fed:
        fed.served.hear(silence(4))
        fed.served.hear(tone(1200, 3, rng=fed.served.rng))
        fed.served.hear(silence(6))
        fed.open()
        fed.wait("import('/plot.js').then(({ strip }) => strip().end_s > 12)")
        that(fed)
        fed.browser.type("bell")
        fed.browser.press("Enter")
        fed.wait_text("#teach-answer .confusion", "Of 9 other sounds that the model keeps, ")
        fed.wait_text("#teach-answer .confusion", "would be announced as bell: whistle (")
        fed.open("classes")
        fed.wait_text(".class-list", "other sounds: whistle.")
        fed.open("classes/bell")
        fed.wait_text(".threshold .often", "Of other sounds that the model keeps, about ")
