"""The officers' desk as its templates want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.clock import local_day
from callcenter.web import debtor_view as view
from callcenter.web import debtor_words, officer_words, phrases
from callcenter.web.dependencies import SignedIn
from callcenter.web.plan_model import LOOKS as PLAN_LOOKS
from campaigns.attempts.models import Attempt, Escalation
from campaigns.debtors import case as debtor_case
from campaigns.debtors.account import read_account
from campaigns.debtors.models import Debtor
from campaigns.officers import desk, requests
from campaigns.officers.desk import CaseRow, Narrowing
from campaigns.officers.requests import RequestRow
from campaigns.officers.state import WAITING, CaseDecision, CaseState
from campaigns.promises import plans
from campaigns.promises.models import InstalmentPlan
from campaigns.promises.schedule import LIVE
from campaigns.promises.state import shown_state

AGES = (0, 3, 7, 14, 30)
HOT_DAYS = 7
VIEW_WORDS: Mapping[str, tuple[str, str]] = {
    "waiting": ("受理待ち", "Waiting"),
    "mine": ("自分の案件", "Mine"),
    "with_officers": ("職員のすべて", "All with officers"),
    "returned": ("差し戻し", "Returned"),
    "over": ("済み", "Over"),
}
METHODS: Mapping[str, tuple[str, str]] = {
    "name": ("氏名", "name"),
    "birth_date": ("生年月日", "birth date"),
    "address": ("住所", "address"),
    "kana": ("カナ", "reading"),
    "document": ("身分証", "identity document"),
}


def read_narrowing(view_name: str, reason: str, days: str) -> Narrowing:
    """What the address asks for; what makes no sense there is left out."""
    least = int(days) if days.isascii() and days.isdigit() else 0
    return Narrowing(
        view_name if view_name in desk.VIEWS else "waiting", reason if reason in officer_words.REASONS else "", min(least, 3_650)
    )


def _href(narrowing: Narrowing, page_no: int = 1) -> str:
    told = {
        "view": narrowing.view,
        "reason": narrowing.reason,
        "days": str(narrowing.days or ""),
        "page_no": "" if page_no == 1 else str(page_no),
    }
    return "/escalations?" + urlencode({name: value for name, value in told.items() if value})


def list_model(
    session: Session,
    rows: Sequence[CaseRow],
    counts: Mapping[str, int],
    narrowing: Narrowing,
    page_no: int,
    total: int,
    lang: str,
    now: datetime,
) -> dict[str, Any]:
    """All fields of escalations.html."""
    today, first = local_day(now), (page_no - 1) * desk.PAGE
    troubled = plans.count_plans(session, today)
    return {
        "tabs": [
            {
                "label": phrases.pick(lang, words),
                "href": _href(Narrowing(name, narrowing.reason, narrowing.days)),
                "count": counts[name],
                "is_current": name == narrowing.view,
            }
            for name, words in VIEW_WORDS.items()
        ],
        "view": narrowing.view,
        "reasons": [
            {"value": "", "label": phrases.pick(lang, ("すべて", "All")), "is_chosen": not narrowing.reason},
            *(
                {"value": code, "label": phrases.pick(lang, words), "is_chosen": code == narrowing.reason}
                for code, words in officer_words.REASONS.items()
            ),
        ],
        "ages": [
            {
                "value": days or "",
                "label": phrases.pick(lang, (f"{days}日以上", f"{days} days or more") if days else ("すべて", "All")),
                "is_chosen": days == narrowing.days,
            }
            for days in AGES
        ],
        "rows": [_row(row, today, lang) for row in rows],
        "waiting_requests": requests.count_waiting(session),
        "broken_plans": troubled["broken"],
        "due_plans": troubled["due_soon"],
        "pages": {
            "first": first + 1 if rows else 0,
            "last": first + len(rows),
            "total": total,
            "previous_href": _href(narrowing, page_no - 1) if page_no > 1 else None,
            "next_href": _href(narrowing, page_no + 1) if first + len(rows) < total else None,
        },
    }


def state_badge(state: str, lang: str) -> dict[str, str]:
    """A case's state as word, icon and colour."""
    kind, image = officer_words.STATE_LOOKS[state]
    return {"kind": kind, "image": image, "word": phrases.pick(lang, officer_words.STATES[state])}


