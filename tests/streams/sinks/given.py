"""What the tests of sinks share: events, what was said, and waiting for what another thread or process does."""

from __future__ import annotations

from streams.heard import Event
from streams.sinks.reports import Reports
from tests.waiting import wait_until as wait_until

AT = 1_790_000_000.0
QUICK = {"first_retry_s": 0.02, "longest_retry_s": 0.2}


def event(number: int = 1, state: str = "end", label: str = "dog", **fields) -> Event:
    """Of a live source, heard when it was made; at_unix_s=None: of a recording whose time is not known."""
    at = fields.get("at_unix_s", AT + number)
    given = {"start_s": number, "end_s": number + 2.5, "score": 0.9, "level_dbfs": -12.0, "id": f"id-{number}",
             "source": "attic", "at_unix_s": at, "heard_unix_s": AT + number if at is None else at}  # fmt: skip
    return Event(state=state, label=label, **{**given, **fields})


class Said(list[str]):
    """The sentences that were said; `.reports` says them here, each one unless told otherwise."""

    def __init__(self, every_s: float = 0.0) -> None:
        super().__init__()
        self.reports = Reports(self.append, every_s=every_s)

    def has(self, words: str) -> bool:
        return any(words in sentence for sentence in self)


def finish(sink) -> None:
    """Close a sink whose receiver takes what it gets, once it has got all: closing itself waits for seconds only."""
    wait_until(lambda: sink.counts().waiting == 0, f"{sink.name} delivers")
    sink.close()
