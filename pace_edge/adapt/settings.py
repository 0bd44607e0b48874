"""Every number of the PACE training, with the paper's value or our choice as its default (shared with the report)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from pace_edge.adapt.lora import LoraConfig
from pace_edge.errors import UsageError

Directions = Literal["leading", "null_space", "all"]


@dataclass(frozen=True, kw_only=True)
class PaceSettings:
    """[P] stated by the paper, [?] not published and our choice. Rates are learning rates."""

    # Improved first-session adaptation, PACE 2.1
    epochs: int = 10  # E_0 [P: by data set]
    rate: float = 0.05  # eta_bb [P]
    head_epochs: int = 1  # E_head [P]
    head_rate: float = 0.01  # eta_head [P]
    rho_layer: float = 0.94  # a block whose CKA falls below it is adapted [P]
    frozen_blocks: int | None = None  # force n_frozen; None: by the probe [?]
    lora: LoraConfig = field(default_factory=LoraConfig)  # rank 10 on K and V [?]
    feature_length: float = 10.0  # of the embedding that the head sees; with 28 (variance 1) rates of [P] diverge [?]
    batch: int = 24  # clips [P]
    momentum: float = 0.9  # [?]
    weight_decay: float = 5e-4  # [?]

    # Subspace-orthogonal sessions, PACE 2.3
    rho_svd: float = 0.99  # energy that the kept directions hold [P]
    directions: Directions = "leading"  # "all": no projection [I]
    n_stop: int = 220  # adapt while so many training clips or fewer came before [I]
    last_adapted_session: int | None = None  # force T3; 0: never adapt, 1: the first session only

    # Boundary-aware regulariser, PACE 2.4
    regulariser_weight: float = 1.0  # 0: without it [?]
    views: int = 20  # N_p [P]
    views_in_loss: int | None = 4  # right views a clip and step that enter the loss; None: all of them, as published
    max_masked: float = 0.2  # of each axis [?]
    rho_p: float = 0.3  # [P]
    delta: float = 0.25  # [P]

    # Analytic classifier, PACE 2.2
    M: int = 8192  # [P]
    gamma_grid: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0)  # in units of trace(G) / M [?]
    gamma_held_out: float = 0.2  # of session 1 [?]

    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "head_epochs", "batch", "views", "M"):
            if getattr(self, name) < 1:
                raise UsageError(f"the setting {name} is wrong", expected="1 or more", got=str(getattr(self, name)))
        for name in ("rho_layer", "rho_svd", "max_masked", "rho_p", "gamma_held_out"):
            if not 0 < getattr(self, name) < 1:
                raise UsageError(
                    f"the setting {name} is wrong", expected="between 0 and 1", got=str(getattr(self, name))
                )
        if self.directions not in get_args(Directions):
            raise UsageError("the setting directions is wrong", expected=" or ".join(get_args(Directions)))
        for name in ("rate", "head_rate"):
            if not getattr(self, name) > 0:
                raise UsageError(f"the setting {name} is wrong", expected="above 0", got=str(getattr(self, name)))

    def adapts_session(self, number: int, clips_before: int) -> bool:
        """Whether session `number`, from 1, adapts the backbone: T3 by order, else by the stop rule."""
        from pace_edge.adapt.subspace import adapts

        if self.last_adapted_session is not None:
            return number <= self.last_adapted_session
        return number == 1 or adapts(clips_before, self.n_stop)


def parse_settings(changes: Sequence[str]) -> PaceSettings:
    """PaceSettings from words like `rate=0.01`; an adapter's own settings are `lora.rank=4`. Raises UsageError."""
    values: dict[str, object] = {}
    lora: dict[str, object] = {}
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
    try:
        return PaceSettings(**values, lora=LoraConfig(**lora))  # type: ignore[arg-type]
    except TypeError as error:
        raise UsageError(f"a setting has a value of the wrong kind ({error})", got=" ".join(changes)) from None
