"""Teaching over the API is teaching: at once, on the disk, heard by the listener, and taken back as exactly."""

import io

import numpy as np
import pytest
import soundfile

from pace_edge.model_file import read_model
from streams.configuration.settings import JournalSettings, Settings
from streams.listening.learner import open_journal
from streams.teaching.change import Changer
from streams.web import guard
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import JSON, serving
from tests.synthetic import RATE_HZ, other_sounds, tone, with_info, with_sample


def flac(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="FLAC")
    return file.getvalue()


def test_a_range_of_one_source_is_taught_and_the_next_sound_is_named(served):
    served.hear_low(3, source="attic")
    served.hear(tone(1000, 4, rng=served.rng), source="door")
    lesson = served.post("/api/learn", label="whistle", source="door", start_s=1.0, end_s=3.0)
    assert (lesson["label"], lesson["is_new_class"], lesson["after"][0]) == ("whistle", True, "whistle")
    assert lesson["before"][0] != "whistle"
    assert "heard by door at " in lesson["source"]
    assert lesson["windows"] == 3  # 1 to 2, 1.5 to 2.5 and 2 to 3 s
    assert "new class 'whistle' has 1 example" in lesson["words"]
    served.hear(tone(1000, 3, rng=served.rng), source="attic")
    wait_until(lambda: any(event["label"] == "whistle" for event in served.get("/api/recent")["events"]))


def test_the_last_seconds_are_those_of_the_loudest_source_unless_one_is_named(served):
    served.hear_high(3, source="door")
    served.hear_hiss(3, source="attic")
    assert "by door at" in served.post("/api/learn", label="a", last_s=30)["source"]
    assert "by attic at" in served.post("/api/learn", label="b", last_s=30, source="attic", force=True)["source"]


def test_a_short_stretch_is_taught_from_the_windows_that_hold_it(served):
    served.hear_high(4)
    lesson = served.post("/api/learn", label="blip", start_s=2.1, end_s=2.3)
    assert lesson["windows_heard"] == 2  # 1.5 to 2.5 and 2 to 3 s


def test_the_sound_of_a_range_is_kept_as_the_model_heard_it_and_played(served):
    served.post("/api/settings", gain_db=-6.0)
    sound = tone(2500, 4, rng=served.rng)
    served.hear(sound)
    lesson = served.post("/api/learn", label="whistle", start_s=1.0, end_s=3.0)
    (example,) = served.get("/api/label?label=whistle")["examples"]
    assert (example["id"], example["plays"]) == (lesson["id"], True)
    status, headers, body = served.ask("GET", f"/api/example/audio?id={lesson['id']}")
    assert (status, headers["content-type"]) == (200, "audio/flac")
    played, rate_hz = soundfile.read(io.BytesIO(body), dtype="float32")
    assert rate_hz == RATE_HZ
    assert np.abs(played - sound[RATE_HZ : 3 * RATE_HZ] * 10 ** (-6 / 20)).max() < 1e-3
    status, headers, body = served.ask(
        "GET", f"/api/example/audio?id={lesson['id']}", headers={"Range": "bytes=0-3"}
    )  # fmt: skip
    assert (status, body) == (206, b"fLaC")  # so that a player can jump


def test_no_sound_is_kept_where_it_is_not_wanted(served):
    served.hear_high(4)
    lesson = served.post("/api/learn", label="whistle", last_s=30, keep_audio=False)
    assert served.ask("GET", f"/api/example/audio?id={lesson['id']}")[0] == 404
    assert not served.get("/api/label?label=whistle")["examples"][0]["plays"]


def test_a_recording_that_changed_since_it_was_taught_is_not_played(served, tmp_path):
    """A path in the journal opens no file but the one that was taught."""
    served.hear_high(4)
    lesson = served.post("/api/learn", label="whistle", last_s=30)
    (kept,) = (open_journal(served.listener.ears.model).clips).glob("*.flac")
    kept.write_bytes(b"a secret of somebody else")
    assert served.ask("GET", f"/api/example/audio?id={lesson['id']}")[0] == 404


