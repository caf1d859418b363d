"""What carriers told, pasted as tables: an incident's events can be pasted in as they are, one per line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.attempts.codes import LineResult
from dialer.calls.state import CallState, CallView, advance
from dialer.telephony.events import CarrierEvent, EventKind

START = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)


def told(table: str) -> list[CarrierEvent]:
    """Rows of `second kind [result or digit]`, in the order of arrival; the second is when it happened."""
    events = []
    for row in table.strip().splitlines():
        second, kind, *word = row.split()
        at = START + timedelta(seconds=float(second))
        is_digit = kind == "digit"
        events.append(
            CarrierEvent(
                EventKind(kind),
                "o1-c-1",
                at,
                key=f"{kind}:{second}" if is_digit else kind,
                line_result=LineResult(word[0]) if word and not is_digit else None,
                digit=word[0] if word and is_digit else None,
            )
        )
    return events


def fold(events: list[CarrierEvent]) -> CallView:
    view = CallView()
    for event in events:
        change = advance(view, event)
        view = change.view if change else view
    return view


SCENARIOS = {
    "answered, talked, hung up": ("0 placed\n1 ringing\n9 answered\n9.1 bridged\n99 ended answered", LineResult.ANSWERED, 9, ""),
    "the answer is told after the end": ("0 placed\n99 ended answered\n9 answered", LineResult.ANSWERED, 9, ""),
    "only the end says that there was an answer": ("0 placed\n99 ended answered", LineResult.ANSWERED, 99, ""),
    "the answer contradicts a late end": ("0 placed\n99 ended no_answer\n9 answered", LineResult.ANSWERED, 9, ""),
    "busy": ("0 placed\n2 ended busy", LineResult.BUSY, None, ""),
    "end before the request was confirmed": ("2 ended unobtainable\n0 placed", LineResult.UNOBTAINABLE, None, ""),
    "rung out": ("0 placed\n1 ringing\n31 ended no_answer", LineResult.NO_ANSWER, None, ""),
    "the carrier's word is unknown": ("0 placed\n3 ended", LineResult.FAILED, None, ""),
    "machine": ("0 placed\n1 ringing\n9 answered\n11 machine\n12 ended answered", LineResult.MACHINE, 9, ""),
    "machine told after the end": ("0 placed\n9 answered\n12 ended answered\n11 machine", LineResult.MACHINE, 9, ""),
    "robocall with keys": ("0 placed\n4 answered\n20 digit 9\n40 digit 1\n41 ended answered", LineResult.ANSWERED, 4, "91"),
    "keys in the wrong order, one twice": (
        "0 placed\n4 answered\n40 digit 1\n20 digit 9\n40 digit 1\n41 ended answered",
        LineResult.ANSWERED,
        4,
        "91",
    ),
    "a key told after the end": ("0 placed\n4 answered\n41 ended answered\n40 digit 2", LineResult.ANSWERED, 4, "2"),
    "answered, and nobody was there": ("0 placed\n1 ringing\n9 answered\n11 abandoned\n17 ended answered", LineResult.ABANDONED, 9, ""),
    "an operator in the last moment": ("0 placed\n9 answered\n10.9 bridged\n11 abandoned\n60 ended answered", LineResult.ANSWERED, 9, ""),
    "nothing but the end, twice": ("3 ended rejected\n3 ended rejected", LineResult.REJECTED, None, ""),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    table, line_result, answered, keys = SCENARIOS[name]
    view = fold(told(table))
    assert view.state is CallState.ENDED
    assert view.line_result is line_result
    assert view.answered_at == (None if answered is None else START + timedelta(seconds=answered))
    assert view.digits == keys


def test_an_answer_after_the_end_is_a_correction_and_no_second_end() -> None:
    ended, late = told("99 ended no_answer\n9 answered")
    first = advance(CallView(), ended)
    assert first is not None
    assert (first.is_end, first.is_answer, first.is_correction) == (True, False, False)
    second = advance(first.view, late)
    assert second is not None
    assert (second.is_end, second.is_answer, second.is_correction) == (False, False, True)


def test_the_carrier_s_word_takes_the_place_of_a_guess_and_only_of_a_guess() -> None:
    """A call that was taken for lost rang out as far as anybody knew; then its end is told after all."""
    guessed = replace(fold(told("0 placed\n30 ended no_answer")), is_guessed=True)
    (late,) = told("12 ended busy")
    change = advance(guessed, late)
    assert change is not None
    assert (change.is_correction, change.is_end, change.view.line_result) == (True, False, LineResult.BUSY)
    assert change.view.ended_at == late.at
    (again,) = told("13 ended rejected")
    assert advance(change.view, again) is None
    (unknown,) = told("12 ended")
    assert advance(guessed, unknown) is None


def test_a_duplicate_says_nothing_new() -> None:
    placed, again = told("0 placed\n0 placed")
    change = advance(CallView(), placed)
    assert change is not None
    assert advance(change.view, again) is None
