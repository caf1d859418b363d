"""The office's calendar: a year by month, days declared closed, evening or open, a year's list in and out; every change on record."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.core.clock import local_day, utc_now
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from callcenter.web.calendar_model import calendar_model, fiscal_year
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.policy_pages import Shaper
from campaigns.compliance import calendar
from campaigns.compliance.documents import read_day
from campaigns.compliance.fields import BadField

router = APIRouter(prefix="/policy/calendar")
NOTHING_TYPED = dict.fromkeys(("from", "to", "kind", "hours", "until", "name"), "")


@router.get("")
def show_calendar(request: Request, session: Tx, who: Shaper, year: int = 0, channel: str = "") -> Response:
    """A fiscal year, April to March, as one channel sees it."""
    model = calendar_model(session, lang_of(request), local_day(utc_now()), year, channel)
    return page(
        request, "policy_calendar.html", shell_of(request, words_of(request)("policy.calendar")), problems=[], told=NOTHING_TYPED, **model
    )


@router.get("/days.csv")
def download(session: Tx, who: Shaper, year: int = 0) -> Response:
    """The year's declared days as a list that can be loaded again."""
    first, last = fiscal_year(year, local_day(utc_now()))
    data = calendar.as_list(calendar.declared_between(session, first, last))
    name = f"calendar-{first.year}.csv"
    return Response(data, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/days")
def declare(request: Request, session: Tx, who: Shaper, form: Form, done: Annotated[Once, once]) -> Response:
    """Declares a day, or every day of a span; what can't be read comes back as it was typed (422)."""
    told = {key: str(form.get(key) or "").strip() for key in NOTHING_TYPED}
    channels = [str(one) for one in form.getlist("channels")]
    try:
        first = parse_date(told["from"])
        last = parse_date(told["to"]) or first
        if first is None or last is None:
            raise InvalidInput("日付を入れてください。", hint="2026-12-28 や R8.12.28 のように書けます。", code="no_day")
        day = read_day("day", told | {"channels": channels or None})
        days = calendar.span_of_days(first, last, day)
    except BadField as problem:
        return _again(request, session, told, problem.told(lang_of(request)))
    except InvalidInput as problem:
        return _again(request, session, told, f"{problem.message} {problem.hint}".strip())
    if not done.is_repeat:
        count = calendar.declare(session, days, who.user_id, utc_now())
        _note(session, who, "calendar.declared", {"from": first.isoformat(), "to": last.isoformat(), "kind": day.kind.value, "days": count})
    return RedirectResponse(f"/policy/calendar?year={_year_of(first)}", 303)


@router.post("/days/remove")
def take_back(session: Tx, who: Shaper, done: Annotated[Once, once], day: Annotated[str, Field(max_length=20)]) -> Response:
    """Takes a declaration back: the usual rule holds again on that day."""
    meant = parse_date(day)
    if meant is None:
        raise InvalidInput("日付を読めません。", code="no_day")
    if not done.is_repeat and calendar.take_back(session, [meant]):
        _note(session, who, "calendar.taken_back", {"day": meant.isoformat()})
    return RedirectResponse(f"/policy/calendar?year={_year_of(meant)}", 303)


@router.post("/import")
def load_list(request: Request, session: Tx, who: Shaper, form: Form, done: Annotated[Once, once]) -> Response:
    """Takes a year's list; with anything wrong in it nothing is taken, and each wrong line is named (422)."""
    given = form.get("file")
    if not isinstance(given, UploadFile) or not given.filename:
        return _again(request, session, {}, words_of(request)("policy.no_file"))
    try:
        found = calendar.read_list(given.file.read(calendar.MOST_BYTES + 1))
    except InvalidInput as problem:
        return _again(request, session, {}, f"{problem.message} {problem.hint}".strip())
    if found.problems or not found.days:
        lang = lang_of(request)
        lines = [
            words_of(request)("policy.list_line", n=one.line, column=one.column, value=one.value, text=one.en if lang == "en" else one.ja)
            for one in found.problems[:50]
        ]
        return _again(request, session, {}, *(lines or [words_of(request)("policy.list_empty")]))
    if not done.is_repeat:
        count = calendar.declare(session, found.days, who.user_id, utc_now())
        _note(session, who, "calendar.imported", {"days": count})
    return RedirectResponse(f"/policy/calendar?year={_year_of(min(found.days))}", 303)


def _again(request: Request, session: Tx, told: dict[str, str], *problems: str) -> Response:
    model = calendar_model(session, lang_of(request), local_day(utc_now()), 0, "")
    errors = [{"field_id": "", "message": problem} for problem in problems]
    shell = shell_of(request, words_of(request)("policy.calendar"))
    return page(request, "policy_calendar.html", shell, 422, problems=errors, told=NOTHING_TYPED | told, **model)


def _year_of(day: date) -> int:
    return day.year if day.month >= 4 else day.year - 1


def _note(session: Tx, who: SignedIn, action: str, detail: dict[str, object]) -> None:
    audit.record(session, action, "calendar_day", None, who.user_id, who.address, detail, utc_now())
