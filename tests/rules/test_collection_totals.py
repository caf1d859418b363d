"""The monthly totals' file, and rates that are never rounded up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from reports.collection.rates import Sums, same_month_last_year
from reports.collection.totals_file import read_totals

HEAD = "年度,年月,税目,区分,調定額,収入済額,不納欠損額\r\n"


def test_a_file_in_many_writings() -> None:
    text = (
        HEAD
        + '2026,2026-10,市県民税,現年,"1,000,000",993000,0\r\n'
        + "令和8年度,令和8年10月,固定資産税,滞納繰越分,500000,222000,\r\n"
        + "R7,R8.5,軽自動車税,現年課税分,1000円,１０００,0\r\n"
        + ",,,,,,\r\n"
    )
    for encoding in ("utf-8", "utf-8-sig", "cp932"):
        totals, problems = read_totals(text.encode(encoding))
        assert problems == []
        assert [(one.fiscal_year, one.month, one.vintage, one.assessed, one.received) for one in totals] == [
            (2026, date(2026, 10, 1), "current", 1_000_000, 993_000),
            (2026, date(2026, 10, 1), "carried_over", 500_000, 222_000),
            (2025, date(2026, 5, 1), "current", 1000, 1000),
        ]


def test_every_problem_is_named_by_row_and_column() -> None:
    rows = ["2026,きのう,市,現年,1,1,", "x,2026-10,,過年,-1,abc,0", "2026,2027-08,市,現年,1,1,0", "2026,2026-10,市,現年,1,1,0"]
    text = HEAD + "\r\n".join([*rows, "2026,R8.10,市,現年度,1,1,0"])
    totals, problems = read_totals(text.encode())
    assert [(one.row, one.column) for one in problems] == [
        (2, "年月"),
        (3, "年度"),
        (3, "税目"),
        (3, "区分"),
        (3, "調定額"),
        (3, "収入済額"),
        (4, "年月"),
        (6, "年月"),
    ]
    assert len(totals) == 1


@pytest.mark.parametrize("data", [b"", b"a,b\r\n1,2\r\n", b"\xff\xfe\x00\x81", HEAD.encode() + b"x" * 4_000_001])
def test_what_is_no_such_file(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_totals(data)


def test_the_rate_is_never_rounded_up() -> None:
    assert Sums(1_000_000, 993_999, 0).rate == Decimal("99.3")
    assert Sums(1_000_000, 999_999, 0).rate == Decimal("99.9")
    assert Sums(1000, 1000, 0).rate == Decimal(100)
    assert Sums(0, 0, 0).rate is None


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_the_shown_rate_is_within_a_tenth_below_the_true_one(assessed: int, received: int) -> None:
    rate = Sums(assessed, received, 0).rate
    assert rate is not None
    assert Decimal(0) <= Decimal(received) * 100 / assessed - rate < Decimal("0.1000001")


def test_the_month_before() -> None:
    assert same_month_last_year(date(2026, 5, 1)) == date(2025, 5, 1)
