"""python -m tools.write_stub: pace_edge/__init__.pyi from the table in pace_edge/__init__.py.

The names are imported when they are first used, which no type checker can follow; it reads the stub.
"""

from __future__ import annotations

from pathlib import Path

import pace_edge

STUB = Path(pace_edge.__file__).with_suffix(".pyi")


def stub() -> str:
    names = sorted((module, name) for name, (module, _) in pace_edge.PUBLIC.items())
    imports = [f"from {module} import {name} as {name}" for module, name in names]
    head = "# Written by `python -m tools.write_stub` from the table in __init__.py; a test compares the two."
    end = ["", "PUBLIC: dict[str, tuple[str, str]]", "__all__: list[str]", "__version__: str", ""]
    return "\n".join([head, "", *imports, *end])


if __name__ == "__main__":
    STUB.write_text(stub())
