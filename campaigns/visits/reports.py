"""What telephones send of visits: recorded as attempts with the outcome fields of every channel, or kept as conflicts for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.clock import day_bounds, local_day
from callcenter.core.db import advisory_lock
from callcenter.core.errors import AppError, Conflict, InvalidInput, NotFound
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import PROMISE_OUTCOMES, Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.attempts.rules import PromiseTerms
from campaigns.compliance.gate import attach
from campaigns.debtors import holds
from campaigns.debtors.account import read_account
from campaigns.debtors.models import Debt, Debtor, Suppression
from campaigns.visits.models import VisitReport, VisitRound, VisitStop
from campaigns.visits.rules import Report, Standing, check_report, objection

MOST_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one entry: `state` recorded, conflict (`why`), or invalid (`problem`; nothing is kept, the telephone still has it)."""

    key: str
    stop_id: int
    state: str
    why: str = ""
    problem: AppError | None = None


def receive(session: Session, round_id: int, entries: Sequence[Mapping[str, Any]], user_id: int, now: datetime) -> list[Answer]:
    """Takes what a telephone sends of a round; each entry stands or falls alone, and sending one again changes nothing."""
    if len(entries) > MOST_ENTRIES:
        raise InvalidInput("一度に送れる件数を超えています。", code="visit_entries")
    return [_receive(session, round_id, entry, user_id, now) for entry in entries]


def _receive(session: Session, round_id: int, entry: Mapping[str, Any], user_id: int, now: datetime) -> Answer:
    key, stop_id = str(entry.get("key") or "")[:40], int(entry.get("stop_id") or 0)
    before = session.scalar(select(VisitReport).where(VisitReport.key == key))
    if before is not None:
        return Answer(key, before.stop_id, before.state, before.why)
    try:
        with session.begin_nested():
            return _take(session, round_id, stop_id, key, entry, user_id, now)
    except (InvalidInput, Conflict, NotFound) as problem:
        return Answer(key, stop_id, "invalid", problem=problem)


def _take(session: Session, round_id: int, stop_id: int, key: str, entry: Mapping[str, Any], user_id: int, now: datetime) -> Answer:
    if len(key) < 8:
        raise InvalidInput("この記録に番号がありません。", hint="ページを開き直してください。", code="idempotency_key")
    stop = session.scalar(select(VisitStop).where(VisitStop.id == stop_id, VisitStop.round_id == round_id).with_for_update())
    if stop is None:
        raise NotFound("その訪問先はありません。", code="no_stop")
    advisory_lock(session, f"visit of {stop.debtor_id}")
    report = read_report(entry)
    check_report(report, now, read_account(session, stop.debtor_id, local_day(now)).sums.total)
    report_at = min(report.visited_at, now)
    against = objection(_standing(session, stop, report_at, now))
    row = VisitReport(
        stop_id=stop.id, key=key, user_id=user_id, visited_at=report_at, received_at=now, told=write_report(report), state="conflict"
    )
    if against is None:
        row.state, row.attempt_id = "recorded", _record(session, stop, report, report_at, user_id).id
    else:
        row.why = against.value
    session.add(row)
    session.flush()
    return Answer(key, stop.id, row.state, row.why)


def read_report(entry: Mapping[str, Any]) -> Report:
    """An entry as a telephone (or the table of conflicts) has it. Raises InvalidInput: it can't be read."""
    try:
        visited_at = datetime.fromisoformat(str(entry["visited_at"]))
        due_on, promise = entry.get("due_on"), entry.get("promise")
        report = Report(
            visited_at,
            Party(str(entry["party"])),
            Outcome(str(entry["outcome"])),
            str(entry.get("note") or "").strip()[:2_000],
            int(promise) if promise not in (None, "") else None,
            date.fromisoformat(str(due_on)) if due_on else None,
            str(entry.get("verified") or ""),
        )
    except (KeyError, ValueError, TypeError) as problem:
        raise InvalidInput("記録を読めません。", hint="相手、結果、金額、日付を確かめてください。", code="visit_unreadable") from problem
    if visited_at.tzinfo is None:
        raise InvalidInput("訪問の日時に時間帯がありません。", code="visit_unreadable")
    return report


