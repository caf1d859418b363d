"""`callcenter user add|list|team|disable|password`: accounts from the command line; passwords are made by us and shown once."""

from __future__ import annotations

from typing import Any

import typer

from callcenter.auth import audit
from callcenter.auth import service as accounts
from callcenter.auth.models import Role, User
from callcenter.commands.language import words
from callcenter.commands.runtime import open_office, put, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction

app = typer.Typer(help="Accounts (利用者) of an office.", no_args_is_help=True)
JSON_OPTION = typer.Option(False, "--json", help="One JSON document.")
ADDRESS = "command line"


@app.command("add")
def add(
    sign_in_name: str = typer.Argument(help="Letters, digits and . _ @ -"),
    role: str = typer.Option(..., "--role", help=", ".join(Role)),
    name: str = typer.Option("", "--name", help="As colleagues know the person; by default the sign-in name."),
    lang: str = typer.Option("ja", "--lang", help="ja or en."),
    phone: str = typer.Option("", "--phone", help="Where the operator's phone is, for instance PJSIP/operator1."),
    team: str = typer.Option("", "--team", help="The team (班) by which reports can be cut."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Makes an account and prints its first password, once."""
    if role not in set(Role):
        usage_error(f"'{role}' is no role.", f"Expected one of: {', '.join(Role)}.")
    with open_office(create=True) as office, transaction(office.id) as session:
        user, password = accounts.add_user(
            session, sign_in_name=sign_in_name, display_name=name or sign_in_name, role=role, lang=lang, phone_address=phone, team=team
        )
        _note(session, "user.added", user)
        document = {"office": office.code, "sign_in_name": user.sign_in_name, "role": str(user.role), "password": password}
    put(document, as_json_document=as_json, lines=lambda: [f"{document['sign_in_name']}\t{document['role']}\t{document['password']}"])


@app.command("list")
def list_users(as_json: bool = JSON_OPTION) -> None:
    """Lists the accounts of the office."""
    with open_office() as office, transaction(office.id) as session:
        rows = [
            {
                "sign_in_name": user.sign_in_name,
                "display_name": user.display_name,
                "role": str(user.role),
                "team": user.team,
                "is_enabled": user.is_enabled,
                "can_sign_in": user.is_enabled and user.password_hash is not None,
            }
            for user in accounts.all_users(session)
        ]
    put(rows, as_json_document=as_json, lines=lambda: [_line(row) for row in rows] or [words("(none)")])


@app.command("team")
def team(
    sign_in_name: str = typer.Argument(),
    name: str = typer.Argument(help='The team (班), made by naming it; "" takes the person out of any.'),
    as_json: bool = JSON_OPTION,
) -> None:
    """Puts somebody into a team, by which reports can be cut; the calls made before count there, too."""
    with open_office() as office, transaction(office.id) as session:
        user = accounts.find_user(session, sign_in_name)
        accounts.set_team(session, user, name)
        _note(session, "user.changed", user)
        kept = user.team
    document = {"sign_in_name": sign_in_name, "team": kept}
    put(document, as_json_document=as_json, lines=lambda: [f"{sign_in_name}\t{kept or words('(none)')}"])


@app.command("disable")
def disable(sign_in_name: str = typer.Argument(), as_json: bool = JSON_OPTION) -> None:
    """Shuts an account; whoever is signed in with it is out at once."""
    with open_office() as office, transaction(office.id) as session:
        user = accounts.find_user(session, sign_in_name)
        accounts.disable_user(session, user, utc_now())
        _note(session, "user.disabled", user)
    put({"sign_in_name": sign_in_name, "is_enabled": False}, as_json_document=as_json, lines=lambda: [f"{sign_in_name}\tdisabled"])


@app.command("password")
def password(sign_in_name: str = typer.Argument(), as_json: bool = JSON_OPTION) -> None:
    """Replaces a password and prints the new one, once; open sessions of the account end."""
    with open_office() as office, transaction(office.id) as session:
        user = accounts.find_user(session, sign_in_name)
        fresh = accounts.renew_password(session, user, utc_now())
        _note(session, "user.password_renewed", user)
    put({"sign_in_name": sign_in_name, "password": fresh}, as_json_document=as_json, lines=lambda: [f"{sign_in_name}\t{fresh}"])


def _note(session: Any, action: str, user: User) -> None:
    detail = {"role": str(user.role)} | ({"team": user.team} if user.team else {})
    audit.record(session, action, "user", user.id, None, ADDRESS, detail, utc_now())


def _line(row: dict[str, Any]) -> str:
    return "\t".join((row["sign_in_name"], row["role"], row["display_name"], row["team"], "" if row["can_sign_in"] else "(can't sign in)"))
