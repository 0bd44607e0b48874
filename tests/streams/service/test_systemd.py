"""The unit is one that systemd takes, whoever runs it and whatever their folders are called."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pace_edge.errors import PaceEdgeError, UsageError
from streams.service import systemd
from streams.sinks.broker import PASSWORD_VARIABLE


@pytest.mark.parametrize("user", [None, "daemon"])
def test_systemd_takes_the_unit(tmp_path, user):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze: apt-get install systemd")
    home = tmp_path / 'my "sounds" 100 %h $x'
    file = tmp_path / "pace-edge.service"
    file.write_text(systemd.unit(home=home, config=home / "my config.toml", user=user, writable=[home / "a b"]))
    scope = "--system" if user else "--user"
    done = subprocess.run(
        ["systemd-analyze", scope, "--man=no", "verify", file], capture_output=True, text=True, timeout=300,
        check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    assert "pace-edge.service" not in done.stderr, done.stderr


def test_the_unit_starts_this_python_with_this_state():
    text = systemd.unit(home=Path("/var/lib/ears"), config=Path("/etc/ears.toml"), user="pi", writable=[])
    assert f"ExecStart={sys.executable} -m pace_edge listen --config /etc/ears.toml\n" in text
    assert "Environment=PACE_EDGE_HOME=/var/lib/ears\n" in text
    assert "User=pi\n" in text
    assert "ReadWritePaths=/var/lib/ears\n" in text
    assert "RestartPreventExitStatus=2\n" in text
    assert f"such as {PASSWORD_VARIABLE}=" in text  # the name that the broker reads


def test_special_characters_are_quoted():
    text = systemd.unit(home=Path("/a b/100%"), config=Path("/x/$y"), user=None, writable=[])
    assert 'Environment="PACE_EDGE_HOME=/a b/100%%"\n' in text
    assert '"/x/$$y"' in text


def test_a_unit_of_ones_own_asks_for_nothing_that_only_root_may():
    text = systemd.unit(home=Path("/h"), config=None, user=None, writable=[])
    assert "ProtectSystem" not in text
    assert "WantedBy=default.target\n" in text


def test_a_foreign_unit_is_left_alone(tmp_path):
    path = tmp_path / "pace-edge.service"
    path.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(PaceEdgeError, match="is not from pace-edge"):
        systemd.install("new", path, tmp_path / "state", None)
    assert path.read_text() == "[Service]\nExecStart=/bin/true\n"


def test_our_unit_is_written_again_and_the_state_folder_is_made(tmp_path):
    path = tmp_path / "units" / "pace-edge.service"
    for home in ("one", "two"):
        folder = tmp_path / home / "state"
        text = systemd.unit(home=folder, config=None, user=None, writable=[])
        systemd.install(text, path, folder, None)
        assert path.read_text() == text
        assert folder.is_dir()


def test_where_it_may_not_write_it_says_how(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PaceEdgeError, match=r"cannot install .* Use sudo, or --user"):
        systemd.install("x", tmp_path / "file" / "pace-edge.service", tmp_path / "state", None)


def test_the_state_is_that_persons_own(monkeypatch):
    monkeypatch.delenv("PACE_EDGE_HOME")
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    assert systemd.state_folder("daemon") == Path("/usr/sbin/.local/share/pace-edge")
    with pytest.raises(UsageError, match="there is no user 'nobody-of-this-name'"):
        systemd.state_folder("nobody-of-this-name")
