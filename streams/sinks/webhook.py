"""Webhooks: each event as an HTTP POST of JSON, signed if a secret is given, again until the receiver confirms it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pace_edge.errors import SinkError
from streams.sinks.courier import FIRST_RETRY_S, LONGEST_RETRY_S, AwayError, RefusedError
from streams.sinks.outbox import Letter, Outbox
from streams.sinks.remote import STATES, Choice, Remote
from streams.sinks.reports import Reports
from streams.sinks.secrets import read_secret
from streams.sinks.sink import NamesNow, unchanged

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

SECRET_VARIABLE = "PACE_EDGE_WEBHOOK_SECRET"
TOKEN_VARIABLE = "PACE_EDGE_WEBHOOK_TOKEN"
_TRY_AGAIN = (408, 429)
_LONGEST_RETRY_AFTER_S = 3600.0


class Webhook(Remote):
    """POSTs to `url`. A status of 2xx confirms. 408, 429, 5xx and a receiver that is away are tried again; anything
    else, redirections too, is a refusal: it is reported and counted, and the next event is sent.

    `secret_file`: its HMAC-SHA-256 of the body goes into X-Pace-Edge-Signature-256 as "sha256=HEX".
    `token_file`: sent as "Authorization: Bearer TOKEN". Idempotency-Key is the same for an event sent twice.
    Raises SinkError.
    """

    def __init__(
        self, url: str, outbox: Outbox, reports: Reports, *, name: str = "webhook", timeout_s: float = 10.0,
        secret_file: Path | None = None, token_file: Path | None = None, ca_file: Path | None = None,
        states: Collection[str] = STATES, labels: Collection[str] = (), names_now: NamesNow = unchanged,
        first_retry_s: float = FIRST_RETRY_S, longest_retry_s: float = LONGEST_RETRY_S,
    ) -> None:  # fmt: skip
        _check(url)
        self._url, self._timeout_s = url, timeout_s
        self._secret = read_secret(secret_file, SECRET_VARIABLE)
        self._token = read_secret(token_file, TOKEN_VARIABLE)
        self._open = _opener(ca_file).open
        super().__init__(
            name, self._deliver, outbox, reports, choice=Choice(states, labels, names_now),
            first_retry_s=first_retry_s, longest_retry_s=longest_retry_s,
        )  # fmt: skip

    def _deliver(self, letter: Letter) -> None:
        from urllib.error import HTTPError
        from urllib.request import Request

        body = json.dumps(letter.record, ensure_ascii=False).encode()
        request = Request(self._url, data=body, headers=self._headers(letter, body), method="POST")
        try:
            with self._open(request, timeout=self._timeout_s):
                return
        except HTTPError as error:
            with error:
                said = f"HTTP status {error.code} {error.reason}"
                if error.code in _TRY_AGAIN or error.code >= 500:
                    raise AwayError(said, retry_after_s=_retry_after_s(error.headers.get("Retry-After"))) from None
            raise RefusedError(said) from None
        except (OSError, HTTPException) as error:
            raise AwayError(str(getattr(error, "reason", error)) or type(error).__name__) from None

    def _headers(self, letter: Letter, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "pace-edge",
            "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        }
        if self._secret:
            signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Pace-Edge-Signature-256"] = f"sha256={signature}"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers


def _check(url: str) -> None:
    with suppress(ValueError):
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.password
        if usable and url.isascii() and url.isprintable() and " " not in url:
            return
    raise SinkError(
        "this webhook address cannot be used", expected="http://HOST/PATH or https://HOST/PATH, without a password",
        got=repr(url[:200]), do="Give a password or token in a file.",
    )  # fmt: skip


def _opener(ca_file: Path | None) -> OpenerDirector:
    """Opens addresses without following redirections, which would make a GET of our POST."""
    import ssl
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, build_opener

    class NoRedirection(HTTPRedirectHandler):
        def redirect_request(self, *request: object) -> None:
            return None

    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SinkError(f"the certificates {ca_file} cannot be read: {error}", do="Name a PEM file.") from error
    return build_opener(HTTPSHandler(context=context), NoRedirection)


def _retry_after_s(header: str | None) -> float:
    """Seconds, where the receiver gave a plain number of them."""
    return min(float(header), _LONGEST_RETRY_AFTER_S) if header and header.isdecimal() else 0.0
