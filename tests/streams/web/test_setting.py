"""What is set on the page holds from the next chunk on, and after a restart; `config --show` says where it is from."""

import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from pace_edge.errors import DeviceError
from pace_edge.operations import State
from pace_edge.rates import THRESHOLDS, Counts, class_keys
from streams.configuration.configure import configure
from streams.configuration.settings import Settings
from streams.configuration.source_settings import SourceSettings
from streams.listening.learner import open_journal
from streams.sources.devices import InputDevice
from streams.web.controls import Controls
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import serving


def events(served):
    return [(event["label"], event["state"]) for event in served.get("/api/recent")["events"]]


def windows_in(served, count):
    wait_until(lambda: len(served.get("/api/recent")["windows"]) == count)


def test_a_threshold_holds_from_the_next_chunk_on(served):
    served.post("/api/threshold", label="low", threshold=0.95)
    served.hear_low(3)
    windows_in(served, 5)
    assert max(window["top"]["low"] for window in served.get("/api/recent")["windows"]) < 0.95
    assert events(served) == []
    assert served.post("/api/threshold", label="low", threshold=0.5)["thresholds"] == {"low": 0.5}
    served.hear_low(3)
    wait_until(lambda: events(served) == [("low", "start")])


def test_the_gain_holds_from_the_next_chunk_on(served):
    served.hear_low(2)
    served.post("/api/settings", gain_db=-20.0)
    served.hear_low(2)
    windows_in(served, 7)
    levels = [window["level_dbfs"] for window in served.get("/api/recent")["windows"]]
    assert levels[-1] == pytest.approx(levels[0] - 20, abs=0.2)


def test_what_is_set_survives_a_restart_and_config_shows_where_it_is_from(small_model, state_folder):
    with serving(small_model) as served:
        served.post("/api/threshold", label='a "quoted" name', threshold=0.7)
        served.post("/api/threshold", label="low", threshold=0.6)
        served.post("/api/threshold", label="", threshold=0.4)
        kept = served.post("/api/settings", gain_db=3.5)
        assert kept["kept_in"] == str(state_folder / "page.toml")
    settings = configure(environment={}).settings
    assert settings.events.thresholds == {'a "quoted" name': 0.7, "low": 0.6}
    assert (settings.events.threshold, settings.windows.gain_db) == (0.4, 3.5)
    with serving(small_model, settings=settings) as served:
        state = served.get("/api/state")
        assert (state["gain_db"], state["threshold"], state["thresholds"]["low"]) == (3.5, 0.4, 0.6)
        served.post("/api/threshold", label="low", threshold=None)
        assert served.post("/api/threshold", label="", threshold=None)["threshold"] == pytest.approx(0.3)  # the model's
    assert configure(environment={}).settings.events.thresholds == {'a "quoted" name': 0.7}
    shown = subprocess.run(
        [sys.executable, "-m", "pace_edge", "config", "--show", "--json"], capture_output=True, check=True, timeout=300
    )
    rows = {row["key"]: row for row in json.loads(shown.stdout)}
    assert rows["windows.gain_db"]["value"] == "3.5"
    assert rows["windows.gain_db"]["from"].startswith(str(state_folder / "page.toml") + ":")
    assert rows["events.threshold"]["value"] == '""'


def test_a_flag_and_the_environment_go_before_the_page_and_it_before_the_file(tmp_path, state_folder):
    state_folder.mkdir()
    (state_folder / "config.toml").write_text("[windows]\ngain_db = 1.0\n[events]\nmin_hits = 4\n")
    (state_folder / "page.toml").write_text("[windows]\ngain_db = 2.0\n[events]\nthreshold = 0.5\n")
    assert configure(environment={}).settings.windows.gain_db == 2.0
    assert configure(environment={}).settings.events.min_hits == 4
    assert configure(environment={"PACE_EDGE_WINDOWS_GAIN_DB": "3"}).settings.windows.gain_db == 3.0
    (tmp_path / "other.toml").write_text("[windows]\ngain_db = 5.0\n")
    elsewhere = {"PACE_EDGE_WEB_KEPT_IN": str(tmp_path / "other.toml")}
    assert configure(environment=elsewhere).settings.windows.gain_db == 5.0


def test_what_cannot_be_kept_holds_and_is_said(served, state_folder):
    (state_folder / "page.toml").mkdir(parents=True)
    error = served.post("/api/settings", 422, gain_db=2.0)["error"]
    assert "it is set, but cannot be kept in" in error
    assert served.get("/api/state")["gain_db"] == 2.0


def test_a_renamed_class_keeps_its_threshold_and_what_is_kept_stays_as_it_is(served, state_folder):
    served.hear_low(2)
    served.post("/api/threshold", label="low", threshold=0.55)
    served.post("/api/rename", label="low", new_label="hum")
    assert served.get("/api/settings")["thresholds"] == {"hum": 0.55}
    assert {one["label"]: one["threshold"] for one in served.get("/api/labels")["labels"]}["hum"] == 0.55
    assert tomllib.loads((state_folder / "page.toml").read_text())["events"] == {"thresholds": {"low": 0.55}}
    served.hear_low(2)
    assert served.get("/api/state")["thresholds"] == {"hum": 0.55}
    served.post("/api/undo")
    assert served.get("/api/settings")["thresholds"] == {"low": 0.55}


