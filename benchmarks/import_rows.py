"""Importing a delinquent list against the database's own speed: our validated import / a raw COPY of the same file into one typed table.

    python -m benchmarks.import_rows [--full] [--json]

The raw COPY checks nothing but its key, and knows no debtors. Ours decodes CP932, validates every cell and row, and merges debtors, numbers
and debts under their keys, foreign keys and row-level security. Both take turns in one database; each turn asserts that both hold the
same rows and the same sum. Then the same rows in another order are imported (nothing may change), and the very same file.

Memory and growth: files of several sizes are imported by a process each, which tells its peak and that of the server's process
(with the shared memory it has touched).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Engine, text

from benchmarks.scratch import database
from callcenter.commands.sampling.debts import installments, written_list
from callcenter.commands.sampling.draws import Draws
from callcenter.commands.sampling.people import debtors
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.imports.service import ImportResult, register_upload, run_import

AS_OF = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
QUICK, FULL, PAIRS = 20_000, 1_000_000, 5
SIZES = {True: (20_000, 100_000), False: (100_000, 1_000_000, 2_500_000)}
TYPED = """
CREATE TABLE raw_list (debtor_no text, kind smallint, name text, name_kana text, birth text, postal text, address text, household text,
  phone1 text, phone2 text, phone3 text, tax_code text, tax_name text, levy_year int, base_year int, term int, notice_no text, due_on date,
  assessed bigint, received bigint, outstanding bigint, demand_fee int, late_charge int, demand_sent_on date, vintage text, hold int,
  do_not_contact int, remark text, PRIMARY KEY (debtor_no, tax_code, levy_year, base_year, term, notice_no))
"""


def make_files(rows: int) -> tuple[bytes, bytes, int]:
    """The list as CP932 bytes in two orders, and its sum outstanding; days and amounts in the one style a COPY can read."""
    draws = Draws(2)
    people = debtors(draws, rows // 2, AS_OF)
    debts = installments(draws, people, AS_OF).head(rows)
    plain = written_list(draws, people, debts, AS_OF).with_columns(
        pl.lit("2026-07-20").alias("督促状発送日"),
        debts["due_on"].cast(pl.String).alias("納期限"),
        debts["levy_year"].cast(pl.String).alias("賦課年度"),
        debts["base_year"].cast(pl.String).alias("相当年度"),
        debts["assessed"].cast(pl.String).alias("調定額"),
        debts["received"].cast(pl.String).alias("収入済額"),
        debts["outstanding"].cast(pl.String).alias("未納額"),
    )
    assert plain.height == rows
    blank = pl.when(pl.all() != "").then(pl.all()).name.keep()
    first, other = (frame.select(blank).write_csv(line_terminator="\r\n").encode("cp932") for frame in (plain, plain.reverse()))
    return first, other, int(debts["outstanding"].sum())


def copy_raw(engine: Engine, data: bytes) -> float:
    """Seconds for COPY of the bytes into an empty typed table, committed."""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS raw_list"))
        connection.execute(text(TYPED))
    began = time.perf_counter()
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy("COPY raw_list FROM STDIN (FORMAT csv, HEADER, ENCODING 'SJIS')") as copy:
            for start in range(0, len(data), 1 << 20):
                copy.write(data[start : start + (1 << 20)])
    return time.perf_counter() - began


def import_ours(office_id: int, file: Path) -> tuple[float, ImportResult]:
    """Seconds from the file to the finished import."""
    began = time.perf_counter()
    with transaction(office_id) as session:
        row = register_upload(session, "debts", "list.csv", file, now=NOW, as_of=AS_OF, is_queued=False)
    result = run_import(office_id, row.id, now=NOW)
    return time.perf_counter() - began, result


def empty(engine: Engine) -> None:
    """Takes the town away again."""
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE debtor, debt, phone_number, import_file, rejection CASCADE"))
        connection.execute(text("DROP TABLE IF EXISTS raw_list"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))


def check(engine: Engine, rows: int, total: int) -> None:
    """Both tables hold every row and every yen."""
    for table in ("raw_list", "debt"):
        with engine.connect() as connection:
            assert connection.execute(text(f"SELECT count(*), sum(outstanding) FROM {table}")).one() == (rows, total)


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": round(statistics.median(values), 3), "least": round(min(values), 3), "most": round(max(values), 3)}


def run(quick: bool) -> dict[str, Any]:
    """Rows per second and ratios to the raw COPY, `PAIRS` times by turns."""

    rows = QUICK if quick else FULL
    data, other_data, total = make_files(rows)
    raw: list[float] = []
    first: list[float] = []
    reordered: list[float] = []
    repeated: list[float] = []
    with tempfile.TemporaryDirectory() as name, folder_as_data(Path(name)), database() as engine:
        file, other = Path(name, "list.csv"), Path(name, "other.csv")
        file.write_bytes(data)
        other.write_bytes(other_data)
        office_id = make_office()
        for turn in range(PAIRS):
            empty(engine)
            steps: list[Callable[[], None]] = [
                lambda: raw.append(copy_raw(engine, data)),
                lambda: first.append(taken(office_id, file, rows, 0)),
            ]
            for step in steps if turn % 2 == 0 else reversed(steps):
                step()
            check(engine, rows, total)
            reordered.append(taken(office_id, other, 0, rows))
            repeated.append(taken(office_id, other, 0, rows))
            check(engine, rows, total)
        sizes = {f"{size:,} rows": measured(engine, Path(name), size) for size in SIZES[quick]}
    ratio = {
        "import": spread([ours / theirs for ours, theirs in zip(first, raw, strict=True)]),
        "unchanged": spread([ours / theirs for ours, theirs in zip(reordered, raw, strict=True)]),
        "same_file": spread([ours / theirs for ours, theirs in zip(repeated, raw, strict=True)]),
    }
    rates = {name: round(rows / statistics.median(times)) for name, times in (("copy", raw), ("import", first), ("unchanged", reordered))}
    speed_up = spread([once / again for once, again in zip(first, reordered, strict=True)])
    small, large = (list(sizes.values())[index]["seconds"] for index in (0, 1))
    steps_up = math.log(SIZES[quick][1] / SIZES[quick][0])
    return {
        "benchmark": "import_rows",
        "rows": rows,
        "pairs": PAIRS,
        "rows_per_second": rates,
        "ratio_to_copy": ratio,
        "first_to_unchanged": speed_up,
        "sizes": sizes,
        "growth_exponent": round(math.log(large / small) / steps_up, 3),
    }


def make_office() -> int:
    """An office of the benchmark's own."""
    from callcenter.auth.models import Office

    with transaction(None) as session:
        office = Office(code=f"bench{time.monotonic_ns()}"[:20], name="bench")
        session.add(office)
        session.flush()
        return office.id


