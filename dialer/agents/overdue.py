"""Conversations whose result nobody wrote in time: what is known of each, and a supervisor who writes it in the operator's place.

Promises and call-back times are not among the results: only who heard them can write them, and the operator's page still offers to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Outcome, Party
from campaigns.attempts.models import Attempt, Draft
from campaigns.attempts.rules import OUTCOMES_OF
from campaigns.attempts.verification import drop_drafts
from campaigns.debtors.models import Debtor
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call

WRITTEN_FOR_OTHERS = (
    Outcome.NO_RESULT,
    Outcome.INTERRUPTED,
    Outcome.CLAIMS_PAID,
    Outcome.REISSUE_SLIP,
    Outcome.HARDSHIP,
    Outcome.REFUSES,
    Outcome.INSTALMENT_TO_OFFICER,
    Outcome.COMPLAINT,
    Outcome.STOP_NUMBER,
)
MOST = 50


@dataclass(frozen=True, slots=True)
class Overdue:
    """One conversation; `typed` is what its operator had noted, `since` when the time ran out."""

    attempt_id: int
    debtor_id: int
    debtor_no: str
    operator: str
    since: datetime
    party: Party
    typed: str


def list_overdue(session: Session, now: datetime) -> list[Overdue]:
    """The longest ago first."""
    rows = session.execute(
        select(Attempt, Debtor, User.display_name, Draft.value)
        .join(Debtor, (Debtor.office_id == Attempt.office_id) & (Debtor.id == Attempt.debtor_id))
        .outerjoin(User, (User.office_id == Attempt.office_id) & (User.id == Attempt.operator_id))
        .outerjoin(
            Draft,
            (Draft.office_id == Attempt.office_id)
            & (Draft.attempt_id == Attempt.id)
            & (Draft.user_id == Attempt.operator_id)
            & (Draft.field == "memo"),
        )
        .where(Attempt.state == "wrap_up", Attempt.wrap_up_until < now)
        .order_by(Attempt.wrap_up_until, Attempt.id)
        .limit(MOST)
    )
    return [
        Overdue(row.id, debtor.id, debtor.debtor_no, name or "", row.wrap_up_until or now, _party(row, debtor), typed or "")
        for row, debtor, name, typed in rows
    ]


def choices(party: Party) -> Sequence[Outcome]:
    """The results that can be written for somebody else."""
    return [outcome for outcome in WRITTEN_FOR_OTHERS if outcome in OUTCOMES_OF[party]]


def write(session: Session, attempt_id: int, outcome: str, note: str, now: datetime, user_id: int) -> Attempt:
    """Writes the result in the operator's place, with all that follows; an operator who still sits before it goes on.

    Raises:
        NotFound: no such attempt.  InvalidInput: no such result for it, or not said why.
        Conflict: the result is there already, or its operator still has time.
    """
    session.scalar(select(Call.id).where(Call.attempt_id == attempt_id).with_for_update())
    wanted = select(Attempt).where(Attempt.id == attempt_id).with_for_update()
    attempt = session.scalar(wanted, execution_options={"populate_existing": True})
    if attempt is None:
        raise NotFound("その通話はありません。", code="no_attempt")
    if attempt.state != "wrap_up" or attempt.wrap_up_until is None:
        raise Conflict("この通話の結果は、もう記録されています。", hint="画面を最新にしてください。", code="already_recorded")
    if attempt.wrap_up_until >= now:
        raise Conflict("担当がまだ入力しています。", hint="時間が過ぎてから書けます。", code="still_in_time")
    party = _party(attempt, session.get_one(Debtor, (attempt.office_id, attempt.debtor_id)))
    if outcome not in choices(party):
        raise InvalidInput("結果を選んでください。", code="overdue_outcome")
    if not note.strip():
        raise InvalidInput("何をもとに書いたかを入れてください。", hint="例: 録音を聞いた、担当に聞いた", code="overdue_note")
    attempts.record_outcome(session, attempt_id, party, Outcome(outcome), note, now=now, user_id=user_id)
    drop_drafts(session, attempt_id)
    _release(session, attempt, now)
    publish(session, "overdue")
    return attempt


def _release(session: Session, attempt: Attempt, now: datetime) -> None:
    at_it = (AgentSession.attempt_id == attempt.id, AgentSession.state == AgentState.WRAP_UP)
    sits = session.scalar(select(AgentSession.id).where(*at_it))
    if sits is not None:
        agents.release(session, sits, now, attempt.id)


def _party(attempt: Attempt, debtor: Debtor) -> Party:
    if attempt.verified_at is None:
        return Party.DEBTOR_UNVERIFIED
    return Party.COMPANY_CONTACT if debtor.kind == "company" else Party.DEBTOR
