"""pace-edge inspect: what is in a file, for a person and for a program, with neither torch nor a runtime."""

import json
import subprocess
import sys

import onnx

from pace_edge.config import STARTER_MODEL
from pace_edge.model_parts import set_metadata
from tests.checkpoints import exported
from tests.cli.test_cli import pace_edge

ALONE = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        room = ".".join(name.split(".")[:2])
        if name.partition(".")[0] in ("torch", "onnxruntime", "export", "sounddevice") or (
            room.startswith("streams.") and room != "streams.configuration"  # which says what model is meant
        ):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
from pace_edge.cli import main
main()
"""


def test_a_program_gets_all_of_it_as_json():
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "inspect", str(exported()[0]), "--json", "--verify"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found["labels"]) == ["tone0", "tone1", "tone2", "tone3"]
    assert (found["rate_hz"], found["window_samples"], found["backbone"]) == (16000, 8000, "small")
    assert (found["opsets"], found["ir_version"], found["verified"]) == ({"ai.onnx": 20}, 10, True)
    assert found["operators"]["LayerNormalization"] > 0
    assert set(found["parts"]) == {"graph", "backbone", "projection", "classifier", "learning rule", "metadata"}
    assert found["parts"]["learning rule"]["values"] >= 64 * 64
    assert found["parity"]["windows"] == 8
    assert found["provenance"]["checkpoint"]["seconds"] == 0.5


def test_a_person_gets_it_in_words():
    words = pace_edge("inspect", exported()[0], "--verify").stdout
    for part in ("tones: 0.", "hears 0.5 s at 16000 Hz", "4 classes", "tone2  4", "learning rule", "opset ai.onnx 20",
                 "every part is what its checksum says", "8 held-out windows", "made from: "):  # fmt: skip
        assert part in words


def test_the_starter_is_shown_and_is_sealed():
    done = pace_edge("inspect", STARTER_MODEL, "--verify")
    assert done.returncode == 0
    assert "background  40  (never announced)" in done.stdout
    assert "every part is what its checksum says" in done.stdout


def test_a_file_without_checksums_cannot_be_verified(tmp_path):
    proto = onnx.load(STARTER_MODEL)
    kept = [entry for entry in proto.metadata_props if not entry.key.endswith("sha256") or "backbone" in entry.key]
    del proto.metadata_props[:]
    proto.metadata_props.extend(kept)
    onnx.save(proto, tmp_path / "unsealed.onnx")
    assert "sha256 " not in pace_edge("inspect", tmp_path / "unsealed.onnx").stdout.partition("graph")[2]
    done = pace_edge("inspect", tmp_path / "unsealed.onnx", "--verify")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "carries no checksums" in done.stderr


def test_a_file_that_was_changed_fails_the_verification(tmp_path):
    model = onnx.load(exported()[0])
    set_metadata(model, {"pace_edge.threshold": "0.0"})
    onnx.save(model, tmp_path / "m.onnx")
    done = pace_edge("inspect", tmp_path / "m.onnx", "--verify")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "its metadata changed after it was written" in done.stderr


def test_metadata_that_cannot_be_read_and_files_of_others_are_one_clear_line(small_model, tmp_path):
    for key, value in (("pace_edge.labels", "no json"), ("pace_edge.parity", "[]"), ("pace_edge.parity", "{}")):
        model = onnx.load(small_model)
        set_metadata(model, {key: value})
        onnx.save(model, tmp_path / "m.onnx")
        done = pace_edge("inspect", tmp_path / "m.onnx")
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert "damaged" in done.stderr
    assert "cannot read the model file" in pace_edge("inspect", tmp_path / "absent.onnx").stderr
