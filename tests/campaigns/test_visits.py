"""Rounds of visits on the database: planned by the gate's word, set out on record, reported, and what stands against a report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User, UserSession
from callcenter.core.errors import Conflict, InvalidInput
from campaigns.attempts.models import Attempt
from campaigns.compliance.models import ComplianceDecision
from campaigns.debtors.models import Debt, Debtor
from campaigns.planning.models import Campaign
from campaigns.promises.models import Promise
from campaigns.segmentation.models import ChannelAssignment
from campaigns.sync.models import SyncOutbox
from campaigns.visits import pack, reports, service
from campaigns.visits.models import VisitReport, VisitStop
from campaigns.visits.places import Point, address_key, load_points
from reports.periods import Period
from reports.queries.headline import headline
from reports.queries.raw import HeadlineQuery
from tests.campaigns.town import NOW, TODAY, Town

TOWNS = ("本町一丁目2番3号", "本町一丁目9番1号", "本町一丁目5番7号")


@pytest.fixture
def officer(session: Session) -> int:
    user = User(sign_in_name=uuid4().hex[:8], display_name="戸田", role=Role.TAX_OFFICER)
    session.add(user)
    session.flush()
    return user.id


@pytest.fixture
def campaign(town: Town) -> Campaign:
    made = town.campaign()
    made.status = "running"
    return made


@pytest.fixture
def people(session: Session, town: Town, campaign: Campaign) -> list[Debtor]:
    some = [town.debtor(mobile=False, address=f"架空市{where}", postal_code="100-0001") for where in TOWNS]
    for debtor in some:
        assign(session, campaign, debtor)
    return some


def assign(session: Session, campaign: Campaign, debtor: Debtor) -> None:
    session.add(
        ChannelAssignment(
            campaign_id=campaign.id,
            debtor_id=debtor.id,
            channel="visit",
            reason_codes=["no_usable_number"],
            rule_code="visit",
            rule_set_id=campaign.rule_set_id,
            as_of=NOW,
            assigned_at=NOW,
        )
    )
    session.flush()


def made_round(session: Session, officer: int, people: list[Debtor]) -> tuple[int, list[VisitStop]]:
    planned = service.plan_round(session, officer, TODAY, [one.id for one in people], "", officer, NOW)
    service.set_out(session, planned.round.id, NOW)
    return planned.round.id, [stop for stop, _ in service.stops_of(session, planned.round.id)]


def told(stop: VisitStop, **changes: Any) -> dict[str, Any]:
    base = {"key": uuid4().hex, "stop_id": stop.id, "visited_at": NOW.isoformat(), "party": "nobody", "outcome": "no_result", "note": ""}
    return base | changes


def test_a_round_follows_the_points_of_its_addresses(session: Session, officer: int, people: list[Debtor]) -> None:
    found = service.candidates(session)
    assert {one.district for one in found} == {"架空市本町"}
    where = {TOWNS[0]: 139.70, TOWNS[1]: 139.74, TOWNS[2]: 139.72}
    load_points(session, [(address_key(f"架空市{town}"), Point(35.6, east)) for town, east in where.items()])
    planned = service.plan_round(session, officer, TODAY, [one.id for one in people], "", officer, NOW)
    assert (planned.round.is_routed, planned.round.title) == (True, "架空市本町")
    order = [debtor.id for _, debtor in service.stops_of(session, planned.round.id)]
    assert order == [people[0].id, people[2].id, people[1].id]
    assert service.candidates(session) == []


def test_without_points_the_numbers_of_the_houses_decide(session: Session, officer: int, people: list[Debtor]) -> None:
    planned = service.plan_round(session, officer, TODAY, [one.id for one in people], "午前", officer, NOW)
    assert not planned.round.is_routed
    assert [debtor.id for _, debtor in service.stops_of(session, planned.round.id)] == [people[0].id, people[2].id, people[1].id]


def test_districts_lie_beside_each_other_and_a_large_one_is_cut_where_it_lies_together(
    session: Session, town: Town, campaign: Campaign, people: list[Debtor]
) -> None:
    for name in ("栄町", "緑町", "遠山"):
        assign(session, campaign, town.debtor(mobile=False, address=f"架空市{name}1-1"))
    found = service.candidates(session)
    assert service.nearby(session, found, "架空市本町") == []
    places = {"本町一丁目2番3号": 139.700, "栄町1-1": 139.705, "緑町1-1": 139.702, "遠山1-1": 139.9, TOWNS[1]: 139.703, TOWNS[2]: 139.701}
    load_points(session, [(address_key(f"架空市{name}"), Point(35.6, east)) for name, east in places.items()])
    near = service.nearby(session, found, "架空市本町")
    assert [name for name, _ in near] == ["架空市緑町", "架空市栄町"]
    assert near[0][1] == pytest.approx(181, abs=2)
    mine = [one for one in found if one.district == "架空市本町"]
    assert service.together(session, mine, most=2) == {people[0].id, people[2].id}


def test_the_gate_refuses_when_planned_and_again_on_record_when_setting_out(
    session: Session, town: Town, officer: int, people: list[Debtor]
) -> None:
    town.suppress(people[0], "vulnerable")
    planned = service.plan_round(session, officer, TODAY, [one.id for one in people], "", officer, NOW)
    assert [(debtor, reason.value) for debtor, reason in planned.refused] == [(people[0].id, "vulnerable")]
    town.suppress(people[1], "complaint")
    with pytest.raises(Conflict):
        service.set_out(session, planned.round.id, NOW.replace(hour=23))
    with pytest.raises(Conflict):
        service.set_out(session, planned.round.id, NOW + timedelta(days=1))
    service.set_out(session, planned.round.id, NOW)
    states = {debtor.id: (stop.state, stop.reason) for stop, debtor in service.stops_of(session, planned.round.id)}
    assert states[people[0].id] == ("dropped", "vulnerable")
    assert states[people[1].id] == ("dropped", "complaint")
    assert states[people[2].id] == ("planned", "")
    asked = session.scalars(select(ComplianceDecision).where(ComplianceDecision.channel == "visit").order_by(ComplianceDecision.id)).all()
    assert sorted((row.debtor_id, row.is_allowed) for row in asked) == sorted([(people[1].id, False), (people[2].id, True)])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"officer": 0}, "visit_officer"),
        ({"day": -1}, "visit_on"),
        ({"day": 90}, "visit_on"),
        ({"people": 0}, "visit_stops"),
        ({"day": 4}, "visit_day"),
    ],
)
def test_a_round_that_can_not_be_is_refused(
    session: Session, officer: int, people: list[Debtor], change: dict[str, int], code: str
) -> None:
    day = TODAY + timedelta(days=change.get("day", 0))  # in four days it is Sunday: nobody visits by the office's rules
    chosen = [one.id for one in people][: change.get("people", 3)]
    with pytest.raises(InvalidInput) as problem:
        service.plan_round(session, change.get("officer", officer), day, chosen, "", officer, NOW)
    assert problem.value.code == code


def test_reports_become_attempts_that_the_figures_count(session: Session, officer: int, people: list[Debtor]) -> None:
    round_id, stops = made_round(session, officer, people)
    met = {
        "party": "debtor",
        "verified": "document",
        "outcome": "promise_part",
        "promise": 9_000,
        "due_on": (TODAY + timedelta(days=9)).isoformat(),
    }
    entries = [told(stops[0]), told(stops[1], **met, note="月末に給料"), told(stops[2], party="family", outcome="callback_message_left")]
    later = NOW + timedelta(hours=5)
    answers = reports.receive(session, round_id, entries, officer, later)
    assert [answer.state for answer in answers] == ["recorded"] * 3
    assert [answer.state for answer in reports.receive(session, round_id, entries, officer, later)] == ["recorded"] * 3
    rows = session.scalars(select(Attempt).where(Attempt.channel == "visit").order_by(Attempt.id)).all()
    assert [(row.line_result, row.party, row.outcome) for row in rows] == [
        ("no_answer", "nobody", "no_result"),
        ("answered", "debtor", "promise_part"),
        ("answered", "family", "callback_message_left"),
    ]
    assert {row.began_at for row in rows} == {NOW}
    promise = session.scalars(select(Promise)).one()
    assert (promise.amount, promise.made_on, promise.attempt_id) == (9_000, TODAY, rows[1].id)
    linked = session.scalars(
        select(ComplianceDecision.attempt_id).where(ComplianceDecision.channel == "visit").order_by(ComplianceDecision.id)
    )
    assert sorted(filter(None, linked)) == [row.id for row in rows]
    assert len(session.scalars(select(SyncOutbox).where(SyncOutbox.kind == "attempt")).all()) == 3
    session.flush()
    figures = headline(session, HeadlineQuery(Period(TODAY, TODAY), channel="visit"), later).rows[0].figures
    assert (figures.attempts, figures.contacts, figures.right_party_contacts, figures.promises) == (3, 2, 1, 1)


def test_what_can_not_be_is_told_and_the_rest_is_kept(session: Session, officer: int, people: list[Debtor]) -> None:
    round_id, stops = made_round(session, officer, people)
    entries = [
        told(stops[0], party="debtor", outcome="refuses"),
        told(stops[1], party="stranger"),
        told(stops[2]),
        told(stops[2], stop_id=999_999),
        told(stops[1], visited_at="yesterday"),
    ]
    answers = reports.receive(session, round_id, entries, officer, NOW)
    assert [answer.state for answer in answers] == ["invalid", "invalid", "recorded", "invalid", "invalid"]
    assert [answer.problem.code if answer.problem else "" for answer in answers] == [
        "party_not_verified", "visit_unreadable", "", "no_stop", "visit_unreadable",
    ]  # fmt: skip
    assert len(session.scalars(select(VisitReport)).all()) == 1


def test_paid_meanwhile_held_and_done_by_another_wait_for_a_person(
    session: Session, town: Town, officer: int, people: list[Debtor]
) -> None:
    round_id, stops = made_round(session, officer, people)
    debt = session.scalars(select(Debt).where(Debt.debtor_id == stops[0].debtor_id)).one()
    debt.outstanding, debt.status = 0, "settled"
    town.suppress(session.get_one(Debtor, (stops[1].office_id, stops[1].debtor_id)), "stop_request")
    reports.receive(session, round_id, [told(stops[2])], officer, NOW)
    answers = reports.receive(session, round_id, [told(stop) for stop in stops], officer, NOW)
    assert [(answer.state, answer.why) for answer in answers] == [("conflict", "paid"), ("conflict", "held"), ("conflict", "done_by_other")]
    assert reports.count_conflicts(session) == 3
    paid, held, done = (row for row in reports.reports_of(session, round_id) if row.state == "conflict")
    reports.settle(session, paid.id, True, officer, NOW)
    reports.settle(session, held.id, False, officer, NOW)
    assert (paid.state, held.state) == ("recorded", "dropped")
    assert paid.attempt_id is not None
    with pytest.raises(Conflict):
        reports.settle(session, paid.id, False, officer, NOW)
    assert reports.count_conflicts(session) == 1
    assert done.why == "done_by_other"


def test_what_is_left_of_a_round_may_be_planned_anew(session: Session, officer: int, people: list[Debtor]) -> None:
    round_id, stops = made_round(session, officer, people)
    reports.receive(session, round_id, [told(stops[0])], officer, NOW)
    service.drop_stop(session, stops[1].id)
    with pytest.raises(Conflict):
        service.drop_stop(session, stops[0].id)
    service.end_round(session, round_id, "done", NOW)
    assert {one.debtor_id for one in service.candidates(session)} == {stops[1].debtor_id, stops[2].debtor_id}
    with pytest.raises(Conflict):
        service.end_round(session, round_id, "cancelled", NOW)


def signed_in(session: Session, user_id: int) -> UserSession:
    row = UserSession(
        user_id=user_id, token_hash=uuid4().hex, csrf_token="c", created_at=NOW, last_seen_at=NOW, expires_at=NOW + timedelta(hours=12)
    )
    session.add(row)
    session.flush()
    return row


def test_a_key_outlives_an_idle_sign_in_and_ends_with_signing_out(session: Session, officer: int, people: list[Debtor]) -> None:
    round_id, _ = made_round(session, officer, people)
    found, first = service.require_round(session, round_id), signed_in(session, officer)

    def key(sign_in: UserSession, at: datetime = NOW) -> bytes | None:
        return pack.key_for(session, found, officer, sign_in.id, at)

    given = key(first)
    assert given is not None
    assert len(given) == 32
    second = signed_in(session, officer)  # the first stood idle too long
    assert key(second) == given
    first.ended_at = NOW
    session.flush()
    fresh = key(second)
    assert fresh != given
    assert key(second, NOW + timedelta(hours=25)) != fresh
    service.end_round(session, round_id, "done", NOW)
    assert key(second) is None


def test_a_telephone_is_given_only_what_is_left_and_may_be_visited(session: Session, officer: int, people: list[Debtor]) -> None:
    round_id, stops = made_round(session, officer, people)
    reports.receive(session, round_id, [told(stops[0])], officer, NOW)
    debt = session.scalars(select(Debt).where(Debt.debtor_id == stops[1].debtor_id)).one()
    debt.outstanding, debt.status = 0, "settled"
    session.flush()
    found = service.require_round(session, round_id)
    given = pack.pack_of(session, found, NOW)["stops"]
    assert [(stop["state"], stop["reason"], "name" in stop) for stop in given] == [
        ("done", "", False), ("dropped", "settled", False), ("planned", "", True),
    ]  # fmt: skip
    assert not {"debtor_no", "phones", "birth_date", "household_no"} & set(given[2])
