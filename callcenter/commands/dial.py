"""`callcenter dial`: the dialer process, or whole days in virtual time with --simulate.

Nobody is called while a dialer starts: what only some of them need (a simulated town, Twilio, progress bars) is imported where it is.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import typer

from callcenter.auth.offices import all_offices
from callcenter.commands.moments import local_text, read_moment
from callcenter.commands.runtime import OpenOffice, open_office, open_stores, put, say, uncollected, usage_error
from callcenter.core.clock import OFFICE_ZONE, SystemClock, utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, NotFound
from callcenter.core.logging import configure_logging
from callcenter.core.settings import Settings, get_settings
from campaigns.planning.service import find_campaign, latest_campaign
from dialer.ivr.speech import prepare_plan, prepare_sound, prepare_waiting
from dialer.recordings.terms import NOTICE_SOUND, NOTICE_TEXT
from dialer.sharing import WakeUp
from dialer.telephony.port import CarrierLimits
from dialer.telephony.registry import build_carrier, build_recordings, import_carrier
from dialer.worker import Dialer, DialerSettings

if TYPE_CHECKING:
    from dialer.telephony.events import CarrierEvent
    from dialer.telephony.simulator.day import DayPlan, DayReport

CARRIERS = ("simulator", "asterisk", "twilio")
CALLS_FIRST_SECONDS = 2.0
# A spare begins when the dialer before it has just died: what that one asked the carrier for last must stand in the carrier's list by then,
# or it is taken for lost while a telephone rings; and the database must have missed it.
PREDECESSOR_SECONDS, LOCK_SECONDS = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Simulation:
    """The options of --simulate as they were typed."""

    operators: int
    speed: float | None
    as_of: str
    until: str
    days: int
    seed: int


def dial(
    campaign: str = typer.Argument("", help="Work only this campaign (name or number); default: all that run."),
    carrier: str = typer.Option("", "--carrier", help="simulator, asterisk or twilio; default: CALLCENTER_CARRIER."),
    node: str = typer.Option("", "--node", help="This dialer's name, the same after a restart; default: the machine's."),
    simulate: bool = typer.Option(False, "--simulate", help="Whole days in virtual time, with a made-up town; calls nobody."),
    operators: int = typer.Option(4, "--operators", min=0, max=500, help="With --simulate: operators who work by themselves."),
    speed: float = typer.Option(None, "--speed", min=0.1, help="With --simulate: this many times real time; default: as fast as it goes."),
    as_of: str = typer.Option("", "--as-of", help="With --simulate: when it begins; default: the next working morning."),
    until: str = typer.Option("", "--until", help="With --simulate: when it ends; default: the end of that day."),
    days: int = typer.Option(1, "--days", min=1, max=366, help="With --simulate: working days, unless --until is given."),
    seed: int = typer.Option(1, "--seed", help="With --simulate: the same seed tells the same town."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
    when_told: bool = typer.Option(False, "--when-told", hidden=True, help="Begins with a line on standard input, ends with its end."),
) -> None:
    """Places calls for the running campaigns until it is stopped, or simulates whole days."""
    if carrier and carrier not in CARRIERS:
        usage_error(f"'{carrier}' is no carrier.", f"Expected one of: {', '.join(CARRIERS)}.")
    if simulate:
        if carrier not in ("", "simulator"):
            usage_error("--simulate calls nobody and has a carrier of its own.", "Leave --carrier out.")
        _simulate(campaign, Simulation(operators, speed, as_of, until, days, seed), as_json=as_json)
        return
    if as_of or until or speed is not None:
        usage_error("--as-of, --until and --speed go with --simulate.", "Real calls are made in real time.")
    if carrier:
        os.environ["CALLCENTER_CARRIER"] = carrier
        get_settings.cache_clear()
    if when_told:
        import_all()
        if not sys.stdin.readline():
            return
        time.sleep(PREDECESSOR_SECONDS)
    _work(campaign, node or socket.gethostname(), patience=LOCK_SECONDS if when_told else 0.0)


def import_all() -> None:
    """Imports what a start needs, so that a spare begins in a moment; nothing is opened or connected."""
    with uncollected():
        import callcenter.tables  # noqa: F401 - as `open_stores` does

        import_carrier(get_settings().carrier)
    get_settings.cache_clear()  # what it is by then counts


def _work(campaign: str, node: str, patience: float) -> None:
    """The process of `up`: real time, until SIGTERM or SIGINT."""
    configure_logging(get_settings().log_level)
    stopping = threading.Event()
    with open_stores() as settings, _signals(stopping):
        office_ids, campaign_id = _scope(settings, campaign)
        clock = SystemClock()
        inbox = _inbox(settings, clock, office_ids)
        limits = CarrierLimits(calls_per_second=settings.calls_per_second, max_lines=settings.lines)
        chosen = DialerSettings(
            node[:80],
            settings.caller_id,
            limits,
            office_ids=office_ids,
            campaign_id=campaign_id,
            prepare_prompts=(lambda plan: prepare_plan(plan, settings.sounds)) if settings.carrier == "asterisk" else None,
        )
        if settings.carrier == "asterisk":
            with suppress(AppError, OSError):  # without the words a tone asks to wait; `telephony check` names the folder
                prepare_waiting(settings.sounds)
                prepare_sound(NOTICE_SOUND, NOTICE_TEXT, settings.sounds)
        url = settings.database_url.get_secret_value() if settings.database_url else ""
        with WakeUp(url, node, patience) as wake_up, _keeping(settings, node[:80], clock, office_ids):
            Dialer(build_carrier(settings, clock, inbox), clock, chosen, wake_up).run(stopping.is_set)


def _inbox(settings: Settings, clock: SystemClock, office_ids: tuple[int, ...]) -> Callable[[], Sequence[CarrierEvent]] | None:
    """Stored webhooks, for the carrier that reports by them."""
    if settings.carrier != "twilio":
        return None
    from dialer.telephony.twilio.inbox import StoredWebhooks

    return StoredWebhooks(clock, lambda: office_ids or _all_office_ids())


@contextmanager
def _keeping(settings: Settings, node: str, clock: SystemClock, office_ids: tuple[int, ...]) -> Iterator[None]:
    """Takes recordings out of the carrier's spool, or from the carrier itself, in a thread of its own so that no call waits for it."""
    stopping = threading.Event()
    thread = threading.Thread(target=_keep, args=(settings, node, clock, office_ids, stopping), name="recordings", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=30)


