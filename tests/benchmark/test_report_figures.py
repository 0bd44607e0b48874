"""A method looks the same in every picture and like no other; nothing is drawn outside; names do not overlap."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from pace_edge.benchmark import report_figures as figures
from pace_edge.benchmark.report_figures import FIRST, apart, costs, curves, matrices, styles


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def line_of(T, last):
    return [1 - (1 - last) * t / max(T - 1, 1) for t in range(T)]


def test_methods_look_alike_in_every_report_and_like_no_other():
    some, more = styles(["PACE", "mine"]), styles([f"PACE, without {i}" for i in range(50)])
    assert all(some[name] == more[name] for name in FIRST)
    looks = {(look["color"], look["marker"]) for look in more.values()}
    assert len(looks) == len(more) == len(FIRST) + 50
    assert len({look["color"] for name, look in more.items() if name in FIRST}) == len(FIRST)


def test_curves_are_in_per_cent_with_a_band_and_a_point_for_what_had_all_at_once():
    look = styles(["mine"])
    shown = {
        "PACE": (line_of(3, 0.5), [0.0, 0.0, 0.1]),
        "joint LoRA": ([0.9], [0.0]),
        "mine": (line_of(3, 0.7), [0.0] * 3),
    }
    figure = curves("title", shown, look)
    axes = figure.axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[100, 75, 50], [90], [100, 85, 70]]
    assert list(axes.lines[1].get_xdata()) == [3]  # at the end
    assert [line.get_color() for line in axes.lines] == [look[name]["color"] for name in shown]
    (band,) = axes.collections
    assert band.get_paths()[0].get_extents().y0 == pytest.approx(40)
    assert {"PACE  50.0", "joint LoRA  90.0", "mine  70.0", "title"} <= set(words(figure))
    assert axes.get_ylim()[0] <= 40


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_names_stand_apart_in_their_order_and_inside(values):
    values = sorted(values, reverse=True)
    gap = min(5.0, 100 / len(values))
    places = apart(values, gap, 0, 100)
    assert all(a - b >= gap - 1e-6 for a, b in pairwise(places))
    assert places[0] <= 100 + 1e-6 and places[-1] >= -1e-6
    if all(a - b >= gap for a, b in pairwise(values)):
        assert places == values


def test_matrices_show_every_number_while_there_is_room():
    figure = matrices("title", {"PACE": [[1.0], [0.25, 0.5]], "NCM": [[0.75], [0.0, 0.125]]})
    assert {"100", "25", "50", "75", "0", "12", "PACE", "NCM"} <= set(words(figure))
    many = [[0.33] * (t + 1) for t in range(40)]
    assert "33" not in words(matrices("title", {"PACE": many}))


def test_costs_have_a_place_for_nothing_and_for_what_is_not_known():
    figure = costs("title", {"PACE": (0.9, (5e6, 0, 30.0)), "NCM": (0.5, (1e3, 4000, None))}, styles([]))
    stored, trained, time = figure.axes
    assert [list(line.get_xdata()) for line in stored.lines] == [[5e6], [1e3]]
    assert [list(line.get_ydata()) for line in trained.lines] == [[90], [50]]
    assert [line.get_xdata()[0] for line in trained.lines] == [0, 4000] and len(time.lines) == 1
    assert trained.get_xticklabels()[0].get_text() == "0"
    assert "$" not in "".join(words(figure))
    costs("nothing is trained", {"PACE": (0.9, (0, 0, None))}, styles([]))


@pytest.mark.parametrize(("T", "methods"), [(1, 1), (8, 20), (315, 11)])
def test_nothing_is_drawn_outside_a_picture(T, methods):
    names = [*FIRST, *[f"PACE, with a long name of something {i}" for i in range(30)]][:methods]
    look = styles(names)
    lasts = {name: (line_of(T, i / methods), [0.02] * T) for i, name in enumerate(names)}
    amounts = {name: (i / methods, (10.0**i, i * 1000, 10.0**-i)) for i, name in enumerate(names)}
    drawn = [
        curves("some set, some backbone", lasts, look),
        costs("some set, some backbone", amounts, look),
        matrices("some set", {name: [[0.5] * (t + 1) for t in range(min(T, 40))] for name in names[:3]}),
        figures.cka("some backbone", {name: [0.99, 0.9] for name in names}, 0.94),
    ]
    for figure in drawn:
        figure.draw_without_rendering()
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= -0.01 and box.y0 >= -0.01
        assert box.x1 <= figure.get_figwidth() + 0.01 and box.y1 <= figure.get_figheight() + 0.01
