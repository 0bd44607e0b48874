"""Every setting has a sentence, a default and one place where it came from; a wrong one is told in one line."""

import re
import tomllib
from dataclasses import fields
from inspect import signature
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.errors import UsageError
from streams.configuration.configure import Given, configure, settings_paths, variable_of
from streams.configuration.output_settings import (
    ClipSettings,
    CommandSettings,
    HistorySettings,
    MqttSettings,
    OutboxSettings,
    WebhookSettings,
)
from streams.configuration.section import Section, is_section
from streams.configuration.settings import EventSettings, RuntimeSettings, Settings, WindowSettings
from streams.configuration.settings_file import as_toml, commented_toml, shown_toml
from streams.configuration.source_settings import PcmSettings, WatchdogSettings
from streams.configuration.toml_lines import lines_of
from streams.configuration.wrong_settings import dotted
from streams.listening.options import Options, options_of
from streams.sinks.broker import Broker
from streams.sinks.clips import ClipKeeper
from streams.sinks.command import Command
from streams.sinks.history import History
from streams.sinks.mqtt import Mqtt
from streams.sinks.outbox import Outbox
from streams.sinks.webhook import Webhook
from streams.sources.standard_input import RawPcm
from streams.sources.watchdog import Patience


def written(folder: Path, text: str) -> Path:
    (folder / "my.toml").write_text(text)
    return folder / "my.toml"


def sections(schema=Settings):
    yield schema
    for field in schema.model_fields.values():
        for one in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if is_section(one):
                yield from sections(one)


def test_every_setting_has_a_sentence():
    for section in sections():
        for name, field in section.model_fields.items():
            assert field.description, (section, name)
            assert field.description.endswith("."), (section, name)
            assert not field.is_required() or field.examples, (section, name)


def test_the_written_file_changes_nothing():
    assert Settings.model_validate(tomllib.loads(commented_toml())) == Settings()


def test_the_written_file_without_its_comments_says_the_defaults(tmp_path):
    """What stands behind each # is the default, in a form that is read again; of each list there is one example."""
    text = re.sub(r"^#(?! )", "", commented_toml(), flags=re.MULTILINE)
    read = configure(file=written(tmp_path, text), environment={})
    for path, value, origin in read.values():
        assert origin.startswith(str(tmp_path)), f"{dotted(path)} is not in the file"
        default = Settings()
        for name in path:
            default = getattr(default, name)
        if isinstance(value, tuple) and value and isinstance(value[0], Section):
            assert len(value) == 1
        else:
            assert value == default, dotted(path)


def test_a_flag_goes_before_the_environment_and_that_before_the_file(tmp_path):
    file = written(tmp_path, "[events]\nmin_hits = 3\nmax_misses = 4\nthreshold = 0.5\n")
    environment = {"PACE_EDGE_EVENTS_MAX_MISSES": "5", "PACE_EDGE_EVENTS_THRESHOLD": "0.6"}
    read = configure({"events.threshold": Given("0.7", "--threshold")}, file=file, environment=environment)
    events = read.settings.events
    assert (events.min_hits, events.max_misses, events.threshold) == (3, 5, 0.7)
    assert read.origins["events", "min_hits"] == f"{file}:2"
    assert read.origins["events", "max_misses"] == "PACE_EDGE_EVENTS_MAX_MISSES"
    assert read.origins["events", "threshold"] == "--threshold"
    assert read.origins["events", "keep"] == "default"


def test_the_file_is_the_state_folders_unless_another_is_named(tmp_path, state_folder):
    assert configure(environment={}).settings == Settings()
    state_folder.mkdir()
    (state_folder / "config.toml").write_text("[events]\nmin_hits = 4\n")
    assert configure(environment={}).settings.events.min_hits == 4
    other = written(tmp_path, "[events]\nmin_hits = 5\n")
    assert configure(environment={"PACE_EDGE_CONFIG": str(other)}).settings.events.min_hits == 5
    assert configure(file=written(tmp_path, ""), environment={"PACE_EDGE_CONFIG": "x"}).settings.events.min_hits == 2


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path, state_folder):
    """Windows' editors put one first."""
    (tmp_path / "my.toml").write_bytes(b"\xef\xbb\xbf[events]\nmin_hits = 3\n")
    state_folder.mkdir()
    (state_folder / "page.toml").write_bytes(b"\xef\xbb\xbf[events]\nmax_misses = 4\n")
    events = configure(file=tmp_path / "my.toml", environment={}).settings.events
    assert (events.min_hits, events.max_misses) == (3, 4)


