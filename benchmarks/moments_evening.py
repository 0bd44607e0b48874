"""An evening of `benchmarks.taught_moments`: a listener in a room, what a person does there, and how it is judged: by
where the sound truly was at which microphone, never by what the product says of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.moments_product import Done, Ears, Home
from benchmarks.moments_room import Played, Room, VoidError
from benchmarks.moments_sounds import clips, loudest_dbfs, sound
from pace_edge.config import HEARD_KEPT_S

TAUGHT, REFUSED, WRONG, REFUSED_WRONGLY = "taught right", "refused rightly", "taught wrong", "refused wrongly"
NOT_KNOWN = "taught, not known after"
AGAIN = 3  # times that a moment is played which the machine spoils
MOST_OF_IT = 0.8  # of the sound's energy is in what was taught
BEYOND_S = 4.0  # two windows more than the sound: other things were taught too
TOUCHED = 0.5  # of another sound's energy in it: that was taught too
WALK_S = (2.0, 15.0)
LEVELS_DBFS = (-28.0, -14.0)  # of the sounds that are meant
STEPS_DB = -25.0  # beside the sound
FRESH_DB = (-4.0, 2.0)
STILL_THERE_S = HEARD_KEPT_S - 5  # an older sound may be forgotten before the verb has looked
FRESH_S = 3.0  # after its end a sound is announced, or is not


class NotAnnouncedError(Exception):
    """What is to be corrected was not announced."""


@dataclass(frozen=True)
class Outcome:
    """`taught` and `true`: the stretch that was taken, and that of the sound, in seconds of the room's recording."""

    verdict: str
    words: str
    taught: str = ""
    true: str = ""


@dataclass(frozen=True)
class Moment:
    """`words`: what happens; `expected`: TAUGHT or REFUSED; `play` does it and judges it."""

    words: str
    expected: str
    play: Callable[[Evening], Outcome]


