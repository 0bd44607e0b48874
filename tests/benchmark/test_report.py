"""The report is whole, stands alone, and can be read by those who cannot see it."""

import re
import shutil
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from pace_edge.benchmark import report_figures
from pace_edge.benchmark.report import write_benchmark_report
from pace_edge.benchmark.report_html import anchor, page
from pace_edge.benchmark.report_runs import read_runs
from pace_edge.errors import PaceEdgeError
from tests.benchmark.some_runs import some_run, written
from tests.chromium import Chromium

CKA = {"cka": [0.99, 0.9], "n_frozen": 1, "rho_layer": 0.94}
UGLY = "<script>alert(1)</script> | `a` $x^2$ *門のベル*"
RUNS = [
    some_run("frozen + analytic", last=0.7), some_run("PACE", details=CKA),
    some_run("joint LoRA", joint=True, last=0.9), some_run("PACE, no L_reg", last=0.79),
    some_run(UGLY, last=0.5, source=f"mine.py {UGLY}", command=f"run\n{UGLY}"),
    some_run("PACE", set=UGLY, T=1),
]  # fmt: skip


@pytest.fixture
def unseen(monkeypatch):
    """For tests that look at no picture: none is drawn."""
    monkeypatch.setattr(report_figures, "small_png", lambda _: b"a picture")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("report")
    write_benchmark_report([written(home, RUNS)], home / "to", methods=["L2P", "PACE"], backbones=["eat"])
    return home / "to"


class Seen(HTMLParser):
    """Every element, its attributes and text; fails where one is closed that was not open."""

    VOID = ("meta", "img", "br", "hr")

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def test_the_page_shows_every_picture_says_what_it_shows_and_every_link_leads_somewhere(folder):
    seen = Seen((folder / "report.html").read_text(encoding="utf-8"))
    pictures = [attributes for tag, attributes in seen.elements if tag == "img"]
    files = sorted(path.name for path in folder.glob("*.png"))
    assert len(pictures) == len(files) == 7  # 4 of the first group, 2 of the second, which has one session, and CKA
    for picture in pictures:
        assert len(picture["alt"]) > 40 and picture["src"].startswith("data:image/png;base64,")
    assert sorted(re.findall(r"\]\(([^#)]*\.png)\)", (folder / "report.md").read_text(encoding="utf-8"))) == files
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    links = [unquote(attributes["href"]) for tag, attributes in seen.elements if tag == "a"]
    assert len(set(ids)) == len(ids) and links and {link.removeprefix("#") for link in links} <= set(ids)


