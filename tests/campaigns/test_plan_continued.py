"""A plan that goes on from the one before against a plan for everybody: the same rows, whatever happened in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt, Escalation
from campaigns.debtors.models import Debt, Debtor, PhoneNumber, Suppression
from campaigns.payments.models import Payment
from campaigns.planning import assigning
from campaigns.planning.assigning import TOLD, decide_all, moment_values
from campaigns.planning.models import Campaign
from campaigns.planning.position import position_at
from campaigns.planning.rulesets import add_rule_set, rules_of
from campaigns.planning.service import PlanResult, create_campaign, plan
from campaigns.promises.models import InstalmentPlan, Promise
from campaigns.segmentation.attributes import ATTRIBUTES, FactsQuery
from campaigns.segmentation.compile import decided_sql
from campaigns.segmentation.kinds import Attribute, Kind
from campaigns.segmentation.passing import Passed, crossings, spans_sql, timed
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.reading_conditions import ops_of
from campaigns.segmentation.rules import All, Compare, Op, Ref, Rule, RuleSet
from tests.campaigns.test_rules_agree import refs_of, settle
from tests.campaigns.town import NOW, TODAY, Town
from tests.rules.rule_samples import rule_sets

DAY = timedelta(days=1)
SOME = sorted(TOLD)
Change = Callable[[Town, Random], object]


@pytest.fixture
def settled(office_id: int) -> tuple[int, Town]:
    """A town on record; its object makes more of it in any later transaction."""
    with transaction(office_id) as session:
        town = Town(session)
        settle(town, 60, 7)
    return office_id, town


def pick(town: Town, chance: Random, table: type[Any]) -> Any:
    ids = town.session.scalars(select(table.id).order_by(table.id)).all()
    return chance.choice(ids)


def setting(table: type[Any], **values: Callable[[Random], Any]) -> Change:
    """A row at random gets these values."""

    def change(town: Town, chance: Random) -> None:
        town.session.execute(
            update(table).where(table.id == pick(town, chance, table)).values(**{name: make(chance) for name, make in values.items()})
        )

    return change


def any_debtor(town: Town, chance: Random) -> Debtor:
    return town.session.get_one(Debtor, (town.session.info["office_id"], pick(town, chance, Debtor)))


def around(chance: Random, before: int, after: int) -> datetime:
    return NOW + chance.randrange(-before * 1440, after * 1440) * timedelta(minutes=1)


def moved_household(town: Town, chance: Random) -> None:
    setting(Debtor, household_no=lambda chance: chance.choice(["", "h1", "h2", "h9"]))(town, chance)


CHANGES: dict[str, Change] = {
    "amount": setting(Debt, outstanding=lambda chance: chance.choice([1, 29_999, 30_000, 500_000])),
    "settled": setting(Debt, status=lambda chance: chance.choice(["open", "settled", "not_listed"])),
    "hold": setting(Debt, hold=lambda chance: chance.randrange(10)),
    "due": setting(Debt, due_on=lambda chance: TODAY - chance.randrange(-5, 400) * DAY),
    "new debt": lambda town, chance: town.debt(any_debtor(town, chance), 12_000, due=TODAY - chance.randrange(40) * DAY),
    "barred": setting(Debtor, do_not_contact=lambda chance: chance.random() < 0.5),
    "unlisted": setting(Debtor, is_listed=lambda chance: chance.random() < 0.5),
    "household": moved_household,
    "kind": setting(Debtor, kind=lambda chance: chance.choice(["person", "company"]), birth_date=lambda chance: TODAY.replace(year=1961)),
    "address": setting(Debtor, address=lambda chance: chance.choice(["", "別の市3"]), postal_code=lambda chance: "100-0001"),
    "new debtor": lambda town, chance: town.debtor(owes=chance.choice([0, 40_000]), mobile=chance.random() < 0.5, household_no="h1"),
    "number": setting(PhoneNumber, status=lambda chance: chance.choice(["works", "dead", "refused", "unverified"])),
    "number gone": setting(PhoneNumber, is_listed=lambda chance: chance.random() < 0.5),
    "number deleted": lambda town, chance: town.session.execute(
        text("DELETE FROM phone_number WHERE id = :id"), {"id": pick(town, chance, PhoneNumber)}
    ),
    "new number": lambda town, chance: town.phone(
        any_debtor(town, chance), f"+8170{next(town.numbers):08d}", chance.choice(["mobile", "fixed"])
    ),
    "attempt": lambda town, chance: town.attempt(
        any_debtor(town, chance),
        chance.choice([Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT]),
        around(chance, 40, 3),
        chance.choice([None, *LineResult]),
        party=chance.choice([None, *Party]),
        outcome=chance.choice([None, *Outcome]),
        state=chance.choice(["closed", "open"]),
    ),
    "result": setting(
        Attempt,
        outcome=lambda chance: chance.choice([*Outcome]),
        line_result=lambda chance: chance.choice([*LineResult]),
        state=lambda chance: "closed",
        robocall_keys=lambda chance: chance.choice(["", "1"]),
    ),
    "promise": lambda town, chance: town.promise(any_debtor(town, chance), TODAY + chance.randrange(-20, 10) * DAY),
    "promise settled": setting(Promise, state=lambda chance: chance.choice(["kept", "broken", "open"])),
    "payment": lambda town, chance: town.payment(any_debtor(town, chance), 9_000, TODAY - chance.randrange(-5, 40) * DAY),
    "payment reversed": setting(Payment, status=lambda chance: chance.choice(["matched", "reversed"])),
    "suppression": lambda town, chance: town.suppress(
        any_debtor(town, chance), chance.choice(["vulnerable", "complaint", "officer_hold"]), chance.choice([None, NOW + DAY])
    ),
    "lifted": setting(Suppression, lifted_at=lambda chance: NOW),
    "escalation": lambda town, chance: town.session.add(
        Escalation(debtor_id=pick(town, chance, Debtor), reason="x", state="open", created_at=around(chance, 2, 2))
    ),
    "returned": setting(Escalation, state=lambda chance: chance.choice(["returned", "accepted"])),
    "plan": lambda town, chance: town.session.add(
        InstalmentPlan(debtor_id=pick(town, chance, Debtor), state="good_standing", updated_at=NOW)
    ),
    "plan broken": setting(InstalmentPlan, state=lambda chance: chance.choice(["broken", "good_standing"])),
    "closing day": lambda town, chance: town.session.execute(
        text("INSERT INTO calendar_day (day, kind) VALUES (:day, 'closed') ON CONFLICT DO NOTHING"),
        {"day": TODAY + chance.randrange(-3, 12) * DAY},
    ),
}


def assigned(session: Session, table: str) -> list[Any]:
    """What everybody has, in order."""
    columns = ", ".join(SOME)
    return list(session.execute(text(f"SELECT debtor_id, {columns} FROM {table} ORDER BY debtor_id")).all())


def planned(office_id: int, campaign_id: int, as_of: datetime, *, everybody: bool | None = False) -> PlanResult:
    """Plans, and compares with what is decided for everybody just before."""
    with transaction(office_id) as session:
        campaign = session.get_one(Campaign, (office_id, campaign_id))
        position = position_at(session, campaign, as_of)
        values = moment_values(session, as_of, position)
        counted = decide_all(session, rules_of(session, campaign.rule_set_id), position.cases(), values, prefix="all")
        expected = assigned(session, "all_decided JOIN all_outcome USING (place, drawn)")
        result = plan(session, campaign_id, as_of, everybody=everybody)
        assert assigned(session, "channel_assignment WHERE campaign_id = " + str(campaign_id)) == expected
        assert (result.debtors, sum(result.channels.values())) == (sum(row.people for row in counted), len(expected))
        channels: dict[str, int] = {}
        for each in counted:
            channels[each.channel] = channels.get(each.channel, 0) + each.people
        assert channels == {channel: people for channel, people in result.channels.items() if people}
    return result


def test_whatever_happens_in_between_the_plan_is_that_for_everybody(settled: tuple[int, Town], monkeypatch: pytest.MonkeyPatch) -> None:
    office_id, town = settled
    monkeypatch.setattr(assigning, "SMALL_PART", 7)  # more than that are decided for in parts
    seen: list[int | None] = []
    numbers = count()

    @given(rule_sets(), st.integers(0, 2**32))
    @settings(max_examples=30, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    def agree(rules: RuleSet, seed: int) -> None:
        chance = Random(seed)
        with transaction(office_id) as session:
            name = f"c{next(numbers)}"
            add_rule_set(session, name, rules, NOW, is_active=True)
            campaign_id = create_campaign(session, name, NOW, rule_set=name).id
        moment = NOW
        planned(office_id, campaign_id, moment)
        for _ in range(2):
            with transaction(office_id) as session:
                town.session = session
                for change in chance.choices(sorted(CHANGES), k=chance.randrange(5)):
                    CHANGES[change](town, chance)
            moment += chance.choice([timedelta(0), timedelta(hours=1), DAY, DAY, 3 * DAY, 13 * DAY])
            seen.append(planned(office_id, campaign_id, moment).concerned)

    agree()
    continued = [count for count in seen if count is not None]
    assert len(continued) > len(seen) / 2, "the rules hardly ever let a plan go on"
    assert sum(continued) / len(continued) < 40, "nearly everybody is decided for anew"


def limits(ref: Ref) -> Iterator[Compare]:
    """Comparisons of a value with whatever it may be compared with, near what the town has."""
    attribute = ATTRIBUTES[ref.name]
    if attribute.kind is Kind.FLAG:
        yield Compare(ref.name, Op.IS, True, ref.params)
        return
    for op in ops_of(attribute):
        if attribute.kind is not Kind.NUMBER:
            continue
        for value in (0, 1, 7, 30, 65):
            if op is Op.UNKNOWN:
                yield Compare(ref.name, op, True, ref.params)
            elif op is Op.BETWEEN:
                yield Compare(ref.name, op, (value, value + 2), ref.params)
            elif op in (Op.IN, Op.NOT_IN):
                yield Compare(ref.name, op, (value, 99), ref.params)
            else:
                yield Compare(ref.name, op, value, ref.params)


def asks_the_moment(ref: Ref) -> bool:
    facts = FactsQuery(Compiled())
    return ":as_of" in facts.expression(ref) + repr(facts.joins.asked())


@pytest.mark.parametrize("passing", [timedelta(hours=14, minutes=1), 9 * DAY], ids=str)
def test_whom_time_alone_moves_over_a_limit_is_told(settled: tuple[int, Town], passing: timedelta) -> None:
    office_id, _ = settled
    refs = [ref for attribute in ATTRIBUTES.values() for ref in few(attribute) if asks_the_moment(ref)]
    rules = [Rule(f"r{n}", Channel.SMS, ("r",), when) for n, when in enumerate(limit for ref in refs for limit in limits(ref))]
    rest = Rule("rest", Channel.NONE, ("rest",), All(()))
    passed = Passed(NOW, NOW + passing)
    moved: set[str] = set()
    with transaction(office_id) as session:
        position = position_at(session, None, NOW)
        for start in range(0, len(rules), 60):
            some = rules[start : start + 60]
            before, after = (
                matching(session, RuleSet((*some, rest)), moment_values(session, moment, position)) for moment in (passed.was, passed.now)
            )
            for n, rule in enumerate(some):
                flipped = {debtor for debtor in before if before[debtor][n] != after[debtor][n]}
                if flipped:
                    moved |= {ref.name for ref in refs_in_rule(rule)}
                    assert flipped <= told_by(session, RuleSet((rule, rest)), passed), rule.when
    assert len(moved) > (25 if passing > DAY else 10), sorted(moved)


def few(attribute: Attribute) -> list[Ref]:
    """An attribute without parameters, and with two choices of them."""
    found = sorted(refs_of(attribute), key=lambda ref: (len(ref.params), ref.key))
    return [*found[:1], *found[1:][-2:]]


def refs_in_rule(rule: Rule) -> list[Ref]:
    return RuleSet((rule,)).refs()


def told_by(session: Session, rule_set: RuleSet, passed: Passed) -> set[int]:
    """Whom time may have moved, as a plan goes by it."""
    spans = crossings(rule_set, (), timed(rule_set, ()), passed)
    assert spans is not None
    compiled = Compiled()
    union = " UNION ".join(spans_sql(spans, compiled))
    values = compiled.values | {"office": session.info["office_id"]}
    return set(session.scalars(text(union), values)) if union else set()


def matching(session: Session, rule_set: RuleSet, values: dict[str, Any]) -> dict[int, tuple[bool, ...]]:
    """Of each debtor, which of the rules' conditions hold."""
    compiled = Compiled()
    rows = session.execute(text(decided_sql(rule_set, compiled, matches=True)), compiled.values | values)
    return {row[0]: tuple(row[3:]) for row in rows}


