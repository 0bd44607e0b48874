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
    from streams.listening.asynchronous import alisten as alisten
    from streams.listening.listener import Listener as Listener
    from streams.listening.listener import listen as listen
    from streams.listening.options import Options as Options
    from streams.sources.microphone import input_devices as input_devices
    from streams.teaching.labels import health as health
    from streams.teaching.labels import labels as labels
    from streams.teaching.teach import Teacher as Teacher

_PUBLIC = {  # name -> the module that has it, imported when it is first used
    "AnalyticClassifier": "pace_edge.analytic",
    "Listener": "streams.listening.listener",
    "Options": "streams.listening.options",
    "PaceEdgeError": "pace_edge.errors",
    "Teacher": "streams.teaching.teach",
    "alisten": "streams.listening.asynchronous",
    "health": "streams.teaching.labels",
    "input_devices": "streams.sources.microphone",
    "labels": "streams.teaching.labels",
    "listen": "streams.listening.listener",
    "read_model": "pace_edge.model_file",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'pace_edge' has no attribute '{name}'")