def test_the_page_fetches_nothing_runs_nothing_and_shows_any_name_as_it_is(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    seen = Seen(text)
    tags = {tag for tag, _ in seen.elements}
    assert not tags & {"script", "link", "iframe", "object", "base", "form"}
    assert not [attributes for _, attributes in seen.elements if any(name.startswith("on") for name in attributes)]
    assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", text)
    assert "default-src 'none'" in text and "width=device-width" in text and "prefers-color-scheme: dark" in text
    assert UGLY in seen.text and "mine.py " + UGLY in seen.text and "run\\n" + UGLY in seen.text


def test_every_table_can_be_scrolled_and_every_picture_is_small(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.count('<div class="wide"') == text.count("<table>") >= 9
    for path in folder.glob("*.png"):
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) < 150_000


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_a_browser_shows_it_on_a_telephone_without_asking_for_anything(folder, tmp_path):
    with Chromium(shutil.which("chromium"), tmp_path / "profile", tmp_path / "silence.wav") as browser:
        url = (folder / "report.html").as_uri()
        browser.open(url, width=390)
        browser.wait("document.readyState === 'complete'", 60)
        assert browser.run("[...document.images].every(image => image.naturalWidth > 1000)")
        assert browser.run("document.documentElement.scrollWidth") <= 390  # tables scroll on their own
        assert [request for request in browser.requests if not request.startswith("data:")] == [url]
        assert not browser.complaints


def test_numbers_of_the_runs_are_on_the_page_and_how_they_were_made(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "6 runs of 5 methods on 2 sets with 1 backbone" in text
    assert "PACE leads; the next, frozen + analytic, is 10.0 points (n 1) behind" in text
    assert (
        "ESC-10, coarse; 10 classes in 5 sessions; 320 clips to learn from, 80 to test on; clips of 5 s, E_0 10" in text
    )
    assert "one test clip is 1.2 points, guessing 10.0 %" in text
    assert "    pace-edge benchmark run --data data --output runs\n" in text
    assert "pace-edge 0.1.0, torch 2.13.0 (6 runs)" in text and "Devices: cpu (6 runs)" in text
    assert "\nNot run: L2P.\n" in text and "| esc10 | 5 runs, 5 methods | not run |" in text
    assert RUNS[0].set_sha256[:16] in text and RUNS[0].backbone_sha256[:16] in text


def test_not_run_stands_where_nothing_ran_and_nowhere_else(tmp_path, unseen):
    everything = ["PACE", "frozen + analytic"]
    write_benchmark_report([written(tmp_path, RUNS)], tmp_path / "to", methods=everything, backbones=[])
    lines = (tmp_path / "to/report.md").read_text(encoding="utf-8").splitlines()
    where = [line for line in lines if "not run" in line and ", ours |" not in line and "| esc10 |" not in line]
    coverage = [line for line in where if re.fullmatch(r"\| \S+ \| not run \|", line)]
    rest = [line for line in where if line not in coverage]
    assert {line.split(" | ")[0].strip("| ") for line in coverage} == {
        "esc50", "urbansound8k", "speech-commands-v2", "timit-2", "timit-3", "vocalset", "sc12", "us8k-part",
        "timit16-2", "timit16-3", "digits", "digits-by-speaker", "speakers50",
    }  # fmt: skip
    # of the second set only PACE ran: its row of small sets, and the one absent method
    assert len(rest) == 1 and rest[0].count("not run") == 6
    assert [line for line in lines if line.startswith("Not run")] == ["Not run: frozen + analytic."]


def test_the_leaderboard_is_a_file_that_a_report_is_made_of_again(folder, tmp_path, unseen):
    assert read_runs([folder / "leaderboard.jsonl"]).runs == RUNS
    ours = some_run("NCM", last=0.1, source="pace-edge, revision 2")
    new = written(tmp_path, [ours, some_run("FeCAM", last=0.85, source="fecam.py sha256:12")])
    write_benchmark_report([folder / "leaderboard.jsonl", new], tmp_path / "to")
    text = (tmp_path / "to/report.md").read_text(encoding="utf-8")
    assert (
        "PACE does not lead: FeCAM is 5.0 points (n 1) ahead" in text
        and "FeCAM is not of this package: fecam.py sha256:12" in text
    )
    assert "NCM is not of this package" not in text
    assert [run.method for run in read_runs([tmp_path / "to/leaderboard.jsonl"]).runs][-1] == "FeCAM"


def test_an_analysis_is_put_in_as_it_is_without_its_html(tmp_path, unseen):
    (tmp_path / "why.md").write_text(
        "It is *late*. <img src=http://x>\n\n![one](01-esc10-whisper-base-last-cost.png)", encoding="utf-8"
    )
    write_benchmark_report([written(tmp_path, RUNS[:2])], tmp_path / "to", analysis=tmp_path / "why.md")
    assert "## Why\n\nIt is *late*." in (tmp_path / "to/report.md").read_text()
    html = (tmp_path / "to/report.html").read_text()
    assert "It is <em>late</em>. &lt;img src=http://x&gt;" in html and html.count('alt="one"') == 1
    write_benchmark_report([tmp_path], tmp_path / "to")
    assert "## Why" not in (tmp_path / "to/report.md").read_text()


def test_an_analysis_that_cannot_be_used_is_told(tmp_path, unseen):
    runs = written(tmp_path, RUNS[:1])
    with pytest.raises(PaceEdgeError, match=r"cannot read the analysis .*why\.md: No such file"):
        write_benchmark_report([runs], tmp_path / "to", analysis=tmp_path / "why.md")
    (tmp_path / "why.md").write_bytes(b"\xff\xfe")
    with pytest.raises(PaceEdgeError, match="is no text: expected Markdown in UTF-8"):
        write_benchmark_report([runs], tmp_path / "to", analysis=tmp_path / "why.md")
    (tmp_path / "why.md").write_text("![x](https://example.org/x.png)")
    with pytest.raises(
        PaceEdgeError, match=r"a picture that is none of the report's: https://example.org/x.png: expected"
    ):
        write_benchmark_report([runs], tmp_path / "to", analysis=tmp_path / "why.md")
    assert not (tmp_path / "to").exists()


def test_pictures_of_an_earlier_report_are_gone_and_others_files_are_not(tmp_path, unseen):
    runs = written(tmp_path, RUNS)
    write_benchmark_report([runs], tmp_path / "to")
    (tmp_path / "to/mine.png").write_bytes(b"not of the report")
    write_benchmark_report([written(tmp_path, RUNS[:1])], tmp_path / "to")
    names = {path.name for path in (tmp_path / "to").iterdir()}
    assert {name for name in names if name.endswith(".png")} == {
        "mine.png", *(f"01-esc10-whisper-base-last-{what}.png" for what in ("sessions", "matrix", "cost"))
    }  # fmt: skip
    assert names >= {"report.md", "report.html", "leaderboard.jsonl"}


def test_the_same_runs_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_benchmark_report([written(tmp_path, RUNS[-1:])], tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir()) and len(files) == 5
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_folder_that_cannot_be_written_is_told(tmp_path, unseen):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PaceEdgeError, match=r"cannot write the report to .*file: .*\. Choose a folder"):
        write_benchmark_report([written(tmp_path, RUNS[:1])], tmp_path / "file")


def test_links_that_could_do_harm_are_text():
    html = page(
        "[a](javascript:alert(1)) [b](data:text/html,x) [c](https://x.org) [d](#e) ![f](f.png)", {"f.png": b"f"}
    )
    assert re.findall(r'href="([^"]*)"', html) == ["https://x.org", "#e"]
    assert "javascript:alert(1)" in Seen(html).text


def test_anchors_are_those_of_the_usual_forges():
    assert anchor("esc10, whisper-base:last, E_0 10") == "esc10-whisper-baselast-e_0-10"
