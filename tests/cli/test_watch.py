"""A person sees what is being trained, how far it is and how well; a log file gets plain lines."""

import io

from rich.console import Console

from pace_edge.cli import watch as module
from pace_edge.cli.watch import Bar, Lines, watching


def follow(watch):
    watch.begin("session 1", 4)
    for epoch in (1, 2):
        watch.step()
        watch.step()
        watch.epoch(epoch, 2, 1.5 / epoch, 0.875)
    watch.begin("session 2", 1)
    watch.say("left out: [a clip]")


def test_a_log_gets_a_line_for_each_epoch(capsys):
    follow(Lines())
    assert capsys.readouterr().err.splitlines() == [
        "session 1: epoch 1/2, loss 1.500, 87.5 % of the test clips right",
        "session 1: epoch 2/2, loss 0.750, 87.5 % of the test clips right",
        "left out: [a clip]",
    ]


def test_a_terminal_shows_the_stage_the_steps_the_time_left_and_how_each_stage_ended():
    screen = io.StringIO()
    with Bar(Console(file=screen, force_terminal=True, width=150, color_system=None)) as bar:
        bar.begin("session 1", 4)
        bar.step()
        bar.epoch(1, 2, 1.5, None)
        bar._progress.refresh()
        shown = screen.getvalue()
        follow(bar)
    assert "session 1" in shown
    assert "1/4" in shown
    assert "epoch 1/2, loss 1.500" in shown
    assert ":" in shown.partition("1/4")[2]  # the time left, 0:00:01 or -:--:--
    assert "session 1: loss 0.750, 87.5 % of the test clips right" in screen.getvalue()
    assert "left out: [a clip]" in screen.getvalue()


def test_only_the_first_process_speaks(monkeypatch, capsys):
    follow(watching(first=False))
    assert capsys.readouterr().err == ""
    assert isinstance(watching(), Lines)
    monkeypatch.setattr(module.sys, "stderr", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})())
    assert isinstance(watching(), Bar)
