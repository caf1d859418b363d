"""`callcenter office add|list` and `callcenter migrate`."""

from __future__ import annotations

import typer

from callcenter.auth.offices import add_office, all_offices
from callcenter.commands.runtime import open_stores, put
from callcenter.core.db import transaction

app = typer.Typer(help="Offices (自治体) of this installation.", no_args_is_help=True)


@app.command("list")
def list_offices(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Lists the offices."""
    with open_stores(), transaction(None) as session:
        rows = [{"code": office.code, "name": office.name, "is_training": office.is_training} for office in all_offices(session)]
    put(rows, as_json_document=as_json, lines=lambda: [f"{row['code']}\t{row['name']}" for row in rows] or ["(none)"])


@app.command("add")
def add(
    code: str = typer.Argument(help="Letters, digits, hyphens."),
    name: str = typer.Option(..., help="The office's name as debtors know it."),
    phone: str = typer.Option("", help="The published number for call-backs."),
    training: bool = typer.Option(False, help="Practice office: simulated carrier only, contact window always open."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Makes an office."""
    with open_stores(), transaction(None) as session:
        office = add_office(session, code=code, name=name, phone=phone, is_training=training)
        document = {"code": office.code, "name": office.name}
    put(document, as_json_document=as_json, lines=lambda: [f"{document['code']}\t{document['name']}"])


def migrate(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Brings the schema up to date."""
    from callcenter.schema import head_revision

    with open_stores():
        document = {"revision": head_revision()}
    put(document, as_json_document=as_json, lines=lambda: [f"schema is at {document['revision']}"])
