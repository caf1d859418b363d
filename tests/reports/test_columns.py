"""Any two cuts crossed agree with plain Python over the raw rows, counted from raw days, kept days and both."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from callcenter.core.db import office_of, transaction
from campaigns.attempts.codes import CONTACT_PARTIES, RIGHT_PARTIES
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.planning.models import CampaignCycle
from reports.cuts import Cut
from reports.facts.build import rebuild, refresh
from reports.facts.calls import COLUMNS, calls_of, pack, packed, read_day, unpack
from reports.metrics import CONTACT_PER_CALL, CONTACT_PER_PERSON
from reports.periods import Period
from reports.queries.behind import Cell, calls_behind
from reports.queries.crossed import crossed
from reports.queries.headline import HeadlineQuery
from tests.reports import world

TOKYO = world.TOKYO
FIRST = date(2026, 2, 26)  # the month's end lies within
DAYS = 6
LATER = datetime(2026, 4, 1, 12, tzinfo=TOKYO)
PARTIES = ("debtor", "family", "third_party", "company_contact", None)
TEAMS = {"abe": "1班", "ito": ""}
AGES = (("2026-02-20", "1"), ("2026-01-25", "2"), ("2025-11-01", "3"), ("2026-04-01", "0"), ("2024-01-01", "5"))


@dataclass
class Person:
    id: int
    area: str
    debts: list[tuple[str, str, int, date, bool]] = field(default_factory=list)
    phone: int = 0
    line_type: str = ""


@dataclass
class Call:
    id: int
    person: Person
    began: datetime
    counts: bool
    channel: str
    campaign: int | None
    operator: str
    script: str
    has_phone: bool
    line: str
    party: str | None
    outcome: str | None
    talk: int

    @property
    def local(self) -> datetime:
        return self.began.astimezone(TOKYO)


@dataclass
class Town:
    people: list[Person]
    calls: list[Call]
    rules: dict[tuple[int, int], str]
    cycles: dict[int, list[tuple[int, date, date]]]


def person_of(session: Session, draw: random.Random) -> Person:
    area = draw.choice(["1000001", "100-0002", "2220001", ""])
    found = Person(world.debtor(session), area.replace("-", "")[:5])
    session.get_one(Debtor, (office_of(session), found.id)).postal_code = area
    for number in range(draw.randint(0, 3)):
        due, is_open = date.fromisoformat(draw.choice(AGES)[0]), draw.random() < 0.8
        tax, vintage, yen = draw.choice(["10", "20", "30"]), draw.choice(["current", "carried_over"]), draw.choice([5000, 60_000, 400_000])
        debt = Debt(debtor_id=found.id, tax_code=tax, levy_year=2026, base_year=2026, term=number + 1, notice_no="1", outstanding=yen)
        debt.due_on, debt.vintage, debt.status = due, vintage, "open" if is_open else "settled"
        session.add(debt)
        found.debts.append((tax, vintage, yen, due, is_open))
    found.line_type = draw.choice(["mobile", "fixed"])
    found.phone = world.add(session, PhoneNumber(debtor_id=found.id, original="0", line_type=found.line_type)).id
    return found


def build(session: Session, draw: random.Random) -> Town:
    """A random town of a few days around a month's end."""
    people = [person_of(session, draw) for _ in range(5)]
    campaigns = [world.campaign(session, name) for name in "ab"]
    clerks: dict[str, int | None] = {name: world.operator(session, name, TEAMS[name]) for name in ("abe", "ito")} | {"": None}
    rules = {(campaign, person.id): draw.choice(["r1", "r2"]) for campaign in campaigns for person in people if draw.random() < 0.7}
    for (campaign, person), rule in rules.items():
        world.assignment(session, campaign, person, rule)
    cycles = {campaigns[0]: [(1, FIRST, FIRST + timedelta(days=1)), (2, FIRST + timedelta(days=3), FIRST + timedelta(days=9))]}
    for number, starts_on, ends_on in cycles[campaigns[0]]:
        cycle = CampaignCycle(campaign_id=campaigns[0], number=number, starts_on=starts_on, ends_on=ends_on, opened_at=LATER)
        cycle.counts_from = cycle.before_from = starts_on
        cycle.state, cycle.closed_at = "closed", LATER
        session.add(cycle)
    town = Town(people, [], rules, cycles)
    add_calls(session, draw, town, campaigns, clerks)
    return town


