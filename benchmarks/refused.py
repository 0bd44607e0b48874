"""How often teaching a new sound is refused: python -m benchmarks.refused --data ../shared/data [--clips 25]

Each clip is taught to the starter as a class of its own, by `Teacher.learn_file`, and undone. Refused are silence,
what is clipped, and what the model calls background (`DoubtfulError`); `--force` would overrule it. A sound that a
person would teach should not be refused; Speech Commands' `silence`, which is the noise of rooms, should be. `known`
are sets that the starter was made of.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from pace_edge.errors import DoubtfulError, LearningError
from streams.teaching.teach import Teacher

SETS = ("urbansound8k_part", "fsdd", "timit_sample16", "esc10", "speech_commands_v2_test12")
KNOWN = ("esc10", "speech_commands_v2_test12")
REASONS = ("silence", "clipped", "background")
SEED = 0


def clips_of(folder: Path, most: int) -> dict[str, list[Path]]:
    """So many of each class, drawn at random."""
    found: dict[str, list[Path]] = defaultdict(list)
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["label"]].append(folder / row["path"])
    rng = np.random.default_rng(SEED)
    return {label: [Path(p) for p in rng.permutation(sorted(map(str, paths)))[:most]] for label, paths in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=25, help="of each class")
    options = parser.parse_args()
    print("| clips | | taught | refused | " + " | ".join(REASONS) + " |\n" + "|---" * (4 + len(REASONS)) + "|")
    with tempfile.TemporaryDirectory() as folder, Teacher(journal=Path(folder) / "journal.sqlite") as teacher:
        for name in SETS:
            by_class = clips_of(options.data / name, options.clips)
            silence = {"silence": by_class.pop("silence")} if "silence" in by_class else {}
            for title, classes in ((name, by_class), (f"{name}, silence", silence)):
                if classes:
                    print(row_of(teacher, title, [path for paths in classes.values() for path in paths]), flush=True)


def row_of(teacher: Teacher, title: str, paths: list[Path]) -> str:
    refused = dict.fromkeys(REASONS, 0)
    for path in paths:
        try:
            teacher.learn_file("a new sound", path)
            teacher.undo()
        except DoubtfulError as error:
            refused[next(reason for reason in REASONS if reason in str(error).partition("(")[0])] += 1
        except LearningError as error:
            raise SystemExit(f"{path}: {error}") from error
    many = sum(refused.values())
    kind = "known" if title.startswith(KNOWN) and "silence" not in title else "new"
    share = f"{many} ({100 * many / len(paths):.1f} %)"
    return f"| {title} | {kind} | {len(paths) - many} | {share} | " + " | ".join(map(str, refused.values())) + " |"


if __name__ == "__main__":
    main()
