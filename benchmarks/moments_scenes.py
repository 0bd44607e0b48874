"""The moments of `benchmarks.taught_moments`, evening by evening. Each is played once, in this order."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.moments_evening import REFUSED, TAUGHT, Evening, Outcome
from pace_edge.config import STARTER_MODEL

kitchen = Evening("kitchen")


@kitchen.moment("a bell rings; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.walk(heard)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


@kitchen.moment("it rings again; steps and keys; learn: a second example")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.walk(heard, steps=True)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


@kitchen.moment("a knock; learn, twice", REFUSED)
def _(e: Evening) -> Outcome:
    heard = e.hear("knock")
    e.walk(heard)
    first = e.taught(e.learn("--label", "knock"), "knock", heard, fresh=False)
    return e.known(e.learn("--label", "knock")) if first.verdict == TAUGHT else first


@kitchen.moment("a chime; learn, and again by another name", REFUSED)
def _(e: Evening) -> Outcome:
    heard = e.hear("chime")
    e.walk(heard)
    first = e.taught(e.learn("--label", "chime"), "chime", heard, fresh=False)
    return e.refused(e.learn("--label", "gong")) if first.verdict == TAUGHT else first


@kitchen.moment("a whistle; learn --last 3, in which only noise is", REFUSED)
def _(e: Evening) -> Outcome:
    e.walk(e.hear("whistle"), from_s=8)
    return e.refused(e.learn("--label", "whistle", "--last", "3"))


@kitchen.moment("a whistle; learn --last N, counted from its beginning")
def _(e: Evening) -> Outcome:
    heard = e.hear("whistle")
    e.walk(heard)
    return e.taught(e.learn("--label", "whistle", "--last", f"{e.ago_s(heard) + 8:.0f}"), "whistle", heard)


@kitchen.moment("a timer, then a door; learn --at the timer's time")
def _(e: Evening) -> Outcome:
    heard = e.hear("beeps")
    e.pause(4)
    e.walk(e.hear("slam"))
    return e.taught(e.learn("--label", "timer", "--at", e.watch(heard)), "timer", heard)


@kitchen.moment("a whistle, a pause of 4 s, a till; learn")
def _(e: Evening) -> Outcome:
    e.hear("whistle")
    e.pause(4)
    heard = e.hear("other_bell")
    e.walk(heard)
    return e.taught(e.learn("--label", "till"), "till", heard)


@kitchen.moment("a door falls shut, up to 15 dB louder; 15 s later a buzzer; steps and keys; learn")
def _(e: Evening) -> Outcome:
    e.hear("slam", dbfs=-23 + float(e.rng.uniform(6, 15)))
    e.pause(15)
    heard = e.hear("buzzer", dbfs=-23)
    e.walk(heard, steps=True)
    return e.taught(e.learn("--label", "buzzer"), "buzzer", heard)


@kitchen.moment("a kettle for 12 s; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("kettle")
    e.walk(heard)
    return e.taught(e.learn("--label", "kettle"), "kettle", heard)


@kitchen.moment("a bell that is struck twice; steps and keys; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring_twice")
    e.walk(heard, steps=True)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


@kitchen.moment("a telephone; learn by a wrong name; undo")
def _(e: Evening) -> Outcome:
    heard = e.hear("phone")
    e.walk(heard)
    e.learn("--label", "alarm")
    return e.undone(e.home.type("undo"), {"alarm"}, heard)


@kitchen.moment("the telephone again; learn --label unknown", REFUSED)
def _(e: Evening) -> Outcome:
    e.walk(e.hear("phone"))
    return e.refused(e.learn("--label", "unknown"))


porches = Evening("two microphones", microphones=("porch", "attic"))


@porches.moment("a bell at the porch alone; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring", porch=-20)
    e.walk(heard)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


@porches.moment("both hear a buzzer, the attic 12 dB louder; steps there; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("buzzer", porch=-30, attic=-18)
    e.walk(heard, steps=True)
    return e.taught(e.learn("--label", "buzzer"), "buzzer", heard)


@porches.moment("both hear a chime, the porch 4 dB louder; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("chime", porch=-20, attic=-24)
    e.walk(heard)
    return e.taught(e.learn("--label", "chime"), "chime", heard)


@porches.moment("a whistle at the porch, then knocks in the attic; learn")
def _(e: Evening) -> Outcome:
    e.hear("whistle", porch=-22)
    e.pause(5)
    heard = e.hear("knock", attic=-26)
    e.walk(heard)
    return e.taught(e.learn("--label", "knock"), "knock", heard)


@porches.moment("a timer at the porch, louder knocks in the attic; learn --source porch")
def _(e: Evening) -> Outcome:
    heard = e.hear("beeps", porch=-26)
    e.pause(2)
    e.walk(e.hear("knock", attic=-14))
    return e.taught(e.learn("--label", "timer", "--source", "porch"), "timer", heard)


@porches.moment("a till in the attic; learn --source porch --last 3", REFUSED)
def _(e: Evening) -> Outcome:
    e.walk(e.hear("other_bell", attic=-18), from_s=6)
    return e.refused(e.learn("--label", "till", "--source", "porch", "--last", "3"))


@porches.moment("a till in the attic; learn --source cellar", REFUSED)
def _(e: Evening) -> Outcome:
    e.walk(e.hear("other_bell", attic=-18))
    return e.refused(e.learn("--label", "till", "--source", "cellar"))


@porches.moment("a bell at both; correct the quieter one's event by its id")
def _(e: Evening) -> Outcome:
    heard = e.other(e.hear("ring", porch=-16, attic=-24))
    event = e.announced(heard)
    e.walk(heard)
    return e.taught(e.home.type("correct", event, "--label", "bell upstairs"), "bell upstairs", heard, fresh=False)


corrections = Evening("corrections")


@corrections.moment("a bell rings; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.walk(heard)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


@corrections.moment("it rings twelve times; correct the first of them by its id")
def _(e: Evening) -> Outcome:
    rings = []
    for _ in range(12):
        rings.append(e.hear("ring"))
        e.pause(2)
    events = [e.announced(ring) for ring in rings]
    prefix = next((i for i, event in enumerate(events) if any(o != event and o.startswith(event) for o in events)), 0)
    done = e.home.type("correct", events[prefix], "--label", "postman")
    return e.taught(done, "postman", rings[prefix], fresh=False)


@corrections.moment("a bell; correct, without an id")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.announced(heard)
    e.walk(heard)
    return e.taught(e.home.type("correct", "--label", "neighbour"), "neighbour", heard, fresh=False)


@corrections.moment("a bell; correct, and correct that again: one example")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    event = e.announced(heard)
    e.walk(heard)
    e.home.type("correct", event, "--label", "neighbour")
    before = len(e.home.examples())
    outcome = e.taught(e.home.type("correct", event, "--label", "parcel"), "parcel", heard, fresh=False)
    return outcome if len(e.home.examples()) == before else replace(outcome, verdict="taught wrong", words="twice")


@corrections.moment("undo of that correction")
def _(e: Evening) -> Outcome:
    return e.undone(e.home.type("undo"), {"parcel"}, None)


@corrections.moment("a bell; learn, then correct its event: one example")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    event = e.announced(heard)
    e.walk(heard)
    e.learn("--label", "doorbell")
    before = len(e.home.examples())
    outcome = e.taught(e.home.type("correct", event, "--label", "visitor"), "visitor", heard, fresh=False)
    return outcome if len(e.home.examples()) == before else replace(outcome, verdict="taught wrong", words="twice")


@corrections.moment("correct an event that there never was", REFUSED)
def _(e: Evening) -> Outcome:
    return e.refused(e.home.type("correct", "0123456789ab-4", "--label", "visitor"))


gate = Evening("gate at -55 dBFS", config="[windows]\ngate_dbfs = -55\n", noise_dbfs=(-70.0, -62.0))


@gate.moment("a bell, 20 s of quiet; learn --last 5", REFUSED)
def _(e: Evening) -> Outcome:
    e.hear("ring")
    e.pause(20)
    return e.refused(e.learn("--label", "doorbell", "--last", "5"))


@gate.moment("a bell, 30 s of quiet; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.pause(30)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


@gate.moment("knocks; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("knock")
    e.walk(heard)
    return e.taught(e.learn("--label", "knock"), "knock", heard)


@gate.moment("a whistle, 12 s of quiet; learn --at a moment of the quiet", REFUSED)
def _(e: Evening) -> Outcome:
    heard = e.hear("whistle")
    e.pause(12)
    return e.refused(e.learn("--label", "whistle", "--at", e.watch(heard, after_s=7)))


@gate.moment("a quiet chime, -40 dBFS; learn --last N, counted from its beginning")
def _(e: Evening) -> Outcome:
    heard = e.hear("chime", dbfs=-40)
    e.walk(heard)
    return e.taught(e.learn("--label", "chime", "--last", f"{e.ago_s(heard) + 8:.0f}"), "chime", heard)


@gate.moment("65 s of quiet; learn", REFUSED)
def _(e: Evening) -> Outcome:
    e.pause(65)
    return e.refused(e.learn("--label", "quiet"))


settings = Evening(
    "settings", config=f'[model]\nfile = "{STARTER_MODEL}"\n[journal]\nfile = "FOLDER/mine/labels.sqlite"\n',
    journal="FOLDER/mine/labels.sqlite",
)  # fmt: skip


@settings.moment("model and journal are named in config.toml; a bell; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.walk(heard)
    return e.taught(e.learn("--label", "doorbell"), "doorbell", heard)


elsewhere = Evening("another journal", listen=("--journal", "FOLDER/other.sqlite"), journal="FOLDER/other.sqlite")


@elsewhere.moment("the listener has another journal; a bell; learn", REFUSED)
def _(e: Evening) -> Outcome:
    e.walk(e.hear("ring"))
    return e.refused(e.learn("--label", "doorbell"), names="other.sqlite")


@elsewhere.moment("a bell; learn --journal that one")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.walk(heard)
    journal = str(e.home.folder / "other.sqlite")
    return e.taught(e.learn("--label", "doorbell", "--journal", journal), "doorbell", heard)


ends = Evening("silence and the end")


@ends.moment("a clipped whistle; learn", REFUSED)
def _(e: Evening) -> Outcome:
    e.walk(e.hear("whistle", dbfs=12))
    return e.refused(e.learn("--label", "whistle"))


@ends.moment("a clipped whistle; learn --force")
def _(e: Evening) -> Outcome:
    heard = e.hear("whistle", dbfs=12)
    e.walk(heard)
    return e.taught(e.learn("--label", "whistle", "--force"), "whistle", heard, fresh=False)


@ends.moment("the microphone is mute, digital silence; learn --last 3", REFUSED)
def _(e: Evening) -> Outcome:
    e.room.stop_noise("porch")
    e.pause(7)
    return e.refused(e.learn("--label", "mute", "--last", "3"))


@ends.moment("a bell between digital silence; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("ring")
    e.walk(heard)
    outcome = e.taught(e.learn("--label", "doorbell"), "doorbell", heard)
    e.room.start_noise("porch")
    return outcome


@ends.moment("knocks; listening is ended at once; learn")
def _(e: Evening) -> Outcome:
    heard = e.hear("knock")
    e.ears.stop()
    e.walk(heard)
    return e.taught(e.learn("--label", "knock"), "knock", heard)


@ends.moment("a chime; listening is ended; 62 s later learn", REFUSED)
def _(e: Evening) -> Outcome:
    e.hear("chime")
    e.ears.stop()
    e.pause(62)
    return e.refused(e.learn("--label", "chime"))


recordings = Evening("clips of --data")


def _clip(number: int) -> None:
    @recordings.moment(f"clip {number}; {'steps and keys; ' * (number % 2)}learn")
    def _(e: Evening) -> Outcome:
        name = sorted(e.clips)[number - 1]
        heard = e.hear(name)
        e.walk(heard, steps=bool(number % 2))
        return e.taught(e.learn("--label", f"clip {number}"), f"clip {number}", heard)


for _number in range(1, 7):
    _clip(_number)

EVENINGS = [kitchen, ends, corrections, gate, porches, settings, elsewhere]
