"""After a change of backbone: what was taught is taught again to the new model, from the recordings that are there."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pace_edge.errors import PaceEdgeError, UsageError
from pace_edge.journal import Journal, copied
from pace_edge.kept_audio import recording_path
from pace_edge.label_check import checked_label
from pace_edge.model_file import Model
from pace_edge.operations import Operation, State, beginning, effective, undone
from pace_edge.stretch import read_stretch
from streams.configuration.place import journal_path, place
from streams.listening.encoder import Encoder
from streams.listening.learner import open_journal
from streams.teaching.material import of_clip
from streams.teaching.teach import LONGEST_S, windows_of_one_sound


@dataclass(frozen=True)
class Relearned:
    """`learned` examples anew; `known` were there already; `lost` counts, by label, those that have no recording (what
    was heard is kept as embeddings, which are the old model's), with the reason for each in `reasons`."""

    journal: Path
    learned: int
    known: int
    lost: dict[str, int]
    reasons: tuple[str, ...]


def relearn(
    model: Model, old: Path | None = None, *, journal: Path | None = None, config: Path | None = None
) -> Relearned:
    """`old`: the journal of the model before, without it the one that is configured, else that of this model's name. It
    is only read. `journal`: the new one, else the one that is configured, else one of this very model file. Doing it
    twice changes nothing. Raises PaceEdgeError."""
    configured, named = place(model, config=config).journal, journal_path(model)
    if old is None:
        old = configured or named.with_name(named.name.replace(f"-{model.sha256[:12]}", ""))
    if not old.exists():
        raise UsageError(f"there is no journal {old}", do="Name the journal to learn from.")
    target = journal or configured or journal_path(model, of_this_file=True)
    if target.resolve() == old.resolve():
        do = "Name another with --journal FILE" + (", and then in the settings too." if configured else ".")
        raise UsageError("a journal cannot be learned from itself", do=do)
    with copied(old) as theirs:
        if theirs.model_sha256 == model.sha256:
            raise UsageError(f"{old} is of this very model", do="Use it as it is, or pace-edge merge.")
        operations = theirs.operations()
        state = effective(operations, beginning(model.info.labels))
        with open_journal(model, target) as ours:
            known = _known(ours)
            again = [o for o in operations if o.id in state.examples and o.origin not in known]
            reasons = _teach(model, ours, again, state, old.with_name(old.stem + ".clips"))
            _same_names(model, ours, state)
    return Relearned(
        target, len(again) - len(reasons), len(state.examples) - len(again),
        dict(Counter(state.examples[id] for id in reasons)), tuple(reasons.values()),
    )  # fmt: skip


def _known(journal: Journal) -> set[str]:
    operations = journal.operations()
    void = undone(operations)
    return {o.origin for o in operations if o.origin and not {o.id, o.target} & void}


def _teach(model: Model, journal: Journal, again: list[Operation], state: State, clips: Path) -> dict[int, str]:
    """Why it could not be, by id."""
    encoder, reasons = Encoder(model), {}
    for o in again:
        path = recording_path(clips, o.audio)
        try:
            if path is None:
                raise PaceEdgeError(f"example {o.id} ({o.source}) has no recording")
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != o.audio_sha256:
                raise PaceEdgeError(f"{path} is gone, or not what it was")
            part = (
                (o.start_s, o.end_s) if o.end_s and not o.session else (None, None)
            )  # else the recording is all of it
            clip = read_stretch(path, model.info.rate_hz, from_s=part[0], to_s=part[1], longest_s=LONGEST_S)
            material = of_clip(
                windows_of_one_sound(clip, model, str(path)), encoder, o.source, ("", ""), (0.0, 0.0), duration_s=0.0
            )
            label = checked_label(state.examples[o.id], model.info.labels)
        except (PaceEdgeError, OSError) as error:
            reasons[o.id] = str(error)
            continue
        journal.add(label, material.embeddings, source=o.source, audio=str(path.resolve()),
                    audio_sha256=o.audio_sha256, origin=o.origin, event=o.event, session=o.session, start_s=o.start_s,
                    end_s=o.end_s)  # fmt: skip
    return reasons


def _same_names(model: Model, journal: Journal, state: State) -> None:
    """Built-in classes are called, forgotten and hidden as they were, where the new model has them."""
    here = effective(journal.operations(), beginning(model.info.labels, model.info.hidden))
    for own, name in state.built_in.items():
        if here.built_in[own] == own != name:
            if name is None:
                journal.append("forget", own)
            else:
                journal.append("rename", own, new_label=name)
    for label in sorted(state.hidden - here.hidden):
        journal.append("hide", label)
