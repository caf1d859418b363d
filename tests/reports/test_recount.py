"""The SQL agrees with an independent recount on random histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.db import transaction
from campaigns.attempts.codes import LineResult, Outcome, Party
from reports.cuts import Cut
from reports.facts.build import rebuild, refresh
from reports.periods import Period
from reports.queries.headline import HeadlineQuery, headline
from reports.staff import Staff, staff_of
from tests.reports import world
from tests.reports.recount import TOKYO, RawAttempt, RawPayment, RawPromise, RawSpan, Town, recount

pytestmark = pytest.mark.slow

FIRST = datetime(2026, 2, 26, tzinfo=TOKYO)  # the month's end lies within
NOW = FIRST + timedelta(days=5, hours=13)
OPERATORS = ("abe", "ito", "ueda")
TEAMS = ("1班", "2班", "")
DEBTORS = range(4)
TAXES = ("10", "20", "30")

minutes = st.integers(0, 5 * 24 * 60 - 1)
edges = st.builds(lambda day, second: day * 86400 + second, st.integers(0, 5), st.sampled_from([0, 1, -1, 3600, 3599]))
moments = st.one_of(minutes.map(lambda minute: minute * 60), edges.filter(lambda second: second >= 0)).map(
    lambda second: FIRST + timedelta(seconds=second)
)
attempts = st.builds(
    RawAttempt,
    debtor=st.sampled_from(DEBTORS),
    operator=st.sampled_from(["", *OPERATORS]),
    channel=st.sampled_from(["operator_call"] * 3 + ["auto_call", "sms", "visit"]),
    began=moments,
    handed_over=st.sampled_from([True, True, True, False]),
    imported=st.sampled_from([False] * 8 + [True]),
    line=st.one_of(st.just("answered"), st.sampled_from(list(LineResult)).map(str), st.none()),
    party=st.one_of(st.none(), st.sampled_from(list(Party)).map(str)),
    outcome=st.one_of(st.none(), st.sampled_from([Outcome.PROMISE_FULL, Outcome.PROMISE_PART, *Outcome]).map(str)),
)
spans = st.builds(
    lambda operator, state, start, length: RawSpan(
        operator, state, FIRST + timedelta(minutes=start), FIRST + timedelta(minutes=start + length)
    ),
    st.sampled_from(OPERATORS),
    st.sampled_from(["ready", "talking", "wrap_up", "paused"]),
    minutes,
    st.integers(1, 1600),
)


@st.composite
def promise_and_payments(draw: st.DrawFn) -> tuple[RawPromise, list[RawPayment]]:
    """A promise and payments of about its amount on the days around it, where the decision is made."""
    debtor, made = draw(st.sampled_from(DEBTORS)), draw(moments)
    due = made.astimezone(TOKYO).date() + timedelta(days=draw(st.integers(0, 2)))
    grace, amount = draw(st.integers(0, 2)), draw(st.sampled_from([1000, 2000]))
    around = st.sampled_from([made.date() - timedelta(days=1), made.date(), due + timedelta(days=grace), due + timedelta(days=grace + 1)])
    yen = st.sampled_from([amount, amount, amount - 1, amount // 2])
    one = st.builds(RawPayment, debtor=st.just(debtor), paid=around, yen=yen, reversed=st.sampled_from([False, False, True]))
    threshold = draw(st.sampled_from([50, 90, 100]))
    taker = draw(st.sampled_from(["", *OPERATORS]))
    return RawPromise(debtor, made, due, grace, amount, threshold, taker), draw(st.lists(one, max_size=2))


def with_promises(town: Town, made: list[tuple[RawPromise, list[RawPayment]]]) -> Town:
    town.promises = [promise for promise, _ in made]
    town.payments = [payment for _, paid in made for payment in paid]
    return town


towns = st.builds(
    Town,
    attempts=st.lists(attempts, max_size=25),
    spans=st.lists(spans, max_size=4),
    taxes=st.dictionaries(st.sampled_from(DEBTORS), st.sets(st.sampled_from(TAXES), min_size=1)),
    teams=st.fixed_dictionaries({name: st.sampled_from(TEAMS) for name in OPERATORS}),
)
towns = st.builds(with_promises, towns, st.lists(promise_and_payments(), max_size=4))


Clerks = dict[str, int | None]
moving = st.tuples(st.sampled_from(OPERATORS), st.sampled_from(TEAMS), st.sampled_from(OPERATORS))


def build(session: Session, town: Town) -> tuple[list[int], Clerks]:
    """Writes the town into the office's tables; returns the debtors' and the operators' ids."""
    people = [world.debtor(session, *((tax, "current") for tax in sorted(town.taxes.get(number, ())))) for number in DEBTORS]
    clerks: Clerks = {name: world.operator(session, name, town.teams[name]) for name in OPERATORS} | {"": None}
    write_attempts(session, town.attempts, people, clerks)
    for span in town.spans:
        assert span.ended is not None
        clerk = clerks[span.operator]
        assert clerk is not None
        world.spans(session, clerk, (span.state, span.began.strftime("%F %T"), span.ended.strftime("%F %T")))
    write_promises(session, town.promises, people, clerks)
    for paid in town.payments:
        reference = world.payment(session, people[paid.debtor], paid.paid, paid.yen, status="reversed" if paid.reversed else "matched")
        if paid.reversed:
            world.payment(session, people[paid.debtor], paid.paid, paid.yen, source_ref=reference, is_reversal=True, status="reversal")
    return people, clerks


