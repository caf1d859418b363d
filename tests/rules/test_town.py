"""The simulated town answers as published rates say, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, LineResult
from dialer.telephony.simulator.town import SCRIPTS, Fate, TownBehaviour, fate_of

TOWN = TownBehaviour()
HOURS = [datetime(2026, 11, 18, hour, 30, tzinfo=UTC) for hour in range(8)]  # 09:30 to 16:30 in Japan


def fates(count: int, seed: int = 1) -> list[Fate]:
    return [fate_of(f"+81901{n:07d}", 1, HOURS[n % 8], TOWN, seed, is_scripted=False) for n in range(count)]


def test_rates_are_the_published_ones() -> None:
    found = fates(20_000)
    contacts = sum(fate.line_result is LineResult.ANSWERED and fate.party in CONTACT_PARTIES for fate in found)
    assert contacts / len(found) == pytest.approx(0.31, abs=0.01)
    answered = [fate for fate in found if fate.line_result is LineResult.ANSWERED]
    assert sum(fate.ring for fate in answered) / len(answered) == pytest.approx(11.0, rel=0.05)
    assert min(fate.ring for fate in answered) >= 2.0
    right = [fate for fate in answered if fate.party == "debtor"]
    assert sum(fate.talk for fate in right) / len(right) == pytest.approx(120.0, rel=0.1)
    promises = sum(fate.outcome in PROMISE_OUTCOMES for fate in right)
    assert promises / len(right) == pytest.approx(0.25, abs=0.02)


def test_every_way_a_call_ends_occurs() -> None:
    ways = Counter(fate.line_result for fate in fates(5_000))
    assert set(ways) == set(LineResult) - {LineResult.FAX, LineResult.ABANDONED}


def test_the_same_seed_tells_the_same_and_another_does_not() -> None:
    assert fates(50) == fates(50)
    assert fates(50) != fates(50, seed=2)


def test_a_dead_number_is_dead_at_every_try() -> None:
    dead = [n for n, fate in enumerate(fates(500)) if fate.line_result is LineResult.UNOBTAINABLE]
    assert dead
    for n in dead:
        again = fate_of(f"+81901{n:07d}", 7, HOURS[0], TOWN, 1, is_scripted=False)
        assert again.line_result is LineResult.UNOBTAINABLE


@pytest.mark.parametrize("suffix", SCRIPTS)
def test_scripted_numbers_do_as_told(suffix: str) -> None:
    assert fate_of(f"+8190123{suffix}", 3, HOURS[0], TOWN, 9) == SCRIPTS[suffix]
