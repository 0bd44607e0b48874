"""The public surface is one table; every name in it has an example that runs, is typed, listed, quick to import."""

import doctest
import inspect
import pydoc
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pace_edge
from pace_edge.config import DEMO_RECORDING, STARTER_MODEL
from tools.write_stub import STUB, stub

ROOT = Path(__file__).parents[1]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two recordings of a doorbell, labels for one, a recording of everyday sounds, and a model."""
    for name in ("ring.wav", "ring_hall.wav"):
        shutil.copy(ROOT / "examples" / "sounds" / name, tmp_path)
    (tmp_path / "ring.txt").write_text("0.0\t2.5\tdoorbell\n9.0\t8.0\tdoorbell\n")
    shutil.copy(DEMO_RECORDING, tmp_path)
    (tmp_path / "model.onnx").symlink_to(STARTER_MODEL)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", pace_edge.__all__)
def test_every_public_name_has_an_example_that_is_right(name, place):
    named = doctest.DocTestFinder().find(getattr(pace_edge, name), name, globs={})
    tests = [test for test in named if test.examples]
    assert name in [test.name for test in tests]
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    for test in tests:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", pace_edge.__all__)
def test_every_public_name_is_told_to_help_and_dir_in_one_line(name):
    module, line = pace_edge.PUBLIC[name]
    assert inspect.getmodule(getattr(pace_edge, name)).__name__ == module  # where it is made, not where it passes
    assert f"{name} {line}" in re.sub(" +", " ", pace_edge.__doc__)
    assert name in dir(pace_edge)


def test_help_lists_what_there_is():
    text = pydoc.render_doc(pace_edge, renderer=pydoc.plaintext)
    for part in ("class Teacher", "class Window", "listen(", "classify(", "class AudioError", pace_edge.__version__):
        assert part in text


def test_the_stub_is_the_table():
    assert STUB.read_text() == stub(), "run: python -m tools.write_stub"


def test_everything_that_a_public_function_returns_or_raises_is_public():
    public = {getattr(pace_edge, name) for name in pace_edge.__all__}
    errors = {e for e in vars(sys.modules["pace_edge.errors"]).values() if inspect.isclass(e)}
    assert errors <= public
    from streams import heard

    assert set(heard._TYPES) <= public


def test_type_checkers_know_the_types_of_everything(tmp_path):
    for package in ("pace_edge", "streams", "export"):
        assert (ROOT / package / "py.typed").exists()
    program = tmp_path / "program.py"
    program.write_text(
        "import pace_edge\n"
        "with pace_edge.Teacher() as teacher:\n"
        "    reveal_type(teacher.learn('bell', [0.1], 16000))\n"
        "reveal_type(pace_edge.classify('a.wav').windows)\n"
        "for heard in pace_edge.listen(source=[0.1], rate_hz=16000):\n"
        "    reveal_type(heard)\n"
        "reveal_type(pace_edge.__version__)\n"
    )
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(program)]
    said = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True).stdout
    revealed = re.findall(r'Revealed type is "(.*)"', said)
    assert len(revealed) == 4, said
    assert revealed[0].endswith(".Lesson")
    assert revealed[1].startswith("tuple[streams.heard.Window")
    for name in ("Window", "Event", "Example", "Operation", "Gap", "SourceState", "Notice"):
        assert f".{name}" in revealed[2]
    assert revealed[3].endswith("str")


def test_importing_it_imports_nothing_heavy_and_a_wrong_name_is_told():
    check = (
        "import sys, pace_edge; assert not {'numpy', 'onnx', 'onnxruntime', 'pydantic', 'click'} & {*sys.modules}; "
        "assert len([m for m in sys.modules if m.startswith(('pace_edge', 'streams'))]) == 1; "
        "assert pace_edge.__version__; dir(pace_edge); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-OO", "-c", check], cwd=ROOT, check=True)
    with pytest.raises(AttributeError, match="no attribute 'lissen'"):
        _ = pace_edge.lissen  # type: ignore[attr-defined]


def test_the_version_is_the_packages():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "pace_edge.__version__"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", pace_edge.__version__)


def test_the_python_of_the_readme_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert programs
    for program in programs:
        exec(compile(program, "README.md", "exec"), {})
    assert "doorbell" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.learn(3, [0.1] * 16000, 16000), "label=3 cannot be used: expected a name, .* got int"),
        (lambda t: t.learn_file(None, "ring.wav"), "label=None"),
        (lambda t: t.learn_file("x", 3), "path=3 cannot be used: expected a file's name or Path, got int"),
        (lambda t: t.learn_file("x", "ring.wav", "1", 2), "from_s='1' cannot be used: expected seconds, or None"),
        (lambda t: t.learn_table(3), "path=3"),
        (lambda t: t.learn("x", [0.1] * 16000, 16000, channel="left"), "channel='left' cannot be used"),
        (lambda t: t.classify(None, 16000), "this array holds no sound"),
        (
            lambda t: t.correct("bell"),
            r"correct\('bell'\) names an event and no label, .*correct\(label='b",
        ),
        (lambda t: t.correct(3, "bell"), "event=3 cannot be used"),
        (lambda t: t.undo("1"), "steps='1' cannot be used"),
        (lambda t: t.merge(3), "journal=3 cannot be used"),
        (lambda t: t.learn_heard("x", "5"), "last_s='5' cannot be used"),
        (lambda t: t.learn_heard_at("x", at_s="5"), "at_s='5' cannot be used"),
        (lambda t: t.learn_recording("x", 3.5, 3), "source=3.5 is nothing to listen to"),
        (lambda t: t.learn_recording("x", "ring.wav", "3"), "seconds='3' cannot be used"),
        (lambda t: t.learn_clip("x", [[0.1] * 99] * 99, source="a clip"), "which axis of a clip are its channels"),
        (lambda t: t.learn_clip("x", [3000.0] * 16000, source="a clip"), "a clip goes far beyond full scale"),
        (lambda t: t.rename(3, 4), "label=3"),
        (lambda t: t.forget(None), "label=None"),
        (lambda t: pace_edge.Teacher(3), "model=3 cannot be used: expected a file's name or Path"),
        (lambda t: pace_edge.Teacher(journal=3), "journal=3"),
        (lambda t: pace_edge.labels(3), "model=3"),
        (lambda t: pace_edge.read_model(3), "model=3"),
        (lambda t: pace_edge.open_journal(path=3.5), "journal=3.5"),
        (lambda t: pace_edge.Listener(3), "model=3"),
        (lambda t: pace_edge.Listener(options={}), "options={}"),
        (lambda t: pace_edge.Options(gate_dbfs="loud"), "gate_dbfs='loud' cannot be used: expected a number or None"),
        (lambda t: pace_edge.Options(gain_db=None), "gain_db=None cannot be used: expected a number, got NoneType"),
        (lambda t: pace_edge.Options(threads=1.5), "threads=1.5 cannot be used: expected a whole number"),
        (lambda t: pace_edge.Options(unknown="yes"), "unknown cannot be 'yes': expected True or False"),
        (lambda t: pace_edge.Options(thresholds={"a": "b"}), r"thresholds\['a'\]='b' cannot be used"),
        (lambda t: pace_edge.Options(hidden="bell"), "hidden='bell' cannot be used: expected a set of labels"),
    ],
)
def test_an_argument_of_a_wrong_type_is_one_sentence(small_model, monkeypatch, call, words):
    monkeypatch.chdir(ROOT / "examples" / "sounds")
    with pace_edge.Teacher(small_model) as teacher, pytest.raises(pace_edge.PaceEdgeError, match=words) as caught:
        call(teacher)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.undo(0), r"undo\(0\) takes nothing back"),
        (lambda t: t.undo(-1), r"undo\(-1\) takes nothing back"),
        (lambda t: t.learn_heard("bell", 3600), "last_s=3600 cannot be used: expected above 0 and at most 60 seconds"),
        (lambda t: t.learn_heard("bell", 0), "last_s=0 cannot be used"),
        (lambda t: t.learn_recording("bell", "ring.wav", -1), "seconds=-1 cannot be used"),
        (lambda t: t.learn_recording("bell", "ring.wav", float("nan")), "seconds=nan cannot be used"),
    ],
)
def test_a_number_that_means_nothing_is_refused_and_changes_nothing(small_model, monkeypatch, call, words):
    monkeypatch.chdir(ROOT / "examples" / "sounds")
    with pace_edge.Teacher(small_model) as teacher:
        teacher.learn_file("doorbell", "ring.wav")
        teacher.rename("doorbell", "gong")
        with pytest.raises(pace_edge.UsageError, match=words):
            call(teacher)
        assert [operation.kind for operation in teacher.learner.operations] == ["learn", "rename"]


def test_options_take_any_collection_of_labels():
    assert pace_edge.Options(hidden=["bell"]).hidden == frozenset({"bell"})