def _row(row: CaseRow, today: date, lang: str) -> dict[str, Any]:
    case, days = row.case, row.days(today)
    return {
        "href": f"/escalations/{case.id}",
        "at": case.created_at,
        "days": days,
        "is_old": days >= HOT_DAYS and case.state in (CaseState.OPEN, CaseState.ACCEPTED),
        "case_no": row.debtor_no,
        "name": row.name,
        "owed": row.owed,
        "reason": debtor_words.word(officer_words.REASONS, case.reason, lang),
        "note": case.note,
        "user": row.handed_over_by,
        "officer": row.officer,
        "state": state_badge(case.state, lang),
        "outcome": outcome_words(case, lang),
        "plan_state": row.plan_state,
        "is_open": case.state == CaseState.OPEN,
    }


def outcome_words(case: Escalation, lang: str) -> str:
    """What was decided, or why it was returned."""
    if case.state == CaseState.DECIDED:
        return debtor_words.word(officer_words.DECISIONS, case.decision, lang)
    return debtor_words.word(officer_words.RETURNS, case.return_reason, lang) if case.return_reason else ""


def load_model(session: Session, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of escalation_load.html."""
    today = local_day(now)
    loads, weeks = desk.workload(session, now), desk.weeks(session, now)
    top = max([load.open for load in loads] + [1])
    most = max([max(week.came, week.went) for week in weeks] + [1])
    return {
        "rows": [
            {
                "name": load.officer or phrases.pick(lang, ("受理待ち（まだ誰も）", "Waiting (nobody yet)")),
                "is_nobody": not load.officer,
                "open": load.open,
                "percent": round(load.open * 100 / top),
                "old": load.old,
                "oldest": None if load.oldest is None else (today - local_day(load.oldest)).days,
                "decided": load.decided,
                "returned": load.returned,
            }
            for load in loads
        ],
        "weeks": [
            {"monday": w.monday, "came": w.came, "went": w.went, "came_percent": w.came * 100 / most, "went_percent": w.went * 100 / most}
            for w in weeks
        ],
    }


def request_models(rows: Sequence[RequestRow], lang: str, now: datetime) -> list[dict[str, Any]]:
    """Requests, as officer_requests.html and the supervisor's desk list them."""
    today = local_day(now)
    return [_request(row, lang, today) for row in rows]


def _request(row: RequestRow, lang: str, today: date) -> dict[str, Any]:
    told = row.request
    kind, image = officer_words.REQUEST_STATES[told.state][:2]
    return {
        "id": told.id,
        "at": told.created_at,
        "case_no": row.debtor_no,
        "debtor_id": told.debtor_id,
        "case_id": told.escalation_id,
        "kind": debtor_words.word(officer_words.REQUESTS, told.kind, lang),
        "body": told.body,
        "due_on": told.due_on,
        "is_late": row.is_late(today),
        "asked_by": row.asked_by,
        "state": {"kind": kind, "image": image, "word": phrases.pick(lang, officer_words.REQUEST_STATES[told.state])},
        "reply": told.reply,
        "replied_by": row.answered_by,
        "replied_at": told.replied_at,
        "is_waiting": told.state in WAITING,
        "is_open": told.state == "open",
    }


def case_model(session: Session, case: Escalation, who: SignedIn, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of escalation.html."""
    today = local_day(now)
    debtor = session.scalars(select(Debtor).where(Debtor.id == case.debtor_id)).one()
    names = _names(session, {case.created_by, case.accepted_by, case.decided_by, case.taken_by})
    with_whom = names.get(case.accepted_by or 0, "")
    plan = session.scalar(select(InstalmentPlan).where(InstalmentPlan.debtor_id == debtor.id).order_by(InstalmentPlan.id.desc()).limit(1))
    has_live_plan = plan is not None and plan.state in LIVE
    return {
        "case": {
            "id": case.id,
            "at": case.created_at,
            "days": (today - local_day(case.created_at)).days,
            "reason": debtor_words.word(officer_words.REASONS, case.reason, lang),
            "note": case.note,
            "by": names.get(case.created_by or 0, ""),
            "officer": with_whom,
            "state": state_badge(case.state, lang),
            "outcome": outcome_words(case, lang),
            "decided_by": names.get(case.decided_by or 0, ""),
            "decided_at": case.decided_at,
            "decision_note": case.decision_note,
            "taken_by": names.get(case.taken_by or 0, ""),
            "taken_at": case.taken_at,
            "taken_note": case.taken_note,
            "is_mine": case.state == CaseState.ACCEPTED and case.accepted_by == who.user_id,
            "can_accept": case.state == CaseState.OPEN,
            "can_take_over": case.state == CaseState.ACCEPTED and case.accepted_by != who.user_id,
            "can_return": case.state == CaseState.OPEN or (case.state == CaseState.ACCEPTED and case.accepted_by == who.user_id),
        },
        "how_verified": _verification(session, case, lang),
        "returns": _options(officer_words.RETURNS, lang),
        "choices": _options(
            {code: words for code, words in officer_words.DECISIONS.items() if code != CaseDecision.PLAN or has_live_plan}, lang
        ),
        "kinds": _options(officer_words.REQUESTS, lang),
        "asked": request_models(requests.list_requests(session, debtor_id=debtor.id), lang, now),
        "promises": [_promise(row, today) for row in debtor_case.past_promises(session, debtor.id)],
        "plan": None if plan is None else _plan(plan),
        "has_live_plan": has_live_plan,
        "today": today,
        "debtor": view.person_model(debtor, lang),
        "account": view.account_model(session, read_account(session, debtor.id, today), lang),
        "why": view.why_model(session, debtor, lang, now),
        "numbers": view.numbers_model(session, debtor.id, who, lang),
        "holds": view.holds_model(session, debtor.id, who, lang, now),
        "timeline": view.timeline_model(session, debtor.id, who, lang, now, show="", before=""),
    }


def _options(words: Mapping[str, tuple[str, str]], lang: str) -> list[dict[str, Any]]:
    return [{"value": str(code), "label": phrases.pick(lang, pair), "is_chosen": False} for code, pair in words.items()]


def _plan(plan: InstalmentPlan) -> dict[str, Any]:
    return {
        "href": f"/plans/{plan.id}",
        "state": plan.state,
        "look": PLAN_LOOKS[plan.state],
        "paid": plan.paid,
        "total": plan.total,
        "percent": round(plan.paid * 100 / plan.total) if plan.total else 0,
        "missed": plan.missed,
        "next_due_on": plan.next_due_on,
        "agreed_on": plan.agreed_on,
    }


def _promise(row: Any, today: date) -> dict[str, Any]:
    return {
        "made_on": row.made_on,
        "due_on": row.due_on,
        "amount": row.amount,
        "paid": row.paid,
        "state": shown_state(row.state, row.due_on, row.grace_days, today),
    }


def _verification(session: Session, case: Escalation, lang: str) -> dict[str, Any] | None:
    """How the person was verified when the case was handed over; None where it did not come from a conversation."""
    attempt = None if case.attempt_id is None else session.scalar(select(Attempt).where(Attempt.id == case.attempt_id))
    if attempt is None:
        return None
    methods = [phrases.pick(lang, METHODS.get(word, (word, word))) for word in attempt.verified_with.split(",") if word]
    return {"at": attempt.verified_at, "methods": methods, "failures": attempt.verify_failures}


def _names(session: Session, users: set[int | None]) -> dict[int, str]:
    wanted = [user for user in users if user is not None]
    return {user.id: user.display_name for user in session.scalars(select(User).where(User.id.in_(wanted)))} if wanted else {}
