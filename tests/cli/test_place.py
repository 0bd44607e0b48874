"""Which place: every verb and the Python API mean the model, journal and key that the listener means."""

import asyncio
import json
import sys
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import pace_edge
from pace_edge.cli import cli
from pace_edge.errors import LearningError, ModelFileError
from pace_edge.signature import read_private_key, sign
from tests.keys import write_keys
from tests.streams.service.test_run import listening, low, play, read_until
from tests.synthetic import RATE_HZ, hiss, tone, write_small_model

WAYS = ["file", "named file", "environment", "flag"]


@pytest.fixture(scope="session")
def attic_model(tmp_path_factory):
    return write_small_model(tmp_path_factory.mktemp("model") / "attic.onnx", name="attic")


@pytest.fixture
def folder(tmp_path, monkeypatch, state_folder):
    """Where a person is, with recordings; the state folder is elsewhere."""
    rng, here = np.random.default_rng(13), tmp_path / "here"
    here.mkdir()
    state_folder.mkdir()
    for name, hz in (("ring", 900), ("kettle", 1300), ("siren", 1800)):
        soundfile.write(here / f"{name}.wav", tone(hz, 1.5, rng=rng), RATE_HZ)
    programme = [hiss(2, rng=rng), tone(900, 3, rng=rng), hiss(2, rng=rng)]
    soundfile.write(here / "programme.wav", np.concatenate(programme), RATE_HZ)
    soundfile.write(here / "low.wav", np.concatenate([tone(300, 3, rng=rng), hiss(2, rng=rng)]), RATE_HZ)
    monkeypatch.chdir(here)
    return here


@dataclass
class Meant:
    """The model, journal and key that are set in one of the ways; `flags` are what a verb is given of them."""

    way: str
    model: Path
    journal: Path
    flags: list[str]
    key: Path | None = None

    def of(self, verb: str) -> list[str]:
        given = dict(zip(self.flags[::2], self.flags[1::2], strict=True))
        if verb == "inspect":
            given.pop("--journal", None)
            return [given.pop("--model"), *sum(given.items(), ())] if "--model" in given else sum(given.items(), ())
        return [word for pair in given.items() for word in pair]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def means(way, attic_model, folder, state_folder, monkeypatch):
    """Say in this way what is meant."""

    def say(key: Path | None = None, model: Path = attic_model) -> Meant:
        journal = folder / "attic.journal"
        keys = {"model.file": model, "journal.file": journal, **({"model.signed_by": key} if key else {})}
        flags: list[str] = []
        if way in ("file", "named file"):
            file = state_folder / "config.toml" if way == "file" else folder / "mine.toml"
            file.write_text("".join(f"{name} = {json.dumps(str(value))}\n" for name, value in keys.items()))
            flags = ["--config", str(file)] if way == "named file" else []
        elif way == "environment":
            for name, value in keys.items():
                monkeypatch.setenv("PACE_EDGE_" + name.replace(".", "_").upper(), str(value))
        else:
            names = {"model.file": "--model", "journal.file": "--journal", "model.signed_by": "--signed-by"}
            flags = [word for name, value in keys.items() for word in (names[name], str(value))]
        return Meant(way, model, journal, flags, key)

    return say


def do(*words):
    """A verb in this process: its JSON, line by line, and its words."""
    result = CliRunner().invoke(cli, [*map(str, words)])
    if result.exception:
        raise result.exception
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith(("{", "["))]
    return lines, result.stderr


def taught(*words):
    (counted,), _ = do("labels", "--json", *words)
    return {one["label"]: one["taught"] for one in counted if one["taught"]}


def announced(*words, sound="programme.wav"):
    heard, _ = do("listen", "--input", sound, "--no-realtime", "--json", *words)
    return {one["label"] for one in heard if one["type"] == "event"}


def test_what_is_taught_is_known_by_the_listener_that_was_meant(means, state_folder):
    meant = means()
    assert "doorbell" not in announced(*meant.flags)
    do("learn", "--label", "doorbell", "--file", "ring.wav", *meant.flags)
    assert announced(*meant.flags) == {"doorbell"}
    assert taught(*meant.flags) == taught("--model", meant.model, "--journal", meant.journal) == {"doorbell": 1}
    assert not (state_folder / "journals").exists()


