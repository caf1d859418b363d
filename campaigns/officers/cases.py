"""Cases handed over to the tax officers: accepted, given back with a reason, decided, and taken up again by the supervisor.

Given back means: to the list of the contractor's supervisor. No officer's word reaches an operator directly.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.attempts.models import Escalation
from campaigns.debtors import holds
from campaigns.debtors.models import Suppression
from campaigns.officers.state import TRANSITIONS, WITH_OFFICERS, CaseDecision, CaseState, ReturnReason
from campaigns.promises.plans import has_plan

TOPIC = "cases"
MOST_WORDS = 1_000


def require_words(said: str, *, is_needed: bool = True) -> str:
    """What somebody wrote, stripped. Raises InvalidInput where nothing or too much was written."""
    words = said.strip()
    if is_needed and not words:
        raise InvalidInput("ひとこと書いてください。", hint="相手に伝わる理由か説明が要ります。", code="words_missing")
    if len(words) > MOST_WORDS:
        raise InvalidInput(f"{MOST_WORDS:,}文字までにしてください。", code="words_long")
    return words


def accept(session: Session, case_id: int, user_id: int, now: datetime) -> Escalation:
    """An officer takes a case on; one that is with a colleague is taken over. Raises NotFound, Conflict."""
    case = _moving(session, case_id, CaseState.ACCEPTED)
    if case.state == CaseState.ACCEPTED and case.accepted_by == user_id:
        return case
    case.accepted_by, case.accepted_at = user_id, now
    return _moved(session, case, CaseState.ACCEPTED, user_id, now)


def lay_back(session: Session, case_id: int, user_id: int, now: datetime) -> Escalation:
    """The officer lets go of a case: it waits for anybody again. Raises NotFound, Conflict."""
    case = _moving(session, case_id, CaseState.OPEN, officer_id=user_id)
    case.accepted_by = case.accepted_at = None
    return _moved(session, case, CaseState.OPEN, user_id, now)


def give_back(session: Session, case_id: int, reason: str, note: str, user_id: int, now: datetime) -> Escalation:
    """Returns a case to the contractor's supervisor and lifts what held contact back for the officers' sake.

    Raises:
        InvalidInput: no reason, or no words.  NotFound.  Conflict: it has moved on, or a colleague has it.
    """
    if reason not in set(ReturnReason):
        raise InvalidInput("戻す理由を選んでください。", code="return_reason")
    words = require_words(note)
    case = _moving(session, case_id, CaseState.RETURNED, officer_id=user_id)
    case.return_reason, case.decision_note = reason, words
    _moved(session, case, CaseState.RETURNED, user_id, now)
    lift_officer_holds(session, case.debtor_id, words, user_id, now)
    return case


def decide(session: Session, case_id: int, decision: str, note: str, until: date | None, user_id: int, now: datetime) -> Escalation:
    """Decides a case the officer has: contact is held back on, or goes on with the next plan.

    Args:
        until: with `hold`, the last day of it; None: until an officer lifts it.

    Raises:
        InvalidInput: no decision, no words, a day that can't be, or a plan that nobody entered.  NotFound.  Conflict: see `give_back`.
    """
    if decision not in set(CaseDecision):
        raise InvalidInput("決めたことを選んでください。", code="case_decision")
    words = require_words(note)
    case = _moving(session, case_id, CaseState.DECIDED, officer_id=user_id)
    if case.state != CaseState.ACCEPTED:
        raise Conflict("この案件はまだ受理されていません。", hint="受理してから決めてください。", code="case_not_accepted")
    if decision == CaseDecision.PLAN and not has_plan(session, case.debtor_id):
        raise InvalidInput("分納計画がまだありません。", hint="先に計画を登録してください。", code="case_plan")
    case.decision, case.decision_note = decision, words
    _moved(session, case, CaseState.DECIDED, user_id, now)
    lift_officer_holds(session, case.debtor_id, words, user_id, now)
    if decision == CaseDecision.HOLD:
        holds.add_hold(session, case.debtor_id, "officer_hold", "", until, words[:200], now, user_id, is_officer=True)
    return case


def decide_by_plan(session: Session, debtor_id: int, user_id: int, now: datetime) -> list[int]:
    """A plan was entered: it decides the debtor's cases and takes the place of the officers' hold, so that a broken one lets contact go on.

    Returns the numbers of the cases.
    """
    which = select(Escalation).where(Escalation.debtor_id == debtor_id, Escalation.state.in_(WITH_OFFICERS))
    cases = session.scalars(which.order_by(Escalation.id).with_for_update()).all()
    for case in cases:
        case.decision = CaseDecision.PLAN.value
        case.accepted_by, case.accepted_at = case.accepted_by or user_id, case.accepted_at or now
        _moved(session, case, CaseState.DECIDED, user_id, now)
    lift_officer_holds(session, debtor_id, "", user_id, now)
    return [case.id for case in cases]


def take(session: Session, case_id: int, note: str, user_id: int, now: datetime) -> Escalation:
    """The contractor's supervisor has taken a returned case up. Raises InvalidInput, NotFound, Conflict."""
    words = require_words(note, is_needed=False)
    case = _moving(session, case_id, CaseState.TAKEN)
    case.state, case.taken_by, case.taken_at, case.taken_note = CaseState.TAKEN.value, user_id, now, words
    session.flush()
    publish(session, TOPIC)
    return case


def lift_officer_holds(session: Session, debtor_id: int, why: str, user_id: int, now: datetime) -> None:
    """Lifts the officers' holds of a debtor, unless another case of theirs is still with the officers."""
    others = select(Escalation.id).where(Escalation.debtor_id == debtor_id, Escalation.state.in_(WITH_OFFICERS))
    if session.scalar(others.limit(1)) is not None:
        return
    session.execute(
        update(Suppression)
        .where(Suppression.debtor_id == debtor_id, Suppression.reason == "officer_hold", Suppression.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=user_id, lift_note=why[:200])
    )


def _moving(session: Session, case_id: int, to: CaseState, *, officer_id: int | None = None) -> Escalation:
    """The case, locked, if it may become `to`; with `officer_id`, and no colleague has it."""
    case = session.scalar(select(Escalation).where(Escalation.id == case_id).with_for_update())
    if case is None:
        raise NotFound("その引き継ぎはありません。", code="no_escalation")
    if to not in TRANSITIONS[CaseState(case.state)]:
        raise Conflict("この引き継ぎは、もう先へ進んでいます。", hint="画面を最新にしてください。", code="decided")
    if officer_id is not None and case.accepted_by not in (None, officer_id):
        raise Conflict("この案件は別の職員が受け持っています。", hint="引き受けてから操作してください。", code="case_of_another")
    return case


def _moved(session: Session, case: Escalation, to: CaseState, user_id: int, now: datetime) -> Escalation:
    case.state, case.decided_by, case.decided_at = to.value, user_id, now
    session.flush()
    publish(session, TOPIC)
    return case
