"""Which sources are alive, which have just ended, and what can be taught of each."""

import numpy as np
import pytest

from pace_edge.errors import AudioError
from streams.heard import SourceState, Window
from streams.listening.listener import Listener
from tests.streams.arrays import Arrays
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import first
from tests.synthetic import RATE_HZ, tone


def names(served, kind="sources"):
    return [one["name"] for one in served.get("/api/state")[kind]]


def test_what_has_ended_is_no_source_any_more_and_remembered_for_a_minute(served, monkeypatch):
    served.hear_low(3, source="attic")
    served.hear_hiss(3, source="door")
    wait_until(lambda: names(served) == ["attic", "door"])
    assert served.web.hub.loudest() == "attic"
    served.end("attic")
    wait_until(lambda: names(served) == ["door"])
    assert names(served, "ended") == ["attic"]
    assert served.web.hub.loudest() == "door"
    assert {window["source"] for window in served.get("/api/recent")["windows"]} == {"attic", "door"}
    monkeypatch.setattr("streams.web.hub.HEARD_KEPT_S", -1.0)  # a minute later
    assert names(served, "ended") == []


def test_that_a_minute_has_passed_since_a_source_ended_is_told(served, monkeypatch):
    served.hear_low(2)
    wait_until(lambda: names(served) == ["attic"])
    with served.stream() as messages:
        wait_until(lambda: served.get("/api/state")["viewers"])
        monkeypatch.setattr("streams.web.hub.HEARD_KEPT_S", 1.0)
        served.end()
        first(messages, lambda kind, data: kind == "state" and data["ended"])
        first(messages, lambda kind, data: kind == "state" and not data["ended"])


def test_a_source_that_begins_again_under_its_name_lives(served):
    served.hear_low(3)
    served.end()
    wait_until(lambda: names(served, "ended") == ["attic"])
    served.hear_low(2)
    wait_until(lambda: names(served) == ["attic"])
    assert names(served, "ended") == []
    (source,) = served.get("/api/state")["sources"]
    assert source["state"] == "hearing"


def test_a_source_that_is_away_stays_and_is_the_loudest_only_where_nothing_else_is_heard(served):
    served.hear_low(3, source="attic")
    wait_until(lambda: names(served) == ["attic"])
    served.say("attic", "gone", "It was pulled out.")
    wait_until(lambda: served.get("/api/state")["sources"][0]["state"] == "gone")
    assert served.web.hub.loudest() == "attic"
    served.hear_hiss(2, source="door")
    wait_until(lambda: names(served) == ["attic", "door"])
    assert served.web.hub.loudest() == "door"
    served.hear_low(2, source="attic")
    served.say("attic", "healthy", "It is heard again.")
    wait_until(lambda: served.web.hub.loudest() == "attic")


def test_what_has_ended_can_be_taught_by_its_name_and_is_not_chosen_where_another_lives(served):
    served.hear_high(4, source="attic")
    served.end("attic")
    lesson = served.post("/api/learn", label="a", start_s=1.0, end_s=3.0, source="attic")
    assert (lesson["heard_from"], lesson["known"]) == ("attic", False)
    assert served.get("/api/label?label=a")["examples"][0]["plays"]
    served.post("/api/undo", id=lesson["id"])
    lesson = served.post("/api/learn", label="a")
    assert lesson["heard_from"] == "attic"  # where nothing lives
    served.post("/api/undo", id=lesson["id"])
    served.hear(np.zeros(3 * RATE_HZ, np.float32), source="door")
    refused = served.post("/api/learn", 409, label="a")["error"]
    assert "no sound was heard" in refused
    assert "attic" not in refused
    served.hear_low(3, source="door")
    assert served.post("/api/learn", label="b")["heard_from"] == "door"
    assert served.post("/api/learn", label="a", source="attic")["heard_from"] == "attic"
    refused = served.post("/api/learn", 409, label="c", source="cellar")["error"]
    assert "'cellar' is not heard: expected a source: attic, door" in refused


@pytest.mark.parametrize("fails", [False, True])
def test_that_a_stream_has_ended_is_the_last_that_is_reported_of_it(small_model, fails):
    class Ending(Arrays):
        told = False

        def news(self):
            return [SourceState(self.name, "ended", "it is over", 0.0)] if self.told else []

    source = Ending(tone(300, 2.3, rng=np.random.default_rng(1)), name="attic")

    def chunks():
        for i, chunk in enumerate(source.chunks):
            source.told = i == len(source.chunks) - 1
            yield source, chunk
        if fails:
            raise AudioError("it broke")

    reported = []
    with Listener(small_model) as listener:
        try:
            for heard in listener.run_several(chunks()):
                reported.append(heard)
        except AudioError:
            assert fails
        assert listener.sessions() == {}
        assert list(listener.ended()) == ["attic"]
    assert isinstance(reported[-1], SourceState)
    assert sum(isinstance(one, Window) for one in reported) >= 3
