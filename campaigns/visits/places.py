"""Where addresses lie: by points an office loads once (位置参照情報 of the ministry, or a list of its own); no address leaves the house."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.errors import InvalidInput
from callcenter.core.text import search_key
from campaigns.debtors.identity import block_of
from campaigns.visits.models import AddressPoint

_PREFECTURE = re.compile(r"^(東京都|北海道|京都府|大阪府|.{2,3}県)")
_CHUNK = 2_000
# Headers of the ministry's files (街区レベル and 大字・町丁目レベル) and of a plain list.
_PARTS = (("市区町村名",), ("大字・丁目名", "大字町丁目名", "大字・町丁目名"), ("小字・通称名",), ("街区符号・地番",))


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees."""

    latitude: float
    longitude: float


def address_key(address: str) -> str:
    """The folded beginning of an address by which points are kept: 架空県架空市本町二丁目3番4号 is 架空市本町2-3-4."""
    town, numbers = split_address(address)
    return f"{town}{numbers}"


def split_address(address: str) -> tuple[str, str]:
    """Town and block numbers ("" where there are none), without the prefecture."""
    plain = _PREFECTURE.sub("", "".join(address.split()))
    found = block_of(plain)
    return found if found is not None else (search_key(plain), "")


def keys_of(address: str) -> list[str]:
    """The keys under which the address may be found, the nearest first."""
    town, numbers = split_address(address)
    parts = [part for part in numbers.split("-") if part]
    return [town + "-".join(parts[:length]) for length in range(len(parts), -1, -1)] if town else []


def locate(session: Session, addresses: Mapping[int, str]) -> dict[int, Point]:
    """The points of those addresses that are known at least by their town or block."""
    keys = {debtor: keys_of(address) for debtor, address in addresses.items()}
    wanted = sorted({key for some in keys.values() for key in some})
    known: dict[str, Point] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = session.scalars(select(AddressPoint).where(AddressPoint.key.in_(wanted[start : start + _CHUNK])))
        known |= {row.key: Point(row.latitude, row.longitude) for row in rows}
    return {debtor: next(known[key] for key in some if key in known) for debtor, some in keys.items() if any(key in known for key in some)}


def read_points(content: bytes) -> list[tuple[str, Point]]:
    """The points of a CSV file (CP932 or UTF-8).

    Raises:
        InvalidInput: no 緯度 and 経度, no column of an address, or a row whose numbers can't be read (its number is told).
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp932", errors="replace")
    reader = csv.DictReader(io.StringIO(text))
    names = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    columns = [next((name for name in options if name in names), "") for options in (("住所",),)] if "住所" in names else _columns(names)
    if not {"緯度", "経度"} <= set(names) or not any(columns):
        raise InvalidInput(
            "座標のファイルとして読めません。",
            hint="見出しに、緯度・経度と、住所か 市区町村名・大字・丁目名が要ります。",
            code="points_headers",
        )
    return [_point(row, columns, line) for line, row in enumerate(reader, start=2)]


def _columns(names: Sequence[str]) -> list[str]:
    return [next((name for name in options if name in names), "") for options in _PARTS]


def _point(row: Mapping[str, str | None], columns: Iterable[str], line: int) -> tuple[str, Point]:
    try:
        point = Point(float(row["緯度"] or ""), float(row["経度"] or ""))
    except ValueError:
        point = Point(999, 999)
    address = "".join(row[name] or "" for name in columns if name)
    if not (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180) or not address.strip():
        raise InvalidInput(f"{line}行目を読めません。", hint="住所と、度で書いた緯度・経度が要ります。", code="points_row")
    return address_key(address), point


def load_points(session: Session, points: Sequence[tuple[str, Point]]) -> int:
    """Stores points, newer ones in the place of older ones of the same key; returns how many keys there were."""
    values = [{"key": key[:200], "latitude": at.latitude, "longitude": at.longitude} for key, at in dict(points).items() if key]
    for start in range(0, len(values), _CHUNK):
        row = insert(AddressPoint).values(values[start : start + _CHUNK])
        changed = {"latitude": row.excluded.latitude, "longitude": row.excluded.longitude}
        session.execute(row.on_conflict_do_update(index_elements=["office_id", "key"], set_=changed))
    return len(values)
