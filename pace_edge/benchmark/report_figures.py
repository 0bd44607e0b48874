"""The pictures of a benchmark's report, made of what pace_edge/adapt/figures.py has; shares come in from 0 to 1.

A method has the same colour and marker in all of them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from pace_edge.adapt.figures import (
    COLOURS,
    FEW,
    MARKERS,
    PALE,
    WIDTH,
    bar,
    chart,
    count_ticks,
    headline,
    heat_map,
    legend,
    png,
)
from pace_edge.benchmark.report_tables import number

SHADES = (
    *COLOURS,
    "#808080",
    "#882255",
    "#999933",
    "#332288",
)  # and four of Tol's, for those without colour vision too
# Drawn alike in every report, each in a colour of its own; others get what is left.
FIRST = ("PACE", "RanPAC, naive FSA", "RanPAC", "naive fine-tuning", "LoRA subtraction", "L2P", "frozen + analytic",
         "joint LoRA", "HiDe-Prompt", "NCM", "SLDA")  # fmt: skip
Style = dict[str, Any]
Curve = tuple[Sequence[float], Sequence[float]]  # mean and deviation after each session


def small_png(figure: Figure) -> bytes:
    """The file's content, in 128 colours: a quarter of the bytes, and nobody sees it."""
    from PIL import Image

    file = io.BytesIO()
    picture = Image.open(io.BytesIO(png(figure))).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def styles(methods: Sequence[str]) -> dict[str, Style]:
    """A colour and a marker for each; no two have both in common up to 74."""
    return {name: _look(i) for i, name in enumerate(dict.fromkeys((*FIRST, *methods)))}


def _look(i: int) -> Style:
    shade, turn = i, 0
    if i >= len(SHADES):  # again, but for PACE's colour and the frozen backbone's, which stand beside all
        others = [k for k, name in enumerate(FIRST) if name not in ("PACE", "frozen + analytic")]
        turn, place = divmod(i - len(SHADES), len(others))
        shade, turn = others[place], turn + 1
    return {"color": SHADES[shade], "marker": MARKERS[(shade + turn) % len(MARKERS)], "markersize": 5,
            "markeredgecolor": "white", "markeredgewidth": 0.4}  # fmt: skip


def curves(title: str, of_methods: Mapping[str, Curve], look: Mapping[str, Style]) -> Figure:
    """Accuracy over all classes so far after each session: the mean over orders, and a band of one deviation. A method
    that had all classes at once is a point at the last session."""
    T = max(len(mean) for mean, _ in of_methods.values())
    figure, axes = chart(title, 4.2)
    for method, (mean, deviation) in of_methods.items():
        y, band = 100 * np.array(mean), 100 * np.array(deviation)
        x = np.arange(T - len(y), T) + 1
        axes.plot(x, y, linewidth=2.4 if method == "PACE" else 1.4, zorder=3 if method == "PACE" else 2,
                  **look[method], markevery=1 if T <= FEW else T // 10)  # fmt: skip
        if band.any():
            axes.fill_between(
                x, y - band, np.minimum(y + band, 100), color=look[method]["color"], alpha=0.1, linewidth=0
            )
    lowest = min(min(mean) for mean, _ in of_methods.values())
    low = float(min(90, max(0, 10 * np.floor((100 * lowest - 4) / 10))))
    axes.set(xlabel="session", ylabel="accuracy on all classes so far (%)", xlim=(0.7, T + 0.3))
    axes.set_ylim(low, 100 + 0.02 * (100 - low))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=PALE)
    count_ticks(axes.xaxis, T)
    _name_ends(axes, T, {method: 100 * mean[-1] for method, (mean, _) in of_methods.items()}, look)
    return figure


def _name_ends(axes: Axes, T: int, ends: Mapping[str, float], look: Mapping[str, Style]) -> None:
    """Each curve's name and last value, to its right, apart from each other."""
    low, high = axes.get_ylim()
    size = 8.5 if len(ends) <= 12 else 7
    names = sorted(ends, key=lambda method: -ends[method])
    places = apart([ends[name] for name in names], (high - low) * min(0.0058 * size, 1 / len(names)), low, high)
    for name, y in zip(names, places, strict=True):
        axes.annotate(
            f"{name}  {ends[name]:.1f}", (T, ends[name]), (1.03, (y - low) / (high - low)), textcoords="axes fraction",
            va="center", fontsize=size, color=look[name]["color"], fontweight="bold" if name == "PACE" else None,
            arrowprops={"arrowstyle": "-", "color": look[name]["color"], "linewidth": 0.5, "relpos": (0, 0.5),
                        "shrinkB": 3},
            annotation_clip=False,
        )  # fmt: skip


