"""What workers run for reports: like every job it takes the office's id, looks again on arrival, and is harmless when it runs twice."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from callcenter.auth.models import Office
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from reports.control.checking import check
from reports.facts.build import refresh
from reports.forecasts.counting import count_days

DAYS_A_TURN = 40


def refresh_facts(office_id: int) -> int:
    """Builds the facts of days that are over and not built, or changed since; returns how many days. The next turn goes on."""
    with transaction(office_id) as session:
        return refresh(session, utc_now(), most=DAYS_A_TURN)


def check_figures(office_id: int) -> int:
    """Looks at every watched figure; returns how many alerts are new."""
    with transaction(office_id) as session:
        return check(session, utc_now())


def count_half_hours(office_id: int) -> int:
    """Counts the half hours of days that are over, for forecasts; returns how many days."""
    with transaction(office_id) as session:
        return count_days(session, utc_now(), most=DAYS_A_TURN)


def drop_pack(office_id: int) -> int:
    """Leaves last month's meeting pack (PDF and XLSX) in `packs/OFFICE/` of the data folder; returns how many files were made.

    One that is there is left alone, so that a pack people may have read does not change under them.
    """
    from reports.pack.content import gather
    from reports.pack.document import pack_pdf
    from reports.pack.workbook import pack_xlsx

    now = utc_now()
    with transaction(office_id) as session:
        office = session.get_one(Office, office_id)
        month = (local_day(now, ZoneInfo(office.time_zone)).replace(day=1) - timedelta(days=1)).replace(day=1)
        folder = get_settings().data_dir / "packs" / office.code
        wanted = {kind: folder / f"{month:%Y-%m}.{kind}" for kind in ("pdf", "xlsx")}
        if all(file.exists() for file in wanted.values()):
            return 0
        pack = gather(session, month, now)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    makers = {"pdf": lambda: pack_pdf(pack), "xlsx": lambda: pack_xlsx(pack)}
    missing = [kind for kind, file in wanted.items() if not file.exists()]
    for kind in missing:
        part = wanted[kind].with_suffix(f".{kind}.part")
        part.write_bytes(makers[kind]())
        part.replace(wanted[kind])
    return len(missing)
