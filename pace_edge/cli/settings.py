"""The flags of verbs that listen: short names for what is set most, and --set for all else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pace_edge.errors import UsageError

if TYPE_CHECKING:
    from streams.configuration.configure import Configuration, Given

A_PATH = click.Path(path_type=Path)
_FLAGS: dict[str, tuple[str, dict[str, Any]]] = {  # the flag: the setting, and how click reads it
    "--model": ("model.file", {"type": A_PATH, "metavar": "FILE", "help": "The model; else the starter."}),
    "--signed-by": ("model.signed_by", {
        "type": A_PATH, "metavar": "KEY",
        "help": "Demand that MODEL.sig beside the model is its signature by this Ed25519 key (public, PEM).",
    }),
    "--input": ("sources", {
        "multiple": True, "metavar": "DEVICE|FILE|-",
        "help": "A microphone (number or part of its name), a file, or PCM on stdin. May be repeated.",
    }),
    "--recorded-at": ("sources", {
        "metavar": "TIME",
        "help": "When the recording began, such as 2026-01-01T05:00:00; else as its file tells it.",
    }),
    "--no-realtime": ("realtime", {
        "is_flag": True, "help": "Read a file as fast as it goes, not at its own speed.",
    }),
    "--threshold": ("events.threshold", {
        "type": click.FloatRange(0, 1), "help": "Announce from this score on; without it, the model's.",
    }),
    "--journal": ("journal.file", {
        "type": A_PATH, "metavar": "FILE",
        "help": "Where labels are kept; without it, a file of the model's name in PACE_EDGE_HOME.",
    }),
    "--threads": ("runtime.threads", {"type": click.IntRange(min=1), "help": "Threads of ONNX Runtime; else 1."}),
    "--provider": ("runtime.provider", {
        "type": click.Choice(["auto", "cpu", "cuda"]), "help": "What the model runs on; auto: CUDA where it works.",
    }),
    "--require-gpu": ("runtime.require_gpu", {"is_flag": True, "help": "Fail where it would not run on CUDA."}),
    "--metrics": ("metrics.port", {
        "type": click.IntRange(1, 65535), "metavar": "PORT", "help": "Serve Prometheus metrics there.",
    }),
    "--web": ("web.serve", {
        "is_flag": False, "flag_value": "127.0.0.1:8765", "metavar": "[ADDRESS:PORT]",
        "help": "Serve the live page, without a value on http://127.0.0.1:8765.",
    }),
    "--json": ("outputs.stdout", {"is_flag": True, "help": "JSON on stdout, also in a terminal."}),
}  # fmt: skip
_MEANS = {"--no-realtime": False, "--require-gpu": True, "--json": "json"}  # flags without a value


def configured(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb with these flags; its first argument reads the Configuration that they and all else amount to."""
    flags = {name: flag for name, flag in _FLAGS.items() if name not in without}

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def with_configuration(config: Path | None, changes: tuple[str, ...], **words: Any) -> None:
            given = {name: words.pop(_parameter(name)) for name in flags}

            def read() -> Configuration:
                from streams.configuration.configure import configure

                return configure(_given(given, changes), file=config)

            verb(read, **words)

        result: Callable[..., None] = with_configuration
        result = click.option(
            "--set", "changes", multiple=True, metavar="KEY=VALUE",
            help="Any setting of `pace-edge config`, such as events.min_hits=3. May be repeated.",
        )(result)  # fmt: skip
        result = click.option(
            "--config", type=A_PATH, metavar="FILE", help="The configuration; else config.toml in PACE_EDGE_HOME."
        )(result)
        for name, (_, how) in reversed(flags.items()):
            result = click.option(name, _parameter(name), **how)(result)
        return result

    return decorate


def _given(words: dict[str, Any], changes: tuple[str, ...]) -> dict[str, Given]:
    from streams.configuration.configure import Given

    given, recorded_at = {}, words.pop("--recorded-at", None)
    for name, word in words.items():
        setting, _ = _FLAGS[name]
        if word not in (None, False, ()):
            value = [{"input": one} for one in word] if name == "--input" else _MEANS.get(name, word)
            given[setting] = Given(value, name)
    if recorded_at is not None:
        inputs = words.get("--input", ())
        if len(inputs) != 1:
            raise UsageError(
                "--recorded-at is of one recording", expected="one --input FILE", got=f"{len(inputs)} of them",
                do="In config.toml each of the [[sources]] has its own recorded_at.",
            )  # fmt: skip
        given["sources"] = Given([{"input": inputs[0], "recorded_at": recorded_at}], "--recorded-at")
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise UsageError(
                f"--set {change} sets nothing", expected="KEY=VALUE", do="`pace-edge config` lists the keys."
            )
        given[key.strip()] = Given(text.strip(), f"--set {key.strip()}")
    return given


def _parameter(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")
