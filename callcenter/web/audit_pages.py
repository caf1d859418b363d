"""The audit trail for auditors: who looked at or changed what, taken out as files, judged by its seals; reading it is on record, too."""

from __future__ import annotations

import tempfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from callcenter.auth import audit
from callcenter.auth.audit import Wanted
from callcenter.auth.models import User
from callcenter.auth.permissions import Action
from callcenter.auth.sealing import load_key
from callcenter.auth.trail_export import export_trail
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web import audit_words
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import lang_of, page, shell_of, words_of
from reports.checks.model import Facts, Found
from reports.checks.seals import find_broken

router = APIRouter()
Auditor = Annotated[SignedIn, may(Action.READ_AUDIT)]
Day = Annotated[str, Query(max_length=10)]
Number = Annotated[str, Query(max_length=18)]
PAGE = 100
MOST_ROWS = 300_000  # more take longer than a page may: the command line judges them


@router.get("/audit")
def show_audit(
    request: Request,
    session: Tx,
    who: Auditor,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    action: Annotated[str, Query(max_length=60)] = "",
    user: Number = "",
    subject: Number = "",
    first: Day = "",
    last: Day = "",
) -> Response:
    """The newest rows that were asked for, a hundred at a time."""
    typed = {"action": action, "user": user, "subject": subject, "first": first, "last": last}
    return _page(request, session, who, typed, before)


@router.post("/audit/verify")
def verify_trail(request: Request, session: Tx, who: Auditor) -> Response:
    """Looks whether the seals hold: nothing changed, taken out or cut off since they were made."""
    now = utc_now()
    if audit.sealed_rows(session) > MOST_ROWS:
        raise InvalidInput(
            "記録が多いため、この画面では確かめられません。", hint="`callcenter verify` で確かめてください。", code="trail_long"
        )
    found = find_broken(session, Facts(now, local_day(now), (), "", get_settings().data_dir))
    audit.record(session, "audit.verified", "audit", None, who.user_id, who.address, {"broken": found.broken}, now)
    return _page(request, session, who, {}, None, found=found)


@router.post("/audit/export")
def export(request: Request, session: Tx, who: Auditor) -> Response:
    """All rows, seals and the public key as a file that `callcenter audit verify` judges without this database."""
    data = get_settings().data_dir
    (data / "tmp").mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data / "tmp") as folder:
        rows, seals = export_trail(session, Path(folder), load_key(data).public)
        handle, name = tempfile.mkstemp(dir=data / "tmp", suffix=".zip")
        with open(handle, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)
    audit.record(session, "audit.exported", "audit", None, who.user_id, who.address, {"rows": rows, "seals": seals}, utc_now())
    told = f"audit-{who.office_id}-{local_day(utc_now()):%Y%m%d}.zip"
    return FileResponse(name, media_type="application/zip", filename=told, background=BackgroundTask(Path(name).unlink, missing_ok=True))


def _page(
    request: Request, session: Session, who: SignedIn, typed: dict[str, str], before: int | None, *, found: Found | None = None
) -> Response:
    t, lang = words_of(request), lang_of(request)
    typed = dict.fromkeys(("action", "user", "subject", "first", "last"), "") | typed
    wanted, wrong = _wanted(typed)
    events = [] if wrong else audit.latest(session, wanted, before_id=before, count=PAGE)
    rows: list[dict[str, Any]] = [
        {
            "at": event.at,
            "user": name,
            "action": audit_words.action_label(t, lang, event.action),
            "code": event.action,
            "subject": audit_words.subject_label(t, lang, event.subject_type, event.subject_id),
            "address": event.address,
            "detail": audit_words.detail_text(t, lang, event.detail),
        }
        for event, name in events
    ]
    seal = audit.newest_seal(session)
    more = urlencode({name: value for name, value in typed.items() if value} | ({"before": events[-1][0].id} if events else {}))
    audit.record(session, "audit.read", "audit", None, who.user_id, who.address, {"rows": len(rows)}, utc_now())
    people = session.execute(select(User.id, User.display_name).order_by(User.display_name, User.id)).all()
    return page(
        request,
        "audit.html",
        shell_of(request, t("nav.audit")),
        422 if wrong else 200,
        rows=rows,
        typed=typed,
        wrong=wrong,
        people=[{"value": str(row.id), "label": row.display_name, "is_chosen": str(row.id) == typed["user"]} for row in people],
        nouns=audit_words.nouns(t, lang),
        more=f"/audit?{more}" if len(rows) == PAGE else None,
        seal=None
        if seal is None
        else {"number": seal.number, "at": seal.sealed_at, "key": seal.key_id, "rows": audit.sealed_rows(session)},
        found=None if found is None else {"broken": found.broken, "rows": found.rows},
    )


def _wanted(typed: dict[str, str]) -> tuple[Wanted, list[str]]:
    """What was asked for, and the names of fields that can't be read."""
    wrong = [name for name in ("user", "subject") if typed[name] and not (typed[name].isascii() and typed[name].isdigit())]
    days: dict[str, date | None] = {}
    for name in ("first", "last"):
        try:
            days[name] = date.fromisoformat(typed[name]) if typed[name] else None
        except ValueError:
            wrong.append(name)
    if "\x00" in typed["action"]:
        wrong.append("action")
    if wrong:
        return Wanted(), wrong
    numbers = {name: int(typed[name]) if typed[name] else None for name in ("user", "subject")}
    return Wanted(typed["action"], numbers["user"], "", numbers["subject"], days["first"], days["last"]), []
