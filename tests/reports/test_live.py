"""The supervisor's page, the table of hours and the funnel, on a day worked out by hand."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from campaigns.compliance.models import ComplianceDecision
from campaigns.debtors.models import PhoneNumber
from campaigns.worklist.models import WorkItem
from dialer.calls.models import Call
from reports.periods import Period
from reports.queries.headline import HeadlineQuery
from reports.queries.live import live_board
from reports.queries.patterns import contact_hours, funnel
from tests.reports import world
from tests.reports.world import at

NOW = at("2026-09-15 14:00")


def item(session: Session, campaign_id: int, debtor_id: int, not_before: str, **more: object) -> None:
    moment = at("2026-09-15 08:00")
    fields: dict[str, object] = {"channel": "operator_call", "created_at": moment, "updated_at": moment} | more
    world.add(session, WorkItem(campaign_id=campaign_id, debtor_id=debtor_id, not_before=at(not_before), **fields))


def test_the_board(session: Session) -> None:
    first, clerk = world.campaign(session), world.operator(session, "sato")
    people = [world.debtor(session, ("10", "current")) for _ in range(6)]
    world.spans(session, clerk, ("ready", "2026-09-15 12:00", None), campaign_id=first)
    world.attempt(session, people[0], "2026-09-15 13:00", "answered", "debtor", outcome="promise_full", operator_id=clerk)
    world.attempt(session, people[1], "2026-09-15 13:10", "abandoned", operator_id=clerk)
    late = world.attempt(
        session, people[2], "2026-09-15 13:20", "answered", state="wrap_up", wrap_up_until=at("2026-09-15 13:30"), operator_id=clerk
    )
    ringing = world.attempt(session, people[3], "2026-09-15 13:59", None, state="open", operator_id=clerk)
    call = Call(attempt_id=ringing, carrier="simulator", channel_id="c1", mode="progressive", state="ringing", placed_at=NOW)
    world.add(session, call)
    calling_us = {"is_inbound": True, "handed_over_at": None}  # was spoken to, but is no answer to a call of ours
    world.attempt(session, people[5], "2026-09-15 13:40", "answered", "debtor", operator_id=clerk, **calling_us)
    for moment in ("2026-09-08 13:00", "2026-09-08 15:00"):
        world.attempt(session, people[0], moment)
    item(session, first, people[4], "2026-09-15 09:00")
    item(session, first, people[5], "2026-09-15 13:40", is_callback=True, user_id=clerk)
    item(session, first, people[0], "2026-09-15 15:00", is_callback=True)
    item(session, first, people[1], "2026-09-16 10:00", is_callback=True)
    for debtor_id in (people[2], people[2], people[3]):
        refusal = ComplianceDecision(at=at("2026-09-15 10:00"), debtor_id=debtor_id, channel="operator_call", reason="week_cap")
        world.add(session, refusal)
    board = live_board(session, NOW)
    assert (board.today.attempts, board.today.contacts, board.today.promises) == (4, 1, 1)
    assert board.today.operator_hours == 2.0
    assert (board.before.attempts, board.before_whole.attempts) == (1, 2)
    assert (board.answered, board.abandoned, board.lines_in_use, board.lines_talking) == (3, 1, 1, 0)
    (line,) = board.operators
    assert (line.sign_in_name, line.state, line.since, line.figures.attempts) == ("sato", "ready", at("2026-09-15 12:00"), 4)
    (queue,) = board.queue
    assert (queue.campaign_name, queue.ready, queue.due, queue.claimed) == ("第1期", 4, 2, 0)
    assert [(callback.debtor_id, callback.is_late) for callback in board.callbacks] == [(people[5], True), (people[0], False)]
    assert board.callbacks_late == 1
    assert [(skipped.reason, skipped.debtors) for skipped in board.skipped] == [("week_cap", 2)]
    assert [result.attempt_id for result in board.overdue] == [late]


def test_an_empty_office_has_an_empty_board(session: Session) -> None:
    board = live_board(session, NOW)
    assert board.today.attempts == 0
    assert (board.operators, board.queue, board.hours, board.callbacks, board.skipped, board.overdue) == ((), (), (), (), (), ())


MONTH = HeadlineQuery(Period(date(2026, 9, 1), date(2026, 9, 30)))


def test_hours_and_weekdays(session: Session) -> None:
    person = world.debtor(session)
    for moment in ("2026-09-06 23:59:59", "2026-09-07 00:00:00"):  # a Sunday and a Monday
        world.attempt(session, person, moment, "answered", "debtor")
    found = contact_hours(session, MONTH, NOW, few=1)
    assert {place: (cell.n, cell.rate) for place, cell in found.cells.items()} == {(23, 6): (1, 1.0), (0, 0): (1, 1.0)}


def test_the_funnel(session: Session) -> None:
    people = [world.debtor(session, ("10", "current")) for _ in range(4)]
    for person in people[:3]:
        world.add(session, PhoneNumber(debtor_id=person, original=f"0300000{person:03d}", e164=f"+81300000{person:03d}"))
    world.attempt(session, people[0], "2026-09-01 09:00")
    for person in people[1:3]:
        made = world.attempt(session, person, "2026-09-01 10:00", "answered", "debtor", outcome="promise_full")
        world.promise(session, person, "2026-09-01 10:00", date(2026, 9, 3), 1000, attempt_id=made)
    world.payment(session, people[1], date(2026, 9, 3), 1000)
    found = funnel(session, MONTH, NOW)
    assert (found.listed, found.with_number, found.attempted, found.contacted, found.promised) == (4, 3, 3, 2, 2)
    assert (found.due, found.kept, found.settled) == (2, 1, 0)
    assert funnel(session, MONTH, at("2026-09-05 12:00")).due == 0
