"""Where in a window something is sent: places, capacity, hours; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance.presets import municipality, training
from campaigns.messages.models import Batch
from campaigns.messages.moving import release_refusal
from campaigns.messages.spread import SHORT, USED, Window, by_hour, capacity, next_window, place_at, window_of
from campaigns.messages.terms import ONE_PERSON, TWO_PEOPLE, BatchTerms, checked, terms_of

DAY = datetime(2026, 11, 18, tzinfo=OFFICE_ZONE)


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


LUNCH = Window(((at(9), at(12)), (at(13), at(17))))


def test_even_places_leave_the_lunch_gap_out() -> None:
    moments = [place_at(LUNCH, "even", rank, 700) for rank in range(700)]
    assert moments == sorted(moments)
    assert moments[0] == at(9)
    assert not any(at(12) <= moment < at(13) for moment in moments)
    assert moments[-1] < at(17) - timedelta(seconds=LUNCH.seconds * (1 - USED))
    assert {place_at(LUNCH, "front", rank, 700) for rank in (0, 699)} == {at(9)}


@given(st.integers(0, 200_000), st.floats(0.1, 200), st.sampled_from(["front", "even"]))
def test_hours_add_up_to_what_fits(total: int, per_second: float, pace: str) -> None:
    hours = by_hour(LUNCH, pace, total, per_second)
    assert all(count >= 0 for _, count in hours)
    assert sum(count for _, count in hours) == min(total, capacity(LUNCH, per_second))


def test_the_front_comes_as_fast_as_the_provider_takes_it() -> None:
    assert [count for _, count in by_hour(LUNCH, "front", 5_000, 1.0)] == [3600, 1400, 0, 0, 0, 0, 0, 0]
    assert [count for _, count in by_hour(LUNCH, "even", 7_000, 100.0)] == [1053, 1052, 1053, 0, 1053, 1052, 1053, 684]


def test_the_window_begins_at_the_moment_where_it_is_open() -> None:
    hours = municipality().hours
    night, noon = next_window(hours, Channel.SMS, at(2)), next_window(hours, Channel.SMS, at(12))
    assert night is not None
    assert noon is not None
    assert (night.opens, noon.opens, night.closes) == (at(9), at(12), noon.closes)


def test_a_window_that_is_about_to_close_is_left_to_others() -> None:
    hours = municipality().hours
    whole = next_window(hours, Channel.SMS, at(12))
    assert whole is not None
    in_time, late = next_window(hours, Channel.SMS, whole.closes - SHORT), next_window(hours, Channel.SMS, whole.closes - SHORT / 2)
    assert in_time is not None
    assert late is not None
    assert (in_time.opens, in_time.closes) == (whole.closes - SHORT, whole.closes)
    assert (late.opens, late.closes) == (at(24 + 9), whole.closes + timedelta(days=1))


def test_hours_that_go_on_over_midnight_are_one_window() -> None:
    hours = training().hours
    window = next_window(hours, Channel.SMS, at(23, 58))
    assert window is not None
    assert (window.opens, window.closes) == (at(23, 58), at(48))
    assert window.at(0.5) == at(23, 58) + (at(48) - at(23, 58)) / 2
    assert window_of(hours, Channel.SMS, window.opens, window.closes) == window
    assert sum(count for _, count in by_hour(window, "even", 1_000, 100.0)) == 1_000


@pytest.mark.parametrize(
    ("batch", "release", "user", "refusal"),
    [
        ({"created_by": 1}, TWO_PEOPLE, 1, "same_person"),
        ({"created_by": 1}, TWO_PEOPLE, 2, ""),
        ({"created_by": 1, "edited_by": 2}, TWO_PEOPLE, 2, "same_person"),
        ({"created_by": 1, "edited_by": 2}, ONE_PERSON, 2, ""),
        ({"created_by": None}, TWO_PEOPLE, 1, ""),
        ({"created_by": 1, "state": "preparing"}, ONE_PERSON, 2, "not_ready"),
        ({"created_by": 1, "state": "done"}, ONE_PERSON, 2, "not_ready"),
        ({"created_by": 1, "approved_at": DAY}, ONE_PERSON, 2, "approved"),
        ({"created_by": 1, "state": "paused"}, TWO_PEOPLE, 2, ""),
    ],
)
def test_who_may_release(batch: dict[str, object], release: str, user: int, refusal: str) -> None:
    assert release_refusal(Batch(**{"state": "ready", **batch}), release, user) == refusal


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [("pace", "even", "even"), ("rounds", "3", 3), ("segment_price", "8.5", 850), ("minute_price", "0", 0), ("robocall_share", 100, 100)],
)
def test_terms_are_read(name: str, value: object, kept: object) -> None:
    assert checked(name, value) == kept
    assert getattr(terms_of({"batches": {name: kept}}), name) == kept


@pytest.mark.parametrize(
    ("name", "value"), [("pace", "fast"), ("rounds", "0"), ("rounds", True), ("segment_price", "-1"), ("reaction_days", "x"), ("none", "1")]
)
def test_bad_terms_say_what_was_expected(name: str, value: object) -> None:
    with pytest.raises(InvalidInput) as problem:
        checked(name, value)
    assert problem.value.hint


def test_a_campaign_goes_before_its_office() -> None:
    terms = terms_of({"batches": {"pace": "even", "rounds": 1}}, {"batches": {"rounds": 3}, "ring_seconds": 30})
    assert (terms.pace, terms.rounds, terms.release) == ("even", 3, BatchTerms().release)
