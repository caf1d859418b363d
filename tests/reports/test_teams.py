"""Figures by team: the same from raw rows and from facts, with operators who left; teams set on the page and at the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.auth.service import team_name
from callcenter.cli import run
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.planning.models import CampaignCycle
from reports.cuts import Cut
from reports.facts.build import rebuild
from reports.metrics import CONTACT_PER_CALL, CONTACT_PER_PERSON, KEPT_RATE
from reports.periods import Period
from reports.queries.behind import Cell, calls_behind
from reports.queries.crossed import crossed
from reports.queries.headline import ALL_CHANNELS, HeadlineQuery, headline
from tests.reports import world
from tests.reports.conftest import Browser

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 9, 30))
NOW = world.at("2026-11-01 12:00")


@pytest.fixture
def calls(session: Session) -> dict[str, list[int]]:
    """Two operators of one team who call the same persons, one of no team, calls of nobody; the attempts' ids by team."""
    clerks = {name: world.operator(session, name, team) for name, team in (("abe", "1班"), ("ito", "1班"), ("ueda", ""))}
    people = [world.debtor(session, ("10", "current")) for _ in range(3)]
    found: dict[str, list[int]] = {"1班": [], "-": [], "": []}
    for day in (7, 8):
        for name, clerk in (*clerks.items(), ("", None)):
            for number, person in enumerate(people):
                at, line = f"2026-09-{day:02d} {10 + len(name)}:{number:02d}", ("busy", "answered")[number > 0]
                call = world.attempt(session, person, at, line, "debtor" if number else None, operator_id=clerk)
                found[{"abe": "1班", "ito": "1班", "ueda": "-", "": ""}[name]].append(call)
    for name in ("abe", "ito"):
        world.spans(session, clerks[name], ("ready", "2026-09-07 09:00", "2026-09-07 10:30"))
    world.promise(session, people[0], "2026-09-07 12:00", date(2026, 9, 10), 1000, attempt_id=found["1班"][0])
    world.promise(session, people[1], "2026-09-07 13:00", date(2026, 9, 10), 1000, made_by=clerks["ueda"])
    session.get_one(User, (session.info["office_id"], clerks["ito"])).is_enabled = False
    session.flush()
    return found


def by_team(session: Session) -> dict[str | None, tuple[object, ...]]:
    rows = headline(session, HeadlineQuery(SEPTEMBER, Cut.TEAM, ALL_CHANNELS), NOW).rows
    names = ("attempts", "contacts", "persons_attempted", "persons_contacted", "promises_due", "operator_hours")
    return {row.key: tuple(row.figures.value(name) for name in names) for row in rows}


def test_a_team_is_its_operators_together_from_raw_rows_and_from_facts(session: Session, calls: dict[str, list[int]]) -> None:
    expected = {"1班": (12, 8, 3, 2, 1, 3.0), "-": (6, 4, 3, 2, 1, None), "": (6, 4, 3, 2, 0, None)}
    assert by_team(session) == expected
    rebuild(session, date(2026, 9, 1), date(2026, 9, 7), NOW)
    assert by_team(session) == expected
    rebuild(session, SEPTEMBER.first, SEPTEMBER.last, NOW)
    assert by_team(session) == expected
    labels = {row.key: row.label for row in headline(session, HeadlineQuery(SEPTEMBER, Cut.TEAM, ALL_CHANNELS), NOW).rows}
    assert labels == {"1班": "1班", "-": "班なし", "": "担当者なし"}


def test_teams_cross_with_anything_and_lead_to_their_calls(session: Session, calls: dict[str, list[int]]) -> None:
    query = HeadlineQuery(SEPTEMBER, Cut.TEAM, ALL_CHANNELS)
    for metric in (CONTACT_PER_CALL, CONTACT_PER_PERSON):
        found = crossed(session, query, Cut.WEEKDAY, metric, NOW)
        assert {key: counts.attempts for key, counts in found.row_totals.items()} == {key: len(ids) for key, ids in calls.items()}
    due = crossed(session, query, None, KEPT_RATE, NOW).row_totals
    assert {key: counts.promises_due for key, counts in due.items()} == {"1班": 1, "-": 1, "": 0}
    for key, ids in calls.items():
        lines, _ = calls_behind(session, query, CONTACT_PER_CALL, Cell(None, key), NOW)
        assert sorted(line.id for line in lines) == ids


