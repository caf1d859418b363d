"""What the pages about files show: the list, how far one is, what it changed or would change, and the rows it could not take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.clock import local_day, utc_now
from callcenter.core.settings import get_settings
from callcenter.web.formats import clock, write_day, write_yen
from callcenter.web.i18n import Translate, catalogue
from callcenter.web.mapper_model import meaning_of, option
from campaigns.imports.layout_definitions import in_order
from campaigns.imports.layouts import KINDS
from campaigns.imports.models import ImportFile
from campaigns.imports.office_layouts import known_layouts
from campaigns.imports.reading import KEPT_LOST
from campaigns.imports.rehearsals import closing_of, is_stale, rejected_rows, taken_from
from campaigns.imports.rejections import REASONS

PAGE = 30
SHOWN_PLACES = 50
COUNTS = ("rows", "created", "updated", "unchanged", "closed", "rejected")
STEPS: Mapping[str, str] = {"read": "reading", "rows": "reading", "close": "closing", "check": "closing", "save": "closing"}
_YEN = frozenset({"assessed", "received", "outstanding", "demand_fee", "late_charge", "principal", "promised_yen"})
_SAME = {"kind": "debtor_kind"}  # names of ours that a layout calls otherwise
_TOTALS = ("debtors_created", "debtors_updated", "phones_added", "phones_dropped")
_ENGLISH_REASONS = dict(REASONS.values())


def list_model(session: Session, t: Translate, page_no: int) -> dict[str, Any]:
    """The files so far; fields as in imports.html."""
    total = session.scalar(select(func.count()).select_from(ImportFile)) or 0
    page_no = max(1, min(page_no, max(1, -(-total // PAGE))))
    rows = session.execute(
        select(ImportFile, User.display_name)
        .outerjoin(User, (User.office_id == ImportFile.office_id) & (User.id == ImportFile.created_by))
        .order_by(ImportFile.id.desc())
        .offset((page_no - 1) * PAGE)
        .limit(PAGE)
    ).all()
    rehearsed = [row.id for row, _ in rows if row.is_dry_run]
    wanted = select(ImportFile.rehearsal_id).where(ImportFile.rehearsal_id.in_(rehearsed), ImportFile.status != "failed")
    taken = set(session.scalars(wanted))
    files = [file_model(row, name or "", is_taken=row.id in taken) for row, name in rows]
    return {"files": files, "pages": pages("/imports", page_no, PAGE, total)}


def file_model(row: ImportFile, user: str, *, is_taken: bool) -> dict[str, Any]:
    """One file as the list and its own page show it."""
    done, total = row.progress_rows, row.progress_total
    return {name: getattr(row, name) for name in COUNTS} | {
        "id": row.id,
        "href": f"/imports/{row.id}",
        "name": row.original_name,
        "kind": row.kind,
        "layout": row.layout,
        "mode": row.mode,
        "as_of": row.as_of,
        "at": row.created_at,
        "user": user,
        "status": state_of(row, is_taken=is_taken),
        "step": STEPS.get(row.step, "writing") if row.status == "running" and row.step else "",
        "done_rows": min(done, total) if total else done,
        "total_rows": total,
        "rejected_href": f"/imports/{row.id}/rejected.csv" if row.rejected_path else "",
        "is_dry_run": row.is_dry_run,
    }


def state_of(row: ImportFile, *, is_taken: bool) -> str:
    """The file's state for people: a finished rehearsal waits for a decision until it is taken."""
    if row.status != "done":
        return row.status
    if row.is_dry_run:
        return "taken" if is_taken else "waiting"
    return "done_rejected" if row.rejected else "done"


def pages(href: str, page_no: int, size: int, total: int) -> dict[str, Any]:
    """Where in a long list this page is."""
    last = min(page_no * size, total)
    return {
        "first": (page_no - 1) * size + 1 if total else 0,
        "last": last,
        "total": total,
        "previous_href": f"{href}?page_no={page_no - 1}" if page_no > 1 else None,
        "next_href": f"{href}?page_no={page_no + 1}" if last < total else None,
    }


