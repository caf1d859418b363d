"""Collection rates, ageing, roll rates, cost and effect, and their pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.debtors.models import Debt
from reports.collection import ageing, effect
from reports.collection.rates import collection, years_known
from reports.collection.totals_file import read_totals, store_totals
from tests.reports import world
from tests.reports.conftest import Browser

HEAD = "年度,年月,税目,区分,調定額,収入済額\r\n"
# The founding office's year: 99.3 % of the current year, 44.4 % of what was carried over, 98.3 % in all.
ROWS = "2026,2026-10,市税,現年,98163000,97529999\r\n2026,2026-10,市税,滞繰,1837000,816999\r\n2026,2026-09,市税,現年,98163000,50000000\r\n"
BEFORE = "2025,2025-10,市税,現年,98000000,97000000\r\n2025,2025-10,市税,滞繰,2000000,800000\r\n"


def keep(session: Session, text: str) -> None:
    totals, problems = read_totals((HEAD + text).encode())
    assert problems == []
    store_totals(session, totals, None, utc_now())


def test_the_rates_beside_last_years(session: Session) -> None:
    keep(session, ROWS + BEFORE)
    keep(session, ROWS)  # again: replaced, not added
    assert years_known(session) == [(2026, date(2026, 10, 1)), (2025, date(2025, 10, 1))]
    found = collection(session, 2026, date(2026, 10, 1))
    assert [str(found.whole[vintage].this.rate) for vintage in ("current", "carried_over", "total")] == ["99.3", "44.4", "98.3"]
    assert [str(found.whole[vintage].change) for vintage in ("current", "carried_over", "total")] == ["0.4", "4.4", "0.5"]
    assert found.months == (date(2026, 9, 1), date(2026, 10, 1))
    assert found.trend["current"] == ([Decimal("50.9"), Decimal("99.3")], [None, Decimal("98.9")])
    assert list(found.by_tax) == ["市税"]
    assert found.whole["total"].this.outstanding == 100_000_000 - 98_346_998


def debt(session: Session, debtor_id: int, due: date, yen: int, closed: datetime | None = None) -> None:
    number = f"{next(world.NUMBERS)}"
    row = Debt(
        debtor_id=debtor_id, tax_code="10", levy_year=2026, base_year=2026, term=int(number) % 30000, outstanding=yen, notice_no=number
    )
    row.due_on, row.closed_at, row.status = due, closed, "settled" if closed else "open"
    session.add(row)


def test_ages_and_rolls_agree_with_plain_counting(session: Session) -> None:
    today = date(2026, 11, 20)
    person = world.debtor(session)
    for days in (-5, 0, 1, 30, 31, 90, 91, 180, 181, 365, 366, 730, 731, 2000):
        debt(session, person, today - timedelta(days=days), 100)
    session.flush()
    found = ageing.ages(session, today)
    assert [(age.persons, age.debts, age.yen) for age in found] == [(1, 2, 200)] * 7
    debt(session, person, date(2026, 9, 30), 100, world.at("2026-10-15 12:00"))
    session.flush()
    months, rolls = ageing.rolls(session, today, "Asia/Tokyo", months=2)
    assert months == [date(2026, 9, 1), date(2026, 10, 1)]
    rows = [(row.due_on, row.closed_at) for row in session.scalars(select(Debt))]
    for place, month in enumerate(months):
        following = (month + timedelta(days=32)).replace(day=1)
        for bucket, line in enumerate(rolls, start=1):
            there = [row for row in rows if _bucket((month - row[0]).days) == bucket and (row[1] is None or _day(row[1]) >= month)]
            assert line[place].open_at_start == len(there)
            assert line[place].still_open == sum(row[1] is None or _day(row[1]) >= following for row in there)


def _bucket(days: int) -> int:
    return sum(days >= bound for bound in ageing.BOUNDS)


def _day(moment: datetime) -> date:
    return moment.astimezone(world.TOKYO).date()


def test_cost_and_effect_step_by_step() -> None:
    given = {
        "contract_yen": "15,000,000",
        "saved_yen": "6,000,000円",
        "assessed_yen": "12,000,000,000",
        "rate_before": "98.1",
        "rate_after": "98.3%",
    }
    inputs, errors = effect.read_inputs(given)
    assert errors == []
    assert inputs is not None
    assert (inputs.cost, inputs.gain, inputs.effect) == (9_000_000, 24_000_000, 15_000_000)
    assert inputs.break_even == Decimal("0.075")
    nothing, errors = effect.read_inputs({"contract_yen": "x", "rate_after": "101", "rate_before": "nan"})
    assert nothing is None
    assert [name for name, _ in errors] == ["contract_yen", "saved_yen", "assessed_yen", "rate_before", "rate_after"]


def test_the_pages(browse: Callable[[Role], Browser], office_id: int) -> None:
    client = browse(Role.TAX_OFFICER)
    assert "まだありません" in client.get("/reports/collection").text
    with transaction(office_id) as session:
        keep(session, ROWS + BEFORE)
        inputs = effect.Inputs(15_000_000, 6_000_000, 12_000_000_000, Decimal("98.1"), Decimal("98.3"))
        effect.keep_effect(session, 2026, inputs, "", world.operator(session, "who"), utc_now())
    answer = client.get("/reports/collection?year=2026&month=2026-10")
    assert answer.status_code == 200
    for words in ("99.3%", "44.4%", "98.3%", "+0.4pt", "令和8年度", "<polyline"):
        assert words in answer.text
    shown = client.get("/reports/collection/effect?year=2026").text
    for words in ("9,000,000", "24,000,000", "15,000,000", "0.075"):
        assert words in shown


@pytest.mark.parametrize("asked", ["year=2020", "year=2026&month=x", "year=2026&month=2028-01"])
def test_what_cannot_be_shown_is_said(browse: Callable[[Role], Browser], office_id: int, asked: str) -> None:
    with transaction(office_id) as session:
        keep(session, ROWS)
    answer: Any = browse(Role.SUPERVISOR).get(f"/reports/collection?{asked}")
    assert answer.status_code == 422
    assert "99.3%" in answer.text