def add_calls(session: Session, draw: random.Random, town: Town, campaigns: list[int], clerks: dict[str, int | None]) -> None:
    start = datetime.combine(FIRST, datetime.min.time(), TOKYO)
    for _ in range(draw.randint(0, 40)):
        person, name, channel = (
            draw.choice(town.people),
            draw.choice(list(clerks)),
            draw.choice(["operator_call"] * 3 + ["auto_call", "sms"]),
        )
        began = start + timedelta(days=draw.randrange(DAYS), seconds=draw.choice([0, 1, 3599, 3600, 86399, 40000, 50000]))
        line = draw.choice(["answered", "answered", "no_answer", "abandoned", "failed"])
        party = draw.choice(PARTIES) if line == "answered" else None
        outcome = draw.choice(["promise_full", "promise_part", "refuses", None]) if party else None
        is_handed_over, is_imported, has_phone = draw.random() < 0.9, draw.random() < 0.1, draw.random() < 0.7
        campaign, script, talk = draw.choice([*campaigns, None]), draw.choice(["", "s1", "s2"]), draw.choice([0, 7, 300, 70_000])
        number = world.attempt(
            session,
            person.id,
            began,
            line,
            party,
            outcome=outcome,
            channel=channel,
            operator_id=clerks[name],
            campaign_id=campaign,
            script_version=script,
            talk_seconds=talk,
            phone_id=person.phone if has_phone else None,
            handed_over_at=began if is_handed_over else None,
            source="imported" if is_imported else "live",
        )
        counts = (is_handed_over or is_imported) and line != "failed"
        town.calls.append(Call(number, person, began, counts, channel, campaign, name, script, has_phone, line, party, outcome, talk))


def keys_of(town: Town, cut: Cut | None, call: Call, nth: int) -> set[str]:
    """In which rows a call stands."""
    now, day, open_debts = call.local, call.local.date(), [debt for debt in call.person.debts if debt[4]]
    if cut is Cut.AMOUNT:
        owed = sum(debt[2] for debt in open_debts)
        return {"99" if not open_debts else str(sum(owed >= bound for bound in (1, 10_000, 50_000, 100_000, 300_000, 1_000_000)))}
    if cut is Cut.SINCE_DUE:
        days = (day - min(debt[3] for debt in open_debts)).days if open_debts else 0
        return {str(sum(days >= bound for bound in (0, 31, 91, 181, 366))) if open_debts else "99"}
    if cut is Cut.SEGMENT:
        known = {rule for (campaign, person), rule in town.rules.items() if person == call.person.id and call.campaign in (campaign, None)}
        return known or {""}
    if cut is Cut.CYCLE:
        mine = [f"{number:03d}" for number, first, last in town.cycles.get(call.campaign or 0, []) if first <= day <= last]
        return set(mine) or {""}
    simple = {
        None: "",
        Cut.HOUR: f"{now.hour:02d}",
        Cut.WEEKDAY: str(now.isoweekday()),
        Cut.DAY: day.isoformat(),
        Cut.WEEK: (day - timedelta(days=day.weekday())).isoformat(),
        Cut.MONTH: f"{day:%Y-%m}",
        Cut.OPERATOR: call.operator,
        Cut.TEAM: (TEAMS[call.operator] or "-") if call.operator else "",
        Cut.CHANNEL: call.channel,
        Cut.CAMPAIGN: str(call.campaign or ""),
        Cut.SCRIPT: call.script,
        Cut.AREA: call.person.area,
        Cut.TRY: f"{min(nth, 10):02d}",
        Cut.LINE_TYPE: call.person.line_type if call.has_phone else "",
    }
    several = {Cut.TAX: 0, Cut.VINTAGE: 1}
    return {str(debt[several[cut]]) for debt in call.person.debts} or {""} if cut in several else {simple[cut]}


