"""What calls teach about hours, on PostgreSQL: learned once a day, used among people who are due, told by explain."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor
from campaigns.planning.explain import explain
from campaigns.planning.rulesets import add_rule_set
from campaigns.planning.service import plan
from campaigns.segmentation.rules import All, Rule, RuleSet
from campaigns.worklist.claim import claim
from campaigns.worklist.fill import fill
from campaigns.worklist.hours import learn_hours
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import NOW, Town

EVENING = NOW.replace(hour=18)
CALLS = """
INSERT INTO attempt (debtor_id, channel, state, source, began_at, handed_over_at, line_result, party)
SELECT :debtor, 'operator_call', 'closed', 'live', m.at, m.at, CASE WHEN n % 10 < :reached THEN 'answered' ELSE 'no_answer' END,
  CASE WHEN n % 10 < :reached THEN 'debtor' ELSE 'nobody' END
FROM generate_series(1, 160) n CROSS JOIN LATERAL (SELECT CAST(:at AS timestamptz) - (30 + n % 20) * interval '1 day' AS at) m
"""


def called(session: Session, debtor: Debtor, *, morning: int, evening: int) -> None:
    """320 calls, of ten so many reached somebody."""
    for at, reached in ((NOW, morning), (EVENING, evening)):
        session.execute(text(CALLS), {"debtor": debtor.id, "at": at, "reached": reached})


def settled(town: Town) -> tuple[int, list[Debtor]]:
    """A campaign of calls by operators with four people, of whom the first two work and the others are old."""
    born = [date(1999, 1, 1), date(1998, 1, 1), date(1940, 1, 1), date(1945, 1, 1)]
    people = [town.debtor(birth_date=day) for day in born]
    add_rule_set(town.session, "calls", RuleSet((Rule("all", Channel.OPERATOR_CALL, ("all",), All(())),)), NOW, is_active=True)
    campaign = town.campaign(rule_set="calls", options={"ladder": {"max_attempts": 60}})
    plan(town.session, campaign.id, NOW)
    return campaign.id, people


def order_at(session: Session, campaign_id: int, moment_hour: int) -> list[int]:
    """The debtors in the order in which they are claimed one by one at that hour; then all are given back."""
    found = []
    for _ in range(4):
        (item,) = claim(session, campaign_id, Channel.OPERATOR_CALL, 1, "test", EVENING.replace(hour=moment_hour))
        found.append(item.debtor_id)
    session.execute(text("UPDATE work_item SET state = 'ready', claim_token = NULL, claimed_by = NULL, lease_until = NULL"))
    session.expire_all()
    return found


def test_the_hour_chooses_among_people_who_are_due(session: Session, town: Town) -> None:
    campaign_id, people = settled(town)
    ids = [person.id for person in people]
    fill(session, campaign_id, NOW)
    assert order_at(session, campaign_id, 18) == ids, "with few calls on record the order of the list stands"
    for person in people[:2]:
        called(session, person, morning=1, evening=5)
    for person in people[2:]:
        called(session, person, morning=5, evening=1)
    fill(session, campaign_id, NOW)
    assert set(order_at(session, campaign_id, 10)[:2]) == set(ids[2:])
    assert set(order_at(session, campaign_id, 18)[:2]) == set(ids[:2])


def test_priorities_and_call_backs_come_before_the_hour(session: Session, town: Town) -> None:
    campaign_id, people = settled(town)
    for person in people[:2]:
        called(session, person, morning=1, evening=5)
    for person in people[2:]:
        called(session, person, morning=5, evening=1)
    fill(session, campaign_id, NOW)
    urgent, wished = people[0].id, people[1].id
    session.query(WorkItem).filter_by(debtor_id=urgent).update({"priority": 1})
    session.query(WorkItem).filter_by(debtor_id=wished).update({"priority": 0, "is_callback": True})
    assert order_at(session, campaign_id, 10)[:2] == [wished, urgent]


def test_it_is_learned_once_a_day_and_told(session: Session, town: Town) -> None:
    _, people = settled(town)
    assert learn_hours(session, NOW) is None
    assert explain(session, people[0].debtor_no, None, NOW)["best_hour"] is None
    for person in people:
        called(session, person, morning=1, evening=5)
    first = learn_hours(session, NOW)
    assert first is not None
    assert first.calls == 4 * 320
    told = explain(session, people[0].debtor_no, None, NOW)["best_hour"]
    assert (told["hour"], told["calls"]) == (18, 1280)
    assert told["now"] < 0.2 < told["chance"]
    called(session, people[0], morning=9, evening=9)
    again = learn_hours(session, NOW + timedelta(hours=2))
    assert again is not None
    assert again.calls == first.calls
    tomorrow = learn_hours(session, NOW + timedelta(days=1))
    assert tomorrow is not None
    assert tomorrow.calls == 5 * 320
