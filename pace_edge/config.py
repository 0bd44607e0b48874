"""Where state lives, and what ships with the package."""

from __future__ import annotations

import os
from pathlib import Path

STARTER_MODEL = Path(__file__).parent / "starter" / "pace-starter.onnx"
HEARD_KEPT_S = 60.0  # how long a listener remembers, for `learn --last`
DEMO_RECORDING = Path(__file__).parent / "recordings" / "demo.flac"


def home() -> Path:
    """The folder of all state: PACE_EDGE_HOME, else $XDG_DATA_HOME/pace-edge, else ~/.local/share/pace-edge."""
    if chosen := os.environ.get("PACE_EDGE_HOME"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "pace-edge"
