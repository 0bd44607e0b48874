"""What can be set about where sound comes from."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from pace_edge.errors import UsageError
from streams.configuration.section import Count, Seconds, Section, SomeSeconds


def _time(value: object) -> object:
    """TOML has times of its own."""
    text = value.isoformat() if isinstance(value, date) else value  # a datetime is a date
    if isinstance(text, str):
        from streams.sources.recorded import A_TIME, parse_time  # `inspect` reads settings without the sources' room

        try:
            parse_time(text)
        except UsageError:
            raise ValueError(A_TIME) from None
    return text


Time = Annotated[str, BeforeValidator(_time)]


class SourceSettings(Section):
    input: str | None = Field(
        default=None,
        description="A microphone (number or part of its name), an audio file or a folder of them, an address such as "
        "rtsp://..., or - for PCM on standard input; not set: the default microphone.",
    )
    name: str | None = Field(
        default=None, description="What it is called in everything that is told; not set: as the device or the file is."
    )
    channel: Count | None = Field(default=None, description="Only this channel, from 1; not set: the mix of all.")
    recorded_at: Time | None = Field(
        default=None,
        description="When a recording began, such as 2026-01-01T05:00:00+02:00, in this machine's time zone where none "
        "is said; not set: as its file tells it.",
    )


class PcmSettings(Section):
    rate_hz: Annotated[int, Field(ge=1, le=768_000)] | None = Field(
        default=None, description="Samples a second; not set: the model's."
    )
    channels: Annotated[int, Field(ge=1, le=256)] = Field(default=1, description="Interleaved channels.")
    sample_format: Literal["s16le", "s32le", "f32le"] = Field(
        default="s16le", description="A sample: signed 16 or 32 bits, or float32; little-endian."
    )


class WatchdogSettings(Section):
    restart: bool = Field(default=True, description="Open a source again that fell silent, vanished or got stuck.")
    wait: bool = Field(default=False, description="A source may be missing at the start; it is waited for.")
    opening_s: SomeSeconds = Field(default=15.0, description="From opening it to its first sound, in seconds.")
    stuck_s: SomeSeconds = Field(default=5.0, description="Without any sound, not even silence, in seconds.")
    silent_s: Seconds = Field(
        default=600.0, description="Of digital silence, in seconds; doubled each time it did not help; 0: never."
    )
    first_retry_s: SomeSeconds = Field(default=0.5, description="Before it is opened again, in seconds; then doubled.")
    last_retry_s: SomeSeconds = Field(default=30.0, description="At most so long, in seconds.")
    settled_s: Seconds = Field(
        default=3.0, description="One that was well for so many seconds starts at the first retry again."
    )
