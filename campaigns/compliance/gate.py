"""Asks whether debtors may be contacted, and puts every decision on record.

`check` and `check_contacts` are asked just before contact: they lock, decide, and record what they said, allowed or not. `check_set` only
decides, for planning; `sets` records what it says of a whole set.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.compliance.caps import When
from campaigns.compliance.facts import AS_USUAL, FEW, Known, load_facts
from campaigns.compliance.known import Allowed, Decision, Denied
from campaigns.compliance.locks import lock_for_contact
from campaigns.compliance.policy import DIALS, ContactPolicy
from campaigns.compliance.reasons import DenialReason
from campaigns.compliance.record import Asked, attach, is_still_valid, record_contacts, valid_until
from campaigns.compliance.rules import check as decide
from campaigns.compliance.rules import objections
from campaigns.compliance.rules import valid_until as end_of_permission
from campaigns.compliance.versions import load_policy

__all__ = [
    "Ask",
    "DenialReason",
    "allowed_ids",
    "ask_again",
    "attach",
    "check",
    "check_contacts",
    "check_set",
    "count_reasons",
    "is_still_valid",
    "load_policy",
    "valid_until",
]

SET_SIZE = 5_000
_NOT_KNOWN = Denied(DenialReason.UNKNOWN_FACTS)
"""A debtor about whom nothing could be read is not contacted."""
ASK_AGAIN_AFTER, LINE_IS_FREE_AFTER = timedelta(seconds=5), timedelta(minutes=1)
OF_ITS_OWN = frozenset(
    {
        DenialReason.DAY_CAP,
        DenialReason.WEEK_CAP,
        DenialReason.WINDOW_CAP,
        DenialReason.HOUSEHOLD_CAP,
        DenialReason.NUMBER_CAP,
        DenialReason.NUMBER_GAP,
    }
)
"""What a contact that is on record already holds against itself."""
CHANNELS = (Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question just before contact; `phone_id` None asks whether any number would do."""

    debtor_id: int
    phone_id: int | None = None
    campaign_id: int | None = None
    work_item_id: int | None = None
    message_id: int | None = None


def check(
    session: Session,
    debtor_id: int,
    channel: Channel,
    now: datetime,
    phone_id: int | None = None,
    *,
    campaign_id: int | None = None,
    work_item_id: int | None = None,
    policy: ContactPolicy | None = None,
    mode: str = "",
) -> Decision:
    """Decides for one debtor just before contact; the decision is written down in this transaction.

    An allowed contact must be put on record as an attempt in the same transaction: until it ends, nobody else may ask about this person.

    Args:
        phone_id: the one number that would be called; None asks whether any number is usable.
        policy: the rules if the caller has them already.
        mode: how an operator's call would be dialled: preview, progressive, predictive.
    """
    return check_contacts(session, [Ask(debtor_id, phone_id, campaign_id, work_item_id)], channel, now, policy=policy, mode=mode)[0]


def check_contacts(
    session: Session, asks: Sequence[Ask], channel: Channel, now: datetime, *, policy: ContactPolicy | None = None, mode: str = ""
) -> list[Decision]:
    """The same for several contacts that are about to be made together; of two to one person, household or number only the first may be.

    Nobody is called who is on the line, also where they have another number and caps leave room.
    """
    policy = policy or load_policy(session)
    debtors: dict[int, int | None] = {}
    for ask in asks:
        debtors.setdefault(ask.debtor_id, ask.phone_id)
    locks = lock_for_contact(session, debtors, policy)
    facts = load_facts(session, debtors, channel, policy, now, mode, is_contact=True)
    if len(debtors) > FEW:
        session.execute(AS_USUAL)
    when, used, decided = When(policy, now), set[str](), list[Asked]()
    for ask in asks:
        lock = locks[ask.debtor_id]
        if not lock.is_mine or lock.keys & used:
            decision: Decision = Denied(DenialReason.DECIDED_ELSEWHERE, now + ASK_AGAIN_AFTER)
        else:
            known = facts.get(ask.debtor_id)
            decision = _NOT_KNOWN if known is None else decide(known, policy, now, when)
        if isinstance(decision, Allowed) and channel in DIALS and facts.is_on_line(ask.debtor_id):
            decision = Denied(DenialReason.DECIDED_ELSEWHERE, now + LINE_IS_FREE_AFTER)
        if isinstance(decision, Allowed):
            used |= lock.keys
            decision = replace(decision, valid_until=end_of_permission(policy, channel, now))
        decided.append(Asked(ask.debtor_id, ask.phone_id, ask.campaign_id, ask.work_item_id, ask.message_id, decision))
    return record_contacts(session, decided, facts, channel, mode, policy, now)


