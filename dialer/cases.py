"""From the work list to a case that may be called: claimed, its number chosen, asked at the gate just before contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from callcenter.core.faults import passing
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.attempts.numbers import choices_for
from campaigns.attempts.phones import pick_phones
from campaigns.compliance import gate
from campaigns.compliance.rules import ContactPolicy, Denied
from campaigns.compliance.windows import is_open
from campaigns.debtors.models import PhoneNumber
from campaigns.worklist import claim
from campaigns.worklist.models import WorkItem
from dialer.inbound.callers import calling_in

MOST_REFUSALS = 50
TRIES_SINCE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Case:
    """A claimed item that may be called now, and the number to call; `valid_until` is how long what the gate said may be acted upon."""

    item: WorkItem
    phone: PhoneNumber
    decision_id: int | None = None
    valid_until: datetime | None = None


def next_case(
    session: Session,
    campaign_id: int,
    channel: Channel,
    holder: str,
    now: datetime,
    *,
    user_ids: Sequence[int] = (),
    lease: timedelta = claim.LEASE,
    policy: ContactPolicy | None = None,
    mode: str = "",
    unfit: ColumnElement[bool] | None = None,
) -> Case | None:
    """Claims the next case the gate allows, see `next_cases`; None when there is none."""
    cases = next_cases(session, campaign_id, channel, 1, holder, now, user_ids=user_ids, lease=lease, policy=policy, mode=mode, unfit=unfit)
    return cases[0] if cases else None


def next_cases(
    session: Session,
    campaign_id: int,
    channel: Channel,
    count: int,
    holder: str,
    now: datetime,
    *,
    user_ids: Sequence[int] = (),
    lease: timedelta = claim.LEASE,
    policy: ContactPolicy | None = None,
    mode: str = "",
    unfit: ColumnElement[bool] | None = None,
) -> list[Case]:
    """Claims the next cases the gate allows; what it refuses goes back for later or is withdrawn, each with its reason on record.

    Fewer than `count` when there is no more to do now, or too much was refused (the next round goes on). `unfit`: see `claim.claim`.
    """
    policy = policy or gate.load_policy(session)
    if not is_open(policy.hours, channel, now):
        return []
    cases: list[Case] = []
    asked = 0
    while len(cases) < count and asked - len(cases) < MOST_REFUSALS:
        missing = count - len(cases)
        items = claim.claim(session, campaign_id, channel, missing, holder, now, lease=lease, user_ids=user_ids, unfit=unfit)
        if not items:
            break
        asked += len(items)
        cases += admit_all(session, items, now, policy, mode)
    return cases


def admit(session: Session, item: WorkItem, now: datetime, policy: ContactPolicy | None = None, mode: str = "") -> Case | None:
    """Asks the gate about a claimed item just before contact; a refused item is given back or withdrawn, and None returned."""
    cases = admit_all(session, [item], now, policy, mode)
    return cases[0] if cases else None


def admit_all(
    session: Session, items: Sequence[WorkItem], now: datetime, policy: ContactPolicy | None = None, mode: str = ""
) -> list[Case]:
    """The same for several items of one channel, asked together: of two for one person only the first may be called."""
    channel = Channel(items[0].channel)
    policy = policy or gate.load_policy(session)
    items = _not_calling_in(session, items, now)
    if not items:
        return []
    phones = _phones(session, items, channel, policy, now)
    asks = [gate.Ask(item.debtor_id, phone.id if phone else None, item.campaign_id, item.id) for item, phone in phones]
    decisions = gate.check_contacts(session, asks, channel, now, policy=policy, mode=mode)
    cases: list[Case] = []
    for (item, phone), decision in zip(phones, decisions, strict=True):
        assert item.claim_token is not None
        passing("gate.answered")
        if isinstance(decision, Denied):
            if decision.next_allowed_at is None:
                claim.withdraw_claimed(session, item.id, item.claim_token, now, decision.reason.value)
            else:
                claim.release(session, item.id, item.claim_token, now, not_before=decision.next_allowed_at, reason=decision.reason.value)
        elif phone is None:
            claim.withdraw_claimed(session, item.id, item.claim_token, now, "no_usable_number")
        else:
            cases.append(Case(item, phone, decision.decision_id, decision.valid_until))
    return cases


def _not_calling_in(session: Session, items: Sequence[WorkItem], now: datetime) -> list[WorkItem]:
    """Nobody is called who is calling us and waits: their items go back until the line is free."""
    callers = calling_in(session, [item.debtor_id for item in items])
    for item in items:
        if item.debtor_id in callers:
            assert item.claim_token is not None
            free_at = now + gate.LINE_IS_FREE_AFTER
            claim.release(session, item.id, item.claim_token, now, not_before=free_at, reason=gate.DenialReason.DECIDED_ELSEWHERE.value)
    return [item for item in items if item.debtor_id not in callers]


def open_case(session: Session, case: Case, channel: Channel, now: datetime, *, operator_id: int | None = None) -> Attempt:
    """Puts the attempt on record, with the decision it rests on; commit before the carrier is asked."""
    return open_cases(session, [case], channel, now, operator_id=operator_id)[0]


def open_cases(
    session: Session,
    cases: Sequence[Case],
    channel: Channel,
    now: datetime,
    *,
    operator_id: int | None = None,
    script_versions: Sequence[str] = (),
) -> list[Attempt]:
    """The same for several cases, each with the version of the script it is spoken with where a machine speaks."""
    made = attempts.open_attempts(
        session, [(case.item, case.phone) for case in cases], now, channel, operator_id, script_versions=script_versions
    )
    gate.attach(session, {case.decision_id: attempt.id for case, attempt in zip(cases, made, strict=True)})
    for _ in made:
        passing("attempt.opened")
    return made


def _phones(
    session: Session, items: Sequence[WorkItem], channel: Channel, policy: ContactPolicy, now: datetime
) -> list[tuple[WorkItem, PhoneNumber | None]]:
    """Each item's number: the one it names (to call back; the gate judges it), else the one that comes first."""
    named = _named_phones(session, items)
    others = [item for item in items if item.id not in named]
    choices = zip(others, choices_for(session, others, now), strict=True) if others else ()
    picked = pick_phones(
        session,
        {item.debtor_id: choice for item, choice in choices},
        channel,
        now - TRIES_SINCE,
        allows_workplace=policy.allows_workplace,
    )
    return [(item, named.get(item.id) or picked.get(item.debtor_id)) for item in items]


def _named_phones(session: Session, items: Sequence[WorkItem]) -> dict[int, PhoneNumber]:
    """The numbers that items name, by the item's id."""
    wanted = {item.id: item.phone_id for item in items if item.phone_id is not None}
    if not wanted:
        return {}
    found = session.scalars(select(PhoneNumber).where(PhoneNumber.id.in_(wanted.values()), PhoneNumber.e164.is_not(None)))
    phones = {phone.id: phone for phone in found}
    return {item_id: phones[phone_id] for item_id, phone_id in wanted.items() if phone_id in phones}
