"""A published set is fetched, checked and unpacked whole, or nothing of it is there; from a server of our own."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from dataclasses import replace

import pytest

from pace_edge.adapt.hub import UrlFile
from pace_edge.benchmark import download as module
from pace_edge.benchmark.download import ARCHIVES, download
from pace_edge.benchmark.published import WORDS
from pace_edge.benchmark.sets import SETS
from pace_edge.errors import PaceEdgeError


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Puts an archive where a set's archive is downloaded from, with the checksum that is known of it."""
    (tmp_path / "server").mkdir()
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *words):
            super().__init__(*words, directory=tmp_path / "server")

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def put(name, content, known=True):
            archive = ARCHIVES[name]
            file = archive.file.url.rpartition("/")[2]
            (tmp_path / "server" / file).write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest() if known else archive.file.sha256
            there = UrlFile(f"http://127.0.0.1:{server.server_port}/{file}", sha256)
            monkeypatch.setitem(module.ARCHIVES, name, replace(archive, file=there))

        yield put
        server.shutdown()
        thread.join()


def esc50_zip(per_fold=8, labels=50):
    lines, packed = ["filename,fold,target,category,esc10,src_file,take"], io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for label in range(labels):
            for i in range(5 * per_fold):
                fold, recording = i % 5 + 1, 1000 * label + i
                name = f"{fold}-{recording}-A-{label}.wav"
                lines.append(f"{name},{fold},{label},class{label},False,{recording},A")
                archive.writestr(f"ESC-50-master/audio/{name}", "")
        archive.writestr("ESC-50-master/meta/esc50.csv", "\n".join(lines) + "\n")
    return packed.getvalue()


def words_tar():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:

        def put(name, content=b""):
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

        for word in WORDS:
            put(f"{word}/0a_nohash_0.wav")
            put(f"{word}/0b_nohash_0.wav")
        put("testing_list.txt", "\n".join(f"{word}/0a_nohash_0.wav" for word in WORDS).encode())
        put("validation_list.txt")
    return packed.getvalue()


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "data").iterdir())


def test_esc50_is_unpacked_and_found_there_the_next_time(serve, tmp_path, capsys):
    serve("esc50", esc50_zip(), known=False)
    clips = download(SETS["esc50"], tmp_path / "data")
    assert "No checksum of master.zip is known" in capsys.readouterr().err
    assert len(clips) == 2000
    assert clips[0].path.is_relative_to(tmp_path / "data/ESC-50-master/audio")
    (tmp_path / "server/master.zip").unlink()
    assert download(SETS["esc50"], tmp_path / "data") == clips
    assert not (tmp_path / "data/archives/esc50/master.zip").exists()


def test_what_is_not_esc50_as_it_is_published_is_not_kept(serve, tmp_path):
    serve("esc50", esc50_zip(per_fold=1))
    with pytest.raises(PaceEdgeError, match=r"not ESC-50 as it is published: .*got 250 clips, 1 to 1 of a class"):
        download(SETS["esc50"], tmp_path / "data")
    serve("esc50", esc50_zip(labels=2))
    assert names(tmp_path) == ["archives"]


def test_speech_commands_is_unpacked_into_a_folder_of_its_own(serve, tmp_path):
    serve("speech-commands-v2", words_tar())
    clips = download(SETS["speech-commands-v2"], tmp_path / "data")
    assert {clip.fold for clip in clips} == {1, 2}
    assert clips[0].path == tmp_path / "data/speech_commands_v0.02/backward/0a_nohash_0.wav"


def test_another_file_than_the_known_one_is_refused(serve, tmp_path):
    serve("speech-commands-v2", words_tar(), known=False)
    with pytest.raises(PaceEdgeError, match="not the file we know: expected sha256 af14739ee7dc"):
        download(SETS["speech-commands-v2"], tmp_path / "data")
    assert names(tmp_path) == ["archives"]


def test_an_archive_that_cannot_be_unpacked_says_so(serve, tmp_path):
    serve("speech-commands-v2", b"no archive")
    with pytest.raises(PaceEdgeError, match=r"v0\.02\.tar\.gz cannot be unpacked into .*delete it and try again"):
        download(SETS["speech-commands-v2"], tmp_path / "data")


@pytest.mark.parametrize("name", ["urbansound8k", "timit-2", "vocalset", "esc10"])
def test_what_may_not_be_downloaded_by_a_program_says_where_to_get_it(tmp_path, name):
    with pytest.raises(PaceEdgeError, match=f"the set {name} cannot be downloaded from here") as caught:
        download(SETS[name], tmp_path)
    assert "http" in str(caught.value) or "NLTK" in str(caught.value)


def test_the_known_addresses():
    assert ARCHIVES["speech-commands-v2"].file.sha256 == (
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
    )
    assert all(archive.file.url.startswith("https://") for archive in ARCHIVES.values())
