"""The published sets that anybody may download: fetched once, checked, unpacked beside the others."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pace_edge.adapt.data import Clip
from pace_edge.adapt.hub import UrlFile, fetch
from pace_edge.benchmark.sets import DataSet, read_set
from pace_edge.errors import PaceEdgeError


@dataclass(frozen=True)
class Archive:
    """`top`: whether everything in it is in one folder of the set's name already; `check` raises PaceEdgeError for
    clips that are not the published ones, where the file's checksum does not say so."""

    file: UrlFile
    top: bool
    check: Callable[[Sequence[Clip]], None] = lambda clips: None


def check_esc50(clips: Sequence[Clip]) -> None:
    """GitHub packs the archive anew, so that its checksum may change; the publisher's table says what is in it. Every
    file is named FOLD-RECORDING-TAKE-CLASS.wav, and each class has 8 clips in each fold."""
    counts = Counter((clip.label, clip.fold) for clip in clips)
    named = all(clip.path.name.startswith(f"{clip.fold}-{clip.group}-") for clip in clips)
    if len(clips) != 2000 or set(counts.values()) != {8} or not named:
        raise PaceEdgeError(
            "what was downloaded is not ESC-50 as it is published", expected="2000 clips, 8 of each class in each fold",
            got=f"{len(clips)} clips, {min(counts.values())} to {max(counts.values())} of a class in a fold",
            do="Nothing of it was kept. Do not use it; report this.",
        )  # fmt: skip


ARCHIVES = {
    "esc50": Archive(
        UrlFile("https://github.com/karolpiczak/ESC-50/archive/master.zip", None, "ESC-50, K. J. Piczak, CC BY-NC 3.0"),
        top=True, check=check_esc50,
    ),
    "speech-commands-v2": Archive(
        UrlFile(
            # the checksum that torchaudio and TensorFlow Datasets hold it to
            "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            "Speech Commands V2, P. Warden, CC BY 4.0",
        ),
        top=False,
    ),
}  # fmt: skip


def download(one: DataSet, data: Path) -> list[Clip]:
    """The set's clips, below the folder `data`, where it is unpacked first if it is not there. A set that may not be
    downloaded by a program raises PaceEdgeError with where to get it."""
    if any((data / name).exists() for name in one.folders):
        return read_set(one, data)
    if one.name not in ARCHIVES:
        raise PaceEdgeError(f"the set {one.name} cannot be downloaded from here", do=one.where)
    archive = ARCHIVES[one.name]
    packed = fetch(archive.file, data / "archives" / one.name)
    try:
        with tempfile.TemporaryDirectory(dir=data, prefix=f"{one.name}.part") as temporary:
            unpacked = Path(temporary) / one.folders[0]
            _unpack(packed, unpacked.parent if archive.top else unpacked)
            archive.check(read_set(one, Path(temporary)))
            unpacked.replace(data / one.folders[0])
    except (OSError, shutil.ReadError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise PaceEdgeError(
            f"{packed} cannot be unpacked into {data} ({error})", do="Free some room, or delete it and try again."
        ) from error
    packed.unlink()
    return read_set(one, data)


def _unpack(packed: Path, into: Path) -> None:
    """Nothing of an archive comes to lie outside `into`: tarfile's filter and zipfile see to that."""
    into.mkdir(parents=True, exist_ok=True)
    if packed.suffix == ".zip":
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(into)
    else:
        with tarfile.open(packed) as archive:
            archive.extractall(into, filter="data")
