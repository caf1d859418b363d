"""`callcenter report NAME`: the figures of a period as JSON, CSV, XLSX, PDF or lines."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typer

from callcenter.commands.language import words
from callcenter.commands.runtime import EXIT_FAILED, open_office, put, say, say_error, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.settings import get_settings
from campaigns.planning.service import find_campaign
from reports.cuts import Cut
from reports.eras import Years
from reports.exports.files import to_csv, to_xlsx
from reports.exports.pdf import to_pdf
from reports.exports.table import build, shown
from reports.facts.build import rebuild
from reports.periods import Period, months_of, read_period
from reports.queries.headline import CHANNELS, Headline, HeadlineQuery, headline
from reports.staff import staff_of

NAMES = ("headline", "rebuild", "pack", "open-data")


class Format(StrEnum):
    """How a report is written."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"
    PARQUET = "parquet"


def report(
    name: str = typer.Argument(
        help=f"Which report: {', '.join(NAMES)}. rebuild counts the period's facts anew, pack is the month's meeting pack,"
        " open-data writes events and facts without personal data into FOLDER."
    ),
    folder: Path | None = typer.Argument(None, help="Only for open-data: a new folder."),
    first: str = typer.Option(..., "--from", help="First day: 2026-09-01, 令和8年9月1日, R8.9.1."),
    last: str = typer.Option(..., "--to", help="Last day, included."),
    campaign: str = typer.Option("", help="Only this campaign: name or number."),
    operator: str = typer.Option("", help="Only this operator's calls, hours and promises: the sign-in name."),
    team: str = typer.Option("", help="Only those of operators who are in this team now; - for those of none."),
    by: str = typer.Option("", help=f"One row per {', '.join(Cut)}."),
    channel: str = typer.Option("operator_call", help=f"{', '.join(CHANNELS)}."),
    form: str = typer.Option("", "--format", help=f"{', '.join(Format)}; lines for people when left out."),
    years: str = typer.Option(Years.WESTERN.value, "--years", help="Dates in CSV, XLSX, PDF and lines: western or era (R8.9.1)."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
    output: Path | None = typer.Option(None, "--output", help="File to write instead of standard output."),
) -> None:
    """Counts the figures of a period, by the office's days; `rebuild` counts the days' facts behind them anew."""
    check_words(name, by, channel, form, years)
    if (folder is not None) != (name == "open-data"):
        usage_error("open-data needs a FOLDER, the other reports take none.", hint="callcenter report open-data DIR --from … --to …")
    kind = Format(form) if form else (Format.JSON if as_json else None)
    if kind is Format.PARQUET and name != "open-data":
        usage_error(f"--format {kind} is only for open-data.", hint="Expected json, csv, xlsx or pdf.")
    if kind in (Format.XLSX, Format.PDF) and output is None and (as_json or sys.stdout.isatty()):
        usage_error(f"--format {kind} writes a file.", hint="Name it with --output FILE.")
    if as_json and kind is Format.CSV and output is None and folder is None:
        usage_error("--json and --format csv both want standard output.", hint="Leave one out, or name a file with --output.")
    read_period(first, last, names=("--from", "--to"))
    with open_office() as office:
        period = read_period(first, last, ZoneInfo(office.time_zone), names=("--from", "--to"))
        if name == "rebuild":
            rebuild_facts(office.id, period, as_json=as_json)
            return
        if folder is not None:
            open_data(office.id, folder, period, kind, as_json=as_json)
            return
        if name == "pack":
            meeting_pack(office.id, period, kind, output, as_json=as_json)
            return
        with transaction(office.id) as session:
            found = headline(session, query_of(session, period, by, channel, campaign, (operator, team)), utc_now())
    answer(found, kind, output, Years(years), as_json=as_json)


def meeting_pack(office_id: int, period: Period, kind: Format | None, output: Path | None, *, as_json: bool) -> None:
    """The strategy meeting's pack of one month as PDF or XLSX."""
    from reports.pack.content import gather
    from reports.pack.document import pack_pdf
    from reports.pack.workbook import pack_xlsx

    if kind not in (None, Format.PDF, Format.XLSX) and not (as_json and kind is Format.JSON):
        usage_error(f"--format {kind} is not how a pack is written.", hint="Expected pdf or xlsx.")
    if output is None:
        usage_error("A pack is a file.", hint="Name it with --output FILE.")
    if (period.first.year, period.first.month) != (period.last.year, period.last.month):
        usage_error(
            "A pack is of one month.", hint=f"Choose days of one month, for instance --from {period.first:%Y-%m}-01 --to {period.first}."
        )
    with transaction(office_id) as session:
        pack = gather(session, period.first.replace(day=1), utc_now())
    is_table = kind is Format.XLSX or (kind in (None, Format.JSON) and output.suffix.lower() == ".xlsx")
    write(output, pack_xlsx(pack) if is_table else pack_pdf(pack))
    if as_json:
        put({"month": f"{pack.month:%Y-%m}", "file": str(output), "is_complete": pack.is_complete}, as_json_document=True)


def open_data(office_id: int, folder: Path, period: Period, kind: Format | None, *, as_json: bool) -> None:
    """Events and facts without personal data, on record."""
    from rich.console import Console
    from rich.progress import Progress

    from callcenter.auth import audit
    from reports.opendata.export import export

    if kind not in (None, Format.PARQUET, Format.CSV) and not (as_json and kind is Format.JSON):
        usage_error(f"--format {kind} is not how open data is written.", hint="Expected parquet or csv.")
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar, transaction(office_id) as session:
        task = bar.add_task("report open-data", total=None)
        written = "csv" if kind is Format.CSV else "parquet"
        try:
            found = export(session, folder, period, written, utc_now(), lambda done, of: bar.update(task, completed=done, total=of))
        except OSError as problem:
            say(f"error: {folder} can't be written: {problem.strerror}.")
            raise typer.Exit(EXIT_FAILED) from problem
        detail = {"from": period.first.isoformat(), "to": period.last.isoformat(), "files": len(found.files)}
        audit.record(session, "open_data.exported", "open_data", None, None, "", detail, utc_now())
    lines = [f"{each['name']}\t{each['rows']:,}" for each in found.files]
    note = f"{found.coarsened:,} rows coarsened, {found.left_out:,} left out: fewer than 5 persons shared their values."
    put({"folder": str(folder)} | found.document(), as_json_document=as_json, lines=lambda: [*lines, note])


def rebuild_facts(office_id: int, period: Period, *, as_json: bool) -> None:
    """Counts every day of the period anew, a month at a time, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    days = 0
    for first, last in track(months_of(period), "report rebuild", console=console, transient=True, disable=not console.is_terminal):
        with transaction(office_id) as session:
            days += rebuild(session, first, last, utc_now())
    document = {"from": period.first.isoformat(), "to": period.last.isoformat(), "days": days}
    put(document, as_json_document=as_json, lines=lambda: [f"{days} days counted anew, {period.first} to {period.last}."])


def check_words(name: str, by: str, channel: str, form: str, years: str) -> None:
    """Ends with status 2 when a word is not one of those known."""
    for option, value, known in (
        ("The report", name, NAMES),
        ("--by", by or Cut.HOUR, tuple(Cut)),
        ("--channel", channel, CHANNELS),
        ("--format", form or Format.JSON, tuple(Format)),
        ("--years", years, tuple(Years)),
    ):
        if value not in known:
            usage_error(f"{option} '{value[:40]}' is not known.", hint=f"Expected one of: {', '.join(known)}.")


def query_of(session: Any, period: Period, by: str, channel: str, campaign: str, staff: tuple[str, str]) -> HeadlineQuery:
    """The question, with the campaign found by name or number, and the operators by (sign-in name, team)."""
    campaign_id = None
    if campaign:
        try:
            campaign_id = find_campaign(session, campaign).id
        except (NotFound, InvalidInput) as problem:
            raise InvalidInput(f"--campaign: {problem.message}", hint=problem.hint, code="usage") from problem
    return HeadlineQuery(period, Cut(by) if by else None, channel, campaign_id, staff=staff_of(session, *staff))


def content(found: Headline, kind: Format, lang: str, years: Years) -> bytes | None:
    """The file's bytes; None for JSON."""
    if kind is Format.CSV:
        return to_csv(found, lang, years)
    if kind is Format.XLSX:
        return to_xlsx(found, lang, years)
    if kind is Format.PDF:
        return to_pdf(found, lang, years)
    return None


def answer(found: Headline, kind: Format | None, output: Path | None, years: Years, *, as_json: bool) -> None:
    """Writes the report to the file or to standard output."""
    document, lang = found.document(), get_settings().lang
    data = content(found, kind, lang, years) if kind else None
    if output is not None:
        from json import dumps

        write(output, data if data is not None else dumps(document, ensure_ascii=False).encode())
        if as_json:
            put(document | {"file": str(output)}, as_json_document=True)
    elif data is not None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        put(document, as_json_document=kind is Format.JSON, lines=lambda: lines_of(found, lang, years))


def write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all visible to others.

    Raises:
        Exit: the file can't be written (status 1).
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as problem:
        say_error(f"{path} can't be written: {problem.strerror}.")
        raise typer.Exit(EXIT_FAILED) from problem
    say(f"written: {path}")


def lines_of(found: Headline, lang: str, years: Years) -> list[str]:
    """The table for a terminal: one row per line, tabs between."""
    table = build(found, lang, years)
    lines = [f"{table.title}  {table.subtitle}", "\t".join(table.heads)]
    for row in table.rows:
        cells = (shown(cell, metric) for metric, cell in zip(table.metrics, row[1:], strict=True))
        lines.append("\t".join([str(row[0]), *cells]))
    if not any(row.figures.attempts for row in found.rows):
        lines.append(words("No calls in this period; a rate without anything to divide by is –."))
    return lines
