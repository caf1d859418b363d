"""`callcenter template list|show|check|add|activate`: wordings of text messages as files, in versions.

A version is named `CODE` (the active one, else the newest) or `CODE@3`. A wording with words of tax or personal fields is activated by
another person than who added it; both are told by `--user`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.auth.permissions import Action, may
from callcenter.auth.service import find_user
from callcenter.commands.language import chosen_language, pick, words
from callcenter.commands.runtime import EXIT_FAILED, open_office, put
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput, NotAllowed, NotFound
from callcenter.core.settings import get_settings
from campaigns.messages.models import Template
from campaigns.messages.wording import Review
from campaigns.messages.wordings import (
    Draft,
    activate_template,
    add_template,
    draft_of,
    find_template,
    latest_templates,
    review_draft,
    versions_of,
)

app = typer.Typer(help="Wordings of text messages (文面).", no_args_is_help=True)
JSON = typer.Option(False, "--json", help="One JSON document.")
FILE = typer.Argument(help="Text file in UTF-8; - for standard input.")
TAX = typer.Option(False, "--allow-tax-words", help="Words of tax and amounts may stand in it; needs a second person.")
FIELD = typer.Option([], "--allow-field", help="A personal field it may use (name, letter_date, promise_date); needs a second person.")
USER = typer.Option("", "--user", help="Sign-in name of who does it.")
NAME = typer.Argument(help="CODE or CODE@VERSION.")
SEVERITIES = {"error": ("誤り", "error"), "note": ("補足", "note")}


@app.command("list")
def list_templates(as_json: bool = JSON) -> None:
    """The active version of each wording, and newer ones that wait."""
    with open_office() as office, transaction(office.id) as session:
        rows = [_document(row) for row in latest_templates(session)]
    put(rows, as_json_document=as_json, lines=lambda: [_line(row) for row in rows] or [words("(none)")])


@app.command("show")
def show_template(template: str = NAME, as_json: bool = JSON) -> None:
    """A wording as people get it, its length, and its versions."""
    with open_office() as office, transaction(office.id) as session:
        row = find_template(session, template)
        draft = Draft(row.code, row.body, row.allows_tax_words, tuple(row.allowed_fields))
        document = _document(row) | {"body": row.body} | _reviewed(review_draft(session, draft))
        document["versions"] = [{"version": one.version, "is_active": one.is_active} for one in versions_of(session, row.code)]
    put(document, as_json_document=as_json, lines=lambda: [_line(document), row.body, *_told(document)])


@app.command("check")
def check_template(file: str = FILE, tax_words: bool = TAX, fields: list[str] = FIELD, as_json: bool = JSON) -> None:
    """Tells everything that is wrong with a wording, with its place, and how long it can get; nothing is kept."""
    draft = draft_of("check", _read(file), allows_tax_words=tax_words, allowed_fields=fields)
    with open_office(create=True) as office, transaction(office.id) as session:
        seen = review_draft(session, draft)
    document = {"file": file, "is_valid": not seen.errors} | _reviewed(seen)
    put(document, as_json_document=as_json, lines=lambda: _told(document))
    if seen.errors:
        raise typer.Exit(EXIT_FAILED)


@app.command("add")
def add(
    code: str = typer.Argument(help="Small letters, digits, underscores."),
    file: str = FILE,
    tax_words: bool = TAX,
    fields: list[str] = FIELD,
    user: str = USER,
    as_json: bool = JSON,
) -> None:
    """Keeps a wording as a new version; `activate` puts it to use."""
    draft = draft_of(code, _read(file), allows_tax_words=tax_words, allowed_fields=fields)
    now = utc_now()
    with open_office(create=True) as office, transaction(office.id) as session:
        who = _person(session, user)
        row, seen = add_template(session, draft, who, now)
        is_new = row.created_at == now
        if is_new:
            _note(session, "template.saved", row, who)
        document = _document(row) | _reviewed(seen) | {"is_new": is_new}
    put(document, as_json_document=as_json, lines=lambda: [_line(document), *_told(document)])


@app.command("activate")
def activate(template: str = NAME, user: str = USER, as_json: bool = JSON) -> None:
    """Puts a version to use: batches prepared from now on have it."""
    with open_office() as office, transaction(office.id) as session:
        who = _person(session, user)
        found = find_template(session, template)
        was_active = found.is_active
        row = activate_template(session, found.id, who, utc_now())
        if not was_active:
            _note(session, "template.activated", row, who)
        document = _document(row)
    put(document, as_json_document=as_json, lines=lambda: [_line(document)])


def _person(session: Session, name: str) -> int | None:
    if not name:
        return None
    user = find_user(session, name)
    if user is None or not user.is_enabled:
        raise NotFound(f"There is no user '{name}'.", hint="`callcenter user list` shows them.", code="no_user")
    if not may(user.role, Action.EDIT_TEMPLATES):
        raise NotAllowed(f"'{name}' may not edit wordings.", hint="Name a supervisor, a tax officer or an administrator.", code="role")
    return user.id


def _note(session: Session, action: str, row: Template, user_id: int | None) -> None:
    detail = {"version": row.version, "tax_words": row.allows_tax_words, "fields": len(row.allowed_fields)}
    audit.record(session, action, "template", row.id, user_id, "command line", detail, utc_now())


def _document(row: Template) -> dict[str, Any]:
    return {
        "code": row.code,
        "version": row.version,
        "is_active": row.is_active,
        "allows_tax_words": row.allows_tax_words,
        "allowed_fields": list(row.allowed_fields or ()),
    }


def _reviewed(seen: Review) -> dict[str, Any]:
    lang = get_settings().lang
    problems = [
        {"code": one.code, "severity": one.severity.value, "line": one.line, "column": one.column, "text": one.text(lang)}
        for one in seen.problems
    ]
    lengths = {"segments": seen.segments, "most_segments": seen.most_segments, "units": seen.units, "left": seen.left}
    return {"sample": seen.sample, **lengths, "problems": problems}


def _line(row: dict[str, Any]) -> str:
    parts = [f"{row['code']}@{row['version']}", pick(chosen_language(), *(("有効", "active") if row["is_active"] else ("待機", "waits")))]
    parts += [words("tax words")] if row["allows_tax_words"] else []
    parts += [words(f"fields: {', '.join(row['allowed_fields'])}")] if row["allowed_fields"] else []
    return "\t".join(parts)


def _told(document: dict[str, Any]) -> list[str]:
    lines = [f"{pick(chosen_language(), *SEVERITIES[one['severity']])}: {one['text']}" for one in document["problems"]]
    if document["sample"]:
        most = "" if document["most_segments"] == document["segments"] else f", at most {document['most_segments']}"
        lines += [words(f"segments {document['segments']}{most}; {document['left']} characters left"), f"> {document['sample']}"]
    return lines


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{file}: the file can't be read.", hint="Expected a text file in UTF-8.", code="no_file") from problem
