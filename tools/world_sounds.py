"""The world's sounds: clips of many sources from Debian's packages, which `make starter` hears as nameless examples of
what is none of its classes.

    python -m tools.world_sounds --to FOLDER     writes them there, with clips.csv

tools/world_packages.py says which packages, of which version, under which licences, and what is taken of each. They
are downloaded once (about 530 MB) into the state folder's `world`: with apt-get, or from any mirror (`--mirror
ADDRESS`); a .deb that was put there by hand is as good. What a file is must not depend on the machine, so each .deb is
checked. The soundfont is rendered by `fluidsynth`; G.722 needs PyAV (`pip install '.[media]'`). The same packages give
the same clips.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from pace_edge.adapt.hub import UrlFile
from pace_edge.adapt.hub import fetch as fetch_file
from pace_edge.audio import mono_blocks, read_audio, resampled
from pace_edge.clips import clip_windows, loud_enough, window_levels_dbfs
from pace_edge.config import home
from pace_edge.errors import AudioError, PaceEdgeError
from pace_edge.files import write_whole
from pace_edge.media import INSTALL, open_media
from tools.world_packages import PACKAGES, PICKS, SOUNDFONT, Kind, Package, Pick

RATE_HZ = 16000
LONGEST_S = 4.0  # of a clip
SHORTEST_S = 0.1
FFMPEG_READS = (".g722", ".mp3")  # libsndfile makes noise of some of Scratch's MP3 files
KEEP_DB = 45.0  # what is further below a recording's loudest 20 ms, at its ends, is no part of the sound


@dataclass(frozen=True)
class Sound:
    """One clip: float32 [samples] at RATE_HZ. `group` is its source (a voice, an instrument, a place)."""

    group: str
    kind: Kind
    package: str  # empty: computed here
    name: str
    samples: np.ndarray

    def windows(self, window: int, hop: int) -> np.ndarray:
        """The windows that a device would learn from, float32 [n, window]."""
        windows = clip_windows(self.samples, window, hop)
        return windows[loud_enough(window_levels_dbfs(windows))]


def world_sounds(
    folder: Path | None = None, *, mirror: str | None = None, packages: Sequence[Package] = PACKAGES,
    picks: Sequence[Pick] = PICKS, soundfont: tuple[str, str] | None = SOUNDFONT,
) -> Iterator[Sound]:  # fmt: skip
    """All clips, in an order that does not change.

    Arguments:
        folder: where the packages are kept; None is the state folder's `world`.
        mirror: the address of a Debian mirror, the folder above its `pool`; None asks apt-get.
        packages, picks, soundfont: what tools/world_packages.py says, unless a test says otherwise.

    Raises PaceEdgeError when a package is not to be had, is not the one we know, or cannot be read.
    """
    folder = folder or home() / "world"
    for package in packages:
        mine = [pick for pick in picks if pick.package == package.name]
        patterns = [pick.pattern for pick in mine]
        if soundfont and soundfont[0] == package.name:
            patterns.append(soundfont[1])
        members = read_package(fetch(package, folder, mirror=mirror), patterns)
        for pick in mine:
            yield from _picked(pick, members)
        if soundfont and soundfont[0] == package.name:
            (font,) = [content for path, content in members.items() if re.search(soundfont[1], path)]
            yield from instruments(package.name, font)
    yield from computed()


def credits(packages: Sequence[Package] = PACKAGES) -> str:
    """One line for the model file: whose sounds these are, and under what licences."""
    return "the world's sounds: " + "; ".join(package.credit for package in packages)


def fetch(package: Package, folder: Path, *, mirror: str | None = None) -> Path:
    """The package's checked .deb in `folder`, downloaded if it is not there. Raises PaceEdgeError."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / package.file
    by_hand = f"put {package.file}, from any mirror or archive of Debian, into {folder}"
    if not target.exists() and mirror is None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _apt_get(package, Path(scratch), by_hand)
            (came,) = Path(scratch).glob("*.deb")
            came.replace(target)  # its name there has the epoch
    url = f"{(mirror or 'file:').rstrip('/')}/pool/main/{package.folder}/{package.file}"
    try:
        return fetch_file(UrlFile(url, package.sha256), folder)
    except PaceEdgeError as error:
        gone = "404" in error.what
        raise PaceEdgeError(
            f"{package.name} {package.version} is not to be had as it is pinned: {error.what}",
            do=_renew(package, by_hand) if gone else f"Try again, or {by_hand}.",
        ) from error


