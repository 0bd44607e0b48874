"""Coming in with the token, and going out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streams.web.asked import Login
from streams.web.guard import COOKIE, RefusedError, is_in, refusal, session_of
from streams.web.tokens import SESSION_S

if TYPE_CHECKING:
    from streams.web.app import Context


async def door(context: Context, _asked: None, request: Request) -> dict[str, bool]:
    return {"needed": context.tokens is not None, "in": is_in(context.tokens, request.headers)}


async def login(context: Context, asked: Login, request: Request) -> Response:
    if context.tokens is None:
        return JSONResponse({"needed": False, "in": True})
    if not context.tokens.fits(asked.token.strip()):
        return refusal(RefusedError(401, "That is not the token. It was shown when it was made; pace-edge listen "
                                    "--new-web-token makes another."))  # fmt: skip
    answer = JSONResponse({"needed": True, "in": True})
    answer.set_cookie(
        COOKIE, context.tokens.begin_session(), max_age=round(SESSION_S), path="/", httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


async def logout(context: Context, _asked: None, request: Request) -> Response:
    session = session_of(request.headers)
    if context.tokens is not None and session is not None:
        context.tokens.end_session(session)
    answer = JSONResponse({"needed": context.tokens is not None, "in": context.tokens is None})
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer
