"""Where imports pay nothing for searching: per part of a name, end of a telephone number and end of a notice number, who has it.

A part is two letters that stand side by side in a name or reading, `^` and the one or two it begins with, `@` and the last four digits
of a number, or `#` and the last four letters of a 通知書番号. The lists are written by a job after an import and never changed; the next
import adds a further piece. They are a short cut and no truth: what came since is looked through directly, and whoever is found is
compared with what stands in the tables. docs/decisions/0007-search-lists.md says why it is no index of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import pairwise

import polars as pl
from psycopg import Connection
from pyroaring import BitMap64
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of, try_advisory_lock
from campaigns.imports.service import LOCK as IMPORT_LOCK
from campaigns.imports.staging import run

BLOCK = 250_000  # rows read at once
SPARE_PIECES = 8  # more than needed for the rows there are; then all is written anew
READ = 2  # lists that are read for one search: the shortest ones
END = 4
BEHIND = 5_000  # rows that can be looked through while somebody waits


def parts_within(key: str) -> tuple[str, ...]:
    """What a name has that contains `key`: each two letters side by side; nothing can be said of one letter."""
    return tuple(dict.fromkeys(first + second for first, second in pairwise(key)))


def parts_from_start(key: str) -> tuple[str, ...]:
    """What a name has that begins with `key`."""
    return (f"^{key[:2]}", *parts_within(key[1:])) if key else ()


def phone_part(digits: str) -> str:
    """The part of a number that ends with these digits."""
    return f"@{digits[-END:]}"


def notice_part(code: str) -> str:
    """The part of a 通知書番号."""
    return f"#{code[-END:]}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A table whose rows have parts: the column that names the debtor, and those with a part; `are_names`: their letters are the parts."""

    table: str
    debtor: str
    columns: tuple[str, ...]
    are_names: bool = False


_SOURCES = (
    _Source("debtor", "id", ("name_key", "kana_key"), are_names=True),
    _Source("phone_number", "debtor_id", (f"'@' || right(e164, {END})",)),
    _Source("debt", "debtor_id", (f"'#' || right(notice_no, {END})",)),
)


def refresh(session: Session, now: datetime) -> int:
    """Adds what came since the last time, or writes all anew where the pieces became many; returns how many rows were read.

    Nothing is done while an import or another refresh is at work: ids of rows that are not there yet must not be passed.
    """
    if not try_advisory_lock(session, "search_lists") or not try_advisory_lock(session, IMPORT_LOCK):
        return 0
    before = state = _state(session)
    if not _has_new(session, state):
        return 0
    if _has_many_pieces(session, state):
        run(session, "DELETE FROM search_list WHERE office_id = :office")
        state = _State()
    read = 0
    for source in _SOURCES:
        for frame, top in _blocks(session, source, state.tops[source.table]):
            state = state.after(source.table, top)
            read += frame.height
            _write(session, _lists(frame), state.pieces)
    if waiting := _pending(session):
        state = state.after("", 0)
        _write(session, _lists(pl.concat(waiting)), state.pieces)
    if read or waiting:
        _keep(session, before, state, now)
    return read


def _has_new(session: Session, state: _State) -> bool:
    new = [f"EXISTS (SELECT FROM {source.table} WHERE office_id = :office AND id > {state.tops[source.table]})" for source in _SOURCES]
    return bool(run(session, f"SELECT EXISTS (SELECT FROM search_pending WHERE office_id = :office) OR {' OR '.join(new)}").scalar_one())


def _has_many_pieces(session: Session, state: _State) -> bool:
    spare = state.pieces - len(_SOURCES) - SPARE_PIECES
    if spare <= 0:
        return False
    counts = [f"(SELECT count(*) FROM {source.table} WHERE office_id = :office)" for source in _SOURCES]
    return spare > int(run(session, f"SELECT {' + '.join(counts)}").scalar_one()) // BLOCK


