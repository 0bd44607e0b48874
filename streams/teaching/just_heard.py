"""Which sound of the last minute a person means: the last one, the last seconds, or a moment; of which source. What is
not remembered is said, with what is, and nothing is taken in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pace_edge.config import HEARD_KEPT_S
from pace_edge.errors import LearningError
from pace_edge.heard_memory import HeardStream, HeardWindow
from pace_edge.label_check import nearest
from streams.teaching.sounds import MOST, HeardSound, Known, last_sound, stretch

NOTHING = "Nothing was learned."
TOLD = 3  # stretches of the minute that are named in one go


def of_source(streams: Sequence[HeardStream], source: str | None) -> Sequence[HeardStream]:
    """The streams of this source, by its name or part of it; None: all. Raises LearningError."""
    if source is None:
        return streams
    names = list(dict.fromkeys(stream.source for stream in streams))
    found = [name for name in names if name == source] or [n for n in names if source.casefold() in n.casefold()]
    if len(found) != 1:
        near = nearest(source, names)
        raise LearningError(
            f"{len(found) or 'no'} sources that were heard in the last minute are called '{source}'",
            expected=", ".join(names) or "a source of a listener that runs",
            do=f"Did you mean '{near}'? {NOTHING}" if near else NOTHING,
        )  # fmt: skip
    return [stream for stream in streams if stream.source == found[0]]


def the_last_sound(streams: Sequence[HeardStream], known: Known) -> tuple[HeardSound, list[HeardSound]]:
    """And the quieter ones that came after it. Raises LearningError."""
    _something(streams)
    found, later = last_sound(streams, known)
    if found is None:
        raise LearningError(
            f"no sound was heard in the last {HEARD_KEPT_S:g} s",
            got="; ".join(_loudest(stream) for stream in streams),
            do=f"If that is meant, choose it with --last SECONDS and --force, or teach with --file FILE. {NOTHING}",
        )
    return found, later


def last_seconds(streams: Sequence[HeardStream], last_s: float, known: Known) -> HeardSound:
    """So many seconds before now, by the clock, of the source that heard the loudest sound in them; without a sound, of
    the loudest. Raises LearningError."""
    _something(streams)
    spans = [
        stretch(stream, windows, known, loudest=True) for stream in streams if (windows := _in_last(stream, last_s))
    ]
    if not spans:
        raise LearningError(
            f"nothing is remembered of the last {last_s:g} s", got=what_there_is(streams, known),
            do=f"Leave --last out to teach the last sound, or name a moment with --at. {NOTHING}",
        )  # fmt: skip
    return _loudest_of(spans)


def moment(
    streams: Sequence[HeardStream], known: Known, *, at_s: float | None = None, at_unix_s: float | None = None
) -> HeardSound:
    """The windows that hold a moment: seconds of the stream, or of the clock. Raises LearningError."""
    _something(streams)

    def holds(w: HeardWindow) -> bool:
        if at_unix_s is not None:
            return w.at_unix_s - (w.end_s - w.start_s) <= at_unix_s <= w.at_unix_s
        return at_s is not None and w.start_s <= at_s <= w.end_s

    spans = [stretch(s, windows, known) for s in streams if (windows := tuple(filter(holds, s.windows)))]
    if not spans:
        raise LearningError(
            "nothing is remembered of that moment",
            expected="; ".join(_span(stream, by_clock=at_unix_s is not None) for stream in streams),
            do=f"Name a moment within it, or teach with --file FILE. {NOTHING}",
        )
    return _loudest_of(spans)


def _in_last(stream: HeardStream, last_s: float) -> tuple[HeardWindow, ...]:
    """The windows that have most of the last seconds, or most of which is in them."""
    found = []
    for window in stream.windows:
        length_s, ended_s = window.end_s - window.start_s, stream.ago_s(window)
        if min(last_s, ended_s + length_s) - ended_s >= MOST * min(length_s, last_s) - 1e-9:
            found.append(window)
    return tuple(found)


def _loudest_of(spans: Sequence[HeardSound]) -> HeardSound:
    with_sound = [span for span in spans if span.has_sound]
    return max(with_sound or spans, key=lambda span: span.level_dbfs)


def _something(streams: Sequence[HeardStream]) -> None:
    if not streams:
        raise LearningError(
            f"nothing was heard in the last {HEARD_KEPT_S:g} s",
            do="Run `pace-edge listen` in another terminal, or teach with --file FILE or --seconds N. " + NOTHING,
        )


def what_there_is(streams: Sequence[HeardStream], known: Known) -> str:
    """The last sound that is remembered, or that there is none."""
    sound, _ = last_sound(streams, known)
    if sound is not None:
        return f"the last sound was {sound.ago_s:.0f} s ago ({sound.in_words()})"
    ago_s = min(stream.ago_s(stream.windows[-1]) for stream in streams)
    return f"what was heard last was {ago_s:.0f} s ago, and no sound"


def _loudest(stream: HeardStream) -> str:
    loudest = max(stream.windows, key=lambda window: window.level_dbfs)
    return f"{stream.source or 'the listener'} heard at most {loudest.level_dbfs:.0f} dBFS of '{loudest.label}'"


def _span(stream: HeardStream, *, by_clock: bool) -> str:
    """The stretches that are remembered, the last ones where there are many: of what is below its gate a listener
    remembers nothing."""
    runs: list[list[HeardWindow]] = []
    for window in stream.windows:
        if runs and window.start_s <= runs[-1][-1].end_s:
            runs[-1].append(window)
        else:
            runs.append([window])
    words = []
    for run in runs[-TOLD:]:
        first, last = run[0], run[-1]
        if by_clock:
            times = (first.at_unix_s - (first.end_s - first.start_s), last.at_unix_s)
            words.append(" to ".join(f"{datetime.fromtimestamp(t):%H:%M:%S}" for t in times))
        else:
            words.append(f"{first.start_s:.1f} to {last.end_s:.1f} s")
    return " or ".join(words) + (f" of {stream.source}" if stream.source else "")
