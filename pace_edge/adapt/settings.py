"""Every number of the PACE training, with the paper's value or our choice as its default (shared with the report)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from pace_edge.adapt.lora import LoraConfig
from pace_edge.errors import UsageError

Directions = Literal["leading", "null_space", "all"]
GammaBy = Literal["gcv", "held_out"]
Check = Callable[[object], bool]


def _number(kind: type, low: float, high: float = float("inf"), *, above: bool = False) -> Check:
    """Whether a value is an int (or any number), from `low` or above it, and below `high`."""
    kinds = (int,) if kind is int else (int, float)
    return lambda v: isinstance(v, kinds) and not isinstance(v, bool) and (low < v if above else low <= v) and v < high


@dataclass(frozen=True, kw_only=True)
class PaceSettings:
    """[P] stated by the paper, [?] not published and our choice. Rates are learning rates."""

    # Improved first-session adaptation, PACE 2.1
    epochs: int = 10  # E_0 [P: by data set]
    rate: float = 0.15  # eta_bb; 0.05 [P] for EAT, with which Whisper's adapters hardly move in a session's few steps
    head_epochs: int = 1  # E_head [P]
    head_rate: float = 0.01  # eta_head [P]
    staged: bool = True  # False: a fresh head learns together with the adapters, as naive adaptation does
    rho_layer: float = 0.94  # a block whose CKA falls below it is adapted [P]
    frozen_blocks: int | None = None  # force n_frozen; None: by the probe [?]
    lora: LoraConfig = field(default_factory=LoraConfig)  # rank 10 on K and V [?]
    feature_length: float = 10.0  # of the embedding that the head sees; with 28 (variance 1) rates of [P] diverge [?]
    batch: int = 24  # clips [P]
    momentum: float = 0.9  # [?]
    weight_decay: float = 5e-4  # [?]
    clip_norm: float | None = 1.0  # longest gradient; without it single steps throw few clips' training off [?]

    # Subspace-orthogonal sessions, PACE 2.3
    rho_svd: float = 0.99  # energy that the kept directions hold [P]
    directions: Directions = "leading"  # "all": no projection [I]
    n_stop: int = 220  # adapt while so many training clips or fewer came before [I]
    last_adapted_session: int | None = 1  # T3; 0: never adapt; None: as published, by n_stop (docs/benchmarks.md)

    # Coarse or fine (grain.py); 0 adapts whatever it is
    adapt_from: float = 0.22  # pretrained backbone's leave-one-out error on session 1; below it never adapt [?]

    # Boundary-aware regulariser, PACE 2.4
    regulariser_weight: float = 1.0  # 0: without it [?]
    views: int = 20  # N_p [P]
    views_in_loss: int | None = 4  # right views a clip and step that enter the loss; None: all of them, as published
    max_masked: float = 0.2  # of each axis [?]
    rho_p: float = 0.3  # [P]
    delta: float = 0.25  # [P]

    # Analytic classifier, PACE 2.2
    M: int = 8192  # [P]
    gamma_by: GammaBy = "gcv"  # anew after each session, by generalised cross-validation; or once, held out [?]
    gamma_grid: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0)  # in units of trace(G) / M [?]
    gamma_held_out: float = 0.2  # of session 1 [?]
    gamma_follows: bool = True  # one that was held out grows with trace(G); False: it stays as in session 1 [?]

    seed: int = 0

    def __post_init__(self) -> None:
        positive, share, count = _number(float, 0, above=True), _number(float, 0, 1, above=True), _number(int, 1)
        rules: list[tuple[str, str, Check]] = [
            ("epochs head_epochs batch views M", "a whole number from 1", count),
            ("views_in_loss", "a whole number from 1, or null", lambda v: v is None or count(v)),
            ("seed n_stop", "a whole number from 0", _number(int, 0)),
            ("frozen_blocks last_adapted_session", "a whole number from 0, or null",
             lambda v: v is None or _number(int, 0)(v)),
            ("rate head_rate feature_length delta", "a number above 0", positive),
            ("clip_norm", "a number above 0, or null", lambda v: v is None or positive(v)),
            ("regulariser_weight weight_decay adapt_from", "a number from 0", _number(float, 0)),
            ("momentum", "from 0 to below 1", _number(float, 0, 1)),
            ("rho_layer rho_svd max_masked rho_p gamma_held_out", "between 0 and 1", share),
            ("gamma_grid", "a list of numbers above 0",
             lambda v: isinstance(v, tuple) and bool(v) and all(map(positive, v))),
            ("staged gamma_follows", "true or false", lambda v: isinstance(v, bool)),
            ("directions", " or ".join(get_args(Directions)), lambda v: v in get_args(Directions)),
            ("gamma_by", " or ".join(get_args(GammaBy)), lambda v: v in get_args(GammaBy)),
        ]  # fmt: skip
        for names, expected, is_right in rules:
            for name in names.split():
                if not is_right(value := getattr(self, name)):
                    raise UsageError(f"the setting {name} is wrong", expected=expected, got=repr(value))

    def adapts_session(self, number: int, clips_before: int) -> bool:
        """Whether session `number`, from 1, adapts the backbone: T3 by order, else by the stop rule."""
        from pace_edge.adapt.subspace import adapts

        if self.last_adapted_session is not None:
            return number <= self.last_adapted_session
        return number == 1 or adapts(clips_before, self.n_stop)


def parse_settings(changes: Sequence[str]) -> PaceSettings:
    """PaceSettings from words like `rate=0.01`; an adapter's own settings are `lora.rank=4`. Raises UsageError."""
    values: dict[str, Any] = {}
    lora: dict[str, Any] = {}
    known = {f.name for f in fields(PaceSettings)} - {"lora"} | {f"lora.{f.name}" for f in fields(LoraConfig)}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in known:
            raise UsageError(f"there is no setting '{name}'", expected="one of " + ", ".join(sorted(known)))
        try:
            value = json.loads(text)
        except ValueError:
            value = text  # a word needs no quotes
        if isinstance(value, list):
            value = tuple(value)
        (lora if name.startswith("lora.") else values)[name.removeprefix("lora.")] = value
    return PaceSettings(**values, lora=LoraConfig(**lora))
