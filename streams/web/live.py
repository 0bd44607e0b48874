"""What is so now: the answer to GET /api/state."""

from __future__ import annotations

import time
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.web.app import Context


def state_of(context: Context) -> dict[str, Any]:
    listener, options = context.listener, context.listener.options
    info = listener.ears.model.info
    painter = context.painter
    return {
        "version": version("pace-edge"),
        "now_unix_s": time.time(),
        "model": {
            "name": info.name, "sha256": listener.ears.model.sha256, "rate_hz": info.rate_hz,
            "window_s": info.window_samples / info.rate_hz, "hop_s": options.hop_samples(info) / info.rate_hz,
            "labels": list(info.labels), "background": info.background, "threshold": info.threshold,
            "backbone": info.backbone, "licence": info.licence,
        },
        "sources": context.hub.sources(),
        "labels": listener.labels, "hidden": sorted(listener.ears.rule.hidden),
        "threshold": info.threshold if options.threshold is None else options.threshold,
        "thresholds": dict(options.thresholds), "gain_db": options.gain_db,
        "counters": asdict(listener.counters),
        "keeps": {"clips": context.settings.outputs.clips.folder is not None,
                  "history": context.settings.outputs.history.keep},
        "mel": None if painter is None else painter.shape(),
        "mel_words": context.mel_words,
        "viewers": len(context.hub.viewers),
        "token": context.token_needed,
    }  # fmt: skip