def apart(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near `values`, which fall, at least `gap` from each other and from `low` to `high` if there is room."""
    places: list[float] = []
    for value in values:
        places.append(min(value, high, places[-1] - gap if places else high))
    bottom = low
    for i in range(len(places) - 1, -1, -1):
        places[i] = max(places[i], bottom)
        bottom = places[i] + gap
    return places


def matrices(title: str, of_methods: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Per-session matrices beside each other, one a method, as heat maps."""
    T = max(map(len, of_methods.values()))
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    headline(figure, title)
    panels = figure.subplots(1, len(of_methods), sharey=True, squeeze=False)[0]
    for axes, (method, matrix) in zip(panels, of_methods.items(), strict=True):
        values = np.full((T, T), np.nan)
        for t, row in enumerate(matrix):
            values[t, : t + 1] = 100 * np.array(row)
        numbers = values if T * len(of_methods) <= 30 else np.full((T, T), np.nan)
        image = heat_map(axes, values, numbers, 7.5)
        axes.set_title(method, fontsize=9)
        axes.set_xlabel("classes of session", fontsize=9)
        count_ticks(axes.xaxis, T)
        count_ticks(axes.yaxis, T)
        axes.tick_params(labelsize=8)
    panels[0].set_ylabel("after session", fontsize=9)
    bar(figure, panels, image, "accuracy (%)")
    return figure


def cka(title: str, of_sets: Mapping[str, Sequence[float]], rho_layer: float) -> Figure:
    """How far each block moved in the probe's adaptation, a line a set."""
    n = max(map(len, of_sets.values()))
    figure, axes = chart(title, 3.3 + 0.18 * -(-len(of_sets) // 2))
    for i, similarities in enumerate(of_sets.values()):
        axes.plot(range(1, len(similarities) + 1), similarities, **_look(i))
    axes.axhline(rho_layer, color="#666666", linestyle="--", linewidth=1)
    axes.text(
        1.01, rho_layer, f"rho_layer\n{rho_layer:g}", transform=axes.get_yaxis_transform(), va="center", fontsize=9
    )
    axes.set(xlabel="block", ylabel="linear CKA of before and after", xlim=(0.7, n + 0.3))
    axes.grid(axis="y", color=PALE)
    count_ticks(axes.xaxis, n)
    legend(figure, axes.lines[: len(of_sets)], [*of_sets])
    return figure


COSTS = ("stored between sessions\n(bytes)", "trained at once\n(parameters)", "time to learn\n(frozen + analytic = 1)")
Costs = tuple[float, float, float | None]  # None: not known


def costs(title: str, of_methods: Mapping[str, tuple[float, Costs]], look: Mapping[str, Style]) -> Figure:
    """The last accuracy over each of COSTS."""
    figure = Figure(figsize=(WIDTH, 3.3 + 0.16 * -(-len(of_methods) // 4)), layout="constrained")
    headline(figure, title)
    for i, (axes, name) in enumerate(zip(figure.subplots(1, len(COSTS), sharey=True), COSTS, strict=True)):
        known = {method: value for method, (_, its) in of_methods.items() if (value := its[i]) is not None}
        for method, value in known.items():
            place = [value], [100 * of_methods[method][0]]
            axes.plot(*place, linestyle="", zorder=3, clip_on=False, **(look[method] | {"markersize": 7}))
        _wide_scale(axes, [*known.values()])
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.grid(color=PALE)
        axes.set_xlabel(name, fontsize=9)
        axes.tick_params(labelsize=8)
    figure.axes[0].set_ylabel("accuracy after the last session (%)", fontsize=9)
    legend(figure, [Line2D([], [], linestyle="", **look[method]) for method in of_methods], [*of_methods])
    return figure


def _wide_scale(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis that has a place for 0, with few ticks in plain numbers."""
    some = [value for value in values if value > 0]
    if not some:
        axes.set_xticks([0.0], ["0"])
        return
    low, high = np.log10(min(some)), np.log10(max(some))
    steps = (1.0,) if high - low > 2.2 else (1.0, 3.0) if high - low > 0.9 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    decades = range(int(np.floor(low)) - 1, int(np.ceil(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    shown = [tick for tick in ticks if low - 0.15 <= np.log10(tick) <= high + 0.15] or [min(some)]
    room = 0.1 * (high - low) + 0.1
    if min(values) == 0:
        axes.set_xscale("symlog", linthresh=10 ** (low - room), linscale=0.5)
        axes.set_xlim(-0.2 * 10 ** (low - room), 10 ** (high + room))
        shown = [0.0, *shown]
    else:
        axes.set_xscale("log")
        axes.set_xlim(10 ** (low - room), 10 ** (high + room))
    axes.set_xticks(shown, [number(tick).replace(" ", "") for tick in shown])
    axes.set_xticks([], minor=True)
