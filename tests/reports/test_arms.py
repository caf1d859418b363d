"""Arms compared: against a plain count of the same people, on the page, and the tests behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isclose
from random import Random

import pytest
from sqlalchemy.orm import Session

from callcenter.auth.models import Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.planning.models import RuleSet
from campaigns.segmentation.models import ExperimentEnrolment
from reports.arms.compare import ArmCounts, compare
from reports.arms.queries import arm_results, experiments, names_of, script_answers
from reports.collection.models import CollectionEffect
from reports.exports.table import shown
from reports.further_metrics import EVERY
from reports.periods import Period
from reports.queries.measures import measured
from reports.queries.raw import HeadlineQuery
from reports.queries.worth import contract_cost
from tests.reports import world
from tests.reports.conftest import Browser

NOW = datetime.fromisoformat("2026-11-20T12:00:00+09:00")
DOCUMENT = {
    "rules": [],
    "experiment": {
        "code": "2026-09",
        "arms": [{"code": "phone", "name": "電話", "share": 800}, {"code": "wait", "name": "待つ", "share": 200, "wait_days": 30}],
    },
}


def enrol(session: Session, debtor_id: int, arm: str, moment: datetime) -> None:
    row = ExperimentEnrolment(experiment="2026-09", debtor_id=debtor_id, arm=arm, propensity=0.5, entered_at=moment)
    world.add(session, row)


def people(session: Session, start: datetime, seed: int = 7) -> dict[str, list[tuple[bool, bool, int]]]:
    """200 persons drawn into two arms; what happened to each as (reached, paid, yen), counted beside."""
    session.add(RuleSet(name="r", version=1, status="active", document=DOCUMENT, created_at=start))
    random, told = Random(seed), {"phone": [], "wait": []}
    for number in range(200):
        arm = "phone" if number % 2 else "wait"
        person, day = world.debtor(session, ("10", "current")), start + timedelta(days=number % 10)
        enrol(session, person, arm, day)
        is_reached = arm == "phone" and random.random() < 0.5
        if arm == "phone":
            world.attempt(session, person, day + timedelta(days=2), *(("answered", "debtor") if is_reached else ("busy", None)))
            world.attempt(session, person, day + timedelta(days=40), "answered", "debtor")  # after its days
        yen = random.randrange(1000, 90000) if random.random() < (0.5 if arm == "phone" else 0.2) else 0
        if yen:
            reference = world.payment(session, person, (day + timedelta(days=5)).date(), yen)
            if number % 7 == 0:  # taken back
                world.payment(
                    session, person, (day + timedelta(days=6)).date(), yen, source_ref=reference, is_reversal=True, status="reversal"
                )
                yen = 0
        world.payment(session, person, (day + timedelta(days=30)).date(), 5000)  # too late to count
        told[arm].append((is_reached, yen > 0, yen))
    return told


def test_the_counts_are_those_of_a_plain_reckoning(session: Session) -> None:
    start = world.at("2026-09-01 09:00")
    told = people(session, start)
    moved = world.debtor(session)
    enrol(session, moved, "wait", start + timedelta(days=3))
    enrol(session, moved, "phone", start)  # the first one counts
    told["phone"].append((False, False, 0))
    enrol(session, world.debtor(session), "phone", NOW - timedelta(days=3))
    period = Period(start.date(), NOW.date(), world.TOKYO)
    assert experiments(session) == ["2026-09"]
    names = names_of(session, "2026-09")
    assert (names.arms, names.usual_other) == ((("phone", "電話"), ("wait", "待つ")), "wait")
    found = arm_results(session, "2026-09", period, 28, NOW)
    assert found.waiting == 1
    for arm in found.arms:
        rows = told[arm.code]
        assert (arm.persons, arm.contacted, arm.paid, arm.yen) == (
            len(rows),
            sum(row[0] for row in rows),
            sum(row[1] for row in rows),
            sum(row[2] for row in rows),
        )
        assert isclose(arm.yen_squares, sum(row[2] ** 2 for row in rows))
        assert arm.touches is not None
        assert arm.touches["operator_call"] == (100 if arm.code == "phone" else 0)
    one_day = arm_results(session, "2026-09", Period(period.first, period.first, world.TOKYO), 28, NOW)
    assert [(arm.code, arm.persons) for arm in one_day.arms] == [("phone", 1), ("wait", 20)]
    assert arm_results(session, "none", period, 28, NOW).arms == ()


def test_what_an_arm_is_worth_and_costs() -> None:
    phone = ArmCounts("phone", 1000, paid=300, yen=3_000_000, yen_squares=3e10, touches={"operator_call": 4000, "sms": 0})
    wait = ArmCounts("wait", 500, paid=100, yen=1_000_000, yen_squares=1e10, touches={"operator_call": 500})
    first, other = compare([phone, wait], "wait", {"operator_call": 100.0})
    assert isclose(first.difference or 0, 0.1)
    assert first.is_certain
    assert first.worth == 1_000_000
    assert first.extra_cost == 300_000
    assert first.worth_interval is not None
    assert first.worth_interval.low > 0
    assert isclose(first.cost_per_yen or 0, 0.3)
    assert (other.difference, other.worth, other.cost_per_yen) == (None, None, None)


def test_too_few_say_nothing() -> None:
    first, _ = compare([ArmCounts("a", 29, paid=20), ArmCounts("b", 500, paid=10)], "b", {})
    assert (first.difference, first.chance, first.worth, first.is_certain) == (None, None, None, False)
    assert compare([ArmCounts("a")], "missing", {})[0].paid_share is None


def test_keys_by_script(session: Session) -> None:
    for number, (keys, path) in enumerate((("1", "start>pay"), ("1", "start>pay"), ("2", "start>stop"), ("", "start>bye"), ("", "start"))):
        person = world.debtor(session)
        more = {"channel": "auto_call", "robocall_keys": keys, "robocall_path": path, "script_version": "案内 v1"}
        world.attempt(session, person, f"2026-09-01 10:0{number}", "answered", None, **more)
    (found,) = script_answers(session, Period(world.at("2026-09-01 00:00").date(), world.at("2026-09-01 00:00").date(), world.TOKYO))
    assert (found.script, found.answered, found.heard, found.keys) == ("案内 v1", 5, 4, {"1": 2, "2": 1})


def test_the_page(browse: Callable[[Role], Browser], office_id: int) -> None:
    with transaction(office_id) as session:
        people(session, utc_now().astimezone(UTC) - timedelta(days=60))
    client = browse(Role.SUPERVISOR)
    shown = client.get("/reports/arms?operator_call=120&days=14")
    assert shown.status_code == 200
    for words in ("何もしない群", "電話", "差がある", "1円を生む費用", "whiskers"):
        assert words in shown.text


@pytest.mark.parametrize("query", ["experiment=x", "days=5", "days=NaN", "sms=-1", "from=x", "from=2026-02-01&to=2026-01-01", "against=x"])
def test_what_can_not_be_read_is_said(browse: Callable[[Role], Browser], query: str) -> None:
    answer = browse(Role.AUDITOR).get(f"/reports/arms?{query}")
    assert answer.status_code == 422
    assert "実験で分かれた人はまだいません" in answer.text


def test_what_calling_brought_stands_beside_what_the_arm_left_alone_paid_and_what_it_cost(session: Session) -> None:
    start = world.at("2026-09-01 09:00")
    told = people(session, start)
    period = Period(start.date(), date(2026, 10, 15), world.TOKYO)
    effect = CollectionEffect(fiscal_year=2026, contract_yen=3_650_000, saved_yen=365_000, assessed_yen=1, updated_at=NOW)
    effect.rate_before = effect.rate_after = Decimal(90)
    world.add(session, effect)
    found = measured(session, HeadlineQuery(period, channel="all"), NOW)
    phone, wait = (sum(yen for _, _, yen in told[arm]) for arm in ("phone", "wait"))
    assert found.value(EVERY["worked_arm_yen_per_person"]) == phone / 100
    assert found.value(EVERY["idle_arm_yen_per_person"]) == wait / 100
    assert found.value(EVERY["attributed_yen"]) == phone - wait
    assert found.value(EVERY["contract_cost"]) == 9_000 * 45
    assert found.value(EVERY["cost_per_yen_collected"]) == 405_000 / found.counts["collected_after_contact"]
    assert shown(found.value(EVERY["cost_per_yen_collected"]), EVERY["cost_per_yen_collected"]).count(".") == 1
    two_years = HeadlineQuery(Period(date(2027, 3, 31), date(2027, 4, 1), world.TOKYO), channel="all")
    unknown = (
        (two_years, "contract_cost"),
        (HeadlineQuery(period, channel="sms"), "cost_per_yen_collected"),
        (HeadlineQuery(period, campaign_id=world.campaign(session)), "attributed_yen"),
        (HeadlineQuery(Period(date(2026, 1, 1), date(2026, 1, 31), world.TOKYO)), "idle_arm_yen_per_person"),
    )
    for query, code in unknown:
        assert measured(session, query, NOW).value(EVERY[code]) is None, code
    assert contract_cost(session, HeadlineQuery(Period(date(2026, 4, 1), date(2027, 3, 31), world.TOKYO)), date(2027, 4, 1)) == 3_285_000


def test_days_to_come_cost_nothing_yet(session: Session) -> None:
    effect = CollectionEffect(fiscal_year=2026, contract_yen=3_650_000, saved_yen=0, assessed_yen=1, updated_at=NOW)
    effect.rate_before = effect.rate_after = Decimal(90)
    world.add(session, effect)
    query = HeadlineQuery(Period(date(2026, 11, 1), date(2027, 3, 31), world.TOKYO))
    assert contract_cost(session, query, NOW.date()) == 20 * 10_000
    assert contract_cost(session, query, date(2026, 10, 31)) is None
