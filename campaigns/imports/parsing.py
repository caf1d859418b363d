"""An upload's bytes to typed rows and refused rows, pure and columnar: nothing here knows a database or a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from callcenter.core.eras import fiscal_year
from campaigns.imports.columns import READERS
from campaigns.imports.keys import SeenKeys
from campaigns.imports.layouts import Binding, Field, Layout, match_headers
from campaigns.imports.sources import bound_cells, is_rejected_file, is_skipped, without_skipped
from campaigns.imports.tables import LostGlyph, RawTable, read_table

PROBLEM_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {"row": pl.Int64, "column": pl.String, "code": pl.String, "value": pl.String}


@dataclass(frozen=True)
class ParsedFile:
    """What a file says.

    `frame`: one row per row taken, with `row` (as in the file, the header is 1) and one typed column per field present; dates are Date,
    yen and numbers Int64, moments UTC. `problems`: row, column (header), code, value, one line per thing wrong; a row named there is not
    in `frame`. `refused`: the refused rows' typed fields, null where unreadable. `present`: the fields the file has. `rows`: all its rows.
    """

    layout: Layout
    table: RawTable
    frame: pl.DataFrame
    problems: pl.DataFrame
    refused: pl.DataFrame
    present: frozenset[str]
    rows: int
    lost: tuple[LostGlyph, ...]

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return self.problems["row"].n_unique()


def _cells(table: RawTable, binding: Binding) -> pl.Series:
    """The trimmed text of one field; an empty cell is null."""
    cells = bound_cells(table.frame, binding, is_rejected_file(table.headers))
    return cells.set(cells == "", None) if (cells == "").any() else cells


def _listed(table: RawTable, layout: Layout) -> RawTable:
    """The table without the rows that the layout skips."""
    if not layout.source.skip:
        return table
    ragged = {row: cells for row, cells in table.ragged.items() if not is_skipped(cells, table.headers, layout.source)}
    return replace(table, frame=without_skipped(table.frame, table.headers, layout.source), ragged=ragged)


def _problems_of(table: RawTable, field: Field, cells: pl.Series, values: pl.Series, problems: pl.Series) -> pl.DataFrame:
    """Rows of PROBLEM_SCHEMA for one column."""
    found = problems
    if field.is_required:
        missing = values.is_null() & problems.is_null()
        if missing.any():
            found = pl.select(pl.when(missing).then(pl.lit("missing")).otherwise(problems)).to_series()
    if found.null_count() == len(found):
        return pl.DataFrame(schema=PROBLEM_SCHEMA)
    lines = pl.DataFrame({"row": table.frame["row"], "code": found, "value": cells}).filter(pl.col("code").is_not_null())
    return lines.select("row", pl.lit(field.label).alias("column"), "code", "value")


def _read_columns(table: RawTable, layout: Layout, columns: dict[str, Binding]) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    typed = {"row": table.frame["row"]}
    problems: list[pl.DataFrame] = []
    for field in layout.fields:
        if field.name not in columns:
            continue
        cells = _cells(table, columns[field.name])
        read = READERS[field.type](cells, field)
        values = read.values if field.default is None else read.values.fill_null(field.default)
        typed[field.name] = values
        problems.append(_problems_of(table, field, cells, values, read.problems))
    return pl.DataFrame(typed), problems


def _wrong_sums(frame: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Where all three are given, assessed − received must be outstanding."""
    if not {"assessed", "received", "outstanding"} <= set(frame.columns):
        return pl.DataFrame(schema=PROBLEM_SCHEMA)
    wrong = frame.filter(pl.col("assessed") - pl.col("received") != pl.col("outstanding"))
    column = layout.field("outstanding").label
    return wrong.select(
        "row", pl.lit(column).alias("column"), pl.lit("sum").alias("code"), pl.col("outstanding").cast(pl.String).alias("value")
    )


def _second_keys(frame: pl.DataFrame, layout: Layout, seen: SeenKeys) -> pl.DataFrame:
    """Rows whose key an earlier row of the file has taken."""
    key = [name for name in layout.key if name in frame.columns]
    within, before = seen.add(frame, key)
    again = frame.filter(within | before)
    column = "、".join(layout.field(name).label for name in key)
    return again.select("row", pl.lit(column).alias("column"), pl.lit("duplicate").alias("code"), pl.lit("").alias("value"))


def _ragged_problems(table: RawTable) -> pl.DataFrame:
    rows = sorted(table.ragged)
    return pl.DataFrame(
        {"row": rows, "column": [""] * len(rows), "code": ["cells"] * len(rows), "value": [str(len(table.ragged[row])) for row in rows]},
        schema=PROBLEM_SCHEMA,
    )


def _ragged_owners(table: RawTable, binding: Binding | None) -> pl.DataFrame:
    """Whose the rows with too many or too few cells seem to be, so that nothing of theirs is closed as no longer listed."""
    index = binding.columns[0] if binding and binding.columns else None
    owners = {row: cells[index] for row, cells in table.ragged.items() if index is not None and index < len(cells)}
    return pl.DataFrame({"row": list(owners), "debtor_no": list(owners.values())}, schema={"row": pl.Int64, "debtor_no": pl.String})


class Parser:
    """Reads a file by a layout, part by part; remembers the keys, so that a second row of a key is refused wherever it stands."""

    def __init__(self, layout: Layout, file_name: str) -> None:
        self.layout = layout
        self._file_name = file_name
        self._seen = SeenKeys()

    def parse(self, table: RawTable) -> ParsedFile:
        """The typed rows of the next part and what is wrong with the others; raises as `parse_file` does."""
        layout = self.layout
        columns = match_headers(layout, table.headers, self._file_name)
        table = _listed(table, layout)
        typed, problems = _read_columns(table, layout, columns)
        bad = pl.concat([*problems, _ragged_problems(table)])
        good = _without(typed, bad)
        bad = pl.concat([bad, more := _wrong_sums(good, layout)])
        good = _without(good, more)
        bad = pl.concat([bad, more := _second_keys(good, layout, self._seen)])
        good = _without(good, more)
        refused = typed.join(bad.select("row").unique(), on="row", how="semi") if bad.height else typed.clear()
        refused = pl.concat([refused, _ragged_owners(table, columns.get("debtor_no"))], how="diagonal")
        rows = table.frame.height + len(table.ragged)
        return ParsedFile(layout, table, good, bad.sort("row", maintain_order=True), refused, frozenset(columns), rows, table.lost)


def _without(frame: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    return frame.join(bad.select("row").unique(), on="row", how="anti", maintain_order="left") if bad.height else frame


def parse_table(table: RawTable, layout: Layout, file_name: str) -> ParsedFile:
    """The typed rows of a table and what is wrong with the others; see `parse_file`."""
    return Parser(layout, file_name).parse(table)


def parse_file(data: bytes, layout: Layout, file_name: str = "file") -> ParsedFile:
    """Reads an upload by a layout.

    Raises InvalidInput when the file as a whole can't be taken: wrong kind, empty, undecidable encoding, missing columns, 個人番号.
    Single rows that can't be taken are in `problems`.
    """
    return parse_table(read_table(data, file_name, layout.source), layout, file_name)


def with_vintage(frame: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Fills in 現年滞繰区分 where the file has none: the levy year is the list's fiscal year → current, otherwise carried over."""
    current = fiscal_year(as_of)
    derived = pl.when(pl.col("levy_year") >= current).then(pl.lit("current")).otherwise(pl.lit("carried_over"))
    given = pl.col("vintage") if "vintage" in frame.columns else pl.lit(None, dtype=pl.String)
    return frame.with_columns(vintage=pl.coalesce(given, derived))
