"""`callcenter verify`: whether the database keeps what it must."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from callcenter.auth.offices import all_offices
from callcenter.commands.runtime import EXIT_FAILED, open_stores, put, say_error
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import APP_ROLE, transaction
from callcenter.core.settings import get_settings
from callcenter.tables import tenant_tables
from reports.checks.model import Facts, Finding, run_check
from reports.checks.rows import OFFICE_CHECKS
from reports.checks.schema import SCHEMA_CHECKS

Tell = Callable[[str, int, int], None]


def verify(as_json: bool = typer.Option(False, "--json", help="One JSON document.")) -> None:
    """Checks the database's invariants, of the schema and of every office; ends with 1 when one is broken and names the rows."""
    with open_stores() as settings, progress_bar() as tell:
        findings = find_all(settings.lang, tell)
    is_ok = all(finding.is_ok for finding in findings)
    document = {"ok": is_ok, "checks": [finding.document() for finding in findings]}
    put(document, as_json_document=as_json, lines=lambda: [line for finding in findings for line in lines_of(finding)])
    if not is_ok:
        say_error(f"{sum(not finding.is_ok for finding in findings)} of {len(findings)} checks are broken.")
        raise typer.Exit(EXIT_FAILED)


@contextmanager
def progress_bar() -> Iterator[Tell]:
    """A bar on standard error when that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _name, _done, _total: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


def find_all(lang: str, tell: Tell) -> list[Finding]:
    """Runs every check: those of the schema once, the others in a transaction of each office."""
    now, tables, data_dir = utc_now(), tuple(tenant_tables()), get_settings().data_dir
    findings: list[Finding] = []
    with transaction(None) as session:
        offices = [(office.id, office.code, ZoneInfo(office.time_zone)) for office in all_offices(session)]
        total = len(SCHEMA_CHECKS) + len(offices) * len(OFFICE_CHECKS)
        facts = Facts(now, local_day(now), tables, APP_ROLE, data_dir)
        for check in SCHEMA_CHECKS:
            tell(check.name, len(findings), total)
            findings.append(run_check(check, session, facts, None, lang))
    for office_id, code, zone in offices:
        with transaction(office_id) as session:
            facts = Facts(now, local_day(now, zone), tables, APP_ROLE, data_dir)
            for check in OFFICE_CHECKS:
                tell(check.name, len(findings), total)
                findings.append(run_check(check, session, facts, code, lang))
    return findings


def lines_of(finding: Finding) -> list[str]:
    """One finding for people: the word first, the rows last, and what to do about it."""
    where = f" [{finding.office}]" if finding.office else ""
    if finding.is_ok:
        return [f"ok      {finding.check}{where}: {finding.says}"]
    more = f" … ({finding.broken})" if finding.broken > len(finding.rows) else ""
    return [f"BROKEN  {finding.check}{where}: {finding.says}: {'; '.join(finding.rows)}{more}", f"        → {finding.todo}"]
