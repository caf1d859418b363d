"""The supervisor's desk as its template wants it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.web import debtor_words, officer_words, phrases
from callcenter.web.officer_model import request_models
from callcenter.web.operator_outcome import consequence_lines
from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.officers import desk, requests
from campaigns.worklist import callbacks
from dialer.agents import overdue
from dialer.agents.overdue import Overdue
from dialer.supervising import messages
from reports.queries import todo
from reports.queries.live import Callback, callbacks_owed
from reports.queries.todo import Refused

ANSWERED_SINCE = timedelta(days=7)


def desk_model(session: Session, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of supervisor_desk.html."""
    returned, _ = desk.list_cases(session, desk.Narrowing("returned"), 0, now, count=200)
    people = callbacks.operators(session)
    found = todo.quality(session, now)
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
        "callbacks": [_callback(row, people, lang, now) for row in callbacks_owed(session, now)],
        "overdue": [_overdue(row, lang) for row in overdue.list_overdue(session, now)],
        "messages": [
            {
                "id": told.message.id,
                "body": told.message.body,
                "until": told.message.ends_at,
                "author": told.author,
                "readers": told.readers,
            }
            for told in messages.shown(session, now)
        ],
        "hours": [
            {"value": hours, "label": phrases.pick(lang, (f"{hours}時間", f"{hours} h")), "is_chosen": hours == messages.HOURS[1]}
            for hours in messages.HOURS
        ],
        "quality": {
            "people": found.people,
            "is_more": found.people >= todo.COUNTED_TO,
            "unreachable": found.unreachable,
            "unmatched": found.unmatched,
            "unmatched_yen": found.unmatched_yen,
            "unmatched_since": found.unmatched_since,
            "rejected": found.rejected,
        },
    }


def _overdue(row: Overdue, lang: str) -> dict[str, Any]:
    return {
        "attempt_id": row.attempt_id,
        "debtor_id": row.debtor_id,
        "case_no": row.debtor_no,
        "user": row.operator,
        "since": row.since,
        "party": phrases.label(lang, row.party),
        "typed": row.typed,
        "choices": [
            {"value": choice.value, "label": phrases.label(lang, choice), "lines": consequence_lines(row.party, choice, lang)}
            for choice in overdue.choices(row.party)
        ],
    }


def _callback(row: Callback, people: Sequence[tuple[int, str]], lang: str, now: datetime) -> dict[str, Any]:
    anybody = {"value": "", "label": phrases.pick(lang, ("だれでも", "Anybody")), "is_chosen": row.user_id is None}
    return {
        "id": row.work_item_id,
        "debtor_id": row.debtor_id,
        "case_no": row.debtor_no,
        "due": row.due_at,
        "is_today": local_day(row.due_at) == local_day(now),
        "is_late": row.is_late,
        "user": row.display_name,
        "options": [anybody, *({"value": number, "label": name, "is_chosen": number == row.user_id} for number, name in people)],
    }


def refused_href(reason: str, channel: str, page_no: int = 1) -> str:
    """The page of the people behind a reason."""
    told = {"reason": reason, "channel": channel, **({"page_no": str(page_no)} if page_no > 1 else {})}
    return "/supervisor/refused?" + urlencode(told)


def refused_model(rows: Sequence[Refused], reason: str, channel: str, page_no: int, size: int, lang: str) -> dict[str, Any]:
    """All fields of supervisor_refused.html."""
    is_known = reason in set(DenialReason)
    return {
        "reason": denial_text(DenialReason(reason), lang) if is_known else reason,
        "channel": phrases.label(lang, Channel(channel)) if channel in set(Channel) else channel,
        "rows": rows[:size],
        "previous_href": refused_href(reason, channel, page_no - 1) if page_no > 1 else None,
        "next_href": refused_href(reason, channel, page_no + 1) if len(rows) > size else None,
    }
