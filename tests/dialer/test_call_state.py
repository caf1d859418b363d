"""The call's state machine against every order, repetition and loss hypothesis can think of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.attempts.codes import LineResult
from dialer.calls.state import TRANSITIONS, CallState, CallView, advance
from dialer.telephony.events import CarrierEvent, EventKind

START = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
MIDDLE = (EventKind.PLACED, EventKind.RINGING, EventKind.ANSWERED, EventKind.MACHINE, EventKind.BRIDGED, EventKind.PROMPT_DONE)


def event(kind: EventKind, second: int, result: LineResult | None = None, digit: str | None = None) -> CarrierEvent:
    key = f"{kind}:{second}" if digit else str(kind)
    return CarrierEvent(kind, "o1-c-1", START + timedelta(seconds=second), key, line_result=result, digit=digit)


@st.composite
def tales(draw: st.DrawFn) -> list[CarrierEvent]:
    """What may happen to one call, in the order in which it happened; the end is always among it."""
    kinds = draw(st.lists(st.sampled_from(MIDDLE), unique=True))
    tale = [event(kind, second) for second, kind in enumerate(kinds)]
    digits = draw(st.lists(st.sampled_from("0123456789*#"), max_size=3))
    tale += [event(EventKind.DIGIT, 20 + second, digit=digit) for second, digit in enumerate(digits)]
    return [*tale, event(EventKind.ENDED, 60, draw(st.none() | st.sampled_from(LineResult)))]


def fold(events: list[CarrierEvent]) -> CallView:
    view = CallView()
    for one in events:
        change = advance(view, one)
        view = change.view if change else view
    return view


@given(tales(), st.data())
def test_any_order_and_any_repetition_tell_the_same_call(tale: list[CarrierEvent], data: st.DataObject) -> None:
    orderly = fold(tale)
    repeated = tale + data.draw(st.lists(st.sampled_from(tale), max_size=6))
    assert fold(data.draw(st.permutations(repeated))) == orderly


@given(tales(), st.data())
def test_a_lost_event_never_leaves_a_call_open_or_forgets_an_answer(tale: list[CarrierEvent], data: st.DataObject) -> None:
    kept = [one for one in tale if one.kind is EventKind.ENDED or data.draw(st.booleans())]
    view = fold(kept)
    assert view.state is CallState.ENDED
    assert view.line_result is not None
    if any(one.kind in (EventKind.ANSWERED, EventKind.BRIDGED, EventKind.DIGIT) for one in kept):
        assert view.line_result in (LineResult.ANSWERED, LineResult.MACHINE)


@given(tales(), st.data())
def test_the_state_only_moves_along_the_table(tale: list[CarrierEvent], data: st.DataObject) -> None:
    view, ends = CallView(), 0
    for one in data.draw(st.permutations(tale + tale)):
        change = advance(view, one)
        if change is None:
            continue
        assert change.state is view.state or change.state in TRANSITIONS[view.state]
        ends += change.is_end
        view = change.view
    assert ends == 1


@pytest.mark.parametrize("kind", [EventKind.LEG_UP, EventKind.LEG_DOWN, EventKind.RESYNC])
def test_what_is_not_about_a_call_changes_none(kind: EventKind) -> None:
    assert advance(CallView(), event(kind, 1)) is None


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(CallState)
