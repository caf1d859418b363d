"""Open data: what is in an export, what protects the people in it, the last one made, and a month's files for those who may publish."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.models import AuditEvent, User
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web import phrases
from callcenter.web.dependencies import Form, SignedIn, Tx, may
from callcenter.web.formats import moment_in
from callcenter.web.pages import lang_of, page, shell_of, words_of
from reports.opendata.export import FORMATS, export
from reports.opendata.tables import FACTS, LEAST_PERSONS, TABLES
from reports.periods import Period, read_month, zone_of

router = APIRouter(prefix="/reports/open-data")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
Publisher = Annotated[SignedIn, may(Action.PUBLISH_DATA)]


@router.get("")
def show_open_data(request: Request, session: Tx, who: Reader) -> Response:
    """The tables with their columns, the protection, and the last export on record."""
    lang = lang_of(request)
    zone = zone_of(session)
    today = local_day(utc_now(), zone)
    model = {
        "month": f"{_before(today.replace(day=1)):%Y-%m}",
        "this_month": f"{today:%Y-%m}",
        "may_publish": is_allowed(who.role, Action.PUBLISH_DATA),
        "formats": FORMATS,
        "least": LEAST_PERSONS,
        "last": _last(session, lang, zone),
        "tables": [
            {
                "name": table.name,
                "meaning": phrases.pick(lang, table.meaning),
                "columns": [{"name": name, "meaning": phrases.pick(lang, meaning)} for name, meaning in table.columns.items()],
            }
            for table in (*TABLES, FACTS)
        ],
    }
    return page(request, "open_data.html", shell_of(request, words_of(request)("opendata.title")), page=model)


def _before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def _last(session: Session, lang: str, zone: ZoneInfo) -> dict[str, Any] | None:
    """When, by whom and of which days the last export was made."""
    wanted = select(AuditEvent, User.display_name).outerjoin(
        User, (User.office_id == AuditEvent.office_id) & (User.id == AuditEvent.user_id)
    )
    mine = wanted.where(AuditEvent.subject_type == "open_data", AuditEvent.action == "open_data.exported")
    found = session.execute(mine.order_by(AuditEvent.id.desc()).limit(1)).first()
    if found is None:
        return None
    event, name = found
    first, last = (date.fromisoformat(event.detail[name]) for name in ("from", "to"))
    return {"at": moment_in(event.at, lang, zone), "by": name or "", "from": first, "to": last}


@router.post("/month")
def download_month(session: Tx, who: Publisher, form: Form) -> Response:
    """One month's files in a ZIP archive, on record.

    Raises:
        InvalidInput: the month can't be read or has not begun, or the format is none.
    """
    now, zone = utc_now(), zone_of(session)
    month, kind = read_month(str(form.get("month", ""))), str(form.get("format", ""))
    today = local_day(now, zone)
    if month > today:
        raise InvalidInput("まだ始まっていない月です。", hint=f"{today:%Y-%m}までの月を選んでください。", code="future_month")
    if kind not in FORMATS:
        raise InvalidInput("ファイルの形式を読めません。", hint="parquetかcsvを選んでください。", code="bad_format")
    last = min(today, (month + timedelta(days=32)).replace(day=1) - timedelta(days=1))
    with tempfile.TemporaryDirectory() as folder:
        found = export(session, Path(folder) / "files", Period(month, last, zone), kind, now)
        data = _zipped(found.folder, f"open-data-{month:%Y-%m}")
    detail = {"from": month.isoformat(), "to": last.isoformat(), "files": len(found.files)}
    audit.record(session, "open_data.exported", "open_data", None, who.user_id, who.address, detail, now)
    return Response(
        data, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="open-data-{month:%Y-%m}.zip"'}
    )


def _zipped(folder: Path, name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{name}/{file.name}")
    return out.getvalue()
