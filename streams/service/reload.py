"""Reads a listener's model file again while it listens."""

from __future__ import annotations

import threading

from pace_edge.config import STARTER_MODEL
from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import Model, open_model, read_model
from pace_edge.signature import check_signature
from streams.configuration.settings import ModelSettings, Settings
from streams.listening.listener import Listener
from streams.service.signals import Signals
from streams.words import Say


def load_model(settings: ModelSettings) -> Model:
    """The model file as set, its signature and its parts checked. Raises ModelFileError or SignatureError."""
    file = open_model(settings.file or STARTER_MODEL)
    if settings.signed_by is not None:
        check_signature(file.path, file.sha256, settings.signed_by)
    return read_model(file)


class Reloader:
    """Loads in a thread of its own, so that the sound goes on being heard; a file that is no good changes nothing."""

    def __init__(self, settings: Settings, listener: Listener, model: Model, say: Say) -> None:
        self._settings, self._listener, self._say = settings, listener, say
        self._sha256 = model.sha256
        self._thread: threading.Thread | None = None

    def follow(self, signals: Signals) -> None:
        """Call it whenever the listener comes round. What was asked while it loads is done afterwards."""
        if signals.reload and not (self._thread and self._thread.is_alive()):
            signals.reload = False
            self._thread = threading.Thread(target=self._reload, name="reload", daemon=True)
            self._thread.start()

    def _reload(self) -> None:
        try:
            model = load_model(self._settings.model)
            if model.sha256 == self._sha256:
                self._say(f"{model.path} has not changed")
                return
            self._listener.swap(model, journal=self._settings.journal.file)
            self._sha256 = model.sha256
        except PaceEdgeError as error:
            self._say(f"the model stays as it was: {error}")
        except Exception as error:  # a fault of ours, which must not end in a silent thread
            self._say(f"the model stays as it was: {error!r}")
