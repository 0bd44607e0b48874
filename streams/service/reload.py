"""Reads a listener's model file again while it listens."""

from __future__ import annotations

import threading

from pace_edge.errors import PaceEdgeError
from pace_edge.model_file import Model
from streams.configuration.place import Place
from streams.listening.listener import Listener
from streams.service.signals import Signals
from streams.words import Say


class Reloader:
    """Loads in a thread of its own, so that the sound goes on being heard; a file that is no good changes nothing."""

    def __init__(self, place: Place, listener: Listener, model: Model, say: Say) -> None:
        self._place, self._listener, self._say = place, listener, say
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
            model = self._place.load()
            if model.sha256 == self._sha256:
                self._say(f"{model.path} has not changed")
                return
            self._listener.swap(model, journal=self._place.journal_of(model))
            self._sha256 = model.sha256
        except PaceEdgeError as error:
            self._say(f"the model stays as it was: {error}")
        except Exception as error:  # a fault of ours, which must not end in a silent thread
            self._say(f"the model stays as it was: {error!r}")
