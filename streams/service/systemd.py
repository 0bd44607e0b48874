"""The systemd unit of a listener: what starts it, restarts it, and what it may touch."""

from __future__ import annotations

import getpass
import os
import pwd
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from pace_edge.config import home
from pace_edge.errors import PaceEdgeError, UsageError
from pace_edge.files import write_whole

_OURS = (
    "# Written by `pace-edge service`. Changes belong in `systemctl edit pace-edge`: this file may be written again."
)
_UNIT = """\
{ours}
[Unit]
Description=pace-edge: listens, and says what it hears
After=sound.target network.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={start}
ExecReload=/bin/kill -HUP $MAINPID
Environment={environment}
# A microphone may come later than the service does.
Environment=PACE_EDGE_WATCHDOG_WAIT=true
# For secrets, such as PACE_EDGE_MQTT_PASSWORD=...
EnvironmentFile=-{secrets}
WorkingDirectory={home}
Restart=on-failure
RestartSec=5
# A mistake in the configuration does not go away by starting again.
RestartPreventExitStatus=2
WatchdogSec=60
TimeoutStartSec=180
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
{system}
[Install]
WantedBy={target}
"""
# Not MemoryDenyWriteExecute: the sound library's callbacks are made at run time.
_SYSTEM = """\
User={user}
SupplementaryGroups=audio
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={writable}
PrivateTmp=yes
DevicePolicy=closed
DeviceAllow=char-alsa rw
DeviceAllow=char-nvidia* rw
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
"""


def unit(*, home: Path, config: Path | None, user: str | None, writable: Iterable[Path]) -> str:
    """The unit's text. `home` is the state folder; `config` a configuration file elsewhere. `user`: who a unit of the
    whole machine runs as; None: a unit of the person's own systemd. `writable`: more folders that it writes to."""
    words = [sys.executable, "-m", "pace_edge", "listen", *(["--config", str(config)] if config else [])]
    return _UNIT.format(
        ours=_OURS,
        start=" ".join(_quoted(word).replace("$", "$$") for word in words),
        environment=_quoted(f"PACE_EDGE_HOME={home}"),
        secrets=_escaped(home / "environment"),
        home=_escaped(home),
        system=_SYSTEM.format(
            user=user, writable=" ".join(_quoted(str(path)) for path in dict.fromkeys([home, *writable]))
        )
        if user
        else "",
        target="multi-user.target" if user else "default.target",
    )


def unit_path(*, user_unit: bool) -> Path:
    """Where systemd looks for it."""
    folder = Path.home() / ".config/systemd/user" if user_unit else Path("/etc/systemd/system")
    return folder / "pace-edge.service"


def state_folder(user: str | None) -> Path:
    """The state folder of whom the unit runs as: PACE_EDGE_HOME, else the one in that person's own home, which is not
    the caller's under sudo. Raises UsageError for nobody."""
    if user is None or user == getpass.getuser() or os.environ.get("PACE_EDGE_HOME"):
        return home().resolve()
    return Path(_account(user).pw_dir) / ".local/share/pace-edge"


def install(text: str, path: Path, folder: Path, user: str | None) -> None:
    """Write the unit, never over one that is not ours, and make the state folder, which the service may not make.
    Raises PaceEdgeError."""
    try:
        if path.exists() and not path.read_text(encoding="utf-8").startswith(_OURS):
            raise PaceEdgeError(f"{path} is not from pace-edge", do="Remove it, or print the unit and merge them.")
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        if user is not None and os.geteuid() == 0:
            for part in missing:
                os.chown(part, _account(user).pw_uid, _account(user).pw_gid)
        write_whole(path, text.encode())
    except OSError as error:
        raise PaceEdgeError(
            f"cannot install {path} ({error.strerror}: {error.filename})",
            do="Use sudo, or --user for a service of your own.",
        ) from None


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"there is no user '{user}' on this machine", do="Name one with --run-as.") from None


def _quoted(word: str) -> str:
    if re.fullmatch(r"[\w@+=:,./-]+", word):
        return word
    return '"' + _escaped(word).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str | Path) -> str:
    """% starts a specifier in every unit."""
    return str(text).replace("%", "%%")
