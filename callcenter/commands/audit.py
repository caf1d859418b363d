"""`callcenter audit seal|export|verify`: the audit trail sealed, taken out, and judged outside the database."""

from __future__ import annotations

from pathlib import Path

import typer

from callcenter.auth import trail_export
from callcenter.auth.jobs import seal_audit
from callcenter.auth.sealing import heads_path, load_key
from callcenter.commands.language import words
from callcenter.commands.runtime import EXIT_FAILED, open_office, put, say_error
from callcenter.commands.trail_verifier import judge_export
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import get_settings

app = typer.Typer(help="The audit trail: sealed, exported, judged.", no_args_is_help=True)


@app.command("seal")
def seal(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Seals what was written since the last seal; the schedule does so every 45 seconds."""
    with open_office() as office:
        seal_audit(office.id)
        document = {"heads": heads_path(get_settings().data_dir, office.id)}
    put(document, as_json_document=as_json, lines=lambda: [str(document["heads"])])


@app.command("export")
def export(
    folder: Path = typer.Argument(metavar="DIR", help="Where events.jsonl, seals.jsonl and the public key go."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Writes the audit trail of the office as files."""
    with open_office() as office:
        key = load_key(get_settings().data_dir)
        with transaction(office.id) as session:
            rows, seals = trail_export.export_trail(session, folder, key.public)
    put(
        {"rows": rows, "seals": seals, "folder": folder},
        as_json_document=as_json,
        lines=lambda: [words(f"{folder}: {rows} rows, {seals} seals")],
    )


@app.command("verify")
def verify(
    folder: Path = typer.Argument(metavar="DIR", help="A folder that `audit export` wrote."),
    heads: Path = typer.Option(None, "--heads", help="The file of heads that was kept elsewhere."),
    key: Path = typer.Option(None, "--key", help="The public key that was kept elsewhere; default: the exported one."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Judges an exported audit trail without any database; ends with 1 when it was changed, cut or forged."""
    paths = [folder / trail_export.EVENTS, folder / trail_export.SEALS, key or folder / trail_export.KEY, *([heads] if heads else [])]
    for path in paths:
        if not path.is_file():
            raise InvalidInput(f"{path}: there is no such file.", hint="`callcenter audit export DIR` writes them.", code="no_file")
    try:
        verdict = judge_export(*paths)
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{folder}: the export can't be read ({type(problem).__name__}).", hint="Export it again.") from problem
    document = {
        "ok": not verdict.problems,
        "rows": verdict.rows,
        "seals": verdict.seals,
        "unsealed": verdict.unsealed,
        "problems": verdict.problems,
    }
    summary = f"{verdict.rows} rows, {verdict.seals} seals, {verdict.unsealed} rows not sealed yet"
    put(
        document,
        as_json_document=as_json,
        lines=lambda: [words(line) for line in (*(f"BROKEN  {problem}" for problem in verdict.problems), summary)],
    )
    if verdict.problems:
        say_error(f"{len(verdict.problems)} faults in the audit trail.")
        raise typer.Exit(EXIT_FAILED)
