"""What the API answers of what was taught, is set and was heard, for its description and its tests."""

from __future__ import annotations

from pydantic import Field

from streams.web.answers_live import Answer, RecentEvent


class EffectSaid(Answer):
    checked: int
    right_before: int
    right_after: int
    renamed: list[tuple[str, str, str]]
    own_before: float
    own_after: float
    most_label: str
    most: float


class ConfusionSaid(Answer):
    """Of `of` other sounds that the model keeps, `taken` (their name, how many, of how many) would be announced as
    `label`; `classes`: the same of what was taught as something else."""

    label: str
    of: int
    share: float
    taken: list[tuple[str, int, int]]
    classes: list[tuple[str, int, int]]
    not_told_from: list[str]
    cautious: bool


class LessonSaid(Answer):
    label: str
    source: str
    windows: int
    windows_heard: int
    examples: int
    is_new_class: bool
    before: tuple[str, float]
    after: tuple[str, float]
    id: int
    effect: EffectSaid
    heard_from: str
    at_unix_s: float | None
    duration_s: float
    level_dbfs: float
    later: list[str]
    known: bool
    confusion: ConfusionSaid | None
    words: str


class SoundSaid(Answer):
    source: str
    start_s: float
    end_s: float
    duration_s: float
    at_unix_s: float | None
    ago_s: float
    level_dbfs: float
    called: str
    later: list[str]


class LastSound(Answer):
    """`words`: of the sound; or where `sound` is null, why there is none."""

    sound: SoundSaid | None
    words: str


class ChangeSaid(Answer):
    did: str
    label: str
    examples: int
    effect: EffectSaid
    id: int
    confusion: ConfusionSaid | None
    words: str


class RateSaid(Answer):
    """How often a class is announced here at a threshold; `an_hour` is null where too little was heard to say."""

    threshold: float
    events: float
    hours: float
    an_hour: float | None
    words: str


class LabelSaid(Answer):
    label: str
    built_in: float
    taught: int
    hidden: bool
    background: bool
    checked: int
    right: int
    score: float
    confused_with: list[tuple[str, int]]
    more: int | None
    more_from: str
    here: RateSaid | None
    confusion: ConfusionSaid | None
    threshold: float


class Labels(Answer):
    labels: list[LabelSaid]


class LeftOutSaid(Answer):
    label: str
    score: float
    leverage: float
    alone: bool


class ExampleSaid(Answer):
    id: int
    at_unix_s: float
    source: str
    windows: int
    plays: bool
    left_out: LeftOutSaid | None
    odd: bool
    why: str


class PointSaid(Answer):
    x: float
    y: float
    label: str
    id: int


class MapSaid(Answer):
    points: list[PointSaid]
    share: float


class LabelPage(Answer):
    label: str
    examples: list[ExampleSaid]
    confused_with: list[tuple[str, int]]
    map: MapSaid


class ScoresSaid(Answer):
    label: str
    bins: list[float]
    counts: list[int]
    here: list[RateSaid]
    kept: list[float]


class SourceSaid(Answer):
    name: str
    input: str | None
    channel: int | None


class SettingSaid(Answer):
    key: str
    value: str


class SettingsSaid(Answer):
    gain_db: float
    threshold: float
    thresholds: dict[str, float]
    sources: list[SourceSaid]
    kept_in: str
    values: list[SettingSaid]


class DeviceSaid(Answer):
    index: int
    name: str
    channels: int
    rate_hz: int
    default: bool


class Devices(Answer):
    devices: list[DeviceSaid]


class PastEvent(RecentEvent):
    plays: bool


class HistoryPage(Answer):
    events: list[PastEvent]
    more: bool
    before: str | None


class QuestionSaid(Answer):
    event: str
    label: str
    source: str
    at_unix_s: float
    start_s: float
    end_s: float
    score: float
    margin: float
    second: str
    strangeness: float
    why: str
    plays: bool


class Questions(Answer):
    questions: list[QuestionSaid]
    left: int


class Reviewed(Answer):
    id: int
    did: str
    words: str
    left: int
    taken: bool = Field(description="False: there is nothing to answer any more, and `did` says why.")