def test_an_uploaded_recording_is_taught(served):
    body = flac(tone(1000, 2, rng=served.rng))
    status, _, answer = served.ask("POST", "/api/learn/file?label=kettle", body, {"X-Pace-Edge": "1"})
    assert status == 200, answer
    assert served.get("/api/label?label=kettle")["examples"][0]["plays"]
    status, _, answer = served.ask("POST", "/api/learn/file?background=true", body, {"X-Pace-Edge": "1"})
    assert (status, b"is example 1 of 'kettle' already" in answer) == (409, True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "cannot be read as audio"),
        (b"no sound at all", "cannot be read as audio"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n", "cannot be read as audio"),
        (flac(np.zeros(RATE_HZ, np.float32)), "there is only silence in what was to be taught (an uploaded recording)"),
    ],
)
def test_what_is_no_sound_is_not_taught_and_tells_nothing_of_this_machine(served, body, words):
    status, _, answer = served.ask("POST", "/api/learn/file?label=x", body, {"X-Pace-Edge": "1"})
    assert status == (409 if "only silence" in words else 422)
    assert words in answer.decode()
    assert "/tmp" not in answer.decode()
    assert "x" not in served.get("/api/state")["labels"]


def test_an_upload_may_be_larger_than_a_question_but_not_any_size(served, monkeypatch):
    long = flac(tone(300, 20, rng=served.rng))
    assert len(long) > guard.SMALL_BYTES
    assert served.ask("POST", "/api/learn/file?label=hum", long, {"X-Pace-Edge": "1"})[0] == 200
    monkeypatch.setattr(guard, "UPLOAD_BYTES", len(long) - 1)
    assert served.ask("POST", "/api/learn/file?label=hum", long, {"X-Pace-Edge": "1"})[0] == 413


def test_a_recording_of_an_hour_is_refused_without_reading_it_all(served):
    hour = flac(np.tile(tone(300, 1, rng=served.rng), 700))
    status, _, answer = served.ask("POST", "/api/learn/file?label=hum", hour, {"X-Pace-Edge": "1"})
    assert status == 422
    assert "too long to be one sound" in answer.decode()


def test_what_was_taught_is_corrected_removed_undone_forgotten_hidden_and_renamed(served):
    served.hear_high(4)
    first = served.post("/api/learn", label="a", start_s=2.5, end_s=4)["id"]
    second = served.post("/api/learn", label="a", start_s=0.5, end_s=2)["id"]
    assert served.post("/api/correct", example=second, label="b")["examples"] == 1
    assert served.post("/api/remove", example=second)["did"] == f"example {second} of 'b' is taken back exactly"
    assert "b" not in served.get("/api/labels")["labels"]
    assert "remove example" in served.post("/api/undo")["did"]
    assert [one["id"] for one in served.get("/api/label?label=b")["examples"]] == [second]
    served.post("/api/rename", label="a", new_label="Flöte / 'x'")
    served.post("/api/hide", label="high")
    served.hear_hiss(1)
    state = served.get("/api/state")
    assert set(state["labels"]) == {"low", "high", "background", "Flöte / 'x'", "b"}
    assert state["hidden"] == ["high"]
    served.post("/api/unhide", label="high")
    served.post("/api/forget", label="Flöte / 'x'")
    served.hear_hiss(1)
    assert "Flöte / 'x'" not in served.get("/api/state")["labels"]
    assert first not in served.listener.ears.learner.state.examples