def test_every_attribute_that_asks_for_the_moment_is_known_to_the_module_that_tells_what_time_does() -> None:
    passed = Passed(NOW, NOW + DAY)
    for attribute in ATTRIBUTES.values():
        for ref in refs_of(attribute):
            when = next(limits(ref), None) or Compare(ref.name, Op.UNKNOWN, True, ref.params)
            rules = RuleSet((Rule("r", Channel.SMS, ("r",), when), Rule("rest", Channel.NONE, ("rest",), All(()))))
            assert crossings(rules, (), timed(rules, ()), passed) is not None, ref.key


def test_what_attributes_read_is_what_marks_watch(session: Session) -> None:
    """A column that rules ask about, and that no mark watches, would leave people with an old decision."""
    watched: dict[str, str] = {}
    for row in session.execute(text("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'mark\\_plan\\_%\\_update'")):
        watched[row.proname.removeprefix("mark_plan_").removesuffix("_update")] = row.prosrc
    tables = {
        row.table: set(row.columns)
        for row in session.execute(
            text("""SELECT table_name AS table, array_agg(column_name::text) AS columns FROM information_schema.columns
                 WHERE table_schema = 'public' GROUP BY 1""")
        )
    }
    unwatched = set()
    for attribute in ATTRIBUTES.values():
        for ref in refs_of(attribute):
            facts = FactsQuery(Compiled())
            expression = facts.expression(ref)
            for source, columns in [*facts.joins.asked().items(), (f"FROM debtor d {expression}", [])]:
                words = set(re.findall(r"[a-z_0-9]+", source + " ".join(columns)))
                for table in set(re.findall(r"FROM ([a-z_]+)", source)) & tables.keys():
                    seen = watched[table]
                    unwatched |= {(table, column) for column in words & tables[table] if not re.search(rf"\b{column}\b", seen)}
    assert unwatched == set()