def write_attempts(session: Session, attempts: list[RawAttempt], people: list[int], clerks: Clerks) -> None:
    for raw in attempts:
        world.attempt(
            session,
            people[raw.debtor],
            raw.began,
            raw.line,
            raw.party,
            outcome=raw.outcome,
            channel=raw.channel,
            operator_id=clerks[raw.operator],
            handed_over_at=raw.began if raw.handed_over else None,
            source="imported" if raw.imported else "live",
        )


def write_promises(session: Session, promises: list[RawPromise], people: list[int], clerks: Clerks) -> None:
    for made in promises:
        world.promise(
            session,
            people[made.debtor],
            made.made.strftime("%F %T"),
            made.due,
            made.amount,
            grace_days=made.grace,
            threshold_percent=made.threshold,
            made_by=clerks[made.taker],
        )


def regroup(session: Session, town: Town, clerks: Clerks, moves: tuple[str, str, str]) -> Town:
    """One operator changes the team, another one leaves."""
    mover, team, leaver = moves
    session.execute(update(User).where(User.id == clerks[mover]).values(team=team))
    session.execute(update(User).where(User.id == clerks[leaver]).values(is_enabled=False))
    return replace(town, teams=town.teams | {mover: team})


def agree(session: Session, town: Town, period: Period) -> None:
    """Every cut of every channel is what the recount says, and so is what single operators and teams did."""
    compare(session, town, period, None, (None, Cut.HOUR, Cut.DAY, Cut.OPERATOR, Cut.TEAM, Cut.CHANNEL, Cut.TAX))
    for staff in (staff_of(session, "abe"), staff_of(session, team=town.team("ito"))):
        assert staff is not None
        names = {name for name in OPERATORS if staff.key in (name, town.team(name))}
        compare(session, town.only(names), period, staff, (None, Cut.HOUR, Cut.DAY, Cut.TEAM, Cut.TAX))


def compare(session: Session, town: Town, period: Period, staff: Staff | None, cuts: Sequence[Cut | None]) -> None:
    """Each of the cuts, of each channel."""
    for cut in cuts:
        for channel in ("operator_call", "auto_call", "all") if staff is None else ("operator_call", "all"):
            found = headline(session, HeadlineQuery(period, cut, channel, staff=staff), NOW)
            expected = recount(town, period.first, period.last, cut or "", channel, NOW)
            got = {
                row.key if cut else "all": {code: row.figures.value(code) for code in next(iter(expected.values()), {})}
                for row in found.rows
            }
            assert got == expected, (cut, channel, staff)


searching = settings(
    max_examples=50,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@searching
@given(town=towns, first=st.integers(0, 4), length=st.integers(0, 4))
def test_the_sql_agrees_with_the_recount(new_office: Callable[[], int], town: Town, first: int, length: int) -> None:
    start: date = FIRST.date() + timedelta(days=first)
    period = Period(start, start + timedelta(days=length))
    with transaction(new_office()) as session:
        build(session, town)
        agree(session, town, period)


@searching
@given(
    town=towns, first=st.integers(0, 4), length=st.integers(0, 4), built=st.tuples(st.integers(-27, 4), st.integers(0, 60)), moves=moving
)
def test_facts_change_no_figure(
    new_office: Callable[[], int], town: Town, first: int, length: int, built: tuple[int, int], moves: tuple[str, str, str]
) -> None:
    """Whatever days were built, a month among them, and whatever was recorded after that; whoever changed the team or left."""
    start: date = FIRST.date() + timedelta(days=first)
    period = Period(start, start + timedelta(days=length))
    day = FIRST.date() + timedelta(days=built[0])
    early, late = replace(town, attempts=town.attempts[::2], promises=town.promises[:2]), town.attempts[1::2]
    with transaction(new_office()) as session:
        people, clerks = build(session, early)
        rebuild(session, day, day + timedelta(days=built[1]), NOW + timedelta(days=60))
        agree(session, early, period)
        write_attempts(session, late, people, clerks)
        write_promises(session, town.promises[2:], people, clerks)
        agree(session, town, period)
        town = regroup(session, town, clerks, moves)
        agree(session, town, period)
        refresh(session, NOW + timedelta(days=60))
        agree(session, town, period)
