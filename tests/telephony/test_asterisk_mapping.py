"""Every row of the tables, and every number that is in none."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
import structlog

from campaigns.attempts.codes import LineResult
from dialer.telephony.asterisk.mapping import BY_CAUSE, classify, sip_status_of
from dialer.telephony.asterisk.tracking import Track, observe, settle
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.sip import BY_SIP_STATUS

NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
R = LineResult
# Written from the office's point of view, not copied from the table: who is to blame, and is there a person behind the number?
SIP = {
    R.BUSY: {486, 600},
    R.UNOBTAINABLE: {404, 410, 484, 485, 604},
    R.REJECTED: {433, 603, 607, 608},
    R.UNREACHABLE: {408, 480},
    R.NO_ANSWER: {487},
    R.FAILED: {400, 401, 402, 403, 405, 406, 407, 415, 416, 420, 423, 481, 482, 483, 488, 500, 501, 502, 503, 504, 505, 513, 580, 606},
}
CAUSES = {
    R.BUSY: {17},
    R.UNOBTAINABLE: {1, 22, 28},
    R.REJECTED: {21},
    R.UNREACHABLE: {18, 19, 20, 27},
    R.NO_ANSWER: {16},
    R.FAILED: {2, 3, 5, 29, 34, 38, 41, 42, 44, 47, 50, 58, 63, 65, 66, 69, 79, 88, 95, 102, 111},
}
# cause, status -> result; the rows seen on a real Asterisk
SEEN = [
    (17, 486, R.BUSY),
    (1, 404, R.UNOBTAINABLE),
    (22, 410, R.UNOBTAINABLE),
    (19, 480, R.UNREACHABLE),
    (28, 484, R.UNOBTAINABLE),
    (38, 500, R.FAILED),
    (34, 503, R.FAILED),
    (21, 603, R.REJECTED),
    (21, 403, R.FAILED),
]


@pytest.mark.parametrize("status", range(100, 700))
def test_every_sip_status(status: int) -> None:
    expected = next((result for result, statuses in SIP.items() if status in statuses), None)
    assert BY_SIP_STATUS.get(status) is expected
    assert classify(None, status) is expected


@pytest.mark.parametrize("cause", range(128))
def test_every_cause(cause: int) -> None:
    expected = next((result for result, causes in CAUSES.items() if cause in causes), None)
    assert BY_CAUSE.get(cause) is expected
    assert classify(cause, None) is expected


@pytest.mark.parametrize(("cause", "status", "result"), SEEN)
def test_rows_seen_on_asterisk(cause: int, status: int, result: LineResult) -> None:
    assert classify(cause, status) is result


def test_unknown_is_none_and_a_line_in_the_log() -> None:
    with structlog.testing.capture_logs() as lines:
        assert classify(127, 699) is None
        assert classify(None, None) is None
    assert [line["event"] for line in lines] == ["asterisk.unknown_cause"] * 2


def test_our_own_timeout_and_ringing_tell_a_480_apart() -> None:
    assert classify(19, 480, has_timed_out=True) is R.NO_ANSWER
    assert classify(19, 480, has_rung=True) is R.NO_ANSWER
    assert classify(19, None, has_rung=True) is R.NO_ANSWER
    assert classify(17, 486, has_rung=True) is R.BUSY


@pytest.mark.parametrize(
    ("text", "status"), [("486", 486), ("SIP 486 Busy Here", 486), (" 404 ", 404), ("", None), ("Q.850;cause=16", None)]
)
def test_sip_status_of_tech_cause(text: str, status: int | None) -> None:
    assert sip_status_of(text) == status


# Each call as Asterisk told it, in some order: name and fields, and what must come of it in any other order.
NEW = ("Newchannel", {"Uniqueid": "c"})
RINGING = ("Newstate", {"ChannelState": "5"})
UP = ("Newstate", {"ChannelState": "6"})
YES = ("OriginateResponse", {"Response": "Success", "Reason": "4"})
NO = ("OriginateResponse", {"Response": "Failure", "Reason": "0"})
LATE = ("OriginateResponse", {"Response": "Failure", "Reason": "3"})


def gone(cause: str, tech: str = "", state: str = "0") -> tuple[str, dict[str, str]]:
    return "Hangup", {"Cause": cause, "TechCause": tech, "ChannelState": state}


CALLS = {
    "answered": ([NEW, RINGING, UP, YES, gone("16", state="6")], R.ANSWERED),
    "busy": ([NEW, NO, gone("17", "486")], R.BUSY),
    "unavailable": ([NEW, NO, gone("19", "480")], R.UNREACHABLE),
    "our own timeout": ([NEW, LATE, gone("19", "480")], R.NO_ANSWER),
    "rang, nobody": ([NEW, RINGING, LATE, gone("19", "480", "5")], R.NO_ANSWER),
    "unknown word": ([NEW, NO, gone("127")], None),
    "no channel at all": ([NO], R.FAILED),
}


def fold(events: list[tuple[str, dict[str, str]]]) -> list[CarrierEvent]:
    track, heard = Track("c"), []
    for name, fields in events:
        track, told = observe(track, name, fields, NOW)
        heard += told
    _, told = settle(track, NOW)
    return [*heard, *told]


@pytest.mark.parametrize("name", CALLS)
def test_any_order_and_any_repetition_end_a_call_once_and_alike(name: str) -> None:
    events, result = CALLS[name]
    for order in itertools.permutations(events):
        for told in (order, [event for event in order for _ in range(2)]):
            heard = fold(list(told))
            ended = [event for event in heard if event.kind is EventKind.ENDED]
            assert [event.line_result for event in ended] == [result]
            assert heard[-1] is ended[0]
            assert len({event.key for event in heard}) == len(heard)


def test_digits_and_prompts_carry_the_dialplans_own_count() -> None:
    track, first = observe(Track("c"), "UserEvent", {"UserEvent": "CallcenterDigit", "Digit": "9", "Sequence": "1"}, NOW)
    _, second = observe(track, "UserEvent", {"UserEvent": "CallcenterDigit", "Digit": "1", "Sequence": "2"}, NOW)
    assert [event.key for event in (*first, *second)] == ["c:digit:1", "c:digit:2"]
    assert observe(track, "UserEvent", {"UserEvent": "CallcenterDigit", "Digit": "x"}, NOW)[1] == ()
    assert observe(track, "UserEvent", {"UserEvent": "SomebodyElses"}, NOW)[1] == ()


def test_withdrawn_call_says_nothing_about_the_line() -> None:
    track = Track("c", is_withdrawn=True)
    track, _ = observe(track, *NO, NOW)
    _, told = observe(track, *gone("21"), NOW)
    assert told[-1].line_result is None


@pytest.mark.parametrize(("told", "kept"), [("16", 16), ("127", 127), ("99999", None), ("-1", None), ("１６", None), ("", None)])
def test_a_cause_that_is_none_is_not_kept(told: str, kept: int | None) -> None:
    track, _ = observe(Track("c"), "Hangup", {"Cause": told, "ChannelState": "0"}, NOW)
    assert track.cause == kept
