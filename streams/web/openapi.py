"""The API's description in OpenAPI 3.1, made from the models that check what is asked."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from streams.web.answers_live import EventRecord, MelPiece, Trouble
from streams.web.guard import COOKIE

if TYPE_CHECKING:
    from streams.web.call import Call

_REF = "#/components/schemas/{model}"


@cache
def described(calls: tuple[Call, ...]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {Trouble: None, MelPiece: None, EventRecord: None}
    for call in calls:
        for model in (call.takes, call.answers):
            if isinstance(model, type):
                models[model] = None
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pace-edge", "version": version("pace-edge"),
            "description": "The API of the live page. Scores run from 0 to 1; _s are seconds of a source's stream, "
            "_unix_s of the clock. Every POST needs the header X-Pace-Edge: 1.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
        "security": [{"token": []}, {"session": []}, {}],
    }  # fmt: skip


def _operation(call: Call) -> dict[str, Any]:
    kind = call.answers if isinstance(call.answers, str) else "application/json"
    schema: dict[str, Any] = {"type": "string"} if isinstance(call.answers, str) else _ref(call.answers)
    if call.answers == "application/json":
        schema = {"type": "object"}
    trouble = {
        "description": "What is wrong, and what to do.",
        "content": {"application/json": {"schema": _ref(Trouble)}},
    }
    operation: dict[str, Any] = {
        "summary": call.does,
        "operationId": f"{call.method.lower()}_{call.path.removeprefix('/api/').replace('/', '_').replace('.', '_')}",
        "responses": {"200": {"description": "Done.", "content": {kind: {"schema": schema}}}, "default": trouble},
    }
    parameters = []
    if call.takes is not None and not call.has_body:
        parameters += _parameters(call.takes)
    if call.method == "POST":
        parameters.append({"name": "X-Pace-Edge", "in": "header", "required": True, "schema": {"const": "1"}})
    if parameters:
        operation["parameters"] = parameters
    if call.has_body and call.takes is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(call.takes)}}}
    if call.upload:
        operation["requestBody"] = {"required": True, "content": {"audio/*": {"schema": {"type": "string"}}}}
    if call.open:
        operation["security"] = []
    return operation


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=_REF)
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": field}
        for name, field in schema["properties"].items()
    ]


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