def cells_of(town: Town, query: HeadlineQuery, columns: Cut | None) -> dict[tuple[str, str], list[Call]]:
    """The calls of each cell, row, column and the whole ("*" stands for all)."""
    cells: dict[tuple[str, str], list[Call]] = {}
    tries: dict[int, int] = {}
    for call in sorted(town.calls, key=lambda call: (call.began, call.id)):
        if not call.counts or not query.period.first <= call.local.date() <= query.period.last:
            continue
        nth = tries[call.person.id] = tries.get(call.person.id, 0) + 1
        if query.channel not in ("all", call.channel) or query.campaign_id not in (None, call.campaign):
            continue
        for row in {*keys_of(town, query.cut, call, nth), "*"}:
            for column in {*keys_of(town, columns, call, nth), "*"}:
                cells.setdefault((row, column), []).append(call)
    return cells


def expected(town: Town, query: HeadlineQuery, columns: Cut | None) -> dict[tuple[str, str], tuple[int, ...]]:
    """(attempts, contacts, promises, seconds, persons, persons contacted) of each."""
    return {
        place: (
            len(calls),
            len(contacts := [call for call in calls if call.line == "answered" and call.party in CONTACT_PARTIES]),
            sum(call.outcome in ("promise_full", "promise_part") for call in calls),
            sum(call.talk for call in calls),
            len({call.person.id for call in calls}),
            len({call.person.id for call in contacts}),
        )
        for place, calls in cells_of(town, query, columns).items()
    }


def agree(session: Session, town: Town, query: HeadlineQuery, columns: Cut | None) -> None:
    found = crossed(session, query, columns, CONTACT_PER_PERSON, LATER)
    got = {
        **found.cells,
        **{(key, "*"): counts for key, counts in found.row_totals.items()},
        **{("*", key): counts for key, counts in found.column_totals.items()},
        ("*", "*"): found.whole,
    }
    if columns is None:
        got |= {("*", ""): found.whole}
    counts = {
        place: (one.attempts, one.contacts, one.promises, one.talk_seconds, one.persons_attempted, one.persons_contacted)
        for place, one in got.items()
        if one.attempts
    }
    assert counts == expected(town, query, columns), (query, columns)
    for (row, column), calls in list(cells_of(town, query, columns).items())[:3]:
        cell = Cell(columns, None if row == "*" else row, None if column == "*" else column)
        lines, _ = calls_behind(session, query, CONTACT_PER_CALL, cell, LATER)
        assert [line.id for line in lines] == [call.id for call in reversed(calls)], (query, cell)


@pytest.mark.slow
@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 30))
def test_any_two_cuts_agree_with_plain_counting(new_office: Callable[[], int], seed: int) -> None:
    draw = random.Random(seed)
    first = FIRST + timedelta(days=draw.randint(0, 3))
    period = Period(first, first + timedelta(days=draw.randint(0, 5)))
    ranges = patch.multiple("reports.facts.ranges", CALLS_AT_ONCE=draw.choice((1, 5, 500_000)), _BLOCK=draw.choice((0, 1, 12)))
    with ranges, transaction(new_office()) as session:
        town = build(session, draw)
        campaigns = list(town.cycles)

        def ask(count: int) -> None:
            for _ in range(count):
                cut, columns = draw.sample([*Cut, None], 2)
                agree(
                    session,
                    town,
                    HeadlineQuery(period, cut, draw.choice(["operator_call", "all"]), draw.choice([None, *campaigns])),
                    columns,
                )

        ask(4)
        rebuild(session, FIRST + timedelta(days=draw.randint(0, 5)), FIRST + timedelta(days=DAYS), LATER)
        ask(4)
        add_calls(session, draw, town, campaigns, {"": None})
        ask(2)
        refresh(session, LATER)
        for cut in (Cut.TAX, Cut.SEGMENT, Cut.TRY, Cut.SINCE_DUE):
            agree(session, town, HeadlineQuery(period, cut, "all"), Cut.VINTAGE)
        ask(4)


