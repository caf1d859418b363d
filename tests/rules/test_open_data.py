"""Small cells: nothing that fewer than five persons share is left, and nothing else is touched."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reports.opendata.protect import facts_of, name_persons, protect
from reports.opendata.tables import LEAST_PERSONS, PERSON, TABLES

SCHEMA = {PERSON: pl.String, "a": pl.String, "b": pl.Int64, "c": pl.String}
ROWS = st.lists(st.tuples(st.sampled_from("pqrstuvwxyz"), st.sampled_from("xy"), st.integers(0, 2), st.sampled_from("kl")), max_size=60)


@given(ROWS)
def test_no_small_cell_is_left(rows: list[tuple[str, str, int, str]]) -> None:
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    found = protect(table, ("a", "b", "c"), ("b", "c", "a"))
    sizes = found.table.group_by("a", "b", "c").agg(pl.col(PERSON).n_unique().alias("persons"))
    assert (sizes["persons"] >= LEAST_PERSONS).all()
    assert found.table.height + found.left_out == table.height
    large = table.filter(pl.col(PERSON).n_unique().over("a", "b", "c") >= LEAST_PERSONS)
    kept = found.table.filter(pl.all_horizontal(pl.col("a", "b", "c").is_not_null()))
    assert kept.height == large.height
    assert kept.equals(large)
    assert found.coarsened == found.table.height - large.height


def test_persons_have_another_name_in_each_export() -> None:
    table = pl.DataFrame({"debtor_id": [7, 8, 7], "a": ["x", "y", "z"]})
    first, second = name_persons(table, b"k" * 32), name_persons(table, b"l" * 32)
    names = first[PERSON].to_list()
    assert names[0] == names[2] != names[1]
    assert first["a"].to_list() == ["x", "y", "z"]
    assert set(names).isdisjoint(second[PERSON].to_list())
    assert "debtor_id" not in first.columns


def test_facts_leave_out_what_few_share() -> None:
    rows = [(f"p{number}", "2026-09-01", 9, "sms", number < 6, number == 0) for number in range(8)]
    rows += [("p1", "2026-09-01", 10, "sms", True, False)]
    schema = {
        PERSON: pl.String,
        "day": pl.String,
        "hour": pl.Int64,
        "channel": pl.String,
        "is_contact": pl.Boolean,
        "is_right_party": pl.Boolean,
    }
    found = facts_of(pl.DataFrame(rows, schema=schema, orient="row"))
    assert found.rows() == [("2026-09-01", 9, "sms", 8, 8, 6, None)]


def test_every_column_is_explained_and_protected() -> None:
    """Whether a call counts as a contact tells who came to the telephone: it is no less a column of the cell than the others."""
    for table in TABLES:
        kept = {"channel", "is_contact", "is_right_party"} if table.name == "attempts" else set()
        assert set(table.cell) == set(table.given_up) | kept
        assert set(table.columns) - set(table.cell) == {PERSON}