@dataclass(frozen=True, slots=True)
class _State:
    """How far the lists go."""

    debtor: int = 0
    phone_number: int = 0
    debt: int = 0
    pieces: int = 0

    @property
    def tops(self) -> dict[str, int]:
        """The highest id read, by table."""
        return {"debtor": self.debtor, "phone_number": self.phone_number, "debt": self.debt}

    def after(self, table: str, top: int) -> _State:
        """One piece more, up to `top` of a table."""
        tops = self.tops | ({table: top} if table else {})
        return _State(tops["debtor"], tops["phone_number"], tops["debt"], self.pieces + 1)


def _state(session: Session) -> _State:
    row = run(session, "SELECT top_debtor, top_phone, top_debt, pieces FROM search_state WHERE office_id = :office").one_or_none()
    return _State() if row is None else _State(*row)


def _keep(session: Session, before: _State, state: _State, now: datetime) -> None:
    run(
        session,
        """INSERT INTO search_state (office_id, top_debtor, top_phone, top_debt, pieces, taxes, built_at)
           SELECT :office, :debtor, :phone, :debt, :pieces, coalesce(jsonb_object_agg(tax_code, name), '{}'), :now FROM (
             SELECT tax_code, coalesce(nullif(max(tax_name), ''), tax_code) AS name FROM debt
             WHERE office_id = :office AND id > :since GROUP BY tax_code) t
           ON CONFLICT (office_id) DO UPDATE SET top_debtor = excluded.top_debtor, top_phone = excluded.top_phone,
             top_debt = excluded.top_debt, pieces = excluded.pieces, built_at = excluded.built_at,
             taxes = search_state.taxes || excluded.taxes""",
        since=before.debt,
        debtor=state.debtor,
        phone=state.phone_number,
        debt=state.debt,
        pieces=state.pieces,
        now=now,
    )


def is_behind(session: Session) -> bool:
    """Whether so much came since the lists were written that looking through it takes time."""
    state = _state(session)
    counted = " OR ".join(
        f"(SELECT count(*) FROM (SELECT FROM {source.table} WHERE office_id = :office AND id > {state.tops[source.table]}"
        f" LIMIT {BEHIND}) t) >= {BEHIND}"
        for source in _SOURCES
    )
    return bool(run(session, f"SELECT {counted}").scalar_one())


def known_taxes(session: Session) -> dict[str, str]:
    """The tax codes of this office with their names, in order of the codes."""
    found = run(
        session,
        f"""SELECT tax_code, max(name) AS name FROM (
              SELECT key AS tax_code, value AS name FROM search_state, jsonb_each_text(taxes) WHERE office_id = :office
              UNION ALL (SELECT tax_code, coalesce(nullif(tax_name, ''), tax_code) FROM debt
                         WHERE office_id = :office AND id > {_state(session).debt} ORDER BY id LIMIT {BEHIND})
            ) t GROUP BY tax_code ORDER BY tax_code""",
    )
    return {row.tax_code: row.name for row in found}


def _blocks(session: Session, source: _Source, top: int) -> Iterator[tuple[pl.DataFrame, int]]:
    """The rows above `top` as pairs of debtor and part, in blocks, each with the highest id in it."""
    while True:
        query = (
            f"SELECT id, {source.debtor}, {', '.join(source.columns)} FROM {source.table} "
            f"WHERE office_id = {office_of(session)} AND id > {top} ORDER BY id LIMIT {BLOCK}"
        )
        rows = _read(session, query, ("row_id", "id", *(f"c{n}" for n in range(len(source.columns)))))
        if not rows.height:
            return
        top = int(rows["row_id"][-1])
        yield _pairs(rows.drop("row_id"), source), top
        if rows.height < BLOCK:
            return