def test_a_threshold_replaces_what_was_set_under_an_earlier_name(served, state_folder):
    served.hear_low(2)
    served.post("/api/threshold", label="low", threshold=0.55)
    served.post("/api/rename", label="low", new_label="hum")
    assert served.post("/api/threshold", label="hum", threshold=0.7)["thresholds"] == {"hum": 0.7}
    assert served.post("/api/threshold", label="low", threshold=0.8)["thresholds"] == {"hum": 0.8}  # an older page asks
    served.post("/api/undo")
    assert served.get("/api/settings")["thresholds"] == {"low": 0.8}
    assert served.post("/api/threshold", label="low", threshold=None)["thresholds"] == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/settings", {"gain_db": 61}),
        ("/api/settings", {"gain_db": "loud"}),
        ("/api/settings", {"hop_s": 1}),
        ("/api/threshold", {"label": "low", "threshold": 1.5}),
        ("/api/threshold", {"label": "low"}),
        ("/api/threshold", {"label": "a\x00b", "threshold": 0.5}),
    ],
)
def test_a_wrong_value_changes_nothing(served, state_folder, path, body):
    served.post(path, 422, **body)
    assert not (state_folder / "page.toml").exists()
    assert served.get("/api/state")["gain_db"] == 0.0


def test_the_scores_of_the_last_hour_are_counted(served):
    served.hear_low(3)
    served.hear_hiss(3)
    windows_in(served, 11)
    low = served.get("/api/scores?label=low")
    assert (len(low["bins"]), low["bins"][0], low["bins"][-1], sum(low["counts"])) == (21, 0.0, 1.0, 11)
    assert sum(low["counts"][6:]) >= 5
    assert sum(served.get("/api/scores?label=nobody")["counts"]) == 11


DEVICES = [
    InputDevice(0, "HDA Intel PCH: ALC/0", 2, 48000, True),
    InputDevice(1, "USB microphone", 1, 16000, False),
    InputDevice(2, "twin", 1, 16000, False),
    InputDevice(3, "twin", 1, 16000, False),
]


@pytest.fixture
def controls(served, monkeypatch):
    monkeypatch.setattr("streams.sources.microphone.input_devices", lambda: DEVICES)
    heard = []
    sources = (SourceSettings(input="old", name="attic"), SourceSettings(input="other"))
    made = Controls(Settings(sources=sources), served.listener, heard.append)
    made.heard = heard
    return made


def test_a_chosen_microphone_is_heard_at_once_and_after_a_restart(controls, state_folder):
    controls.set_source("attic", "USB microphone")
    (changed,) = controls.heard
    assert [(s.name, s.input) for s in changed.sources] == [("attic", "USB microphone"), (None, "other")]
    assert configure(environment={}).settings.sources == changed.sources
    controls.set_source("other", None)
    assert [s.input for s in controls.heard[-1].sources] == ["USB microphone", None]


def test_a_name_that_could_be_a_file_s_is_kept_as_its_number(controls):
    controls.set_source("attic", "HDA Intel PCH: ALC/0")
    assert controls.heard[-1].sources[0].input == "0"


@pytest.mark.parametrize("device", ["/etc/passwd", "rtsp://camera", "-", "twin", "USB", "nothing"])
def test_only_a_microphone_that_is_there_can_be_chosen(controls, device, state_folder):
    with pytest.raises(DeviceError, match="there is no one microphone"):
        controls.set_source("attic", device)
    assert controls.heard == []
    assert not (state_folder / "page.toml").exists()


def test_what_is_kept_is_toml_that_says_the_same(controls, state_folder):
    controls.set_source("attic", "USB microphone")
    controls.set_gain(-3.25)
    controls.set_threshold('x"\\y', 0.5, State())
    read = tomllib.loads((state_folder / "page.toml").read_text())
    assert read["windows"] == {"gain_db": -3.25}
    assert read["events"] == {"thresholds": {'x"\\y': 0.5}}
    assert read["sources"][0] == {"name": "attic", "input": "USB microphone"}
    assert np.isclose(configure(environment={}).settings.windows.gain_db, -3.25)


def test_what_a_threshold_means_is_said_for_each_place_of_the_slider(served):
    key = class_keys(served.listener.ears.learner.state)["low"]
    events = tuple(14.0 if threshold <= 0.4 else 0.0 for threshold in THRESHOLDS)
    with open_journal(served.listener.ears.model) as journal:
        journal.count({key: Counts(168.0, events)})
    here = {one["threshold"]: one["words"] for one in served.get("/api/scores?label=low")["here"]}
    assert (here[0.4], here[0.5]) == ("about 2 a day", "none in 168 h")
    assert "too little heard to say" in served.get("/api/scores?label=high")["here"][0]["words"]
    served.post("/api/threshold", label="low", threshold=0.4)
    labels = {one["label"]: one["here"] for one in served.get("/api/labels")["labels"]}
    assert labels["low"]["words"] == "about 2 a day"
    assert labels["background"] is None
