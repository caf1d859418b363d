"""The trunk that can make no call is left alone and tried with one; a single number that fails, or a bad minute, holds nobody back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.attempts.codes import LineResult
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.trunk import (
    BRIEF_SECONDS,
    IN_A_ROW_SECONDS,
    MOST_BRIEF,
    MOST_FAILURES,
    MOST_UNHEARD,
    PAUSES,
    PROBE_SECONDS,
    TRUNK_FAILING,
    TRUNK_SILENT,
    WORD_SECONDS,
    Trunk,
    is_of_the_trunk,
)

WHENEVER = datetime(2026, 11, 18, tzinfo=UTC)


def ended(channel: str, line_result: LineResult | None) -> CarrierEvent:
    return CarrierEvent(EventKind.ENDED, channel, WHENEVER, f"{channel}:ended", line_result=line_result)


def failing(at: float = 0.0, count: int = MOST_FAILURES) -> Trunk:
    trunk = Trunk()
    for n in range(count):
        trunk = trunk.heard(ended(f"o1-c-{n}", LineResult.FAILED), at)
    return trunk


def told(kind: EventKind, channel: str) -> CarrierEvent:
    return CarrierEvent(kind, channel, WHENEVER, f"{channel}:{kind}")


def unheard(at: float = 0.0, count: int = MOST_UNHEARD, trunk: Trunk | None = None) -> Trunk:
    """So many calls handed over, of which nothing is told but that we placed them."""
    trunk = trunk or Trunk()
    for n in range(count):
        trunk = trunk.handed_over(f"o1-c-{n}", at).heard(told(EventKind.PLACED, f"o1-c-{n}"), at)
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


def test_a_trunk_that_says_nothing_is_left_alone_and_tried_with_one() -> None:
    assert unheard(count=MOST_UNHEARD - 1).waited(99.0).problem == ""
    assert unheard().waited(WORD_SECONDS - 0.1).calls_now(WORD_SECONDS - 0.1, 8) == 8
    trunk = unheard().waited(WORD_SECONDS)
    assert (trunk.problem, trunk.calls_now(WORD_SECONDS, 8)) == (TRUNK_SILENT, 0)
    opens = trunk.opens_at(WORD_SECONDS)
    trunk = trunk.handed_over("probe", opens)
    assert trunk.calls_now(opens + PROBE_SECONDS - 0.1, 8) == 0
    assert trunk.waited(opens + PROBE_SECONDS).calls_now(opens + PROBE_SECONDS, 8) == 1
    for kind in (EventKind.RINGING, EventKind.PROGRESS, EventKind.ANSWERED):
        assert trunk.heard(told(kind, "probe"), opens + 1) == Trunk()
        assert trunk.heard(told(kind, "o1-c-0"), opens + 1) == Trunk()  # an INVITE sent again got through
    assert trunk.heard(ended("probe", LineResult.FAILED), opens + 1).problem == TRUNK_FAILING  # now it refuses


def test_people_who_do_not_pick_up_are_no_silence() -> None:
    """An hour in which every telephone rings out, one call after the other and eight at a time."""
    for lines in (1, 8):
        trunk = Trunk()
        for at in range(0, 3600, 30):
            channels = [f"c{at}-{n}" for n in range(lines)]
            for channel in channels:
                trunk = trunk.handed_over(channel, at)
            for channel in channels:
                trunk = trunk.waited(at + 6.0).heard(told(EventKind.RINGING, channel), at + 6.0)
            for channel in channels:
                trunk = trunk.waited(at + 29.9).heard(ended(channel, LineResult.NO_ANSWER), at + 29.9)
            assert trunk.waited(at + 29.9) == Trunk()


def test_one_call_that_rings_shows_that_the_trunk_works_whatever_became_of_the_others() -> None:
    trunk = unheard().heard(told(EventKind.RINGING, "another"), WORD_SECONDS - 1)
    assert trunk.waited(60.0).problem == ""


def test_calls_that_were_let_go_before_a_word_was_due_do_not_count() -> None:
    trunk = unheard()
    for n in range(MOST_UNHEARD):
        trunk = trunk.heard(ended(f"o1-c-{n}", None), BRIEF_SECONDS - 0.1)
    assert trunk.waited(60.0) == Trunk()
    late = unheard().heard(ended("o1-c-0", LineResult.NO_ANSWER), WORD_SECONDS + 1)  # rung out, as far as we know
    assert late.waited(WORD_SECONDS + 1).problem == TRUNK_SILENT


def rung_briefly(count: int, ring_seconds: float = 9.0, trunk: Trunk | None = None) -> tuple[Trunk, float]:
    """So many calls of a campaign that lets telephones ring so long, one after the other: nobody picks up, and nothing is told of any."""
    trunk, at = trunk or Trunk(), 0.0
    for n in range(count):
        trunk = trunk.waited(at).handed_over(f"o1-c-{n}", at).heard(told(EventKind.PLACED, f"o1-c-{n}"), at)
        at += ring_seconds
        trunk = trunk.waited(at).heard(ended(f"o1-c-{n}", LineResult.NO_ANSWER), at)
    return trunk.waited(at), at


def test_a_silent_trunk_is_noticed_where_telephones_ring_for_less_than_a_word_may_take() -> None:
    assert rung_briefly(MOST_BRIEF - 1)[0].problem == ""
    trunk, at = rung_briefly(MOST_BRIEF)
    assert (trunk.problem, trunk.calls_now(at, 8)) == (TRUNK_SILENT, 0)
    assert trunk.heard(told(EventKind.RINGING, "late"), at + 1) == Trunk()
    assert rung_briefly(60, BRIEF_SECONDS - 0.1)[0] == Trunk(), "so soon many calls do not ring yet"


def test_one_telephone_that_rings_between_brief_calls_ends_the_row() -> None:
    trunk, at = rung_briefly(MOST_BRIEF - 1)
    trunk = trunk.heard(told(EventKind.RINGING, "other"), at)
    assert trunk == Trunk()
    assert rung_briefly(MOST_BRIEF - 1, trunk=trunk)[0].problem == ""
    mute = Trunk().handed_over("first", 0.0).heard(told(EventKind.ANSWERED, "first"), 5.0)
    assert rung_briefly(60, trunk=mute)[0].problem == ""


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.5, 7.5)), min_size=1, max_size=60), st.floats(8.0, 12.0))
def test_nobody_who_does_not_pick_up_a_brief_ring_holds_a_trunk(calls: list[tuple[float, float]], ring_seconds: float) -> None:
    begins, moments = 0.0, []
    for n, (gap, rings_after) in enumerate(calls):
        begins += gap
        moments += [(begins, n, None), (begins + rings_after, n, told(EventKind.RINGING, f"c{n}"))]
        moments.append((begins + ring_seconds, n, ended(f"c{n}", LineResult.NO_ANSWER)))
    trunk = Trunk()
    for at, n, event in sorted(moments, key=lambda moment: moment[:2]):
        trunk = trunk.waited(at)
        assert trunk.problem == ""
        trunk = trunk.handed_over(f"c{n}", at) if event is None else trunk.heard(event, at)


def test_talks_that_end_meanwhile_do_not_hide_that_a_trunk_says_nothing() -> None:
    """Operators talk with those who were reached before; one after the other is done, while every new call is swallowed."""
    trunk = Trunk()
    for talk in (f"talk{n}" for n in range(8)):
        trunk = trunk.handed_over(talk, 0.0).heard(told(EventKind.RINGING, talk), 1.0).heard(told(EventKind.ANSWERED, talk), 5.0)
    trunk = unheard(10.0, trunk=trunk)
    for n in range(4):
        trunk = trunk.waited(12.0 + 2 * n).heard(told(EventKind.BRIDGED, f"talk{n}"), 12.0 + 2 * n)  # back from hold
        trunk = trunk.heard(ended(f"talk{n}", LineResult.ANSWERED), 13.0 + 2 * n)
    trunk = trunk.waited(10.0 + WORD_SECONDS)
    assert trunk.problem == TRUNK_SILENT
    assert trunk.heard(ended("talk4", LineResult.ANSWERED), 23.0).problem == TRUNK_SILENT
    assert trunk.heard(told(EventKind.RINGING, "o1-c-0"), 23.0).standing == {f"talk{n}" for n in range(4, 8)}


def test_talks_that_end_meanwhile_do_not_interrupt_failures_in_a_row() -> None:
    trunk = Trunk().heard(told(EventKind.ANSWERED, "last"), 0.0)
    for n in range(MOST_FAILURES):
        trunk = trunk.heard(told(EventKind.ANSWERED, f"talk{n}"), 0.0)
    for n in range(MOST_FAILURES):
        trunk = trunk.heard(ended(f"o1-c-{n}", LineResult.FAILED), 1.0).heard(ended(f"talk{n}", LineResult.ANSWERED), 1.0)
    assert (trunk.problem, trunk.standing) == (TRUNK_FAILING, {"last"})
    gone = trunk.heard(CarrierEvent(EventKind.RESYNC, "", WHENEVER, "resync", live=frozenset()), 2.0)
    assert gone.standing == frozenset()


def test_who_calls_in_says_nothing_of_calls_that_go_out() -> None:
    trunk = unheard(trunk=Trunk()).heard(told(EventKind.INCOMING, "in"), 1.0)
    for event in (told(EventKind.ANSWERED, "in"), told(EventKind.BRIDGED, "in"), ended("in", LineResult.ANSWERED)):
        trunk = trunk.heard(event, 2.0)
    assert (trunk.waited(WORD_SECONDS).problem, trunk.is_mute) == (TRUNK_SILENT, None)


def test_what_was_told_while_nobody_was_connected_is_not_missed() -> None:
    assert unheard().heard(told(EventKind.RESYNC, ""), 30.0).waited(60.0) == Trunk()


def test_a_trunk_that_never_tells_of_ringing_is_not_judged_by_its_silence() -> None:
    mute = Trunk().handed_over("first", 0.0).heard(told(EventKind.ANSWERED, "first"), 9.0)
    assert unheard(10.0, 40, mute).waited(99.0).problem == ""
    rings_after_all = mute.heard(told(EventKind.RINGING, "second"), 9.0)
    assert unheard(10.0, MOST_UNHEARD, rings_after_all).waited(99.0).problem == TRUNK_SILENT
    at_once = Trunk().heard(told(EventKind.RINGING, "first"), 1.0).heard(told(EventKind.ANSWERED, "machine"), 9.0)
    assert unheard(10.0, MOST_UNHEARD, at_once).waited(99.0).problem == TRUNK_SILENT


@given(
    st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.5, WORD_SECONDS - 0.5), st.booleans()), min_size=1, max_size=60),
    st.booleans(),
)
def test_no_trunk_on_which_telephones_ring_is_ever_held(calls: list[tuple[float, float, bool]], tells_by_progress: bool) -> None:
    """Each call rings within what the network may take, and nobody answers but some."""
    begins, moments = 0.0, []
    for n, (gap, rings_after, is_answered) in enumerate(calls):
        begins += gap
        kind = EventKind.PROGRESS if tells_by_progress else EventKind.RINGING
        moments += [(begins, n, None), (begins + rings_after, n, told(kind, f"c{n}"))]
        end = ended(f"c{n}", LineResult.NO_ANSWER) if not is_answered else told(EventKind.ANSWERED, f"c{n}")
        moments.append((begins + 30.0, n, end))
    trunk = Trunk()
    for at, n, event in sorted(moments, key=lambda moment: moment[:2]):
        trunk = trunk.waited(at)
        assert trunk.problem == ""
        trunk = trunk.handed_over(f"c{n}", at) if event is None else trunk.heard(event, at)


@given(st.lists(st.tuples(st.sampled_from(["failed", "made", "nothing"]), st.floats(0.1, 30)), max_size=60))
def test_calls_are_never_held_back_longer_than_the_longest_pause_and_a_probe(tale: list[tuple[str, float]]) -> None:
    trunk, at, said = Trunk(), 0.0, {"failed": LineResult.FAILED, "made": LineResult.BUSY, "nothing": None}
    for n, (word, seconds) in enumerate(tale):
        at += seconds
        if trunk.calls_now(at, 8):
            trunk = trunk.handed_over(f"c{n}", at).heard(ended(f"c{n}", said[word]), at)
        assert trunk.opens_at(at) - at <= max(*PAUSES, PROBE_SECONDS)
