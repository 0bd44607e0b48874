"""pace-edge export: a checkpoint, or what a device learned, becomes a file; a mistake is one line and no file."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from export import checkpoint as exporting
from pace_edge.adapt import backbones
from pace_edge.cli import cli
from pace_edge.errors import PaceEdgeError, UsageError
from pace_edge.model_file import read_model
from tests.adapt.small import small_encoder
from tests.checkpoints import cached_embedder, exported, finished
from tests.cli.test_cli import announced, pace_edge
from tests.synthetic import RATE_HZ, tone


@pytest.fixture
def small_backbone(monkeypatch):
    monkeypatch.setitem(backbones.BACKBONES, "small", lambda *_: small_encoder())  # no network in a test
    monkeypatch.setattr(exporting, "export_embedder", cached_embedder)


def export(*words):
    return CliRunner().invoke(cli, ["export", *map(str, words)], catch_exceptions=False)


def test_a_checkpoint_becomes_a_proved_file(small_backbone, tmp_path):
    done = export(finished().folder, "-o", tmp_path / "tones.onnx")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert said["bytes"] == (tmp_path / "tones.onnx").stat().st_size
    assert [row["name"] for row in said["parity"]["rows"]][2:] == ["ONNX float32", "ONNX fp16", "ONNX int8"]
    assert "8 held-out windows" in done.stderr
    assert "int8: " in done.stderr.splitlines()[-1]
    assert read_model(tmp_path / "tones.onnx").info.name == "tones"


@pytest.mark.parametrize("kind", ["int8", "fp16"])
@pytest.mark.parametrize("offered", [True, False])
def test_a_smaller_file_is_written_if_it_is_offered_and_missed_loudly_if_not(
    small_backbone, tmp_path, monkeypatch, kind, offered
):
    monkeypatch.setattr(exporting, f"{kind}_in_words", lambda *rows: (offered, f"{kind}: as judged"))
    words = ["-o", tmp_path / "m.onnx", f"--{kind}", tmp_path / "small.onnx"]
    if offered:
        said = json.loads(export(finished().folder, *words).stdout)
        assert said[f"{kind}_bytes"] == (tmp_path / "small.onnx").stat().st_size
        assert read_model(tmp_path / "small.onnx").info.name == f"m-{kind}"
        return
    with pytest.raises(PaceEdgeError, match=r"small.onnx was not written\. Use the float32 file, .*m.onnx"):
        export(finished().folder, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_without_a_check_it_says_that_nothing_was_measured(small_backbone, tmp_path):
    done = export(finished().folder, "-o", tmp_path / "m.onnx", "--no-check", "--name", "ears", "--licence", "CC0")
    assert (done.exit_code, json.loads(done.stdout)["parity"]) == (0, None)
    assert "not checked" in done.stderr
    info = read_model(tmp_path / "m.onnx").info
    assert (info.name, info.licence) == ("ears", "small: licence not stated; CC0")


def test_an_exported_file_listens_and_learns(tmp_path):
    path, rng = exported()[0], np.random.default_rng(0)
    soundfile.write(tmp_path / "heard.wav", tone(250, 3, rng=rng), RATE_HZ)
    soundfile.write(tmp_path / "ring.wav", tone(5000, 1, rng=rng), RATE_HZ)
    heard = pace_edge("listen", "--model", path, "--input", tmp_path / "heard.wav", "--no-realtime", "--threshold", 0.1)
    assert announced(map(json.loads, heard.stdout.splitlines())) == {"tone0"}
    assert "a sound is announced after" in heard.stderr
    assert "never announced" not in heard.stderr  # it has no class that is
    taught = pace_edge("learn", "--model", path, "--label", "ring", "--file", tmp_path / "ring.wav")
    assert json.loads(taught.stdout)["after"][0] == "ring"


WITHOUT_TORCH = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchaudio", "onnxscript") or name.startswith("pace_edge.adapt"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
from pace_edge.cli import main
main()
"""


