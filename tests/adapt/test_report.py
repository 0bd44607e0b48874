"""The report is whole and true, shows every label as it is, and says what it leaves out by leaving it out."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from pace_edge.adapt import figures, report
from pace_edge.adapt.markdown import cell
from pace_edge.adapt.report import RunRecord, write_report
from pace_edge.errors import PaceEdgeError

UGLY = ("$x^2$", "$\\frac$", "_hidden", "a|b `c` *d*", "門のベル", "باب 🚪", "line\nbreak", "\udcff <b>", "", "_ $ _ $")
ALWAYS = {"accuracy.png", "confusion.png", "embedding.png", "report.json", "report.md", "settings.json"}
SOMETIMES = {"sessions.png", "cka.png", "energy.png", "losses.png"}


def record(labels=("dog", "cat", "bell", "door"), *, per_session=2, **changes) -> RunRecord:
    """Two clips a class; one of the first class is called the second."""
    rng, T = np.random.default_rng(0), -(-len(labels) // per_session)
    truth = tuple(label for label in labels for _ in range(2))
    values = {
        "sessions": tuple(tuple(labels[i : i + per_session]) for i in range(0, len(labels), per_session)),
        "matrix": tuple(tuple(1 - 0.25 * (t - j) / T for j in range(t + 1)) for t in range(T)),
        "accuracies": tuple(1 - 0.125 * t / T for t in range(T)),
        "losses": {"probe": [2.0, 1.0], "session 1": [1.5, 0.5]},
        "similarities": (0.99, 0.97, 0.9),
        "n_frozen": 2,
        "rho_layer": 0.94,
        "energy": {2: {"blocks.2.key": 0.991, "blocks.2.value": 0.995}},
        "truth": truth,
        "called": (labels[1], *truth[1:]),
        "z_before": rng.normal(size=(len(truth), 5)),
        "z_after": rng.normal(size=(len(truth), 5)),
        "settings": {"data": "clips", "settings": {"epochs": 2}},
    }
    return RunRecord(**{**values, **changes})


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


@pytest.fixture
def unseen(monkeypatch):
    """For tests that look at no picture: none is drawn."""
    monkeypatch.setattr(figures, "png", lambda _: b"a picture")


def read_json(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_folder_holds_every_number_and_the_page_shows_every_figure(tmp_path):
    r = record()
    write_report(r, tmp_path / "new" / "report")
    folder = tmp_path / "new" / "report"
    assert {path.name for path in folder.iterdir()} == ALWAYS | SOMETIMES
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((.*\.png)\)", page)) == {path.name for path in folder.glob("*.png")}
    for path in folder.glob("*.png"):
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
    assert read_json(folder / "settings.json") == r.settings
    content = read_json(folder / "report.json")
    assert content["schema"] == report.SCHEMA
    assert content["measures"] == pytest.approx({
        "final_accuracy": 0.9375, "macro_accuracy": 0.875, "incremental_average": 0.96875, "forgetting": 0.125,
        "backward_transfer": -0.125,
    })  # fmt: skip
    assert content["matrix"] == [[1.0], [0.875, 1.0]]
    assert content["confusion"]["counts"] == [[1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]
    assert content["cka"] == {"similarities": [0.99, 0.97, 0.9], "rho_layer": 0.94, "n_frozen": 2}
    assert content["energy"] == {"2": r.energy[2]} and content["losses"] == r.losses
    assert np.shape(content["clips"]["before"]) == np.shape(content["clips"]["after"]) == (8, 2)
    assert content["clips"]["called"][0] == "cat" and content["clips"]["truth"][0] == "dog"


def test_the_page_says_the_numbers_in_per_cent_and_the_mistakes():
    page = report._page(record(), [])
    assert (
        "4 classes in 2 sessions. At the end 7 of 8 test clips" in page and "guessing would call 25.0 % right" in page
    )
    assert "| forgetting | 12.5 points |" in page and "| backward transfer | -12.5 points |" in page
    assert "| 1 | dog, cat | 100.0 % | 100.0 % | 87.5 % |" in page
    assert "| dog | cat | 1 | 2 |" in page
    r = record()
    assert "## Commonest mistakes\n\nNone.\n" in report._page(replace(r, called=r.truth), [])
    assert "-0.0" not in report._page(replace(r, matrix=((1.0,), (1.0001, 1.0))), [])


def test_one_plain_session_gets_no_figure_of_what_did_not_happen_and_the_last_reports_are_gone(tmp_path, unseen):
    write_report(record(), tmp_path)
    (tmp_path / "mine.png").write_bytes(b"not of the report")
    write_report(record(("a", "b"), similarities=(), energy={2: {}}, losses={"session 1": []}), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == ALWAYS | {"mine.png"}
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "2 classes in 1 session. " in page and "forgetting" not in page
    assert not any(name in page for name in SOMETIMES)
    assert read_json(tmp_path / "report.json")["measures"]["forgetting"] == 0.0


def test_the_same_run_gives_the_same_bytes(tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_report(record(), folder)
    for name in ALWAYS | SOMETIMES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_labels_of_any_text_are_shown_as_they_are_and_nothing_is_said_of_missing_glyphs(tmp_path, monkeypatch, caplog):
    def no_formula(*_, **__):
        raise AssertionError("a label was taken for a formula")

    drawn = []
    monkeypatch.setattr("matplotlib.mathtext.MathTextParser.parse", no_formula)
    monkeypatch.setattr(figures, "png", lambda figure, png=figures.png: (png(figure), drawn.append(words(figure)))[0])
    write_report(
        record(
            UGLY,
            per_session=5,
            losses={"_$x$": [1.0]},
            energy={2: {"_w": 0.99, "$w$": 0.99}},
            settings={"data": "clips\udcff"},
        ),
        tmp_path,
    )
    expected = [label.replace("\n", "\\n").replace("\udcff", "\\udcff") for label in UGLY]
    shown = [[w for w in some if w in expected and w] for some in drawn]
    assert sorted(shown[1]) == sorted(2 * [w for w in expected if w])  # confusion: rows and columns
    assert sorted(shown[2]) == sorted(w for w in expected if w)  # the legend of the embeddings
    everything = [w for some in drawn for w in some]
    assert {"_$x$", "_w", "$w$"} <= set(everything)
    assert not caplog.records
    assert read_json(tmp_path / "report.json")["confusion"]["labels"] == list(UGLY)
    assert read_json(tmp_path / "settings.json") == {"data": "clips\udcff"}
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "a\\|b \\`c\\` \\*d\\*, 門のベル" in page and "\\\\udcff \\<b\\>" in page


anything = st.text(st.characters(exclude_categories=()), max_size=8)


@given(st.lists(anything, max_size=4))
def test_labels_come_back_from_the_json(labels):
    assert json.loads(report._json({"labels": labels}).decode("utf-8"))["labels"] == labels


@given(anything)
def test_a_label_stays_in_its_cell(label):
    shown = cell(label)
    assert not re.search(r"(?<!\\)(\\\\)*\|", shown)
    assert len(f"|{shown}|".splitlines()) == 1
    shown.encode("utf-8")


def test_a_number_that_is_not_finite_is_null(tmp_path, unseen):
    write_report(record(losses={"session 1": [1.0, float("nan"), float("inf")]}), tmp_path)
    assert read_json(tmp_path / "report.json")["losses"] == {"session 1": [1.0, None, None]}


def test_a_folder_that_cannot_be_written_is_told(tmp_path, unseen):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PaceEdgeError, match=r"cannot write the report to .*file: .*\. Choose a folder"):
        write_report(record(), tmp_path / "file")


def test_a_report_that_was_not_finished_has_no_report_json(tmp_path, monkeypatch, unseen):
    write_report(record(), tmp_path)

    def disk_full(path, content, write=report.write_whole):
        if path.name == "report.md":
            raise OSError("disk full")
        write(path, content)

    monkeypatch.setattr(report, "write_whole", disk_full)
    with pytest.raises(PaceEdgeError, match=r"cannot write the report to .*disk full"):
        write_report(record(), tmp_path)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"sessions": ()}, "accuracies of 0 sessions"),
        ({"matrix": ((1.0,), (1.0,))}, "accuracies of 2 sessions"),
        ({"accuracies": (1.0,)}, "accuracies of 2 sessions"),
        ({"sessions": (("dog", "cat"), ("dog", "bell", "door"))}, "each class must be of one session"),
        ({"called": ("bird",) * 8}, "each class must be of one session"),
        ({"called": ("dog",) * 7}, "a call and two embeddings"),
        ({"z_after": np.zeros((7, 5))}, "a call and two embeddings"),
        ({"truth": (), "called": (), "z_before": np.zeros((0, 5)), "z_after": np.zeros((0, 5))}, "of 0 clips"),
    ],
)
def test_a_record_that_does_not_fit_together_is_an_error(changes, what):
    with pytest.raises(ValueError, match=what):
        record(**changes)


def test_matplotlib_is_loaded_when_a_report_is_written_and_pyplot_never():
    code = (
        "import sys, pathlib, tempfile; from pace_edge.adapt.report import write_report\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from tests.adapt.test_report import record\n"
        "write_report(record(), pathlib.Path(tempfile.mkdtemp()))\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_cut_is_drawn_where_the_first_block_drifts():
    def frozen_and_words(similarities, n_frozen):
        figure = figures.cka(similarities, 0.94, n_frozen)
        left, right = figure.axes[0].patches[0].get_extents().transformed(figure.axes[0].transData.inverted()).intervalx
        assert left == 0.5
        return right, {"frozen", "adapted"} & set(words(figure)), words(figure)

    right, parts, _ = frozen_and_words((0.99, 0.97, 0.9), 2)
    assert right == pytest.approx(2.5) and parts == {"frozen", "adapted"}
    right, parts, said = frozen_and_words((0.9, 0.99), 0)
    assert right == pytest.approx(0.5) and parts == {"adapted"}
    assert "0 of 2 blocks are frozen: block 1 is the first below 0.94" in said
    right, parts, said = frozen_and_words((0.96, 0.99), 2)
    assert right == pytest.approx(2.5) and parts == {"frozen"}
    assert "2 of 2 blocks are frozen: none is below 0.94" in said


def test_accuracies_are_drawn_in_per_cent():
    axes = figures.accuracy([1.0, 0.875]).axes[0]
    assert list(axes.lines[0].get_ydata()) == [100.0, 87.5] and "%" in axes.get_ylabel()
    for lowest in (0.0, 0.43, 0.999, 1.0):
        bottom, top = figures.accuracy([1.0, lowest]).axes[0].get_ylim()
        assert bottom <= 100 * lowest and top > 100
    values = figures.sessions(((1.0,), (0.875, 0.5)), 0.125).axes[0].images[0].get_array()
    assert values.filled(-1).tolist() == [[100.0, -1], [87.5, 50.0]]
    for change, said in ((0.125, "lost"), (-0.125, "gained")):
        title = f"Earlier sessions' classes {said} 12.5 points of accuracy on average"
        assert title in words(figures.sessions(((0.5,), (0.5, 1.0)), change))


def test_every_class_that_is_named_has_a_symbol_of_its_own_the_same_before_and_after():
    C = figures.NAMEABLE
    z = np.random.default_rng(0).normal(size=(C, 2))
    figure = figures.embedding(z, z, (1.0, 1.0), np.arange(C), [f"class {c}" for c in range(C)])
    before, after = ([(line.get_color(), line.get_marker()) for line in axes.lines] for axes in figure.axes)
    assert before == after and len(set(before)) == C >= 50
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [f"class {c}" for c in range(C)]
    assert [(line.get_color(), line.get_marker()) for line in legend.get_lines()] == before


@pytest.mark.parametrize(("C", "per_session"), [(2, 2), (16, 2), (50, 5), (60, 30)])
def test_nothing_is_drawn_outside_a_picture(C, per_session, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "png", lambda figure: drawn.append(figure) or b"")
    names = [f"a_long_name_of_class_{c}" for c in range(C)]
    stages = {f"session {t}": [1.0, 0.5] for t in range(1, 16)}
    weights = {t: {f"encoder.blocks.{b}.attention.key": 0.99 + b / 2000 for b in range(12)} for t in range(2, 16)}
    report._figures(record(names, per_session=per_session, losses=stages, energy=weights))
    for figure in drawn:
        figure.draw_without_rendering()
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= -0.01 and box.y0 >= -0.01
        assert box.x1 <= figure.get_figwidth() + 0.01 and box.y1 <= figure.get_figheight() + 0.01
