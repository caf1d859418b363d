"""What somebody should look at: reading in bulk and sign-ins that were braked, until it was seen, with a note on record."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import AuditEvent, User
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.i18n import Translate
from callcenter.web.pages import page, shell_of, words_of
from callcenter.web.reading import BULK_READING

router = APIRouter()
Watcher = Annotated[SignedIn, may(Action.SEE_ALERTS)]
SEEN = "alert.seen"
KINDS = (BULK_READING, "session.throttled", "session.unlock_refused", "factor.recovery_used")
FOUND = ("explained", "spoken_to", "stopped", "nothing")
SHOWN = 200


@router.get("/alerts")
def show_alerts(request: Request, session: Tx, who: Watcher) -> Response:
    """Those nobody has looked at first, then what was found about the others."""
    t = words_of(request)
    rows = alerts(session, t)
    return page(
        request,
        "alerts.html",
        shell_of(request, t("nav.alerts")),
        waiting=[row for row in rows if row["seen"] is None],
        seen=[row for row in rows if row["seen"] is not None],
        findings=[{"value": each, "label": t(f"alert_found.{each}"), "is_chosen": False} for each in FOUND],
    )


@router.post("/alerts/{alert_id}/seen")
def note_seen(request: Request, session: Tx, who: Watcher, alert_id: int, found: Annotated[str, Field(max_length=20)] = "") -> Response:
    """Puts on record who looked at it and what came of it."""
    if found not in FOUND:
        raise InvalidInput("確かめた結果を選んでください。", code="alert_found")
    if session.scalar(select(AuditEvent.id).where(AuditEvent.id == alert_id, AuditEvent.action.in_(KINDS))) is None:
        raise NotFound("その知らせはありません。", code="no_alert")
    audit.record(session, SEEN, "alert", alert_id, who.user_id, who.address, {"found": found}, utc_now())
    return RedirectResponse("/alerts", 303)


def alerts(session: Session, t: Translate) -> list[dict[str, Any]]:
    """The newest alerts, each with the first look at it, if there was one."""
    named = select(AuditEvent, User.display_name).outerjoin(
        User, (User.office_id == AuditEvent.office_id) & (User.id == AuditEvent.user_id)
    )
    found = session.execute(named.where(AuditEvent.action.in_(KINDS)).order_by(AuditEvent.id.desc()).limit(SHOWN)).all()
    looks = named.where(AuditEvent.action == SEEN, AuditEvent.subject_id.in_([event.id for event, _ in found]))
    first: dict[int | None, dict[str, Any]] = {}
    for look, looker in session.execute(looks.order_by(AuditEvent.id)):
        told = {"at": look.at, "who": looker, "found": t(f"alert_found.{look.detail['found']}")}
        first.setdefault(look.subject_id, told)
    return [_model(event, name, t) | {"seen": first.get(event.id)} for event, name in found]


def _model(event: AuditEvent, name: str | None, t: Translate) -> dict[str, Any]:
    kind, most = event.action.replace(".", "_"), event.detail.get("most")
    return {
        "id": event.id,
        "at": event.at,
        "user": name or t("alerts.unknown"),
        "what": t(f"alert_kind.{kind}"),
        "detail": t(f"alerts.per_{event.detail.get('per', 'minute')}", n=most) if most else event.address,
        "is_grave": event.action == BULK_READING,
    }
