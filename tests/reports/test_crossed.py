"""Two cuts crossed, and the further metrics: against plain counting over the raw rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import cycle, product
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debtor
from reports.cut_forms import FORMS
from reports.cuts import Cut
from reports.facts.build import rebuild
from reports.further_metrics import CROSSABLE, EVERY, GROUPS
from reports.metrics import ATTEMPTS, CONTACT_PER_CALL, CONTACT_PER_PERSON, KEPT_RATE, PROMISE_RATE
from reports.periods import Period
from reports.queries.crossed import Counts, crossed
from reports.queries.headline import HeadlineQuery, headline
from reports.queries.measures import measured
from tests.reports import world

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 9, 30))
NOW = datetime.fromisoformat("2026-10-05T12:00:00+09:00")


@pytest.fixture
def town(session: Session) -> dict[str, Any]:
    """Four debtors, two operators, two channels, a promise kept and one broken."""
    sato, ito = world.operator(session, "sato"), world.operator(session, "ito")
    campaign_id = world.campaign(session)
    people = [world.debtor(session, ("10", "current")), world.debtor(session, ("10", "current"), ("40", "carried_over"))]
    people += [world.debtor(session, ("40", "carried_over")), world.debtor(session)]
    for number, (person, clerk, day) in enumerate(product(people, (sato, ito), (1, 3, 7, 14, 29))):
        answered = number % 3 == 0
        world.attempt(
            session,
            person,
            f"2026-09-{day:02d} {9 + number % 8:02d}:10",
            "answered" if answered else ("abandoned" if number % 7 == 0 else "no_answer"),
            "debtor" if answered else None,
            operator_id=clerk,
            campaign_id=campaign_id if number % 2 else None,
            outcome="promise_full" if answered and number % 2 else None,
            talk_seconds=60 if answered else 0,
        )
    return {"people": people, "campaign": campaign_id}


def plain(rows: Iterable[Attempt]) -> Counts:
    """The counts in plain Python."""
    all_rows = list(rows)
    contacts = [row for row in all_rows if row.line_result == "answered" and row.party == "debtor"]
    return Counts(
        attempts=len(all_rows),
        answered=sum(row.line_result == "answered" for row in all_rows),
        abandoned=sum(row.line_result == "abandoned" for row in all_rows),
        live_answers=sum(row.line_result in ("answered", "abandoned") for row in all_rows),
        contacts=len(contacts),
        right_party_contacts=len(contacts),
        promises=sum(row.outcome == "promise_full" for row in all_rows),
        talk_seconds=sum(row.talk_seconds for row in all_rows),
        persons_attempted=len({row.debtor_id for row in all_rows}),
        persons_contacted=len({row.debtor_id for row in contacts}),
    )


def test_cells_rows_columns_and_the_whole_agree_with_plain_counting(session: Session, town: dict[str, Any]) -> None:
    found = crossed(session, HeadlineQuery(SEPTEMBER, Cut.HOUR), Cut.WEEKDAY, CONTACT_PER_PERSON, NOW)
    rows = list(session.scalars(select(Attempt)))

    def hour(row: Attempt) -> str:
        return f"{row.began_at.astimezone(world.TOKYO).hour:02d}"

    def weekday(row: Attempt) -> str:
        return str(row.began_at.astimezone(world.TOKYO).isoweekday())

    assert found.whole == plain(rows)
    assert {line.key for line in found.rows} == {hour(row) for row in rows}
    for line in found.rows:
        assert found.row_totals[line.key] == plain(row for row in rows if hour(row) == line.key)
    for line in found.columns:
        assert found.column_totals[line.key] == plain(row for row in rows if weekday(row) == line.key)
    for (key, column), counts in found.cells.items():
        assert counts == plain(row for row in rows if (hour(row), weekday(row)) == (key, column))
    assert sum(counts.attempts for counts in found.cells.values()) == len(rows)


@pytest.mark.parametrize("cut", list(Cut))
def test_every_cut_counts_every_attempt_and_as_the_headline_does(session: Session, town: dict[str, Any], cut: Cut) -> None:
    query = HeadlineQuery(SEPTEMBER, cut)
    found = crossed(session, query, None, CONTACT_PER_CALL, NOW)
    by_headline = {row.key: row.figures.attempts for row in headline(session, query, NOW).rows}
    assert {key: counts.attempts for key, counts in found.row_totals.items()} == by_headline
    total = sum(by_headline.values())
    assert total >= 40 if FORMS[cut].is_multiple else total == 40
    assert all(line.words.ja and line.words.en for line in found.rows)


@pytest.mark.parametrize("pair", [(Cut.OPERATOR, Cut.TRY), (Cut.TAX, Cut.VINTAGE), (Cut.AREA, Cut.LINE_TYPE), (Cut.CYCLE, Cut.CAMPAIGN)])
def test_any_two_cuts_and_every_metric(session: Session, town: dict[str, Any], pair: tuple[Cut, Cut]) -> None:
    for metric in CROSSABLE:
        found = crossed(session, HeadlineQuery(SEPTEMBER, pair[0]), pair[1], metric, NOW)
        for counts in (*found.cells.values(), found.whole):
            value = counts.value(metric)
            assert value is None or value >= 0
            assert counts.hits(metric) >= 0
        assert found.whole.attempts == 40


def test_promises_that_fell_due_stand_in_their_rows(session: Session, town: dict[str, Any]) -> None:
    row = session.scalars(select(Attempt).where(Attempt.outcome == "promise_full").order_by(Attempt.id)).first()
    assert row is not None
    world.promise(session, row.debtor_id, "2026-09-03 10:00", date(2026, 9, 10), 1000, attempt_id=row.id)
    found = crossed(session, HeadlineQuery(SEPTEMBER, Cut.OPERATOR), None, KEPT_RATE, NOW)
    assert found.whole.promises_due == 1
    assert found.whole.value(KEPT_RATE) == 0
    assert sum(counts.promises_due for counts in found.row_totals.values()) == 1


def test_every_declared_metric_has_a_figure_or_says_that_it_has_none(session: Session, town: dict[str, Any]) -> None:
    found = measured(session, HeadlineQuery(SEPTEMBER), NOW)
    figures = {metric.code: found.value(metric) for _, _, metrics in GROUPS for metric in metrics}
    assert set(figures) == set(EVERY)
    assert figures["attempts"] == 40
    assert figures["live_answers"] == figures["answered"] + figures["abandoned"]
    assert figures["listed"] == session.query(Debtor).count() == 4
    assert figures["penetration"] == 1.0
    assert figures["phone_known_rate"] == 0.0
    assert figures["sms_delivery_rate"] is None
    assert figures["intensity"] == 10.0
    assert figures["average_talk"] == 60.0


def test_an_empty_period_has_counts_of_nought_and_no_rates(session: Session, town: dict[str, Any]) -> None:
    found = measured(session, HeadlineQuery(Period(date(2020, 1, 1), date(2020, 1, 31))), NOW)
    assert found.value(EVERY["attempts"]) == 0
    assert found.value(EVERY["contact_rate_per_call"]) is None
    assert found.value(EVERY["occupancy"]) is None


FACT_CUTS = (Cut.HOUR, Cut.WEEKDAY, Cut.DAY, Cut.WEEK, Cut.MONTH, Cut.CHANNEL, Cut.OPERATOR, Cut.TEAM)


def test_facts_cross_as_the_raw_rows_do(session: Session, town: dict[str, Any]) -> None:
    queries = [
        (HeadlineQuery(SEPTEMBER, row, campaign_id=town["campaign"]), column) for row, column in product(FACT_CUTS, (*FACT_CUTS, None))
    ]
    queries += [(HeadlineQuery(SEPTEMBER, Cut.HOUR, channel="all"), Cut.CHANNEL), (HeadlineQuery(SEPTEMBER, Cut.DAY), Cut.AMOUNT)]

    def asked() -> list[dict[str, list[tuple[Any, ...]]]]:
        tables = []
        for (query, column), metric in zip(queries, cycle((CONTACT_PER_CALL, PROMISE_RATE, ATTEMPTS)), strict=False):
            found = crossed(session, query, column, metric, NOW)
            parts: dict[str, dict[Any, Counts]] = {
                "cells": found.cells,
                "rows": found.row_totals,
                "columns": found.column_totals,
                "whole": {"": found.whole},
            }
            tables.append({n: sorted((k, c.value(metric), c.base(metric)) for k, c in part.items()) for n, part in parts.items()})
        return tables

    raw = asked()
    rebuild(session, date(2026, 9, 1), date(2026, 9, 30), NOW)
    session.execute(text("INSERT INTO fact_dirty (office_id, day) VALUES (:office, '2026-09-07')"), {"office": session.info["office_id"]})
    assert asked() == raw


def test_taxes_are_called_by_their_names(session: Session, town: dict[str, Any]) -> None:
    session.execute(text("UPDATE debt SET tax_name = '市県民税' WHERE tax_code = '10'"))
    found = crossed(session, HeadlineQuery(SEPTEMBER, Cut.TAX), None, CONTACT_PER_CALL, NOW)
    assert {line.key: line.words.ja for line in found.rows} == {"": "税目なし", "10": "市県民税 (10)", "40": "40"}
    rows = headline(session, HeadlineQuery(SEPTEMBER, Cut.TAX), NOW).rows
    assert [row.label for row in rows] == ["税目なし", "市県民税 (10)", "40"]
