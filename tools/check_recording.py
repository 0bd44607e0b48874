"""Listen to the recording that ships, with the starter model as installed, and compare with what is in it.

Exit code 1 if an event is missed, invented or misplaced. Run with the interpreter of the installation to check.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from pace_edge.config import DEMO_RECORDING
from streams.heard import Event
from streams.listening.listen import listen

SLACK_S = 2.0  # the window's length: an event may begin and end that much around the sound


def main() -> int:
    with DEMO_RECORDING.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        truth = [(float(row["start_s"]), float(row["end_s"]), row["label"]) for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as folder:
        heard = listen(source=str(DEMO_RECORDING), realtime=False, journal=Path(folder) / "journal")
        events = [e for e in heard if isinstance(e, Event) and e.state == "end"]
    for event in events:
        print(f"{event.start_s:6.1f} to {event.end_s:5.1f} s  {event.label:<16} {event.score:.2f}")
    right = [e.label for e in events] == [label for _, _, label in truth] and all(
        event.start_s <= end_s and event.end_s >= start_s and event.start_s >= start_s - SLACK_S
        for event, (start_s, end_s, _) in zip(events, truth, strict=True)
    )
    print("all events found, none invented" if right else f"expected {truth}", file=sys.stderr)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
