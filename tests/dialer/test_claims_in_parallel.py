"""Fifty workers want the same debtor at once: one gets them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.cases import next_case, open_case
from tests.dialer.world import MORNING, Hall

WORKERS = 25
NOW = MORNING + timedelta(minutes=30)


def test_one_debtor_is_claimed_once(office_id: int) -> None:
    hall = Hall(office_id, ["0001"], operators=0)
    gate = Barrier(WORKERS)

    def take(worker: int) -> int:
        won = 0
        for attempt in range(2):
            with transaction(office_id) as session:
                if attempt == 0:
                    gate.wait(60)
                case = next_case(session, hall.campaign_id, Channel.OPERATOR_CALL, f"worker{worker}", NOW)
                if case is not None:
                    open_case(session, case, Channel.OPERATOR_CALL, NOW)
                    won += 1
        return won

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sum(pool.map(take, range(WORKERS))) == 1
    assert len(hall.attempts()) == 1
    (item,) = hall.items()
    assert isinstance(item, WorkItem)
    assert (item.state, item.tries) == ("claimed", 1)


def test_one_operator_is_reserved_once(office_id: int) -> None:
    hall = Hall(office_id, [], operators=1)
    hall.dialer.start()
    hall.staff()
    hall.pass_time(1)
    agent_id = hall.agent().id
    gate = Barrier(WORKERS)

    def reserve(_: int) -> bool:
        with transaction(office_id) as session:
            gate.wait(60)
            return agents.reserve(session, agent_id, NOW) is not None

    with ThreadPoolExecutor(WORKERS) as pool:
        assert sum(pool.map(reserve, range(WORKERS))) == 1
