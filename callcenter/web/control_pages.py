"""What figures should reach, whether they stay within what is usual for them, and what was decided to move them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web.control_model import cycle_choices, decisions_model, targets_model
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.formats import counted
from callcenter.web.i18n import LANGUAGES
from callcenter.web.pages import lang_of, page, shell_of, words_of
from reports.control import letters, service
from reports.control.models import Cycle
from reports.control.series import WATCHABLE
from reports.periods import read_day, read_month, zone_of

router = APIRouter(prefix="/reports")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
Keeper = Annotated[SignedIn, may(Action.SET_TARGETS)]
DECISION_DAYS = 365


@router.get("/targets")
def show_targets(request: Request, session: Tx, who: Reader, cycle: str = "daily") -> Response:
    """Charts of every figure by one cycle, open alerts, the month's targets, and how often each figure is looked at."""
    return _targets(request, session, who, cycle, {}, [])


def _targets(request: Request, session: Session, who: SignedIn, cycle: str, given: Mapping[str, str], errors: service.Errors) -> Response:
    lang, now, say, zone = lang_of(request), utc_now(), words_of(request), zone_of(session)
    chosen = Cycle(cycle) if cycle in (Cycle.DAILY, Cycle.WEEKLY, Cycle.MONTHLY) else None
    if chosen is None:
        errors = [*errors, ("cycle", "cycle")]
    this_month = f"{local_day(now, zone):%Y-%m}"
    model = {
        "cycle": chosen or Cycle.DAILY,
        "cycle_options": cycle_choices(chosen or Cycle.DAILY, lang),
        "may_keep": is_allowed(who.role, Action.SET_TARGETS),
        "month": this_month,
        "given": {"first": this_month, "last": "", "value": "", "metric": "", "address": ""} | dict(given),
        "has_mail": bool(get_settings().smtp_host),
        "recipients": [{"id": one.id, "address": one.address, "lang": one.lang} for one in letters.recipients(session)],
        "lang_options": [
            {"value": one, "label": say(f"alert_mail.{one}"), "is_chosen": one == given.get("lang", lang)} for one in LANGUAGES
        ],
        "metric_options": metric_options(given.get("metric", ""), lang),
        "errors": [{"field_id": field, "message": say(f"control_problem.{code}")} for field, code in errors],
    }
    shown = targets_model(session, chosen or Cycle.DAILY, now, lang)
    return page(
        request,
        "targets.html",
        shell_of(request, say("control.title"), status=counted(now, lang, zone)),
        422 if errors else 200,
        page=model,
        **shown,
    )


def metric_options(chosen: str, lang: str) -> list[dict[str, object]]:
    """The figures that can have a target."""
    return [{"value": one.code, "label": one.name.in_language(lang), "is_chosen": one.code == chosen} for one in WATCHABLE]


