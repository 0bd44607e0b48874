"""Signing on the command line: export --sign leaves a signature, inspect and listen --signed-by demand it."""

import json
import shutil

import numpy as np
import onnx
import pytest
import soundfile

from export import checkpoint as exporting
from pace_edge.adapt import backbones
from pace_edge.errors import PaceEdgeError
from pace_edge.model_parts import set_metadata
from pace_edge.signature import read_private_key, sign
from tests.adapt.small import small_encoder
from tests.checkpoints import cached_embedder, exported, finished
from tests.cli.test_cli import pace_edge
from tests.cli.test_export import export
from tests.keys import write_keys
from tests.synthetic import RATE_HZ, tone


@pytest.fixture
def keys(tmp_path):
    pytest.importorskip("cryptography", reason="pip install '.[sign]'")
    return write_keys(tmp_path / "keys")


def refused(done, words, code=1):
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (code, "", 1), done.stderr
    assert words in done.stderr


def test_what_was_learned_is_signed_and_the_signature_can_be_demanded(small_model, keys, tmp_path):
    soundfile.write(tmp_path / "ring.wav", tone(900, 1.5, rng=np.random.default_rng(0)), RATE_HZ)
    pace_edge("learn", "--model", small_model, "--label", "doorbell", "--file", tmp_path / "ring.wav")
    new = tmp_path / "new.onnx"
    done = pace_edge("export", "--learned", "--model", small_model, "-o", new, "--sign", keys.private)
    assert "new.onnx.sig" in done.stderr.splitlines()[-1]
    good = pace_edge("inspect", new, "--verify", "--signed-by", keys.public)
    assert f"the signature is that of {keys.public}" in good.stdout
    assert json.loads(pace_edge("inspect", new, "--signed-by", keys.public, "--json").stdout)["signed_by"]
    sound = ["--input", tmp_path / "ring.wav", "--no-realtime"]
    heard = pace_edge("listen", "--model", new, *sound, "--signed-by", keys.public)
    assert (heard.returncode, "doorbell" in heard.stdout) == (0, True)
    refused(pace_edge("listen", "--model", new, *sound, "--signed-by", keys.stranger), "another key signed it")
    (tmp_path / "new.onnx.sig").unlink()
    refused(pace_edge("listen", "--model", new, *sound, "--signed-by", keys.public), "no signature")


def test_a_changed_file_fails_before_its_contents_are_looked_at(keys, tmp_path):
    model = shutil.copy(exported()[0], tmp_path / "m.onnx")
    sign(model, read_private_key(keys.private))
    changed = onnx.load(model)
    set_metadata(changed, {"pace_edge.labels": "no json"})
    onnx.save(changed, model)
    refused(pace_edge("inspect", model, "--verify", "--signed-by", keys.public), "is not what the holder of")
    refused(pace_edge("inspect", model, "--signed-by", model), "is no Ed25519 public key", code=2)


@pytest.mark.parametrize("offered", [True, False])
def test_every_file_that_an_export_writes_is_signed(keys, tmp_path, monkeypatch, offered):
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda *_: small_encoder())
    monkeypatch.setattr(exporting, "export_embedder", cached_embedder)
    monkeypatch.setattr(exporting, "int8_in_words", lambda *rows: (offered, "int8: as judged"))
    out = tmp_path / "out"
    words = [finished().folder, "-o", out / "m.onnx", "--int8", out / "int8.onnx", "--sign", keys.private]
    if offered:
        export(*words)
    else:
        with pytest.raises(PaceEdgeError, match="was not written"):
            export(*words)
    files = ["int8.onnx", "int8.onnx.sig", "m.onnx", "m.onnx.sig"] if offered else ["m.onnx", "m.onnx.sig"]
    assert sorted(path.name for path in out.iterdir()) == files
    for model in out.glob("*.onnx"):
        assert "the signature is that of" in pace_edge("inspect", model, "--signed-by", keys.public).stdout


def test_a_key_that_is_none_stops_an_export_before_it_begins(small_model, tmp_path, keys):
    done = pace_edge("export", "--learned", "--model", small_model, "-o", tmp_path / "m.onnx", "--sign", keys.public)
    refused(done, "is no Ed25519 private key", code=2)
    assert not list(tmp_path.glob("m.onnx*"))
