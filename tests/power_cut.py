"""What a power cut leaves: the system calls of a real process, recorded with strace, and the files as a disk would have
them that had lost any of what was not flushed yet.

A write is on the disk for certain once its file was flushed; a name, once its folder was. Until then the disk may have
all of it, none of it, some of the writes and not the ones before them, or half a write, in sectors.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = "pwrite64,write,fsync,fdatasync,ftruncate,openat,unlink,unlinkat,rename,renameat"


def has_strace() -> bool:
    """It is there, and may trace."""
    return (
        bool(shutil.which("strace"))
        and not subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode
    )


@dataclass(frozen=True)
class Call:
    """One call that succeeded. `path` "" is the process's standard output."""

    name: str
    path: str
    data: bytes = b""
    offset: int = 0


def record(command: list[str], folder: Path, log: Path) -> list[Call]:
    """Run the command, and what it did to the files in `folder` and to its standard output."""
    trace = ["strace", "-f", "-qq", "-xx", "-y", "-s", "10000000", "-e", f"trace={CALLS}", "-o", str(log)]
    subprocess.run([*trace, *command], check=True, stdout=subprocess.PIPE, timeout=300)
    return list(_calls(log, str(folder)))


def _calls(log: Path, folder: str) -> Iterator[Call]:
    for line in log.read_text().splitlines():
        match = re.match(r"\d+ +(\w+)\((.*)\) += (-?\d+)", line)
        if not match or int(match[3]) < 0:
            continue
        name, arguments = match[1], match[2]
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'"((?:\\x..)*)"', arguments)]
        descriptor = re.match(r"(\d+)<((?:\\x..)*)", arguments)
        path = bytes.fromhex(descriptor[2].replace("\\x", "")).decode() if descriptor else ""
        if name == "write" and descriptor and descriptor[1] == "1":
            yield Call("say", "", texts[0])
        elif name == "openat" and texts[0].decode().startswith(folder) and "O_CREAT" in arguments:
            yield Call("create", texts[0].decode())
        elif name in ("unlink", "unlinkat") and texts[0].decode().startswith(folder):
            yield Call("unlink", texts[0].decode())
        elif path.startswith(folder):
            assert name in ("pwrite64", "ftruncate", "fsync", "fdatasync"), line  # what the simulation knows
            offset = int(arguments.rpartition(",")[2]) if name in ("pwrite64", "ftruncate") else 0
            yield Call(name, path, texts[0] if name == "pwrite64" else b"", offset)


@dataclass
class Disk:
    """What is on it for certain, and what was not flushed yet."""

    folder: str
    flushed: dict[str, bytearray] = field(default_factory=dict)
    unflushed: dict[str, list[Call]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)  # for certain
    renamed: list[Call] = field(default_factory=list)  # created or unlinked since the folder was flushed

    def do(self, call: Call) -> None:
        if call.name in ("create", "unlink"):
            self.renamed.append(call)
        elif call.name in ("fsync", "fdatasync") and call.path == self.folder:
            for change in self.renamed:
                self._name(change, self.names)
            self.renamed = []
        elif call.name in ("fsync", "fdatasync"):
            content = self.flushed.setdefault(call.path, bytearray())
            for write in self.unflushed.pop(call.path, []):
                _apply(content, write)
        elif call.name != "say":
            self.unflushed.setdefault(call.path, []).append(call)

    def after_a_cut(self, target: Path, rng: random.Random) -> None:
        """Write into `target` one of the states that the disk may be in now."""
        names, fate = set(self.names), rng.choice(["nothing", "everything", "some", "some", "some"])
        for change in self.renamed:
            if fate == "everything" or (fate == "some" and rng.random() < 0.5):
                self._name(change, names)
        for path in names:
            content = bytearray(self.flushed.get(path, b""))
            for write in self.unflushed.get(path, []):
                if fate == "everything" or (fate == "some" and rng.random() < 0.5):
                    torn = write
                    if fate == "some" and len(write.data) > SECTOR and rng.random() < 0.3:
                        torn = Call(write.name, path, write.data[: SECTOR * rng.randrange(8)], write.offset)
                    _apply(content, torn)
            if not path.endswith("-shm"):  # shared memory, which SQLite makes anew
                (target / Path(path).name).write_bytes(content)

    def _name(self, change: Call, names: set[str]) -> None:
        if change.name == "create":
            names.add(change.path)
        else:
            names.discard(change.path)


def _apply(content: bytearray, call: Call) -> None:
    if call.name == "ftruncate":
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
    else:
        content.extend(bytes(max(0, call.offset - len(content))))
        content[call.offset : call.offset + len(call.data)] = call.data
