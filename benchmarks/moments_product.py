"""The product as a person has it: `pace-edge listen` as a process, the other verbs typed beside it, and its journal."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.moments_room import Played, Recording, Room, VoidError
from benchmarks.moments_sounds import RATE_HZ
from pace_edge.config import STARTER_MODEL
from pace_edge.model_file import read_model
from pace_edge.operations import Operation, beginning, effective
from streams.listening.learner import open_journal

PATIENCE_S = 120.0
FITTED_S = 40.0  # of the last windows, by whose levels the stream is laid beside the recording
PIECE_S = 0.01
MARGIN_S = 0.5
MOST_LATE_S = 4.0  # that the quickest report of a window came after its end
ALIKE_DB = 1.5
QUIETEST_DBFS = -90.0


@dataclass(frozen=True)
class Done:
    """What a verb answered: its exit code, its words, its JSON, and what is new in the journal. `began_unix_s`: when it
    was typed, `took_s`: until it ended."""

    command: str
    code: int
    words: str
    record: dict[str, Any]
    new: tuple[Operation, ...]
    began_unix_s: float
    took_s: float


class Home:
    """A state folder, and the verbs typed in it."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.env = {k: v for k, v in env.items() if not k.startswith("PACE_EDGE_") and k != "XDG_RUNTIME_DIR"}
        self.env |= {"PACE_EDGE_HOME": str(folder), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._model = read_model(STARTER_MODEL)
        self.sources: dict[str, str] = {}  # of each stream that was met, which microphone it is

    @property
    def journal(self) -> Path:
        return self.folder / "journals" / "pace-starter.sqlite"

    def operations(self, journal: Path | None = None) -> list[Operation]:
        path = journal or self.journal
        if not path.exists():
            return []
        with open_journal(self._model, path) as opened:
            self.sources |= {stream.session: microphone_of(stream.source) for stream in opened.heard()}
            return opened.operations()

    def examples(self, journal: Path | None = None) -> dict[int, str]:
        """What each example that counts is called."""
        return effective(self.operations(journal), beginning(self._model.info.labels)).examples

    def everywhere(self) -> list[Operation]:
        """In whichever journal of this folder."""
        return [o for path in sorted(self.folder.rglob("*.sqlite")) if _is_journal(path) for o in self.operations(path)]

    def type(self, *words: str) -> Done:
        before = {operation.origin or operation.sha256 for operation in self.everywhere()}
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-m", "pace_edge", *words], env=self.env, capture_output=True, text=True, timeout=600
        )
        took_s = time.time() - began
        new = [o for o in self.everywhere() if (o.origin or o.sha256) not in before]
        lines = done.stdout.splitlines()
        record = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        return Done(shlex.join(["pace-edge", *words]), done.returncode, done.stderr.strip(), record, tuple(new), began,
                    took_s)  # fmt: skip


def microphone_of(source: str) -> str:
    """The room's name of what the product calls `microphone 'porch' (device 0)`."""
    return source.split("'")[1] if "'" in source else source


def _is_journal(path: Path) -> bool:
    import sqlite3

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return bool(database.execute("SELECT 1 FROM sqlite_master WHERE name = 'operations'").fetchone())


