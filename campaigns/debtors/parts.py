"""Parts of a delinquent list made ready for the server, in a thread of their own while the server takes the part before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl
from sqlalchemy.orm import Session

from campaigns.debtors.listing import DEBT_FIELDS, DEBTOR_FIELDS, PHONE_FIELDS, debt_rows, debtor_rows, phone_rows
from campaigns.imports.keys import SeenKeys
from campaigns.imports.parsing import ParsedFile, with_vintage
from campaigns.imports.staging import create, fill, rows_for_copy

KEY_TYPES = {"tax_code": "text", "levy_year": "smallint", "base_year": "smallint", "term": "smallint", "notice_no": "text"}
_PHONES = {"owner": "integer", "position": "smallint"} | dict.fromkeys(("original", "e164", "line_type", "remark", "same_as"), "text")


@dataclass(frozen=True)
class Columns:
    """What is staged of a list with the given fields: per table its columns and their types.

    `list_debtor.row` is the number of a debtor's last row in its part; `owner` of numbers and debts points to it. `says` is a hash of the
    debtor's particulars as a row tells them.
    """

    debtors: Mapping[str, str]
    debts: Mapping[str, str]
    has_phones: bool

    @classmethod
    def of(cls, present: frozenset[str]) -> Columns:
        """For a file that has these fields."""
        fields = {name: kind for name, (_, kind, _) in DEBTOR_FIELDS.items() if name in present}
        keys = {"name_key": "text"} | ({"kana_key": "text"} if "name_kana" in present else {})
        given = present | {"vintage", "received"}
        debts = {name: kind for name, (_, kind, _) in DEBT_FIELDS.items() if name in given}
        return cls(
            {"row": "integer", "debtor_no": "text"} | fields | keys | {"says": "bigint"},
            {"row": "integer", "debtor_no": "text", "owner": "integer"}
            | KEY_TYPES
            | debts
            | {"status": "text", "is_deleted": "boolean", "says": "bigint"},
            any(name in present for name in PHONE_FIELDS),
        )

    @property
    def debtor_fields(self) -> list[str]:
        """The layout's fields of a debtor that the file has."""
        return [name for name in DEBTOR_FIELDS if name in self.debtors]

    @property
    def debt_fields(self) -> list[str]:
        """The layout's fields of a debt that the file has or that follow from others."""
        return [name for name in DEBT_FIELDS if name in self.debts]

    def tables(self, prefix: str) -> dict[str, Mapping[str, str]]:
        """The three tables of debtors, numbers and debts, whose names begin with `prefix`."""
        return {f"{prefix}_debtor": self.debtors, f"{prefix}_phone": _PHONES, f"{prefix}_debt": self.debts}


REFUSED: Mapping[str, str] = {"debtor_no": "text"} | KEY_TYPES


@dataclass(frozen=True)
class ListPart:
    """A part of a list: per temporary table what is to be copied into it.

    `rows` were taken. `staged` of them are for list_debt; the others make `new_debtors` and `new_debts`. `is_all_open`: no debt of the part
    is settled or deleted.
    """

    columns: Columns
    copies: Mapping[str, bytes] = field(default_factory=dict)
    rows: int = 0
    staged: int = 0
    new_debtors: int = 0
    new_debts: int = 0
    is_all_open: bool = True
    has_repeated_debtors: bool = False


class ListParts:
    """Makes parts ready. Where nobody is known yet, debtors who come for the first time go to new_*, those of earlier parts to list_*.

    The rows of a part's last debtor wait for the next part: most files have a debtor's rows together, and so have their parts.
    """

    def __init__(self, as_of: date, *, is_first: bool) -> None:
        self._as_of = as_of
        self._is_first = is_first
        self._seen = SeenKeys()

    def parts(self, file: Iterable[ParsedFile]) -> Iterator[ListPart]:
        """The parts of a file, one after the other."""
        held: pl.DataFrame | None = None
        columns = Columns.of(frozenset())
        for parsed in file:
            columns = Columns.of(parsed.present)
            frame = with_vintage(parsed.frame, self._as_of)
            if held is not None:
                frame = pl.concat([held, frame])
            is_held = frame["debtor_no"] == frame["debtor_no"].last() if frame.height else pl.Series([], dtype=pl.Boolean)
            held = frame.filter(is_held)
            yield self._part(columns, frame.filter(~is_held), parsed.refused)
        if held is not None and held.height:
            yield self._part(columns, held, pl.DataFrame())

    def _part(self, columns: Columns, frame: pl.DataFrame, refused: pl.DataFrame) -> ListPart:
        copies: dict[str, bytes] = {}
        if refused.height:
            named = refused.filter(pl.col("debtor_no").is_not_null())
            absent = [pl.lit(None).alias(name) for name in REFUSED if name not in named.columns]
            copies["list_refused"] = rows_for_copy(named.with_columns(absent), REFUSED)
        if not frame.height:
            return ListPart(columns, copies)
        debtors, own = debtor_rows(frame)
        debts = debt_rows(frame, own)
        _, again = self._seen.add(debtors, ["debtor_no"])
        told = ListPart(
            columns, copies, frame.height, is_all_open=bool((debts["status"] == "open").all()), has_repeated_debtors=bool(again.any())
        )
        if not self._is_first:
            copies |= _copies("list", columns, debtors, debts)
            return replace(told, staged=debts.height)
        late = debts["owner"].is_in(debtors["owner"].filter(again).to_list())
        copies |= _copies("list", columns, debtors.filter(again), debts.filter(late))
        debtors, debts = debtors.filter(~again), debts.filter(~late)
        copies |= _copies("new", columns, debtors, debts)
        return replace(told, staged=int(late.sum()), new_debtors=debtors.height, new_debts=int((~debts["is_deleted"]).sum()))


def _copies(prefix: str, columns: Columns, debtors: pl.DataFrame, debts: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
    tables = columns.tables(prefix)
    if not debts.height:
        return
    yield f"{prefix}_debtor", rows_for_copy(debtors, tables[f"{prefix}_debtor"])
    if columns.has_phones:
        yield f"{prefix}_phone", rows_for_copy(phone_rows(debtors), tables[f"{prefix}_phone"])
    yield f"{prefix}_debt", rows_for_copy(debts, tables[f"{prefix}_debt"])


def create_tables(session: Session, columns: Columns, *, is_first: bool) -> None:
    """Makes the temporary tables of a list; debtors who come for the first time are given their numbers there."""
    for table, types in (columns.tables("list") | {"list_refused": REFUSED}).items():
        create(session, table, types)
    if is_first:
        for table, types in columns.tables("new").items():
            numbered = {"id": "bigint DEFAULT nextval('debtor_id_seq')"} if table == "new_debtor" else {}
            create(session, table, {**numbered, **types})


def fill_tables(session: Session, part: ListPart) -> None:
    """Copies a part to the server."""
    types = part.columns.tables("list") | part.columns.tables("new") | {"list_refused": REFUSED}
    for table, rows in part.copies.items():
        fill(session, table, types[table], rows)