def test_an_answer_is_undone_by_its_id_only_while_nothing_was_done_after_it(served):
    served.hear_high(4)
    lesson = served.post("/api/learn", label="a", last_s=30)
    other = served.post("/api/hide", label="low")  # another page
    refused = served.post("/api/undo", 409, id=lesson["id"])["error"]
    assert "something else was done since: hide 'low'. Nothing was undone" in refused
    served.post("/api/undo", id=other["id"])
    with Changer(served.listener.ears.model) as command:
        command.rename("a", "b")
    assert "rename 'a' to 'b'" in served.post("/api/undo", 409, id=lesson["id"])["error"]
    with Changer(served.listener.ears.model) as command:
        command.undo()
    assert "learn 'a'" in served.post("/api/undo", id=lesson["id"])["did"]
    assert "undone already" in served.post("/api/undo", 409, id=lesson["id"])["error"]
    assert "id" in served.post("/api/undo", 422, id=0)["error"]
    assert "a" not in [one["label"] for one in served.get("/api/labels")["labels"]]


def test_an_announced_sound_is_corrected_and_says_so(served):
    def corrected_to():
        served.hear_hiss(1)  # which makes the listener take it up
        return served.get("/api/recent")["events"][0]["corrected_to"]

    served.hear_high(4)
    event = served.get("/api/recent")["events"][0]
    assert event["corrected_to"] is None
    assert served.post("/api/correct", event=event["id"], label="whistle")["label"] == "whistle"
    wait_until(lambda: corrected_to() == "whistle")
    served.post("/api/rename", label="whistle", new_label="flute")
    wait_until(lambda: corrected_to() == "flute")
    assert served.post("/api/correct", event=event["id"], background=True)["label"] == "background"
    wait_until(lambda: corrected_to() == "background")
    served.post("/api/undo", steps=3)
    wait_until(lambda: corrected_to() is None)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/api/learn", {"label": "a", "last_s": 1, "start_s": 1, "end_s": 2}, 422, "give last_s, or start_s and end_s"),
        ("/api/learn", {"label": "a", "last_s": 61}, 422, "last_s"),
        ("/api/learn", {"label": "a", "last_s": "NaN"}, 422, "last_s"),
        ("/api/learn", {"last_s": 2}, 422, "give a label, or background: true"),
        ("/api/learn", {"label": "a", "background": True, "last_s": 2}, 422, "give a label, or background: true"),
        ("/api/learn", {"label": "a", "start_s": 3, "end_s": 2}, 422, "end_s is after start_s"),
        ("/api/learn", {"label": "a", "last_s": 2, "source": "cellar"}, 409, "'cellar' is not heard"),
        ("/api/learn", {"label": "a", "start_s": 50, "end_s": 52}, 409, "nothing is remembered of 50.0 to 52.0 s"),
        ("/api/learn", {"label": " \n ", "last_s": 2}, 422, "this label cannot be used"),
        ("/api/learn", {"label": "a", "last_s": 2, "file": "/etc/passwd"}, 422, "file"),
        ("/api/correct", {"event": "nothing", "label": "a"}, 409, "no event 'nothing' is remembered"),
        ("/api/correct", {"label": "a"}, 422, "give an event or an example"),
        ("/api/correct", {"label": "a", "example": 1, "force": True}, 422, "force"),
        ("/api/correct", {"example": 99, "label": "a"}, 409, "no example 99 counts"),
        ("/api/remove", {"example": 99}, 409, "no example 99 counts"),
        ("/api/remove", {"example": "1 OR 1=1"}, 422, "example"),
        ("/api/undo", {}, 409, "there is not so much to undo"),
        ("/api/forget", {"label": "nobody"}, 409, "no class is called 'nobody'"),
        ("/api/forget", {"label": "background"}, 422, "not to be announced"),
        ("/api/rename", {"label": "low"}, 422, "new_label"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(served, path, body, status, words):
    served.hear_high(3)
    assert words in served.post(path, status, **body)["error"]
    with open_journal(served.listener.ears.model) as journal:
        assert journal.operations() == []


def test_a_body_that_is_no_json_is_a_mistake_too(served):
    for body in ("", "{", "[]", "null", '{"steps": 1, "steps2": 1}'):
        status, _, answer = served.ask("POST", "/api/undo", body, JSON)
        assert status == 422, body
        assert b"Traceback" not in answer


def test_teaching_goes_on_with_a_model_that_took_over(served, tmp_path):
    other = with_info(served.listener.ears.model.path, tmp_path / "other.onnx", name="other")
    served.hear_high(3)
    served.post("/api/learn", label="whistle", last_s=30)
    served.listener.swap(other)
    served.hear_high(3)
    state = served.get("/api/state")
    assert (state["model"]["name"], state["labels"]) == ("other", ["low", "high", "background"])
    served.post("/api/learn", label="flute", last_s=30)
    with open_journal(read_model(other)) as journal:
        assert [o.label for o in journal.operations()] == ["flute"]


def test_the_page_teaches_in_the_listeners_journal_wherever_that_is(small_model, tmp_path, state_folder):
    with serving(small_model, settings=Settings(journal=JournalSettings(file=tmp_path / "mine"))) as served:
        served.hear_high(3)
        served.post("/api/learn", label="whistle", last_s=30)
        served.listener.swap(small_model, journal=tmp_path / "another")
        served.hear_high(3)
        served.post("/api/learn", label="flute", last_s=30)
    for name, label in (("mine", "whistle"), ("another", "flute")):
        with open_journal(read_model(small_model), tmp_path / name) as journal:
            assert [o.label for o in journal.operations()] == [label]
    assert not (state_folder / "journals").exists()


def test_more_than_can_be_done_is_refused_not_queued_for_ever(small_model, monkeypatch):
    monkeypatch.setattr("streams.web.desk.ROOM", 0)
    with serving(small_model) as served:
        status, headers, _ = served.ask("POST", "/api/undo", "{}", JSON)
        assert (status, headers["retry-after"]) == (503, "1")


def test_another_form_of_a_class_is_refused_with_that_class_and_insisted_on(served):
    served.hear_low(3)
    asked = {"label": "high", "new_label": "LOW"}
    refused = served.post("/api/rename", 409, **asked)
    assert refused["near"] == "low"
    assert "there is 'low' already" in refused["error"]
    assert served.post("/api/rename", **asked, new_class=True)["label"] == "LOW"
    assert served.post("/api/hide", 409, label="lwo").get("near") is None
    assert served.post("/api/learn", 409, label="Low", last_s=30)["near"] == "LOW"
    assert served.post("/api/learn", label="Low", last_s=30, new_class=True)["is_new_class"]


def test_what_else_would_be_announced_is_said_of_a_lesson_a_class_and_each_threshold(small_model, tmp_path):
    with serving(with_sample(small_model, tmp_path / "keeping.onnx", other_sounds())) as served:
        served.hear(tone(1200, 4, rng=served.rng))
        lesson = served.post("/api/learn", label="bell", start_s=1.0, end_s=3.0)
        said = lesson["confusion"]
        assert (said["label"], said["of"], said["taken"][0][0]) == ("bell", 9, "whistle")
        assert "of 9 other sounds that the model keeps, " in lesson["words"]
        known = {one["label"]: one for one in served.get("/api/labels")["labels"]}
        assert (known["bell"]["confusion"], known["background"]["confusion"]) == (said, None)
        scores = served.get("/api/scores?label=bell")
        at = [one["threshold"] for one in scores["here"]].index(0.3)
        assert len(scores["kept"]) == len(scores["here"]) and scores["kept"][at] == said["share"]


def test_a_class_that_is_hidden_by_the_settings_of_this_listener_is_asked_nothing(small_model, tmp_path):
    settings = Settings.model_validate({"events": {"hidden": ["bell"]}})
    with serving(with_sample(small_model, tmp_path / "keeping.onnx", other_sounds()), settings=settings) as served:
        served.hear(tone(1200, 4, rng=served.rng))
        assert served.post("/api/learn", label="bell", start_s=1.0, end_s=3.0)["confusion"] is None


def test_a_model_that_keeps_no_other_sounds_says_no_share(served):
    assert served.get("/api/scores?label=low")["kept"] == []
