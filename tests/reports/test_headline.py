"""The headline figures on histories whose figures were worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from campaigns.messages.models import Batch, Message
from campaigns.segmentation.reasons import REASONS
from reports.cuts import Cut
from reports.figures import Figures
from reports.periods import Period
from reports.queries.crossed import lines_of
from reports.queries.headline import HeadlineQuery, headline
from reports.queries.measures import measured
from tests.reports import world
from tests.reports.world import at

NOW = at("2026-10-31 12:00")
DAY = Period(date(2026, 9, 1), date(2026, 9, 1))
MONTH = Period(date(2026, 9, 1), date(2026, 9, 30))


def rows(session: Session, period: Period = DAY, cut: Cut | None = None, now: datetime = NOW, **more: object) -> dict[str | None, Figures]:
    found = headline(session, HeadlineQuery(period, cut, **more), now)  # type: ignore[arg-type]
    return {row.key: row.figures for row in found.rows}


def only(session: Session, period: Period = DAY, **more: object) -> Figures:
    return rows(session, period, **more)[None]


def test_a_morning_counted_by_hand(session: Session) -> None:
    one, two, three = (world.debtor(session, ("10", "current")) for _ in range(3))
    world.attempt(session, one, "2026-09-01 09:00", "no_answer")
    world.attempt(session, one, "2026-09-01 09:05", "answered", "debtor", outcome="promise_full")
    world.attempt(session, two, "2026-09-01 09:10", "answered", "family", outcome="callback_message_left")
    world.attempt(session, two, "2026-09-01 09:20", "answered", "agent", outcome="promise_part")
    world.attempt(session, three, "2026-09-01 09:30", "answered", "third_party")
    world.attempt(session, three, "2026-09-01 09:40", "machine", "nobody")
    found = only(session)
    assert (found.attempts, found.contacts, found.right_party_contacts, found.promises) == (6, 3, 2, 2)
    assert (found.persons_attempted, found.persons_contacted, found.persons_right_party) == (3, 2, 2)
    assert found.contact_rate_per_call == 0.5
    assert found.contact_rate_per_person == 2 / 3
    assert found.right_party_rate == 2 / 3
    assert found.promise_rate == 1.0
    assert found.attempts_per_operator_hour is None
    assert found.operator_hours is None


@pytest.mark.parametrize(
    ("party", "is_contact", "is_right"),
    [
        ("debtor", 1, 1),
        ("debtor_unverified", 1, 0),
        ("family", 1, 0),
        ("third_party", 0, 0),
        ("company_contact", 1, 1),
        ("agent", 1, 1),
        ("wrong_number", 0, 0),
        ("unknown", 0, 0),
        ("nobody", 0, 0),
        (None, 0, 0),
    ],
)
def test_who_counts_as_a_contact(session: Session, party: str | None, is_contact: int, is_right: int) -> None:
    world.attempt(session, world.debtor(session), "2026-09-01 10:00", "answered", party)
    found = only(session)
    assert (found.attempts, found.contacts, found.right_party_contacts) == (1, is_contact, is_right)


def test_a_person_named_on_an_unanswered_line_is_no_contact(session: Session) -> None:
    world.attempt(session, world.debtor(session), "2026-09-01 10:00", "machine", "debtor")
    assert only(session).contacts == 0


def test_what_is_no_attempt(session: Session) -> None:
    person = world.debtor(session)
    world.attempt(session, person, "2026-09-01 10:00", "failed")
    world.attempt(session, person, "2026-09-01 10:01", None, handed_over_at=None)
    world.attempt(session, person, "2026-09-01 10:02", "failed", source="imported", handed_over_at=None)
    world.attempt(session, person, "2026-09-01 10:03", "busy", source="imported", handed_over_at=None)
    world.attempt(session, person, "2026-09-01 10:04", None, state="open")
    assert only(session).attempts == 2


def test_nothing_gives_zeros_and_nulls(session: Session) -> None:
    found = only(session)
    assert found == Figures()
    assert [found.value(code) for code in ("contact_rate_per_call", "contact_rate_per_person", "right_party_rate")] == [None] * 3
    assert [found.value(code) for code in ("promise_rate", "kept_rate", "attempts_per_operator_hour")] == [None] * 3
    assert rows(session, cut=Cut.DAY) == {}


def test_the_day_is_the_offices(session: Session) -> None:
    person = world.debtor(session)
    for moment in ("2026-08-31 23:59:59", "2026-09-01 00:00:00", "2026-09-01 23:59:59", "2026-09-02 00:00:00"):
        world.attempt(session, person, moment)
    world.attempt(session, person, datetime(2026, 9, 1, 14, 59, 59, 999999, tzinfo=UTC))
    assert only(session).attempts == 3
    by_hour = rows(session, cut=Cut.HOUR)
    assert {key: figures.attempts for key, figures in by_hour.items()} == {"00": 1, "23": 2}
    by_day = rows(session, MONTH, Cut.DAY)
    assert {key: figures.attempts for key, figures in by_day.items()} == {"2026-09-01": 3, "2026-09-02": 1}


def test_month_ends_and_leap_days(session: Session) -> None:
    person = world.debtor(session)
    for moment in ("2028-02-28 12:00", "2028-02-29 12:00", "2028-03-01 00:00"):
        world.attempt(session, person, moment)
    assert only(session, Period(date(2028, 2, 1), date(2028, 2, 29))).attempts == 2


def test_operator_hours_are_clipped_and_pauses_left_out(session: Session) -> None:
    clerk, person = world.operator(session, "sato"), world.debtor(session)
    world.spans(
        session,
        clerk,
        ("paused", "2026-08-31 22:00", "2026-08-31 23:00"),
        ("ready", "2026-08-31 23:00", "2026-09-01 01:30"),
        ("paused", "2026-09-01 01:30", "2026-09-01 02:00"),
        ("talking", "2026-09-01 02:00", "2026-09-01 02:30"),
    )
    for minute in range(6):
        world.attempt(session, person, f"2026-09-01 01:{minute:02d}", operator_id=clerk)
    found = only(session)
    assert found.operator_hours == 2.0
    assert found.attempts_per_operator_hour == 3.0
    hours = {key: (figures.attempts, figures.operator_hours) for key, figures in rows(session, cut=Cut.HOUR).items()}
    assert hours == {"00": (0, 1.0), "01": (6, 0.5), "02": (0, 0.5)}
    both = Period(date(2026, 8, 31), date(2026, 9, 1))
    days = {key: figures.operator_hours for key, figures in rows(session, both, Cut.DAY).items()}
    assert days == {"2026-08-31": 1.0, "2026-09-01": 2.0}
    assert rows(session, cut=Cut.OPERATOR)["sato"].operator_hours == 2.0


def test_an_open_span_ends_now(session: Session) -> None:
    clerk = world.operator(session, "sato")
    world.spans(session, clerk, ("ready", "2026-09-01 09:00", None))
    assert only(session, now=at("2026-09-01 09:45")).operator_hours == 0.75
    assert only(session, now=at("2026-09-05 09:45")).operator_hours == 15.0


def test_hours_by_hour_over_several_days(session: Session) -> None:
    clerk = world.operator(session, "sato")
    for day in (1, 2):
        world.spans(session, clerk, ("ready", f"2026-09-0{day} 09:30", f"2026-09-0{day} 11:15"))
    found = {key: figures.operator_hours for key, figures in rows(session, MONTH, Cut.HOUR).items()}
    assert found == {"09": 1.0, "10": 2.0, "11": 0.5}


def test_hours_unknown_for_imported_history(session: Session) -> None:
    old, new, person = world.operator(session, "old"), world.operator(session, "new"), world.debtor(session)
    world.spans(session, new, ("ready", "2026-09-02 09:00", "2026-09-02 10:00"))
    world.attempt(session, person, "2026-09-01 09:00", operator_id=old, source="imported", handed_over_at=None)
    world.attempt(session, person, "2026-09-02 09:00", operator_id=new)
    assert only(session, MONTH).attempts_per_operator_hour is None
    by_operator = rows(session, MONTH, Cut.OPERATOR)
    assert by_operator["new"].attempts_per_operator_hour == 1.0
    assert by_operator["old"].attempts_per_operator_hour is None
    by_day = rows(session, MONTH, Cut.DAY)
    assert by_day["2026-09-01"].attempts_per_operator_hour is None
    assert by_day["2026-09-02"].attempts_per_operator_hour == 1.0


def test_an_operator_who_only_paused_has_no_rate(session: Session) -> None:
    clerk = world.operator(session, "sato")
    world.spans(session, clerk, ("paused", "2026-09-01 09:00", "2026-09-01 10:00"))
    world.attempt(session, world.debtor(session), "2026-09-01 09:00", operator_id=clerk)
    assert rows(session, cut=Cut.OPERATOR)["sato"].attempts_per_operator_hour is None


def test_channels(session: Session) -> None:
    person, clerk = world.debtor(session), world.operator(session, "sato")
    world.spans(session, clerk, ("ready", "2026-09-01 09:00", "2026-09-01 11:00"))
    world.attempt(session, person, "2026-09-01 09:00")
    world.attempt(session, person, "2026-09-01 09:00", "answered", "debtor", channel="auto_call")
    world.attempt(session, person, "2026-09-01 10:00", channel="sms")
    assert only(session).attempts == 1
    assert only(session, channel="auto_call").contacts == 1
    assert only(session, channel="auto_call").operator_hours is None
    assert only(session, channel="all").attempts == 3
    assert only(session, channel="all").persons_attempted == 1
    found = rows(session, cut=Cut.CHANNEL, channel="all")
    assert {key: (row.attempts, row.operator_hours) for key, row in found.items()} == {
        "auto_call": (1, None),
        "operator_call": (1, 2.0),
        "sms": (1, None),
    }


def test_a_debtor_with_several_taxes_counts_in_each(session: Session) -> None:
    both = world.debtor(session, ("10", "current"), ("10", "carried_over"), ("30", "current"))
    none = world.debtor(session)
    world.attempt(session, both, "2026-09-01 09:00", "answered", "debtor")
    world.attempt(session, none, "2026-09-01 09:00")
    found = rows(session, cut=Cut.TAX)
    assert {key: (row.attempts, row.contacts, row.persons_attempted) for key, row in found.items()} == {
        "": (1, 0, 1),
        "10": (1, 1, 1),
        "30": (1, 1, 1),
    }
    assert {key: row.attempts for key, row in rows(session, cut=Cut.VINTAGE).items()} == {"": 1, "carried_over": 1, "current": 1}
    assert all(row.operator_hours is None for row in found.values())


def test_segments_and_campaigns(session: Session) -> None:
    first, second = world.campaign(session, "一"), world.campaign(session, "二")
    person = world.debtor(session)
    world.assignment(session, first, person, "small_first")
    world.assignment(session, second, person, "broken_promise")
    world.attempt(session, person, "2026-09-01 09:00", campaign_id=first)
    world.attempt(session, person, "2026-09-01 10:00", campaign_id=second)
    world.attempt(session, person, "2026-09-01 11:00")
    assert {key: row.attempts for key, row in rows(session, cut=Cut.SEGMENT).items()} == {"broken_promise": 2, "small_first": 2}
    in_first = rows(session, cut=Cut.SEGMENT, campaign_id=first)
    assert {key: row.attempts for key, row in in_first.items()} == {"small_first": 1}
    assert only(session, campaign_id=second).attempts == 1


def test_a_rule_is_called_what_its_latest_version_calls_it(session: Session) -> None:
    def document(name: str) -> dict[str, object]:
        return {"rules": [{"code": "small_first", "name": name}, {"code": "broken_promise"}]}

    former = world.campaign(session, "一", document=document("少額"))
    world.campaign(session, "二", document=document("はじめての少額"))
    for code in ("small_first", "broken_promise", "mine"):
        person = world.debtor(session)
        world.assignment(session, former, person, code)
        world.attempt(session, person, "2026-09-01 09:00", campaign_id=former)
    found = headline(session, HeadlineQuery(DAY, Cut.SEGMENT), NOW)
    labels = {row.key: row.label for row in found.rows}
    assert (labels["small_first"], labels["mine"]) == ("はじめての少額 (small_first)", "mine")
    assert labels["broken_promise"] == REASONS["broken_promise"][0]
    assert lines_of(session, Cut.SEGMENT, ["small_first"])[0].words.ja == labels["small_first"]


def test_hours_of_a_campaign(session: Session) -> None:
    first, second = world.campaign(session, "一"), world.campaign(session, "二")
    bound, free, other = (world.operator(session, name) for name in ("bound", "free", "other"))
    world.spans(session, bound, ("ready", "2026-09-01 09:00", "2026-09-01 10:00"), campaign_id=first)
    world.spans(session, free, ("ready", "2026-09-01 09:00", "2026-09-01 11:00"))
    world.spans(session, other, ("ready", "2026-09-01 09:00", "2026-09-01 13:00"))
    person = world.debtor(session)
    world.attempt(session, person, "2026-09-01 09:30", operator_id=free, campaign_id=first)
    world.attempt(session, person, "2026-09-01 09:30", operator_id=other, campaign_id=second)
    assert only(session, campaign_id=first).operator_hours == 3.0
    assert only(session, campaign_id=second).operator_hours == 4.0
    assert only(session).operator_hours == 7.0


def test_rows_are_sorted_and_nobody_is_a_row_too(session: Session) -> None:
    person = world.debtor(session)
    for name in ("suzuki", "abe"):
        world.attempt(session, person, "2026-09-01 09:00", operator_id=world.operator(session, name))
    world.attempt(session, person, "2026-09-01 09:00")
    found = headline(session, HeadlineQuery(DAY, Cut.OPERATOR), NOW).rows
    assert [row.key for row in found] == ["", "abe", "suzuki"]
    assert found[0].label == "担当者なし"


def test_the_document(session: Session) -> None:
    world.attempt(session, world.debtor(session), "2026-09-01 09:00")
    document = headline(session, HeadlineQuery(DAY, Cut.TAX), NOW).document()
    assert (document["from"], document["to"], document["time_zone"]) == ("2026-09-01", "2026-09-01", "Asia/Tokyo")
    assert {"attempts", "kept_rate"} <= set(document["rows"][0])
    assert [definition["code"] for definition in document["definitions"]] == [key for key in document["rows"][0] if key != "key"]
    assert "それぞれの税目" in document["definitions"][0]["scope"]


def test_a_payment_that_was_taken_back_is_no_reaction_to_a_message(session: Session) -> None:
    """Two paid after an SMS, and one of the payments was reversed."""
    now, number = at("2026-09-01 10:00"), world.campaign(session)
    batch = world.add(session, Batch(campaign_id=number, channel="sms", state="done", as_of=now, created_at=now))
    for place in range(2):
        person = world.debtor(session)
        row = Message(batch_id=batch.id, debtor_id=person, phone_id=0, e164="+81900000000", body="x", reference=f"r{place}")
        row.state, row.handed_over_at, row.updated_at = "delivered", now, now
        world.add(session, row)
        reference = world.payment(session, person, date(2026, 9, 3), 1000)
    world.payment(session, person, date(2026, 9, 20), 0, source_ref=reference, is_reversal=True, status="reversal")
    counts = measured(session, HeadlineQuery(MONTH), NOW).counts
    assert (counts["sms_sent"], counts["sms_delivered"], counts["sms_reacted"]) == (2, 2, 1)