def test_who_left_stays_by_name_and_leads_to_the_calls(session: Session, calls: dict[str, list[int]]) -> None:
    query = HeadlineQuery(SEPTEMBER, Cut.OPERATOR)
    assert {row.key: (row.label, row.figures.attempts) for row in headline(session, query, NOW).rows}["ito"] == ("ITO (ito)", 6)
    lines, _ = calls_behind(session, query, CONTACT_PER_CALL, Cell(None, "ito"), NOW)
    assert [line.operator for line in lines] == ["ITO"] * 6


def test_a_day_of_two_cycles_counts_once_in_the_later(session: Session) -> None:
    campaign, person = world.campaign(session), world.debtor(session)
    for number, first, last in ((1, 1, 7), (2, 7, 14)):
        cycle = CampaignCycle(campaign_id=campaign, number=number, state="closed", opened_at=NOW, closed_at=NOW)
        cycle.starts_on = cycle.counts_from = cycle.before_from = date(2026, 9, first)
        cycle.ends_on = date(2026, 9, last)
        session.add(cycle)
    calls = [world.attempt(session, person, f"2026-09-{day:02d} 10:00", campaign_id=campaign) for day in (6, 7, 8)]
    for call, day in zip(calls, (6, 7, 8), strict=True):
        world.promise(session, person, f"2026-09-{day:02d} 10:00", date(2026, 9, 20), 1000, attempt_id=call)
    found = crossed(session, HeadlineQuery(SEPTEMBER, Cut.CYCLE), None, KEPT_RATE, NOW)
    assert {key: (one.attempts, one.promises_due) for key, one in found.row_totals.items()} == {"001": (1, 1), "002": (2, 2)}
    rows = headline(session, HeadlineQuery(SEPTEMBER, Cut.CYCLE), NOW).rows
    assert {row.key: (row.figures.attempts, row.figures.promises_due) for row in rows} == {"001": (1, 1), "002": (2, 2)}


@pytest.mark.parametrize("text", ["あ" * 41, "-", "1班\u200b", "−\u0000"])
def test_what_is_no_name_of_a_team(text: str) -> None:
    with pytest.raises(InvalidInput):
        team_name(text)


def test_teams_are_set_at_the_command_line_and_reported(
    browse: Callable[[Role], Browser], office_id: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction(office_id) as session:
        clerks = [world.operator(session, name) for name in ("sato", "ito")]
        for clerk in clerks:
            world.attempt(session, world.debtor(session), "2026-09-07 10:00", operator_id=clerk)
    assert run(["user", "team", "sato", "　１班 "]) == 0
    assert capsys.readouterr().out == "sato\t1班\n"
    assert run(["user", "team", "sato", "長" * 41]) == 1
    capsys.readouterr()
    assert run(["user", "team", "ito", "2班", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sign_in_name": "ito", "team": "2班"}
    assert run(["user", "list", "--json"]) == 0
    assert {"1班", "2班"} <= {user["team"] for user in json.loads(capsys.readouterr().out)}
    assert run(["user", "team", "nobody", "1班"]) == 1
    assert run(["report", "headline", "--from", "2026-09-01", "--to", "2026-09-30", "--by", "team", "--json"]) == 0
    assert [(row["key"], row["attempts"]) for row in json.loads(capsys.readouterr().out)["rows"]] == [("1班", 1), ("2班", 1)]
    only = ["report", "headline", "--from", "2026-09-01", "--to", "2026-09-30", "--team", "2班"]
    assert run([*only, "--by", "operator", "--json"]) == 0
    assert [(row["key"], row["attempts"]) for row in json.loads(capsys.readouterr().out)["rows"]] == [("ito", 1)]
    assert run([*only, "--operator", "ito"]) == 1
    assert "どちらか一つ" in capsys.readouterr().err
    assert run([*only[:-2], "--operator", "kato"]) == 1
    capsys.readouterr()
    days = "from=2026-09-01&to=2026-09-30"
    table = browse(Role.SUPERVISOR).get(f"/reports/cross.csv?{days}&by=team&columns=&metric=attempts").content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(table, newline=""))) == [["班", "計"], ["1班", "1"], ["2班", "1"], ["計", "2"]]
    assert browse(Role.OPERATOR).get(f"/reports?{days}&by=team").status_code == 422
    with transaction(office_id) as session:
        told = session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "user.changed").order_by(AuditEvent.id)).all()
    assert told == [{"role": "operator", "team": "1班"}, {"role": "operator", "team": "2班"}]
