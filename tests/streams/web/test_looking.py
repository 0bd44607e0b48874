"""Past events page by page, their sound, and the questions that a person's word is worth most to."""

import io
from urllib.parse import quote

import pytest
import soundfile

from streams.configuration.output_settings import ClipSettings, HistorySettings, OutputSettings
from streams.configuration.settings import Settings
from streams.sinks.clips import ClipKeeper
from streams.sinks.history import History, history_path
from tests.streams.sinks.given import AT, Said, event, wait_until
from tests.streams.web.serving import serving
from tests.synthetic import RATE_HZ, tone


@pytest.fixture
def kept(small_model, tmp_path):
    """A page whose listener keeps a history and clips."""
    outputs = OutputSettings(history=HistorySettings(keep=True), clips=ClipSettings(folder=tmp_path / "clips"))
    with serving(small_model, settings=Settings(outputs=outputs)) as served:
        yield served


def write_history(*events):
    history = History(history_path(), Said().reports)
    for one in events:
        history.write(one)
    history.close()


def ids(page):
    return [one["id"] for one in page["events"]]


def test_events_come_page_by_page_newest_first_each_once(kept):
    write_history(*[event(n, at_unix_s=AT + n // 3) for n in range(10)])  # three at the same time
    seen, before = [], ""
    for _ in range(4):
        page = kept.get(f"/api/history?limit=3{before}")
        seen += ids(page)
        before = f"&before={quote(page['before'] or '')}"
        assert page["more"] is (len(seen) < 10)
        if len(seen) == 3:
            write_history(event(99, at_unix_s=AT + 99))  # a new one moves nothing
    assert len(seen) == len(set(seen)) == 10
    assert "id-99" not in seen


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("label=dog", {"id-1", "id-4"}),
        ("source=door", {"id-2", "id-3"}),
        ("min_score=0.8", {"id-1", "id-3", "id-4"}),
        (f"since={AT + 2}", {"id-2", "id-3", "id-4"}),
        (f"until={AT + 2}", {"id-1"}),
        (f"label=cat&source=door&since={AT}", {"id-2", "id-3"}),
        ("label=' OR 1=1 --", set()),
    ],
)
def test_events_are_filtered(kept, query, expected):
    write_history(
        event(1), event(2, label="cat", source="door", score=0.5), event(3, label="cat", source="door"), event(4)
    )  # fmt: skip
    assert set(ids(kept.get("/api/history?" + quote(query, safe="=&")))) == expected


def test_a_past_event_that_was_corrected_says_so(kept):
    kept.hear_low(3)
    kept.hear_hiss(2)
    wait_until(lambda: kept.get("/api/recent")["events"])
    write_history(event(1), event(2, id=kept.get("/api/recent")["events"][0]["id"]))

    def told():
        return {one["corrected_to"] for one in kept.get("/api/history")["events"]}

    assert told() == {None}
    change = kept.post("/api/correct", event=kept.get("/api/recent")["events"][0]["id"], label="kettle")
    assert told() == {None, "kettle"}
    kept.post("/api/undo", id=change["id"])
    assert told() == {None}


def test_a_history_that_is_not_kept_says_how_to_begin_one(served):
    assert "Set outputs.history.keep" in served.get("/api/history", 404)["error"]


def test_a_cursor_that_was_not_given_is_a_mistake(kept):
    write_history(event(1))
    assert "before=x is no place" in kept.get("/api/history?before=x", 422)["error"]
    assert "limit" in kept.get("/api/history?limit=0", 422)["error"]


def test_the_sound_of_an_event_is_played_and_no_other_file(kept, tmp_path):
    clips = ClipKeeper(tmp_path / "clips", Said().reports, rate_hz=RATE_HZ)
    clips.push("attic", tone(300, 5, rng=kept.rng), start_s=0.0)
    heard = event(1, start_s=2.0, end_s=4.0)
    for state in ("start", "end"):
        clips.write(event(1, state, start_s=2.0, end_s=4.0))
    (tmp_path / "clips" / "secret.flac").write_bytes(b"secret")
    write_history(heard, event(2))
    assert [one["plays"] for one in kept.get("/api/history")["events"]] == [False, True]
    status, headers, body = kept.ask("GET", "/api/event/audio?id=id-1")
    assert (status, headers["content-type"]) == (200, "audio/flac")
    assert len(soundfile.read(io.BytesIO(body))[0]) == 4.5 * RATE_HZ  # 2 s before it, its own 2, and its last half
    for id in ("id-2", "secret", "../clips/secret", "secret.flac", "%2e%2e", "*", "[a-z]*"):
        assert kept.ask("GET", f"/api/event/audio?id={quote(id)}")[0] == 404


def test_the_least_certain_is_asked_first_and_never_again_once_answered(served):
    for hz in (300, 2500, 330, 1000, 420):
        served.hear(tone(hz, 3, rng=served.rng))
        served.hear_hiss(2)
    wait_until(lambda: served.get("/api/review")["questions"])
    asked = served.get("/api/review")
    questions = asked["questions"]
    assert asked["left"] == len(questions) >= 2
    by_doubt = [one["event"] for one in questions]
    assert (
        max(questions, key=lambda one: one["margin"])["event"] == by_doubt[-1]
        or max(questions, key=lambda one: one["strangeness"])["event"] == by_doubt[0]
    )
    first, second = questions[0], questions[1]
    assert "asked again" in served.post("/api/review", event=first["event"], answer="skip")["words"]
    assert served.get("/api/review") == asked
    done = served.post("/api/review", event=first["event"], answer="yes")
    assert f"is an example of '{first['label']}' now" in done["did"]
    assert done["id"] > 0
    assert "noted, nothing was learned" in served.post("/api/review", event=second["event"], answer="no")["words"]
    left = [one["event"] for one in served.get("/api/review")["questions"]]
    assert first["event"] not in left
    assert second["event"] not in left
    late = served.post("/api/review", event=first["event"], answer="other", label="x")  # of another page
    assert (late["taken"], late["id"], late["did"]) == (False, 0, "somebody has answered this meanwhile")
    gone = served.post("/api/review", event="gone", answer="yes")
    assert (gone["taken"], gone["did"]) == (False, "this sound is not remembered any more")
    served.post("/api/undo", id=done["id"])  # the answer is taken back, and so it is asked again
    assert first["event"] in [one["event"] for one in served.get("/api/review")["questions"]]
    other = served.post("/api/review", event=first["event"], answer="other", label="ladder")
    assert "is an example of 'ladder' now" in other["did"]
    assert "ladder" in [one["label"] for one in served.get("/api/labels")["labels"]]


@pytest.mark.parametrize("body", [{"answer": "maybe"}, {"answer": "other"}, {"answer": "yes", "label": "x"},
                                  {"answer": "other", "label": "x", "background": True}])  # fmt: skip
def test_an_answer_that_is_none_is_a_mistake(served, body):
    served.hear_low(3)
    served.post("/api/review", 422, event="x", **body)