class Ears:
    """`pace-edge listen` on these microphones of a room, as a process; what it reports is read as it comes."""

    def __init__(self, room: Room, home: Home, words: Sequence[str]) -> None:
        self.room = room
        self._offsets: dict[str, list[float]] = {name: [] for name in room.microphones}
        self.records: list[tuple[float, dict[str, Any]]] = []
        inputs = [word for name in room.microphones for word in ("--input", name)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pace_edge", "listen", "--json", *inputs, *words], env=home.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said: list[str] = []
        for read in (self._read, self._read_words):
            threading.Thread(target=read, daemon=True).start()
        for microphone in room.microphones:
            self._until(lambda name=microphone: len(self.windows(name)) >= 4, "it listens")

    def windows(self, microphone: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, r) for at, r in list(self.records) if r["type"] == "window" and r["source"] == microphone]

    def events(self, state: str = "start") -> list[dict[str, Any]]:
        return [r for _, r in list(self.records) if r["type"] == "event" and r["state"] == state]

    def wait_until_heard(self, sound: Played, after_s: float = 0.0) -> None:
        """Until a window is reported that ends so long after the sound; where that is in the stream is known then.
        Raises VoidError where sound was lost meanwhile."""
        windows = self.windows(sound.microphone)
        recording = self.room.recordings[sound.microphone]
        # what was reported most quickly says most nearly where the stream is
        latest_s = min(at - recording.begin_unix_s - w["end_s"] for at, w in windows)
        end_s = sound.end_s + after_s + MARGIN_S - latest_s
        self._until(lambda: self.windows(sound.microphone)[-1][1]["end_s"] >= end_s, f"{sound.name} is heard")
        recent = [w for _, w in self.windows(sound.microphone) if w["end_s"] > end_s - FITTED_S]
        gaps = [r for _, r in list(self.records) if r["type"] == "gap" and r["source"] == sound.microphone]
        if any(gap["end_s"] > recent[0]["start_s"] for gap in gaps):
            raise VoidError("the listener lost sound: the machine is too busy")
        offset_s = sound.offset_s = _fitted(recording, recent, latest_s - MOST_LATE_S, latest_s + MARGIN_S)
        self._offsets[sound.microphone].append(offset_s)

    def events_of(self, sound: Played) -> list[dict[str, Any]]:
        """Those that touch it, as they began."""
        starts = [e for e in self.events() if e["source"] == sound.microphone]
        return [e for e in starts if sound.share(e["start_s"] + sound.offset_s, e["end_s"] + sound.offset_s) > 0]

    def was_played(self, event: dict[str, Any]) -> bool:
        """Whether anything was, steps too, at about that time."""
        offsets = self._offsets[event["source"]]
        nearly_s = (min(offsets) - MARGIN_S, max(offsets) + MARGIN_S) if offsets else (-np.inf, np.inf)
        start_s, end_s = event["start_s"] + nearly_s[0], event["end_s"] + nearly_s[1]
        return any(
            microphone == event["source"] and begin_s <= end_s and over_s >= start_s
            for microphone, begin_s, over_s in self.room.loud
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait_for_end(self, event: dict[str, Any]) -> None:
        self._until(lambda: any(e["id"] == event["id"] for e in self.events("end")), f"{event['id']} ends")

    def stop(self) -> None:
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)

    def _until(self, true: Any, what: str) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not true():
            if self._process.poll() is not None:
                raise RuntimeError(f"pace-edge listen ended: {' '.join(self.said)}")
            if time.monotonic() > give_up:
                raise VoidError(f"it did not come in {PATIENCE_S:g} s: {what}")
            time.sleep(0.1)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            record = json.loads(line)
            if "source" in record:
                record["source"] = microphone_of(record["source"])
            self.records.append((time.time(), record))

    def _read_words(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line.strip())


def _fitted(recording: Recording, windows: Sequence[dict[str, Any]], from_s: float, to_s: float) -> float:
    """Seconds of the recording less seconds of the stream: where the windows' levels are the recording's."""
    first = max(0, round((windows[0]["start_s"] + from_s) / PIECE_S))
    last = round((windows[-1]["end_s"] + to_s) / PIECE_S)
    size = round(PIECE_S * RATE_HZ)
    pcm = recording.part(first * size, last * size).astype(float)
    power = np.r_[0, np.cumsum(np.mean(pcm[: len(pcm) // size * size].reshape(-1, size) ** 2, axis=1))]
    starts, ends = (np.array([round(w[key] / PIECE_S) for w in windows]) for key in ("start_s", "end_s"))
    told = np.maximum([w["level_dbfs"] for w in windows], QUIETEST_DBFS)
    offsets = np.arange(round(from_s / PIECE_S), round(to_s / PIECE_S))
    off_db = []
    for offset in offsets:
        begin, end = (np.clip(at + offset - first, 0, len(power) - 1) for at in (starts, ends))
        level = 10 * np.log10((power[end] - power[begin]) / np.maximum(end - begin, 1) + 1e-12)
        off_db.append(float(np.mean(np.abs(np.maximum(level, QUIETEST_DBFS) - told))))
    if min(off_db) > ALIKE_DB:
        raise VoidError(f"the listener's stream does not fit the recording ({min(off_db):.1f} dB)")
    return float(offsets[int(np.argmin(off_db))]) * PIECE_S
