"""A signature beside a model file: its maker held the private key, and the file is still the one that was signed.

`model.onnx.sig` holds 64 bytes, the Ed25519 signature (RFC 8032) of the 32 bytes of the file's SHA-256. Keys are PEM as
OpenSSL writes them, and OpenSSL can check a signature without pace-edge (docs/export.md). The file's name is not in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pace_edge.errors import ModelFileError, PaceEdgeError, UsageError
from pace_edge.files import write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAKE_KEY = {
    "private": "Make one: openssl genpkey -algorithm ed25519 -out private.pem",
    "public": "Get it from a private one: openssl pkey -in private.pem -pubout -out public.pem",
}


def signature_file(model: Path) -> Path:
    """Where a model's signature is."""
    return model.with_name(model.name + ".sig")


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises PaceEdgeError where the file is no such key, or the package is not installed."""
    return _read_key(path, "private")


def sign(model: Path, key: Ed25519PrivateKey) -> Path:
    """Write the signature of a file that is there; where it is. Raises PaceEdgeError."""
    target = signature_file(model)
    try:
        write_whole(target, key.sign(hashlib.sha256(model.read_bytes()).digest()))
    except OSError as error:
        raise PaceEdgeError(f"cannot write {target}: {error.strerror}", do=f"{model} is there, unsigned.") from None
    return target


def check_signature(model: Path, sha256: str, public_key: Path) -> None:
    """Raise ModelFileError unless the holder of the key signed a file of this SHA-256, PaceEdgeError without a key.

    `sha256` is that of the bytes which were read from `model`, so that no other file can take its place in between.
    """
    key: Ed25519PublicKey = _read_key(public_key, "public")
    from cryptography.exceptions import InvalidSignature

    beside = signature_file(model)
    try:
        key.verify(beside.read_bytes(), bytes.fromhex(sha256))
    except OSError as error:
        raise ModelFileError(
            f"{model} has no signature that can be read: {beside}: {error.strerror}",
            do="Get it from where the model came from, or sign again: pace-edge export --sign.",
        ) from None
    except InvalidSignature:
        raise ModelFileError(
            f"{model} is not what the holder of {public_key} signed",
            do=f"It changed after it was signed, another key signed it, or {beside.name} belongs to another file.",
        ) from None


def _read_key(path: Path, kind: Literal["private", "public"]) -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise PaceEdgeError(
            "signatures need the package cryptography", do="Install it with: pip install '.[sign]'"
        ) from None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror}", do=MAKE_KEY[kind]) from None
    reads: dict[str, tuple[Callable[[bytes], Any], type]] = {
        "private": (partial(serialization.load_pem_private_key, password=None), ed25519.Ed25519PrivateKey),
        "public": (serialization.load_pem_public_key, ed25519.Ed25519PublicKey),
    }
    read, wanted = reads[kind]
    try:
        key = read(content)
        if not isinstance(key, wanted):
            raise ValueError
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: a password is needed
        raise UsageError(
            f"{path} is no Ed25519 {kind} key", expected="PEM" + " without a password" * (kind == "private"),
            do=MAKE_KEY[kind],
        ) from None  # fmt: skip
    return key