def test_what_was_learned_is_baked_without_torch(small_model, tmp_path):
    soundfile.write(tmp_path / "ring.wav", tone(900, 1.5, rng=np.random.default_rng(0)), RATE_HZ)
    nothing = pace_edge("export", "--learned", "--model", small_model, "-o", tmp_path / "new.onnx")
    assert (nothing.returncode, len(nothing.stderr.splitlines())) == (1, 1)
    assert "small has learned nothing here" in nothing.stderr
    pace_edge("learn", "--model", small_model, "--label", "doorbell", "--file", tmp_path / "ring.wav")
    words = ["export", "--learned", "--model", str(small_model), "-o", str(tmp_path / "new.onnx")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"] == ["low", "high", "background", "doorbell"]
    assert "1 taught example; new classes: doorbell" in done.stderr
    learned = {"label": "doorbell", "built_in": 1.0, "taught": 0}
    assert (
        json.loads(pace_edge("labels", "--model", tmp_path / "new.onnx", "--json").stdout)[-1].items()
        >= learned.items()
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to export"),
        (["checkpoint", "--data", ".", "--no-check"], "--data and --no-check exclude each other"),
        (["checkpoint", "--test-fold", "2"], "--label-column and --test-fold go with --data"),
        (["checkpoint", "--no-check", "--int8", "b.onnx"], "--int8 needs the check"),
        (["checkpoint", "--data", ".", "--int8", "m.onnx"], "a file of its own"),
        (["checkpoint", "--data", ".", "--fp16", "b.onnx", "--int8", "./b.onnx"], "a file of its own"),
        (["checkpoint", "--no-check", "--model", "m.onnx"], "go with --learned"),
        (["checkpoint", "--learned"], "CHECKPOINT does not go with --learned"),
        (["--learned", "--data", "."], "--data does not go with --learned"),
        (["--learned", "--journal", "absent.sqlite"], "there is no journal absent.sqlite"),
    ],
)
def test_words_that_do_not_go_together_are_refused(words, message, tmp_path):
    done = pace_edge("export", "-o", "m.onnx", *words, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert message in done.stderr
    assert not list(tmp_path.glob("*.onnx"))


def moved(tmp_path, change):
    """The checkpoint, with `change` made to what it says of its clips."""
    folder = shutil.copytree(finished().folder, tmp_path / "checkpoint")
    said = json.loads((folder / "pace.json").read_text())
    change(said["origin"])
    (folder / "pace.json").write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize("change", [lambda origin: origin.update(data="/gone"), lambda origin: origin.clear()])
def test_unless_the_clips_are_found_not_to_check_must_be_typed_out(small_backbone, tmp_path, change):
    folder = moved(tmp_path, change)
    with pytest.raises(UsageError, match=r"is proved on held-out clips.*--data, or type --no-check"):
        export(folder, "-o", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
    assert export(folder, "-o", tmp_path / "m.onnx", "--data", finished().folder.parent).exit_code == 0


def test_the_clips_held_out_are_those_that_adapt_held_out(small_backbone, tmp_path):
    folder = moved(tmp_path, lambda origin: origin.update(test_fold=7, label_column="kind"))
    with pytest.raises(PaceEdgeError, match="no column kind"):
        export(folder, "-o", tmp_path / "m.onnx")
    with pytest.raises(PaceEdgeError, match=r"no clip of 'tone\d' in fold 7"):
        export(folder, "-o", tmp_path / "m.onnx", "--data", finished().folder.parent, "--label-column", "label")
    words = ["--data", finished().folder.parent, "--label-column", "label", "--test-fold", "1"]
    assert export(folder, "-o", tmp_path / "m.onnx", *words).exit_code == 0


def test_what_is_no_checkpoint_of_ours_is_one_clear_line(tmp_path):
    folder = shutil.copytree(finished().folder, tmp_path / "checkpoint")
    for content, message in (('{"schema": 9}', "expected schema 2, got schema 9"), ("no json", "is no checkpoint")):
        (folder / "pace.json").write_text(content)
        done = pace_edge("export", folder, "-o", tmp_path / "m.onnx", "--no-check")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert message in done.stderr
    assert not (tmp_path / "m.onnx").exists()


def test_a_target_that_cannot_be_written_is_one_clear_line(small_model, tmp_path):
    done = pace_edge("export", "--learned", "--model", small_model, "-o", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "it is a folder" in done.stderr
