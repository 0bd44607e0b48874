"""What the paper published, quoted: accuracy over all classes after the last session, per cent, one run each, on EAT.

None of it was measured here.
"""

from __future__ import annotations

SOURCE = "Li, Zhou, Wang: PACE: Pretrained Audio Continual Learning, ICLR 2026, arXiv 2602.03355"
BACKBONE, M = "eat", 8192
COARSE, FINE = ("ESC-50", "US8K", "SC2"), ("TIMIT-2", "TIMIT-3", "VocalSet")

# Our method's name -> the paper's words, and its accuracy on COARSE and FINE, on COARSE alone, or on FINE alone.
# A method that it has and we do not is named as it is there.
METHODS = {
    "joint LoRA": ("joint training", (96.50, 98.07, 95.91, 95.22, 95.22, 76.65)),
    "PACE, as published": ("PACE", (95.75, 97.49, 91.87, 90.95, 94.05, 69.08)),
    "RanPAC, naive FSA": ("RanPAC with naive FSA", (92.25, 97.08, 90.53, 85.63, 89.92, 62.82)),
    "frozen + analytic": ("frozen backbone + analytic, no FSA", (92.50, 96.49, 81.22, 75.87, 75.87, 61.51)),
    "HiDe-Prompt": ("HiDe-Prompt", (83.75, 79.89, 40.10, 47.78, 49.60, 48.36)),
    "L2P": ("L2P", (39.50, 38.75, 14.70, 1.50, 2.53, 20.39)),
}
FSA_STEPS = {
    "PACE, FSA naive": ("naive FSA", (92.25, 97.08, 90.53)),
    "PACE, FSA low head rate": ("with a low head rate", (93.75, 97.35, 90.95)),
    "PACE, FSA staged": ("with the staged freeze", (94.50, 97.38, 91.30)),
    "PACE, FSA later blocks": ("with later layers alone", (95.75, 97.49, 91.87)),
}
COMPONENTS = {
    "PACE, as published": ("all of PACE", (90.95, 94.05, 69.08)),
    "PACE, no MSA": ("without multi-session adaptation", (85.63, 89.92, 62.82)),
    "PACE, no L_reg": ("without L_reg", (89.21, 93.73, 66.78)),
    "PACE, no projection": ("without the projection", (88.01, 89.05, 58.55)),
}
# Our small set -> the paper's set that it is a small relative of. The rest have none.
STANDS_FOR = {
    "esc10": "ESC-50", "us8k-part": "US8K", "sc12": "SC2", "timit16-2": "TIMIT-2", "timit16-3": "TIMIT-3",
}  # fmt: skip
