"""The demo's months before its list: what they make of ageing, roll rates and collection rates."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pytest

from callcenter import demo
from callcenter.auth.models import Role, User
from callcenter.commands.sampling.debts import installments
from callcenter.commands.sampling.draws import Draws
from callcenter.commands.sampling.loading import load_past
from callcenter.commands.sampling.past import STAYS, months_before, past, totals_csv
from callcenter.commands.sampling.people import debtors
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.db import transaction
from campaigns.debtors.models import Debt
from reports.collection.ageing import BUCKETS, rolls
from reports.collection.rates import collection
from reports.collection.totals_file import read_totals
from reports.control.service import decisions_between, targets_between

LISTED, TODAY = date(2026, 11, 25), date(2026, 11, 26)


def test_the_past_is_the_seeds_and_each_age_stays_unpaid_as_in_a_real_town() -> None:
    draws = Draws(1)
    debts = installments(draws, debtors(draws, 3000, LISTED), LISTED)
    found = past(draws, debts, TODAY)
    assert found.debts.equals(past(Draws(1), debts, TODAY).debts)
    assert found.months == months_before(TODAY) == tuple(date(2026, month, 1) for month in range(5, 11))
    assert found.debts["notice_no"].n_unique() == found.debts.height
    assert not set(found.debts["notice_no"]) & set(debts["notice_no"])
    month = found.months[-1]
    old = [(month - day).days > STAYS[-2][0] for day in debts.filter(debts["hold"] == 0)["due_on"]]
    paid = [(month - day).days > STAYS[-2][0] for day in found.debts.filter(found.debts["month"] == month)["due_on"]]
    assert sum(old) / (sum(old) + sum(paid)) == pytest.approx(STAYS[-1][1], abs=0.015)


@pytest.mark.parametrize("today", [date(2026, 4, 1), date(2026, 5, 31), date(2027, 3, 31), date(2028, 2, 29)])
def test_the_offices_totals_can_be_read_whatever_the_day(today: date) -> None:
    totals, problems = read_totals(totals_csv(today))
    assert not problems
    assert {total.month for total in totals} >= {months_before(today)[-1]}
    assert all(0 <= total.received + total.written_off <= total.assessed for total in totals)


def test_the_months_before_are_loaded_through_the_doors_at_their_moments(office_id: int, tmp_path: Path) -> None:
    now = datetime(2026, 11, 26, 9, tzinfo=OFFICE_ZONE)
    load_past(office_id, tmp_path, size=120, seed=1, listed=LISTED, now=now, load=demo.import_at)
    with transaction(office_id) as session:
        closed = {debt.closed_at.astimezone(OFFICE_ZONE).date() for debt in session.query(Debt) if debt.closed_at is not None}
        assert closed == {date(2026, month, 28) for month in range(5, 11)}
        months, rows = rolls(session, TODAY, "Asia/Tokyo")
        assert len(rows) == len(BUCKETS) - 1
        assert all(
            sum(row[place].still_open for row in rows) < sum(row[place].open_at_start for row in rows) for place in range(len(months))
        )
        whole = collection(session, 2026, date(2026, 10, 1)).whole["total"]
        assert whole.this.rate is not None
        assert whole.change is not None
        assert whole.this.rate > 65
        assert whole.change > 0


@pytest.mark.parametrize("today", [TODAY, date(2026, 12, 31), date(2028, 1, 31), date(2028, 3, 1)])
def test_the_made_up_office_has_targets_and_what_its_meetings_decided(office_id: int, today: date) -> None:
    now = datetime.combine(today, time(9), OFFICE_ZONE)
    with transaction(office_id) as session:
        session.add(User(sign_in_name="hori", display_name="堀", role=Role.SUPERVISOR))
        session.flush()
        demo.set_goals(session, today, now)
        for months in targets_between(session, date(2020, 1, 1), date(2030, 1, 1)).values():
            assert len(months) == 3
            assert sorted(months)[1] == today.replace(day=1)
        decided = decisions_between(session, min(months), today)
        assert [one.kind for one in decided].count("decision") == 2
        assert all(one.starts_on <= (one.due_on or today) for one in decided)
