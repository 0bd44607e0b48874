"""Measure the parity table: every variant of a model hears the same held-out windows, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from pace_edge.errors import ModelFileError, PaceEdgeError
from pace_edge.parity import ACCURACY_WITHIN, SCORES_WITHIN, Row

WARM_UP = 3  # runs that are not timed
Hear = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""A window [1, samples] to its scores [C] and, where something is calibrated by them, its features [M]."""


@dataclass(frozen=True)
class Variant:
    name: str
    hear: Hear
    bytes: int


@dataclass(frozen=True)
class Heard:
    """What one variant made of all windows."""

    scores: np.ndarray  # [n, C]
    phi: np.ndarray  # [n, M]
    seconds: np.ndarray  # [n]


def session(model: onnx.ModelProto):
    """An ONNX Runtime session on one CPU thread. Raises ModelFileError where it cannot run the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    try:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise ModelFileError(
            f"ONNX Runtime {onnxruntime.__version__} cannot run this model: {error}", do="Upgrade onnxruntime."
        ) from error


def by_onnx(name: str, model: onnx.ModelProto) -> Variant:
    runtime = session(model)

    def hear(pcm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores, phi = runtime.run(["scores", "features"], {"pcm": pcm})
        return scores[0], phi[0]

    return Variant(name, hear, model.ByteSize())


def hear_all(variants: Sequence[Variant], windows: Iterable[np.ndarray]) -> list[Heard]:
    """Window by window [1, samples], so that whatever else the machine does meets all variants alike."""
    heard: list[list[tuple[np.ndarray, np.ndarray, float]]] = [[] for _ in variants]
    for number, pcm in enumerate(windows):
        for variant, mine in zip(variants, heard, strict=True):
            for _ in range(0 if number else WARM_UP):
                variant.hear(pcm)
            begun = time.perf_counter()
            scores, phi = variant.hear(pcm)
            mine.append((scores, phi, time.perf_counter() - begun))
    return [Heard(*(np.array(column) for column in zip(*mine, strict=True))) for mine in heard]


def compare(variants: Sequence[Variant], heard: Sequence[Heard], truth: np.ndarray, float32: int) -> tuple[Row, ...]:
    """The table's rows. The first variant is the reference; `float32` is the place of the float32 file, `truth` [n]
    the right classes. Raises PaceEdgeError where a score is not finite."""
    reference, rows = heard[0], []
    for variant, mine in zip(variants, heard, strict=True):
        if not np.isfinite(mine.scores).all():
            raise PaceEdgeError(f"the scores of {variant.name} are not finite", do="Adapt again.")
        best = mine.scores.argmax(1)
        rows.append(
            Row(
                name=variant.name,
                score_difference=float(np.abs(mine.scores - reference.scores).max()),
                agreement=float((best == reference.scores.argmax(1)).mean()),
                accuracy=float((best == truth).mean()),
                ms=round(1e3 * float(np.median(mine.seconds)), 3),
                time_ratio=round(float(np.median(mine.seconds / heard[float32].seconds)), 3),
                bytes=variant.bytes,
            )
        )
    return tuple(rows)


def check_float32(row: Row) -> None:
    """Raise PaceEdgeError where the float32 file is not what torch computes."""
    if not row.score_difference <= SCORES_WITHIN:
        raise PaceEdgeError(
            "the ONNX file does not give torch's scores", expected=f"a difference up to {SCORES_WITHIN:g}",
            got=f"{row.score_difference:.2g}",
            do="Nothing was written; report it, with the versions of torch and onnx.",
        )  # fmt: skip


def int8_in_words(float32: Row, int8: Row | None) -> tuple[bool, str]:
    """Whether the int8 file is worth having, and why."""
    if int8 is None:
        return False, "int8: not offered, the backbone has no matrix products"
    facts = f"{int8.time_ratio:.2f} of float32's time, {_accuracies(float32, int8)}"
    if _loses_too_much(float32, int8):
        return False, f"int8: not offered, it loses more than {100 * ACCURACY_WITHIN:g} points ({facts})"
    if int8.time_ratio >= 1:
        return False, f"int8: not offered, it is no faster here ({facts})"
    return True, f"int8: offered, faster and within {100 * ACCURACY_WITHIN:g} points ({facts})"


def fp16_in_words(float32: Row, fp16: Row) -> tuple[bool, str]:
    """Whether the fp16 file says the same; how fast it is on a GPU a CPU cannot tell."""
    facts = f"{fp16.bytes / float32.bytes:.2f} of float32's size, {_accuracies(float32, fp16)}"
    if _loses_too_much(float32, fp16):
        return False, f"fp16: not offered, it loses more than {100 * ACCURACY_WITHIN:g} points ({facts})"
    return True, f"fp16: offered for a GPU, within {100 * ACCURACY_WITHIN:g} points ({facts})"


def _loses_too_much(float32: Row, other: Row) -> bool:
    return not float32.accuracy - other.accuracy <= ACCURACY_WITHIN + 1e-9


def _accuracies(float32: Row, other: Row) -> str:
    return f"accuracy {other.accuracy:.1%} against {float32.accuracy:.1%}"