@pytest.mark.parametrize("words", [["correct", "--label", "hum"], ["learn", "--label", "hum", "--last", "50"]])
def test_what_the_listener_heard_is_corrected_and_taught_in_its_journal(means, words, state_folder):
    meant = means()
    assert announced(*meant.flags, sound="low.wav") == {"low"}
    do(*words, *meant.flags)
    assert taught("--model", meant.model, "--journal", meant.journal) == {"hum": 1}
    assert not (state_folder / "journals").exists()


VERBS = {
    "learn": ["learn", "--label", "siren", "--file", "siren.wav"],
    "undo": ["undo"],
    "forget": ["forget", "doorbell"],
    "hide": ["hide", "doorbell"],
    "unhide": ["unhide", "doorbell"],
    "rename": ["rename", "doorbell", "bell"],
    "merge": ["merge", "other.journal"],
    "reset": ["reset", "--yes"],
    "labels": ["labels", "--examples", "--json"],
    "journal": ["journal", "--check", "--json"],
    "export": ["export", "--learned", "--output", "new.onnx"],
    "inspect": ["inspect", "--json"],
}
SAYS = {  # a word that only the place that is meant can make a verb say
    "learn": '"label": "siren"', "undo": "'doorbell'", "forget": "1 taught example", "hide": "is hidden",
    "unhide": "reported again", "rename": "'bell'", "merge": "1 taught example", "reset": "attic-before",
    "labels": '"label": "doorbell"', "journal": "attic.journal", "export": "1 taught example", "inspect": '"attic"',
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_means_the_same_place(means, verb, state_folder):
    meant = means()
    do("learn", "--label", "doorbell", "--file", "ring.wav", "--model", meant.model, "--journal", meant.journal)
    other = ["--model", meant.model, "--journal", "other.journal"]
    do("learn", "--label", "kettle", "--file", "kettle.wav", *other)
    lines, words = do(*VERBS[verb], *meant.of(verb))
    assert SAYS[verb] in json.dumps(lines) + words
    assert not (state_folder / "journals").exists()


def test_relearn_learns_into_the_journal_that_is_meant(means, folder, state_folder, small_model):
    meant = means()
    do("learn", "--label", "doorbell", "--file", "ring.wav", "--model", small_model, "--journal", "old.journal")
    do("relearn", "old.journal", *meant.flags)
    assert taught(*meant.flags) == {"doorbell": 1}
    assert not (state_folder / "journals").exists()


@pytest.mark.parametrize("way", ["file", "named file", "environment"], indirect=True)
def test_the_history_is_the_one_that_the_listener_writes(means, folder, state_folder, monkeypatch):
    meant = means()
    if meant.way == "environment":
        monkeypatch.setenv("PACE_EDGE_OUTPUTS_HISTORY_FILE", str(folder / "events.sqlite"))
    else:
        file = state_folder / "config.toml" if meant.way == "file" else folder / "mine.toml"
        file.write_text(file.read_text() + f'outputs.history.file = "{folder / "events.sqlite"}"\n')
    assert announced(*meant.flags, "--set", "outputs.history.keep=true", sound="low.wav") == {"low"}
    listed, _ = do("history", "--json", *meant.flags)
    assert [one["label"] for one in listed] == ["low"]


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "journal"])
def test_a_signature_that_is_demanded_is_demanded_by_every_verb(means, verb, folder, attic_model):
    pytest.importorskip("cryptography", reason="pip install '.[sign]'")
    keys, model = write_keys(folder / "keys"), folder / "signed.onnx"
    model.write_bytes(attic_model.read_bytes())
    sign(model, read_private_key(keys.private))
    meant = means(keys.public, model)
    do("learn", "--label", "doorbell", "--file", "ring.wav", "--model", model, "--journal", "other.journal")
    do("learn", "--label", "doorbell", "--file", "ring.wav", "--model", model, "--journal", meant.journal)
    lines, words = do(*VERBS[verb], *meant.of(verb))
    assert lines or words
    meant = means(keys.stranger, model)
    with pytest.raises(ModelFileError, match="is not what the holder of"):
        do(*VERBS[verb], *meant.of(verb))


@pytest.mark.parametrize("way", ["file"], indirect=True)
@pytest.mark.parametrize(
    "words",
    [["listen", "--input", "ring.wav", "--no-realtime"], ["bench", "--seconds", "5", "--input", "ring.wav"],
     ["relearn", "old.journal"]],
)  # fmt: skip
def test_no_verb_that_opens_the_model_leaves_the_signature_out(means, words, folder):
    pytest.importorskip("cryptography", reason="pip install '.[sign]'")
    means(write_keys(folder / "keys").public)
    with pytest.raises(ModelFileError, match="has no signature"):
        do(*words)