def measured(engine: Engine, folder: Path, rows: int) -> dict[str, float]:
    """Seconds and peak memory (MiB) of an import in a process of its own, of that process and of the server's."""
    file = folder / "sized.csv"
    file.write_bytes(make_files(rows)[0])
    empty(engine)
    command = [sys.executable, "-m", "benchmarks.import_rows", "--one", str(file), "--office", str(make_office())]
    told: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM debt")).scalar_one() == rows
    return told


def import_one(file: Path, office_id: int) -> dict[str, float]:
    """What `measured` asks of its process."""
    import callcenter.tables  # noqa: F401

    seconds, _ = import_ours(office_id, file)
    with transaction(office_id) as session:
        servers = list(session.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")))
    return {"seconds": round(seconds, 3), "process_mib": peak("self"), "server_mib": max(map(peak, servers))}


def peak(process: int | str) -> int:
    """The most memory (MiB) a process has held; unlike `ru_maxrss` not that of the process that started it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def taken(office_id: int, file: Path, created: int, unchanged: int) -> float:
    """Imports and asserts the counts; the seconds."""
    seconds, result = import_ours(office_id, file)
    assert (result.created, result.unchanged, result.updated, result.rejected, result.closed) == (created, unchanged, 0, 0, 0), result
    return seconds


@contextmanager
def folder_as_data(folder: Path) -> Iterator[None]:
    """Keeps the uploads of the benchmark out of the installation's folder."""
    before = os.environ.get("CALLCENTER_DATA")
    os.environ["CALLCENTER_DATA"] = str(folder)
    get_settings.cache_clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ["CALLCENTER_DATA"]
        else:
            os.environ["CALLCENTER_DATA"] = before
        get_settings.cache_clear()


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} rows instead of {QUICK:,}")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--office", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(import_one(options.one, options.office)))
        return
    found = run(not options.full)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['rows']:,} rows: " + ", ".join(f"{name} {value:,}/s" for name, value in found["rows_per_second"].items()))
    for name, ratio in found["ratio_to_copy"].items():
        print(f"{name} / COPY: {ratio['median']} ({ratio['least']}-{ratio['most']})")
    print(f"first / unchanged in another order: {found['first_to_unchanged']['median']}")
    for name, told in found["sizes"].items():
        print(f"{name}: {told['seconds']} s, process {told['process_mib']} MiB, server {told['server_mib']} MiB")
    print(f"growth exponent {found['growth_exponent']}")


if __name__ == "__main__":
    main()
