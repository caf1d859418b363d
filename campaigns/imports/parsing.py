"""An upload's bytes to typed rows and refused rows, pure and columnar: nothing here knows a database or a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from callcenter.core.eras import fiscal_year
from campaigns.imports.columns import READERS, SPACES
from campaigns.imports.layouts import REJECTION_HEADERS, Field, Layout, match_headers, normal_word
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


def is_rejected_file(headers: tuple[str, ...]) -> bool:
    """Whether this is one of our own files of rejected rows, corrected and loaded again."""
    known = {normal_word(header) for header in headers}
    return {normal_word(header) for header in REJECTION_HEADERS} <= known


def _cells(table: RawTable, index: int) -> pl.Series:
    """The trimmed cells of one column; an empty cell is null."""
    cells = table.frame[f"c{index}"].str.strip_chars(SPACES)
    if is_rejected_file(table.headers):
        cells = cells.str.replace(r"^'([=+\-@\t])", "$1")
    return cells.set(cells == "", None) if (cells == "").any() else cells


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
    return lines.select("row", pl.lit(field.headers[0]).alias("column"), "code", "value")


def _read_columns(table: RawTable, layout: Layout, columns: dict[str, int]) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
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
    column = layout.field("outstanding").headers[0]
    return wrong.select(
        "row", pl.lit(column).alias("column"), pl.lit("sum").alias("code"), pl.col("outstanding").cast(pl.String).alias("value")
    )


def _second_keys(frame: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Rows whose key an earlier row of the file has taken."""
    key = [name for name in layout.key if name in frame.columns]
    again = frame.filter(~pl.struct(key).is_first_distinct()) if frame.height else frame
    column = "、".join(layout.field(name).headers[0] for name in key)
    return again.select("row", pl.lit(column).alias("column"), pl.lit("duplicate").alias("code"), pl.lit("").alias("value"))


def _ragged_problems(table: RawTable) -> pl.DataFrame:
    rows = sorted(table.ragged)
    return pl.DataFrame(
        {"row": rows, "column": [""] * len(rows), "code": ["cells"] * len(rows), "value": [str(len(table.ragged[row])) for row in rows]},
        schema=PROBLEM_SCHEMA,
    )


def _ragged_owners(table: RawTable, index: int | None) -> pl.DataFrame:
    """Whose the rows with too many or too few cells seem to be, so that nothing of theirs is closed as no longer listed."""
    owners = {row: cells[index] for row, cells in table.ragged.items() if index is not None and index < len(cells)}
    return pl.DataFrame({"row": list(owners), "debtor_no": list(owners.values())}, schema={"row": pl.Int64, "debtor_no": pl.String})


def parse_table(table: RawTable, layout: Layout, file_name: str) -> ParsedFile:
    """The typed rows of a table and what is wrong with the others; see `parse_file`."""
    columns = match_headers(layout, table.headers, file_name)
    typed, problems = _read_columns(table, layout, columns)
    bad = pl.concat([*problems, _ragged_problems(table)])
    good = typed.join(bad.select("row").unique(), on="row", how="anti", maintain_order="left") if bad.height else typed
    for check in (_wrong_sums, _second_keys):
        more = check(good, layout)
        if more.height:
            bad = pl.concat([bad, more])
            good = good.join(more.select("row").unique(), on="row", how="anti", maintain_order="left")
    refused = typed.join(bad.select("row").unique(), on="row", how="semi") if bad.height else typed.clear()
    refused = pl.concat([refused, _ragged_owners(table, columns.get("debtor_no"))], how="diagonal")
    rows = table.frame.height + len(table.ragged)
    return ParsedFile(layout, table, good, bad.sort("row", maintain_order=True), refused, frozenset(columns), rows, table.lost)


def parse_file(data: bytes, layout: Layout, file_name: str = "file") -> ParsedFile:
    """Reads an upload by a layout.

    Raises InvalidInput when the file as a whole can't be taken: wrong kind, empty, undecidable encoding, missing columns, 個人番号.
    Single rows that can't be taken are in `problems`.
    """
    return parse_table(read_table(data, file_name), layout, file_name)


def with_vintage(frame: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Fills in 現年滞繰区分 where the file has none: the levy year is the list's fiscal year → current, otherwise carried over."""
    current = fiscal_year(as_of)
    derived = pl.when(pl.col("levy_year") >= current).then(pl.lit("current")).otherwise(pl.lit("carried_over"))
    given = pl.col("vintage") if "vintage" in frame.columns else pl.lit(None, dtype=pl.String)
    return frame.with_columns(vintage=pl.coalesce(given, derived))
