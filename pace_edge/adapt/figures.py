"""The pictures of a report: numbers in, a Figure out, and `png` makes the file; never pyplot, it keeps global state.

Readable at 700 px and without colour vision. Labels may be any text and are drawn as they are, never as formulas; what
no font has is drawn as a box. Shares come in from 0 to 1 and are shown in per cent.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, MaxNLocator

WIDTH, DPI = 7.0, 200  # inches; twice the pixels that a page shows, for screens that have them
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")  # Okabe and Ito, no yellow
MARKERS = "osD^v<PX"
FEW = 20  # sessions or classes whose numbers have room
PALE = "#e8e8e8"
NAMEABLE = len(COLOURS) * len(MARKERS)  # classes that can be told apart, and whose names have room
# DejaVu, which matplotlib brings, has no Chinese, Japanese or Korean: what Linux, macOS and Windows usually have.
FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Hiragino Sans", "Arial Unicode MS",
         "Microsoft YaHei", "Malgun Gothic")  # fmt: skip


def png(figure: Figure) -> bytes:
    """The file's content."""
    installed = {font.name for font in fontManager.ttflist}
    families = [name for name in FONTS if name in installed]  # matplotlib logs each that is not
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        if not text.get_text().isascii():  # a label: the bold titles would ask for fonts that are not bold
            text.set_fontfamily(families)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def accuracy(accuracies: Sequence[float]) -> Figure:
    """Over all classes seen so far, after each session."""
    y, T = 100 * np.array(accuracies), len(accuracies)
    figure, axes = chart(f"After the last session {y[-1]:.1f} % of the test clips are called right", 3.4)
    axes.plot(range(1, T + 1), y, "o-" if T <= FEW else "-", color=COLOURS[0])
    for t in range(T) if T <= FEW else ():
        axes.annotate(f"{y[t]:.1f}", (t + 1, y[t]), (0, 7), textcoords="offset points", ha="center", fontsize=9)
    low = min(90.0, max(0.0, 10 * np.floor((y.min() - 5) / 10)))
    axes.set(xlabel="session", ylabel="accuracy on all classes so far (%)", xlim=(0.5, T + 0.5))
    axes.set_ylim(low, 100 + 0.12 * (100 - low))  # room for a number above 100
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=PALE)
    count_ticks(axes.xaxis, T)
    return figure


def sessions(matrix: Sequence[Sequence[float]], forgetting: float) -> Figure:
    """matrix[t][j]: the accuracy after session t + 1 on the classes of session j + 1, as a heat map."""
    T = len(matrix)
    values = np.full((T, T), np.nan)
    for t, row in enumerate(matrix):
        values[t, : t + 1] = 100 * np.array(row)
    change = f"{'lost' if forgetting >= 0 else 'gained'} {100 * abs(forgetting):.1f} points"
    figure, axes = chart(f"Earlier sessions' classes {change} of accuracy on average", min(1.6 + 0.45 * T, 5.2))
    bar(figure, axes, heat_map(axes, values, values), "accuracy (%)")
    axes.set(xlabel="classes that came with session", ylabel="after session")
    count_ticks(axes.xaxis, T)
    count_ticks(axes.yaxis, T)
    return figure


def cka(similarities: Sequence[float], rho_layer: float, n_frozen: int) -> Figure:
    """Each block's similarity to itself before the probe's training, and the cut that it led to."""
    n = len(similarities)
    cut = f"block {n_frozen + 1} is the first below" if n_frozen < n else "none is below"
    figure, axes = chart(f"{n_frozen} of {n} blocks are frozen: {cut} {rho_layer:g}", 3.4)
    axes.axvspan(0.5, n_frozen + 0.5, color=PALE)
    axes.axhline(rho_layer, color=COLOURS[1], linestyle="--")
    axes.text(
        1.01, rho_layer, f"rho_layer\n{rho_layer:g}", transform=axes.get_yaxis_transform(), va="center", fontsize=9
    )
    axes.plot(range(1, n + 1), similarities, "o-", color=COLOURS[0])
    low = min(*similarities, rho_layer)
    room = 0.2 * (1 - low) + 0.002
    axes.set(xlabel="block", ylabel="linear CKA of before and after", xlim=(0.5, n + 0.5), ylim=(low - room, 1 + room))
    count_ticks(axes.xaxis, n)
    for first, last, what in ((0, n_frozen, "frozen"), (n_frozen, n, "adapted")):
        if first < last:
            middle = (first + last + 1) / 2
            axes.text(middle, 0.02, what, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=9)
    return figure


def energy(shares: Mapping[int, Mapping[str, float]]) -> Figure:
    """Per adapted weight, the share of its inputs' energy that each session's subspace holds."""
    names = list(dict.fromkeys(name for of_session in shares.values() for name in of_session))
    values = [100 * share for of_session in shares.values() for share in of_session.values()]
    title = f"The sessions' subspaces hold {min(values):.2f} to {max(values):.2f} % of the inputs' energy"
    figure, axes = chart(title, 1.6 + 0.2 * len(names))
    for i, of_session in enumerate(shares.values()):
        rows = [names.index(name) for name in of_session]
        axes.plot([100 * share for share in of_session.values()], rows, linestyle="", **_one_of(i, len(shares)))
    axes.set_yticks(range(len(names)), [_short(name, 40) for name in names], fontsize=9 if len(names) <= 30 else 7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("energy held (%)")
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.grid(axis="y", color=PALE)
    legend(figure, axes.lines, [f"session {number}" for number in shares])
    return figure


def losses(of_stages: Mapping[str, Sequence[float]]) -> Figure:
    """Mean loss of each epoch of each stage."""
    last = [values[-1] for values in of_stages.values()]
    ended = f"losses of {min(last):.2g} to {max(last):.2g}" if len(last) > 1 else f"a loss of {last[0]:.2g}"
    figure, axes = chart(f"Training ended at {ended}", 3.8)
    for i, values in enumerate(of_stages.values()):
        axes.plot(range(1, len(values) + 1), values, markersize=5, **_one_of(i, len(of_stages)))
    axes.set(xlabel="epoch", ylabel="mean loss")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=PALE)
    count_ticks(axes.xaxis, max(map(len, of_stages.values())))
    legend(figure, axes.lines, list(of_stages))
    return figure


def confusion(counts: np.ndarray, labels: Sequence[str], sizes: Sequence[int]) -> Figure:
    """Test clips by what they are, rows, and what they were called; `sizes`: of the sessions, in classes."""
    C = len(labels)
    names, size = [_short(label) for label in labels], 9.0 if C <= FEW else 6.5
    widths = [_width(name) for name in names]
    turned = sum(widths) > 40
    cells, below = 0.02 * size * min(C, NAMEABLE), 0.0085 * size * max(widths) if turned and C <= NAMEABLE else 0.2
    title = f"{counts.trace()} of {counts.sum()} test clips are called right"
    figure, axes = chart(title, 1.2 + max(cells, 1.5) + below)
    share = 100 * counts / counts.sum(1, keepdims=True).clip(1)
    bar(figure, axes, heat_map(axes, share, np.where(counts, counts, np.nan)), "of the class's clips (%)")
    axes.set(xlabel="what it was called", ylabel="what it was")
    if C > NAMEABLE:
        axes.set(xlabel="what it was called, classes in the order of learning", ylabel="what it was, in the same order")
        return figure
    for edge in list(accumulate(sizes))[:-1]:  # between sessions
        axes.axhline(edge + 0.5, color="#b0b0b0", linewidth=0.6)
        axes.axvline(edge + 0.5, color="#b0b0b0", linewidth=0.6)
    axes.set_xticks(range(1, C + 1), names, rotation=90 if turned else 0, fontsize=size)
    axes.set_yticks(range(1, C + 1), names, fontsize=size)
    axes.tick_params(length=0)
    return figure


