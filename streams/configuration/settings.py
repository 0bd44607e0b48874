"""Everything a person can set about a listener, with its unit, its default and a sentence.

Each section has the keyword options of what it configures. A setting that may be left open is None; in a file, the
environment or a flag an empty text says the same. `configuration.py` reads the values and says where they came from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streams.configuration.output_settings import OutputSettings
from streams.configuration.section import APath, Count, Labels, Score, Seconds, Section
from streams.configuration.source_settings import PcmSettings, SourceSettings, WatchdogSettings


class ModelSettings(Section):
    file: APath | None = Field(
        default=None, description="The model file; not set: the starter that ships with pace-edge."
    )
    signed_by: APath | None = Field(
        default=None, description="Demand that FILE.sig beside it is its signature by this Ed25519 key (public, PEM)."
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
        description="The model does not hear windows that are nowhere so loud, in dB relative to full scale, such as "
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
    hidden: Labels = Field(default=frozenset(), description='Classes that are never announced, such as ["wind"].')
    names: Labels = Field(
        default=frozenset(),
        description='Household sounds that are announced without being taught, such as ["smoke alarm", "cat"].',
    )
    beside: Annotated[float, Field(ge=1)] = Field(
        default=1.3,
        description="While another class wins, one begins only with so many times its threshold; 1 or more.",
    )
    min_hits: Count = Field(default=2, description="Announce after so many windows in a row.")
    max_misses: Count = Field(default=2, description="It is over after so many windows in a row without it.")
    keep: Score = Field(default=0.8, description="While it goes on, this share of the threshold is enough, 0 to 1.")
    cool_down_s: Seconds = Field(
        default=0.0,
        description="Announce a class again only so many seconds after its last event's end; 0: at once.",
    )
    update_s: Seconds = Field(
        default=0.0, description="Report a sound that goes on again every so many seconds; 0: not."
    )
    longest_s: Seconds = Field(default=3600.0, description="End an event after so many seconds; 0: never.")
    unknown: bool = Field(default=False, description="Announce loud sounds that are like no class, as unknown.")


class RuntimeSettings(Section):
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, description="Threads of ONNX Runtime; more than one only pays on an idle machine."
    )
    provider: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="What the model runs on: cpu, cuda, or auto: CUDA where it works."
    )
    require_gpu: bool = Field(default=False, description="Fail where the model would not run on CUDA.")


class JournalSettings(Section):
    file: APath | None = Field(
        default=None, description="Where labels are kept; not set: a file of the model's name in PACE_EDGE_HOME."
    )


class MetricsSettings(Section):
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Serve Prometheus metrics on this port; not set: none. Needs the extra [metrics]."
    )
    address: str = Field(
        default="127.0.0.1", description="The address to serve them on; 0.0.0.0: to the whole network."
    )


class WebSettings(Section):
    serve: Annotated[str, Field(pattern=r"^(\S+:)?\d{1,5}$")] | None = Field(
        default=None,
        description="Serve the live page on this ADDRESS:PORT, such as 127.0.0.1:8765; not set: none. Beyond this "
        "machine it asks for a token. Needs the extra [web].",
    )
    token: Literal["auto", "always"] = Field(
        default="auto", description="Whom to ask for the token: auto: all but this machine; always: everybody."
    )
    token_file: APath | None = Field(
        default=None, description="Where the token's hash is kept; not set: web-token in PACE_EDGE_HOME."
    )
    kept_in: APath | None = Field(
        default=None,
        description="Where is kept what is set on the page; not set: page.toml in PACE_EDGE_HOME. It goes before this "
        "file.",
    )
    names: Labels = Field(
        default=frozenset(),
        description="More names by which it is reached, such as attic.example; addresses, localhost and this machine's "
        "own name always are.",
    )
    viewers: Count = Field(default=8, description="So many pages may be open at once.")


class LogSettings(Section):
    time: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="The time before each line of words; auto: not under systemd, whose journal adds its own.",
    )
    repeat_s: Seconds = Field(default=60.0, description="Say the like of one trouble again only after so many seconds.")


class Settings(Section):
    """All of them: what `pace-edge listen` runs with."""

    model: ModelSettings = Field(default=ModelSettings(), description="What listens.")
    sources: tuple[SourceSettings, ...] = Field(
        default=(), description="What it listens to: one table for each source; none: the default microphone."
    )
    realtime: bool = Field(default=True, description="Play files at their own speed, not as fast as it goes.")
    pcm: PcmSettings = Field(default=PcmSettings(), description="What raw bytes on standard input are.")
    watchdog: WatchdogSettings = Field(
        default=WatchdogSettings(), description="When a microphone or a network stream is opened again."
    )
    windows: WindowSettings = Field(default=WindowSettings(), description="What of the sound the model hears.")
    events: EventSettings = Field(default=EventSettings(), description="When a sound is announced.")
    runtime: RuntimeSettings = Field(default=RuntimeSettings(), description="What the model runs on.")
    journal: JournalSettings = Field(default=JournalSettings(), description="Labels.")
    outputs: OutputSettings = Field(default=OutputSettings(), description="Where it tells what it hears.")
    metrics: MetricsSettings = Field(default=MetricsSettings(), description="Numbers about the listener itself.")
    web: WebSettings = Field(default=WebSettings(), description="The live page.")
    log: LogSettings = Field(default=LogSettings(), description="Words on standard error.")
