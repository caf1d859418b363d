"""What operators say, in the office's own words: every sentence beside its usual wording, its earlier versions, and who kept them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import PERMISSIONS, Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web import phrases, scripts
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from campaigns.attempts import talk
from campaigns.attempts.codes import Outcome
from campaigns.attempts.models import TalkScript

router = APIRouter(prefix="/talk")
Reader = Annotated[SignedIn, may(Action.SEE_SCRIPTS)]
Writer = Annotated[SignedIn, may(Action.EDIT_SCRIPTS)]
LABELS: dict[str, tuple[str, str]] = {
    "opening": ("名乗り", "Opening"),
    "opening_company": ("名乗り(法人)", "Opening (company)"),
    "opening_inbound": ("電話を受けたとき", "Answering a call"),
    "matter": ("用件", "The matter"),
    "matter_none": ("未納がないとき", "Nothing is owed"),
}


@router.get("")
def show_talk(request: Request, session: Tx, who: Reader) -> HTMLResponse:
    """The sentences in use, to be read or edited."""
    row = talk.newest(session)
    return _page(request, session, who, dict(row.document) if row is not None else {}, "")


@router.post("/keep")
def keep_talk(
    request: Request,
    session: Tx,
    who: Writer,
    done: Annotated[Once, once],
    form: Form,
    based_on: Annotated[int, Field(ge=0)] = 0,
    note: Annotated[str, Field(max_length=200)] = "",
) -> Response:
    """Keeps the next version; what can't be said so comes back with everything typed."""
    texts = {s.key: str(form[s.key]).strip() for s in scripts.SENTENCES if s.key in form}
    if done.is_repeat:
        return RedirectResponse("/talk", 303)
    try:
        row = talk.keep(session, scripts.SENTENCES, texts, note, based_on, who.user_id, utc_now())
    except InvalidInput as problem:
        return _page(request, session, who, texts, note, problem.hint, problem.code, 422)
    audit.record(session, "talk.kept", "talk_script", row.id, who.user_id, who.address, {"version": row.version}, utc_now())
    return RedirectResponse("/talk", 303)


def _page(
    request: Request, session: Tx, who: SignedIn, texts: dict[str, str], note: str, wrong: str = "", problem: str = "", status: int = 200
) -> HTMLResponse:
    lang, kept = lang_of(request), talk.versions(session)
    rows = [
        _row(sentence, texts.get(sentence.key, sentence.usual), lang, problem if sentence.key == wrong else "")
        for sentence in scripts.SENTENCES
    ]
    return page(
        request,
        "talk.html",
        shell_of(request, words_of(request)("talk.title")),
        status,
        groups=[{"is_neutral": flag, "rows": [row for row in rows if row["is_neutral"] is flag]} for flag in (True, False)],
        version=kept[0].version if kept else 0,
        note=note,
        can_edit=who.role in PERMISSIONS[Action.EDIT_SCRIPTS],
        wrong=f"s-{wrong}" if wrong else "",
        problem=problem,
        versions=[_version(row) for row in kept],
    )


def _row(sentence: talk.Sentence, text: str, lang: str, problem: str) -> dict[str, Any]:
    kind, _, code = sentence.key.partition(".")
    if kind == "branch":
        label = phrases.pick(lang, scripts.BY_VALUE[code].label)
    elif kind == "result":
        label = phrases.label(lang, Outcome(code))
    else:
        label = phrases.pick(lang, LABELS[sentence.key])
    fields = " ".join("{" + name + "}" for name in sorted(sentence.fields))
    return {
        "key": sentence.key,
        "label": label,
        "text": text,
        "usual": sentence.usual if text != sentence.usual else "",
        "fields": fields,
        "is_neutral": sentence.is_neutral,
        "problem": problem,
    }


def _version(row: TalkScript) -> dict[str, Any]:
    return {"version": row.version, "at": row.created_at, "note": row.note, "changed": len(row.document)}