@pytest.mark.parametrize("way", ["file", "environment"], indirect=True)
def test_python_means_the_configured_place_too(means, state_folder):
    meant = means()
    with pace_edge.Teacher() as teacher:
        teacher.learn_file("doorbell", "ring.wav")
    assert {one.label: one.taught for one in pace_edge.labels()}["doorbell"] == 1
    assert isinstance(pace_edge.health(), list)
    heard = list(pace_edge.listen(source="programme.wav", realtime=False, events_only=True))
    assert {event.label for event in heard} == {"doorbell"}

    async def first():
        async with aclosing(pace_edge.alisten(source="programme.wav", realtime=False, events_only=True)) as reports:
            return [report.label async for report in reports]

    assert set(asyncio.run(first())) == {"doorbell"}
    assert taught("--model", meant.model, "--journal", meant.journal) == {"doorbell": 1}
    assert not (state_folder / "journals").exists()


@pytest.mark.parametrize("way", ["file"], indirect=True)
def test_what_a_call_names_wins_and_the_rest_stays_as_configured(means, folder):
    meant = means()
    with pace_edge.Teacher(journal=str(folder / "mine.journal")) as teacher:
        teacher.learn_file("doorbell", "ring.wav")
    assert taught("--journal", folder / "mine.journal") == {"doorbell": 1}
    assert taught() == {}
    assert pace_edge.labels(meant.model, journal=folder / "mine.journal")[-1].label == "doorbell"


@pytest.mark.parametrize("way", ["file"], indirect=True)
def test_python_asks_for_the_signature_that_is_configured(means, folder, attic_model):
    pytest.importorskip("cryptography", reason="pip install '.[sign]'")
    means(write_keys(folder / "keys").public)
    for opened in (pace_edge.Teacher, pace_edge.labels, pace_edge.health, lambda: next(pace_edge.listen())):
        with pytest.raises(ModelFileError, match="has no signature"):
            opened()
    with pytest.raises(ModelFileError, match="has no signature"):
        pace_edge.Teacher(attic_model)  # a file that a call names is no exception


@pytest.fixture
def listener(attic_model, folder):
    """One that runs with a journal of its own, and has heard a sound."""
    words = ["--model", attic_model, "--journal", folder / "attic.journal", "--set", "pcm.rate_hz=16000"]
    with listening(*words) as process:
        play(process, low(3))
        read_until(process, lambda record: record["type"] == "window")
        yield process


@pytest.mark.parametrize(
    "words",
    [["learn", "--label", "bell", "--file", "ring.wav"], ["hide", "low"], ["rename", "low", "hum"], ["reset", "--yes"],
     ["merge", "other.journal"], ["relearn", "old.journal", "--journal", "new.journal"]],
)  # fmt: skip
def test_a_verb_and_a_listener_that_do_not_meet_say_so(listener, folder, small_model, attic_model, words):
    do("learn", "--label", "kettle", "--file", "kettle.wav", "--model", small_model, "--journal", "other.journal")
    do("learn", "--label", "kettle", "--file", "kettle.wav", "--model", attic_model, "--journal", "old.journal")
    lines, said = do(*words, "--json", "--model", small_model)
    expected = (
        f"the listener that runs here (pid {listener.pid}) uses the journal {folder / 'attic.journal'} with the model "
        f"{attic_model}: it will not know this; "
        f"name that with --journal {folder / 'attic.journal'} --model {attic_model}"
    )
    assert lines[-1]["warnings"] == [expected]
    assert f"pace-edge: {expected}" in said.splitlines()


@pytest.mark.parametrize("span", [[], ["--last", "5"], ["--at", "1"]])
def test_where_nothing_was_heard_the_journal_of_the_listener_that_runs_is_named(listener, folder, attic_model, span):
    with pytest.raises(LearningError) as refused:
        do("learn", "--label", "hum", *span)
    there = f"--journal {folder / 'attic.journal'} --model {attic_model}"
    assert f"pid {listener.pid}" in str(refused.value)
    assert f"Teach there with {there}; nothing was learned." in str(refused.value)
    do("learn", "--label", "hum", *there.split(), "--force")
    assert taught(*there.split()) == {"hum": 1}