def _texts(form: Form) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.post("/targets/set")
def keep_target(request: Request, session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Keeps a target for one month or several."""
    given = _texts(form)
    asked, errors = service.read_target(given)
    if asked is None:
        return _targets(request, session, who, "daily", given, errors)
    if not done.is_repeat:
        months = service.set_target(session, asked, who.user_id, utc_now())
        detail = {"metric": asked.metric, "from": f"{asked.first:%Y-%m}", "months": months}
        audit.record(session, "target.kept", "target", None, who.user_id, who.address, detail, utc_now())
    return RedirectResponse("/reports/targets#h-month", 303)


@router.post("/targets/forget")
def forget_target(session: Tx, who: Keeper, form: Form) -> Response:
    """Takes one month's target away."""
    given = _texts(form)
    month = read_month(given.get("month", ""))
    service.forget_target(session, month, given.get("metric", ""))
    detail = {"metric": given.get("metric", "")[:40], "from": f"{month:%Y-%m}"}
    audit.record(session, "target.forgotten", "target", None, who.user_id, who.address, detail, utc_now())
    return RedirectResponse("/reports/targets#h-month", 303)


@router.post("/targets/cycles")
def keep_cycles(session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Keeps how often each figure is looked at."""
    present = service.cycles_of(session)
    chosen = {code: value for code in present if (value := _texts(form).get(f"cycle.{code}", present[code])) != present[code]}
    if not done.is_repeat:
        for code, value in chosen.items():
            service.set_cycle(session, code, value, who.user_id, utc_now())
        audit.record(session, "target.cycles_kept", "target", None, who.user_id, who.address, {"figures": sorted(chosen)}, utc_now())
    return RedirectResponse("/reports/targets#h-cycles", 303)


@router.post("/targets/alerts/{alert_id}/seen")
def see_alert(session: Tx, who: Keeper, form: Form, alert_id: int) -> Response:
    """Says what an alert was."""
    alert = service.see_alert(session, alert_id, _texts(form).get("remark", ""), who.user_id, utc_now())
    audit.record(session, "alert.seen", "metric_alert", alert.id, who.user_id, who.address, {"metric": alert.metric}, utc_now())
    return RedirectResponse("/reports/targets#h-alerts", 303)


@router.post("/targets/recipients/add")
def add_recipient(request: Request, session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Writes to an address about alerts from now on; the trail keeps no address."""
    if not done.is_repeat:
        given = _texts(form)
        lang = given.get("lang", "") if given.get("lang") in LANGUAGES else lang_of(request)
        try:
            row = letters.add_recipient(session, given.get("address", ""), lang, who.user_id, utc_now())
        except InvalidInput:
            return _targets(request, session, who, "daily", given, [("address", "address")])
        audit.record(session, "alert.recipient_added", "alert_recipient", row.id, who.user_id, who.address, None, utc_now())
    return RedirectResponse("/reports/targets#h-mail", 303)


@router.post("/targets/recipients/{recipient_id}/remove")
def remove_recipient(session: Tx, who: Keeper, recipient_id: int) -> Response:
    """Writes to an address no longer."""
    letters.remove_recipient(session, recipient_id)
    audit.record(session, "alert.recipient_removed", "alert_recipient", recipient_id, who.user_id, who.address, None, utc_now())
    return RedirectResponse("/reports/targets#h-mail", 303)


@router.get("/decisions")
def show_decisions(request: Request, session: Tx, who: Reader) -> Response:
    """What was decided in a period, and how the figure moved."""
    return _decisions(request, session, who, {}, [])


def _decisions(request: Request, session: Session, who: SignedIn, given: Mapping[str, str], errors: service.Errors) -> Response:
    lang, now, say = lang_of(request), utc_now(), words_of(request)
    today = local_day(now, zone_of(session))
    first, last, wrong = _period(request.query_params, today)
    errors = [*errors, *wrong]
    model = {
        "from_on": first,
        "to_on": last,
        "may_keep": is_allowed(who.role, Action.SET_TARGETS),
        "given": {"starts_on": today.isoformat(), "due_on": "", "what": "", "who": "", "metric": "", "direction": "up", "kind": "decision"}
        | dict(given),
        "metric_options": metric_options(given.get("metric", ""), lang),
        "errors": [{"field_id": field, "message": say(f"control_problem.{code}")} for field, code in errors],
        "longest": service.LONGEST_WHAT,
    }
    rows = decisions_model(session, first, last, now, lang)
    return page(
        request,
        "decisions.html",
        shell_of(request, say("decisions.title"), status=counted(now, lang, zone_of(session))),
        422 if errors else 200,
        page=model,
        rows=rows,
    )


def _period(given: Mapping[str, str], today: date) -> tuple[date, date, service.Errors]:
    usual = today - timedelta(days=DECISION_DAYS), today + timedelta(days=DECISION_DAYS)
    try:
        first = read_day(given["from"], "from") if given.get("from") else usual[0]
        last = read_day(given["to"], "to") if given.get("to") else usual[1]
    except InvalidInput:
        return *usual, [("from", "day")]
    return (first, last, []) if first <= last else (*usual, [("from", "order")])


@router.post("/decisions/add")
def decide(request: Request, session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Keeps a decision or a note."""
    given = _texts(form)
    decision, errors = service.read_decision(given)
    if decision is None:
        return _decisions(request, session, who, given, errors)
    if not done.is_repeat:
        kept = service.decide(session, decision, who.user_id, utc_now())
        audit.record(session, "decision.kept", "decision", kept.id, who.user_id, who.address, {"metric": kept.metric}, utc_now())
    return RedirectResponse("/reports/decisions", 303)


@router.post("/decisions/{decision_id}/state")
def move_decision(session: Tx, who: Keeper, form: Form, decision_id: int) -> Response:
    """Says that a decision was carried out, dropped, or is open again."""
    moved = service.move_decision(session, decision_id, _texts(form).get("state", ""), who.user_id, utc_now())
    audit.record(session, "decision.moved", "decision", moved.id, who.user_id, who.address, {"state": moved.state}, utc_now())
    return RedirectResponse("/reports/decisions", 303)
