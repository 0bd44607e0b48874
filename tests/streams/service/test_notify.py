"""systemd is told in its own protocol, and its absence is no trouble."""

import socket

import pytest

from streams.service.notify import Notifier
from tests.waiting import PATIENCE_S


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    """The receiving end, and the environment that names it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@pace-edge-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind("\0" + name[1:] if name.startswith("@") else name)
        ours.settimeout(PATIENCE_S)
        yield ours, {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000000"}


def test_a_message_is_one_datagram(systemd):
    ours, environment = systemd
    Notifier(environment).tell("READY=1", "STATUS=Listening to the attic")
    assert ours.recv(1000) == b"READY=1\nSTATUS=Listening to the attic"


def test_the_watchdog_is_fed_and_not_overfed(systemd):
    ours, environment = systemd
    notifier = Notifier(environment)
    for _ in range(100):
        notifier.alive()
    assert ours.recv(1000) == b"READY=1"
    assert ours.recv(1000) == b"WATCHDOG=1"
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        ours.recv(1000)


def test_the_watchdog_of_another_process_is_not_fed(systemd):
    ours, environment = systemd
    Notifier({**environment, "WATCHDOG_PID": "1"}).alive()
    assert ours.recv(1000) == b"READY=1"
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        ours.recv(1000)


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "1"}])
def test_without_systemd_nothing_happens(environment):
    notifier = Notifier(environment)
    notifier.tell("READY=1")
    notifier.alive()
