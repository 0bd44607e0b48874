"""The parity table of a model file: what became of torch's scores on the way to ONNX, on real held-out windows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

SCORES_WITHIN = 1e-4  # largest difference of any score between torch and the float32 file
ACCURACY_WITHIN = 0.005  # what int8 or fp16 may lose, as a share of the windows


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to compute the scores. Differences and agreement are with the first row, torch with its adapters."""

    name: str
    score_difference: float  # largest of any window and class
    agreement: float  # share of the windows with the same best class
    accuracy: float  # share of the windows whose best class is right
    ms: float  # median of a window alone, one thread
    time_ratio: float  # median over the windows of its time to the float32 file's
    bytes: int  # of the file, without this table; of torch, of the weights


@dataclass(frozen=True, kw_only=True)
class Parity:
    """`int8_offered`: the int8 file is faster and within its limit; `int8` says it in words, or why not. `fp16` alike,
    but for the speed, which is a GPU's."""

    windows: int
    rows: tuple[Row, ...]
    int8_offered: bool
    int8: str
    fp16_offered: bool = False
    fp16: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Parity:
        """Raises ValueError, KeyError or TypeError."""
        values = json.loads(text)
        return cls(**values | {"rows": tuple(Row(**row) for row in values["rows"])})

    def in_words(self) -> str:
        """For a person: a line a row."""
        lines = [("", "score diff", "agree", "accuracy", "ms", "time", "MB")] + [
            (r.name, f"{r.score_difference:.1e}", f"{r.agreement:.1%}", f"{r.accuracy:.1%}", f"{r.ms:.1f}",
             f"{r.time_ratio:.2f}", f"{r.bytes / 1e6:.1f}")
            for r in self.rows
        ]  # fmt: skip
        title = f"{self.windows} held-out windows; time is relative to ONNX float32"
        return "\n".join(filter(None, [title, *_aligned(lines), self.fp16, self.int8]))


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    ]