def _apt_get(package: Package, scratch: Path, by_hand: str) -> None:
    command = ["apt-get", "download", "-q", f"{package.name}={package.version}"]
    try:
        got = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise PaceEdgeError(
            f"there is no apt-get here to download {package.name}", do=f"Name a mirror with --mirror, or {by_hand}."
        ) from error
    if got.returncode or not list(scratch.glob("*.deb")):
        reason = (got.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PaceEdgeError(
            f"apt-get has no {package.name}", expected=f"version {package.version}", got=reason,
            do=_renew(package, by_hand),
        )  # fmt: skip


def _renew(package: Package, by_hand: str) -> str:
    return (
        f"Run apt-get update on Debian 12 first. If that version is gone, {by_hand}; or pin the version there is now "
        f"(apt-cache show {package.name} says its version and SHA256) in tools/world_packages.py, which makes another "
        "starter."
    )


def read_package(deb: Path, patterns: Sequence[str]) -> dict[str, bytes]:
    """The content of each file whose path matches one of `patterns`, by path and in its order.

    A file inside a Qt resource or an OpenTTD sound file has a path too: `.../x.rcc/name.ogg`, `.../x.cat/00.wav`.
    """
    wanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    inside = [(suffix, reader) for suffix, reader in INSIDE.items() if re.escape(suffix) in wanted.pattern]
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data_of(deb.read_bytes()))) as files:
            for file in files:
                if not file.isfile():
                    continue
                reader = next((reader for suffix, reader in inside if file.name.endswith(suffix)), None)
                if reader is None and not wanted.search(file.name):
                    continue
                content = files.extractfile(file)
                assert content is not None  # it is a file
                data = content.read()
                for name, part in reader(data).items() if reader else (("", data),):
                    path = f"{file.name}/{name}" if reader else file.name
                    if wanted.search(path):
                        members[path] = part
    except (tarfile.TarError, struct.error, ValueError, EOFError, OSError, zlib.error) as error:
        raise PaceEdgeError(f"{deb} cannot be unpacked: {error}", do="Delete it to have it downloaded.") from error
    return dict(sorted(members.items()))


