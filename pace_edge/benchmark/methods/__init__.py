"""The benchmark's methods by name, in the order of the report's rows."""

from __future__ import annotations

from pace_edge.benchmark.method import Entry
from pace_edge.benchmark.methods.fine_tuning import JOINT, NAIVE_FINE_TUNING
from pace_edge.benchmark.methods.frozen import FROZEN
from pace_edge.benchmark.methods.hide_prompt import HIDE_PROMPT
from pace_edge.benchmark.methods.l2p import LEARNING_TO_PROMPT
from pace_edge.benchmark.methods.lora_subtraction import LORA_SUBTRACTION
from pace_edge.benchmark.methods.ncm import NCM
from pace_edge.benchmark.methods.pace import PACE
from pace_edge.benchmark.methods.ranpac import RANPAC
from pace_edge.benchmark.methods.slda import SLDA

METHODS: dict[str, Entry] = {
    **JOINT,
    **NAIVE_FINE_TUNING,
    **NCM,
    **SLDA,
    **LEARNING_TO_PROMPT,
    **HIDE_PROMPT,
    **LORA_SUBTRACTION,
    **FROZEN,
    **RANPAC,
    **PACE,
}
