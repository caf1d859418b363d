"""Targets, checks, alerts and decisions: on real days, through their pages, the job, and in the pack."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.auth.models import Role
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from reports import jobs
from reports.control import service
from reports.control.checking import check, effects, watched
from reports.control.models import Cycle, Decision
from reports.pack.content import gather
from reports.pack.document import document_html
from reports.pack.workbook import pack_xlsx
from tests.reports import world
from tests.reports.conftest import Browser

NOW = datetime.fromisoformat("2026-10-05T12:00:00+09:00")
FIRST = date(2026, 9, 1)


def day_of_calls(session: Session, day: date, people: list[int], reached: int) -> None:
    """One call to each of the people, of whom the first `reached` answer."""
    for place, person in enumerate(people):
        line, party = ("answered", "debtor") if place < reached else ("no_answer", None)
        world.attempt(session, person, f"{day} {9 + place % 8:02d}:{place % 60:02d}", line, party)


@pytest.fixture
def september(session: Session) -> None:
    """Forty calls a day; a third answers, on the last day nearly everybody."""
    people = [world.debtor(session, ("10", "current")) for _ in range(40)]
    for number in range(20):
        day_of_calls(session, FIRST + timedelta(days=number), people, 13 + number % 3 if number < 19 else 36)


def alerts(session: Session) -> list[tuple[str, date, str, bool]]:
    rows = service.alerts_since(session, date(2026, 1, 1))
    return [(row.metric, row.first, row.rule, row.seen_at is None) for row in rows]


def test_a_day_that_leaves_its_range_is_told_once_and_withdrawn_by_a_correction(session: Session, september: None) -> None:
    odd = FIRST + timedelta(days=19)
    assert check(session, NOW) == 1
    assert check(session, NOW) == 0
    assert alerts(session) == [("contact_rate_per_call", odd, "outside", True)]
    points = watched(session, Cycle.DAILY, ["contact_rate_per_call"], NOW, 60)[0].points
    assert len(points) == 20
    assert points[-1].limits is not None
    assert points[-1].limits.high < 0.9
    session.execute(text("UPDATE attempt SET party = 'third_party' WHERE began_at >= :at AND id % 3 > 0"), {"at": world.at(f"{odd} 00:00")})
    assert check(session, NOW) == 0
    assert alerts(session) == []


def test_cycles_are_chosen_by_figure(session: Session, september: None) -> None:
    who = world.operator(session, "hori")
    service.set_cycle(session, "contact_rate_per_call", "never", who, NOW)
    assert check(session, NOW) == 0
    service.set_cycle(session, "contact_rate_per_call", "weekly", who, NOW)
    assert service.cycles_of(session)["contact_rate_per_call"] is Cycle.WEEKLY
    assert check(session, NOW) == 0
    for metric, cycle in (("beauty", "daily"), ("attempts", "hourly")):
        with pytest.raises(InvalidInput):
            service.set_cycle(session, metric, cycle, who, NOW)


def test_an_alert_is_looked_into_once(session: Session, september: None) -> None:
    who = world.operator(session, "hori")
    check(session, NOW)
    (found,) = service.alerts_since(session, FIRST)
    with pytest.raises(InvalidInput):
        service.see_alert(session, found.id, " ", who, NOW)
    service.see_alert(session, found.id, "納期限の翌日で、折り返しが多かった", who, NOW)
    with pytest.raises(Conflict):
        service.see_alert(session, found.id, "x", who, NOW)
    with pytest.raises(NotFound):
        service.see_alert(session, 999, "x", who, NOW)
    assert service.alerts_since(session, FIRST, only_open=True) == []


def test_targets_are_kept_by_month(session: Session) -> None:
    who = world.operator(session, "hori")
    asked, errors = service.read_target({"metric": "promise_rate", "first": "2026-11", "last": "2027-01", "value": "35.5%"})
    assert errors == []
    assert asked is not None
    assert service.set_target(session, asked, who, NOW) == 3
    assert service.set_target(session, asked, who, NOW) == 3
    assert service.targets_of(session, date(2027, 1, 20)) == {"promise_rate": 0.355}
    assert list(service.targets_between(session, date(2026, 12, 5), date(2027, 3, 1))["promise_rate"]) == [
        date(2026, 12, 1),
        date(2027, 1, 1),
    ]
    service.forget_target(session, date(2027, 1, 1), "promise_rate")
    assert service.targets_of(session, date(2027, 1, 1)) == {}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"metric": "beauty", "first": "2026-11", "value": "3"}, ["metric"]),
        ({"metric": "promise_rate", "first": "11", "value": "101"}, ["first", "value"]),
        ({"metric": "attempts", "first": "2026-11", "last": "2026-10", "value": "3"}, ["last"]),
        ({"metric": "attempts", "first": "2026-11", "value": "2.5"}, ["value"]),
        ({"metric": "promise_rate", "first": "2026-11", "value": "NaN"}, ["value"]),
        ({"metric": "promise_rate", "first": "2026-11", "value": "0"}, ["value"]),
    ],
)
def test_targets_that_can_not_be_read_are_named(given: dict[str, str], wrong: list[str]) -> None:
    asked, errors = service.read_target(given)
    assert asked is None
    assert [field for field, _ in errors] == wrong


def decision(day: date, **more: str) -> Decision:
    given = {
        "what": "夕方に架電を寄せる",
        "who": "堀",
        "starts_on": day.isoformat(),
        "due_on": (day + timedelta(days=30)).isoformat(),
        "metric": "contact_rate_per_call",
    }
    found, errors = service.read_decision(given | more)
    assert errors == []
    assert found is not None
    return found


def test_what_a_decision_moved_is_told_with_its_interval(session: Session) -> None:
    who = world.operator(session, "hori")
    people = [world.debtor(session, ("10", "current")) for _ in range(30)]
    for number in range(20):
        day_of_calls(session, FIRST + timedelta(days=number), people, 9 + number % 2 + (8 if number >= 10 else 0))
    moved = service.decide(session, decision(FIRST + timedelta(days=10)), who, NOW)
    early = service.decide(session, decision(FIRST + timedelta(days=18)), who, NOW)
    other = service.decide(session, decision(FIRST, metric="", kind="note", who="", due_on=""), who, NOW)
    found = effects(session, [moved, early, other], NOW)
    assert found[early.id] is None
    assert other.id not in found
    told = found[moved.id]
    assert told is not None
    assert told.is_more_than_noise
    assert abs(told.difference - 8 / 30) < 1e-9
    assert service.move_decision(session, moved.id, "done", who, NOW).state == "done"
    with pytest.raises(Conflict):
        service.move_decision(session, moved.id, "done", who, NOW)
    with pytest.raises(InvalidInput):
        service.move_decision(session, moved.id, "x", who, NOW)


def test_decisions_that_can_not_be_read_are_named() -> None:
    found, errors = service.read_decision({"what": "", "starts_on": "2026-13-01", "metric": "beauty", "direction": "left"})
    assert found is None
    assert [field for field, _ in errors] == ["what", "who", "metric", "starts_on", "due_on", "kind"]
    _, errors = service.read_decision({"what": "x", "who": "堀", "starts_on": "2026-11-02", "due_on": "2026-11-01"})
    assert errors == [("due_on", "due")]


def test_the_pages(browse: Callable[[Role], Browser], office_id: int) -> None:
    today = local_day(utc_now())
    with transaction(office_id) as session:
        who = world.operator(session, "hori")
        people = [world.debtor(session, ("10", "current")) for _ in range(32)]
        for number in range(14, 0, -1):
            day_of_calls(session, today - timedelta(days=number), people, 10 + number % 2 if number > 2 else 31)
        service.decide(session, decision(today - timedelta(days=5)), who, utc_now())
        asked, _ = service.read_target({"metric": "contact_rate_per_call", "first": f"{today:%Y-%m}", "value": "40"})
        assert asked is not None
        service.set_target(session, asked, who, utc_now())
    assert jobs.check_figures(office_id) >= 1
    client = browse(Role.SUPERVISOR)
    shown = client.get("/reports/targets")
    assert shown.status_code == 200
    for words in ("範囲の外", "夕方に架電を寄せる", "40.0%", "確認した", 'class="target"'):
        assert words in shown.text
    assert client.get("/reports/targets?cycle=monthly").status_code == 200
    assert client.get("/reports/targets?cycle=hourly").status_code == 422
    listed = client.get("/reports/decisions")
    assert listed.status_code == 200
    assert "堀" in listed.text
    assert client.get("/reports/decisions?from=x").status_code == 422
    report = client.get(f"/reports?from={today - timedelta(days=14)}&to={today}").text
    assert r"\u5915\u65b9\u306b" in report  # the decision's mark, as the chart's data has it
    auditor = browse(Role.AUDITOR)
    assert "確認した</span>" not in auditor.get("/reports/targets").text


def test_an_office_without_calls_has_its_pages(browse: Callable[[Role], Browser]) -> None:
    client = browse(Role.TAX_OFFICER)
    for path in ("/reports/targets", "/reports/targets?cycle=weekly", "/reports/decisions"):
        assert client.get(path).status_code == 200


def test_the_meeting_sees_targets_alerts_and_decisions(session: Session, september: None) -> None:
    who = world.operator(session, "hori")
    asked, _ = service.read_target({"metric": "attempts", "first": "2026-09", "value": "1,000"})
    assert asked is not None
    service.set_target(session, asked, who, NOW)
    service.decide(session, decision(FIRST + timedelta(days=10)), who, NOW)
    service.decide(session, decision(FIRST - timedelta(days=40)), who, NOW)
    check(session, NOW)
    pack = gather(session, FIRST, NOW)
    targets = [tuple(row[name] for name in ("name", "value", "target", "gap")) for row in pack.control.targets]
    assert targets == [("架電件数", "800", "1,000", "−200")]
    assert [(row["period"], row["rule"], row["remark"]) for row in pack.control.alerts] == [("9月20日", "範囲の外", "未確認")]
    assert [row["starts_on"] for row in pack.control.decisions] == ["7月23日", "9月11日"]
    assert "偶然の範囲" in pack.control.decisions[1]["effect"] or "ねらいどおり" in pack.control.decisions[1]["effect"]
    page = document_html(pack)
    for words in ("夕方に架電を寄せる", "1,000", "範囲を出た"):
        assert words in page
    words = zipfile.ZipFile(io.BytesIO(pack_xlsx(pack))).read("xl/sharedStrings.xml").decode()
    assert "夕方に架電を寄せる" in words
