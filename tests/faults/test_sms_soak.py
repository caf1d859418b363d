"""Messages through a provider that misbehaves, while workers, Redis, PostgreSQL, the schedule, the web process and the provider are killed.

Twenty offices, each with faults drawn from a seed of its own; `make soak` sends 20,000 messages. The judge is
`tests/faults/soak/checker.py`, and planted mistakes show that it sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conftest import missing
from tests.faults.soak.bugs import BUGS
from tests.faults.soak.run import FAULTS, LEAST_KILLS, Result, run
from tests.servers import MissingServer

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.redis]

OFTEN: Mapping[str, Any] = {
    **FAULTS,
    "limited": 0.12,
    "broken": 0.12,
    "broken_after": 0.12,
    "lost_after": 0.3,
    "undeliverable": 0.3,
    "replies": 0.5,
    "dropped": 0.3,
    "seconds": 1.0,
}


def soaked(seed: str, **more: Any) -> Result:
    try:
        return run(seed, **more)
    except MissingServer as problem:
        missing(str(problem))
        raise


def test_every_message_is_sent_once_and_accounted_for() -> None:
    result = soaked("twenty", offices=20, messages=30, killing=10.0)
    assert {office: lines[:20] for office, lines in result.wrong.items() if lines} == {}
    assert sum(result.states.values()) == 600
    assert result.states["withdrawn"] >= 20
    assert len(result.kills) >= LEAST_KILLS


@pytest.mark.soak
def test_planted_mistakes_are_seen_and_only_they() -> None:
    result = soaked("planted", offices=len(BUGS) + 1, messages=30, killing=3.0, faults=OFTEN, bugs=tuple(BUGS))
    seen = {bug: result.wrong[office] for office, bug in result.planted.items()}
    unseen = {bug: seen[bug][:5] for bug, (_, told) in BUGS.items() if not any(line.startswith(told) for line in seen[bug])}
    assert unseen == {}
    assert result.wrong[result.offices[-1]] == []
