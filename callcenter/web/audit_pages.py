"""The audit trail for auditors: who looked at or changed what; reading it is on record, too."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import page, shell_of, words_of

router = APIRouter()
Auditor = Annotated[SignedIn, may(Action.READ_AUDIT)]
PAGE = 100


@router.get("/audit")
def show_audit(
    request: Request,
    session: Tx,
    who: Auditor,
    before: Annotated[int | None, Query(ge=1)] = None,
    action: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The newest rows, a hundred at a time."""
    found = audit.latest(session, before_id=before, action=action, count=PAGE)
    rows: list[dict[str, Any]] = [
        {
            "at": event.at,
            "user": name,
            "action": event.action,
            "subject": f"{event.subject_type} {event.subject_id or ''}".strip(),
            "address": event.address,
            "detail": ", ".join(f"{key}: {value}" for key, value in sorted(event.detail.items())),
        }
        for event, name in found
    ]
    last = found[-1][0].id if len(found) == PAGE else None
    audit.record(session, "audit.read", "audit", None, who.user_id, who.address, {"rows": len(rows)}, utc_now())
    return page(request, "audit.html", shell_of(request, words_of(request)("nav.audit")), rows=rows, next_before=last, action=action)
