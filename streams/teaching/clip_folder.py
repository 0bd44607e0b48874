"""A folder of clips to be taught: which file is an example of which label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pace_edge.audio import FORMATS
from pace_edge.errors import UsageError
from pace_edge.label_check import tidied_label
from pace_edge.walk import Skipped, skipped_in_words, walk


@dataclass(frozen=True)
class ClipFolder:
    """`clips`: (label, file), in order; `skipped`: one sentence of what was passed over and why, or empty."""

    clips: tuple[tuple[str, Path], ...]
    skipped: str


def clips_of_folder(folder: Path, label: str | None = None) -> ClipFolder:
    """The clips in a folder and those in it, however deep: all of one `label`, or, without it, each of the label that
    its subfolder of the first level is called. Raises UsageError where there is none."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", do="Check the path.")
    try:
        walked = walk(folder)
    except OSError as error:
        raise UsageError(f"cannot read the folder {folder} ({error.strerror})", do="Check its permissions.") from None
    clips, skipped = [], list(walked.skipped)
    for path in walked.files:
        first, *deeper = path.relative_to(folder).parts
        if label is not None:
            clips.append((label, path))
        elif deeper:
            clips.append((tidied_label(first), path))
        else:
            skipped.append(Skipped(path.name, "in no subfolder, which would be its label", wanted=True))
    words = skipped_in_words(tuple(skipped))
    if not clips:
        where = f"{folder}" if label is not None else f"the subfolders of {folder}, each named as a label"
        raise UsageError(
            f"there are no audio files in {where}", expected=FORMATS, got=words,
            do="With --label, all files of the folder are of that label.",
        )  # fmt: skip
    return ClipFolder(tuple(clips), f"{folder}: {words}" if words else "")
