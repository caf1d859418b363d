"""What workers run for reports: like every job it takes the office's id, looks again on arrival, and is harmless when it runs twice."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from callcenter.auth.models import Office
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import Unavailable
from callcenter.core.settings import get_settings
from reports.control.checking import check
from reports.control.letters import give_back, take_untold
from reports.facts.build import refresh
from reports.forecasts.counting import count_days
from reports.mail import letter, send
from reports.pack.content import Pack, gather
from reports.pack.document import pack_pdf
from reports.pack.mail import message, recipients_of
from reports.pack.workbook import pack_xlsx
from reports.questions import COUNTERS
from reports.snapshots import count_again

DAYS_A_TURN = 40


def refresh_facts(office_id: int) -> int:
    """Builds the facts of days that are over and not built, or changed since; returns how many days. The next turn goes on."""
    with transaction(office_id) as session:
        return refresh(session, utc_now(), most=DAYS_A_TURN)


def refresh_snapshots(office_id: int) -> int:
    """Counts again what people look at of a large list; returns how many answers."""
    with transaction(office_id) as session:
        return count_again(session, COUNTERS, utc_now())


def check_figures(office_id: int) -> int:
    """Looks at every watched figure and writes to those who want to know; returns how many alerts are new."""
    with transaction(office_id) as session:
        found = check(session, utc_now())
    mail_alerts(office_id)
    return found


def mail_alerts(office_id: int) -> int:
    """Sends a letter about alerts that nobody was written to about; returns how many letters left.

    Raises:
        Unavailable: the mail server took none; the next turn tries again. One that took part of them is not asked twice.
    """
    settings = get_settings()
    page = f"{settings.public_url.rstrip('/')}/reports/targets" if settings.public_url else ""
    with transaction(office_id) as session:
        alerts, letters = take_untold(session, page, utc_now(), has_server=bool(settings.smtp_host))
    for number, one in enumerate(letters):
        try:
            send(settings, letter(settings, one.to, one.subject, one.body))
        except Unavailable:
            if number == 0:
                with transaction(office_id) as session:
                    give_back(session, alerts)
            raise
    return len(letters)


def count_half_hours(office_id: int) -> int:
    """Counts the half hours of days that are over, for forecasts; returns how many days."""
    with transaction(office_id) as session:
        return count_days(session, utc_now(), most=DAYS_A_TURN)


def drop_pack(office_id: int) -> int:
    """Leaves last month's meeting pack (PDF and XLSX) in `packs/OFFICE/` of the data folder; returns how many files were made.

    One that is there is left alone, so that a pack people may have read does not change under them. Where a mail server and the office's
    addresses are set, the pack is sent once; a server that does not take it is asked again at the next turn.
    """
    now = utc_now()
    with transaction(office_id) as session:
        office = session.get_one(Office, office_id)
        month = (local_day(now, ZoneInfo(office.time_zone)).replace(day=1) - timedelta(days=1)).replace(day=1)
        folder = get_settings().data_dir / "packs" / office.code
        wanted = {kind: folder / f"{month:%Y-%m}.{kind}" for kind in ("pdf", "xlsx")}
        missing = [kind for kind, file in wanted.items() if not file.exists()]
        pack = gather(session, month, now) if missing else None
    if pack is not None:
        _make(pack, {kind: wanted[kind] for kind in missing})
    _mail(office.code, office.name, month, list(wanted.values()))
    return len(missing)


def _make(pack: Pack, files: dict[str, Path]) -> None:
    """Writes the files; each appears whole."""
    makers = {"pdf": pack_pdf, "xlsx": pack_xlsx}
    for kind, file in files.items():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(f".{kind}.part")
        part.write_bytes(makers[kind](pack))
        part.replace(file)


def _mail(code: str, name: str, month: date, files: list[Path]) -> None:
    """Sends the month's files once; the mark beside them says so."""
    settings, mark = get_settings(), files[0].with_suffix(".mailed")
    if not settings.smtp_host or mark.exists():
        return
    if to := recipients_of(settings.pack_mail_to, code):
        send(settings, message(settings, to, name, month, files))
        mark.touch()
