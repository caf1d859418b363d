"""Small files for import tests, built row by row."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from callcenter.core.db import transaction
from campaigns.imports.service import ImportResult, register_upload, run_import

NOW = datetime(2026, 11, 1, 1, 0, tzinfo=UTC)
DEBT = {
    "宛名番号": "0000000001",
    "個人法人区分": "1",
    "氏名": "架空　花子",
    "氏名カナ": "ｶｸｳ ﾊﾅｺ",
    "生年月日": "S50.1.2",
    "郵便番号": "999-0001",
    "住所": "架空市中央1-1",
    "世帯番号": "00000001",
    "電話番号1": "060-9000-0001",
    "電話番号2": "",
    "税目コード": "010",
    "税目名": "市県民税",
    "賦課年度": "令和8",
    "相当年度": "2026",
    "期別": "1",
    "通知書番号": "000000000001",
    "納期限": "2026-06-30",
    "調定額": "20,000",
    "収入済額": "0",
    "未納額": "20000",
    "停止区分": "0",
    "連絡禁止": "0",
}
PAYMENT = {
    "宛名番号": "0000000001",
    "税目コード": "010",
    "賦課年度": "2026",
    "相当年度": "2026",
    "期別": "1",
    "通知書番号": "000000000001",
    "納付日": "2026-11-02",
    "反映日": "2026-11-04",
    "収納額": "20000",
    "督促手数料収納額": "0",
    "延滞金収納額": "0",
    "収納履歴番号": "P1",
    "取消区分": "0",
}
ATTEMPT = {
    "宛名番号": "0000000001",
    "実施日時": "2026-10-01 10:00:00",
    "手段": "電話催告",
    "電話番号": "060-9000-0001",
    "担当者": "op1",
    "回線結果": "応答",
    "応対者": "本人",
    "交渉結果": "納付約束(全額)",
    "通話秒数": "90",
    "約束額": "20000",
    "約束日": "2026-10-10",
    "備考": "",
}


def table(base: dict[str, str], *changes: dict[str, str], encoding: str = "cp932", without: tuple[str, ...] = ()) -> bytes:
    """A CSV of `base` with one row per change set; columns only some rows have are empty in the others."""
    headers = [name for name in dict.fromkeys([*base, *(name for change in changes for name in change)]) if name not in without]
    out = io.StringIO()
    writer = csv.DictWriter(out, headers, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(base | change for change in changes)
    return out.getvalue().encode(encoding)


def load(office_id: int, kind: str, data: bytes, now: datetime = NOW, **options: Any) -> ImportResult:
    """Registers and imports a file."""
    with transaction(office_id) as session:
        row = register_upload(session, kind, f"{kind}.csv", data, now=now, is_queued=False, **options)
    return run_import(office_id, row.id, now=now)


def counts(result: ImportResult) -> tuple[int, int, int, int, int]:
    """Created, updated, unchanged, rejected, closed."""
    assert result.rows == result.created + result.updated + result.unchanged + result.rejected
    return result.created, result.updated, result.unchanged, result.rejected, result.closed
