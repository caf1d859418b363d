"""Columns to the server: typed temporary tables filled by COPY, from which rooms work set by set."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import polars as pl
from psycopg import Connection
from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of

# Hears what is being done, how many rows of it are done, and of how many (0: not known).
Progress = Callable[[str, int, int], None]
_CHUNK = 1 << 20
_BIG = 5_000


def rows_for_copy(frame: pl.DataFrame, columns: Iterable[str]) -> bytes:
    """The columns of those names as `fill` takes them; empty cells are null."""
    out = io.BytesIO()
    frame.select(_sendable(frame, name) for name in columns).write_csv(out, include_header=False)
    return out.getvalue()


def _sendable(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Moments with their zone, everything else as polars writes it."""
    if isinstance(frame.schema[name], pl.Datetime):
        return pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S+00")
    return pl.col(name)


def create(session: Session, table: str, columns: Mapping[str, str]) -> None:
    """Makes the temporary table `table` with `columns` (name → PostgreSQL type and default); it ends with the transaction."""
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    session.execute(text(f"CREATE TEMPORARY TABLE {table} ({listed}) ON COMMIT DROP"))


def fill(session: Session, table: str, columns: Iterable[str], rows: bytes) -> None:
    """Adds rows made by `rows_for_copy` to a table."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv)".encode()) as copy:
        for start in range(0, len(rows), _CHUNK):
            copy.write(rows[start : start + _CHUNK])


def plan_for(session: Session, rows: int, *tables: str) -> None:
    """Lets the server plan for what has been staged: `rows` in the largest of `tables`."""
    session.execute(text("SET LOCAL jit = off"))  # compiling costs more than it saves where each statement runs once
    for table in tables:
        session.execute(text(f"ANALYZE {table}"))
    if rows > _BIG:
        # The tables may have grown a thousandfold since their statistics were taken; a nested loop would then take hours.
        session.execute(text("SET LOCAL enable_nestloop = off"))
        session.execute(text("SET LOCAL work_mem = '128MB'"))  # joins and sorts of a whole list stay in memory


def stage(session: Session, table: str, frames: Iterable[pl.DataFrame], columns: Mapping[str, str]) -> int:
    """Makes the temporary table `table` with `columns` (name → PostgreSQL type) and fills it from the frames' columns of those names.

    Returns how many rows there are.
    """
    create(session, table, columns)
    rows = 0
    for frame in frames:
        fill(session, table, columns, rows_for_copy(frame, columns))
        rows += frame.height
    plan_for(session, rows, table)
    return rows


def run(session: Session, statement: str, **parameters: Any) -> CursorResult[Any]:
    """Runs one set-based statement with the office as :office and those of `parameters` that it names."""
    known = {"office": office_of(session)} | parameters
    wanted = {name: value for name, value in known.items() if f":{name}" in statement}
    return cast("CursorResult[Any]", session.execute(text(statement), wanted))
