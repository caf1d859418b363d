"""A stored upload read part by part; what was refused and what could not be read gathers here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from campaigns.imports.layouts import Layout
from campaigns.imports.parsing import PROBLEM_SCHEMA, ParsedFile, Parser
from campaigns.imports.raw import LostGlyph, RawTable, named
from campaigns.imports.tables import PART_BYTES, read_parts

KEPT_ROWS = 20_000  # refused rows whose cells are kept; for more the file is read once more
KEPT_LOST = 1_000
_PROBLEM = ("row", "column", "code")


class FileReader:
    """Reads a file by a layout. `rows` counts all its rows so far, `done` the bytes read; `lost` holds the first unreadable glyphs."""

    def __init__(self, path: Path, file_name: str, layout: Layout, *, part_bytes: int | None = None) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.layout = layout
        self.headers: tuple[str, ...] = ()
        self.rows = self.done = 0
        self.lost: list[LostGlyph] = []
        self._file_name = file_name
        self._part_bytes = part_bytes or PART_BYTES
        self._problems: list[pl.DataFrame] = []
        self._kept: dict[int, list[str]] = {}

    @property
    def expected(self) -> int:
        """How many rows the whole file has, judged by what has been read of it; exact at its end."""
        return self.rows if self.done >= self.size else round(self.rows * self.size / max(self.done, 1))

    def _tables(self) -> Iterator[RawTable]:
        return read_parts(self.path, self._file_name, self.layout.source, size=self._part_bytes)

    def parts(self) -> Iterator[ParsedFile]:
        """The parts in the order of the file, at least one; raises as `parse_file` does, perhaps only at the end."""
        parser = Parser(self.layout, self._file_name)
        for table in self._tables():
            parsed = parser.parse(table)
            self.headers = table.headers
            self.rows += parsed.rows
            self.done = table.end or self.size
            self.lost += parsed.lost[: KEPT_LOST - len(self.lost)]
            if parsed.problems.height:
                self._keep(table, parsed.problems)
            yield parsed

    def _keep(self, table: RawTable, problems: pl.DataFrame) -> None:
        self._problems.append(problems.select(_PROBLEM))
        room = KEPT_ROWS - len(self._kept)
        if room > 0:
            self._kept |= _cells(table, problems["row"].unique().sort().head(room))

    def refuse(self, rows: tuple[int, ...], field: str, code: str) -> None:
        """Adds rows that were refused after they had been read."""
        if rows:
            column = self.layout.field(field).label
            size = len(rows)
            schema = {name: PROBLEM_SCHEMA[name] for name in _PROBLEM}
            self._problems.append(pl.DataFrame({"row": rows, "column": [column] * size, "code": [code] * size}, schema=schema))

    def problems(self) -> pl.DataFrame:
        """What is wrong, in the order of the file: row, column, code."""
        empty = pl.DataFrame(schema={name: PROBLEM_SCHEMA[name] for name in _PROBLEM})
        return pl.concat([empty, *self._problems]).sort("row", maintain_order=True)

    def originals(self, rows: pl.Series) -> Iterator[tuple[int, list[str]]]:
        """The cells of rows as the file had them, in its order."""
        if all(row in self._kept for row in rows):
            yield from ((row, self._kept[row]) for row in rows.sort())
            return
        for table in self._tables():
            yield from sorted(_cells(table, rows).items())


def _cells(table: RawTable, rows: pl.Series) -> dict[int, list[str]]:
    """The cells of those of the rows that are in this part."""
    wanted = pl.DataFrame({"row": rows}, schema={"row": pl.Int64})
    found = table.frame.join(wanted, on="row", how="semi").select("row", *named(len(table.headers)))
    cells = {line[0]: [cell or "" for cell in line[1:]] for line in found.iter_rows()}
    if table.ragged:
        cells |= {row: table.ragged[row] for row in rows if row in table.ragged}
    return cells
