"""Whatever an address of the reports says, there is a page, a file or a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import quote

import pytest

from callcenter.auth.models import Role, User
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.debtors.models import PhoneNumber
from tests.reports import world
from tests.reports.conftest import Browser

PARAMETERS = ("from", "to", "by", "columns", "channel", "campaign", "metric", "row", "column", "before", "month", "year", "week")
PARAMETERS += ("experiment", "days", "against", "sms", "day", "values")
HOSTILE = ("x", "\0", "", "-1", "nan", "1e999", "9" * 20, "0001-01-01", "9999-12-31T00:00:00+00:00,1", "2027-02-29", "令和8年度", "'")
PERIODS = ("from=2030-01-01&to=2030-12-31", "from=2028-02-29&to=2028-02-29", "from=2025-12-30&to=2026-01-03")


@pytest.fixture
def town(office_id: int) -> int:
    """One call of an operator who left, and a campaign that nobody is in; returns the campaign."""
    with transaction(office_id) as session:
        clerk = world.operator(session, "left")
        session.get_one(User, (office_id, clerk)).is_enabled = False
        yesterday, person = utc_now() - timedelta(days=1), world.debtor(session)
        world.add(session, PhoneNumber(debtor_id=person, original="03-0000-0000", e164="+81300000000", line_type="fixed"))
        world.payment(session, person, date(2026, 1, 20), 1000)
        world.attempt(session, person, yesterday, "answered", "debtor", operator_id=clerk)
        return world.campaign(session, "空")


def read_routes(client: Browser) -> list[str]:
    """Every address of a report that can be opened; papers ask as their tables do and take long to set."""
    paths = client.app.openapi()["paths"]
    found = [path for path, methods in paths.items() if "get" in methods and "{" not in path and not path.endswith(".pdf")]
    assert len(found) > 12, found
    return found


def test_no_address_of_a_report_breaks_it(browse: Callable[[Role], Browser], town: int) -> None:
    client = browse(Role.SUPERVISOR)
    for path in read_routes(client):
        asked = [
            *PERIODS,
            f"campaign={town}",
            "by=moon",
            "by=cycle&row=first",
            "by=hour&row=",
            "by=try&row=x",
            "values=1&from=2026-01-01&to=2026-01-31",
        ]
        asked += ["&".join(f"{name}={quote(value)}" for name in PARAMETERS) for value in HOSTILE]
        for query in asked:
            answer = client.get(f"{path}?{query}")
            assert answer.status_code in (200, 404, 422), (path, query, answer.text[-300:])
            assert "nan%" not in answer.text, (path, query)


def test_who_left_an_empty_campaign_and_days_to_come_are_said(browse: Callable[[Role], Browser], town: int) -> None:
    client, today = browse(Role.SUPERVISOR), local_day(utc_now())
    period = f"from={today - timedelta(days=2)}&to={today}"
    assert "LEFT (left)" in client.get(f"/reports?{period}&by=operator").text
    behind = client.get(f"/reports/calls?{period}&by=operator&columns=&row=left").text
    assert behind.count('href="/debtors/') == 1
    assert "LEFT (left)" in behind
    for query in (f"{period}&campaign={town}", "from=2090-01-01&to=2090-01-31", "from=1951-01-01&to=1951-01-31"):
        assert "この期間の架電はありません" in client.get(f"/reports/cross?{query}").text
        page = client.get(f"/reports?{query}").text
        assert re.search(r"(?<![0-9])0\.0%", page) is None, query
    assert "まだ始まっていない期間です" in client.get("/reports?from=2090-01-01&to=2090-01-31").text
    for year in ("x", "1800", "3000"):
        for path in ("/reports/collection", "/reports/collection/effect"):
            answer = client.get(f"{path}?year={year}")
            assert answer.status_code == 422, path
            assert "年度を読めません" in answer.text
    assert client.get("/reports/collection/effect?year=" + quote("令和8年度")).status_code == 200
