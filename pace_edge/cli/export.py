"""pace-edge export"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pace_edge.cli import options
from pace_edge.errors import PaceEdgeError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from pace_edge.adapt.data import Clip
    from pace_edge.parity import Parity

A_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("checkpoint", type=A_PATH, required=False)
@click.option("--output", "-o", type=A_PATH, required=True, metavar="FILE", help="The model file to write.")
@click.option("--data", type=A_PATH, metavar="PATH",
              help="Where the clips of CHECKPOINT are now, if elsewhere; those held out prove the file.")  # fmt: skip
@click.option("--label-column", help="With --data: the column that was learned; without it, as adapt was told.")
@click.option("--test-fold", type=int, help="With --data: the fold that was held out; without it, as adapt was told.")
@click.option("--no-check", is_flag=True, help="Write the file unproved: nothing is measured.")
@click.option("--int8", type=A_PATH, metavar="FILE",
              help="Write an int8 model too, if it is faster and within 0.5 points of accuracy.")  # fmt: skip
@click.option("--fp16", type=A_PATH, metavar="FILE",
              help="Write a half-precision model for a GPU too, if it is within 0.5 points.")  # fmt: skip
@click.option("--window-seconds", type=click.FloatRange(min=0.1, max=30),
              help="Hear windows of this length; without it, of the clips' length in training.")  # fmt: skip
@click.option("--hop-seconds", type=click.FloatRange(min=0.05, max=30), default=0.5, show_default=True,
              help="How often a window begins.")  # fmt: skip
@click.option("--features", type=click.IntRange(min=32), default=2048, show_default=True,
              help="Keep so many random features, if adapt made more: fewer are smaller and sooner read.")  # fmt: skip
@click.option("--weights", type=A_PATH, metavar="FILE", help="The backbone's weights, if adapt was given some.")
@click.option("--licence", default="", metavar="TEXT", help="What the clips' licence asks to be said in the file.")
@click.option("--learned", is_flag=True, help="Instead of a checkpoint: a model with what this device has learned.")
@options.place
@click.option("--sign", type=A_PATH, metavar="KEY",
              help="Sign what is written with this Ed25519 key (private, PEM): a .sig beside each file.")  # fmt: skip
@click.option("--name", metavar="NAME", help="What the model is called; without it, as the file.")
def export(
    checkpoint: Path | None, output: Path, data: Path | None, label_column: str | None, test_fold: int | None,
    no_check: bool, int8: Path | None, fp16: Path | None, window_seconds: float | None, hop_seconds: float,
    features: int, weights: Path | None, licence: str, learned: bool, sign: Path | None, name: str | None,
    **where: Any,
) -> None:  # fmt: skip
    """Write a model file.

    From a CHECKPOINT of adapt, with its adapters merged; it ends with a table of what became of torch's scores, and
    nothing is written past the table's limits. Or, with --learned, from a model and its journal.
    """
    name, key = name or output.stem, _key(sign)
    if learned:
        mistaken = {"CHECKPOINT": checkpoint, "--data": data, "--int8": int8, "--fp16": fp16,
                    "--weights": weights, "--window-seconds": window_seconds, "--no-check": no_check}  # fmt: skip
        if wrong := [word for word, value in mistaken.items() if value]:
            raise UsageError(f"{wrong[0]} does not go with --learned", do="Leave one of them out.")
        _learned(where, output, name)
        if key is not None:
            _sign(key, output)
        return
    if checkpoint is None:
        raise UsageError("there is nothing to export", expected="a CHECKPOINT folder, or --learned")
    if any(value is not None for value in where.values()):
        raise UsageError(
            "--model, --journal, --signed-by and --config go with --learned", do="Add it, or leave them out."
        )
    if data is not None and no_check:
        raise UsageError("--data and --no-check exclude each other", do="Give one of them.")
    if data is None and (label_column or test_fold is not None):
        raise UsageError("--label-column and --test-fold go with --data", do="Leave them out, or add --data.")
    smaller = {option: path for option, path in (("int8", int8), ("fp16", fp16)) if path is not None}
    files = {path.resolve() for path in (output, *smaller.values())}
    if smaller and (no_check or len(files) <= len(smaller)):
        raise UsageError(f"--{next(iter(smaller))} needs the check, and a file of its own")
    if find_spec("torch") is None:
        raise PaceEdgeError("exporting a checkpoint needs torch", do="Install it with: pip install '.[train]'")
    from export.checkpoint import Options, clips_of, export_checkpoint
    from export.provenance import checkpoint_facts
    from pace_edge.adapt.backbones import open_backbone
    from pace_edge.adapt.checkpoint import load_checkpoint, read_description

    origin = {"data": None, "label_column": "label", "test_fold": 1} | read_description(checkpoint).get("origin", {})
    clips = None if no_check else _clips(data or origin["data"], label_column or origin["label_column"])
    loaded = load_checkpoint(checkpoint, lambda of: open_backbone(of, weights=weights), features=features)
    fold = origin["test_fold"] if test_fold is None else test_fold
    parity = export_checkpoint(
        loaded, output,
        Options(name=name, window_seconds=window_seconds, hop_seconds=hop_seconds, licence=licence,
                facts=checkpoint_facts(checkpoint)),
        clips=clips_of(loaded, clips, fold) if clips is not None else None, int8=int8, fp16=fp16,
        say=lambda words: click.echo(words, err=True),
    )  # fmt: skip
    if key is not None:
        _sign(key, output, *_offered(parity, smaller).values())
    _report(output, parity, smaller)


def _offered(parity: Parity | None, smaller: dict[str, Path]) -> dict[str, Path]:
    """The smaller files that were written."""
    return {option: path for option, path in smaller.items() if getattr(parity, f"{option}_offered", False)}


def _key(path: Path | None) -> Ed25519PrivateKey | None:
    """Read before minutes of work, not after them."""
    from pace_edge.signature import read_private_key

    return read_private_key(path) if path is not None else None


def _sign(key: Ed25519PrivateKey, *models: Path) -> None:
    from pace_edge.signature import sign

    for model in models:
        click.echo(f"signed: {sign(model, key)}", err=True)


def _clips(data: Path | str | None, label_column: str) -> list[Clip]:
    from pace_edge.adapt.data import read_clips

    if data is None or not Path(data).exists():
        raise UsageError(
            "a model file is proved on held-out clips" + (f", and they are not at {data}" if data else ""),
            do="Say where they are with --data, or type --no-check to write it unproved.",
        )
    return read_clips(Path(data), label_column=label_column)


def _learned(where: dict[str, Any], output: Path, name: str) -> None:
    from export.bake import bake
    from export.write import check_target
    from pace_edge.model_file import read_model
    from streams.configuration.place import place
    from streams.listening.learner import Learner, open_journal

    check_target(output)
    here = place(**where)
    if here.journal is not None and not here.journal.exists():
        raise UsageError(f"there is no journal {here.journal}", do="Check the path.")
    file = here.open()
    loaded = read_model(file)
    with open_journal(loaded, here.journal_of(loaded)) as opened:
        learner = Learner(loaded, opened)
        examples = len(learner.state.examples)
    if learner.untouched:
        raise PaceEdgeError(f"{loaded.info.name} has learned nothing here", do="Teach it first: pace-edge learn.")
    info = bake(
        file, loaded.info, learner.classifier, output, name=name, hidden=sorted(learner.state.hidden), taught=examples
    )
    for line in opened.damage():
        click.echo(f"pace-edge: {line}", err=True)
    new = [label for label in info.labels if label not in loaded.info.labels]
    gone = [label for label in loaded.info.labels if label not in info.labels]
    click.echo(
        f"{output} knows {examples} taught example{'s' * (examples != 1)}; new classes: {', '.join(new) or 'none'}"
        + (f"; no longer named: {', '.join(gone)}" if gone else "")
        + (f"; hidden: {', '.join(info.hidden)}" if info.hidden else ""),
        err=True,
    )
    written = {"output": str(output), "bytes": output.stat().st_size, "taught": examples, "labels": info.labels}
    click.echo(json.dumps(written, ensure_ascii=False))


def _report(output: Path, parity: Parity | None, smaller: dict[str, Path]) -> None:
    from dataclasses import asdict

    written = {"output": str(output), "bytes": output.stat().st_size}
    for option, path in (offered := _offered(parity, smaller)).items():
        written |= {option: str(path), f"{option}_bytes": path.stat().st_size}
    if parity is None:
        click.echo("not checked: nothing was measured, and the threshold is a guess", err=True)
    click.echo(json.dumps(written | {"parity": asdict(parity) if parity else None}, ensure_ascii=False))
    for option, path in smaller.items():
        if option not in offered:
            raise PaceEdgeError(f"{path} was not written", do=f"Use the float32 file, {output}.")
