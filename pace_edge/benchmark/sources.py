"""Where a method comes from: one of ours by name, or somebody's Python file as FILE.py:NAME."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from pace_edge.benchmark.method import Entry
from pace_edge.benchmark.methods import METHODS
from pace_edge.errors import PaceEdgeError, UsageError

OURS = "pace-edge"


@dataclass(frozen=True)
class Found:
    """A method and what its records say of it."""

    name: str
    entry: Entry
    source: str  # OURS, with the method's revision from 2 on; or the file's name and checksum


def find_method(said: str) -> Found:
    """`said` is a name of METHODS or FILE.py:NAME, with NAME an Entry or what makes a Method of a Task. The file is
    run. Raises UsageError for a name that is not there and PaceEdgeError for a file that fails."""
    if said in METHODS:
        entry = METHODS[said]
        return Found(said, entry, OURS if entry.revision == 1 else f"{OURS}, revision {entry.revision}")
    file, colon, name = said.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise UsageError(
            f"there is no method '{said}'", expected="FILE.py:NAME or one of " + "; ".join(METHODS),
        )  # fmt: skip
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"there is no file {path}", expected="a Python file with a method")
    if name in METHODS:
        raise UsageError(f"the benchmark has a method '{name}' of its own", do="Give yours another name.")
    made = getattr(_module(path), name, None)
    if made is None:
        raise UsageError(f"{path} has no '{name}'", expected="the name of a class or an Entry in it")
    if not isinstance(made, Entry):
        if not callable(made):
            raise UsageError(f"'{name}' in {path} is no method", expected="a class, a function of a Task, or an Entry")
        made = Entry(made, paper="")
    return Found(name, made, f"{path.name} sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")


def _module(path: Path) -> object:
    """The file as a module; it can import what lies beside it, as a script can."""
    spec = importlib.util.spec_from_file_location(f"method_from_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    if (beside := str(path.resolve().parent)) not in sys.path:
        sys.path.append(beside)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise PaceEdgeError(
            f"{path} cannot be loaded ({type(error).__name__}: {error})",
            do="Mend the file; python FILE.py shows where.",
        ) from error
    return module