def _keep(settings: Settings, node: str, clock: SystemClock, office_ids: tuple[int, ...], stopping: threading.Event) -> None:
    """Begins once the first calls are out: what works on sound takes a while to import."""
    if stopping.wait(CALLS_FIRST_SECONDS):
        return
    from dialer.recordings.fetching import Fetcher
    from dialer.recordings.keeping import RecordingKeeper

    remote = build_recordings(settings)
    fetcher = Fetcher(settings.carrier, remote, settings.recording_spool, node, clock) if remote is not None else None
    spool, data_dir = settings.recording_spool, settings.data_dir
    RecordingKeeper(spool, data_dir, node, clock, lambda: office_ids or _all_office_ids(), fetcher=fetcher).run(stopping)


def _scope(settings: Settings, campaign: str) -> tuple[tuple[int, ...], int | None]:
    """The offices (all, unless CALLCENTER_OFFICE names one or a campaign is given) and the one campaign, if any."""
    if not settings.office and not campaign:
        return (), None
    with open_office() as office:
        if not campaign:
            return (office.id,), None
        with transaction(office.id) as session:
            return (office.id,), find_campaign(session, campaign).id


def _all_office_ids() -> list[int]:
    with transaction(None) as session:
        return [office.id for office in all_offices(session)]


@contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _simulate(campaign: str, wished: Simulation, *, as_json: bool) -> None:
    from dialer.telephony.simulator.day import SimulatedDay

    with open_office() as office:
        plan, name = _plan(office, campaign, wished)
        began = time.monotonic()
        with _progress(plan) as tell:
            report = SimulatedDay(plan, pace=_pace(wished.speed)).run(tell)
        document = _document(name, plan, report, time.monotonic() - began)
    put(document, as_json_document=as_json, lines=lambda: [f"{key}: {value}" for key, value in document.items()])


def _plan(office: OpenOffice, campaign: str, wished: Simulation) -> tuple[DayPlan, str]:
    from dialer.telephony.simulator.day import DayPlan, end_of_days, next_working_morning

    settings = get_settings()
    with transaction(office.id) as session:
        found = find_campaign(session, campaign) if campaign else latest_campaign(session)
        if found is None:
            raise NotFound("There is no campaign to simulate.", hint="Make one: `callcenter campaign create NAME --start`.")
        campaign_id, name = found.id, found.name
    start = read_moment(wished.as_of) if wished.as_of else next_working_morning(office.id, utc_now())
    until = read_moment(wished.until, "--until") if wished.until else end_of_days(office.id, start, wished.days)
    if until <= start:
        usage_error("--until must be later than --as-of.", f"It begins {local_text(start)}.")
    plan = DayPlan(
        office_id=office.id,
        campaign_id=campaign_id,
        start=start,
        until=until,
        operators=wished.operators,
        seed=wished.seed,
        lines=max(settings.lines, wished.operators + 8),
        caller_id=settings.caller_id,
    )
    return plan, name


def _document(name: str, plan: DayPlan, report: DayReport, seconds: float) -> dict[str, object]:
    return {
        "campaign": name,
        "calls": report.calls,
        "answered": report.answered,
        "promises": report.promises,
        "operator_calls": report.operator_calls,
        "robocalls": report.robocalls,
        "from": local_text(report.began),
        "to": local_text(report.ended),
        "operators": plan.operators,
        "seed": plan.seed,
        "carrier_calls": report.carrier_calls,
        "seconds": round(seconds, 1),
    }


def _pace(speed: float | None) -> Callable[[float], None] | None:
    """Lets virtual seconds last; None lets them pass at once."""
    return None if speed is None else lambda seconds: time.sleep(seconds / speed)


@contextmanager
def _progress(plan: DayPlan) -> Iterator[Callable[[datetime, int], None] | None]:
    """A bar over the simulated time on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.fields[clock]}"), BarColumn(), TextColumn("{task.fields[calls]} calls"), TimeElapsedColumn())
    total = (plan.until - plan.start) / timedelta(seconds=1)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, clock="", calls=0)

        def tell(now: datetime, calls: int) -> None:
            clock = f"{now.astimezone(OFFICE_ZONE):%m-%d %H:%M}"
            bar.update(task, completed=(now - plan.start) / timedelta(seconds=1), clock=clock, calls=calls)

        yield tell
    say("simulated")
