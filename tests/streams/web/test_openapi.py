"""The description is of this API: every route is in it, every answer is as it says, and so is every mistake."""

import json

import jsonschema
import numpy as np
import pytest

from streams.configuration.output_settings import HistorySettings, OutputSettings
from streams.configuration.settings import Settings
from streams.web.routes import CALLS, api_routes
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import first, serving
from tests.synthetic import RATE_HZ


@pytest.fixture
def described(served):
    return served.get("/api/openapi.json")


def test_every_route_is_described_and_every_described_one_exists(described):
    routes = [route for route in api_routes(None) if "{" not in route.path]  # but what answers that there is none
    routed = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}
    told = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert routed == told


def test_every_reference_leads_somewhere_and_every_name_is_told_once(described):
    schemas = described["components"]["schemas"]
    text = json.dumps(described)
    for part in text.split('"$ref": "')[1:]:
        assert part.partition('"')[0].removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [one["operationId"] for methods in described["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids)) == len(CALLS)


def test_the_version_of_the_description_is_3_1(described):
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == described["info"]["version"].strip()


def test_real_answers_are_as_they_are_described(small_model):
    """A listener that has heard, was taught and keeps a history is asked everything that can be asked of it."""
    outputs = OutputSettings(history=HistorySettings(keep=True))
    with serving(small_model, settings=Settings(outputs=outputs)) as served:
        description = served.get("/api/openapi.json")
        seen = set()

        def check(method, path, body=None, query="", status=200):
            answer = served.get(path + query, status) if method == "GET" else served.post(path, status, **(body or {}))
            operation = description["paths"][path][method.lower()]
            response = operation["responses"]["200" if status == 200 else "default"]
            schema = {**response["content"]["application/json"]["schema"], "components": description["components"]}
            jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
            if body is not None:
                asked = operation["requestBody"]["content"]["application/json"]["schema"]
                jsonschema.validate(body, {**asked, "components": description["components"]})
            seen.add((method, path))
            return answer

        from streams.sinks.history import History, history_path
        from tests.streams.sinks.given import Said, event

        history = History(history_path(), Said().reports)
        for n in range(3):
            history.write(event(n))
        history.close()
        served.hear_low(4)
        served.hear_hiss(3)
        wait_until(lambda: len(served.get("/api/recent")["events"]) == 2)
        check("GET", "/api/recent")
        assert check("GET", "/api/last-sound")["sound"]["source"] == "attic"
        assert check("GET", "/api/last-sound", query="?source=cellar")["sound"] is None
        lesson = check("POST", "/api/learn", {"label": "hum", "start_s": 1.0, "end_s": 3.0})
        check("POST", "/api/learn", {"label": "hum", "last_s": 2.0, "keep_audio": False})
        check("POST", "/api/correct", {"example": lesson["id"], "label": "buzz"})
        check("POST", "/api/hide", {"label": "high"})
        check("POST", "/api/unhide", {"label": "high"})
        check("POST", "/api/rename", {"label": "hum", "new_label": "drone"})
        check("GET", "/api/label", query="?label=drone")
        (question,) = check("GET", "/api/review", query="?limit=5")["questions"]
        check("POST", "/api/review", {"event": question["event"], "answer": "yes"})
        check("POST", "/api/undo", {"steps": 1})
        check("POST", "/api/remove", {"example": lesson["id"]})
        check("POST", "/api/forget", {"label": "drone", "purge": True})
        served.hear(np.zeros(2 * RATE_HZ, np.float32))
        refused = check("POST", "/api/learn", {"label": "x", "start_s": 7.5, "end_s": 8.5}, status=409)
        assert (refused["doubtful"], "--force" in refused["what"]) == (True, False)
        check("POST", "/api/threshold", {"label": "low", "threshold": 0.5})
        check("POST", "/api/settings", {"gain_db": 1.0})
        for path in ("state", "health", "model", "labels", "settings", "devices", "login", "openapi.json"):
            check("GET", f"/api/{path}")
        check("GET", "/api/history", query="?limit=2")
        check("GET", "/api/scores", query="?label=low")
        check("POST", "/api/login", {"token": "x"})
        check("POST", "/api/logout")
        check("POST", "/api/undo", {"steps": 1000}, status=409)
        check("GET", "/api/label", query="?label=nobody", status=409)
        others = {("GET", "/api/stream"), ("POST", "/api/learn/file"), ("GET", "/api/event/audio"),
                  ("GET", "/api/example/audio")}  # fmt: skip
        assert {(call.method, call.path) for call in CALLS} == seen | others


def test_what_the_stream_tells_is_described_too(served, described):
    def fits(name, data):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(data, schema, jsonschema.Draft202012Validator)

    with served.stream() as messages:
        served.hear_low(3)
        fits("WindowRecord", first(messages, lambda kind, data: kind == "heard" and data["type"] == "window"))
        fits("EventRecord", first(messages, lambda kind, data: kind == "heard" and data["type"] == "event"))
        fits("MelPiece", first(messages, lambda kind, data: kind == "mel"))
        served.post("/api/settings", gain_db=1.0)
        fits("StateNow", first(messages, lambda kind, data: kind == "state" and data["gain_db"] == 1.0))
