"""Ears that learn: a pretrained audio model listens, learns a new sound from a few examples, and keeps it.

for heard in pace_edge.listen():  # the default microphone and the configured model
    print(heard)

with pace_edge.Teacher() as teacher:
    teacher.learn_file("doorbell", "ring.wav")  # or teacher.learn("doorbell", samples, rate_hz)

print(pace_edge.classify(samples, rate_hz).label)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

PUBLIC = {  # name: (the module that has it, imported when it is first used; one line for help())
    # listening
    "listen": ("streams.listening.listen", "what is heard from a microphone, file, address, array: an iterator"),
    "alisten": ("streams.listening.listen", "the same for `async for`"),
    "classify": ("streams.listening.classify", "what a clip is called: an array with its rate, or a file"),
    "Classification": ("streams.listening.classify", "what `classify` returns"),
    "Listener": ("streams.listening.listener", "listening for a program that has the sound itself: feed it"),
    "Options": ("streams.listening.options", "thresholds, gate, gain and all that can be set about listening"),
    "input_devices": ("streams.sources.microphone", "the microphones"),
    # what listening reports
    "Window": ("streams.heard", "what one window was called"),
    "Event": ("streams.heard", "a sound that was announced: its start, update or end"),
    "Gap": ("streams.heard", "sound that was lost"),
    "SourceState": ("streams.heard", "what became of a source"),
    "Notice": ("streams.heard", "what a person should know while listening goes on"),
    "Example": ("pace_edge.operation_log", "a labelled sound in the journal; reported when it is learned"),
    "Operation": ("pace_edge.operations", "one thing that was done to the journal; reported when it takes effect"),
    # teaching
    "Teacher": ("streams.teaching.teach", "teach sounds; correct, undo, forget, hide, rename, merge, reset"),
    "Lesson": ("streams.teaching.lesson", "what teaching did"),
    "TableLessons": ("streams.teaching.lesson", "what came of the rows of a table of labels"),
    "Change": ("streams.teaching.change", "what a correction or another change did"),
    "Effect": ("streams.teaching.effect", "what a lesson or change did to the other classes"),
    "Confusion": ("streams.teaching.confusion", "what else would be announced as a class"),
    "labels": ("streams.teaching.labels", "every class that is known, and how well"),
    "LabelCount": ("streams.teaching.labels", "one class, as `labels` counts it"),
    "health": ("streams.teaching.labels", "whether the room has moved away from what was taught"),
    "Rate": ("pace_edge.rates", "how often a class is announced here"),
    "Health": ("streams.teaching.labels", "one class or the room, as `health` finds it"),
    # what is kept
    "read_model": ("pace_edge.model_file", "read and check a model file"),
    "Model": ("pace_edge.model_file", "a model file in memory"),
    "open_journal": ("streams.listening.learner", "the journal of a model, opened"),
    "Journal": ("pace_edge.journal", "everything that was taught and done, as a log of operations"),
    "AnalyticClassifier": ("pace_edge.analytic", "the classifier itself: exact learning and forgetting"),
    # errors
    "PaceEdgeError": ("pace_edge.errors", "the base of all: one sentence that says what to do next"),
    "UsageError": ("pace_edge.errors", "an argument is wrong; nothing was tried"),
    "AudioError": ("pace_edge.errors", "a file, stream or array is no sound"),
    "DeviceError": ("pace_edge.errors", "a microphone or network stream cannot be opened"),
    "ModelFileError": ("pace_edge.errors", "a model file is absent, broken, or not one of ours"),
    "ProviderError": ("pace_edge.errors", "the model does not run on the hardware that was required"),
    "JournalError": ("pace_edge.errors", "a journal cannot be read or written, or belongs to another model"),
    "LearningError": ("pace_edge.errors", "a label or a correction cannot be applied"),
    "DoubtfulError": ("pace_edge.errors", "silence, a clipped sound or background was to be taught: `force` insists"),
    "OtherFormError": ("pace_edge.errors", "a label differs from a known one in case or form only"),
    "SinkError": ("pace_edge.errors", "an output cannot be set up"),
}
"""The whole public surface. `tools/write_stub.py` writes __init__.pyi from it, for type checkers and editors."""

__all__ = sorted(PUBLIC)
__doc__ = (__doc__ or "") + "\n" + "\n".join(f"{name:19}{line}" for name, (_, line) in PUBLIC.items()) + "\n"


def __getattr__(name: str) -> Any:
    if name in PUBLIC:
        return getattr(import_module(PUBLIC[name][0]), name)
    raise AttributeError(f"module 'pace_edge' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
