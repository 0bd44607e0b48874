"""A picture drawn as lines with rich: exactly as many as the terminal has room for, none longer than it is wide."""

from __future__ import annotations

import time

from rich.text import Text

from streams.heard import Event, Window
from streams.listening.household import like_in_words
from streams.sinks.picture import Picture

_BOTTOM_DBFS = -60.0  # the level meter's left end; its right is full scale
_LOUD_DBFS = -6.0
_METERS = 4
_NAME = 20  # columns for a class


def draw(picture: Picture, *, title: str, foot: str, width: int, height: int, ascii_only: bool = False) -> Text:
    """What matters least gives way where there is little room: messages, then classes, then older events."""
    blocks = ("#", "-") if ascii_only else ("█", "░")
    head = [_line(("  " + title, "bold")), *_meters(picture, width, blocks), *_troubles(picture)]
    classes = [_like(picture), *_classes(picture.newest, 5 if height >= 20 else 2, blocks)] if height >= 10 else []
    words = [_line(("  " + sentence, "yellow")) for sentence in picture.words[-(4 if height >= 20 else 1) :]]
    tail = [*(words if height >= 12 else []), _line(("  " + _lost(picture) + foot, "dim"))]
    room = height - len(head) - len(classes) - len(tail)
    events = [_event(event) for event in reversed(picture.events[-max(0, room - 1) :])] if room > 1 else []
    body = [_line(("  events, newest first" if events else "  no event yet", "dim")), *events]
    lines = [*head, *classes, *(body if room > 0 else [])]
    lines = [*lines, *[Text()] * (height - len(lines) - len(tail)), *tail][-height:]
    for line in lines:
        line.truncate(width, overflow="crop" if ascii_only else "ellipsis")
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)


def _meters(picture: Picture, width: int, blocks: tuple[str, str]) -> list[Text]:
    """A level meter for each source, with the source's state."""
    windows, states = dict(picture.windows), dict(picture.states)
    room = max(8, min(40, width - 42))
    meters = []
    for source in list(windows | states)[:_METERS]:
        window, state = windows.get(source), states.get(source)
        level = window.level_dbfs if window else _BOTTOM_DBFS
        filled = round(room * min(1.0, max(0.0, 1 - level / _BOTTOM_DBFS)))
        colour = "red" if window and window.clipped else "yellow" if level > _LOUD_DBFS else "green"
        meters.append(_line(
            ("  ", ""), (blocks[0] * filled, colour), (blocks[1] * (room - filled), "dim"),
            (f" {level:4.0f} dBFS  " if window else "      -     ", ""),
            ("clipped  " if window and window.clipped else "", "red"), (source or "input", "bold"),
            (f"  {state.state}" if state else "", "green" if state and state.state == "healthy" else "yellow"),
        ))  # fmt: skip
    return meters or [_line(("  waiting for sound", "dim"))]


def _troubles(picture: Picture) -> list[Text]:
    """What a source that is not well says of itself."""
    states = [state for _, state in picture.states[:_METERS] if state.state not in ("healthy", "opening")]
    return [_line((f"    {state.source}: {state.words}", "yellow")) for state in states]


def _like(picture: Picture) -> Text:
    """What the newest window sounds like, where nothing that is announced goes on in its source."""
    window = picture.newest
    if window is None or any(one.state != "end" and one.source == window.source for one in picture.events):
        return Text()
    return _line(("  " + like_in_words(window.sounds_like), "dim"))


def _classes(window: Window | None, most: int, blocks: tuple[str, str]) -> list[Text]:
    """The newest window's best classes, always as many lines, so that nothing below them jumps."""
    top = (window.top or ((window.label, window.score),)) if window else ()
    lines = []
    for label, score in top[:most]:
        bar = blocks[0] * round(20 * min(1.0, max(0.0, score)))
        style = "bold" if label == top[0][0] else ""
        lines.append(_line(("  " + _cells(label, _NAME), style), (f" {score:4.2f} ", ""), (bar, "cyan")))
    return [*lines, *[Text()] * (most - len(lines) + 1)]


def _event(event: Event) -> Text:
    length = f"{event.duration_s:7.1f} s" if event.state == "end" else "  now    "
    at = f"{event.start_s:7.1f}s"  # of a recording whose time is not known
    if event.at_unix_s is not None:
        at = time.strftime("%H:%M:%S", time.localtime(event.at_unix_s))
    return _line(
        (f"  {at}  ", ""), (_cells(event.label, _NAME), "bold" if event.state != "end" else ""),
        (f" {length}  {event.score:4.2f}  {event.level_dbfs:4.0f} dBFS  ", ""), (event.source, "dim"),
    )  # fmt: skip


def _lost(picture: Picture) -> str:
    away = f", {picture.away_s:.1f} s missing while a source was away" if picture.away_s else ""
    if not picture.gaps:
        return f"no sound lost{away}  "
    return f"{picture.gaps} gap{'s' * (picture.gaps > 1)}, {picture.lost_s:.1f} s of sound lost{away}  "


def _cells(text: str, width: int) -> str:
    """Padded or cut to so many columns; some characters take two."""
    line = Text(_printable(text))
    line.truncate(width, pad=True)
    return line.plain


def _line(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*((_printable(text), style) for text, style in parts))


def _printable(text: str) -> str:
    """Without control characters, which a device's name or a library's words may have."""
    return "".join(c if c.isprintable() else " " for c in text)
