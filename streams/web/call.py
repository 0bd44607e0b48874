"""One call of the API: what it takes, what it answers, and how it becomes a route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pace_edge.errors import DeviceError, DoubtfulError, JournalError, LearningError, OtherFormError, PaceEdgeError
from streams.web.desk import BusyError
from streams.web.guard import RefusedError, refusal

if TYPE_CHECKING:
    from streams.web.app import Context

Handler = Callable[["Context", Any, Request], Awaitable[Any]]


@dataclass(frozen=True)
class Call:
    """`takes`: a POST's body in JSON, else the query: a GET's, or that of a POST whose body is an `upload`. `answers`:
    a model, or the media type of what is none of ours."""

    method: str
    path: str
    does: str
    handler: Handler
    answers: type[BaseModel] | str
    takes: type[BaseModel] | None = None
    upload: bool = False
    open: bool = False  # without the token

    @property
    def has_body(self) -> bool:
        return self.method == "POST" and self.takes is not None and not self.upload

    def route(self, context: Context) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                found = await self.handler(context, await self._asked(request), request)
            except ValidationError as error:
                return refusal(RefusedError(422, _in_words(error)))
            except BusyError:
                return refusal(RefusedError(503, "Too much is asked at once. Ask again in a moment.", 1.0))
            except PaceEdgeError as error:
                return refusal(RefusedError(_status(error), str(error), more=_more(error)))
            except RefusedError as refused:  # while the body came
                return refusal(refused)
            except HTTPException:
                raise
            except ClientDisconnect:
                return Response(status_code=400)  # nobody reads it
            except Exception as error:  # a fault of ours
                context.reports.trouble(self.path, f"{self.path} failed: {error!r}")
                return refusal(RefusedError(500, f"That failed: {error!r}. It is a fault of pace-edge."))
            return found if isinstance(found, Response) else JSONResponse(found)

        return Route(self.path, endpoint, methods=[self.method])

    async def _asked(self, request: Request) -> BaseModel | None:
        if self.takes is None:
            return None
        if not self.has_body:
            return self.takes.model_validate(dict(request.query_params))
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "The body is not JSON. Send Content-Type: application/json.")
        return self.takes.model_validate_json(await request.body())


def _status(error: PaceEdgeError) -> int:
    match error:
        case LearningError() | DeviceError():
            return 409
        case JournalError():
            return 500
    return 422


def _more(error: PaceEdgeError) -> dict[str, Any]:
    """What a program can do about it."""
    match error:
        case OtherFormError():
            return {"near": error.near}
        case DoubtfulError():
            return {"doubtful": True, "what": error.what}
    return {}


def _in_words(error: ValidationError) -> str:
    """The first mistake, in one sentence."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    words = first["msg"].removeprefix("Value error, ")
    return f"{place}: {words}." if place else f"{words}."
