"""The benchmark's report: a folder that a person opens at report.html, or at report.md on a forge.

report.md, report.html  the same; the second has its pictures inside
*.png                   the pictures
leaderboard.jsonl       every run that the report is made of, as read_runs reads it
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pace_edge.benchmark import report_html, report_page
from pace_edge.benchmark.report_groups import grouped
from pace_edge.benchmark.report_pictures import cka_pictures, pictures_of
from pace_edge.benchmark.report_runs import read_runs
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

OURS = re.compile(r"\d\d+-.+-(sessions|ablations|matrix|cost)\.png|cka-.+\.png")  # a picture of some report


def write_benchmark_report(
    runs: Sequence[Path], folder: Path, *, methods: Sequence[str] = (), backbones: Sequence[str] = (),
    analysis: Path | None = None,
) -> list[str]:  # fmt: skip
    """Make the folder's files, in place of those of an earlier report, and return what a person should be told.

    `runs` are files of runs, or folders with a runs.jsonl. `methods` and `backbones` are what there is to run, so that
    the report can say what was not; `analysis` is Markdown that is put into it. Raises PaceEdgeError.
    """
    from pace_edge.benchmark.report_figures import styles

    read = read_runs(runs)
    why = _text(analysis) if analysis is not None else ""
    groups = grouped(read.runs, methods)
    look = styles([*methods, *(run.method for run in read.runs)])
    pictures = [pictures_of(group, number, look) for number, group in enumerate(groups, 1)]
    cka = cka_pictures(groups)
    page = report_page.page(groups, pictures, cka, methods=methods, backbones=backbones, analysis=why, notes=read.notes)
    contents = {picture.name: picture.content for of_group in (*pictures, cka) for picture in of_group}
    files = {
        **contents,
        "leaderboard.jsonl": "".join(f"{run.line()}\n" for run in read.runs).encode(),
        "report.md": page.encode("utf-8", "backslashreplace"),
        "report.html": report_html.page(page, contents).encode("utf-8", "backslashreplace"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.png"):
            if OURS.fullmatch(path.name) and path.name not in files:
                path.unlink()
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise PaceEdgeError(
            f"cannot write the report to {folder}: {error.strerror or error}", do="Choose a folder that can be written."
        ) from None
    return read.notes


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PaceEdgeError(f"cannot read the analysis {file}: {error.strerror}", do="Check the path.") from None
    except UnicodeDecodeError:
        raise PaceEdgeError(f"the analysis {file} is no text", expected="Markdown in UTF-8") from None
