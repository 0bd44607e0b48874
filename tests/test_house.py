"""Imports point down only: cli -> streams, export, adapt -> classifier, journal, model file -> errors, config."""

import ast
import re
from pathlib import Path

import pytest

import pace_edge

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("pace_edge", "export", "streams") for path in (ROOT / folder).rglob("*.py"))
STREAMS = ("heard", "words", "sources", "configuration", "listening", "teaching", "sinks", "web", "service", "bench")
OF_STREAMS = [path.relative_to(ROOT / "streams") for path in FILES if path.is_relative_to(ROOT / "streams")]
ROOMS = ("export", "pace_edge/adapt", "pace_edge/benchmark", *(f"streams/{room}" for room in STREAMS[2:-1]))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def forbidden(path: Path) -> tuple[str, ...]:
    match path.relative_to(ROOT).parts:
        case ("pace_edge", "__init__.py" | "__main__.py") | ("pace_edge", "cli", *_):
            return ()  # the public face and the command line know all rooms
        case ("pace_edge", "adapt", *_):
            return ("streams", "export", "pace_edge.cli", "pace_edge.benchmark", "onnxruntime", "sounddevice")
        case ("pace_edge", "benchmark", *_):
            return ("streams", "export", "pace_edge.cli", "onnxruntime", "sounddevice")
        case ("pace_edge", *_):
            above = ("streams", "export", "pace_edge.cli", "pace_edge.adapt", "pace_edge.benchmark")
            return (*above, "torch", "onnxruntime", "sounddevice")
        case ("export", *_):
            return ("streams", "pace_edge.cli", "pace_edge.benchmark", "sounddevice")
        case _:
            return ("torch", "export", "pace_edge.adapt", "pace_edge.benchmark", "pace_edge.cli")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_room_imports_one_above_or_beside_it(path):
    wrong = {m for m in imports(path) for f in forbidden(path) if m == f or m.startswith(f + ".")}
    assert not wrong


@pytest.mark.parametrize("path", OF_STREAMS, ids=str)
def test_a_room_of_streams_imports_only_those_before_it(path):
    room = path.parts[0].removesuffix(".py")
    modules = imports(ROOT / "streams" / path)
    others = {module.split(".")[1] for module in modules if module.startswith("streams.")} - {room}
    assert room == "__init__" or others <= set(STREAMS[: STREAMS.index(room)])


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_in_which_order_all_its_files_are_read(room):
    said = re.findall(r"\w+", ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or "")
    assert {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__"} <= set(said)


def test_torchaudio_is_imported_nowhere():
    assert not [path for path in FILES for module in imports(path) if module.partition(".")[0] == "torchaudio"]


def test_no_module_takes_the_name_of_what_the_package_offers():
    """Once imported, it would stand where the function was: `pace_edge.labels()`."""
    assert not {path.stem for path in (ROOT / "pace_edge").iterdir()} & set(pace_edge.__all__)


def test_no_test_gives_up_before_a_busy_machine_could_have_done_it():
    """A limit is reached on failure only, so it is minutes; see tests/waiting.py."""
    short = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        limits = [word.value for call in calls for word in call.keywords if word.arg in ("timeout", "within_s")]
        given = [limit for limit in limits if isinstance(limit, ast.Constant)]
        short += [f"{path.relative_to(ROOT)}:{limit.lineno}" for limit in given if limit.value < 120]
    assert short == []
