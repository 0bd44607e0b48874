"""What stands before every answer: who may ask, how often and how much; and headers that keep a browser from mischief.

Checked in this order: the host's name (against DNS rebinding), how often, whence (against forged requests of other
pages), the token, and while the body comes its size and time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import socket
import time
from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.web.limits import Limiter, Rate
from streams.web.tokens import Tokens

COOKIE = "pace_edge_session"
CSRF = "x-pace-edge"
LOGIN = "/api/login"
UPLOAD = "/api/learn/file"
SMALL_BYTES, UPLOAD_BYTES = 64 * 1024, 25 * 1000 * 1000
BODY_S = 60.0  # for a whole body to come
ASKS, LOGINS = Rate(120, 0.05), Rate(5, 12.0)  # of one client
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}  # fmt: skip


class RefusedError(Exception):
    """`more`: what the answer says beside its words, such as which class was perhaps meant by a label."""

    def __init__(self, status: int, words: str, wait_s: float = 0.0, *, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.wait_s, self.more = status, words, wait_s, dict(more or {})


class Guard:
    """`tokens` None: nobody is asked for one. `names`: how it may be called, beside addresses and this machine's."""

    def __init__(self, app: ASGIApp, *, tokens: Tokens | None, names: Collection[str] = ()) -> None:
        self._app, self._tokens = app, tokens
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own}.local", own.partition(".")[0], *(name.lower() for name in names)}
        self._asks, self._logins = Limiter(ASKS), Limiter(LOGINS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        sent = False

        async def send_guarded(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                sent = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store" if scope["path"].startswith("/api/") else "no-cache")
            await send(message)

        try:
            self._check(scope)
            most = UPLOAD_BYTES if scope["path"] == UPLOAD else SMALL_BYTES
            await self._app(scope, _bounded(scope, receive, most), send_guarded)
        except RefusedError as refused:
            if not sent:
                await refusal(refused)(scope, receive, send_guarded)

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if not self._known(host):
            raise RefusedError(
                403, f"This is not {host or 'without a name'}. Add the name to web.names if it is meant."
            )
        if not path.startswith("/api/"):  # the page's own files, of which a browser asks for many at once
            return
        client, now_s = (scope.get("client") or ("",))[0], time.monotonic()
        early_s = self._asks.too_early_s(client, now_s)
        changes = scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if path == LOGIN and changes:
            early_s = max(early_s, self._logins.too_early_s(client, now_s))
        if early_s:
            raise RefusedError(429, f"That is too often. Ask again in {early_s:.1f} s.", early_s)
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            raise RefusedError(403, "Another page asks. Open the page itself.")
        if changes and headers.get(CSRF) != "1":
            raise RefusedError(403, "The header X-Pace-Edge: 1 is missing. Send it with every change.")
        if path != LOGIN and not is_in(self._tokens, headers):
            raise RefusedError(401, "This needs the token, which was shown when it was made.")

    def _known(self, host: str) -> bool:
        """An address cannot be rebound to another; a name can, and must be one of ours."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        name = name.lower().removesuffix(".")
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name in self._names
        return True


def is_in(tokens: Tokens | None, headers: Headers) -> bool:
    """Whether who asks may do all."""
    if tokens is None:
        return True
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and tokens.fits(token.strip()):
        return True
    session = session_of(headers)
    return session is not None and tokens.in_session(session)


def session_of(headers: Headers) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


def refusal(refused: RefusedError) -> JSONResponse:
    headers = {"retry-after": str(math.ceil(refused.wait_s))} if refused.wait_s else {}
    if refused.status == 413:
        headers["connection"] = "close"  # what else comes of the body is not read
    said = {"error": refused.words, "status": refused.status, **refused.more}
    return JSONResponse(said, refused.status, headers)


def _bounded(scope: Scope, receive: Receive, most: int) -> Receive:
    """Refuses a body as soon as it is known to be too large, and one that does not come to its end in time."""
    length = Headers(scope=scope).get("content-length", "0")
    came, whole, end_s = 0, False, time.monotonic() + BODY_S

    async def receive_bounded() -> Message:
        nonlocal came, whole
        if whole:
            return await receive()  # waits for the client to go away
        if length.isdecimal() and int(length) > most:
            raise _too_large(most)
        try:
            message: Any = await asyncio.wait_for(receive(), max(0.0, end_s - time.monotonic()))
        except TimeoutError:
            raise RefusedError(408, f"The body did not come within {BODY_S:g} s.") from None
        if message["type"] == "http.request":
            came += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if came > most:
                raise _too_large(most)
        return message

    return receive_bounded


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"That is too large: at most {most:,} bytes.")
