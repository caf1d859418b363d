"""Open data through the page: tax officers make a month's files, everybody who sees reports sees when."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from callcenter.auth.models import Role
from callcenter.core.clock import local_day, utc_now
from tests.callcenter.conftest import Person

HERE = "/reports/open-data"


def test_an_officer_makes_a_month_s_files_and_others_see_when(person: Callable[..., Person]) -> None:
    officer, supervisor = person(Role.TAX_OFFICER), person(Role.SUPERVISOR)
    month = f"{local_day(utc_now()):%Y-%m}"
    assert "まだ書き出していません" in officer.get(HERE).text
    made = officer.post(f"{HERE}/month", {"month": month, "format": "csv"})
    assert made.status_code == 200
    names = zipfile.ZipFile(io.BytesIO(made.content)).namelist()
    assert {f"open-data-{month}/{name}" for name in ("columns.csv", "manifest.json", "facts.csv")} <= set(names)
    shown = supervisor.get(HERE).text
    assert "前回の書き出し" in shown
    assert 'action="/reports/open-data/month"' not in shown
    assert supervisor.post(f"{HERE}/month", {"month": month, "format": "csv"}).status_code == 403
    for wrong in ({"month": "2199-01", "format": "csv"}, {"month": month, "format": "doc"}, {"month": "x", "format": "csv"}):
        assert officer.post(f"{HERE}/month", wrong).status_code == 422
