"""The trunk that can make no call is left alone and tried with one; a single number that fails, or a bad minute, holds nobody back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.attempts.codes import LineResult
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.trunk import IN_A_ROW_SECONDS, MOST_FAILURES, PAUSES, PROBE_SECONDS, Trunk, is_of_the_trunk

WHENEVER = datetime(2026, 11, 18, tzinfo=UTC)


def ended(channel: str, line_result: LineResult | None) -> CarrierEvent:
    return CarrierEvent(EventKind.ENDED, channel, WHENEVER, f"{channel}:ended", line_result=line_result)


def failing(at: float = 0.0, count: int = MOST_FAILURES) -> Trunk:
    trunk = Trunk()
    for n in range(count):
        trunk = trunk.heard(ended(f"o1-c-{n}", LineResult.FAILED), at)
    return trunk


def test_failures_in_a_row_hold_calls_back_for_a_pause_and_then_one_tries() -> None:
    assert failing(count=MOST_FAILURES - 1).calls_now(0.0, 8) == 8
    trunk = failing()
    assert (trunk.problem, trunk.calls_now(0.0, 8), trunk.opens_at(0.0)) == ("trunk_failing", 0, PAUSES[0])
    assert trunk.calls_now(PAUSES[0], 8) == 1
    trunk = trunk.handed_over("probe", PAUSES[0])
    assert trunk.calls_now(PAUSES[0] + 1, 8) == 0


def test_the_probe_s_word_decides_and_pauses_grow_to_a_longest() -> None:
    trunk, at, pauses = failing(), 0.0, []
    for n in range(5):
        pauses.append(trunk.opens_at(at) - at)
        at = trunk.opens_at(at)
        trunk = trunk.handed_over(f"probe{n}", at).heard(ended(f"probe{n}", LineResult.FAILED), at)
    assert pauses == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    ringing = CarrierEvent(EventKind.RINGING, "last", WHENEVER, "last:ringing")
    assert trunk.handed_over("last", at + PAUSES[-1]).heard(ringing, at + PAUSES[-1]) == Trunk()


def test_a_probe_of_which_nothing_is_told_does_not_hold_calls_back_for_ever() -> None:
    trunk = failing().handed_over("probe", PAUSES[0])
    assert trunk.opens_at(PAUSES[0]) == PAUSES[0] + PROBE_SECONDS
    assert trunk.calls_now(PAUSES[0] + PROBE_SECONDS, 8) == 1


@pytest.mark.parametrize("line_result", [LineResult.BUSY, LineResult.UNOBTAINABLE, LineResult.REJECTED, LineResult.ANSWERED])
def test_a_call_that_the_network_took_ends_the_row(line_result: LineResult) -> None:
    trunk = failing(count=MOST_FAILURES - 1).heard(ended("other", line_result), 0.0)
    assert trunk == Trunk()


def test_what_says_nothing_of_the_trunk_changes_nothing() -> None:
    almost = failing(count=MOST_FAILURES - 1)
    assert almost.heard(ended("silent", LineResult.NO_ANSWER), 1.0) == almost  # a trunk that is dead rings nobody either
    assert almost.heard(ended("unknown", None), 1.0) == almost
    assert almost.heard(ended("o1-leg-1", LineResult.FAILED), 1.0) == almost  # an operator's phone
    assert almost.heard(ended("o1-c-0", LineResult.FAILED), 1.0) == almost  # told twice
    assert almost.heard(CarrierEvent(EventKind.PLACED, "x", WHENEVER, "x:placed"), 1.0) == almost


def test_calls_of_before_the_pause_do_not_end_it() -> None:
    trunk = failing()
    assert trunk.heard(ended("before", LineResult.BUSY), 1.0) == trunk
    assert trunk.heard(ended("before", LineResult.FAILED), 1.0) == trunk


def test_failures_far_apart_are_no_row() -> None:
    trunk, at = Trunk(), 0.0
    for n in range(3 * MOST_FAILURES):
        trunk, at = trunk.heard(ended(f"c{n}", LineResult.FAILED), at), at + IN_A_ROW_SECONDS + 1
        assert trunk.calls_now(at, 8) == 8


@pytest.mark.parametrize(("code", "is_so"), [(None, True), ("twilio_20003", True), ("twilio_21211", False), ("number_refused", False)])
def test_a_refusal_of_one_number_is_not_the_trunk_s(code: str | None, is_so: bool) -> None:
    assert is_of_the_trunk(CarrierRefused("no", code=code)) is is_so


@given(st.lists(st.tuples(st.sampled_from(["failed", "made", "nothing"]), st.floats(0.1, 30)), max_size=60))
def test_calls_are_never_held_back_longer_than_the_longest_pause_and_a_probe(tale: list[tuple[str, float]]) -> None:
    trunk, at, said = Trunk(), 0.0, {"failed": LineResult.FAILED, "made": LineResult.BUSY, "nothing": None}
    for n, (word, seconds) in enumerate(tale):
        at += seconds
        if trunk.calls_now(at, 8):
            trunk = trunk.handed_over(f"c{n}", at).heard(ended(f"c{n}", said[word]), at)
        assert trunk.opens_at(at) - at <= max(*PAUSES, PROBE_SECONDS)
