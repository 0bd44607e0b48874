"""Makes the manifests of the benchmark's small sets from the folders that hold their audio.

python -m tools.make_manifests --data ../shared/data
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pace_edge.adapt.data import read_clips
from pace_edge.benchmark.manifests import FOLDER, write_manifest

SOURCES = {
    "esc10": "esc10",
    "sc12": "speech_commands_v2_test12",
    "speakers50": "speech_commands_v2_test12/speakers50.csv",
    "us8k-part": "urbansound8k_part",
    "timit16": "timit_sample16",
    "digits": "fsdd",
}
LEFT_OUT = {"us8k-part": 3}  # a fold of which only a part is there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for name, source in SOURCES.items():
        path = data / source
        clips = [clip for clip in read_clips(path) if clip.fold != LEFT_OUT.get(name)]
        manifest = FOLDER / f"{name}.csv.gz"
        write_manifest(clips, path if path.is_dir() else path.parent, manifest)
        print(f"{manifest.name}: {len(clips)} clips, {manifest.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
