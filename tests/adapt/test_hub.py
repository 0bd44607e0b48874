"""Weights come from the hub or a plain address whole, checked and once, over connections that break; else by hand."""

import hashlib
import http.server
import re
import socket
import threading

import pytest

from pace_edge.adapt import hub
from pace_edge.adapt.hub import HubFile, UrlFile
from pace_edge.errors import PaceEdgeError

CONTENT = bytes(range(256)) * 20_000  # 5 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = HubFile("somebody/some-model", "model.safetensors", sha256=SHA256)


class Hub(http.server.ThreadingHTTPServer):
    """Answers as the hub does: a redirection to a store, which knows ranges and versions.

    `cuts` are after how many bytes the next answers break off; `refusals` the next answers that are only a status.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.content, self.etag, self.cuts, self.refusals = CONTENT, '"version-1"', [], []
        self.asked = []  # what the store was asked for: None or the first byte

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self):
        if self.path == "/somebody/some-model/resolve/main/model.safetensors":
            self.answer(302, Location="/store/1")
        elif self.path in ("/store/1", "/models/base.pt"):
            self.store()
        else:
            self.answer(404)

    def store(self):
        hub, first = self.server, None
        content, status, fields = hub.content, 200, {"ETag": hub.etag} if hub.etag else {}
        if (asked := self.headers.get("Range")) and self.headers.get("If-Range", hub.etag) == hub.etag:
            first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            fields["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            status, content = 206, content[first:]
            if not content:
                status, fields["Content-Range"] = 416, f"bytes */{len(hub.content)}"
        hub.asked.append(first)
        if hub.refusals:
            return self.answer(hub.refusals.pop(0))
        return self.answer(status, content, cut=hub.cuts.pop(0) if hub.cuts else None, **fields)

    def answer(self, status, content=b"", *, cut=None, **fields):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content[:cut])
        self.close_connection = True

    def log_message(self, *words):
        pass


@pytest.fixture
def server(monkeypatch):
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield hub
        hub.shutdown()
        thread.join()


@pytest.fixture
def nobody(monkeypatch):
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield


def fetch(tmp_path, file=FILE, tries=1):
    return hub.fetch(file, tmp_path / "weights", pauses_s=(0.0,) * (tries - 1))


def names(tmp_path):
    return sorted(path.name for path in FILE.path(tmp_path / "weights").parent.iterdir())


def test_a_file_is_downloaded_once(server, tmp_path):
    path = fetch(tmp_path)
    assert path.read_bytes() == CONTENT
    assert path == tmp_path / "weights/somebody/some-model/main/model.safetensors"
    assert fetch(tmp_path) == path
    assert server.asked == [None]
    assert names(tmp_path) == ["model.safetensors"]


def test_it_is_kept_in_the_state_folder_unless_told(server, state_folder):
    assert hub.fetch(FILE) == state_folder / "weights/somebody/some-model/main/model.safetensors"


def test_a_broken_connection_goes_on_where_it_stopped(server, tmp_path):
    server.cuts = [1_000_000, 2_000_000]
    assert fetch(tmp_path, tries=2).read_bytes() == CONTENT  # a third try, because the second brought more
    assert server.asked == [None, 1_000_000, 3_000_000]


def test_a_later_run_goes_on_where_the_last_one_stopped(server, tmp_path):
    server.cuts = [1_000_000]
    with pytest.raises(PaceEdgeError, match=r"connection closed after 1\.0 of 5 MB.*goes on where this stopped"):
        fetch(tmp_path)
    assert names(tmp_path) == ["model.safetensors.part", "model.safetensors.part.etag"]
    assert fetch(tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, 1_000_000]
    assert names(tmp_path) == ["model.safetensors"]


def test_a_part_that_is_already_whole_needs_nothing_more(server, tmp_path):
    part = FILE.path(tmp_path / "weights").with_name("model.safetensors.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    part.with_name(part.name + ".etag").write_text(server.etag)
    assert fetch(tmp_path).read_bytes() == CONTENT
    assert server.asked == [len(CONTENT)]


def test_parts_of_two_versions_are_never_joined(server, tmp_path):
    server.cuts = [1_000_000]
    with pytest.raises(PaceEdgeError):
        fetch(tmp_path)
    server.content, server.etag = CONTENT[::-1], '"version-2"'
    file = HubFile(FILE.repo, FILE.name, sha256=hashlib.sha256(CONTENT[::-1]).hexdigest())
    assert fetch(tmp_path, file).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_version_to_hold_to_it_starts_over(server, tmp_path, etag):
    server.etag, server.cuts = etag, [1_000_000]
    assert fetch(tmp_path, tries=2).read_bytes() == CONTENT
    assert server.asked == [None, None]


def test_other_content_than_the_known_is_refused_and_not_kept(server, tmp_path):
    server.content = b"something else"
    with pytest.raises(PaceEdgeError, match=f"not the file we know: expected sha256 {SHA256[:12]}.*Nothing"):
        fetch(tmp_path)
    assert names(tmp_path) == []


def test_a_busy_hub_is_asked_again_and_an_absent_file_is_not(server, tmp_path):
    server.refusals = [503, 429]
    assert fetch(tmp_path, tries=3).read_bytes() == CONTENT
    with pytest.raises(PaceEdgeError, match="HTTP 404"):
        hub.fetch(HubFile("somebody/else", "model.safetensors"), tmp_path, pauses_s=(60.0,))


def test_a_hub_out_of_reach_says_where_the_file_can_be_put(nobody, tmp_path):
    target = FILE.path(tmp_path / "weights")
    with pytest.raises(PaceEdgeError, match=r"could not be downloaded from http.*refused") as caught:
        fetch(tmp_path, tries=2)
    assert f"put the file at {target} yourself" in str(caught.value)


def test_a_file_put_there_by_hand_just_works(nobody, tmp_path):
    target = FILE.path(tmp_path / "weights")
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    assert fetch(tmp_path) == target
    target.write_bytes(b"damaged")
    with pytest.raises(PaceEdgeError, match="Delete it to have it downloaded"):
        fetch(tmp_path)


def test_without_a_known_checksum_the_first_copy_is_trusted_and_later_ones_held_to_it(server, tmp_path, capsys):
    unknown = HubFile(FILE.repo, FILE.name)
    path = fetch(tmp_path, unknown)
    assert f"first copy is trusted, and later ones are held to it: sha256 {SHA256}" in capsys.readouterr().err
    assert path.with_name(path.name + ".sha256").read_text() == f"{SHA256}  model.safetensors\n"
    fetch(tmp_path, unknown)
    assert capsys.readouterr().err == ""
    path.unlink()
    server.content = b"something else"
    with pytest.raises(PaceEdgeError, match=r"changed on purpose, delete .*model\.safetensors\.sha256"):
        fetch(tmp_path, unknown)
    assert names(tmp_path) == ["model.safetensors.sha256"]


def test_a_folder_that_cannot_be_written_says_so(server, tmp_path):
    (tmp_path / "weights").write_text("a file, where the folder should be")
    with pytest.raises(PaceEdgeError, match="cannot be stored or read"):
        fetch(tmp_path)


def test_a_file_at_a_plain_address_is_fetched_checked_and_kept_alike(server, tmp_path):
    file = UrlFile(f"{server.url}/models/base.pt", SHA256)
    server.cuts = [1_000_000]
    with pytest.raises(PaceEdgeError, match=r"base\.pt could not be downloaded.*Check the network and try again"):
        fetch(tmp_path, file)
    assert fetch(tmp_path, file) == tmp_path / "weights/base.pt"
    assert (tmp_path / "weights/base.pt").read_bytes() == CONTENT
    assert fetch(tmp_path, file) == tmp_path / "weights/base.pt"
    assert server.asked == [None, 1_000_000]
    with pytest.raises(PaceEdgeError, match=r"models/base\.pt is not the file we know"):
        fetch(tmp_path / "again", UrlFile(file.url, "0" * 64))


def test_a_whisper_put_there_by_hand_just_works(nobody, tmp_path):
    file = UrlFile("http://127.0.0.1:1/models/base.pt", SHA256)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/base.pt").write_bytes(CONTENT)
    assert fetch(tmp_path, file).read_bytes() == CONTENT
    (tmp_path / "weights/base.pt").unlink()
    with pytest.raises(PaceEdgeError, match=rf"put the file at {tmp_path}/weights/base\.pt yourself"):
        fetch(tmp_path, file)


def test_progress_is_shown_on_a_terminal_only(server, tmp_path, capsys, monkeypatch):
    fetch(tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(tmp_path / "again")
    assert re.search(r"\rsomebody/some-model/model\.safetensors: \d of 5 MB", capsys.readouterr().err)


def test_an_endpoint_that_is_no_address_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "hf-mirror.example")
    with pytest.raises(PaceEdgeError, match=r"HF_ENDPOINT is no web address.*got hf-mirror\.example"):
        fetch(tmp_path)


def test_the_known_models_are_pinned():
    for file in (hub.EAT_BASE, hub.SSLAM_BASE):
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.name == "model.safetensors"
    for file in (hub.WHISPER_BASE, hub.WHISPER_SMALL):  # OpenAI's addresses hold the checksum
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert re.fullmatch(rf"https://openaipublic\..*/{file.sha256}/(base|small)\.pt", file.url)
