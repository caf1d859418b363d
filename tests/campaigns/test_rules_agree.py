"""Compiled SQL against a plain evaluator written apart from it: random debtors with random histories, random rules, nulls and arms."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Escalation
from campaigns.planning.assigning import moment_values
from campaigns.planning.explain import facts_of
from campaigns.planning.ladder_cases import cycle_facts
from campaigns.planning.position import Position, position_at
from campaigns.planning.standing import Step, next_step
from campaigns.promises.models import InstalmentPlan
from campaigns.segmentation.attributes import ATTRIBUTES, Attribute, FactsQuery
from campaigns.segmentation.compile import decided_sql, table_sql
from campaigns.segmentation.documents import write_rule_set
from campaigns.segmentation.models import ExperimentEnrolment
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.rules import Ref, RuleSet, evaluate
from tests.campaigns.rule_reference import VALUES, Answer, Known, decide, read_world
from tests.campaigns.town import NOW, TODAY, Town
from tests.rules.rule_samples import PARAMS, rule_sets

DAY = timedelta(days=1)


def settle(town: Town, people: int, seed: int) -> None:
    """Debtors of every kind: with and without each thing that a rule may ask about."""
    chance = Random(seed)

    def maybe(share: float) -> bool:
        return chance.random() < share

    for _ in range(people):
        debtor = town.debtor(
            owes=chance.choice([0, 1, 29_999, 30_000, 500_000]),
            mobile=maybe(0.5),
            landline=maybe(0.3),
            due=TODAY - chance.choice([-10, 0, 1, 30, 365, 730]) * DAY,
            hold=chance.choice([0, 0, 0, *range(1, 10)]),
            kind=chance.choice(["person", "company"]),
            do_not_contact=maybe(0.1),
            is_listed=maybe(0.95),
            birth_date=chance.choice([None, TODAY.replace(year=1961), TODAY.replace(year=1961) + DAY, TODAY.replace(year=1990)]),
            postal_code=chance.choice(["", "100-0001", "1000001", "200-0002"]),
            address=chance.choice(["", "架空市本町1-2", "別の市3"]),
            household_no=chance.choice(["", "h1", "h2", f"h{chance.random()}"]),
        )
        for _ in range(chance.randrange(4)):
            town.debt(
                debtor,
                chance.randrange(1, 40_000),
                due=TODAY - chance.randrange(-20, 800) * DAY,
                vintage=chance.choice(["current", "carried_over"]),
                tax_code=chance.choice(["10", "20", "99"]),
                status=chance.choice(["open", "open", "settled", "not_listed"]),
                late_charge=chance.choice([0, 300]),
                demand_fee=chance.choice([0, 80]),
                demand_sent_on=chance.choice([None, TODAY - 30 * DAY, TODAY - 3 * DAY]),
            )
        for n in range(chance.randrange(3)):
            town.phone(
                debtor,
                f"{chance.randrange(10**9)}-{n}",
                chance.choice(["mobile", "fixed", "ip", "toll_free", "navi", "unknown"]),
                status=chance.choice(["unverified", "works", "wrong_person", "dead", "refused"]),
                is_listed=maybe(0.8),
            )
        for _ in range(chance.randrange(7)):
            town.attempt(
                debtor,
                chance.choice([Channel.SMS, Channel.AUTO_CALL, Channel.OPERATOR_CALL, Channel.VISIT]),
                NOW - chance.randrange(-2 * 1440, 70 * 1440) * timedelta(minutes=1),
                chance.choice([None, *LineResult, "answered", "answered"]),
                party=chance.choice([None, *Party]),
                outcome=chance.choice([None, *Outcome, "refuses", "no_result", "callback_promised"]),
                robocall_keys=chance.choice(["", "", "1"]),
                state=chance.choice(["closed", "closed", "open"]),
                source=chance.choice(["live", "imported"]),
            )
        for _ in range(chance.randrange(3)):
            due = TODAY + chance.randrange(-30, 20) * DAY
            state = chance.choice(["open", "open", "broken", "kept", "part_kept", "cancelled"])
            town.promise(debtor, due, state=state, made=NOW - chance.randrange(-1, 60) * DAY, lag_days=chance.choice((0, 0, 5)))
        for _ in range(chance.randrange(3)):
            day = TODAY - chance.randrange(-2, 60) * DAY
            town.payment(debtor, chance.randrange(1, 50_000), day, status=chance.choice(["matched", "matched", "reversed", "unmatched"]))
        for reason in ("vulnerable", "payment_claimed", "officer_hold", "complaint", "stop_request", "deceased_moved"):
            if maybe(0.12):
                town.suppress(debtor, reason, chance.choice([None, NOW - DAY / 2, NOW + DAY]), lifted_at=chance.choice([None, None, NOW]))
        if maybe(0.1):
            state = chance.choice(["open", "accepted", "returned"])
            town.session.add(Escalation(debtor_id=debtor.id, reason="x", state=state, created_at=NOW - chance.randrange(-1, 3) * DAY))
        if maybe(0.1):
            state = chance.choice(["good_standing", "broken"])
            town.session.add(InstalmentPlan(debtor_id=debtor.id, state=state, updated_at=NOW))
        if maybe(0.4):
            entered = NOW - chance.choice([0, 1, 7, 29, 30, 31, 90]) * DAY
            name = chance.choice(["2026-11", "2026-12"])
            row = ExperimentEnrolment(experiment=name, debtor_id=debtor.id, arm="wait", propensity=0.1, entered_at=entered)
            town.session.add(row)
    town.session.flush()


def by_ladder(session: Session, position: Position, as_of: datetime) -> Any:
    """What the ladder's own function says, from the facts it asks for."""

    def told(known: Known) -> tuple[str, str, int | None]:
        facts = facts_of(session, known.debtor["id"], as_of, position)
        assert facts is not None
        found = next_step(position.conduct.ladder, cycle_facts(facts, position.today), position.today, position.is_open)
        if isinstance(found, Step):
            number = found.number - 1
            steps = position.conduct.ladder.steps
            return found.channel.value, found.why, steps[number].priority if number < len(steps) else None
        return "none", found.why, None

    return told


