"""`callcenter script`: robocall scripts as TOML files, checked, kept in versions, and made active."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.commands.language import chosen_language, pick, words
from callcenter.commands.runtime import EXIT_FAILED, open_office, put, say
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput, NotFound
from dialer.ivr import recordings, versions
from dialer.ivr.checking import Problem
from dialer.ivr.documents import from_document, from_toml, to_document
from dialer.ivr.models import RobocallScript
from dialer.ivr.script import DEFAULT, Script
from dialer.ivr.service import read

app = typer.Typer(help="Robocall scripts: what an automated call says, and what each key means.", no_args_is_help=True)
AS_JSON = typer.Option(False, "--json", help="One JSON document.")
CODE = typer.Argument(help="The script's code; 'default' is the built-in one unless the office has its own.")
VERSION = typer.Option(0, "--version", min=0, help="Which version; default: the newest.")
BY = typer.Option("", "--by", help="Sign-in name of the person who does it; words about tax need two.")


@app.command("list")
def list_scripts(as_json: bool = AS_JSON) -> None:
    """The scripts there are, each version."""
    with open_office() as office, transaction(office.id) as session:
        rows = [_line(row) for row in versions.all_versions(session)]
    if not any(row["code"] == DEFAULT.code and row["is_active"] for row in rows):
        rows.insert(0, _line_of(DEFAULT) | {"is_active": True, "is_built_in": True, "created_at": None})
    put(rows, as_json_document=as_json, lines=lambda: [_shown(row) for row in rows])


@app.command("show")
def show(code: str = CODE, version: int = VERSION, as_json: bool = AS_JSON) -> None:
    """One script: its words, and where each key leads."""
    with open_office() as office, transaction(office.id) as session:
        script = _find(session, code, version)
        problems = versions.problems_of(session, script)
    document = {"code": script.code, "version": script.version, "script": to_document(script), "problems": _told(problems)}
    put(document, as_json_document=as_json, lines=lambda: [*_tree(script), *_findings(problems)])


@app.command("check")
def check(file: Path = typer.Argument(help="A TOML file."), as_json: bool = AS_JSON) -> None:
    """Says what must be put right before a script may be spoken; ends with 1 when there is something."""
    code, document = from_toml(_text(file))
    script = from_document(code or "script", 0, document)
    with open_office() as office, transaction(office.id) as session:
        problems = versions.problems_of(session, script)
    told = {"code": code, "nodes": len(script.nodes), "problems": _told(problems)}
    put(told, as_json_document=as_json, lines=lambda: _findings(problems) or [words(f"{len(script.nodes)} nodes, nothing to put right")])
    if problems:
        say(f"{len(problems)} things to put right")
        raise typer.Exit(EXIT_FAILED)


@app.command("add")
def add(
    file: Path = typer.Argument(help="A TOML file with a code."),
    code: str = typer.Option("", "--code", help="Its code, where the file has none or another one is wanted."),
    by: str = BY,
    as_json: bool = AS_JSON,
) -> None:
    """Keeps a script as the next version of its code, not active yet."""
    written, document = from_toml(_text(file))
    if not (code or written):
        raise InvalidInput("The script has no code.", hint='Write code = "…" first in the file, or give --code.', code="script_code")
    now = utc_now()
    with open_office(create=True) as office, transaction(office.id) as session:
        user = _person(session, by)
        row = versions.add_version(session, code or written, document, now, user.id if user else None)
        is_new = row.created_at == now
        problems = versions.problems_of(session, read(row))
        if is_new:
            _note(session, "script.added", row, user)
        told = {"code": row.code, "version": row.version, "is_new": is_new, "is_active": row.is_active, "problems": _told(problems)}
    put(
        told,
        as_json_document=as_json,
        lines=lambda: [words(f"{told['code']}/{told['version']}: kept, not active yet"), *_findings(problems)],
    )


@app.command("activate")
def activate(code: str = CODE, version: int = VERSION, by: str = BY, as_json: bool = AS_JSON) -> None:
    """Makes a version the one that is spoken from the next call on."""
    with open_office() as office, transaction(office.id) as session:
        row, user = versions.get_version(session, code, version or None), _person(session, by)
        versions.activate(session, row, utc_now(), user.id if user else None)
        _note(session, "script.activated", row, user)
        told = {"code": row.code, "version": row.version, "is_active": row.is_active}
    put(told, as_json_document=as_json, lines=lambda: [words(f"{told['code']}/{told['version']} is spoken from now on")])


@app.command("record")
def record(
    name: str = typer.Argument(help="The recording's name, as scripts call it."),
    file: Path = typer.Argument(help="A WAV file."),
    by: str = BY,
    as_json: bool = AS_JSON,
) -> None:
    """Keeps a recording for scripts to play, made into what telephones play."""
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"{file}: can't be read.", hint="Check the path.", code="no_file") from problem
    with open_office(create=True) as office, transaction(office.id) as session:
        user = _person(session, by)
        row = recordings.save(session, name, content, utc_now(), user.id if user else None)
        told = {"name": row.name, "digest": row.digest, "seconds": row.milliseconds / 1000}
    put(told, as_json_document=as_json, lines=lambda: [words(f"{told['name']}: {told['seconds']} s")])


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{file}: can't be read as UTF-8 text.", hint="Check the path and the encoding.", code="no_file") from problem


def _find(session: Session, code: str, version: int) -> Script:
    if code == DEFAULT.code and not version and not any(row.code == code for row in versions.all_versions(session)):
        return DEFAULT
    return read(versions.get_version(session, code, version or None))


def _person(session: Session, sign_in_name: str) -> User | None:
    if not sign_in_name:
        return None
    user = session.scalar(select(User).where(User.sign_in_name == sign_in_name, User.is_enabled))
    if user is None:
        raise NotFound(f"There is no account '{sign_in_name}'.", hint="`callcenter user list` shows those there are.")
    return user


def _note(session: Session, action: str, row: RobocallScript, user: User | None) -> None:
    detail = {"code": row.code, "version": row.version}
    audit.record(session, action, "robocall_script", row.id, user.id if user else None, "cli", detail, utc_now())


def _line(row: RobocallScript) -> dict[str, Any]:
    return _line_of(read(row)) | {"is_active": row.is_active, "is_built_in": False, "created_at": row.created_at}


def _line_of(script: Script) -> dict[str, Any]:
    head = {"code": script.code, "version": script.version, "title": script.title, "wording": script.wording.value}
    return head | {"nodes": len(script.nodes), "on_machine": script.on_machine.value}


def _shown(row: dict[str, Any]) -> str:
    state = pick(chosen_language(), "有効", "active") if row["is_active"] else "-"
    where = "  " + words("(built in)") if row["is_built_in"] else ""
    nodes = words(f"{row['nodes']:>2} nodes")
    return f"{row['code']}/{row['version']:<4} {state:<7} {row['wording']:<8} {nodes}  {row['title']}{where}"


def _told(problems: list[Problem]) -> list[dict[str, str]]:
    return [{"node": each.node, "field": each.field, "code": each.code, "text": versions.in_words(each)} for each in problems]


def _findings(problems: list[Problem]) -> list[str]:
    return [f"! {versions.in_words(problem)}" for problem in problems]


def _tree(script: Script) -> list[str]:
    lines = [f"{script.label} {script.title} ({script.wording}; machine: {script.on_machine})"]
    for node in script.nodes:
        effect = f" = {node.effect}" if node.effect else ""
        lines.append(f"[{node.code}] {node.kind}{effect}: {node.say}")
        lines += [f"    {way or '-'} → {target}" for way, target in node.ways().items()]
    return lines
