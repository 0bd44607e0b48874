"""Keys to sign with, and some that are no use."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Keys:
    """Files in PEM: Ed25519 keys, but for RSA's; `stranger` is the public key of another pair."""

    private: Path
    public: Path
    stranger: Path
    locked: Path  # private, with a password
    rsa_private: Path
    rsa_public: Path


def write_keys(folder: Path) -> Keys:
    """Needs cryptography."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    def private(key, name, lock):
        (folder / name).write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, lock))
        return folder / name

    def public(key, name):
        whole = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        (folder / name).write_bytes(whole)
        return folder / name

    folder.mkdir()
    mine, stranger = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    other_kind = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    open_, locked = s.NoEncryption(), s.BestAvailableEncryption(b"secret")
    return Keys(
        private(mine, "private.pem", open_), public(mine, "public.pem"), public(stranger, "stranger.pem"),
        private(mine, "locked.pem", locked), private(other_kind, "rsa.pem", open_), public(other_kind, "rsa_pub.pem"),
    )  # fmt: skip
