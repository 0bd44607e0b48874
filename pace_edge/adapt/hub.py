"""Pretrained weights from the Hugging Face hub or a plain address, fetched once and checked. Only the standard library.

On disk, where the file's `path` says:
    NAME              the file, whole and checked; one put there by hand is as good
    NAME.sha256       the checksum of the first copy seen, where we know none: from then on it must stay that one
    NAME.part         what has come so far, with NAME.part.etag, the version it is of; the next try goes on from there
One process fetches a file at a time; under torchrun let rank 0 do it first.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pace_edge.config import home
from pace_edge.errors import PaceEdgeError

TIMEOUT_S = 30.0  # without a byte
CHUNK = 1 << 20  # bytes
PASSING = {408, 429, 500, 502, 503, 504}  # answers that a later try may not get


@dataclass(frozen=True)
class UrlFile:
    """A file at a plain web address; `sha256` None trusts the first copy and holds later ones to it."""

    url: str
    sha256: str | None
    credit: str = ""

    network = "the network"

    @property
    def title(self) -> str:
        return self.url.rpartition("/")[2]

    def path(self, folder: Path | None = None) -> Path:
        """Where it is kept, and where a file can be put by hand. `folder` None is the state folder's `weights`."""
        return (folder or home() / "weights") / self.title


@dataclass(frozen=True)
class HubFile:
    """A file of a hub repository ("owner/name"); `sha256` None trusts the first copy and holds later ones to it."""

    repo: str
    name: str
    revision: str = "main"
    sha256: str | None = None
    credit: str = ""

    network = "the network (HF_ENDPOINT names a mirror)"

    @property
    def title(self) -> str:
        return f"{self.repo}/{self.name}"

    @property
    def url(self) -> str:
        """Where it is downloaded from: the hub, or the mirror that HF_ENDPOINT names."""
        endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        if not endpoint.startswith(("https://", "http://")):
            raise PaceEdgeError("HF_ENDPOINT is no web address", expected="https://...", got=endpoint)
        parts = (self.repo, "resolve", self.revision, self.name)
        return "/".join([endpoint, *(urllib.parse.quote(part) for part in parts)])

    def path(self, folder: Path | None = None) -> Path:
        """The same, under `owner / repository / revision`."""
        return (folder or home() / "weights").joinpath(self.repo, self.revision, self.name)


WebFile = UrlFile | HubFile

# Neither the hub nor OpenAI's host could be reached when this was written. The hub's checksums are those that public
# projects check the files against: two projects for SSLAM's, one of them for EAT's.
EAT_BASE = HubFile(
    "worstchan/EAT-base_epoch30_pretrain",
    "model.safetensors",
    sha256="8623072d09aac4f3ad1168b4fed3a24e4f68fe1da25b9fe733375efb237e5f48",
    credit="EAT-base (30 epochs) encoder, Copyright (c) 2024 Wenxi Chen, MIT licence",
)
SSLAM_BASE = HubFile(
    "ta012/SSLAM_pretrain",
    "model.safetensors",
    sha256="8ec670adb241c710422ddd894ff1bade142ef0b25cf1ee68577aa45f89432298",
    credit="SSLAM encoder, Copyright (c) 2025 Tony Alex, MIT licence",
)


def _openai(name: str, sha256: str) -> UrlFile:
    """A Whisper checkpoint; the address, which holds the checksum, is from openai/whisper's whisper/__init__.py."""
    url = f"https://openaipublic.azureedge.net/main/whisper/models/{sha256}/{name}.pt"
    return UrlFile(url, sha256, f"Whisper {name} encoder, Copyright (c) 2022 OpenAI, MIT licence")


WHISPER_BASE = _openai("base", "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e")
WHISPER_SMALL = _openai("small", "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794")


def fetch(file: WebFile, folder: Path | None = None, *, pauses_s: Sequence[float] = (1.0, 2.0, 4.0)) -> Path:
    """The checked file, downloaded if it is not there yet. Raises PaceEdgeError.

    A broken connection is tried again after each of `pauses_s`, and as often again whenever more of the file came.
    """
    target = file.path(folder)
    record = _beside(target, ".sha256")
    here = target.exists()
    try:
        source = target if here else _download(file, target, pauses_s)
        got = _sha256(source)
        known = file.sha256 or (record.read_text().split()[0] if record.exists() else None)
        if known is not None and got != known:
            raise _other_file(file, target, source, got=got, known=known)
        if not here:
            source.replace(target)
            _beside(source, ".etag").unlink(missing_ok=True)
        if known is None:
            record.write_text(f"{got}  {target.name}\n")  # as sha256sum writes it
            print(
                f"No checksum of {file.title} is known, so this first copy is trusted, and later ones are "
                f"held to it: sha256 {got}, recorded in {record}",
                file=sys.stderr,
            )
    except OSError as error:
        raise PaceEdgeError(f"{target} cannot be stored or read: {error}", do="Free or choose another disk.") from error
    return target


