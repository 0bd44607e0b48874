"""Opens the sinks that are set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from typing import TextIO

from streams.configuration.output_settings import OutputSettings
from streams.heard import Event, Gap, Heard, Notice, SourceState, Window
from streams.sinks.clips import ClipKeeper
from streams.sinks.event_file import EventFile
from streams.sinks.event_formats import audacity_labels, csv_events, raven_selections
from streams.sinks.lines import Lines, as_json, in_words
from streams.sinks.reports import Reports
from streams.sinks.sink import Counts, NamesNow, Sink, unchanged
from streams.words import Voice, read_by_journal


def open_stdout(
    settings: OutputSettings, stdout: TextIO, reports: Reports, voice: Voice, stack: ExitStack, *, title: str
) -> list[Sink]:
    """What is shown on standard output, and words for a person on standard error. A live view shows the words itself,
    until `stack` closes."""
    match _stdout_choice(settings, stdout):
        case "live":
            from streams.sinks.live import LiveView

            live = LiveView(stdout, title=title)
            voice.move(live.say)
            stack.callback(voice.move, None)
            stack.callback(live.close)
            return [live]
        case "json":
            return [Lines(stdout, as_json), Told(reports)]
        case "lines":
            return [WordsOf(stdout, Window, Event), Told(reports)]
        case "events":
            return [WordsOf(stdout, Event), Told(reports)]
    return [Told(reports)]


def _stdout_choice(settings: OutputSettings, stdout: TextIO) -> str:
    if settings.stdout != "auto":
        return settings.stdout
    if stdout.isatty():
        return "live"
    return "events" if read_by_journal(stdout) else "json"


def open_sinks(
    settings: OutputSettings,
    reports: Reports,
    stack: ExitStack,
    *,
    rate_hz: int,
    labels: Sequence[str],
    names_now: NamesNow = unchanged,
    several: bool = False,
) -> list[Sink]:
    """Those that are set but standard output and clips, which take more than what is heard. `stack` closes what
    outlives them; `names_now` says what the classes are called now that were set by name. `several`: more than one
    recording may be heard. Raises SinkError."""
    sinks: list[Sink] = []
    files = (
        (settings.csv, csv_events()), (settings.audacity, audacity_labels(with_file=several)),
        (settings.raven, raven_selections(rate_hz)),
    )  # fmt: skip
    sinks += [EventFile(path, line_format, reports) for path, line_format in files if path is not None]
    if settings.history.keep:
        from streams.sinks.history import History, history_path

        options = settings.history.arguments("keep", "file")
        sinks.append(History(settings.history.file or history_path(), reports, **options))
    for number, command in enumerate(settings.commands, 1):
        from streams.sinks.command import Command

        words, name = command.command, command.name or _numbered("command", number)
        sinks.append(Command(words, reports, name=name, names_now=names_now, **command.arguments("command", "name")))
    return [*sinks, *_receivers(settings, reports, stack, labels, names_now)]


def open_clips(
    settings: OutputSettings, reports: Reports, *, rate_hz: int, names_now: NamesNow = unchanged
) -> ClipKeeper | None:
    """Raises SinkError."""
    clips = settings.clips
    if clips.folder is None:
        return None
    return ClipKeeper(clips.folder, reports, rate_hz=rate_hz, names_now=names_now, **clips.arguments("folder"))


def chosen_labels(settings: OutputSettings) -> dict[str, Collection[str]]:
    """The classes that are chosen by name, by the setting that names them."""
    chosen: dict[str, Collection[str]] = {
        "outputs.clips.labels": settings.clips.labels, "outputs.mqtt.only_labels": settings.mqtt.only_labels,
    }  # fmt: skip
    chosen |= {f"outputs.webhooks[{i}].labels": webhook.labels for i, webhook in enumerate(settings.webhooks)}
    return chosen | {f"outputs.commands[{i}].labels": command.labels for i, command in enumerate(settings.commands)}


def _receivers(
    settings: OutputSettings, reports: Reports, stack: ExitStack, labels: Sequence[str], names_now: NamesNow
) -> Iterator[Sink]:
    if settings.mqtt.host is None and not settings.webhooks:
        return
    from streams.sinks.outbox import Outbox, outbox_path

    outbox = Outbox(outbox_path(), **settings.outbox.arguments())
    stack.callback(outbox.close)
    if settings.mqtt.host is not None:
        from dataclasses import fields

        from streams.sinks.broker import Broker
        from streams.sinks.mqtt import Mqtt

        of_broker = [field.name for field in fields(Broker)]
        broker = Broker(**{name: value for name, value in settings.mqtt.arguments().items() if name in of_broker})
        yield Mqtt(broker, outbox, reports, labels=labels, names_now=names_now, **settings.mqtt.arguments(*of_broker))
    for number, webhook in enumerate(settings.webhooks, 1):
        from streams.sinks.webhook import Webhook

        name = webhook.name or _numbered("webhook", number)
        yield Webhook(webhook.url, outbox, reports, name=name, names_now=names_now, **webhook.arguments("url", "name"))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} {number}"


class WordsOf(Lines):
    """Lines in words, of these kinds alone; the rest is told on standard error."""

    def __init__(self, stream: TextIO, *kinds: type[Heard]) -> None:
        super().__init__(stream, in_words)
        self._kinds = kinds

    def write(self, heard: Heard) -> None:
        if isinstance(heard, self._kinds):
            super().write(heard)


class Told:
    """A sink that tells a person in words what is no window and no event; of lost sound not every piece."""

    name = "words"

    def __init__(self, reports: Reports) -> None:
        self._reports, self._counts = reports, Counts()

    def write(self, heard: Heard) -> None:
        if isinstance(heard, Window | Event):
            return
        self._counts.written += 1
        match heard:
            case Gap():
                self._reports.trouble(f"{heard.cause} gap in {heard.source}", f"{heard.source}: {in_words(heard)}")
            case SourceState() | Notice():
                self._reports.say(heard.words)
            case _:
                self._reports.say(in_words(heard))

    def counts(self) -> Counts:
        return self._counts

    def close(self) -> None:
        """Nothing waits."""
