"""Who may be calling: the people who have that number, and who talked with them last. Being found discloses nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.text import search_key
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.planning.models import Campaign
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.models import WorkItem
from dialer.calls.models import Call
from dialer.calls.state import CallState
from dialer.inbound.models import InboundCall

NOT_THEIRS = ("wrong_person", "dead")
MOST_PERSONS = 20


@dataclass(frozen=True, slots=True)
class Caller:
    """Debtors who have the number, with the number's row of each; `last_user_id` is the operator who had one of them last."""

    persons: tuple[tuple[int, int], ...] = ()
    last_user_id: int | None = None


def find_caller(session: Session, e164: str | None) -> Caller:
    """Whoever has this number, also one that is not called any more; nobody for a withheld one."""
    if not e164:
        return Caller()
    rows = session.execute(
        select(PhoneNumber.debtor_id, func.min(PhoneNumber.id))
        .where(PhoneNumber.e164 == e164, PhoneNumber.is_listed, PhoneNumber.status.not_in(NOT_THEIRS))
        .group_by(PhoneNumber.debtor_id)
        .order_by(PhoneNumber.debtor_id)
        .limit(MOST_PERSONS)
    )
    persons = tuple((debtor_id, phone_id) for debtor_id, phone_id in rows)
    return Caller(persons, last_operator(session, [debtor_id for debtor_id, _ in persons]))


def our_calls(session: Session, callers: Sequence[InboundCall]) -> dict[int, list[Call]]:
    """Our own calls that have not ended, to the person each caller is taken for or to the number they call from, by the caller's id."""
    theirs = (Attempt.office_id == Call.office_id) & (Attempt.id == Call.attempt_id)
    persons = [call.debtor_id for call in callers if call.debtor_id is not None]
    numbers = [call.caller for call in callers if call.caller]
    dialled = (PhoneNumber.office_id == Attempt.office_id) & (PhoneNumber.id == Attempt.phone_id)
    live = (
        select(Call, Attempt.debtor_id, PhoneNumber.e164)
        .join(Attempt, theirs)
        .join(PhoneNumber, dialled, isouter=True)
        .where(Call.state != CallState.ENDED, ~Attempt.is_inbound, Attempt.debtor_id.in_(persons) | PhoneNumber.e164.in_(numbers))
        .order_by(Call.id)
    )
    rows = session.execute(live).all() if persons or numbers else ()
    return {
        call.id: [row.Call for row in rows if row.debtor_id == call.debtor_id or (call.caller and row.e164 == call.caller)]
        for call in callers
    }


def calling_in(session: Session, debtor_ids: Collection[int]) -> set[int]:
    """Those of these debtors who are calling us."""
    live = select(InboundCall.debtor_id).where(InboundCall.debtor_id.in_(debtor_ids), InboundCall.state != "ended")
    return {debtor_id for debtor_id in session.scalars(live) if debtor_id is not None}


def last_operator(session: Session, debtor_ids: list[int]) -> int | None:
    """The operator of the newest attempt to any of these debtors."""
    if not debtor_ids:
        return None
    newest = select(Attempt.operator_id).where(Attempt.debtor_id.in_(debtor_ids), Attempt.operator_id.is_not(None))
    return session.scalar(newest.order_by(Attempt.began_at.desc(), Attempt.id.desc()).limit(1))


def find_person(session: Session, e164: str | None, said_name: str, birth_date: date | None) -> int | None:
    """The one debtor who has this name and birth date; among those who have the number, if any does. None for nobody, or more than one."""
    key = search_key(said_name)
    if not key or birth_date is None:
        return None
    wanted = select(Debtor.id).where(Debtor.birth_date == birth_date, (Debtor.name_key == key) | (Debtor.kana_key == key))
    persons = [debtor_id for debtor_id, _ in find_caller(session, e164).persons]
    found = session.scalars(wanted.where(Debtor.id.in_(persons)).limit(2)).all() if persons else []
    found = found or session.scalars(wanted.limit(2)).all()
    return found[0] if len(found) == 1 else None


def live_item(session: Session, debtor_id: int) -> WorkItem | None:
    """The debtor's waiting item for an operator in the running campaign that comes first, locked."""
    waiting = (
        select(WorkItem)
        .join(Campaign, (Campaign.office_id == WorkItem.office_id) & (Campaign.id == WorkItem.campaign_id))
        .where(WorkItem.debtor_id == debtor_id, WorkItem.state == "ready", Campaign.status == "running")
        .order_by(WorkItem.channel != "operator_call", Campaign.priority, WorkItem.id)
        .limit(1)
        .with_for_update(of=WorkItem, skip_locked=True)
    )
    return session.scalar(waiting)


def campaign_for(session: Session, debtor_id: int) -> int | None:
    """The running campaign that has decided about the debtor."""
    decided = (
        select(ChannelAssignment.campaign_id)
        .join(Campaign, (Campaign.office_id == ChannelAssignment.office_id) & (Campaign.id == ChannelAssignment.campaign_id))
        .where(ChannelAssignment.debtor_id == debtor_id, Campaign.status == "running")
        .order_by(Campaign.priority, Campaign.id)
        .limit(1)
    )
    return session.scalar(decided)