def _pending(session: Session) -> list[pl.DataFrame]:
    """All pairs of the debtors who were renamed or got a number from a person; they wait no longer."""
    office = office_of(session)
    frames = []
    for source in _SOURCES:
        query = (
            f"SELECT {source.debtor}, {', '.join(source.columns)} FROM {source.table} WHERE office_id = {office} "
            f"AND {source.debtor} IN (SELECT debtor_id FROM search_pending WHERE office_id = {office})"
        )
        rows = _read(session, query, ("id", *(f"c{n}" for n in range(len(source.columns)))))
        frames.append(_pairs(rows, source))
    run(session, "DELETE FROM search_pending WHERE office_id = :office")
    return frames if any(frame.height for frame in frames) else []


def _read(session: Session, query: str, names: Sequence[str]) -> pl.DataFrame:
    with _driver(session).cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)".encode()) as copy:
        rows = b"".join(copy)
    schema = {name: pl.Int64 if name.endswith("id") else pl.String for name in names}
    return pl.read_csv(rows, has_header=False, schema=schema) if rows else pl.DataFrame(schema=schema)


def _pairs(rows: pl.DataFrame, source: _Source) -> pl.DataFrame:
    """id of the debtor, part."""
    found = []
    for name in rows.columns[1:]:
        if not source.are_names:
            found.append(rows.select("id", part=pl.col(name)).drop_nulls())
            continue
        longest = rows.select(pl.col(name).str.len_chars().max()).item() or 0
        for letters in (1, 2):
            begun = rows.filter(pl.col(name).str.len_chars() >= letters)
            found.append(begun.select("id", part=pl.lit("^") + pl.col(name).str.head(letters)))
        for at in range(longest - 1):
            found.append(rows.select("id", part=pl.col(name).str.slice(at, 2)).filter(pl.col("part").str.len_chars() == 2))
    return pl.concat(found) if found else pl.DataFrame(schema={"id": pl.Int64, "part": pl.String})


def _lists(pairs: pl.DataFrame) -> pl.DataFrame:
    """part and the ascending ids of the debtors who have it."""
    return pairs.group_by("part").agg(pl.col("id").unique().sort().alias("ids")).sort("part")


def _write(session: Session, lists: pl.DataFrame, piece: int) -> None:
    """Through a temporary table: rows can't be copied into a table with row-level security."""
    run(session, "CREATE TEMPORARY TABLE new_list (part text, ids bytea) ON COMMIT DROP")
    with _driver(session).cursor() as cursor, cursor.copy("COPY new_list (part, ids) FROM STDIN") as copy:
        for part, ids in lists.iter_rows():
            copy.write_row((part, BitMap64(ids).serialize()))
    run(
        session,
        "INSERT INTO search_list (office_id, part, piece, ids) SELECT :office, part, :piece, ids FROM new_list ORDER BY part",
        piece=piece,
    )
    run(session, "DROP TABLE new_list")


def tops(session: Session) -> dict[str, int]:
    """Up to which ids the lists go, by table. Put as values into a statement: only then the server knows that little lies above."""
    return _state(session).tops


def listed_under(session: Session, parts: Sequence[str]) -> BitMap64:
    """The debtors who had all of these parts when the lists were written; nobody has none."""
    if not parts:
        return BitMap64()
    facts = {"office": office_of(session), "parts": list(parts), "wanted": len(parts), "read": READ}
    lists: dict[str, BitMap64] = {}
    for part, packed in session.execute(_SHORTEST, facts):
        lists[part] = lists.get(part, BitMap64()) | BitMap64.deserialize(packed)
    return reduce(BitMap64.intersection, lists.values()) if lists else BitMap64()


# Nobody has all parts where one of them is nobody's.
_SHORTEST = text("""
WITH size AS (SELECT part, sum(octet_length(ids)) AS bytes FROM search_list WHERE office_id = :office AND part = ANY(:parts) GROUP BY part),
     chosen AS (SELECT part FROM size WHERE (SELECT count(*) FROM size) = :wanted ORDER BY bytes, part LIMIT :read)
SELECT l.part, l.ids FROM search_list l JOIN chosen USING (part) WHERE l.office_id = :office
""")


def _driver(session: Session) -> Connection:
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    return driver
