"""pace-edge inspect"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pace_edge.cli import options


@click.command()
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--verify", "verifies", is_flag=True, help="Compare its parts with the checksums that it carries.")
@options.signed_by
@options.config
@options.as_json
def inspect(model: Path | None, verifies: bool, signed_by: Path | None, config: Path | None, as_json: bool) -> None:
    """Show what is in a model file.

    Without MODEL, in the one that is configured, else in the starter.
    """
    from pace_edge.inspection import inspection, verify
    from streams.configuration.place import place

    here = place(model, signed_by=signed_by, config=config)
    file = here.open()
    found = inspection(file)
    if verifies:
        verify(file)
        found["verified"] = True
    if here.signed_by is not None:
        found["signed_by"] = str(here.signed_by)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(_in_words(found)))


def _in_words(found: dict[str, Any]) -> Iterator[str]:
    from pace_edge.parity import Parity

    rate = found["rate_hz"]
    yield f"{found['name']}: {found['bytes'] / 1e6:.1f} MB, sha256 {found['sha256']}"
    yield (f"hears {found['window_samples'] / rate:g} s at {rate} Hz, every {found['hop_samples'] / rate:g} s; "
           f"announces from {found['threshold']:.2f} on")  # fmt: skip
    yield f"backbone {found['backbone']}, sha256 {found['backbone_sha256'][:12]}"
    yield f"licence: {found['licence']}"
    yield ""
    yield f"{len(found['labels'])} classes, and their examples:"
    for label, count in zip(found["labels"], found["counts"], strict=True):
        yield f"  {label}  {count:g}" + "  (never announced)" * (label == found["background"])
    if found["sample"]:
        kept = ", ".join(f"{name} {count}" for name, count in found["sample"].items())
        yield f"keeps {sum(found['sample'].values())} windows of other sounds, to say what is taken for a class: {kept}"
    yield ""
    width = max(map(len, found["parts"]))
    for name, part in found["parts"].items():
        checksum = f"  sha256 {part['sha256'][:12]}" if part["sha256"] else ""
        values = f"{part['values']:>12,} values" if part["values"] else " " * 19
        yield f"{name:<{width}}  {part['bytes'] / 1e6:>9.3f} MB {values}{checksum}"
    if found.get("verified"):
        yield "every part is what its checksum says"
    if "signed_by" in found:
        yield f"the signature is that of {found['signed_by']}"
    opsets = ", ".join(f"{domain} {version}" for domain, version in found["opsets"].items())
    yield f"ONNX: opset {opsets}, IR version {found['ir_version']}"
    yield "operators: " + ", ".join(f"{name} {count}" for name, count in found["operators"].items())
    if found["parity"]:
        yield ""
        yield Parity.from_json(json.dumps(found["parity"])).in_words()
    if found["provenance"]:
        yield ""
        yield f"made from: {json.dumps(found['provenance'], ensure_ascii=False)}"
