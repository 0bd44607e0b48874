"""The benchmark's data sets: the paper's six and small real ones, and how each comes in sessions (PACE 3).

All audio is below one folder that the person names, each set in the folder that it is published as.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pace_edge.adapt.data import Clip, read_clips
from pace_edge.benchmark import manifests, published
from pace_edge.errors import PaceEdgeError, UsageError


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Clips and how they come. `per_session` and `epochs` (E_0) are the paper's for its sets."""

    name: str
    title: str
    read: Callable[[Path], list[Clip]]  # its own folder's clips; the clips of fold 1 are the test unless told
    folders: tuple[str, ...]  # the set's own folder below that of all audio: the first of these that is there
    classes: int | None  # None: as many as it has
    per_session: int
    epochs: int
    seconds: float  # clips are cut or padded to it
    fine: bool = False  # the grain, in the paper's words
    paper: str = ""  # the column of the paper's table that it is
    split: str  # how training and test are told apart
    licence: str
    where: str  # how to get it


def _small(
    name: str, title: str, folder: str, *, classes: int, per_session: int, epochs: int, seconds: float, fine: bool,
    split: str, licence: str, where: str, manifest: str = "", label: str = "label",
    grouped: bool = True,
) -> DataSet:  # fmt: skip
    """A set whose manifest ships with the package; `label` "group": its groups are the classes. Not `grouped`: the
    split parts groups, so each clip stands alone."""
    read = partial(_from_manifest, manifests.FOLDER / f"{manifest or name}.csv.gz", label, grouped)
    return DataSet(
        name=name, title=title, read=read, folders=(folder,), classes=classes, per_session=per_session, epochs=epochs,
        seconds=seconds, fine=fine, split=split, licence=licence, where=where,
    )  # fmt: skip


def _from_manifest(manifest: Path, label: str, grouped: bool, folder: Path) -> list[Clip]:
    clips = manifests.read_manifest(manifest, folder)
    if label == "group":
        clips = [replace(clip, label=clip.group) for clip in clips]
    return clips if grouped else [replace(clip, group=str(clip.path)) for clip in clips]


def _timit(per_session: int) -> DataSet:
    folders = ("TIMIT", "timit", "TIMIT/TIMIT", "timit/TIMIT", "TIMIT/data", "timit/data")
    return DataSet(
        name=f"timit-{per_session}", title=f"TIMIT-{per_session}", read=published.timit, folders=folders, classes=630,
        per_session=per_session, epochs=30, seconds=5.12, fine=True, paper=f"TIMIT-{per_session}",
        split="of each speaker's ten sentences SA1 and SA2 are the test: the same words for all",
        licence="LDC's, not free",
        where="From the Linguistic Data Consortium, catalogue LDC93S1 (https://catalog.ldc.upenn.edu/LDC93S1); put its "
        "folder TIMIT, with TRAIN and TEST in it, into the data folder.",
    )  # fmt: skip


def _sixteen_speakers(per_session: int) -> DataSet:
    return _small(
        f"timit16-{per_session}", f"TIMIT, 16 speakers by {per_session}", "timit_sample16", manifest="timit16",
        classes=16, per_session=per_session, epochs=30, seconds=2.0, fine=True,
        split="of each speaker's ten sentences SA1 and SA2 are the test", licence="CC BY-NC-SA",
        where="The 16 speakers that NLTK distributes (nltk_data, corpora/timit), as FLAC.",
    )  # fmt: skip


def _digits(name: str, title: str, label: str, classes: int, *, fine: bool) -> DataSet:
    return _small(
        name, title, "fsdd", manifest="digits", label=label, classes=classes, per_session=2, epochs=5, seconds=0.6,
        fine=fine, grouped=False, split="by take, five folds", licence="CC BY-SA 4.0",
        where="https://github.com/Jakobovski/free-spoken-digit-dataset, as 16 kHz Opus.",
    )  # fmt: skip


