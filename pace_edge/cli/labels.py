"""pace-edge labels"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pace_edge.cli import options
from pace_edge.errors import UsageError

if TYPE_CHECKING:
    from streams.teaching.labels import Health, LabelCount


@click.command()
@options.place
@click.option("--examples", is_flag=True, help="List what was taught, one example a line.")
@click.option("--health", is_flag=True, help="Has the room moved away from what was taught?")
@options.as_json
def labels(examples: bool, health: bool, as_json: bool, **where: Any) -> None:
    """List the classes and their examples.

    Those they came with and those taught here; how many of these are called right when each is left out in turn, with
    the mean score; what the others are taken for; how many more would help; and how often each is announced here, by
    the threshold that is set for it, as live listeners have counted since it was last changed.
    """
    from streams.configuration.place import place
    from streams.listening.learner import Learner, open_journal
    from streams.teaching.confusion import rule_here
    from streams.teaching.labels import check_health, count_labels

    if examples and health:
        raise UsageError("--examples and --health exclude each other", do="Give one of them.")
    here, said = place(**where), ""
    loaded = here.load()
    with open_journal(loaded, here.journal_of(loaded)) as opened:
        learner = Learner(loaded, opened)
        if examples:
            taught = learner.state.examples
            listed = [
                {"id": o.id, "label": taught[o.id], "source": o.source, "at_unix_s": o.at_unix_s, "windows": o.windows}
                for o in learner.operations if o.id in taught
            ]  # fmt: skip
            lines = [f"{one['id']:>6}  {one['label']:<20}  {one['source']}" for one in listed]
        elif health:
            found = check_health(learner)
            listed, lines = [asdict(one) for one in found], [_health_line(one) for one in found]
        else:
            counted = count_labels(learner, rule_here(learner.info, learner.state, where["config"]))
            listed, lines = [asdict(one) for one in counted], _table(counted)
            said = _too_short(counted)
        options.say_warnings(opened.damage())
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False))
        return
    if said:
        click.echo(said, err=True)
    for line in lines or ["nothing yet: nothing was taught, or nothing was heard"]:
        click.echo(line)


def _table(counted: list[LabelCount]) -> list[str]:
    from streams.teaching.confusion import named

    if not counted:
        return ["there is no class; teach one: pace-edge learn"]
    width = max(len(one.label) for one in counted)
    kept = any(one.confusion and one.confusion.of for one in counted)
    lines = [f"{'class':<{width}}  built in  taught  right  score  more" + "   others" * kept]
    for one in counted:
        right = f"{one.right}/{one.checked}"
        measured = f"{right:>5}  {one.score:5.2f}" if one.checked else f"{'':5}  {'':5}"
        more = "-" if one.more is None else f"{one.more}"
        line = f"{one.label:<{width}}  {one.built_in:8g}  {one.taught:6d}  {measured}  {more:>4}"
        if kept:
            line += f"  {f'{one.confusion.announced}/{one.confusion.of}' if one.confusion else '':>7}"
        if one.confused_with:
            line += "  taken for " + ", ".join(f"{label} ({count})" for label, count in one.confused_with)
        if one.confusion and one.confusion.taken:
            line += f"  also announced: {named(one.confusion.taken)}"
        if one.confusion and one.confusion.not_told_from:
            line += f"  cannot be told from {', '.join(one.confusion.not_told_from)} yet"
        if (one.taught or not one.built_in) and one.more != 0:
            line += f"  [{one.more_from}]"
        if one.here is not None and one.here.an_hour is not None:
            line += f"  here {one.here.words}"
        lines.append(line + ("  hidden" if one.hidden else ""))
    return lines


def _too_short(counted: list[LabelCount]) -> str:
    """Of how many it cannot be said how often they are announced here."""
    unsaid = [one.here for one in counted if one.here is not None and one.here.an_hour is None]
    if not unsaid:
        return ""
    return (
        f"{len(unsaid)} of {len(counted)} classes were heard for too short a time to say how often they are announced "
        f"here: for {max(here.hours for here in unsaid):.1f} h at most since they were last changed"
    )


def _health_line(one: Health) -> str:
    about = f"'{one.label}', heard {one.recent} times" if one.label else f"the room, {one.recent} windows"
    words = f"{about}: strangeness {one.leverage:.2f} (expected {one.expected_leverage:.2f}), score {one.score:.2f}"
    if one.label:
        words += f" (expected {one.expected_score:.2f})"
    return f"{words}: {one.words or 'as it was taught'}"
