"""When a recording was made, as its file tells it: what the recorder wrote into it, else its name.

Only what a recorder states is a time. The file's own date is that of a copy, and is never asked. A time without a zone
is taken for one of this machine's zone; set `recorded_at`, or TZ, where the recorder's clock had another.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO

from pace_edge.errors import UsageError

_YEARS = range(1971, 2100)  # a recorder whose clock was never set begins in 1970; later numbers are no date
_LONGEST_CHUNK = 1 << 16
A_TIME = "one such as 2026-01-01T05:00:00, or with a zone: 2026-01-01T05:00:00+02:00"
_CHUNKS = 1000
_RIFF = (b"RIFF", b"RF64", b"BW64")

_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d(?!\d)|\+\d\d(?!\d))?"  # "-02" alone is the number of a take
_NAMES = tuple(map(re.compile, (
    # Frontier Labs 20200601T053000+1000_..., S20200601T053000.123+1000_E...; ISO 8601
    rf"(?<!\d)(\d{{4}})-?(\d\d)-?(\d\d)T(\d\d)[-:]?(\d\d)[-:]?(\d\d)(?:\.\d+)?{_ZONE}(?!\d)",
    # AudioMoth 20260101_050000[T], Wildlife Acoustics SM4_20200601_053000 and SM3_0+1_20200601$053000
    r"(?<!\d)(\d{4})(\d\d)(\d\d)[_$ -](\d\d)(\d\d)(\d\d)(?P<zone>Z|\+\d\d:?\d\d(?!\d))?(?!\d)",
    # 2026-01-01_05-00-00, 2026_01_01_05_00_00, "2026-01-01 05.00.00"
    r"(?<!\d)(\d{4})([-_])(\d\d)\2(\d\d)[-_ ](\d\d)([-_.:])(\d\d)\6(\d\d)(?P<zone>Z|\+\d\d:?\d\d(?!\d))?(?!\d)",
    # BirdNET-Pi 2021-11-22-birdnet-09:06:27
    r"(?<!\d)(\d{4})-(\d\d)-(\d\d)-birdnet-(?:RTSP_\d+-)?(\d\d):(\d\d):(\d\d)(?P<zone>)(?!\d)",
)))  # fmt: skip
_OUR_CLIP = re.compile(r"\d{8}T\d{6}\.\d{3}Z_.*_[0-9a-f]{8}$")  # it begins before its event, of which the time is
_AUDIOMOTH = re.compile(
    r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d\d)/(\d\d)/(\d{4})(?: \(UTC(?:([+-]\d{1,2})(?::(\d\d))?)?\))?"
)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d+)?\s*(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?\s*$"
)  # GUANO


def recorded_unix_s(path: str | Path) -> float | None:
    """When the file's first sample was made, in seconds since 1970; None where it does not tell. Never raises."""
    with suppress(OSError, ValueError), Path(path).open("rb") as file:
        if (told := _of_riff(file)) is not None:
            return told
    return of_name(Path(path).name)


def of_name(name: str) -> float | None:
    """What a file's name says, as the common recorders write it; None: nothing, or not surely."""
    stem = name.rpartition(".")[0] or name
    if _OUR_CLIP.fullmatch(stem):
        return None
    for pattern in _NAMES:
        if match := pattern.search(stem):
            numbers = [int(group) for group in match.groups()[:-1] if group and group.isdecimal()]
            return _unix_s(numbers, match["zone"])
    return None


def of_chunk(kind: bytes, body: bytes) -> float | None:
    """What a chunk of a RIFF file says: `guan` (GUANO), `LIST` with AudioMoth's comment, or `bext`."""
    match kind:
        case b"guan":
            return _guano(body)
        case b"LIST":
            return _audiomoth(body)
        case b"bext":
            return _broadcast(body)
    return None


def parse_time(text: str) -> float:
    """A person's date and time, such as 2026-01-01T05:00:00 or 2026-01-01 05:00:00+02:00, in seconds since 1970; this
    machine's time zone where it states none. Raises UsageError."""
    try:
        at = datetime.fromisoformat(text.strip())
        if not 1900 <= at.year < 9000:
            raise ValueError(text)
        return at.timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"'{text}' is no time", expected=A_TIME) from None


def best(told: dict[bytes, float]) -> float | None:
    """Of what a file's chunks say: GUANO and AudioMoth state a zone, `bext` does not."""
    return next((told[kind] for kind in (b"guan", b"LIST", b"bext") if kind in told), None)


def _of_riff(file: BinaryIO) -> float | None:
    told: dict[bytes, float] = {}
    for kind, body in _chunks(file):
        if (unix_s := of_chunk(kind, body)) is not None:
            told.setdefault(kind, unix_s)
    return best(told)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that may tell; what breaks off ends."""
    if file.read(4) not in _RIFF or len(file.read(4)) < 4 or file.read(4) != b"WAVE":
        return
    data_size = 0  # of a file of over 4 GB, from its ds64
    for _ in range(_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        kind, size = struct.unpack("<4sI", head)
        if kind == b"data" and size == 0xFFFF_FFFF:
            size = data_size
        end = file.tell() + size + size % 2
        if kind in (b"guan", b"LIST", b"bext"):
            yield kind, file.read(min(size, _LONGEST_CHUNK))
        elif kind == b"ds64" and len(sizes := file.read(16)) == 16:
            (data_size,) = struct.unpack_from("<Q", sizes, 8)
        file.seek(end)


def _guano(body: bytes) -> float | None:
    """Lines of `Key: value`, in UTF-8. https://guano-md.org"""
    for line in body.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "Timestamp" and (match := _ISO.match(value.strip())):
            *numbers, fraction, zone = match.groups()
            unix_s = _unix_s([int(number) for number in numbers], zone)
            return None if unix_s is None else unix_s + float(fraction or 0)
    return None


def _audiomoth(body: bytes) -> float | None:
    """ "Recorded at 05:00:00 01/01/2026 (UTC+2) by AudioMoth ...", in ICMT; the first firmware did not name its UTC."""
    text = body.decode("latin-1")
    match = _AUDIOMOTH.search(text)
    if not text.startswith("INFO") or match is None or "AudioMoth" not in text:
        return None
    hour, minute, second, day, month, year = (int(number) for number in match.groups()[:6])
    hours, minutes = match[7] or "+0", int(match[8] or 0)
    zone = f"{hours[0]}{int(hours[1:]):02d}{minutes:02d}"
    return _unix_s([year, month, day, hour, minute, second], zone)


def _broadcast(body: bytes) -> float | None:
    """OriginationDate and OriginationTime (EBU Tech 3285); between the numbers anything may stand."""
    text = body[320:338].decode("latin-1")
    match = re.match(r"(\d{4})\D(\d\d)\D(\d\d)(\d\d)\D(\d\d)\D(\d\d)", text)
    return _unix_s([int(number) for number in match.groups()], None) if match else None


def _unix_s(numbers: list[int], zone: str | None) -> float | None:
    """Of year, month, day, hour, minute and second; None where there is no such time."""
    try:
        at = datetime(*numbers, tzinfo=_zone(zone))  # type: ignore[misc, arg-type]
        return at.timestamp() if at.year in _YEARS else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _zone(text: str | None) -> timezone | None:
    """None: this machine's. Raises ValueError for one that there is not."""
    if not text:
        return None
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset > timedelta(hours=14) or offset.seconds % 900:
        raise ValueError(text)
    return timezone(offset if text[0] == "+" else -offset)