def write_report(report: Report) -> dict[str, Any]:
    """The other way round, as JSON."""
    return {
        "visited_at": report.visited_at.isoformat(),
        "party": report.party.value,
        "outcome": report.outcome.value,
        "note": report.note,
        "promise": report.promise,
        "due_on": None if report.due_on is None else report.due_on.isoformat(),
        "verified": report.verified,
    }


def _standing(session: Session, stop: VisitStop, at: datetime, now: datetime) -> Standing:
    first, end = day_bounds(local_day(at), local_day(at))
    others = select(func.count()).where(
        Attempt.debtor_id == stop.debtor_id, Attempt.channel == Channel.VISIT.value, Attempt.began_at >= first, Attempt.began_at < end
    )
    owed = select(func.coalesce(func.sum(Debt.outstanding), 0)).where(Debt.debtor_id == stop.debtor_id, Debt.status == "open")
    rows = session.scalars(
        select(Suppression).where(Suppression.debtor_id == stop.debtor_id, Suppression.lifted_at.is_(None)).order_by(Suppression.id)
    )
    forbidden = session.scalar(select(Debtor.do_not_contact).where(Debtor.id == stop.debtor_id))
    round_state = session.scalar(select(VisitRound.state).where(VisitRound.id == stop.round_id))
    return Standing(
        is_done=stop.state == "done",
        is_cancelled=round_state == "cancelled" or (stop.state == "dropped" and stop.reason in ("taken_out", "cancelled")),
        was_visited=bool(session.scalar(others)),
        outstanding=int(session.scalar(owed) or 0),
        is_held=bool(forbidden) or any(row.channel in (None, Channel.VISIT.value) and holds.is_in_force(row, now) for row in rows),
    )


def _record(session: Session, stop: VisitStop, report: Report, at: datetime, user_id: int) -> Attempt:
    """The visit as an attempt of the moment it was made, resting on the decision with which the round set out."""
    attempt = attempts.open_attempt(session, None, None, at, Channel.VISIT, user_id, debtor_id=stop.debtor_id, campaign_id=stop.campaign_id)
    is_met = report.party is not Party.NOBODY
    attempt.handed_over_at, attempt.answered_at = at, at if is_met else None
    if report.verified:
        attempt.verified_at, attempt.verified_with = at, f"name,{report.verified}"
    session.flush()
    promise = None
    if report.outcome in PROMISE_OUTCOMES and report.promise is not None and report.due_on is not None:
        promise = PromiseTerms(report.promise, report.due_on)
    attempts.record_outcome(
        session,
        attempt.id,
        report.party,
        report.outcome,
        report.note,
        promise=promise,
        line_result=LineResult.ANSWERED if is_met else LineResult.NO_ANSWER,
        now=at,
        user_id=user_id,
    )
    if stop.decision_id is not None:
        attach(session, {stop.decision_id: attempt.id})
    stop.state, stop.attempt_id, stop.reason = "done", attempt.id, ""
    session.flush()
    return attempt


def settle(session: Session, report_id: int, is_recorded: bool, user_id: int, now: datetime) -> VisitReport:
    """A person decides about a conflict: the visit counts all the same, or is dropped. Raises NotFound, Conflict, InvalidInput."""
    row = session.scalar(select(VisitReport).where(VisitReport.id == report_id).with_for_update())
    if row is None:
        raise NotFound("その記録はありません。", code="no_report")
    if row.state != "conflict":
        raise Conflict("この記録は、もう処理されています。", hint="画面を最新にしてください。", code="report_settled")
    if is_recorded:
        stop = session.scalars(select(VisitStop).where(VisitStop.id == row.stop_id).with_for_update()).one()
        row.attempt_id = _record(session, stop, read_report(row.told), row.visited_at, row.user_id).id
    row.state, row.settled_by, row.settled_at = "recorded" if is_recorded else "dropped", user_id, now
    session.flush()
    return row


def reports_of(session: Session, round_id: int) -> list[VisitReport]:
    """Everything that was sent of a round, in the order in which it came."""
    query = select(VisitReport).join(VisitStop, (VisitStop.office_id == VisitReport.office_id) & (VisitStop.id == VisitReport.stop_id))
    return list(session.scalars(query.where(VisitStop.round_id == round_id).order_by(VisitReport.received_at, VisitReport.id)))


def count_conflicts(session: Session) -> int:
    """How many wait for somebody's decision."""
    return session.scalar(select(func.count()).select_from(VisitReport).where(VisitReport.state == "conflict")) or 0
