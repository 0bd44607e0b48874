"""Everything a person can set about a listener, with its unit, its default and a sentence.

Each section has the keyword options of what it configures. A setting that may be left open is None; in a file, the
environment or a flag an empty text says the same. `configuration.py` reads the values and says where they came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from streams.event_rule import EventRule

if TYPE_CHECKING:
    from streams.options import Options

APath = Annotated[Path, AfterValidator(Path.expanduser)]
Score = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Frozen; a key that it does not have is a mistake; an empty text leaves a setting as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        unset = {name for name, field in cls.model_fields.items() if not field.is_required() and field.default is None}
        return {name: value for name, value in values.items() if not (value == "" and name in unset)}


class ModelSettings(Section):
    file: APath | None = Field(
        default=None, description="The model file; not set: the starter that ships with pace-edge."
    )
    signed_by: APath | None = Field(
        default=None, description="Demand that FILE.sig beside it is its signature by this Ed25519 key (public, PEM)."
    )


class SourceSettings(Section):
    input: str | None = Field(
        default=None,
        description="A microphone (number or part of its name), an audio file, or - for PCM on standard input; "
        "not set: the default microphone.",
    )


class WindowSettings(Section):
    hop_s: Annotated[float, Field(ge=0.02, le=60)] | None = Field(
        default=None, description="From one window's start to the next's, in seconds; not set: the model's."
    )
    gain_db: Annotated[float, Field(ge=-60, le=60)] = Field(
        default=0.0, description="Makes all sound louder or softer before it is heard, in dB."
    )
    gate_dbfs: Annotated[float, Field(ge=-120, le=0)] | None = Field(
        default=None,
        description="The model does not hear windows that are nowhere as loud, in dB relative to full scale, such as "
        "-55; not set: it hears all.",
    )
    speech: Literal["any", "only", "never"] = Field(
        default="any",
        description="only: hear while somebody speaks; never: while nobody does; any: always. The first two need the "
        "extra [vad].",
    )


class EventSettings(Section):
    threshold: Score | None = Field(
        default=None, description="Announce a sound from this score on, 0 to 1; not set: the model's."
    )
    thresholds: dict[str, Score] = Field(
        default={},
        description='Scores of single classes instead of it, such as { doorbell = 0.8, "glass breaking" = 0.6 }.',
    )
    hidden: frozenset[str] = Field(default=frozenset(), description='Classes never announced, such as ["wind"].')
    beside: Annotated[float, Field(ge=1)] = Field(
        default=EventRule.beside,
        description="While another class wins, one begins only with so many times its threshold; 1 or more.",
    )
    min_hits: Count = Field(default=EventRule.min_hits, description="Announce after so many windows in a row.")
    max_misses: Count = Field(
        default=EventRule.max_misses, description="It is over after so many windows in a row without it."
    )
    keep: Score = Field(
        default=EventRule.keep, description="While it goes on, this share of the threshold is enough, 0 to 1."
    )
    cool_down_s: Seconds = Field(
        default=EventRule.cool_down_s,
        description="Announce a class again only so many seconds after its last event's end; 0: at once.",
    )
    update_s: Seconds = Field(
        default=EventRule.update_s, description="Report a sound that goes on again every so many seconds; 0: not."
    )
    longest_s: Seconds = Field(
        default=EventRule.longest_s, description="End an event after so many seconds; 0: never."
    )
    unknown: bool = Field(
        default=False, description="Announce loud sounds that are like no class, as unknown."
    )


class RuntimeSettings(Section):
    realtime: bool = Field(default=True, description="Play files at their own speed, not as fast as it goes.")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(default=1, description="Threads of ONNX Runtime; more than one only pays on an idle machine.")
    provider: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="What the model runs on: cpu, cuda, or auto: CUDA where it works."
    )
    require_gpu: bool = Field(default=False, description="Fail where the model would not run on CUDA.")


class JournalSettings(Section):
    file: APath | None = Field(
        default=None, description="Where labels are kept; not set: a file of the model's name in PACE_EDGE_HOME."
    )


class MqttSettings(Section):
    host: str | None = Field(default=None, description="The broker's host name or address; not set: no MQTT.")
    port: Port = Field(default=1883, description="The broker's port.")
    username: str | None = Field(default=None, description="The user's name, if the broker asks for one.")
    password: SecretStr | None = Field(
        default=None, description="The password; better in the environment: PACE_EDGE_OUTPUTS_MQTT_PASSWORD."
    )


class OutputSettings(Section):
    stdout: Literal["auto", "json", "lines", "events", "none"] = Field(
        default="auto",
        description="On standard output: json, lines, events (lines without the windows) or none; auto: lines on a "
        "terminal, events under systemd, else json.",
    )
    mqtt: MqttSettings = Field(default=MqttSettings(), description="A broker, such as Home Assistant's.")


class MetricsSettings(Section):
    port: Port | None = Field(default=None, description="Serve Prometheus metrics on this port; not set: none.")
    address: str = Field(
        default="127.0.0.1", description="The address to serve them on; 0.0.0.0: to the whole network."
    )


class LogSettings(Section):
    time: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="The time before each line of words; auto: not under systemd, whose journal adds its own.",
    )
    repeat_s: Seconds = Field(default=60.0, description="Say the same thing again only after so many seconds.")


class Settings(Section):
    """All of them: what `pace-edge listen` runs with."""

    model: ModelSettings = Field(default=ModelSettings(), description="What listens.")
    sources: tuple[SourceSettings, ...] = Field(
        default=(), description="What it listens to: one table for each source; none: the default microphone."
    )
    windows: WindowSettings = Field(default=WindowSettings(), description="How the sound is cut.")
    events: EventSettings = Field(default=EventSettings(), description="When a sound is announced.")
    runtime: RuntimeSettings = Field(default=RuntimeSettings(), description="What the model runs on.")
    journal: JournalSettings = Field(default=JournalSettings(), description="Where labels are kept.")
    outputs: OutputSettings = Field(default=OutputSettings(), description="Where it tells what it hears.")
    metrics: MetricsSettings = Field(default=MetricsSettings(), description="Numbers about the listener itself.")
    log: LogSettings = Field(default=LogSettings(), description="Words on standard error.")

    def options(self) -> Options:
        """What the listener itself is told."""
        from streams.options import Options

        sections = (self.windows, self.events, self.runtime)
        named = {name: getattr(section, name) for section in sections for name in type(section).model_fields}
        return Options(**{name: value for name, value in named.items() if name != "realtime"})


def is_section(annotation: Any) -> TypeGuard[type[Section]]:
    """Whether a setting's type is a section of settings."""
    return isinstance(annotation, type) and issubclass(annotation, Section)
