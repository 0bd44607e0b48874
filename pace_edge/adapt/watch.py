"""What a person may follow while a backbone is adapted. This one is silent; the command line shows a bar."""

from __future__ import annotations


class Watch:
    """Told of each stage: how many steps it has, each step, each epoch's end."""

    def begin(self, stage: str, steps: int) -> None:
        """A stage of so many steps begins; the one before it is over."""

    def step(self) -> None:
        """A step is done."""

    def epoch(self, epoch: int, epochs: int, loss: float, held_out: float | None) -> None:
        """An epoch of training is over: its mean loss, and the share of the session's test clips that the head calls
        right (None without any)."""

    def say(self, sentence: str) -> None:
        """Something a person should know."""