def embedding(
    before: np.ndarray, after: np.ndarray, kept: Sequence[float], of_class: np.ndarray, labels: Sequence[str]
) -> Figure:
    """Clips [n, 2] in the pretrained backbone's plane and in the adapted one's, which keep the shares `kept` of the
    variance; `of_class` [n] are indices into `labels`."""
    C, rows = len(labels), -(-len(labels) // _columns(labels))
    figure = Figure(figsize=(WIDTH, 4.1 + (0.16 * rows if C <= NAMEABLE else 0)), layout="constrained")
    headline(figure, "How adapting moved the test clips" + ("; several classes share a symbol" if C > NAMEABLE else ""))
    size = 5.5 if len(of_class) <= 400 else 3.5
    names = ("before: the pretrained backbone", "after: the adapted backbone")
    for axes, plane, share, name in zip(figure.subplots(1, 2), (before, after), kept, names, strict=True):
        for c in range(C):
            axes.plot(*plane[of_class == c].T, markersize=size, **_symbol(c))
        middle, reach = (plane.max(0) + plane.min(0)) / 2, 0.54 * np.ptp(plane, axis=0).max() or 1.0
        axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
        axes.set(aspect="equal", xticks=[], yticks=[], xlabel="principal component 1", ylabel="principal component 2")
        axes.set_title(f"{name}\n({100 * share:.0f} % of the variance)", fontsize=10)
    if C <= NAMEABLE:
        legend(figure, [Line2D([], [], markersize=5.5, **_symbol(c)) for c in range(C)], labels)
    return figure


def chart(title: str, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    headline(figure, title)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def headline(figure: Figure, title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")


def count_ticks(axis: Axis, n: int) -> None:
    """Ticks at 1, 2, ... n, or at some of them where there is no room for all."""
    axis.set_major_locator(FixedLocator(range(1, n + 1)) if n <= FEW else MaxNLocator(integer=True))


def heat_map(axes: Axes, shares: np.ndarray, numbers: np.ndarray, size: float = 9) -> AxesImage:
    """Square `shares` in per cent as shades of blue, cells 1 to n, with `numbers` in them where there is room; NaN is
    left white."""
    n = len(shares)
    edges = (0.5, n + 0.5, n + 0.5, 0.5)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto", extent=edges)
    axes.spines[:].set_visible(False)
    for (row, column), number in np.ndenumerate(numbers if n <= FEW else np.zeros((0, 0))):
        if not np.isnan(number):
            colour = "white" if shares[row, column] > 60 else "black"
            axes.text(column + 1, row + 1, f"{number:.0f}", color=colour, ha="center", va="center", fontsize=size)
    return image


def bar(figure: Figure, axes: Axes | Sequence[Axes], image: AxesImage, unit: str) -> None:
    """What the shades mean, beside the map or maps."""
    figure.colorbar(image, ax=axes, label=unit, shrink=0.7, fraction=0.04, pad=0.02)


def _one_of(i: int, n: int) -> dict[str, Any]:
    """How the i-th of n things in order is drawn: each in its own colour while few, else from dark to light."""
    colour = COLOURS[i] if n <= len(COLOURS) else colormaps["viridis"](0.92 * i / (n - 1))
    return {"color": colour, "marker": MARKERS[i % len(MARKERS)], "markeredgecolor": "white", "markeredgewidth": 0.3}


def _symbol(c: int) -> dict[str, Any]:
    """How a clip of class c is drawn: unlike any other class up to NAMEABLE."""
    marker = MARKERS[c // len(COLOURS) % len(MARKERS)]
    return {"color": COLOURS[c % len(COLOURS)], "marker": marker, "linestyle": "", "markeredgecolor": "white",
            "markeredgewidth": 0.3}  # fmt: skip


def legend(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """Below everything, in as many columns as fit; of too many, twelve from the first to the last."""
    if len(handles) > NAMEABLE:
        some = np.linspace(0, len(handles) - 1, 12).round().astype(int)
        handles, labels = [handles[i] for i in some], [labels[i] for i in some]
    figure.legend(
        handles, [_short(label) for label in labels], loc="outside lower left", ncols=_columns(labels), frameon=False,
        fontsize=8, handlelength=1.5, labelspacing=0.25, columnspacing=1.0,
    )  # fmt: skip


def _columns(labels: Sequence[str]) -> int:
    widest = max(_width(_short(label)) for label in labels)
    return int((WIDTH - 0.2) / (0.45 + 0.07 * widest))


def _width(label: str) -> int:
    """In letters; Chinese, Japanese and Korean ones are twice as wide."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in label)


def _short(label: str, longest: int = 24) -> str:
    return label if len(label) <= longest else f"{label[: longest - 9]}…{label[-8:]}"