_GROUPS = "five folds that share no recording"
_SPEECH_COMMANDS = "Speech Commands V2's official test archive (speech_commands_test_set_v0.02), 16 kHz Opus"
_ALL: Sequence[DataSet] = (
    DataSet(
        name="esc50", title="ESC-50", read=published.esc50, folders=("ESC-50-master", "ESC-50"), classes=50,
        per_session=5, epochs=10, seconds=5.0, paper="ESC-50", split=f"the publisher's: {_GROUPS}",
        licence="CC BY-NC 3.0", where="pace-edge benchmark download esc50 gets it from GitHub, karolpiczak/ESC-50.",
    ),
    DataSet(
        name="urbansound8k", title="UrbanSound8K", read=published.urbansound8k, folders=("UrbanSound8K",), classes=10,
        per_session=2, epochs=15, seconds=4.0, paper="US8K",
        split="the publisher's ten folds, two at a time; no recording on both sides", licence="CC BY-NC 3.0",
        where="Behind a form at https://urbansounddataset.weebly.com/urbansound8k.html; unpack UrbanSound8K.tar.gz "
        "into the data folder.",
    ),
    DataSet(
        name="speech-commands-v2", title="Speech Commands V2", read=published.speech_commands, classes=35,
        folders=("speech_commands_v0.02", "SpeechCommands/speech_commands_v0.02"), per_session=5, epochs=1,
        seconds=1.0, paper="SC2",
        split="testing_list.txt and validation_list.txt are the test; no speaker on both sides", licence="CC BY 4.0",
        where="pace-edge benchmark download speech-commands-v2 gets it from its publisher (2.4 GB).",
    ),
    _timit(2),
    _timit(3),
    DataSet(
        name="vocalset", title="VocalSet", read=published.vocalset, folders=("VocalSet", "VocalSet1-2"), classes=16,
        per_session=2, epochs=6, seconds=5.12, fine=True, paper="VocalSet", split="by singer", licence="CC BY 4.0",
        where="https://zenodo.org/records/1442513, VocalSet1-2.zip (version 1.2); unpack it into a folder VocalSet in "
        "the data folder, so that VocalSet/FULL is there.",
    ),
    _small(
        "esc10", "ESC-10", "esc10", classes=10, per_session=2, epochs=10, seconds=5.0, fine=False,
        split=f"the publisher's: {_GROUPS}", licence="CC BY 3.0",
        where="https://github.com/karolpiczak/ESC-10, as FLAC.",
    ),
    _small(
        "sc12", "Speech Commands, 12 classes", "speech_commands_v2_test12", classes=12, per_session=3, epochs=2,
        seconds=1.0, fine=False, split="by speaker, five folds", licence="CC BY 4.0", where=_SPEECH_COMMANDS,
    ),
    _small(
        "us8k-part", "UrbanSound8K, folds 1, 2, 10", "urbansound8k_part", classes=10, per_session=2, epochs=15,
        seconds=4.0, fine=False, split="the publisher's folds 1, 2 and 10", licence="CC BY-NC 3.0",
        where="Three of UrbanSound8K's ten folds, as 16 kHz Opus.",
    ),
    _sixteen_speakers(2),
    _sixteen_speakers(3),
    _digits("digits", "Spoken digits", "label", 10, fine=False),
    _digits("digits-by-speaker", "Spoken digits by speaker", "group", 6, fine=True),
    _small(
        "speakers50", "Speech Commands, 50 speakers", "speech_commands_v2_test12", classes=50, per_session=5, epochs=10,
        seconds=1.0, fine=True, split="by word, five folds", licence="CC BY 4.0", where=_SPEECH_COMMANDS,
    ),
)  # fmt: skip
SETS = {one.name: one for one in _ALL}


def find_set(name: str) -> DataSet:
    """A set by its name; or a folder or a CSV file of your own, called by its name. Raises UsageError."""
    if name in SETS:
        return SETS[name]
    path = Path(name)
    if not path.exists():
        raise UsageError(f"there is no data set '{name}'", expected="a folder, a CSV file or one of " + ", ".join(SETS))
    return DataSet(
        name=path.stem, title=path.stem, read=lambda _: read_clips(path), folders=(str(path.resolve()),), classes=None,
        per_session=2, epochs=10, seconds=5.0, split="its folds, or five that share no group", licence="yours",
        where="",
    )  # fmt: skip


def read_set(one: DataSet, data: Path) -> list[Clip]:
    """The set's clips, from below the folder `data`. Raises PaceEdgeError where it is not there or is another."""
    folder = next((data / name for name in one.folders if (data / name).exists()), None)
    if folder is None:
        raise PaceEdgeError(f"the set {one.name} is not there: no folder {data / one.folders[0]}", do=one.where)
    clips = one.read(folder)
    if one.classes not in (None, got := len({clip.label for clip in clips})):
        raise PaceEdgeError(
            f"the set {one.name} is not whole", expected=f"{one.classes} classes", got=f"{got} in {folder}",
            do=one.where,
        )  # fmt: skip
    return clips


def set_sha256(clips: Sequence[Clip], checksums: Sequence[str]) -> str:
    """Of what a result depends on, whatever folder and groups are called: each clip's content, label and fold, and of
    those that belong together the first one's content."""
    together: dict[tuple[str, str], list[str]] = defaultdict(list)
    for clip, sha in zip(clips, checksums, strict=True):
        together[clip.label, clip.group].append(sha)
    lines = []
    for clip, sha in zip(clips, checksums, strict=True):
        group = together[clip.label, clip.group]
        lines.append(f"{sha} {clip.label} {clip.fold}" + (f" {min(group)}" if len(group) > 1 else ""))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
