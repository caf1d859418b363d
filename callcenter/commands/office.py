"""`callcenter office add|list|terms` and `callcenter migrate`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from callcenter.auth.offices import add_office, all_offices
from callcenter.commands.language import words
from callcenter.commands.runtime import open_office, open_stores, put, usage_error
from callcenter.core.db import transaction
from campaigns.payments.debt_charges import change_rounding, rounding_of
from campaigns.promises.terms import change_terms

app = typer.Typer(help="Offices (自治体) of this installation.", no_args_is_help=True)


@app.command("list")
def list_offices(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Lists the offices."""
    with open_stores(), transaction(None) as session:
        rows = [{"code": office.code, "name": office.name, "is_training": office.is_training} for office in all_offices(session)]
    put(rows, as_json_document=as_json, lines=lambda: [f"{row['code']}\t{row['name']}" for row in rows] or [words("(none)")])


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


@app.command("terms")
def terms(
    change: list[str] = typer.Option([], "--set", help="NAME=VALUE; may be repeated. Without it the terms are shown."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Shows or changes what the office settled: grace and threshold of promises, posting lag, plans, rounding of late charges."""
    changes = dict(_pair(text) for text in change)
    with open_office() as office, transaction(office.id) as session:
        rounding = changes.pop("rounding", None)
        if rounding is not None:
            change_rounding(session, rounding)
        document = asdict(change_terms(session, changes)) | {"rounding": rounding_of(session)}
    put(document, as_json_document=as_json, lines=lambda: [f"{name}\t{value}" for name, value in document.items()])


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        usage_error(f"--set: '{text}' is not NAME=VALUE.", "For example posting_lag_days=10.")
    return name.strip(), value.strip()


def migrate(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Brings the schema up to date."""
    from callcenter.schema import head_revision

    with open_stores():
        document = {"revision": head_revision()}
    put(document, as_json_document=as_json, lines=lambda: [words(f"schema is at {document['revision']}")])
