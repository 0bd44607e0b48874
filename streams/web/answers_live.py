"""What the API answers of what is so now, for its description and its tests."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from streams.heard import SourceStates
from streams.teaching.labels import Health


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Trouble(Answer):
    error: str
    status: int
    near: str | None = Field(default=None, description="The class that was perhaps meant by a label of another form.")
    doubtful: bool = Field(default=False, description="It may not be what was meant; `force: true` teaches it anyway.")
    what: str = Field(default="", description="With `doubtful`: what happened, without what to do.")


class LoggedIn(Answer):
    needed: bool
    inside: bool = Field(alias="in")


class ModelSaid(Answer):
    name: str
    sha256: str
    rate_hz: int
    window_s: float
    hop_s: float
    labels: list[str]
    background: str
    threshold: float
    backbone: str
    licence: str


class ModelDetails(ModelSaid):
    file: str
    bytes: int
    runs_on: str
    provenance: Any
    parity: dict[str, Any] | None


class SourceNow(Answer):
    name: str
    state: SourceStates | Literal["hearing"]
    words: str
    level_dbfs: float | None


class CountersNow(Answer):
    sound_s: float
    windows: int
    gated: int
    clipped: int
    events: int
    learned: int
    gaps: int
    dropped_samples: int
    away_samples: int
    overflows: int
    journal_failures: int
    inference_s: float
    latency_s: float


class Keeps(Answer):
    clips: bool
    history: bool


class MelShape(Answer):
    mels: int
    hop_s: float
    floor_db: float


class StateNow(Answer):
    version: str
    now_unix_s: float
    model: ModelSaid
    sources: list[SourceNow]
    ended: list[SourceNow] = Field(description="Sources that ended in the last minute, which is still remembered.")
    labels: list[str]
    hidden: list[str]
    threshold: float
    thresholds: dict[str, float]
    household: dict[str, float]
    gain_db: float
    counters: CountersNow
    keeps: Keeps
    mel: MelShape | None
    mel_words: str
    viewers: int
    token: bool


class WindowRecord(Answer):
    type: Literal["window"]
    start_s: float
    end_s: float
    label: str
    score: float
    level_dbfs: float
    source: str
    at_unix_s: float | None
    top: dict[str, float]
    clipped: float
    heard_unix_s: float
    sounds_like: dict[str, float]


class EventRecord(Answer):
    type: Literal["event"]
    state: Literal["start", "update", "end"]
    start_s: float
    end_s: float
    label: str
    score: float
    level_dbfs: float
    id: str
    source: str
    at_unix_s: float | None
    heard_unix_s: float
    file: str | None
    sounds_like: dict[str, float]
    duration_s: float


class RecentEvent(EventRecord):
    """`corrected_to`: what a person said that it was, as that class is called now; null where nobody did."""

    corrected_to: str | None


class MelPiece(MelShape):
    """`at_unix_s`: when its end was heard. `data`: base64 of uint8 [frames][mels], low band first; 0 is floor_db or
    less, 255 is 0 dB."""

    source: str
    start_s: float
    end_s: float
    at_unix_s: float
    frames: int
    data: str


class Recent(Answer):
    windows: list[WindowRecord]
    events: list[RecentEvent]
    mel: list[MelPiece]


class SinkCounts(Answer):
    written: int
    delivered: int
    waiting: int
    discarded: int
    failed: int


class JournalSaid(Answer):
    file: str
    damage: list[str]


class HealthNow(Answer):
    labels: list[Health]
    counters: CountersNow
    sinks: dict[str, SinkCounts]
    journal: JournalSaid
    alive_s: float