@given(st.lists(st.integers(-(1 << 62), (1 << 62) - 1)), st.integers(0, 40))
def test_packed_numbers_come_back(values: list[int], bits: int) -> None:
    for numbers in (values, [abs(value) % (1 << bits) for value in values], [7] * len(values)):
        assert unpack(pack(np.array(numbers, np.int64))).tolist() == numbers


def test_a_day_is_kept_as_it_was_read_and_read_anew_when_it_changed(session: Session) -> None:
    build(session, random.Random(7))
    zone = ZoneInfo("Asia/Tokyo")
    plain = {calls.day: calls for calls in calls_of(session, FIRST, FIRST + timedelta(days=DAYS), zone, COLUMNS)}
    assert sum(calls.count for calls in plain.values()) > 10
    for _ in range(2):
        rebuild(session, FIRST, FIRST + timedelta(days=DAYS), LATER)
        kept = {calls.day: calls for calls in calls_of(session, FIRST, FIRST + timedelta(days=DAYS), zone, COLUMNS)}
        assert kept.keys() == plain.keys()
        for day, calls in kept.items():
            assert all((calls[name] == plain[day][name]).all() for name in COLUMNS if name != "script"), day
            assert [calls.scripts[place] for place in calls["script"]] == [plain[day].scripts[place] for place in plain[day]["script"]]
    stored = session.execute(text("SELECT day, debtor FROM fact_calls ORDER BY day")).all()
    assert all(bytes(row.debtor) == packed(read_day(session, row.day, zone))["debtor"] for row in stored)


def test_a_day_that_is_just_made_anew_is_counted_from_its_rows(new_office: Callable[[], int]) -> None:
    office_id, period = new_office(), Period(FIRST, FIRST + timedelta(days=DAYS))
    query = HeadlineQuery(period, Cut.HOUR, "all")
    with transaction(office_id) as session:
        town = build(session, random.Random(11))
        rebuild(session, FIRST, period.last, LATER)
    days = sorted({call.began.astimezone(TOKYO).date() for call in town.calls if call.counts})
    with transaction(office_id) as other:
        rebuild(other, days[1], days[2], LATER)  # they are locked until it ends
        with transaction(office_id) as session:
            agree(session, town, query, Cut.TAX)
            with transaction(office_id) as third:  # nor is a day made anew while it is counted
                third.execute(text("SET LOCAL lock_timeout = '50ms'"))
                with pytest.raises(OperationalError, match="lock"):
                    third.execute(text("DELETE FROM fact_calls WHERE day = :day"), {"day": days[0]})
                third.rollback()


def test_many_calls_of_one_moment_are_shown_each_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.queries.behind.PAGE", 3)
    people = [world.debtor(session) for _ in range(2)]
    whens = ["2026-03-02 10:00"] * 5 + ["2026-03-02 11:00"] + ["2026-03-09 09:00"] * 2
    ids = [world.attempt(session, people[number % 2], when, "answered", "debtor") for number, when in enumerate(whens)]
    query = HeadlineQuery(Period(FIRST, date(2026, 3, 31)), Cut.HOUR)
    seen: list[int] = []
    before, is_more = None, True
    while is_more:
        lines, is_more = calls_behind(session, query, CONTACT_PER_CALL, Cell(), LATER, before)
        assert 1 <= len(lines) <= 3
        seen += [line.id for line in lines]
        before = (lines[-1].began_at, lines[-1].id)
    assert seen == [ids[7], ids[6], ids[5], ids[4], ids[3], ids[2], ids[1], ids[0]]


def test_whoever_is_reached_in_person_is_contacted() -> None:
    """Persons are told apart by the furthest they were reached."""
    assert RIGHT_PARTIES <= CONTACT_PARTIES
