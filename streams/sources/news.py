"""What became of a source, told in words, and not too often: a log of a broken cable once filled a memory card."""

from __future__ import annotations

from collections import deque

from streams.heard import SourceState, SourceStates

_UNREAD = 100  # states; where nobody asks, the oldest go


class News:
    """The states of one source. Each is told at most once in `every_s` seconds; the latest waits until it may be."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._every_s = every_s
        self._told_s: dict[SourceStates, float] = {}
        self._untold: SourceState | None = None
        self._unread: deque[SourceState] = deque(maxlen=_UNREAD)

    def tell(self, state: SourceState, now_s: float) -> None:
        self._untold = state
        self._tell_if_due(now_s)

    def read(self, now_s: float) -> list[SourceState]:
        """What was not read yet."""
        self._tell_if_due(now_s)
        read = list(self._unread)
        self._unread.clear()
        return read

    def _tell_if_due(self, now_s: float) -> None:
        state = self._untold
        if state is not None and now_s - self._told_s.get(state.state, -float("inf")) >= self._every_s:
            self._told_s[state.state] = now_s
            self._unread.append(state)
            self._untold = None
