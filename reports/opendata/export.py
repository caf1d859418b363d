"""The files of an export: one of each table and month, the facts, what the columns mean, and a list with checksums."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from callcenter.core.errors import Conflict
from campaigns.attempts.codes import CONTACT_PARTIES, RIGHT_PARTIES, LineResult
from reports.exports.table import FORMULA_STARTS
from reports.opendata.protect import facts_of, name_persons, protect
from reports.opendata.tables import FACTS, LEAST_PERSONS, TABLES, OpenTable
from reports.periods import Period, months_of

FORMATS = ("parquet", "csv")
SCHEMA: dict[str, Any] = {
    "debtor_id": pl.Int64,
    "day": pl.Date,
    "hour": pl.Int64,
    "weeks": pl.Int64,
    "amount_from": pl.Int64,
    "talk_seconds": pl.Int64,
    "is_contact": pl.Boolean,
    "is_right_party": pl.Boolean,
}


@dataclass(slots=True)
class Exported:
    """What was written: files with their rows and SHA-256, and what the protection of small cells cost."""

    folder: Path
    first: date
    last: date
    files: list[dict[str, Any]] = field(default_factory=list)
    coarsened: int = 0
    left_out: int = 0

    def document(self) -> dict[str, Any]:
        """For other programs; it stands in the folder as manifest.json, too, without the folder's own name."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "least_persons": LEAST_PERSONS,
            "rows_coarsened": self.coarsened,
            "rows_left_out": self.left_out,
            "files": self.files,
        }


def export(
    session: Session, folder: Path, period: Period, kind: str, now: datetime, told: Callable[[int, int], None] = lambda _done, _of: None
) -> Exported:
    """Writes the period's tables month by month, so that memory holds one month of one table.

    Args:
        folder: made when it is not there; must be empty, so that two exports never mix.
        kind: parquet or csv.
        told: hears how many of how many parts are done.

    Raises:
        Conflict: the folder holds something already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty.", hint="Name a new folder.", code="not_empty")
    key = secrets.token_bytes(32)  # forgotten at the end: nobody can name the persons again
    found = Exported(folder, period.first, period.last)
    months = months_of(period)
    done, parts, facts = 0, len(months) * len(TABLES), []
    for table in TABLES:
        for first, last in months:
            shown = protect(name_persons(_rows(session, table, Period(first, last, period.zone)), key), table.cell, table.given_up)
            found.coarsened, found.left_out = found.coarsened + shown.coarsened, found.left_out + shown.left_out
            if shown.table.height:
                _write(found, f"{table.name}-{first:%Y-%m}", shown.table, kind)
            if table.name == "attempts":
                facts.append(facts_of(shown.table))
            done += 1
            told(done, parts)
    _write(found, FACTS.name, pl.concat(facts), kind)
    (folder / "columns.csv").write_text(_columns(), encoding="utf-8-sig", newline="")
    (folder / "manifest.json").write_text(
        json.dumps(found.document() | {"made_at": now.isoformat()}, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    return found


def _rows(session: Session, table: OpenTable, period: Period) -> pl.DataFrame:
    start, end = period.bounds
    values = {
        "office": office_of(session),
        "zone": str(period.zone),
        "start": start,
        "end": end,
        "first": period.first,
        "last": period.last,
        "failed": str(LineResult.FAILED),
        "answered": str(LineResult.ANSWERED),
        "contact_parties": sorted(CONTACT_PARTIES),
        "right_parties": sorted(RIGHT_PARTIES),
    }
    names = ["debtor_id", *(name for name in table.columns if name != "person")]
    schema = {name: SCHEMA.get(name, pl.String) for name in names}
    parts = [pl.DataFrame(schema=schema)]
    result = session.execute(text(table.statement), values, execution_options={"stream_results": True})
    for chunk in result.partitions(50_000):
        parts.append(pl.DataFrame([tuple(row) for row in chunk], schema=schema, orient="row"))
    return pl.concat(parts)


def _write(found: Exported, name: str, table: pl.DataFrame, kind: str) -> None:
    path = found.folder / f"{name}.{kind}"
    if kind == "parquet":
        table.write_parquet(path)
    else:
        starts = "^[" + "".join(map(re.escape, FORMULA_STARTS)) + "]"  # a tax's code is free text of the core system
        texts = pl.when(pl.col(pl.String).str.contains(starts)).then(pl.lit("'") + pl.col(pl.String)).otherwise(pl.col(pl.String))
        table.with_columns(texts.name.keep()).write_csv(path, include_bom=True)
    found.files.append({"name": path.name, "rows": table.height, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})


def _columns() -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("table", "column", "意味", "meaning"))
    for table in (*TABLES, FACTS):
        writer.writerow((table.name, "", *table.meaning))
        writer.writerows((table.name, column, *meaning) for column, meaning in table.columns.items())
    return out.getvalue()
