"""What workers run: each job takes the office and ids, checks the rows again on arrival, and is harmless when it runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import Clock, SystemClock, utc_now
from callcenter.core.db import get_engine, transaction, try_advisory_lock
from callcenter.core.errors import AppError
from callcenter.core.queue import enqueue, enqueue_after_commit, is_waited_for
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import Channel
from campaigns.compliance import checks
from campaigns.compliance.keeping import forget
from campaigns.compliance.versions import load_policy
from campaigns.debtors import search_lists
from campaigns.imports import service as imports
from campaigns.imports.layout_drafts import sweep_drafts
from campaigns.messages.batches import give_up, prepare_batch, tell_progress, unprepared
from campaigns.messages.events import sweep_messages
from campaigns.messages.inbox import service as inbox
from campaigns.messages.moving import advance_batches, find_batch
from campaigns.messages.release import release_all
from campaigns.messages.senders.port import SmsSender
from campaigns.messages.senders.registry import open_sender
from campaigns.messages.settling import settle_messages
from campaigns.messages.terms import WAITS, load_terms
from campaigns.messages.tryouts import service as tryouts
from campaigns.payments.following import judge_all
from campaigns.planning import trials
from campaigns.planning.models import Campaign
from campaigns.planning.service import plan
from campaigns.planning.turning import is_planned_before_its_cycle, turn
from campaigns.sync.connectors import csv_drop
from campaigns.worklist.claim import sweep
from campaigns.worklist.fill import fill

log = structlog.get_logger(__name__)

_LOST_AFTER = timedelta(minutes=2)
_STRAY_AFTER = timedelta(hours=1)
_RELEASE_BUDGET, _LONGEST_RELEASE = timedelta(seconds=12), timedelta(minutes=10)
_SETTLED_AT_ONCE = 1_000


def run_import(office_id: int, import_id: int) -> None:
    """Imports a registered file; a file that can't be taken says so in its row."""
    try:
        imports.run_import(office_id, import_id, now=utc_now())
    except AppError as problem:
        log.warning("import_failed", office_id=office_id, import_id=import_id, code=problem.code)


def sweep_imports(office_id: int) -> None:
    """Hands over again the imports whose job or process was lost; runs them here when Redis is away. Removes files nobody names."""
    now = utc_now()
    with transaction(office_id) as session:
        lost = [] if imports.is_importing(session) else imports.unfinished(session, now - _LOST_AFTER)
        imports.remove_strays(session, now - _STRAY_AFTER)
    for import_id in lost:
        if not enqueue("campaigns.jobs.run_import", office_id, import_id):
            run_import(office_id, import_id)


def refresh_search(office_id: int) -> None:
    """Lists for searching what came since the last time."""
    with transaction(office_id) as session:
        search_lists.refresh(session, utc_now())


def sweep_layout_drafts(office_id: int) -> None:
    """Removes sample files of layouts that were never finished."""
    with transaction(office_id) as session:
        sweep_drafts(session, utc_now())


def settle_promises(office_id: int) -> None:
    """Judges all promises and instalment plans at the turn of the day."""
    with transaction(office_id) as session:
        judge_all(session, utc_now())


def plan_campaign(office_id: int, campaign_id: int) -> None:
    """Plans a campaign as of now and queues the operators' calls."""
    now = utc_now()
    with transaction(office_id) as session:
        plan(session, campaign_id, now)
        fill(session, campaign_id, now)
        check, is_new = checks.request_check(session, campaign_id, now)
        if is_new:
            enqueue_after_commit(session, "campaigns.jobs.check_campaign", check.id, queue="batch")


def check_campaign(office_id: int, check_id: int) -> None:
    """Asks the gate about everybody of a campaign: who will be skipped and why."""
    with _only_one(office_id, f"check_campaign {check_id}") as is_first:
        if is_first:
            checks.run_check(lambda: _session(office_id), check_id, utc_now())


def sweep_checks(office_id: int) -> None:
    """Goes on with checks whose job or process was lost."""
    with transaction(office_id) as session:
        lost = checks.unfinished(session, utc_now())
    for check_id in lost:
        check_campaign(office_id, check_id)


def forget_decisions(office_id: int) -> int:
    """Removes the gate's decisions that are older than the office's rules keep them; returns how many."""
    count, removed = 0, 1
    while removed:
        with transaction(office_id) as session:
            removed = forget(session, load_policy(session), utc_now())
        count += removed
    return count


def turn_cycles(office_id: int) -> None:
    """Closes cycles that ended and opens those that begin, after downtime too; what was planned before its cycle is planned anew."""
    with transaction(office_id) as session:
        under_way = session.scalars(select(Campaign.id).where(Campaign.status.in_(("running", "paused"))).order_by(Campaign.id)).all()
    for campaign_id in under_way:
        try:
            with transaction(office_id) as session:
                turn(session, campaign_id, utc_now())
                is_stale = is_planned_before_its_cycle(session, campaign_id)
            if is_stale:
                plan_campaign(office_id, campaign_id)
        except AppError as problem:
            log.warning("cycle_not_turned", office_id=office_id, campaign_id=campaign_id, code=problem.code)


def try_rules(office_id: int, trial_id: int) -> None:
    """Works on a registered dry run of a rule set."""
    trials.run(office_id, trial_id, utc_now())


