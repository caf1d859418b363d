"""Intervals, the heat table and the drawings for paper."""

from __future__ import annotations

from datetime import UTC, date, datetime
from xml.etree import ElementTree

import pytest

from callcenter.core.intervals import Interval, wilson
from callcenter.web.formats import number, percent
from reports.charts import bar_chart_svg, differ, headline_chart, heat_map, nice_top
from reports.cuts import Cut
from reports.exports.table import plain_text, rounded, shown
from reports.figures import Figures, Row
from reports.metrics import BY_CODE
from reports.pack.shown import tile
from reports.periods import Period
from reports.queries.headline import Headline, HeadlineQuery


def test_wilson_against_published_values() -> None:
    # 81 of 263: 0.2553 to 0.3662 (R. G. Newcombe, Statistics in Medicine 17, 1998, method 3)
    found = wilson(81, 263)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    nothing = wilson(0, 20)
    assert nothing is not None
    assert (nothing.low, round(nothing.high, 4)) == (0.0, 0.1611)
    assert wilson(0, 0) is None
    assert wilson(3, 2) is None


def test_differences_within_noise() -> None:
    assert not differ([Interval(0.1, 0.3), Interval(0.25, 0.4)])
    assert differ([Interval(0.1, 0.2), Interval(0.25, 0.4)])
    assert not differ([])


def test_heat_map_greys_what_says_nothing() -> None:
    found = heat_map({(9, 0): (112, 26), (9, 6): (29, 29), (10, 0): (40, 16), (11, 0): (0, 0)})
    assert (found.hours, found.weekdays) == ((9, 10), (0, 6))
    assert found.cell(9, 0).step(0) == 1
    assert found.cell(10, 0).step(1) == 5
    assert found.cell(9, 6).is_few
    assert found.cell(10, 6).step(0) is None


def report(*rows: Row) -> Headline:
    return Headline(HeadlineQuery(Period(date(2026, 9, 1), date(2026, 9, 1)), Cut.HOUR), rows, datetime(2026, 9, 2, tzinfo=UTC))


def test_a_colour_goes_by_the_number_as_it_is_written() -> None:
    cell = heat_map({(9, 0): (1000, 246)}).cell(9, 0)
    assert (cell.step(0), cell.step(1)) == (2, 1), "25 % on the page, 24.6 % on paper"


def test_series_carry_their_denominators() -> None:
    series = headline_chart(report(Row("09", "9時", "09:00", Figures(attempts=40, contacts=10))), "contact_rate_per_call")
    assert (series.labels, series.values, series.n, series.unit) == (("9時",), (0.25,), (40,), "percent")


def test_the_drawing_is_well_formed() -> None:
    rows = [Row(f"<{hour}>", f"<{hour}>&", "", Figures(attempts=hour)) for hour in range(60)]
    svg = ElementTree.fromstring(bar_chart_svg(headline_chart(report(*rows), "attempts")))
    assert len(svg.findall("{http://www.w3.org/2000/svg}rect")) == 60
    assert ElementTree.fromstring(bar_chart_svg(headline_chart(report(), "attempts"))).tag.endswith("svg")


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (3, 5), (233, 250), (251, 500), (1001, 2000)])
def test_nice_top(value: float, top: float) -> None:
    assert nice_top(value) == top


@pytest.mark.parametrize("text", ["=1+1", "+81", "-1", "@x", "\tx", "＝1", "＠x"])
def test_no_text_is_a_formula(text: str) -> None:
    assert plain_text(text) == f"'{text}"


def test_what_people_read() -> None:
    assert shown(None, BY_CODE["kept_rate"]) == "–"
    assert shown(0.3105, BY_CODE["kept_rate"]) == "31.1%"
    assert shown(1234, BY_CODE["attempts"]) == "1,234"
    assert shown(13.04, BY_CODE["attempts_per_operator_hour"]) == "13.0"
    assert str(rounded(0.25)) == "0.3"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9995, "99.9%"),
        (0.99999, "99.9%"),
        (1, "100.0%"),
        (1.0004, "100.0%"),
        (0.0625, "6.3%"),
        (0.2895, "29.0%"),
        (1 / 3, "33.3%"),
        (0, "0.0%"),
    ],
)
def test_a_share_is_written_alike_everywhere_and_never_as_all_when_it_is_not(share: float, text: str) -> None:
    """The page's tables rounded ties to even, its tiles and files half up; 1,999 of 2,000 were 100.0 %."""
    assert shown(share, BY_CODE["contact_rate_per_call"]) == text
    assert percent(share) == text


def test_a_number_is_written_alike_on_pages_and_in_files() -> None:
    assert number(6.25, 1) == shown(6.25, BY_CODE["attempts_per_operator_hour"]) == "6.3"
    assert number(12_345) == "12,345"
    assert number(2.5) == "3"


def test_more_promises_than_talks_with_the_person_are_said_to_be_so() -> None:
    """A family's promises: a rate above 100 % has an odd base, but it has one, and no test says that it is chance."""
    now, then = Figures(attempts=40, promises=3, right_party_contacts=2), Figures(attempts=40, promises=1, right_party_contacts=2)
    found = tile("promise_rate", now, then, Figures())
    assert (found["value"], found["sure"], found["before"]) == ("150.0%", "分母より多いため、範囲は出せません", "+100.0pt")
    assert tile("promise_rate", Figures(attempts=1), then, then)["sure"] == "分母がありません"
