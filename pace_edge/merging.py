"""What of another journal is new here: its examples, each once, and the recordings that were kept of them.

Another journal is a stranger's file: nothing in it names a file of this machine, no label comes in that could not be
typed, and no embedding that could not be learned. What is left out is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pace_edge.errors import UsageError
from pace_edge.kept_audio import is_kept_name, read_kept, write_kept
from pace_edge.label_check import checked_label
from pace_edge.operations import Operation, State, effective, undone


class Merged(NamedTuple):
    """`new`: how many examples are new here. `left_out`: why others are not, by their id there. `recordings`: how many
    came along; `without`: a sentence for each that is missing there, or not what it was."""

    new: int
    left_out: dict[int, str]
    recordings: int = 0
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chosen:
    """`examples`: those that are new here, by their id there, as they are called there; `known`: the ids here of those
    that count here already; `left_out`: why others are not taken, by their id there."""

    examples: dict[int, Operation]
    known: set[int]
    left_out: dict[int, str]


def choose(theirs: Sequence[Operation], ours: Sequence[Operation], own: Collection[str]) -> Chosen:
    """What of `theirs` is new to `ours`; `own` are the model's classes.

    An example is known by its origin, also where it was forgotten here, and while it counts here by what it was made
    of: the same embeddings, or the same stretch of the same recording, under the same label.
    """
    void, counting = undone(ours), effective(ours, State()).examples
    origins = {o.origin: o.id for o in ours if o.origin and not {o.id, o.target} & void}
    made_of = {key: o.id for o in ours if o.id in counting for key in _made_of(o, counting[o.id])}
    calls, chosen, left_out, known = effective(theirs, State()).examples, {}, {}, set()
    for operation in theirs:
        if operation.id not in calls:
            continue
        if operation.origin in origins:
            known.add(origins[operation.origin])
            continue
        try:
            label = checked_label(calls[operation.id], own)
        except UsageError:
            left_out[operation.id] = f"example {operation.id} (its label {calls[operation.id][:120]!a} cannot be used)"
            continue
        keys = [*_made_of(operation, label)]
        if twins := {made_of[key] for key in keys if key in made_of}:
            known |= twins
            continue
        made_of |= dict.fromkeys(keys, 0)  # and only once from there
        chosen[operation.id] = _without_strange_audio(replace(operation, label=label))
    return Chosen(chosen, known & counting.keys(), left_out)


def bring_recordings(theirs: Path, ours: Path, examples: Iterable[Operation]) -> tuple[int, tuple[str, ...]]:
    """Copy what was kept of these examples from one folder to the other, where it is not there already. How many came,
    and a sentence for each that could not."""
    came, without, linked = 0, [], theirs.is_symlink()
    for example in examples:
        name, sha256 = example.audio, example.audio_sha256
        if not is_kept_name(name) or read_kept(ours, name, sha256) is not None:
            continue
        content = None if linked else read_kept(theirs, name, sha256)
        of = f"the recording {name} of an example of '{example.label}'"
        if content is None:
            without.append(f"{of} is missing in {theirs}, or not what was taught")
            continue
        try:
            write_kept(ours, name, content)
            came += 1
        except OSError as error:
            without.append(f"{of} cannot be kept in {ours}: {error.strerror or error}")
    return came, tuple(without)


def _made_of(example: Operation, label: str) -> Iterator[tuple[object, ...]]:
    yield label, "embeddings", example.embeddings_sha256
    if example.audio_sha256:
        yield label, "audio", example.audio_sha256, example.start_s, example.end_s


def _without_strange_audio(example: Operation) -> Operation:
    """A name that is not of our making could lead out of the folder of recordings."""
    if is_kept_name(example.audio) or Path(example.audio).is_absolute():
        return example
    return replace(example, audio="", audio_sha256="")