def _other_file(file: WebFile, target: Path, source: Path, *, got: str, known: str) -> PaceEdgeError:
    if source != target:
        source.unlink()
        _beside(source, ".etag").unlink(missing_ok=True)
    if file.sha256 is None:
        do = f"If the file was changed on purpose, delete {_beside(target, '.sha256')} to trust the new one."
    elif source == target:
        do = "Delete it to have it downloaded."
    else:
        do = "Nothing of it was kept. Do not use it; report this."
    return PaceEdgeError(
        f"{target if source == target else file.url} is not the file we know",
        expected=f"sha256 {known[:12]}", got=got[:12], do=do,
    )  # fmt: skip


def _download(file: WebFile, target: Path, pauses_s: Sequence[float]) -> Path:
    """All of the file at `target`.part."""
    partial = _beside(target, ".part")
    partial.parent.mkdir(parents=True, exist_ok=True)
    pauses, most = iter(pauses_s), _size(partial)
    while True:
        try:
            _receive(file, partial)
            return partial
        except _BrokenTransferError as broken:
            if (size := _size(partial)) > most:
                pauses, most = iter(pauses_s), size
            pause_s = None if broken.final else next(pauses, None)
            if pause_s is None:
                raise PaceEdgeError(
                    f"{file.title} could not be downloaded from {file.url}: {broken}",
                    do=f"Check {file.network} and try again, which goes on where this stopped; or put the file at "
                    f"{target} yourself.",
                ) from broken
            print(f"{file.title}: {broken}; trying again in {pause_s:g} s", file=sys.stderr)
            time.sleep(pause_s)


class _BrokenTransferError(Exception):
    """A try that did not bring the whole file; `final` when the next one would not either."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


def _receive(file: WebFile, partial: Path) -> None:
    """One try: go on with `partial` if the server still has the version that it is a part of, else start over."""
    version = _beside(partial, ".etag")
    start = _size(partial) if version.exists() else 0
    request = urllib.request.Request(file.url, headers={"User-Agent": "pace-edge", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", version.read_text())  # the whole file if it is another version by now
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:
            if error.headers.get("Content-Range") == f"bytes */{start}":
                return  # nothing is left to come
            partial.unlink()
        passing = error.code in PASSING or error.code == 416
        raise _BrokenTransferError(f"HTTP {error.code} {error.reason}", final=not passing) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenTransferError(_reason(error)) from error
    with response:
        if response.status != 206:
            start = 0
            partial.unlink(missing_ok=True)  # before its version changes
            etag = response.headers.get("ETag", "")
            if etag.startswith('"'):  # a weak one does not promise the same bytes
                version.write_text(etag)
            else:
                version.unlink(missing_ok=True)
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            partial.unlink()
            raise _BrokenTransferError("the server sent another part than the one asked for")
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with partial.open("ab" if start else "wb") as out:
            _copy(response, out, label=file.title, total=total)
            out.flush()
            os.fsync(out.fileno())


def _copy(response: http.client.HTTPResponse, out: BinaryIO, *, label: str, total: int | None) -> None:
    """The body to the end of `out`, with progress on stderr when that is a terminal."""
    of = f" of {total / 1e6:.0f}" if total else ""
    shown_s, terminal = 0.0, sys.stderr.isatty()
    try:
        while True:
            try:
                chunk = response.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _BrokenTransferError(_reason(error)) from error
            if not chunk:
                break
            out.write(chunk)
            if terminal and time.monotonic() - shown_s > 0.2:
                shown_s = time.monotonic()
                print(f"\r{label}: {out.tell() / 1e6:.0f}{of} MB", end="", file=sys.stderr, flush=True)
        if total is not None and out.tell() < total:
            raise _BrokenTransferError(f"the connection closed after {out.tell() / 1e6:.1f}{of} MB")
    finally:
        if shown_s:
            print(file=sys.stderr)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error or type(error).__name__)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