def test_every_attribute_has_a_meaning_of_its_own_in_the_reference() -> None:
    assert set(VALUES) == set(ATTRIBUTES)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_sql_and_reference_decide_alike(session: Session, town: Town, seed: int) -> None:
    settle(town, 40, seed)
    position = position_at(session, town.campaign(), NOW)
    office = session.info["office_id"]
    values = moment_values(session, NOW, position)
    world = read_world(session, office, NOW, position.values())
    told: dict[int, tuple[str, str, int | None]] = {}
    ladder = by_ladder(session, position, NOW)
    assert len(world) > 25

    def remembered(known: Known) -> tuple[str, str, int | None]:
        number = known.debtor["id"]
        if number not in told:
            told[number] = ladder(known)
        return told[number]

    @given(rule_sets())
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(rule_set: RuleSet) -> None:
        compiled = Compiled()
        decided, outcome = (make(rule_set, compiled, ladder=position.cases()) for make in (decided_sql, table_sql))
        sql = f"WITH decided AS ({decided}), outcome AS ({outcome}) SELECT * FROM decided JOIN outcome USING (place, drawn)"
        rows = session.execute(text(sql), compiled.values | values).mappings().all()
        assert sorted(row["debtor_id"] for row in rows) == sorted(world)
        document = write_rule_set(rule_set)
        for row in rows:
            found = Answer(
                row["channel"],
                tuple(row["reason_codes"]),
                row["rule_code"],
                row["priority"],
                row["arm"],
                pytest.approx(row["propensity"]),
                row["template"],
                row["script"],
            )
            assert decide(document, world[row["debtor_id"]], remembered) == found

    agree()


def refs_of(attribute: Attribute) -> set[Ref]:
    """An attribute with a choice of its parameters, each left out or given."""
    chance = Random(attribute.name)
    found = {Ref(attribute.name)} if attribute.is_askable else set()
    for _ in range(12):
        given = [
            (param.name, chance.choice([0, 1, 3, 7, 30, 60] if param.is_number else [c.code for c in param.choices] or PARAMS[param.name]))
            for param in attribute.params
            if param.is_required or chance.random() < 0.5
        ]
        found.add(Ref(attribute.name, tuple(sorted(given))))
    return found


def test_every_value_of_everybody_is_that_of_the_reference(session: Session, town: Town) -> None:
    settle(town, 120, 5)
    position = position_at(session, town.campaign(), NOW)
    cycle = position.values() | {"counts_from": NOW - 20 * DAY, "before_from": NOW - 50 * DAY}
    values = moment_values(session, NOW, position) | cycle
    world = read_world(session, session.info["office_id"], NOW, cycle)
    seen: dict[str, set[str]] = {}
    for attribute in ATTRIBUTES.values():
        compiled, refs = Compiled(), sorted(refs_of(attribute), key=lambda ref: ref.key)
        query = FactsQuery(compiled)
        columns = ", ".join(f"{query.expression(ref)} AS f{n}" for n, ref in enumerate(refs))
        rows = session.execute(text(f"SELECT d.id, {columns} {query.from_sql()}"), compiled.values | values).all()
        assert {row.id for row in rows} == set(world)
        for row in rows:
            for ref, value in zip(refs, row[1:], strict=True):
                told = sorted(value) if isinstance(value, list) else value
                assert told == VALUES[ref.name](world[row.id], dict(ref.params)), ref.key
                seen.setdefault(ref.name, set()).add(repr(told))
    constant = {name for name, values in seen.items() if len(values) < 2}
    assert not constant, "the town has nobody with another value of these"


def test_the_plain_meaning_agrees_for_one_debtor_at_a_time(session: Session, town: Town) -> None:
    settle(town, 12, 9)
    position = position_at(session, town.campaign(), NOW)
    world = read_world(session, session.info["office_id"], NOW, position.values())
    ladder = by_ladder(session, position, NOW)

    @given(rule_sets())
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def agree(rule_set: RuleSet) -> None:
        document = write_rule_set(rule_set)
        for number, known in list(world.items())[:4]:
            facts = facts_of(session, number, NOW, position, rule_set)
            assert facts is not None
            told = evaluate(rule_set, facts, position.cases())
            expected = decide(document, known, ladder)
            assert (told.channel, told.reasons, told.rule_code, told.arm) == (
                expected.channel,
                expected.reasons,
                expected.rule,
                expected.arm,
            )

    agree()
