"""Several processes ask about the same people at once: between them no cap may be passed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import select

from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.attempts.service import open_attempt
from campaigns.compliance import gate
from campaigns.compliance.models import ComplianceDecision
from campaigns.compliance.policy import ONE_DIAL_PER_HOUSEHOLD, Cap, ContactPolicy, Scope
from campaigns.compliance.presets import municipality
from campaigns.debtors.models import PhoneNumber
from tests.campaigns.town import NOW, Town

WORKERS, ROUNDS = 8, 6


def contact(office_id: int, debtor_id: int, channel: Channel, policy: ContactPolicy) -> bool:
    """What a dialer does: asks and, where it may, puts the attempt on record in the same transaction."""
    with transaction(office_id) as session:
        phone = session.scalars(select(PhoneNumber).where(PhoneNumber.debtor_id == debtor_id)).first()
        decision = gate.check(session, debtor_id, channel, NOW, phone.id if phone else None, policy=policy)
        if decision.is_allowed:
            attempt = open_attempt(session, None, phone, NOW, channel, debtor_id=debtor_id)
            gate.attach(session, {decision.decision_id: attempt.id})
            attempt.state, attempt.handed_over_at = "closed", NOW
        return decision.is_allowed


def all_at_once(office_id: int, debtors: Sequence[int], policy: ContactPolicy) -> None:
    """Everybody tries everybody, in an order of their own, from one starting shot."""
    start = threading.Barrier(WORKERS)

    def work(seed: int) -> None:
        order = list(debtors) * ROUNDS
        Random(seed).shuffle(order)
        start.wait()
        for debtor in order:
            contact(office_id, debtor, Channel.OPERATOR_CALL if seed % 2 else Channel.AUTO_CALL, policy)

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(work, seed) for seed in range(WORKERS)]:
            done.result()


def attempts_of(office_id: int) -> Counter[int]:
    with transaction(office_id) as session:
        return Counter(session.scalars(select(Attempt.debtor_id)))


@pytest.mark.parametrize("most", [1, 3])
def test_a_person_is_not_contacted_more_often_than_the_cap(office_id: int, most: int) -> None:
    policy = replace(municipality(), max_per_day=most, caps=(), gap_minutes=0)
    with transaction(office_id) as session:
        town = Town(session)
        debtors = [town.debtor().id for _ in range(6)]
    all_at_once(office_id, debtors, policy)
    assert attempts_of(office_id) == Counter(dict.fromkeys(debtors, most))
    with transaction(office_id) as session:
        allowed = session.scalars(select(ComplianceDecision.attempt_id).where(ComplianceDecision.is_allowed)).all()
    assert sorted(filter(None, allowed)) == sorted(set(allowed))
    assert len(allowed) == most * len(debtors)


def test_a_household_and_a_shared_number_count_together(office_id: int) -> None:
    policy = replace(municipality(), max_per_day=9, max_per_week=9, caps=(ONE_DIAL_PER_HOUSEHOLD, Cap(Scope.NUMBER, 1)), gap_minutes=0)
    with transaction(office_id) as session:
        town = Town(session)
        family = [town.debtor(household_no="12").id for _ in range(3)]
        flat = [town.debtor(mobile=False, landline=True).id for _ in range(3)]
    all_at_once(office_id, [*family, *flat], policy)
    made = attempts_of(office_id)
    assert sum(made[debtor] for debtor in family) == 1
    assert sum(made[debtor] for debtor in flat) == 1