@dataclass
class Evening:
    """A state folder with one listener, and what happens while that runs."""

    name: str
    moments: list[Moment] = field(default_factory=list)
    microphones: tuple[str, ...] = ("porch",)
    config: str = ""  # of config.toml; FOLDER stands for the state folder
    listen: tuple[str, ...] = ()
    journal: str = ""  # of the listener, where it is not the usual one
    noise_dbfs: tuple[float, float] = (-65.0, -52.0)  # of each microphone, from to

    def moment(self, words: str, expected: str = TAUGHT) -> Callable[[Callable[[Evening], Outcome]], None]:
        return lambda play: self.moments.append(Moment(words, expected, play))

    def begin(self, folder: Path, seed: int, data: Path | None) -> None:
        self.rng = np.random.default_rng(seed)
        self.listeners: list[Ears] = []
        noise = {name: float(self.rng.uniform(*self.noise_dbfs)) for name in self.microphones}
        self.room = Room(folder, self.microphones, noise, seed)
        self.room.__enter__()
        self.home = Home(folder / "home", self.room.env)
        if self.config:
            (self.home.folder / "config.toml").write_text(self.config.replace("FOLDER", str(self.home.folder)))
        self.clips = dict(clips(data, self.rng, 6)) if data else {}
        self.labels: set[str] = set()  # that were taught
        self.ears = self.start()

    def start(self) -> Ears:
        words = [word.replace("FOLDER", str(self.home.folder)) for word in self.listen]
        self.listeners.append(Ears(self.room, self.home, words))
        return self.listeners[-1]

    def end(self) -> None:
        for listener in self.listeners:
            listener.stop()
        self.room.__exit__()

    # What a person does

    def hear(self, name: str, *, dbfs: float | None = None, **more_dbfs: float) -> Played:
        """Play it, at the evening's first microphone or at those that are named with a level; it is over then, and the
        listener has reported it. At several: as at the one where it is loudest."""
        if self.ears.ended:
            self.ears = self.start()
        level = float(self.rng.uniform(*LEVELS_DBFS)) if dbfs is None else dbfs
        levels = more_dbfs or {self.microphones[0]: level}
        samples = self.clips[name] if name in self.clips else sound(name)
        self.last = played = self.room.play(name, samples, levels)
        for one in played:
            self.ears.wait_until_heard(one)
        return max(played, key=lambda one: levels[one.microphone])

    def other(self, heard: Played) -> Played:
        """The same sound, as the other microphone got it."""
        return next(one for one in self.last if one is not heard)

    def announced(self, heard: Played) -> str:
        """The id of the event that is over by now. Raises NotAnnouncedError."""
        self.ears.wait_until_heard(heard, FRESH_S)
        events = self.ears.events_of(heard)
        if not events:
            raise NotAnnouncedError
        self.ears.wait_for_end(events[-1])
        return str(events[-1]["id"])

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def walk(self, heard: Played, *, steps: bool = False, from_s: float = WALK_S[0]) -> None:
        """To the terminal; with `steps` that the microphone hears."""
        seconds = float(self.rng.uniform(from_s, WALK_S[1]))
        if steps:
            self.room.steps(heard.microphone, seconds, loudest_dbfs(heard.samples) + STEPS_DB)
        else:
            time.sleep(seconds)

    def learn(self, *words: str) -> Done:
        return self.home.type("learn", *words)

    def ago_s(self, heard: Played) -> float:
        """How long ago it began."""
        return time.time() - self.room.recordings[heard.microphone].unix_s(heard.start_s)

    def watch(self, heard: Played, *, after_s: float = 0.0) -> str:
        """The clock when it was at its heart, or so long after: 14:03:22."""
        unix_s = self.room.recordings[heard.microphone].unix_s(heard.heart_s + after_s)
        return f"{datetime.fromtimestamp(unix_s):%H:%M:%S}"

    # What came of it

    def taught(self, done: Done, label: str, heard: Played, *, fresh: bool = True) -> Outcome:
        """One example, of the sound that was meant, and then the sound is known."""
        true = _stretch(heard.microphone, heard.start_s, heard.end_s)
        end_unix_s = self.room.recordings[heard.microphone].unix_s(heard.end_s)
        if not done.new:
            if done.began_unix_s + done.took_s - end_unix_s > STILL_THERE_S:
                raise VoidError("the machine was so slow that the sound was forgotten")
            return Outcome(REFUSED_WRONGLY if done.code else WRONG, _short(done), "nothing", true)
        operation = done.new[0]
        journal = self.home.folder / self.journal.replace("FOLDER", ".") if self.journal else None
        examples = {o.id: o for o in self.home.operations(journal) if o.kind == "learn"}
        example = examples.get(operation.target) if operation.kind == "correct" else operation
        if example is None or operation not in self.home.operations(journal):
            return Outcome(WRONG, f"in another journal than the listener's: {_short(done)}", "?", true)
        microphone = self.home.sources.get(example.session, "?")
        start_s, end_s = example.start_s + heard.offset_s, example.end_s + heard.offset_s
        taught = _stretch(microphone, start_s, end_s)
        wrong = []
        if done.code or len(done.new) > 1 or "Traceback" in done.words:
            wrong.append(f"exit code {done.code}, {len(done.new)} operations")
        if operation.label != label or operation.kind not in ("learn", "correct"):
            wrong.append(operation.in_words())
        if microphone != heard.microphone:
            wrong.append("another microphone")
        elif (share := heard.share(start_s, end_s)) < MOST_OF_IT:
            wrong.append(f"{100 * share:.0f} % of the sound")
        else:
            if (beyond_s := end_s - start_s - (heard.end_s - heard.start_s)) > BEYOND_S:
                wrong.append(f"{beyond_s:.0f} s that are not of it")
            others = [o for o in self.room.played if o is not heard and o.microphone == microphone]
            wrong += [f"{o.name} too" for o in others if o.share(start_s, end_s) >= TOUCHED]
        if wrong:
            return Outcome(WRONG, f"{'; '.join(wrong)}: {_short(done)}", taught, true)
        self.labels.add(label)
        if fresh and label not in (names := self.fresh(heard)):
            return Outcome(NOT_KNOWN, f"a fresh one is called {', '.join(sorted(names)) or 'nothing'}", taught, true)
        return Outcome(TAUGHT, _short(done), taught, true)

    def fresh(self, heard: Played) -> set[str]:
        """Once more, a little louder or quieter: what it is announced as."""
        for _ in range(AGAIN):
            try:
                if self.ears.ended:
                    self.ears = self.start()
                dbfs = loudest_dbfs(heard.samples) + float(self.rng.uniform(*FRESH_DB))
                (again,) = self.room.play(heard.name, heard.samples, {heard.microphone: dbfs})
                self.ears.wait_until_heard(again, FRESH_S)
                return {event["label"] for event in self.ears.events_of(again)}
            except VoidError as error:
                spoilt = error
        raise RuntimeError(f"the machine is too busy: {spoilt}")

    def refused(self, done: Done, *, names: str = "") -> Outcome:
        """An exit code, a sentence, which `names` something, and nothing in the journal."""
        if done.code and not done.new and done.words and names in done.words and "Traceback" not in done.words:
            return Outcome(REFUSED, _short(done), "nothing", "nothing")
        new = "; ".join(o.in_words() for o in done.new) or "nothing"
        return Outcome(WRONG, f"exit code {done.code}: {_short(done)}", new, "nothing")

    def undone(self, done: Done, labels: set[str], heard: Played | None) -> Outcome:
        """What was done last is taken back: these labels are nobody's, and the sound is not called so."""
        left = labels & set(self.home.examples().values())
        if done.code or [o.kind for o in done.new] != ["undo"] or left:
            return Outcome(WRONG, f"{', '.join(left)} left: {_short(done)}")
        if heard and (names := self.fresh(heard) & labels):
            return Outcome(WRONG, f"it is still called {', '.join(names)}: {_short(done)}")
        return Outcome(TAUGHT, _short(done), "undone", "undone")

    def known(self, done: Done) -> Outcome:
        """It was taught before: it says so, and counts once."""
        if not done.code and not done.new and "already" in done.words:
            return Outcome(REFUSED, _short(done), "nothing", "nothing")
        return Outcome(WRONG, _short(done), "; ".join(o.in_words() for o in done.new), "nothing")

    def announced_from_noise(self) -> list[dict[str, Any]]:
        """Taught labels that were announced where nothing was played."""
        return [
            event for listener in self.listeners for event in listener.events()
            if event["label"] in self.labels and not listener.was_played(event)
        ]  # fmt: skip


def _stretch(microphone: str, start_s: float, end_s: float) -> str:
    return f"{microphone} {start_s:.1f} to {end_s:.1f} s"


def _short(done: Done) -> str:
    lines = [line for line in done.words.splitlines() if line.strip()]
    return lines[-1] if "Traceback" in done.words else " / ".join(lines)
