"""The token that opens the page from elsewhere. It is shown once, when it is made; on the disk are only hashes.

A token has 256 random bits, so a plain SHA-256 of it can neither be reversed nor guessed. Whoever gave it once gets a
session: another such secret, in a cookie, good for 30 days and over restarts. A new token ends all sessions.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from hashlib import sha256
from pathlib import Path

from pace_edge.config import home
from pace_edge.errors import PaceEdgeError
from pace_edge.files import write_whole

SESSION_S = 30 * 86400.0
SESSIONS = 50  # of more, the oldest ends
_SCHEMA = 1


def token_path() -> Path:
    """Where the hashes are unless another file is named."""
    return home() / "web-token"


class Tokens:
    """The file of hashes; of one thread. Raises PaceEdgeError where it is none, or cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._sessions: dict[str, float] = {}  # hash to when it ends
        self._read()

    @property
    def exists(self) -> bool:
        return bool(self._token)

    def make(self) -> str:
        """A new token, instead of the one before. It is nowhere else: show it."""
        token = secrets.token_urlsafe(32)
        self._token, self._sessions = _hash(token), {}
        self._write()
        return token

    def fits(self, token: str) -> bool:
        return bool(self._token) and hmac.compare_digest(_hash(token), self._token)

    def begin_session(self) -> str:
        """A new session's secret."""
        session, now = secrets.token_urlsafe(32), time.time()
        going = {known: end for known, end in self._sessions.items() if end > now}
        newest = sorted(going.items(), key=lambda one: one[1])[-(SESSIONS - 1) :]
        self._sessions = {**dict(newest), _hash(session): now + SESSION_S}
        self._write()
        return session

    def in_session(self, session: str) -> bool:
        """Looked up by its hash, so that time tells nothing of the secret."""
        return self._sessions.get(_hash(session), 0.0) > time.time()

    def end_session(self, session: str) -> None:
        if self._sessions.pop(_hash(session), None) is not None:
            self._write()

    def _read(self) -> None:
        try:
            found = json.loads(self._path.read_bytes())
            if found["schema"] != _SCHEMA:
                raise ValueError(f"schema {found['schema']}")
            self._token = str(found["token_sha256"])
            self._sessions = {str(known): float(end) for known, end in found["sessions"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PaceEdgeError(
                f"the token file {self._path} cannot be read ({error})",
                do="Make a new token: pace-edge listen --web --new-web-token.",
            ) from error

    def _write(self) -> None:
        content = {"schema": _SCHEMA, "token_sha256": self._token, "sessions": self._sessions}
        try:
            write_whole(self._path, json.dumps(content).encode(), mode=0o600)
        except OSError as error:
            raise PaceEdgeError(
                f"the token cannot be kept in {self._path} ({error.strerror})",
                do="Make it writable, or name another file with web.token_file.",
            ) from error


def forget_token(path: Path) -> None:
    """So that the next start makes another."""
    path.unlink(missing_ok=True)


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
