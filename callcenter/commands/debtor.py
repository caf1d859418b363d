"""`callcenter debtor find|show`: on the office's own terminal; that somebody looked is on record, as it is in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.commands.debtor_lines import found_lines, shown_lines
from callcenter.commands.runtime import open_office, put, usage_error
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.settings import get_settings
from callcenter.web.debtor_view import debt_name
from campaigns.debtors.account import Account, read_account
from campaigns.debtors.holds import holds_of, is_in_force
from campaigns.debtors.models import Debt, Debtor
from campaigns.debtors.phones import numbers_of, takes_sms
from campaigns.debtors.search import find
from campaigns.debtors.terms import Narrowing, read_terms
from campaigns.debtors.timeline import Entry, read_timeline

app = typer.Typer(help="Taxpayers: found and shown.", no_args_is_help=True)


@app.command("find")
def find_debtors(
    words: str = typer.Argument(help="Number, name, reading, telephone, notice or household."),
    tax: str = typer.Option("", "--tax", help="Only who owes this tax code."),
    listed: bool = typer.Option(False, "--listed", help="Only who is on the list."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Finds debtors, the surest matches first; at most a page of them."""
    try:
        terms = read_terms(words)
    except InvalidInput as problem:
        usage_error(problem.message, problem.hint)
    with open_office() as office, transaction(office.id) as session:
        found = find(session, terms, Narrowing(tax_code=tax, status="listed" if listed else ""))
        told = {"results": len(found.hits), "has_more": found.has_more, "by": sorted({hit.match.value for hit in found.hits})}
        lang = get_settings().lang
        audit.record(session, "debtor.searched", "debtor", None, None, "terminal", told, utc_now())
    rows = [
        {
            "debtor_no": hit.debtor_no,
            "name": hit.name,
            "name_kana": hit.name_kana,
            "outstanding": hit.owed,
            "terms": hit.terms,
            "channel": hit.channel,
            "is_listed": hit.is_listed,
            "found_by": hit.match.value,
        }
        for hit in found.hits
    ]
    document = {"debtors": rows, "has_more": found.has_more, "is_cut": found.is_cut}
    put(document, as_json_document=as_json, lines=lambda: found_lines(rows, lang, has_more=found.has_more or found.is_cut))


@app.command("show")
def show_debtor(
    debtor_no: str = typer.Argument(help="宛名番号; leading zeros may be left out."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Shows one debtor: what is owed by tax and term, numbers, holds, and what happened lately."""
    now = utc_now()
    with open_office() as office, transaction(office.id) as session:
        debtor, lang = _the_one(session, debtor_no), get_settings().lang
        entries = read_timeline(session, debtor.id, frozenset()).entries
        document = _document(session, debtor, entries, now)
        debts = {
            row.id: debt_name(row.tax_name or row.tax_code, row.levy_year, row.base_year, row.term, lang)
            for row in session.scalars(select(Debt).where(Debt.debtor_id == debtor.id))
        }
        audit.record(session, "debtor.viewed", "debtor", debtor.id, None, "terminal", {"page": "terminal"}, now)
    put(document, as_json_document=as_json, lines=lambda: shown_lines(document, entries, debts, lang))


def _the_one(session: Session, debtor_no: str) -> Debtor:
    codes = list(read_terms(debtor_no).codes) if debtor_no.strip() else []
    found = session.scalars(select(Debtor).where(Debtor.debtor_no.in_([debtor_no, *codes])).order_by(Debtor.debtor_no)).all()
    exact = [debtor for debtor in found if debtor.debtor_no == debtor_no]
    if len(exact or found) != 1:
        hint = "`callcenter debtor find` looks by name, too." if not found else "Give the 宛名番号 with its leading zeros."
        raise NotFound("There is no such debtor in this office." if not found else "More than one debtor fits.", hint=hint)
    return (exact or found)[0]


def _document(session: Session, debtor: Debtor, entries: Sequence[Entry], now: datetime) -> dict[str, Any]:
    account = read_account(session, debtor.id, local_day(now))
    return {
        "debtor_no": debtor.debtor_no,
        "kind": debtor.kind,
        "name": debtor.name,
        "name_kana": debtor.name_kana,
        "birth_date": debtor.birth_date,
        "postal_code": debtor.postal_code,
        "address": debtor.address,
        "household_no": debtor.household_no,
        "is_listed": debtor.is_listed,
        "do_not_contact": debtor.do_not_contact,
        "as_of": account.as_of,
        "taxes": _taxes(account),
        "total": {name: getattr(account.sums, name) for name in ("count", "outstanding", "fee", "charge", "total")},
        "phones": [
            {
                "number": phone.original,
                "e164": phone.e164,
                "line_type": phone.line_type,
                "status": phone.status,
                "source": phone.source,
                "sms": takes_sms(phone),
                "is_listed": phone.is_listed,
            }
            for phone in numbers_of(session, debtor.id)
        ],
        "holds": [
            {"reason": hold.reason, "channel": hold.channel, "from": hold.starts_at, "until": hold.ends_at, "note": hold.note}
            for hold in holds_of(session, debtor.id)
            if is_in_force(hold, now)
        ],
        "timeline": [{"at": entry.at, "kind": entry.kind, "by": entry.user, "facts": entry.facts} for entry in entries],
    }


def _taxes(account: Account) -> list[dict[str, Any]]:
    names = ("levy_year", "base_year", "term", "notice_no", "due_on", "assessed", "received", "outstanding", "fee", "charge")
    flags = ("is_charge_fixed", "is_carried", "hold")
    return [
        {
            "tax_code": tax.code,
            "tax_name": tax.name,
            "outstanding": tax.sums.outstanding,
            "terms": [{name: getattr(line, name) for name in (*names, *flags)} for line in tax.lines],
        }
        for tax in account.taxes
    ]
