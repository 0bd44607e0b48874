"""Signatures: only the file that was signed passes, and only with the key that belongs to the one that signed it."""

import shutil
import subprocess
import sys

import pytest

from pace_edge import signature
from pace_edge.errors import ModelFileError, PaceEdgeError, UsageError
from pace_edge.model_file import open_model
from pace_edge.signature import check_signature, read_private_key, sign
from tests.keys import Keys, write_keys


@pytest.fixture
def keys(tmp_path) -> Keys:
    pytest.importorskip("cryptography", reason="pip install '.[sign]'")
    return write_keys(tmp_path / "keys")


@pytest.fixture
def signed(small_model, keys, tmp_path):
    """A signed model file."""
    model = shutil.copy(small_model, tmp_path / "m.onnx")
    assert sign(model, read_private_key(keys.private)) == tmp_path / "m.onnx.sig"
    return model


def check(model, key):
    check_signature(model, open_model(model).sha256, key)


def test_the_file_that_was_signed_is_accepted_under_any_name(signed, keys, tmp_path):
    check(signed, keys.public)
    (tmp_path / "other").mkdir()
    moved = signed.rename(tmp_path / "other" / "ears.onnx")
    (tmp_path / "m.onnx.sig").rename(tmp_path / "other" / "ears.onnx.sig")
    check(moved, keys.public)


def test_a_file_with_one_changed_byte_is_refused(signed, keys):
    content = bytearray(signed.read_bytes())
    content[len(content) // 2] ^= 1
    signed.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"is not what the holder of .*public.pem signed\. It changed"):
        check_signature(signed, signature.hashlib.sha256(content).hexdigest(), keys.public)


def test_another_key_is_refused(signed, keys):
    with pytest.raises(ModelFileError, match=r"is not what the holder of .*stranger.pem signed.*another key"):
        check(signed, keys.stranger)


@pytest.mark.parametrize("content", [b"", b"x" * 63, bytes(64), b"x" * 65])
def test_a_signature_that_is_none_is_refused(signed, keys, content):
    signature.signature_file(signed).write_bytes(content)
    with pytest.raises(ModelFileError, match="is not what the holder"):
        check(signed, keys.public)


def test_a_file_without_a_signature_is_refused(signed, keys):
    signature.signature_file(signed).unlink()
    with pytest.raises(ModelFileError, match=r"no signature that can be read: .*m.onnx.sig: No such file"):
        check(signed, keys.public)


def test_keys_that_are_no_keys_of_ours_are_named(small_model, keys, tmp_path):
    for path in (keys.public, keys.rsa_private, keys.locked, small_model):
        with pytest.raises(UsageError, match=r"is no Ed25519 private key: expected PEM without a password\. Make one"):
            read_private_key(path)
    for path in (keys.private, keys.rsa_public, small_model):
        with pytest.raises(UsageError, match=r"is no Ed25519 public key: expected PEM\. Get it"):
            check(small_model, path)
    for read in (read_private_key, lambda path: check(small_model, path)):
        with pytest.raises(UsageError, match=r"cannot read the key .*absent.pem: No such file"):
            read(tmp_path / "absent.pem")


def test_a_signature_that_cannot_be_written_leaves_the_model(signed, keys):
    target = signature.signature_file(signed)
    target.unlink()
    target.mkdir()
    with pytest.raises(PaceEdgeError, match=r"cannot write .*m.onnx.sig: .*m.onnx is there, unsigned"):
        sign(signed, read_private_key(keys.private))
    assert sorted(path.name for path in signed.parent.glob("m.onnx*")) == ["m.onnx", "m.onnx.sig"]


def test_without_the_package_it_says_what_to_install(small_model, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    for read in (read_private_key, lambda path: check(small_model, path)):
        with pytest.raises(
            PaceEdgeError, match=r"need the package cryptography\. Install it with: pip install '\.\[sign"
        ):
            read(tmp_path / "key.pem")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_openssl_alone_makes_the_keys_and_checks_the_signature(small_model, keys, tmp_path):
    def openssl(*words, **options):
        return subprocess.run(["openssl", *words], cwd=tmp_path, capture_output=True, check=True, **options).stdout

    openssl("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
    openssl("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
    model = shutil.copy(small_model, tmp_path / "m.onnx")
    sign(model, read_private_key(tmp_path / "private.pem"))
    check(model, tmp_path / "public.pem")
    (tmp_path / "digest").write_bytes(openssl("dgst", "-sha256", "-binary", "m.onnx"))
    words = ["-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-in", "digest", "-sigfile", "m.onnx.sig"]
    assert b"Verified Successfully" in openssl("pkeyutl", *words)
