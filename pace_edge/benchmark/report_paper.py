"""What the paper published, quoted: accuracy over all classes after the last session, per cent, one run each, on EAT.

None of it was measured here.
"""

from __future__ import annotations

SOURCE = "Li, Zhou, Wang: PACE: Pretrained Audio Continual Learning, ICLR 2026, arXiv 2602.03355"
BACKBONE, M = "eat", 8192
COARSE, FINE = ("ESC-50", "US8K", "SC2"), ("TIMIT-2", "TIMIT-3", "VocalSet")

# The paper's words -> what it is called here, and its accuracy on COARSE and FINE, on COARSE alone, or on FINE alone.
# The paper's PACE is ours as published; ours without a word more has this project's defaults.
Quoted = dict[str, tuple[tuple[str, ...], tuple[float, ...]]]
METHODS: Quoted = {
    "joint training": (("joint LoRA",), (96.50, 98.07, 95.91, 95.22, 95.22, 76.65)),
    "PACE": (("PACE, as published", "PACE"), (95.75, 97.49, 91.87, 90.95, 94.05, 69.08)),
    "RanPAC with naive FSA": (("RanPAC, naive FSA",), (92.25, 97.08, 90.53, 85.63, 89.92, 62.82)),
    "frozen backbone + analytic, no FSA": (("frozen + analytic",), (92.50, 96.49, 81.22, 75.87, 75.87, 61.51)),
    "HiDe-Prompt": (("HiDe-Prompt",), (83.75, 79.89, 40.10, 47.78, 49.60, 48.36)),
    "L2P": (("L2P",), (39.50, 38.75, 14.70, 1.50, 2.53, 20.39)),
}
IN_PAPER = [method for methods, _ in METHODS.values() for method in methods]
FSA_STEPS: Quoted = {
    "naive FSA": (("PACE, FSA naive",), (92.25, 97.08, 90.53)),
    "with a low head rate": (("PACE, FSA low head rate",), (93.75, 97.35, 90.95)),
    "with the staged freeze": (("PACE, FSA staged",), (94.50, 97.38, 91.30)),
    "with later layers alone": (("PACE, FSA later blocks",), (95.75, 97.49, 91.87)),
}
COMPONENTS: Quoted = {
    "all of PACE": (("PACE, as published", "PACE"), (90.95, 94.05, 69.08)),
    "without multi-session adaptation": (("PACE, no MSA",), (85.63, 89.92, 62.82)),
    "without L_reg": (("PACE, no L_reg",), (89.21, 93.73, 66.78)),
    "without the projection": (("PACE, no projection",), (88.01, 89.05, 58.55)),
}
# Our small set -> the paper's set that it is a small relative of. The rest have none.
STANDS_FOR = {
    "esc10": "ESC-50", "us8k-part": "US8K", "sc12": "SC2", "timit16-2": "TIMIT-2", "timit16-3": "TIMIT-3",
}  # fmt: skip
