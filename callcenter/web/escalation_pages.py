"""Cases handed over to the tax officers: accepted and dealt with by them, or returned to the call center."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select, update
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.web import phrases
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from campaigns.attempts.models import Escalation
from campaigns.debtors.models import Debtor, Suppression

router = APIRouter()
Officer = Annotated[SignedIn, may(Action.DECIDE_ESCALATIONS)]
REASONS: dict[str, tuple[str, str]] = {
    "instalment": ("分納の相談", "Instalments"),
    "hardship": ("納付困難・相談希望", "Hardship"),
    "refusal": ("拒否・異議", "Refusal"),
    "dispute": ("内容不服", "Dispute"),
    "whereabouts": ("死亡・転出・長期不在の情報", "Whereabouts"),
    "complaint": ("苦情", "Complaint"),
    "language": ("言語対応", "Language"),
    "vulnerable": ("要配慮", "Special care"),
}
STATES: dict[str, tuple[str, str]] = {"open": ("未処理", "Open"), "accepted": ("受理", "Accepted"), "returned": ("差し戻し", "Returned")}


@router.get("/escalations")
def list_escalations(request: Request, session: Tx, who: Officer) -> Response:
    """What waits first, then what was decided lately."""
    lang = lang_of(request)
    rows = session.execute(
        select(Escalation, Debtor, User.display_name)
        .join(Debtor, (Debtor.office_id == Escalation.office_id) & (Debtor.id == Escalation.debtor_id))
        .outerjoin(User, (User.office_id == Escalation.office_id) & (User.id == Escalation.created_by))
        .order_by((Escalation.state == "open").desc(), Escalation.created_at.desc())
        .limit(100)
    )
    model: list[dict[str, Any]] = [
        {
            "id": row.id,
            "at": row.created_at,
            "case_no": debtor.debtor_no,
            "href": f"/debtors/{debtor.id}",
            "reason": phrases.pick(lang, REASONS.get(row.reason, (row.reason, row.reason))),
            "note": row.note,
            "user": name or "",
            "state": phrases.pick(lang, STATES[row.state]),
            "is_open": row.state == "open",
        }
        for row, debtor, name in rows
    ]
    audit.record(session, "escalation.listed", "escalation", None, who.user_id, who.address, {"rows": len(model)}, utc_now())
    return page(request, "escalations.html", shell_of(request, words_of(request)("nav.handovers")), rows=model)


@router.post("/escalations/{escalation_id}")
def decide(
    request: Request,
    session: Tx,
    who: Officer,
    done: Annotated[Once, once],
    escalation_id: int,
    decision: Annotated[str, Field(max_length=10)],
) -> Response:
    """Accepts a case, or returns it: then what stopped contact for the officers' sake is lifted."""
    now = utc_now()
    if decision not in ("accepted", "returned"):
        raise InvalidInput("受理または差し戻しを選んでください。", code="bad_decision")
    row = session.scalar(select(Escalation).where(Escalation.id == escalation_id).with_for_update())
    if row is None:
        raise NotFound("その引き継ぎはありません。", code="no_escalation")
    if not done.is_repeat:
        if row.state != "open":
            raise Conflict("この引き継ぎは処理済みです。", hint="一覧を最新にしてください。", code="decided")
        row.state, row.decided_by, row.decided_at = decision, who.user_id, now
        if decision == "returned":
            session.execute(
                update(Suppression)
                .where(Suppression.debtor_id == row.debtor_id, Suppression.reason == "officer_hold", Suppression.lifted_at.is_(None))
                .values(lifted_at=now)
            )
        audit.record(session, f"escalation.{decision}", "debtor", row.debtor_id, who.user_id, who.address, None, now)
    return back(request, "/escalations")
