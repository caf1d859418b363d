"""The pace of reading: whoever opens more taxpayers' pages than a person reads is stopped, and somebody hears of it."""

from __future__ import annotations

from limits import parse
from sqlalchemy.orm import Session
from starlette.requests import Request

from callcenter.auth import throttling
from callcenter.auth.terms import load_terms
from callcenter.core.clock import utc_now
from callcenter.core.errors import AppError
from callcenter.web.dependencies import SignedIn
from callcenter.web.errors import note_event

BULK_READING = "alert.bulk_reading"
ALERT_ONCE = parse("1 per 10 minutes")


class TooManyViews(AppError):
    """More debtors in a minute, or in an hour, than a person reads."""

    status = 429
    code = "too_many_views"


def require_pace(request: Request, session: Session, who: SignedIn) -> None:
    """Counts one opened debtor. Raises TooManyViews; the first time in ten minutes an alert is left for the auditor."""
    terms, key = load_terms(session), ("reading", str(who.office_id), str(who.user_id))
    for most, span in ((terms.reads_per_minute, "minute"), (terms.reads_per_hour, "hour")):
        if throttling.take(parse(f"{most} per {span}"), key):
            continue
        if throttling.take(ALERT_ONCE, ("alert", *key)):
            note_event(request, BULK_READING, who.user_id, utc_now(), {"most": most, "per": span})
        raise TooManyViews("短い時間に多くの対象者を開きました。", hint="しばらく待ってください。監査の担当に知らされます。")