def test_a_relative_path_in_a_file_is_one_of_its_folder_wherever_it_is_read_from(tmp_path, monkeypatch):
    """Else a service, which starts in the state folder, and a terminal would mean two files by it."""
    text = '[model]\nfile = "m.onnx"\n[journal]\nfile = "../j"\n[outputs]\ncsv = "/heard.csv"\n'
    file = written(tmp_path, text + '[[outputs.webhooks]]\nurl = "http://x"\nsecret_file = "key"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    read = configure(file=Path("../my.toml"), environment={"PACE_EDGE_MODEL_SIGNED_BY": "key.pem"}).settings
    assert read.model.file.resolve() == tmp_path / "m.onnx"
    assert read.journal.file.resolve() == tmp_path.parent / "j"
    assert read.outputs.csv == Path("/heard.csv")
    assert read.outputs.webhooks[0].secret_file.resolve() == tmp_path / "key"
    assert read.model.signed_by == Path("key.pem")  # of the environment and of flags: of where it is started
    assert file.exists()


def test_anothers_state_folder_is_read_for_the_service_that_runs_as_them(tmp_path, state_folder):
    """Under sudo the state folder of this process is root's."""
    state_folder.mkdir()
    (state_folder / "config.toml").write_text("[events]\nmin_hits = 3\n")
    (tmp_path / "config.toml").write_text("[events]\nmin_hits = 4\n")
    (tmp_path / "page.toml").write_text("[events]\nmax_misses = 5\n")
    events = configure(environment={}, folder=tmp_path).settings.events
    assert (events.min_hits, events.max_misses) == (4, 5)


def test_lists_and_tables_can_be_given_as_text():
    environment = {
        "PACE_EDGE_SOURCES": '[{ input = "a.wav" }, { input = "2" }]',
        "PACE_EDGE_EVENTS_THRESHOLDS": '{ "glass breaking" = 0.6 }',
    }
    settings = configure(environment=environment).settings
    assert [source.input for source in settings.sources] == ["a.wav", "2"]
    assert settings.events.thresholds == {"glass breaking": 0.6}


def test_an_empty_text_takes_a_setting_back(tmp_path):
    file = written(tmp_path, '[events]\nthreshold = 0.5\n[model]\nfile = "~/x.onnx"\n')
    read = configure(file=file, environment={"PACE_EDGE_EVENTS_THRESHOLD": ""}).settings
    assert read.events.threshold is None
    assert read.model.file == Path.home() / "x.onnx"


def test_a_secret_in_an_address_is_not_shown():
    read = configure(environment={"PACE_EDGE_SOURCES": '[{ input = "rtsp://me:hunter2@attic/live" }]'})
    assert read.settings.sources[0].input == "rtsp://me:hunter2@attic/live"
    shown = [shown_toml(value) for path, value, _ in read.values() if path == ("sources",)]
    assert shown == ['[{ "input" = "rtsp://...@attic/live" }]']


def test_the_listener_is_told_its_defaults():
    """What nobody sets is the same as without any settings."""
    assert options_of(Settings()) == Options()


def test_what_the_listener_can_be_told_can_be_set():
    told = {name for section in (WindowSettings, EventSettings, RuntimeSettings) for name in section.model_fields}
    assert told == {field.name for field in fields(Options)}


@pytest.mark.parametrize(
    ("section", "made"),
    [
        (WatchdogSettings, Patience), (PcmSettings, RawPcm), (MqttSettings, Broker), (MqttSettings, Mqtt),
        (HistorySettings, History), (ClipSettings, ClipKeeper), (OutboxSettings, Outbox), (WebhookSettings, Webhook),
        (CommandSettings, Command),
    ],
)  # fmt: skip
def test_a_setting_has_the_default_of_what_it_configures(section, made):
    defaults = {name: one.default for name, one in signature(made).parameters.items() if one.default is not one.empty}
    same = [name for name in section.model_fields if name in defaults and name != "name"]
    assert same
    for name in same:
        value = section.model_fields[name].get_default(call_default_factory=True)
        expected = defaults[name]
        assert value == (frozenset(expected) if isinstance(value, frozenset) else expected), name


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[events]\n\ntreshold = 1", "my.toml:3: there is no setting events.treshold. Did you mean events.threshold?"),
        ("[event]\nx = 1", "my.toml:1: there is no setting event. Did you mean events?"),
        ("[events]\nthreshold = 7", "events.threshold is wrong: expected less than or equal"),
        ("[events]\nmin_hits = 2.5", "my.toml:2: the setting events.min_hits is wrong: expected a valid integer, got"),
        ("[events]\nthresholds = { a = 2 }", "my.toml:2: the setting events.thresholds.a is wrong"),
        ("x = 1\nevents = 4", "my.toml:2: the setting events is wrong: expected a table, got 4"),
        ('[[sources]]\ninput = "a"\n[[sources]]\ninptu = "b"',
         "my.toml:4: there is no setting sources[1].inptu. Did you mean sources[1].input?"),
        ('[[sources]]\ninput = "a"\n[[sources]]\ninput = 3', "my.toml:4: the setting sources[1].input is wrong"),
        ('[runtime]\nprovider = "gpu"', "my.toml:2: the setting runtime.provider is wrong: expected 'auto', 'cpu' or"),
        ("[outputs.mqtt]\nuser = 5", "my.toml:2: the setting outputs.mqtt.user is wrong: expected a valid string"),
        ("[[outputs.webhooks]]\nname = 'x'", "my.toml:1: outputs.webhooks[0] needs url"),
        ("[events\n", "my.toml is no TOML"),
        ("[journal]\nfile = 3", "my.toml:2: the setting journal.file is wrong: expected a path in quotes, got 3"),
        ('[[sources]]\nrecorded_at = "noon"',
         "my.toml:2: the setting sources[0].recorded_at is wrong: expected one such as 2026-01-01T05:00:00, or with"),
        ("[[sources]]\nrecorded_at = 12", "my.toml:2: the setting sources[0].recorded_at is wrong: expected a valid"),
        ("[events]\nthreshold = nan", "my.toml:2: the setting events.threshold is wrong"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path, text, line):
    with pytest.raises(UsageError) as error:
        configure(file=written(tmp_path, text), environment={})
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("flags", "environment", "line"),
    [
        (
            {},
            {"PACE_EDGE_EVENTS_TRESHOLD": "1"},
            "no setting PACE_EDGE_EVENTS_TRESHOLD. Did you mean PACE_EDGE_EVENTS_THR",
        ),
        ({}, {"PACE_EDGE_EVENTS_MIN_HITS": "x"}, "PACE_EDGE_EVENTS_MIN_HITS: the setting events.min_hits is wrong"),
        ({}, {"PACE_EDGE_SOURCES": "a.wav"}, "PACE_EDGE_SOURCES: the setting sources is wrong: expected a list"),
        ({"event.x": Given("1", "--set event.x")}, {}, "--set event.x: there is no setting event.x"),
        ({"events": Given("1", "--set events")}, {}, "events is a section. Set one of threshold"),
    ],
)
def test_a_mistake_elsewhere_is_told_with_its_name(flags, environment, line):
    with pytest.raises(UsageError) as error:
        configure(flags, environment=environment)
    assert line in str(error.value)


def test_a_file_that_is_named_must_be_there(tmp_path):
    for file, words in [(tmp_path / "absent.toml", "there is no configuration"), (tmp_path, "cannot read the config")]:
        with pytest.raises(UsageError, match=words):
            configure(file=file, environment={})


def test_no_two_settings_share_a_variable():
    variables = [variable_of(path) for path in settings_paths()]
    assert len(variables) == len(set(variables))


def test_lines_are_found_in_every_way_to_write_a_key():
    text = '[a]\n"b c" = 1\nd . e = 2\n\n[ a.f ]\n# g = 1\ng=[\n1,\n]\n[[h]]\n[h.i]\nj = 1\n[[h]]\nk = 2\n'
    found = lines_of(text)
    assert found[("a", "b c")] == 2
    assert found[("a", "d", "e")] == 3
    assert found[("a", "f", "g")] == 7
    assert found[("h", 0, "i", "j")] == 12
    assert found[("h", 1, "k")] == 14


values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)  # fmt: skip


@given(values)
def test_a_value_is_written_so_that_toml_reads_it(value):
    assert tomllib.loads(f"x = {as_toml(value)}")["x"] == value
