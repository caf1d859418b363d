"""The ladder: where a debtor stands, and that its branches say the same as its plain meaning for any ladder and any facts."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.attempts.retry import After, RetryRules
from campaigns.planning.conduct import Conduct, conduct_of, options_of, toml_of
from campaigns.planning.cycles import CycleSettings, Restart
from campaigns.planning.ladder import AtEnd, DoneOn, Ladder, Line, Need, Numbers, StepChannel, StepRule
from campaigns.planning.ladder_cases import ATTRIBUTES, BEFORE, COUNT, cases_of, cycle_facts, rung_of
from campaigns.planning.standing import CycleFacts, Done, Step, Wait, due_after, next_step
from campaigns.segmentation.reasons import REASONS
from campaigns.segmentation.rules import Facts, rung_place, rungs_in

TODAY = date(2026, 11, 18)  # a Wednesday
DAY = timedelta(days=1)
MOBILE = CycleFacts(outstanding=38_500, has_mobile=True, has_landline=True)
LANDLINE = replace(MOBILE, has_mobile=False)
WEEKDAYS = lambda day: day.weekday() < 5  # noqa: E731


def used(sms: int = 0, auto: int = 0, operator: int = 0, visit: int = 0) -> dict[Channel, int]:
    return {Channel.SMS: sms, Channel.AUTO_CALL: auto, Channel.OPERATOR_CALL: operator, Channel.VISIT: visit}


def stands(facts: CycleFacts, ladder: Ladder | None = None, today: date = TODAY) -> Step | Wait | Done:
    return next_step(ladder or Ladder(), facts, today, WEEKDAYS)


def test_a_debtors_way_up_the_default_ladder() -> None:
    assert stands(MOBILE) == Step(1, Channel.SMS, 1, "mobile_never_reached")
    sent = replace(MOBILE, used=used(sms=1), last_on=TODAY, attempts=1)
    monday = date(2026, 11, 23)
    assert stands(sent) == Wait(2, Channel.AUTO_CALL, monday, "waits_after_sms")  # three working days
    assert stands(sent, today=monday) == Step(2, Channel.AUTO_CALL, 1, "sms_without_effect")
    rung = replace(MOBILE, used=used(1, 1), last_on=TODAY)
    assert stands(rung) == Wait(2, Channel.AUTO_CALL, date(2026, 11, 20), "waits_for_next_round")
    assert stands(rung, today=date(2026, 11, 20)) == Step(2, Channel.AUTO_CALL, 2, "robocall_no_reaction")
    assert stands(replace(rung, has_reacted=True), today=monday) == Step(3, Channel.OPERATOR_CALL, 1, "robocall_reacted")
    twice = replace(MOBILE, used=used(1, 2), last_on=TODAY - 9 * DAY)
    assert stands(twice) == Step(3, Channel.OPERATOR_CALL, 1, "sms_and_call_without_effect")
    assert stands(replace(twice, used=used(1, 2, 2))) == Step(3, Channel.OPERATOR_CALL, 3, "sms_and_call_without_effect")
    tried = replace(twice, used=used(1, 2, 3))
    assert stands(tried) == Step(4, Channel.VISIT, 1, "repeated_failures")
    assert stands(replace(tried, outstanding=29_999)) == Done("ladder_end")
    assert stands(replace(tried, used=used(1, 2, 3, 1))) == Done("ladder_end")


def test_between_operators_calls_the_ladder_does_not_wait() -> None:
    """The retry rules say when: a plan in between must not take the item back."""
    called = replace(LANDLINE, used=used(operator=1), last_on=TODAY)
    assert stands(called) == Step(3, Channel.OPERATOR_CALL, 2, "no_mobile")


def test_who_has_no_mobile_or_was_reached_begins_with_the_operators() -> None:
    assert stands(LANDLINE) == Step(3, Channel.OPERATOR_CALL, 1, "no_mobile")
    assert stands(replace(MOBILE, is_reached=True)) == Step(3, Channel.OPERATOR_CALL, 1, "reached_before")
    assert stands(replace(MOBILE, has_phone=False, has_mobile=False)) == Step(4, Channel.VISIT, 1, "no_mobile")
    assert stands(replace(MOBILE, sms_failures=2)) == Step(2, Channel.AUTO_CALL, 1, "sms_undelivered")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"has_promise": True, "has_right_party": True}, "open_promise"),
        ({"paid_percent": 50}, "done_payment"),
        ({"has_right_party": True, "attempts": 8}, "done_contact"),
        ({"attempts": 8}, "cycle_budget"),
    ],
)
def test_done(change: dict[str, Any], why: str) -> None:
    assert stands(replace(MOBILE, **change)) == Done(why)
    if why != "cycle_budget":
        assert stands(replace(MOBILE, **change | {"attempts": 0}), Ladder(done_on=())) == stands(MOBILE)


def test_a_step_below_one_that_was_begun_is_passed_over() -> None:
    called = replace(MOBILE, used=used(operator=1), last_on=TODAY - 5 * DAY)
    assert stands(called) == Step(3, Channel.OPERATOR_CALL, 2, "not_reached_yet")


def test_a_cycle_that_carries_on_begins_where_the_last_one_was() -> None:
    carried = replace(MOBILE, before=frozenset({Channel.SMS, Channel.AUTO_CALL}))
    assert stands(carried) == Step(2, Channel.AUTO_CALL, 1, "ladder_begin")


def test_the_cascade_of_misato() -> None:
    """Landline first, then mobile; when nobody answers on the mobile once more, then an SMS."""
    calls = StepRule(StepChannel.OPERATOR_CALL, attempts=3, needs=(Need.MOBILE,), lines=(Line.LANDLINE, Line.MOBILE, Line.MOBILE))
    only = StepRule(StepChannel.OPERATOR_CALL, attempts=3, needs=(Need.LANDLINE_ONLY,))
    ladder = Ladder((calls, only, StepRule(StepChannel.SMS, wait_days=1)), in_business_days=False)
    assert stands(MOBILE, ladder) == Step(1, Channel.OPERATOR_CALL, 1, "ladder_begin")
    tried = replace(MOBILE, used=used(operator=3), last_on=TODAY - DAY)
    assert stands(tried, ladder) == Step(3, Channel.SMS, 1, "repeated_failures")
    assert stands(replace(tried, last_on=TODAY), ladder) == Wait(3, Channel.SMS, TODAY + DAY, "waits_after_operator_call")
    assert stands(replace(LANDLINE, used=used(operator=2), last_on=TODAY), ladder) == Step(2, Channel.OPERATOR_CALL, 3, "no_mobile")
    assert stands(replace(LANDLINE, used=used(operator=3), last_on=TODAY), ladder) == Done("ladder_end")


def test_attempts_of_one_channel_fill_its_steps_in_order() -> None:
    sms = StepRule(StepChannel.SMS)
    ladder = Ladder((sms, StepRule(StepChannel.OPERATOR_CALL), sms), in_business_days=False)
    far = TODAY - 20 * DAY
    assert stands(replace(MOBILE, used=used(sms=1), last_on=far), ladder) == Step(2, Channel.OPERATOR_CALL, 1, "sms_without_effect")
    assert stands(replace(MOBILE, used=used(sms=1, operator=1), last_on=far), ladder) == Step(3, Channel.SMS, 1, "repeated_failures")
    assert stands(replace(MOBILE, used=used(sms=2, operator=1), last_on=far), ladder) == Done("ladder_end")


@pytest.mark.parametrize(
    ("at_end", "told"),
    [
        (AtEnd.NEXT_CYCLE, Done("ladder_end")),
        (AtEnd.VISIT, Step(2, Channel.VISIT, 1, "ladder_end_visit")),
        (AtEnd.TAX_OFFICER, Step(2, Channel.TAX_OFFICER, 1, "ladder_end_tax_officer")),
    ],
)
def test_what_happens_at_the_end(at_end: AtEnd, told: Step | Done) -> None:
    ladder = Ladder((StepRule(StepChannel.SMS),), at_end=at_end)
    sent = replace(MOBILE, used=used(sms=1), last_on=TODAY - 9 * DAY)
    assert stands(sent, ladder) == told
    just = replace(sent, last_on=TODAY)
    waits = Wait(2, told.channel, date(2026, 11, 23), "waits_at_end") if isinstance(told, Step) else told
    assert stands(just, ladder) == waits
    if at_end is AtEnd.VISIT:
        assert stands(replace(sent, used=used(sms=1, visit=1)), ladder) == Done("ladder_end")
    nobody = replace(LANDLINE, has_phone=False)
    assert stands(nobody, ladder) == (Done("ladder_no_step") if at_end is AtEnd.NEXT_CYCLE else told)


def test_days_of_waiting() -> None:
    friday = date(2026, 11, 20)
    assert due_after(friday, 0, WEEKDAYS) == friday
    assert due_after(friday, 1, WEEKDAYS) == date(2026, 11, 23)
    assert due_after(friday, 3, None) == date(2026, 11, 23)


steps = st.builds(
    StepRule,
    channel=st.sampled_from(StepChannel),
    attempts=st.integers(1, 3),
    wait_days=st.sampled_from([0, 0, 1, 3, 6]),
    between_days=st.sampled_from([0, 1, 2]),
    needs=st.lists(st.sampled_from(Need), max_size=2).map(tuple),
    lines=st.lists(st.sampled_from(Line), max_size=2).map(tuple),
    min_yen=st.sampled_from([0, 0, 30_000]),
    priority=st.integers(1, 9),
).map(lambda step: replace(step, between_days=0) if step.channel is StepChannel.OPERATOR_CALL else step)


def are_few_alike(chosen: tuple[StepRule, ...]) -> bool:
    return all(sum(step.channel is channel for step in chosen) <= 3 for channel in StepChannel)


def ladders() -> st.SearchStrategy[Ladder]:
    """Any ladder."""
    return st.builds(
        Ladder,
        steps=st.lists(steps, min_size=1, max_size=6).map(tuple).filter(are_few_alike),
        in_business_days=st.booleans(),
        done_on=st.lists(st.sampled_from(DoneOn), unique=True).map(tuple),
        done_paid_percent=st.integers(1, 100),
        max_attempts=st.integers(1, 9),
        at_end=st.sampled_from(AtEnd),
        end_wait_days=st.integers(0, 5),
        numbers=st.sampled_from(Numbers),
    )


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """A debtor's attributes, as far as the ladder asks."""
    counts = {name: draw(st.sampled_from([0, 0, 1, 1, 2, 3, 5])) for name in COUNT.values()}
    found: dict[str, Any] = counts | {name: draw(st.booleans()) for name in BEFORE.values()}
    mobile, landline = draw(st.booleans()), draw(st.booleans())
    tried = any(counts.values())
    return found | {
        "outstanding": draw(st.sampled_from([1, 29_999, 30_000, 90_000])),
        "kind": draw(st.sampled_from(["person", "company"])),
        "has_usable_phone": mobile or landline,
        "has_mobile": mobile,
        "has_landline": landline,
        "contact_count": draw(st.integers(0, 1)),
        "has_open_promise": draw(st.integers(0, 9)) == 0,
        "cycle_attempts": draw(st.integers(0, 9)),
        "cycle_right_party": draw(st.integers(0, 9)) == 0,
        "cycle_paid_percent": draw(st.sampled_from([0, 0, 0, 49, 50, 100])),
        "ladder_sms_failures": draw(st.integers(0, 3)),
        "ladder_reacted": draw(st.booleans()),
        "ladder_days": draw(st.integers(0, 12)) if tried else draw(st.sampled_from([None, 4])),
    }


