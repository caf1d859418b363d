"""`callcenter verify`: whether the database keeps what it must."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import typer

from callcenter.auth.offices import all_offices
from callcenter.commands.runtime import EXIT_FAILED, open_stores, put, say
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import APP_ROLE, transaction
from callcenter.tables import tenant_tables
from reports.checks.model import Facts, Finding, run_check
from reports.checks.rows import OFFICE_CHECKS
from reports.checks.schema import SCHEMA_CHECKS


def verify(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Checks the database's invariants, of the schema and of every office; ends with 1 when one is broken and names the rows."""
    with open_stores() as settings:
        findings = find_all(settings.lang)
    is_ok = all(finding.is_ok for finding in findings)
    document = {"ok": is_ok, "checks": [finding.document() for finding in findings]}
    put(document, as_json_document=as_json, lines=lambda: [line_of(finding) for finding in findings])
    if not is_ok:
        say(f"error: {sum(not finding.is_ok for finding in findings)} of {len(findings)} checks are broken.")
        raise typer.Exit(EXIT_FAILED)


def find_all(lang: str) -> list[Finding]:
    """Runs every check: those of the schema once, the others in a transaction of each office."""
    now = utc_now()
    tables = tuple(tenant_tables())
    with transaction(None) as session:
        offices = [(office.id, office.code, ZoneInfo(office.time_zone)) for office in all_offices(session)]
        facts = Facts(now, local_day(now), tables, APP_ROLE)
        findings = [run_check(check, session, facts, None, lang) for check in SCHEMA_CHECKS]
    for office_id, code, zone in offices:
        with transaction(office_id) as session:
            facts = Facts(now, local_day(now, zone), tables, APP_ROLE)
            findings += [run_check(check, session, facts, code, lang) for check in OFFICE_CHECKS]
    return findings


def line_of(finding: Finding) -> str:
    """One finding for people: the word first, the rows last."""
    where = f" [{finding.office}]" if finding.office else ""
    if finding.is_ok:
        return f"ok      {finding.check}{where}: {finding.says}"
    more = f" … ({finding.broken})" if finding.broken > len(finding.rows) else ""
    return f"BROKEN  {finding.check}{where}: {finding.says}: {'; '.join(finding.rows)}{more}"
