"""`callcenter setup`: the first office and its first administrator from the command line; the same as the page /setup."""

from __future__ import annotations

import typer

from callcenter.auth import audit
from callcenter.auth.setup import set_up
from callcenter.commands.runtime import open_stores, put, say
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.core.phones import parse_phone


def setup(
    name: str = typer.Option(..., "--name", help="The office's name as debtors know it.", prompt="団体名 / office name"),
    code: str = typer.Option("main", "--code", help="Letters, digits, hyphens."),
    phone: str = typer.Option("", "--phone", help="The published number for call-backs."),
    administrator: str = typer.Option("admin", "--administrator", help="The first administrator's sign-in name."),
    display_name: str = typer.Option("", "--display-name", help="As colleagues know the person; by default the sign-in name."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Makes the first office and its first administrator, once; the password is made here and shown once."""
    number = parse_phone(phone) if phone else None
    if phone and (number is None or number.e164 is None):
        raise InvalidInput("That can't be read as a telephone number.", hint="Begin with the area code.", code="usage")
    with open_stores() as settings:
        office_id, user_id, password = set_up(
            settings.data_dir,
            code=code,
            name=name,
            phone=number.e164 or "" if number else "",
            sign_in_name=administrator,
            display_name=display_name,
            password=None,
        )
        with transaction(office_id) as session:
            audit.record(session, "installation.set_up", "office", office_id, user_id, "command line", None, utc_now())
    document = {"office": code, "office_id": office_id, "sign_in_name": administrator, "password": password}
    put(document, as_json_document=as_json, lines=lambda: [f"{administrator}\t{password}"])
    say("next: sign in, then see what is still to be done at /first-steps")
