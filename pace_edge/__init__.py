"""Ears that learn: a pretrained audio model listens, learns a new sound from a few examples, and keeps it.

for heard in pace_edge.listen():  # the default microphone and the starter model
    print(heard)

async for event in pace_edge.alisten(events_only=True):
    print(event)

with pace_edge.Teacher() as teacher:
    teacher.learn_file("doorbell", "ring.wav")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pace_edge.analytic import AnalyticClassifier as AnalyticClassifier
    from pace_edge.errors import PaceEdgeError as PaceEdgeError
    from pace_edge.model_file import read_model as read_model
    from streams.asynchronous import alisten as alisten
    from streams.labels import health as health
    from streams.labels import labels as labels
    from streams.listener import Listener as Listener
    from streams.listener import listen as listen
    from streams.microphone import input_devices as input_devices
    from streams.options import Options as Options
    from streams.teach import Teacher as Teacher

_PUBLIC = {  # name -> the module that has it, imported when it is first used
    "AnalyticClassifier": "pace_edge.analytic",
    "Listener": "streams.listener",
    "Options": "streams.options",
    "PaceEdgeError": "pace_edge.errors",
    "Teacher": "streams.teach",
    "alisten": "streams.asynchronous",
    "health": "streams.labels",
    "input_devices": "streams.microphone",
    "labels": "streams.labels",
    "listen": "streams.listener",
    "read_model": "pace_edge.model_file",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'pace_edge' has no attribute '{name}'")
