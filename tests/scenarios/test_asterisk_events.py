"""Asterisk's own events, as recorded from a real Asterisk 22 and SIPp: in whatever order and however often they come, a call ends once.

An incident's events can be pasted in as they are: the event's name, then the fields that matter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from campaigns.attempts.codes import LineResult
from dialer.calls.state import CallState, CallView, advance
from dialer.telephony.asterisk.tracking import Track, observe, settle
from dialer.telephony.events import CarrierEvent, EventKind

AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
K = EventKind
REFUSED = "Newchannel ChannelState=0\nHangupRequest ChannelState=0\nOriginateResponse Response=Failure Reason=0\nHangup ChannelState=0 "

# name -> (what Asterisk told, what we tell of it, how the line ended)
RECORDED: dict[str, tuple[str, list[EventKind], LineResult]] = {
    "answered, no operator in time": (
        """Newchannel ChannelState=0
        Newstate ChannelState=6
        OriginateResponse Response=Success Reason=4
        UserEvent UserEvent=CallcenterAbandoned ChannelState=6
        Hangup ChannelState=6 Cause=16""",
        [K.PLACED, K.ANSWERED, K.ABANDONED, K.ENDED],
        LineResult.ABANDONED,
    ),
    "answered after ringing, joined with an operator": (
        """Newchannel ChannelState=0
        Newstate ChannelState=5
        Newstate ChannelState=6
        OriginateResponse Response=Success Reason=4
        ConfbridgeJoin ChannelState=6
        Hangup ChannelState=6 Cause=16""",
        [K.PLACED, K.RINGING, K.ANSWERED, K.BRIDGED, K.ENDED],
        LineResult.ANSWERED,
    ),
    "the response before the state": (
        """Newchannel ChannelState=0
        Newstate ChannelState=5
        OriginateResponse Response=Success Reason=4
        Newstate ChannelState=6
        UserEvent UserEvent=CallcenterAbandoned ChannelState=6
        Hangup ChannelState=6 Cause=16""",
        [K.PLACED, K.RINGING, K.ANSWERED, K.ABANDONED, K.ENDED],
        LineResult.ABANDONED,
    ),
    "the debtor hangs up at once": (
        """Newchannel ChannelState=0
        Newstate ChannelState=6
        OriginateResponse Response=Success Reason=4
        HangupRequest ChannelState=6
        Hangup ChannelState=6 Cause=0""",
        [K.PLACED, K.ANSWERED, K.ENDED],
        LineResult.ANSWERED,
    ),
    "busy, the response last": (
        """Newchannel ChannelState=0
        HangupRequest ChannelState=0 Cause=17 TechCause=486
        Hangup ChannelState=0 Cause=17 TechCause=486
        OriginateResponse Response=Failure Reason=0""",
        [K.PLACED, K.ENDED],
        LineResult.BUSY,
    ),
    "our own ring time was over": (
        """Newchannel ChannelState=0
        Newstate ChannelState=5
        OriginateResponse Response=Failure Reason=3
        Hangup ChannelState=5 Cause=19 TechCause=480""",
        [K.PLACED, K.RINGING, K.ENDED],
        LineResult.NO_ANSWER,
    ),
    "rang, then unavailable": (
        """Newchannel ChannelState=0
        Newstate ChannelState=5
        HangupRequest ChannelState=5 Cause=19 TechCause=480
        OriginateResponse Response=Failure Reason=0
        Hangup ChannelState=5 Cause=19 TechCause=480""",
        [K.PLACED, K.RINGING, K.ENDED],
        LineResult.NO_ANSWER,
    ),
    "unknown number": (REFUSED + "Cause=1 TechCause=404", [K.PLACED, K.ENDED], LineResult.UNOBTAINABLE),
    "gone": (REFUSED + "Cause=22 TechCause=410", [K.PLACED, K.ENDED], LineResult.UNOBTAINABLE),
    "unavailable": (REFUSED + "Cause=19 TechCause=480", [K.PLACED, K.ENDED], LineResult.UNREACHABLE),
    "server error": (REFUSED + "Cause=38 TechCause=500", [K.PLACED, K.ENDED], LineResult.FAILED),
    "no circuit": (REFUSED + "Cause=34 TechCause=503", [K.PLACED, K.ENDED], LineResult.FAILED),
    "declined": (REFUSED + "Cause=21 TechCause=603", [K.PLACED, K.ENDED], LineResult.REJECTED),
}
Row = tuple[str, dict[str, str]]


def rows_of(table: str) -> list[Row]:
    rows = []
    for line in table.splitlines():
        name, *fields = line.split()
        rows.append((name, dict(field.split("=", 1) for field in fields)))
    return rows


def told_by(rows: list[Row]) -> list[CarrierEvent]:
    """What our carrier tells of these events; whatever is left open is settled after the grace."""
    track, told = Track("o1-c-1"), list[CarrierEvent]()
    for name, fields in rows:
        track, events = observe(track, name, fields, AT)
        told += events
    _, events = settle(track, AT)
    return [*told, *events]


def result_of(told: list[CarrierEvent]) -> LineResult | None:
    """What the call's own state machine makes of it."""
    view = CallView()
    for event in told:
        change = advance(view, event)
        view = change.view if change else view
    assert view.state is CallState.ENDED
    return view.line_result


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_events_tell_the_call(name: str) -> None:
    table, kinds, result = RECORDED[name]
    told = told_by(rows_of(table))
    assert [event.kind for event in told] == kinds
    assert result_of(told) is result


@pytest.mark.parametrize("name", RECORDED)
def test_in_any_order_and_doubled_the_call_ends_once_and_alike(name: str) -> None:
    table, _, result = RECORDED[name]
    rows = rows_of(table)
    for order in permutations(rows):
        for doubled in (list(order), [row for row in order for _ in range(2)]):
            told = told_by(doubled)
            assert [event.kind for event in told].count(K.ENDED) == 1
            ended = result_of(told)  # a doubled event has the key of the first, and says nothing new
            # Words about an operator that come after the end say nothing any more: then the answer alone is known.
            assert ended is result or (result is LineResult.ABANDONED and ended is LineResult.ANSWERED)


def test_an_unknown_cause_is_a_failure_of_the_line_and_told_as_unknown() -> None:
    (*_, ended) = told_by(rows_of(REFUSED + "Cause=77 TechCause=699"))
    assert (ended.kind, ended.line_result, ended.cause) == (K.ENDED, None, 77)
