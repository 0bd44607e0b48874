"""The six sets of docs/few_shots.md, as the starter's model file hears them. Embeddings are computed once and kept.

    python -m benchmarks.shots_data --data ../shared/data --cache FOLDER [SET ...]     (about 5,600 windows)

Clips are chosen by a hash of their names. Folds share no recording; what else they do not share:

sounds      ESC-10, 400 clips; the publisher's folds. Windows every 1.5 s
keywords    Speech Commands' 12 classes, 40 clips each; no speaker is in two folds
timit       16 speakers, 10 sentences each; a speaker is tested on sentences that he did not teach, fold 1 on the two
            that everybody says
digits      Free Spoken Digits, 6 speakers, 40 clips each; tested on digits that nobody taught (two digits a fold)
speakers50  50 speakers of Speech Commands, up to 20 words each; tested on words that nobody taught
rooms       the same 480 words in rooms, each once, and noise: what the starter has beside the sounds of ESC-10
urban       UrbanSound8K without its dogs, 9 classes, 40 clips of 4 s each, all windows; for measuring only

A clip shorter than a window (2 s) is heard once, in the middle of it, longer ones every second if nothing else is said.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.heard import Heard, heard_once
from pace_edge.adapt.data import Clip, read_clips, read_manifest
from pace_edge.adapt.fit import Example
from pace_edge.adapt.starter import STARTER, noise_examples, word_examples
from pace_edge.audio import read_audio
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import Model, read_model
from streams.listening.encoder import Encoder

SETS = ("sounds", "keywords", "timit", "digits", "speakers50", "rooms", "urban")
WORDS, SPEAKERS = "speech_commands_v2_test12", "speakers50.csv"
NOISES = 16  # of a fold in `rooms`
URBAN_HOP_S = 0.5  # as a listener cuts: events need windows that follow each other


def shots_sets(data: Path, cache: Path, model: Model, names: Iterable[str] = SETS) -> dict[str, Heard]:
    """Each set by its name. Raises PaceEdgeError where `data` lacks one that is not in `cache` yet."""
    cache.mkdir(parents=True, exist_ok=True)
    sets: dict[str, Heard] = {}
    encoder: list[Encoder] = []
    for name in names:
        file = cache / f"shots-{name}-{model.sha256[:12]}.npz"
        if not file.exists():
            encoder = encoder or [Encoder(model)]
        sets[name] = heard_once(file, encoder, _examples(data, name))
    return sets


def made_of(name: str, data: Path, sets: dict[str, Heard]) -> Heard:
    """What a starter that is tested on the set `name` may be made of: `sounds` and `rooms`, and none of the words of
    the 50 speakers where these are asked for."""
    sounds, rooms = sets["sounds"], sets["rooms"]
    kept = np.arange(len(rooms.labels))
    if name == "speakers50":
        tested = {clip.path.name.split("_")[0] for clip in read_clips(data / WORDS / SPEAKERS)}
        clips = [clip for fold in _by_fold(_keywords(data)).values() for clip in [*fold, *NOISES * [None]]]
        kept = np.flatnonzero([clip is None or clip.group not in tested for clip in clips])
    return Heard(
        np.concatenate([sounds.labels, rooms.labels[kept]]), np.concatenate([sounds.folds, rooms.folds[kept]]),
        sounds.windows + [rooms.windows[i] for i in kept],
    )  # fmt: skip


def _examples(data: Path, name: str) -> Iterable[tuple[Example, int]]:
    """(example, fold) of each clip; nothing is read before it is asked for."""
    if name == "sounds":
        yield from _bare(read_manifest(data / "esc10"), hop_s=1.5)
    elif name == "keywords":
        yield from _bare(_keywords(data))
    elif name == "timit":
        yield from _bare(read_manifest(data / "timit_sample16"))
    elif name == "digits":
        clips = [replace(c, label=c.group, fold=int(c.label) // 2 + 1) for c in read_manifest(data / "fsdd")]
        yield from _bare(few_of_each(clips, 8))
    elif name == "speakers50":
        yield from _bare(few_of_each(read_clips(data / WORDS / SPEAKERS), 4))
    elif name == "urban":
        clips = [replace(c, fold=0) for c in read_manifest(data / "urbansound8k_part") if c.label != "dog_bark"]
        yield from _bare(few_of_each(clips, 40), hop_s=URBAN_HOP_S, quiet_too=True)
    else:
        for fold, clips in _by_fold(_keywords(data)).items():
            in_rooms = word_examples(clips, seed=fold)
            for example in [replace(e, windows=e.windows[:1]) for e in in_rooms] + noise_examples(NOISES, seed=fold):
                yield example, fold


def _keywords(data: Path) -> list[Clip]:
    return few_of_each(read_manifest(data / WORDS), 8)


def _by_fold(clips: list[Clip]) -> dict[int, list[Clip]]:
    return {fold: [clip for clip in clips if clip.fold == fold] for fold in sorted({clip.fold for clip in clips})}


def few_of_each(clips: list[Clip], count: int) -> list[Clip]:
    """Up to `count` clips of each class in each fold, chosen by a hash of their names, in the clips' own order."""
    taken: Counter[tuple[str, int]] = Counter()
    chosen = set()
    for clip in sorted(clips, key=lambda clip: hashlib.sha256(clip.path.name.encode()).digest()):
        if taken[clip.label, clip.fold] < count:
            taken[clip.label, clip.fold] += 1
            chosen.add(clip.path)
    return [clip for clip in clips if clip.path in chosen]


def _bare(clips: list[Clip], *, hop_s: float = 1.0, quiet_too: bool = False) -> Iterable[tuple[Example, int]]:
    for clip in clips:
        windows = _windows(read_audio(clip.path, STARTER.rate_hz), round(hop_s * STARTER.rate_hz))
        yield (
            Example(clip.label, windows if quiet_too else windows[loud_enough(window_levels_dbfs(windows))]),
            clip.fold,
        )


def _windows(samples: np.ndarray, hop: int) -> np.ndarray:
    windows = clip_windows(samples, STARTER.window_samples, hop)
    return windows[1:2] if len(samples) < STARTER.window_samples and len(windows) == 3 else windows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", choices=[*SETS, []], help="default: all")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=STARTER_MODEL)
    words = parser.parse_args()
    try:
        for name, heard in shots_sets(words.data, words.cache, read_model(words.model), words.sets or SETS).items():
            print(name, len(heard.labels), "clips", sum(map(len, heard.windows)), "windows", len(set(heard.labels)))
    except PaceEdgeError as error:
        sys.exit(f"shots_data: {error}")


if __name__ == "__main__":
    main()