def data_of(deb: bytes) -> bytes:
    """A .deb is an `ar` archive: its data.tar, still compressed."""
    if not deb.startswith(b"!<arch>\n"):
        raise ValueError("it is no Debian package")
    at = 8
    while at + 60 <= len(deb):
        name, size = deb[at : at + 16].decode("ascii", "replace").strip(), int(deb[at + 48 : at + 58])
        if name.startswith("data.tar"):
            return deb[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise ValueError("it holds no data")


def qt_resource(data: bytes) -> dict[str, bytes]:
    """The files of a Qt resource (.rcc), by name; names that come twice keep their last."""
    magic, version, tree, at_data, at_names = struct.unpack(">4s4I", data[:20])
    if magic != b"qres":
        raise ValueError("a Qt resource was expected")
    size, found = 22 if version >= 2 else 14, {}

    def walk(node: int) -> None:
        at = tree + node * size
        name, flags = struct.unpack(">IH", data[at : at + 6])
        if flags & 2:  # a folder: how many there are in it, and the first
            count, first = struct.unpack(">2I", data[at + 6 : at + 14])
            for child in range(first, first + count):
                walk(child)
            return
        begin = at_data + struct.unpack(">I", data[at + 10 : at + 14])[0]
        content = data[begin + 4 : begin + 4 + struct.unpack(">I", data[begin : begin + 4])[0]]
        begin = at_names + name
        title = data[begin + 6 : begin + 6 + 2 * struct.unpack(">H", data[begin : begin + 2])[0]]
        found[title.decode("utf-16-be")] = zlib.decompress(content[4:]) if flags & 1 else content

    walk(0)
    return found


def openttd_sounds(data: bytes) -> dict[str, bytes]:
    """The WAV files of an OpenTTD sound file (.cat), named by their number."""
    count, found = (struct.unpack("<I", data[:4])[0] & 0x7FFFFFFF) // 8, {}
    for number in range(count):
        begin, length = struct.unpack("<2I", data[8 * number : 8 * number + 8])
        begin &= 0x7FFFFFFF
        begin += 1 + data[begin]  # its name, which may be a sentence
        found[f"{number:02d}.wav"] = data[begin : begin + length]
    return found


INSIDE: dict[str, Callable[[bytes], dict[str, bytes]]] = {".rcc": qt_resource, ".cat": openttd_sounds}


def _picked(pick: Pick, members: dict[str, bytes]) -> Iterator[Sound]:
    groups: dict[str, list[str]] = {}
    for path in members:
        if found := re.search(pick.pattern, path):
            source = found[1] if found.re.groups else Path(path).stem
            groups.setdefault(f"{pick.package}/{source}", []).append(path)
    for group, paths in groups.items():
        for path in spread(paths, pick.most):
            for number, clip in enumerate(cuts(decoded(path, members[path]), pick.cuts)):
                yield Sound(group, pick.kind, pick.package, f"{Path(path).stem}-{number}", clip)


def spread(items: Sequence[str], most: int) -> list[str]:
    """`most` of them, evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)] if most > 1 else [items[0]]


def decoded(path: str, data: bytes) -> np.ndarray:
    """float32 [samples] at RATE_HZ; empty when the file cannot be read as sound."""
    with tempfile.NamedTemporaryFile(suffix=Path(path).suffix) as file:
        file.write(data)
        file.flush()
        try:
            if not path.endswith(FFMPEG_READS):
                return read_audio(file.name, RATE_HZ)
            media, why_not = open_media(Path(file.name))
            if media is None:
                raise PaceEdgeError(f"{path} cannot be read: {why_not}", do=f"{INSTALL}.")
            blocks = mono_blocks(Path(path), media, RATE_HZ)
            return np.concatenate(list(resampled(blocks, media.samplerate, RATE_HZ)))
        except AudioError as error:
            print(f"{path} is left out: {error}", file=sys.stderr)
            return np.zeros(0, np.float32)


def cuts(samples: np.ndarray, most: int = 1) -> list[np.ndarray]:
    """A recording [any] without the silence at its ends, as up to `most` clips of LONGEST_S, evenly from it; none when
    it is too short or silent."""
    samples = trimmed(samples)
    longest = round(LONGEST_S * RATE_HZ)
    if len(samples) < SHORTEST_S * RATE_HZ or not samples.any():
        return []
    if len(samples) <= 1.25 * longest:
        return [samples]
    count = min(most, len(samples) // longest)
    starts = np.linspace(0, len(samples) - longest, count + 2)[1:-1] if count == 1 else (
        np.linspace(0, len(samples) - longest, count))  # fmt: skip
    return [samples[round(start) : round(start) + longest] for start in starts]


def trimmed(samples: np.ndarray) -> np.ndarray:
    block = RATE_HZ // 50
    blocks = samples[: len(samples) // block * block].reshape(-1, block).astype(np.float64)
    if not len(blocks):
        return samples
    power = np.square(blocks).mean(1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-KEEP_DB / 10))
    return samples[loud[0] * block : (loud[-1] + 2) * block] if len(loud) else samples[:0]


# A soundfont is played: every program low, middle and high, and every drum, each a moment of its own in one MIDI file.
NOTE_S, SLOT_S = 2.0, 3.0
RANGES = (36, 60, 79)
PROGRAMS, DRUMS = range(128), range(35, 82)
TICKS_PER_S = 960


def instruments(package: str, font: bytes) -> Iterator[Sound]:
    """Every program of a General MIDI soundfont in three registers, as a phrase of a few notes, and the drums."""
    rng = np.random.default_rng(0)
    notes: list[tuple[float, bytes]] = []
    slots: list[tuple[str, str]] = []
    for program in PROGRAMS:
        for low in RANGES:
            at = len(slots) * SLOT_S
            notes.append((at, bytes([0xC0, program])))
            count = int(rng.integers(1, 5))
            for i in range(count):
                key, loud = int(low + rng.integers(0, 12)), int(rng.integers(60, 120))
                begin = at + i * NOTE_S / count
                notes += [(begin, bytes([0x90, key, loud])), (begin + 0.95 * NOTE_S / count, bytes([0x80, key, 0]))]
            slots.append((f"program {program}", f"{program:03d}-{low}"))
    for drum in DRUMS:
        at, count = len(slots) * SLOT_S, int(rng.integers(1, 6))
        for i in range(count):
            begin = at + i * NOTE_S / count
            loud = int(rng.integers(60, 120))
            notes += [(begin, bytes([0x99, drum, loud])), (begin + 0.1, bytes([0x89, drum, 0]))]
        slots.append((f"drum {drum}", f"drum-{drum}"))
    sound = rendered(font, midi_file(notes), len(slots) * SLOT_S)
    for i, (group, name) in enumerate(slots):
        begin = round(i * SLOT_S * RATE_HZ)
        for clip in cuts(sound[begin : begin + round(SLOT_S * RATE_HZ)]):
            yield Sound(f"{package}/{group}", "instruments", package, name, clip)


def midi_file(events: Sequence[tuple[float, bytes]]) -> bytes:
    """A MIDI file of one track from (seconds, message)."""
    track, last = b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big"), 0  # a quarter lasts half a second
    for at_s, message in sorted(events, key=lambda event: event[0]):
        tick = round(at_s * TICKS_PER_S)
        track += _variable_length(tick - last) + message
        last = tick
    track += b"\x00\xff\x2f\x00"
    head = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_S // 2)
    return head + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable_length(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def rendered(font: bytes, midi: bytes, seconds: float) -> np.ndarray:
    """float32 [seconds * RATE_HZ]: what `fluidsynth` makes of a MIDI file, dry."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "font.sf3").write_bytes(font)
        (folder / "all.mid").write_bytes(midi)
        options = ["-niq", "-R", "0", "-C", "0", "-g", "0.6", "-r", "44100", "-F", "all.wav", "font.sf3", "all.mid"]
        try:
            got = subprocess.run(["fluidsynth", *options], cwd=folder, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise PaceEdgeError(
                "there is no fluidsynth to play the soundfont", do="apt-get install fluidsynth."
            ) from error
        if not (folder / "all.wav").exists():
            raise PaceEdgeError(f"fluidsynth did not play the soundfont: {got.stderr}", do="Try it by hand.")
        sound = read_audio(folder / "all.wav", RATE_HZ)
    missing = round(seconds * RATE_HZ) - len(sound)
    return np.pad(sound, (0, max(0, missing)))[: round(seconds * RATE_HZ)]


def computed() -> Iterator[Sound]:
    """What needs no recording: beeps, sweeps, alarms of two tones, hum, clicks, noise in bands."""
    rng = np.random.default_rng(0)
    for name, (count, make) in COMPUTED.items():
        for i in range(count):
            samples = make(np.arange(3 * RATE_HZ) / RATE_HZ, rng)
            level = 10 ** (rng.uniform(-18, -3) / 20)
            samples = samples / np.abs(samples).max() * level
            yield Sound(name, "synthetic", "", f"{name}-{i}", samples.astype(np.float32))


def _beeps(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    tone, period_s = np.sin(2 * np.pi * rng.uniform(400, 4000) * t), rng.uniform(0.15, 1.2)
    return (t % period_s < period_s * rng.uniform(0.2, 0.6)) * (np.sign(tone) if rng.random() < 0.3 else tone)


def _sweeps(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    low, high, period_s = rng.uniform(300, 1200), rng.uniform(1200, 4000), rng.uniform(0.3, 3.0)
    up_and_down = 0.5 + 0.5 * np.sin(2 * np.pi * t / period_s)
    share = up_and_down if rng.random() < 0.5 else t / period_s % 1
    return _gliding(low + (high - low) * share)


def _two_tones(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    first, second, period_s = rng.uniform(400, 2500), rng.uniform(400, 2500), rng.uniform(0.2, 1.0)
    return _gliding(np.where(t % period_s < period_s / 2, first, second))


def _gliding(hz: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)


def _hum(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    harmonics = np.arange(1, 25)
    weights, phases = rng.uniform(0, 1, 24) / harmonics, rng.uniform(0, 2 * np.pi, 24)
    turns = 2 * np.pi * rng.choice([50, 60, 100, 120]) * t[:, None] * harmonics
    return np.sin(turns + phases) @ weights + 0.02 * rng.standard_normal(len(t))


def _clicks(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    clicks = np.zeros(len(t))
    times_s = np.cumsum(rng.exponential(rng.uniform(0.05, 0.6), 200))
    for at_s in times_s[times_s < 2.9]:
        n = int(rng.uniform(0.001, 0.02) * RATE_HZ)
        clicks[int(at_s * RATE_HZ) :][:n] += rng.standard_normal(n) * np.exp(-5 * np.arange(n) / n)
    return clicks + 1e-4 * rng.standard_normal(len(t))


def _noise(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    hz, low = np.fft.rfftfreq(len(t), 1 / RATE_HZ), rng.uniform(50, 4000)
    band = (hz > low) & (hz < min(7900.0, low * rng.uniform(1.2, 6.0)))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0, 4) * t)
    return swell * np.fft.irfft(np.fft.rfft(rng.standard_normal(len(t))) * band, len(t))


COMPUTED: dict[str, tuple[int, Callable[[np.ndarray, np.random.Generator], np.ndarray]]] = {
    "beeps": (12, _beeps), "sweeps": (8, _sweeps), "two tones": (8, _two_tones), "hum": (8, _hum),
    "clicks": (8, _clicks), "noise": (12, _noise),
}  # fmt: skip


def write(folder: Path, sounds: Iterator[Sound]) -> None:
    """WAV files kind/group/name.wav and clips.csv: path, group, kind, licence, package, seconds."""
    licences = {package.name: package.licence for package in PACKAGES}
    rows: list[list[str]] = []
    seconds = 0.0
    for sound in sounds:
        path = Path(sound.kind) / _plain(sound.group) / f"{_plain(sound.name)}.wav"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pcm = np.round(np.clip(sound.samples, -1, 1) * 32767).astype(np.int16)
        soundfile.write(folder / path, pcm, RATE_HZ, subtype="PCM_16")
        seconds += len(pcm) / RATE_HZ
        licence = licences.get(sound.package, "-")
        rows.append([str(path), sound.group, sound.kind, licence, sound.package, f"{len(pcm) / RATE_HZ:.2f}"])
    text = io.StringIO()
    csv.writer(text).writerows([["path", "group", "kind", "licence", "package", "seconds"], *rows])
    write_whole(folder / "clips.csv", text.getvalue().encode())
    print(f"{len(rows)} clips, {seconds / 60:.1f} minutes, in {folder}")


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, required=True, help="folder to write the clips into")
    parser.add_argument("--debs", type=Path, help="where the packages are kept (default: the state folder's world)")
    parser.add_argument("--mirror", help="address of a Debian mirror, the folder above its pool (default: apt-get)")
    words = parser.parse_args()
    try:
        write(words.to, world_sounds(words.debs, mirror=words.mirror))
    except PaceEdgeError as error:
        sys.exit(f"world_sounds: {error}")


if __name__ == "__main__":
    main()