def test_a_verb_and_a_listener_that_meet_say_nothing(listener, folder, attic_model):
    lines, said = do("learn", "--label", "bell", "--file", "ring.wav", "--model", attic_model,
                     "--journal", folder / ".." / "here" / "attic.journal")  # fmt: skip
    assert lines[0]["warnings"] == []
    assert "pid" not in said


def shown(*words):
    (rows,), _ = do("config", "--show", "--json", *words)
    return {row["key"].removeprefix("place."): (json.loads(row["value"]), row["from"]) for row in rows
            if row["key"].startswith("place.")}  # fmt: skip


def test_the_configuration_shows_the_place_and_the_source_of_each(means, folder, state_folder):
    meant, given = means(key=Path("key.pem")), shown(*means(key=Path("key.pem")).flags)
    origins = {
        "file": [f"{state_folder / 'config.toml'}:{line}" for line in (1, 2, 3)],
        "named file": [f"{folder / 'mine.toml'}:{line}" for line in (1, 2, 3)],
        "environment": ["PACE_EDGE_MODEL_FILE", "PACE_EDGE_JOURNAL_FILE", "PACE_EDGE_MODEL_SIGNED_BY"],
        "flag": ["--model", "--journal", "--signed-by"],
    }[meant.way]
    assert given["home"] == (str(state_folder), "PACE_EDGE_HOME")
    assert [given["model"], given["journal"]] == [(str(meant.model), origins[0]), (str(meant.journal), origins[1])]
    key = state_folder if meant.way == "file" else folder
    assert given["signed_by"] == (str(key / "key.pem"), origins[2])


def test_without_anything_set_the_place_is_shown_too(small_model, state_folder):
    assert shown("--model", small_model) == {
        "home": (str(state_folder), "PACE_EDGE_HOME"), "model": (str(small_model), "--model"),
        "journal": (str(state_folder / "journals" / "small.sqlite"), "default"), "signed_by": ("", "default"),
    }  # fmt: skip
    words = CliRunner().invoke(cli, ["config", "--show"]).stdout.splitlines()
    assert words[0] == f"# state folder: {state_folder}  # PACE_EDGE_HOME"
    assert words[1].endswith("pace-starter.onnx  # default")
    assert words[2] == f"# journal: {state_folder / 'journals' / 'pace-starter.sqlite'}  # default"
    assert words[3] == "# signed by: none  # default"


def test_a_model_that_cannot_be_read_hides_no_other_setting(tmp_path):
    result = CliRunner().invoke(cli, ["config", "--show", "--json", "--model", str(tmp_path / "none.onnx")])
    assert result.exit_code == 0
    assert "cannot read the model file" in result.stderr
    assert {row["key"] for row in json.loads(result.stdout)} > {"place.journal", "events.min_hits"}


def test_a_model_that_is_set_and_cannot_be_read_is_told_with_the_place_that_sets_it(tmp_path, state_folder):
    config = state_folder / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("[model]\nfile = 'none.onnx'\n")
    done = CliRunner().invoke(cli, ["labels"])
    assert str(done.exception) == (
        f"{config}:2: cannot read the model file {state_folder / 'none.onnx'}: No such file or directory. "
        "Give a model file of pace-edge, or none for the starter model."
    )
    given = str(CliRunner().invoke(cli, ["labels", "--model", str(tmp_path / "x.onnx")]).exception)
    assert given.startswith("cannot read the model file")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd")
def test_a_service_reads_what_this_shell_reads_or_says_what_it_does_not(folder, state_folder, monkeypatch):
    (folder / "mine.toml").write_text('journal.file = "kept/j"\n')
    monkeypatch.setenv("PACE_EDGE_CONFIG", "mine.toml")
    monkeypatch.setenv("PACE_EDGE_MODEL_FILE", "other.onnx")
    done = CliRunner().invoke(cli, ["service", "--run-as", "daemon"])
    assert f"listen --config {folder / 'mine.toml'}\n" in done.stdout
    assert f"ReadWritePaths={state_folder} {folder / 'kept'}\n" in done.stdout
    assert done.stderr == "PACE_EDGE_MODEL_FILE is not set for the service: put model.file into its configuration\n"
    monkeypatch.delenv("PACE_EDGE_CONFIG")
    monkeypatch.delenv("PACE_EDGE_MODEL_FILE")
    done = CliRunner().invoke(cli, ["service", "--run-as", "daemon"])
    assert "pace_edge listen\n" in done.stdout
    assert done.stderr == ""
