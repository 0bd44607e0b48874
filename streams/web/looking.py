"""Looking back over the API: past events, the sound of them, and which of them a person should say something of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from pace_edge.errors import JournalError, UsageError
from streams.sinks.clips import kept_clips
from streams.sinks.history import history_page, history_path
from streams.sinks.sink import event_record
from streams.teaching.review import Answered, Question, questions
from streams.teaching.teach import Teacher
from streams.web.asked import EventQuery, Limit, Page, Review
from streams.web.guard import RefusedError, refusal

if TYPE_CHECKING:
    from streams.web.app import Context


async def history(context: Context, asked: Page, _request: Request) -> Any:
    outputs = context.settings.outputs
    path = outputs.history.file or history_path()
    if not path.exists():
        do = "It begins with the first event." if outputs.history.keep else "Set outputs.history.keep, and start again."
        return refusal(RefusedError(404, f"There is no history. {do}"))

    def work(teacher: Teacher) -> dict[str, Any]:
        found = history_page(
            path, since_unix_s=asked.since, until_unix_s=math.inf if asked.until is None else asked.until,
            label=asked.label, source=asked.source, min_score=asked.min_score, before=_cursor(asked.before),
            limit=asked.limit + 1,
        )  # fmt: skip
        shown, more = found[: asked.limit], len(found) > asked.limit
        clips = kept_clips(outputs.clips.folder, [event.id for event in shown])
        corrections = teacher.learner.corrections()
        return {
            "events": [
                {**event_record(event), "plays": event.id in clips, "corrected_to": corrections.get(event.id)}
                for event in shown
            ],
            "more": more, "before": f"{shown[-1].sorted_unix_s!r}/{shown[-1].id}" if more else None,
        }  # fmt: skip

    return await context.desk.do(work)


def _cursor(text: str | None) -> tuple[float, str] | None:
    if text is None:
        return None
    at, _, id = text.partition("/")
    try:
        return float(at), id
    except ValueError:
        raise UsageError(f"before={text} is no place in the history", do="Give what the last answer gave.") from None


async def event_audio(context: Context, asked: EventQuery, _request: Request) -> Response:
    folder = context.settings.outputs.clips.folder
    found = await context.desk.ask(lambda: kept_clips(folder, [asked.id]))
    if asked.id not in found:
        return refusal(RefusedError(404, "No sound is kept of that event."))
    return FileResponse(found[asked.id], media_type="audio/flac")


async def review(context: Context, asked: Limit, _request: Request) -> dict[str, Any]:
    def work(teacher: Teacher) -> dict[str, Any]:
        found = _open(teacher)
        clips = kept_clips(context.settings.outputs.clips.folder, [one.event.id for one in found])
        shown = [_question_record(one, one.event.id in clips) for one in found[: asked.limit]]
        return {"questions": shown, "left": len(found)}

    return await context.desk.do(work)


async def answer(context: Context, asked: Review, _request: Request) -> dict[str, Any]:
    """yes and other make an example of it, which undo takes back, and then it is asked again; no is noted; what is
    skipped stays open. What another page has answered meanwhile, or is not remembered any more, is not taken."""

    def work(teacher: Teacher) -> dict[str, Any]:
        with teacher.learner.journal.deciding():  # nobody answers between the look and the answer
            said = _answered(teacher, asked)
        return {"id": 0, "taken": True, **said, "left": len(_open(teacher))}

    done = await context.desk.do(work)
    context.tell_state()
    return done


def _answered(teacher: Teacher, asked: Review) -> dict[str, Any]:
    learner = teacher.learner
    answers, journal = Answered(learner.journal.path), learner.journal
    event = next((one for one in journal.events() if one.id == asked.event), None)
    if asked.event in answers.ids() or asked.event in learner.event_examples():
        return _not_taken("somebody has answered this meanwhile")
    if event is None:
        return _not_taken("this sound is not remembered any more")
    label = event.label
    if asked.answer == "skip":
        return {"did": "it is left open", "words": "it is left open: it is asked again the next time"}
    if asked.answer == "no":
        try:
            answers.add(asked.event)
        except OSError as error:
            raise JournalError(f"the answer cannot be kept ({error.strerror})", do="Make room.") from error
        return {"did": f"it was no '{label}'", "words": f"it was no '{label}': noted, nothing was learned"}
    if asked.answer == "yes" and label not in learner.state.labels:
        return _not_taken(f"'{label}' is no class, or not any more")
    told = teacher.background if asked.background else asked.label
    change = teacher.correct(asked.event, label if asked.answer == "yes" else told or "", new_class=asked.new_class)
    return {"id": change.id, "did": change.did, "words": change.in_words()}


def _not_taken(did: str) -> dict[str, Any]:
    return {"did": did, "words": f"{did}; nothing was changed", "taken": False}


def _open(teacher: Teacher) -> list[Question]:
    learner = teacher.learner
    return questions(learner, Answered(learner.journal.path).ids())


def _question_record(one: Question, plays: bool) -> dict[str, Any]:
    event = one.event
    return {
        "event": event.id, "label": event.label, "source": event.source, "at_unix_s": event.at_unix_s,
        "start_s": round(event.start_s, 4), "end_s": round(event.end_s, 4), "score": round(one.score, 4),
        "margin": round(one.margin, 4), "second": one.second, "strangeness": round(one.strangeness, 4),
        "why": one.why, "plays": plays,
    }  # fmt: skip