@given(ladders(), facts(), st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.sampled_from([None, WEEKDAYS, lambda day: day.day % 3 == 0]))
@settings(max_examples=400, deadline=None)
def test_the_branches_say_what_the_plain_meaning_says(ladder: Ladder, found: Facts, today: date, is_open: Any) -> None:
    assert set(found) == set(ATTRIBUTES)
    cases = cases_of(ladder, today, is_open)
    rungs = list(rungs_in(cases))
    told = next_step(ladder, cycle_facts(found, today), today, is_open)
    assert rungs[rung_place(cases, found)] == rung_of(ladder, told)
    assert len(rungs) < 1000
    assert {code for rung in rungs for code in rung.reasons} <= REASONS.keys()
    if isinstance(told, Wait):
        assert told.until > today


@given(ladders(), facts(), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_waiting_ends_and_the_ladder_is_only_gone_up(ladder: Ladder, found: Facts, later: int) -> None:
    """Days alone never bring a debtor down, and a wait is over on the day it named."""
    told = next_step(ladder, cycle_facts(found, TODAY), TODAY, WEEKDAYS)
    known = cycle_facts(found, TODAY)
    if isinstance(told, Wait):
        then = next_step(ladder, known, told.until, WEEKDAYS)
        assert isinstance(then, Step)
        assert (then.number, then.channel) == (told.number, told.channel)
    after = next_step(ladder, known, TODAY + later * DAY, WEEKDAYS)
    assert isinstance(after, Done) == isinstance(told, Done)


conducts = st.builds(
    Conduct,
    ladder=ladders(),
    retry=st.builds(RetryRules, max_tries=st.integers(1, 9), busy=st.builds(After, minutes=st.integers(0, 9))),
    cycle=st.builds(CycleSettings, days=st.integers(0, 60), start_day=st.integers(1, 28), restart=st.sampled_from(Restart)),
)


@given(conducts)
def test_a_campaigns_settings_survive_their_document(conduct: Conduct) -> None:
    assert conduct_of(options_of(conduct)) == conduct
    assert conduct_of(tomllib.loads(toml_of(conduct))) == conduct


def test_one_value_of_a_retry_rule_can_be_changed() -> None:
    retry = conduct_of({"retry": {"busy": {"minutes": 10}}}).retry
    assert retry == RetryRules(busy=After(minutes=10, soon=3))


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"ladder": {"steps": []}}, "ladder.steps: must not be empty"),
        ({"ladder": {"steps": [{"channel": "fax"}]}}, "ladder.steps[0].channel: "),
        ({"ladder": {"steps": [{"channel": "sms"}, {"channel": "visit", "attempts": 21}]}}, "ladder.steps[1].attempts: "),
        ({"ladder": {"steps": [{"channel": "sms", "tries": 1}]}}, "ladder.steps[0].tries: is unknown"),
        ({"ladder": {"steps": [{}]}}, "ladder.steps[0].channel: is missing"),
        ({"ladder": {"steps": [{"channel": "sms"}] * 4}}, "ladder: at most 3 steps may use sms"),
        ({"ladder": {"steps": [{"channel": "operator_call", "between_days": 1}]}}, "ladder: operators' calls follow the retry rules"),
        ({"ladder": {"numbers": "any"}}, "ladder.numbers: "),
        ({"ladder": {"done_on": ["wedding"]}}, "ladder.done_on[0]: "),
        ({"cycle": {"start_day": 31}}, "cycle.start_day: "),
        ({"cycle": 7}, "cycle: "),
        ({"retry": {"busy": {"minutes": -1}}}, "retry.busy.minutes: "),
        ({"retry": {"sneezing": {}}}, "retry.sneezing: is unknown"),
        ({"retry": {"fax": {"status": "wrong_person"}}}, "retry.fax.status: "),
        ({"retry": {"parts": ["12:00", "09:00"]}}, "retry: the parts of the day must be in order"),
    ],
)
def test_a_mistake_is_refused_with_its_place(document: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        conduct_of(document)
    assert caught.value.message.startswith(place), caught.value.message
    assert ";" not in caught.value.message