def sweep_trials(office_id: int) -> None:
    """Takes up dry runs whose job or process was lost."""
    with transaction(office_id) as session:
        lost = trials.lost_trials(session, utc_now())
    for trial_id in lost:
        trials.run(office_id, trial_id, utc_now())


def prepare_night_batches(office_id: int) -> None:
    """Turns the cycles, plans every running campaign and prepares its messages and automated calls for the next contact window."""
    turn_cycles(office_id)
    with transaction(office_id) as session:
        running = session.scalars(select(Campaign.id).where(Campaign.status == "running").order_by(Campaign.priority, Campaign.id)).all()
    for campaign_id in running:
        plan_campaign(office_id, campaign_id)
        for channel in (Channel.SMS, Channel.AUTO_CALL):
            try:
                with transaction(office_id) as session:
                    options = session.scalars(select(Campaign.options).where(Campaign.id == campaign_id)).one()
                    waits = load_terms(session, options).nightly == WAITS
                    prepare_batch(session, campaign_id, channel, utc_now(), waits=waits)
            except AppError as problem:
                log.warning("batch_not_prepared", office_id=office_id, campaign_id=campaign_id, channel=channel, code=problem.code)


def prepare_ordered(office_id: int, batch_id: int) -> None:
    """Prepares a batch that was ordered on a page; its progress is told while it goes, all of it is written at once at the end."""

    def tell(done: int, total: int) -> None:
        with transaction(office_id) as session:
            tell_progress(session, batch_id, done, total, utc_now())

    with _only_one(office_id, f"prepare_batch {batch_id}") as is_first:
        if not is_first:
            return
        try:
            tell(0, 0)
            with transaction(office_id) as session:
                batch = find_batch(session, batch_id)
                channel = Channel(batch.channel)
                prepare_batch(
                    session,
                    batch.campaign_id,
                    channel,
                    batch.as_of,
                    now=utc_now(),
                    user_id=batch.created_by,
                    waits=True,
                    batch=batch,
                    tell=tell,
                )
        except AppError as problem:
            log.warning("batch_not_prepared", office_id=office_id, batch_id=batch_id, code=problem.code)
            with transaction(office_id) as session:
                give_up(session, batch_id, problem.code, utc_now())


def sweep_batches(office_id: int) -> None:
    """Takes up batches whose preparation was lost with its job or process."""
    with transaction(office_id) as session:
        lost = unprepared(session, utc_now())
    for batch_id in lost:
        prepare_ordered(office_id, batch_id)


def release_messages(office_id: int, *, clock: Clock | None = None, budget: timedelta = _RELEASE_BUDGET) -> int:
    """Releases what may be released now, never above the provider's rate; returns how many were sent.

    It goes on for `budget`, and then until another job waits for this worker. Several processes may release for one office at a time: they
    share each sender number's rate and pass over what another one has.
    """
    clock = clock or SystemClock()
    sender, began = _sender(office_id), clock.now()

    def is_over() -> bool:
        passed = clock.now() - began
        return passed >= _LONGEST_RELEASE or (passed >= budget and is_waited_for("batch"))

    return release_all(lambda: _session(office_id), sender, clock, is_over)


def settle_unknown_messages(office_id: int) -> int:
    """Asks the provider what became of messages without an answer; returns how many were settled."""
    return settle_messages(lambda: _session(office_id), _sender(office_id), utc_now(), limit=_SETTLED_AT_ONCE)


def process_inbox(office_id: int) -> int:
    """Processes what providers told since the last time, and what citizens wrote; returns how many reports there were."""
    count = 0
    with _only_one(office_id, "process_inbox") as is_first:
        while is_first and (done := inbox.process(lambda: _session(office_id), utc_now())):
            count += done
    return count


def send_tests(office_id: int) -> int:
    """Sends the test messages that wait; returns how many there were."""
    with transaction(office_id) as session:
        is_idle = not tryouts.has_waiting(session)
    return 0 if is_idle else tryouts.deliver(lambda: _session(office_id), _sender(office_id), SystemClock())


def sweep_claims(office_id: int) -> None:
    """Brings back work whose holder died and ends batches whose window has passed."""
    now = utc_now()
    with transaction(office_id) as session:
        sweep(session, now)
        sweep_messages(session, now)
        advance_batches(session, now)


def run_sync(office_id: int) -> None:
    """Passes new results on to the office's core systems."""
    with transaction(office_id) as session:
        if not try_advisory_lock(session, "run_sync"):
            return
        code = session.scalars(select(Office.code).where(Office.id == office_id)).one()
        csv_drop.deliver(session, get_settings().data_dir / "sync" / code, utc_now())


@contextmanager
def _only_one(office_id: int, name: str) -> Iterator[bool]:
    """Whether this process is the one that does `name` for an office now; holds no transaction, and ends with the connection."""
    key = {"office": office_id, "name": name}
    with get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_first = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:office, hashtext(:name))"), key))
        try:
            yield is_first
        finally:
            if is_first:
                connection.execute(text("SELECT pg_advisory_unlock(:office, hashtext(:name))"), key)


def _session(office_id: int) -> AbstractContextManager[Session]:
    return transaction(office_id)


def _sender(office_id: int) -> SmsSender:
    with transaction(office_id) as session:
        is_training = session.scalars(select(Office.is_training).where(Office.id == office_id)).one()
    return open_sender(get_settings(), office_id, is_training=is_training)
