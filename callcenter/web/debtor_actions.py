"""What a person may change of a debtor: numbers and holds, each with a reason and on record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import utc_now
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from callcenter.web.debtor_pages import require_debtor
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.supervisor_pages import back
from campaigns.debtors import holds, phones

router = APIRouter()
Editor = Annotated[SignedIn, may(Action.EDIT_DEBTORS)]
Done = Annotated[Once, once]
Why = Annotated[str, Field(max_length=400)]
Word = Annotated[str, Field(max_length=80)]


@router.post("/debtors/{debtor_id}/phones")
def add_number(
    request: Request, session: Tx, who: Editor, done: Done, debtor_id: int, number: Word = "", source: Word = "", why: Why = ""
) -> Response:
    """Adds a number."""
    now = utc_now()
    require_debtor(session, debtor_id)
    if not done.is_repeat:
        phone = phones.add_number(session, debtor_id, number, source, why, now, who.user_id)
        told = {"source": source, "line_type": phone.line_type, "status": phone.status}
        audit.record(session, "debtor.phone_added", "debtor", debtor_id, who.user_id, who.address, told, now)
    return back(request, f"/debtors/{debtor_id}")


@router.post("/debtors/{debtor_id}/phones/{phone_id}")
def change_number(
    request: Request, session: Tx, who: Editor, done: Done, debtor_id: int, phone_id: int, status: Word = "", why: Why = ""
) -> Response:
    """Gives a number another status; one that must not be called is stopped wherever the office has it."""
    now = utc_now()
    require_debtor(session, debtor_id)
    if not done.is_repeat:
        changed = phones.change_status(session, debtor_id, phone_id, status, why, now, who.user_id)
        told = {"status": status, "changed": changed}
        audit.record(session, "debtor.phone_changed", "debtor", debtor_id, who.user_id, who.address, told, now)
    return back(request, f"/debtors/{debtor_id}")


@router.post("/debtors/{debtor_id}/holds")
def add_hold(
    request: Request,
    session: Tx,
    who: Editor,
    done: Done,
    debtor_id: int,
    reason: Word = "",
    channel: Word = "",
    until: Word = "",
    why: Why = "",
) -> Response:
    """Forbids contact and withdraws what is queued."""
    now = utc_now()
    require_debtor(session, debtor_id)
    if not done.is_repeat:
        try:
            last_day = parse_date(until)
        except InvalidInput as problem:
            raise InvalidInput("終わりの日を読めません。", hint="例: 2026-12-31、R8.12.31", code="hold_until_unreadable") from problem
        is_officer = is_allowed(who.role, Action.DECIDE_ESCALATIONS)
        holds.add_hold(session, debtor_id, reason, channel, last_day, why, now, who.user_id, is_officer=is_officer)
        told = {"reason": reason, "channel": channel, "has_end": last_day is not None}
        audit.record(session, "debtor.hold_added", "debtor", debtor_id, who.user_id, who.address, told, now)
    return back(request, f"/debtors/{debtor_id}")


@router.post("/debtors/{debtor_id}/holds/{hold_id}")
def lift_hold(request: Request, session: Tx, who: Editor, done: Done, debtor_id: int, hold_id: int, why: Why = "") -> Response:
    """Ends a hold."""
    now = utc_now()
    require_debtor(session, debtor_id)
    if not done.is_repeat:
        is_officer = is_allowed(who.role, Action.DECIDE_ESCALATIONS)
        lifted = holds.lift_hold(session, debtor_id, hold_id, why, now, who.user_id, is_officer=is_officer)
        audit.record(session, "debtor.hold_lifted", "debtor", debtor_id, who.user_id, who.address, {"reason": lifted.reason}, now)
    return back(request, f"/debtors/{debtor_id}")