def upload_model(session: Session, t: Translate, told: Mapping[str, str], errors: Sequence[Any]) -> dict[str, Any]:
    """The form that sends a file, as it was filled in; fields as in imports.html."""
    kind, layout, mode = told.get("kind") or "debts", told.get("layout") or "auto", told.get("mode") or "auto"
    layouts = [option("auto", t("imports.layout_told"), layout == "auto")]
    for name in KINDS:
        for known in known_layouts(session, name):
            value = f"{name}:{known.layout.name}"
            label = t("imports.layout_of", name=known.layout.name, kind=t(f"kind.{name}"))
            layouts.append(option(value, label, value == layout))
    return {
        "kinds": [option(name, t(f"kind.{name}"), name == kind) for name in KINDS],
        "layouts": layouts,
        "modes": [option("auto", t("imports.mode_told"), mode == "auto")]
        + [option(name, t(f"mode.{name}"), name == mode) for name in ("full", "diff")],
        "as_of": told.get("as_of") or local_day(utc_now()).isoformat(),
        "how": told.get("how") or "check",
        "limit_mb": get_settings().upload_max_mb,
        "errors": list(errors),
    }


def import_model(session: Session, row: ImportFile, t: Translate, lang: str) -> dict[str, Any]:
    """One file's page; fields as in import.html."""
    user = session.get(User, (row.office_id, row.created_by)) if row.created_by else None
    taken = taken_from(session, row) if row.is_dry_run else None
    file = file_model(row, user.display_name if user else "", is_taken=taken is not None) | {
        "error": row.error,
        "finished_at": row.finished_at,
        "size": f"{row.size_bytes:,} bytes",
        "sha256": row.sha256,
    }
    return {
        "file": file,
        "decision": _decision(session, row, taken, t) if row.is_dry_run and row.status == "done" else None,
        "closing": _closing(session, row),
        "changes": _changes(row, t, lang) if row.status == "done" else None,
        "rejected": _rejected(row, lang),
        "unreadable": _unreadable(row),
        "refresh_url": f"/imports/{row.id}/body",
    }


def _decision(session: Session, row: ImportFile, taken: ImportFile | None, t: Translate) -> dict[str, Any]:
    """What can be done with a rehearsed file, and why not."""
    has_effect = bool(row.created or row.updated or row.closed)
    return {
        "apply_href": f"/imports/{row.id}/apply",
        "again_href": f"/imports/{row.id}/again",
        "taken_href": f"/imports/{taken.id}" if taken else "",
        "is_stale": taken is None and is_stale(session, row),
        "has_effect": has_effect,
    }


def _closing(session: Session, row: ImportFile) -> dict[str, Any]:
    limit = get_settings().close_warning_percent
    found = closing_of(session, row, loud_percent=limit)
    return {"closed": found.closed, "open": found.open, "percent": f"{found.percent:.1f}", "is_loud": found.is_loud, "limit": limit}


def field_label(t: Translate, lang: str, name: str) -> str:
    """What people call a field of the changes; its own name where there is no word for it."""
    key = f"layout_field.{_SAME.get(name, name)}"
    return t(key) if key in catalogue(lang) else name


