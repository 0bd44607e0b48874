"""What keeping the frozen blocks' activations saves: the same session trained with them kept in memory, kept in a file,
and computed anew from the clips each epoch. CPU time, as a ratio to that of computing anew.

    python -m benchmarks.prefix_cache --data ../shared/data/esc10
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from pace_edge.adapt.backbones import open_backbone
from pace_edge.adapt.data import read_clips
from pace_edge.adapt.machine import Machine
from pace_edge.adapt.pace import Pace
from pace_edge.adapt.sessions import plan_sessions
from pace_edge.adapt.settings import parse_settings

KEPT = {"kept in memory": (8.0, 0.0), "kept in a file": (0.0, 32.0), "computed anew": (0.0, 0.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default="whisper-tiny.en")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--frozen", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--regularised", action="store_true", help="with 20 masked views of each clip")
    words = parser.parse_args()
    session = plan_sessions(read_clips(words.data), classes_per_session=2, test_fold=1)[0]
    print("| frozen blocks | " + " | ".join(KEPT) + " | saved |\n|---|" + "---|" * (len(KEPT) + 1))
    n_blocks = len(open_backbone(words.backbone).blocks)
    for frozen in words.frozen:
        changes = (
            f"epochs={words.epochs}", f"frozen_blocks={frozen}", "M=128", "adapt_from=0",
            f"regulariser_weight={words.regularised:d}",
        )  # fmt: skip
        taken, losses = {}, {}
        for name, (memory, disk) in KEPT.items():
            machine = Machine(cache_gib=memory, cache_disk_gib=disk)
            pace = Pace(open_backbone(words.backbone), parse_settings(changes), words.seconds, machine)
            begun = time.process_time()
            losses[name] = pace.learn_session(session).losses
            taken[name] = time.process_time() - begun
        assert np.allclose(losses["kept in memory"], losses["computed anew"], atol=1e-3)
        anew = taken["computed anew"]
        cells = [f"{frozen} of {n_blocks}", *(f"{taken[name] / anew:.2f}" for name in KEPT)]
        print(f"| {' | '.join(cells)} | {100 * (1 - taken['kept in memory'] / anew):.0f} % |", flush=True)


if __name__ == "__main__":
    main()
