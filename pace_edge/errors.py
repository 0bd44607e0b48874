"""Every error a user can cause, as one line: what happened, what was expected, what came, what to do.

The command line prints the line and exits with the class's code; the Python API raises it.
"""

from __future__ import annotations


class PaceEdgeError(Exception):
    """A failure that says what to do next; `what` says only what happened. `exit_code` is what the command line exits
    with.

    >>> import pace_edge
    >>> pace_edge.read_model("none.onnx")
    Traceback (most recent call last):
    pace_edge.errors.ModelFileError: cannot read the model file none.onnx: ...
    """

    exit_code = 1

    def __init__(self, what: str, *, expected: str = "", got: str = "", do: str = "") -> None:
        facts = ", ".join(part for part in (expected and f"expected {expected}", got and f"got {got}") if part)
        sentence = f"{what}: {facts}" if facts else what
        line = f"{sentence}. {do}" if do else f"{sentence}."
        line = line.encode("utf-8", "backslashreplace").decode()  # a file's name need not be text
        super().__init__(" ".join(line.split()))  # one line, whatever a library put into a message
        self.what = " ".join(f"{sentence}.".split())


class UsageError(PaceEdgeError):
    """The command's words are wrong; nothing was tried.

    >>> import pace_edge
    >>> pace_edge.Options(threads=0)
    Traceback (most recent call last):
    pace_edge.errors.UsageError: threads cannot be 0: expected 1 to 256. Give another.
    """

    exit_code = 2


class AudioError(PaceEdgeError):
    """A file or stream is no audio we can read.

    >>> import pace_edge
    >>> pace_edge.classify([0.0, 32767.0], 16000)
    Traceback (most recent call last):
    pace_edge.errors.AudioError: this array goes far beyond full scale: expected floats in -1..1, got 32767. ...
    """


class DeviceError(PaceEdgeError):
    """A microphone or network stream cannot be opened or went away.

    >>> import pace_edge
    >>> next(pace_edge.listen(source="a microphone that is not there"))
    Traceback (most recent call last):
    pace_edge.errors.DeviceError: ...
    """


class ModelFileError(PaceEdgeError):
    """A model file is absent, broken, or not one of ours.

    >>> import pace_edge
    >>> pace_edge.read_model("ring.wav")
    Traceback (most recent call last):
    pace_edge.errors.ModelFileError: ring.wav is no ONNX file, or not a whole one. ...
    """


class ProviderError(PaceEdgeError):
    """The model does not run on the hardware that was required.

    >>> import pace_edge
    >>> issubclass(pace_edge.ProviderError, pace_edge.PaceEdgeError)
    True
    """


class JournalError(PaceEdgeError):
    """A journal cannot be read or written, or belongs to another model.

    >>> import pace_edge
    >>> pace_edge.open_journal(path="ring.wav")
    Traceback (most recent call last):
    pace_edge.errors.JournalError: ...
    """


class LearningError(PaceEdgeError):
    """A label or a correction cannot be applied. `near`: the class that was perhaps meant; empty: none was found.

    >>> import pace_edge
    >>> pace_edge.Teacher().undo()
    Traceback (most recent call last):
    pace_edge.errors.LearningError: ...
    """

    near = ""


class OtherFormError(LearningError):
    """A new label differs from the class `near` only in case, separators or Unicode form: it may be a slip.

    >>> import pace_edge
    >>> pace_edge.OtherFormError("Doorbell", "doorbell").near
    'doorbell'
    """

    def __init__(self, label: str, near: str) -> None:
        super().__init__(
            f"there is '{near}' already, and '{label}' differs from it in its form only",
            do=f"Give '{near}' if that is meant; if a class of its own is meant, insist with --new-class "
            '(new_class=True in Python, "new_class": true over the API). Nothing was changed.',
        )
        self.near = near


class DoubtfulError(LearningError):
    """What was to be taught may not be what was meant: silence, a clipped sound, or what the model calls background.
    `force` overrules it.

    >>> import pace_edge
    >>> with pace_edge.Teacher() as teacher:
    ...     teacher.learn("doorbell", [0.0] * 32000, 16000)
    Traceback (most recent call last):
    pace_edge.errors.DoubtfulError: there is only silence in what was to be taught (an array of 2.00 s): ...
    """

    def __init__(self, what: str, *, expected: str = "", got: str = "", do: str = "") -> None:
        insist = "If it is meant, teach it with --force; nothing was learned."
        super().__init__(what, expected=expected, got=got, do=f"{do} {insist}" if do else insist)


class SinkError(PaceEdgeError):
    """A sink cannot be set up: its file, its receiver's address or its secret.

    >>> import pace_edge
    >>> issubclass(pace_edge.SinkError, pace_edge.PaceEdgeError)
    True
    """