def shown_value(t: Translate, lang: str, field: str, value: Any) -> str:
    """A value of the changes as people read it."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return t("imports.yes") if value else t("imports.no")
    if isinstance(value, list):
        return "、".join(map(str, value)) or "—"
    if field in _YEN and isinstance(value, int):
        return write_yen(value, lang)
    if isinstance(value, str) and len(value) == 10 and value[4:8:3] == "--":
        day = date.fromisoformat(value)
        return _whole_day(day, lang)
    if field == "began_at":
        moment = datetime.fromisoformat(str(value))
        return f"{_whole_day(local_day(moment), lang)} {clock(moment)}"
    return meaning_of(t, lang, _SAME.get(field, field), str(value))


def _whole_day(day: date, lang: str) -> str:
    return f"{day.year} {write_day(day, lang)}" if lang == "en" else f"{day.year}年{write_day(day, lang)}"


def _changes(row: ImportFile, t: Translate, lang: str) -> dict[str, Any]:
    """Which fields change how often, and examples."""
    told, totals = row.changes, row.changes.get("totals", {})
    counts = sorted(told.get("fields", {}).items(), key=lambda pair: -pair[1])
    most = max((count for _, count in counts), default=1)
    return {
        "fields": [
            {"label": field_label(t, lang, name), "count": count, "percent": round(100 * count / most, 1)} for name, count in counts
        ],
        "totals": [{"label": t(f"import_total.{name}"), "count": totals[name]} for name in _TOTALS if totals.get(name)],
        "updated": [_changed(each, t, lang) for each in told.get("updated", [])],
        "debtors": [_changed(each, t, lang) for each in told.get("debtors", [])],
        "created": [_listed(each, t, lang) for each in told.get("created", [])],
        "closed": [_listed(each, t, lang) for each in told.get("closed", [])],
    }


def _key(each: Mapping[str, Any], t: Translate, lang: str) -> list[dict[str, str]]:
    key = each["key"]
    return [{"label": field_label(t, lang, name), "value": shown_value(t, lang, name, key[name])} for name in in_order(key)]


def _changed(each: Mapping[str, Any], t: Translate, lang: str) -> dict[str, Any]:
    """An example of a row that changes: what was there, what will be."""
    return {
        "row": each["row"],
        "key": _key(each, t, lang),
        "name": each["name"],
        "fields": [
            {
                "label": field_label(t, lang, entry["field"]),
                "before": shown_value(t, lang, entry["field"], entry["before"]),
                "after": shown_value(t, lang, entry["field"], entry["after"]),
            }
            for entry in each["fields"]
        ],
    }


def _listed(each: Mapping[str, Any], t: Translate, lang: str) -> dict[str, Any]:
    """An example of a row that comes or goes."""
    values = each["values"]
    shown = [{"label": field_label(t, lang, name), "text": shown_value(t, lang, name, values[name])} for name in in_order(values)]
    return {"row": each["row"], "key": _key(each, t, lang), "name": each["name"], "values": shown}


def _unreadable(row: ImportFile) -> dict[str, Any] | None:
    """The characters that could not be read: how many in each column, and where the first of them stand."""
    if row.status != "done" or not row.notes:
        return None
    columns = Counter(note["column"] for note in row.notes)
    return {
        "columns": [{"column": column, "count": count} for column, count in columns.most_common()],
        "places": [{"row_no": note["row"], "column": note["column"], "bytes": note["bytes"].upper()} for note in row.notes[:SHOWN_PLACES]],
        "is_cut": len(row.notes) >= KEPT_LOST,
    }


def _rejected(row: ImportFile, lang: str) -> dict[str, Any] | None:
    """The rows that could not be taken: how many for which reason, and the first ones."""
    found = rejected_rows(row) if row.rejected else None
    if found is None:
        return None
    return {
        "total": row.rejected,
        "csv_href": f"/imports/{row.id}/rejected.csv",
        "reasons": [{"column": column, "reason": in_language(reason, lang), "count": count} for column, reason, count in found.reasons],
        "headers": list(found.headers),
        "rows": [
            {"row_no": number, "column": column, "reason": in_language(reason, lang), "cells": list(cells)}
            for number, column, reason, cells in found.rows
        ],
    }


def in_language(reason: str, lang: str) -> str:
    """A reason of the file of rejected rows, which is in Japanese, in the page's language."""
    if lang != "en":
        return reason
    return " / ".join(_ENGLISH_REASONS.get(part, part) for part in reason.split(" / "))
