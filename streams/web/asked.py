"""What may be asked: the bodies and queries of the API, checked. A field that is not here is a mistake."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pace_edge.config import HEARD_KEPT_S

Text = Annotated[str, Field(min_length=1, max_length=400)]
Label = Annotated[str, Field(min_length=1, max_length=400, description="A class; trimmed to one line.")]
Score = Annotated[float, Field(ge=0, le=1)]
ExampleId = Annotated[int, Field(ge=1, le=2**53)]  # and any operation's


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Login(Asked):
    token: Annotated[str, Field(min_length=1, max_length=200)]


NewClass = Annotated[
    bool,
    Field(description="The label is meant, although there is a class that differs from it in its form only; else 409."),
]


class WhatItIs(Asked):
    """A label, or that it is nothing to be announced."""

    label: Label | None = None
    background: Annotated[bool, Field(description="Instead of a label: it is nothing to be announced.")] = False
    new_class: NewClass = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.label is None) != self.background:
            raise ValueError("give a label, or background: true")
        return self


class Teach(WhatItIs):
    """What a sound is that is taught, and whether it is meant although it is doubtful."""

    force: Annotated[bool, Field(description="Also silence, a clipped sound, or what the model calls background.")] = (
        False
    )


class Learn(Teach):
    """`last_s`, or `start_s` and `end_s`; without them the last sound of the last minute, whole. Without `source`, the
    source that heard it loudest; that of `start_s` is the loudest one now."""

    source: Text | None = None
    last_s: Annotated[float, Field(gt=0, le=HEARD_KEPT_S)] | None = None
    start_s: Annotated[float, Field(ge=0)] | None = None
    end_s: Annotated[float, Field(gt=0)] | None = None
    keep_audio: Annotated[bool, Field(description="Keep the sound beside the journal, to be played and relearned.")] = (
        True
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.last_s is not None and self.start_s is not None) or (self.start_s is None) != (self.end_s is None):
            raise ValueError("give last_s, or start_s and end_s, or neither")
        if self.start_s is not None and self.end_s is not None and not 0 < self.end_s - self.start_s <= HEARD_KEPT_S:
            raise ValueError(f"end_s is after start_s, by at most {HEARD_KEPT_S:g} s")
        return self


class Correct(WhatItIs):
    event: Text | None = None
    example: ExampleId | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.event is None) == (self.example is None):
            raise ValueError("give an event or an example")
        return self


class Undo(Asked):
    steps: Annotated[int, Field(ge=1, le=1000)] = 1
    id: Annotated[ExampleId | None, Field(description="Only if this was done last; 409 where it was not.")] = None


class OneLabel(Asked):
    label: Label


class Forget(OneLabel):
    purge: Annotated[bool, Field(description="Erase its examples from the disk too; this cannot be undone.")] = False


class Rename(OneLabel):
    new_label: Label
    new_class: NewClass = False


class OneExample(Asked):
    example: ExampleId


class Threshold(Asked):
    label: Annotated[str, Field(max_length=400, description="A class; empty: all without their own.")]
    threshold: Annotated[Score | None, Field(description="null: as the others, or as the model says.")]


class SourceChoice(Asked):
    name: Annotated[str, Field(max_length=400, description="Which source; any where there is one.")] = ""
    device: Annotated[Text | None, Field(description="A microphone's name; null: the system's default.")] = None


class ChangeSettings(Asked):
    gain_db: Annotated[float, Field(ge=-60, le=60)] | None = None
    source: SourceChoice | None = None


class Review(Asked):
    event: Text
    answer: Literal["yes", "no", "other", "skip"]
    label: Label | None = None
    background: bool = False
    new_class: NewClass = False

    @model_validator(mode="after")
    def _other_is_named(self) -> Self:
        if (self.answer == "other") != ((self.label is not None) != self.background):
            raise ValueError("with the answer other, and only then, give a label or background: true")
        return self


class Page(Asked):
    since: Annotated[float, Field(ge=0, description="Seconds of the clock.")] = 0.0
    until: Annotated[float | None, Field(ge=0, description="Seconds of the clock.")] = None
    label: Label | None = None
    source: Text | None = None
    min_score: Score = 0.0
    before: Annotated[Text | None, Field(description="What the last answer gave as `before`.")] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class SoundQuery(Asked):
    source: Annotated[Text | None, Field(description="None: the source that heard it loudest.")] = None


class Limit(Asked):
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class ExampleQuery(Asked):
    id: ExampleId


class EventQuery(Asked):
    id: Text
