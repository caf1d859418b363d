"""The supervisor's desk as its template wants it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from callcenter.web import debtor_words, officer_words
from callcenter.web.officer_model import request_models
from campaigns.officers import desk, requests

ANSWERED_SINCE = timedelta(days=7)


def desk_model(session: Session, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of supervisor_desk.html."""
    returned, _ = desk.list_cases(session, desk.Narrowing("returned"), 0, now, count=200)
    return {
        "asked": request_models(requests.list_requests(session, since=now - ANSWERED_SINCE), lang, now),
        "returned": [
            {
                "id": row.case.id,
                "debtor_id": row.case.debtor_id,
                "case_no": row.debtor_no,
                "at": row.case.decided_at,
                "reason": debtor_words.word(officer_words.REASONS, row.case.reason, lang),
                "why": debtor_words.word(officer_words.RETURNS, row.case.return_reason, lang),
                "note": row.case.decision_note,
                "handed_by": row.handed_over_by,
            }
            for row in returned
        ],
    }
