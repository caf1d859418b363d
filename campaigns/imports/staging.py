"""Columns to the server: a typed temporary table filled by COPY, from which rooms work set by set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import polars as pl
from psycopg import Connection
from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of

Progress = Callable[[str, int], None]
_SLICE = 50_000
_BIG = 5_000


def stage(session: Session, table: str, frame: pl.DataFrame, columns: Mapping[str, str], progress: Progress | None = None) -> None:
    """Makes the temporary table `table` with `columns` (name → PostgreSQL type) and fills it from the columns of those names.

    It ends with the transaction. Empty cells are null. `progress` hears the table's name and the rows sent so far.
    """
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    session.execute(text(f"CREATE TEMPORARY TABLE {table} ({listed}) ON COMMIT DROP"))
    ready = frame.select(_sendable(frame, name) for name in columns)
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    names = ", ".join(columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)".encode()) as copy:
        for start in range(0, ready.height, _SLICE):
            part = ready.slice(start, _SLICE)
            copy.write(part.write_csv(include_header=False).encode())
            if progress is not None:
                progress(table, start + part.height)
    session.execute(text(f"ANALYZE {table}"))
    if frame.height > _BIG:
        # The tables may have grown a thousandfold since their statistics were taken; a nested loop would then take hours.
        session.execute(text("SET LOCAL enable_nestloop = off"))
        session.execute(text("SET LOCAL work_mem = '128MB'"))  # joins and sorts of a whole list stay in memory


def _sendable(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Moments with their zone, everything else as polars writes it."""
    if isinstance(frame.schema[name], pl.Datetime):
        return pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S+00")
    return pl.col(name)


def run(session: Session, statement: str, **parameters: Any) -> CursorResult[Any]:
    """Runs one set-based statement with the office as :office and those of `parameters` that it names."""
    known = {"office": office_of(session)} | parameters
    wanted = {name: value for name, value in known.items() if f":{name}" in statement}
    return cast("CursorResult[Any]", session.execute(text(statement), wanted))
