"""The table of the API: what the server routes and what openapi.json describes are both made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streams.web import answers, answers_live, asked, classes, door, live, looking, setting, teaching
from streams.web.call import Call
from streams.web.openapi import described

if TYPE_CHECKING:
    from streams.web.app import Context

STREAM = "text/event-stream"


async def openapi(_context: Context, _asked: None, _request: Request) -> dict[str, Any]:
    return described(CALLS)


CALLS = (
    Call("GET", "/api/state", "What listens, to what, and what it is set to.", live.state, answers_live.StateNow),
    Call("GET", "/api/stream", "Server-sent events: heard (a record as in JSON lines, a window with all classes in "
         "top), mel (MelPiece), state (StateNow), lost ({count}: this reader was too slow).", live.stream, STREAM),
    Call("GET", "/api/recent", "What the last minute of the stream was.", live.recent, answers_live.Recent),
    Call("GET", "/api/health", "Drift of the classes, lost sound, sinks and the journal.", live.health,
         answers_live.HealthNow),
    Call("GET", "/api/model", "The model file: its provenance and its parity table.", live.model,
         answers_live.ModelDetails),
    Call("GET", "/api/last-sound", "Which sound of the last minute is taught where no stretch is given.",
         teaching.last_sound, answers.LastSound, asked.SoundQuery),
    Call("POST", "/api/learn", "Teach from what was heard in the last minute.", teaching.learn, answers.LessonSaid,
         asked.Learn),
    Call("POST", "/api/learn/file", "Teach from an audio file, the body: wav, flac, ogg, opus or mp3, up to 25 MB.",
         teaching.learn_file, answers.LessonSaid, asked.Teach, upload=True),
    Call("POST", "/api/correct", "Say what an announced sound, or an example, really was.", teaching.correct,
         answers.ChangeSaid, asked.Correct),
    Call("POST", "/api/remove", "Take one example back.", teaching.remove, answers.ChangeSaid, asked.OneExample),
    Call("POST", "/api/undo", "Take back what was done last.", teaching.undo, answers.ChangeSaid, asked.Undo),
    Call("POST", "/api/forget", "Forget a class.", teaching.forget, answers.ChangeSaid, asked.Forget),
    Call("POST", "/api/hide", "Do not report a class.", teaching.hide, answers.ChangeSaid, asked.OneLabel),
    Call("POST", "/api/unhide", "Report it again.", teaching.unhide, answers.ChangeSaid, asked.OneLabel),
    Call("POST", "/api/rename", "Call a class otherwise; if there is one of that name, they become one.",
         teaching.rename, answers.ChangeSaid, asked.Rename),
    Call("GET", "/api/labels", "The classes, and how well each is known.", classes.labels, answers.Labels),
    Call("GET", "/api/label", "A class: its examples, and a picture of them.", classes.label, answers.LabelPage,
         asked.OneLabel),
    Call("GET", "/api/example/audio", "An example's sound, where it is kept.", classes.example_audio, "audio/*",
         asked.ExampleQuery),
    Call("POST", "/api/threshold", "From which score on a class is announced, from the next chunk on and after a "
         "restart.", setting.set_threshold, answers.SettingsSaid, asked.Threshold),
    Call("GET", "/api/scores", "How the windows of the last hour scored for a class, and how often it is announced "
         "here at each threshold.", setting.scores, answers.ScoresSaid, asked.OneLabel),
    Call("GET", "/api/settings", "All settings.", setting.settings, answers.SettingsSaid),
    Call("POST", "/api/settings", "Change the gain or a source, at once and after a restart.",
         setting.change_settings, answers.SettingsSaid, asked.ChangeSettings),
    Call("GET", "/api/devices", "The microphones that there are.", setting.devices, answers.Devices),
    Call("GET", "/api/history", "Past events, newest first.", looking.history, answers.HistoryPage, asked.Page),
    Call("GET", "/api/event/audio", "The sound of an event, where it is kept.", looking.event_audio, "audio/flac",
         asked.EventQuery),
    Call("GET", "/api/review", "The announced sounds that a person should say something of, least certain first.",
         looking.review, answers.Questions, asked.Limit),
    Call("POST", "/api/review", "Answer one of them.", looking.answer, answers.Reviewed, asked.Review),
    Call("GET", "/api/login", "Whether a token is needed, and was given.", door.door, answers_live.LoggedIn, open=True),
    Call("POST", "/api/login", "Give the token; a cookie then goes in its place.", door.login, answers_live.LoggedIn,
         asked.Login, open=True),
    Call("POST", "/api/logout", "End this session.", door.logout, answers_live.LoggedIn),
    Call("GET", "/api/openapi.json", "This description.", openapi, "application/json"),
)  # fmt: skip


def api_routes(context: Context) -> list[Route]:
    async def nothing(request: Request) -> Response:
        return JSONResponse({"error": f"There is no {request.url.path}. See /api/openapi.json.", "status": 404}, 404)

    return [*(call.route(context) for call in CALLS), Route("/api/{path:path}", nothing, methods=["GET", "POST"])]