def ask_again(session: Session, ask: Ask, channel: Channel, now: datetime, mode: str = "") -> Denied | None:
    """What has come up against a contact since it was allowed and put on record, while it waited to be made; the refusal is put on record.

    Caps and gaps are not asked: they count this very contact already.
    """
    policy = load_policy(session)
    facts = load_facts(session, {ask.debtor_id: ask.phone_id}, channel, policy, now, mode, is_contact=True)
    known = facts.get(ask.debtor_id)
    reasons = [DenialReason.UNKNOWN_FACTS] if known is None else objections(known, policy, now)
    lasting = [reason for reason in reasons if reason not in OF_ITS_OWN]
    if not lasting:
        return None
    denied = Denied(lasting[0])
    record_contacts(
        session, [Asked(ask.debtor_id, ask.phone_id, ask.campaign_id, ask.work_item_id, None, denied)], facts, channel, mode, policy, now
    )
    return denied


def check_set(
    session: Session,
    debtors: Mapping[int, int | None],
    channel: Channel,
    now: datetime,
    policy: ContactPolicy | None = None,
) -> dict[int, Decision]:
    """Decides for many debtors (id → the one number meant, or None) at `now`; writes nothing."""
    policy = policy or load_policy(session)
    when = When(policy, now)
    decisions: dict[int, Decision] = {}
    for part in in_parts(debtors):
        decisions |= decide_part(session, part, channel, when)[1]
    return decisions


def in_parts(debtors: Mapping[int, int | None]) -> Iterator[dict[int, int | None]]:
    """A large set some thousands at a time."""
    ids = list(debtors)
    for start in range(0, len(ids), SET_SIZE):
        yield {debtor: debtors[debtor] for debtor in ids[start : start + SET_SIZE]}


def decide_part(session: Session, debtors: Mapping[int, int | None], channel: Channel, when: When) -> tuple[Known, dict[int, Decision]]:
    """The facts of some debtors and what follows from them, at one moment."""
    with _uncollected(len(debtors)):
        known = load_facts(session, debtors, channel, when.policy, when.now)
        return known, {debtor: _decide_kind(known, debtor, when) if debtor in known else _NOT_KNOWN for debtor in debtors}


@contextmanager
def _uncollected(size: int) -> Iterator[None]:
    """Nothing here refers to itself: the search for cycles, which thousands of new rows set off, would be half of the work for nothing."""
    pauses = size > FEW and gc.isenabled()
    if pauses:
        gc.disable()
    try:
        yield
    finally:
        if pauses:
            gc.enable()


def _decide_kind(known: Known, debtor: int, when: When) -> Decision:
    """Decides once for everybody of the same kind."""
    kind = known.kind_of(debtor)
    if kind is None:
        return decide(known[debtor], when.policy, when.now, when)
    decision = when.kinds.get(kind)
    if decision is None:
        decision = when.kinds[kind] = decide(known[debtor], when.policy, when.now, when)
    return decision


def count_reasons(decisions: Iterable[Decision]) -> dict[str, int]:
    """How often each reason refused, most frequent first."""
    counts: dict[str, int] = {}
    for decision in decisions:
        if isinstance(decision, Denied):
            counts[decision.reason.value] = counts.get(decision.reason.value, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def allowed_ids(decisions: Mapping[int, Decision]) -> Sequence[int]:
    """The debtors that may be contacted."""
    return [debtor for debtor, decision in decisions.items() if isinstance(decision, Allowed)]
