"""From the carrier's spool into the vault, in a thread beside the dialer's loop; what did not come is said, never passed over.

The spool is memory (tmpfs): the only place where a conversation is in the clear. Rows say what must be there, so nothing is forgotten when
this process dies: the next one goes on. A recording that can't be stored stays in the spool and is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import exists, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from callcenter.core.live import publish
from dialer.calls.models import Call
from dialer.calls.service import is_end_guessed
from dialer.calls.state import CallState
from dialer.recordings import keys, sealing, vault
from dialer.recordings.beginning import begin
from dialer.recordings.fetching import Fetcher
from dialer.recordings.models import Recording
from dialer.recordings.problems import (
    CUT_SHORT,
    EMPTY,
    IS_LATE_AFTER,
    LATE,
    MISSING,
    NOT_STARTED,
    NOT_STORED,
    OPERATOR_SILENT,
    SILENT,
    note_problem,
)
from dialer.recordings.service import remove_files
from dialer.recordings.sound import RATE, Loudness
from dialer.recordings.spool import SpoolFiles, make_spool

log = structlog.get_logger(__name__)

STARTS_WITHIN = timedelta(seconds=15)  # a notice is part of the recording, so it begins with the answer
COMES_WITHIN = timedelta(seconds=20)
REMOTE_COMES_WITHIN = timedelta(hours=1)  # what the carrier holds is made ready there first
LOOK_BACK = timedelta(days=1)
_EMPTY_BYTES = int(RATE * 2 * 0.3)
_TALK_BYTES = RATE * 2 * 10  # shorter ones may well be silent on one side
_MOST_MISSING, _MOST_MISSING_SHARE = 8.0, 0.1  # seconds, and of the talk: moves of the line and late news of its end cost some


class RecordingKeeper:
    """Keeps the recordings of one dialer.

    Args:
        offices: ids of the offices it serves.
        settle_seconds: how long a file must have been left alone.
        fetcher: brings what the carrier holds itself into the spool.
    """

    def __init__(
        self,
        spool: Path,
        data_dir: Path,
        node: str,
        clock: Clock,
        offices: Callable[[], Sequence[int]],
        *,
        settle_seconds: float = 1.0,
        fetcher: Fetcher | None = None,
    ) -> None:
        self._spool, self._data, self._node, self._clock, self._offices = spool, data_dir, node, clock, offices
        self._settle, self._fetcher = settle_seconds, fetcher

    def run(self, stopping: threading.Event, every: float = 2.0) -> None:
        """Works until told to stop."""
        make_spool(self._spool)
        while not stopping.wait(every):
            try:
                self.step()
            except (SQLAlchemyError, AppError, OSError) as problem:
                log.warning("recordings_not_kept", error=type(problem).__name__)

    def step(self) -> int:
        """One round over all offices; returns how many recordings were stored."""
        stored = 0
        for office_id in self._offices():
            now = self._clock.now()
            with transaction(office_id) as session:
                self._find_unnoticed(session, now)
                self._watch(session, now)
            if self._fetcher is not None:
                self._fetcher.step(office_id)
            with transaction(office_id) as session:
                due = self._due(session, now)
            stored += sum(self._take_in(office_id, recording_id) for recording_id in due)
        return stored

    def _find_unnoticed(self, session: Session, now: datetime) -> None:
        """Conversations of which the dialer was not told that they began, but whose files are there."""
        is_known = exists().where(Recording.call_id == Call.id, Recording.office_id == Call.office_id)
        wanted = select(Call).where(Call.is_recorded, Call.node == self._node, Call.placed_at > now - LOOK_BACK, ~is_known)
        for call in session.scalars(wanted.where(Call.answered_at.is_not(None))):
            if call.bridged_at is not None or SpoolFiles.of(self._spool, call.channel_id).sizes():
                begin(session, call)

    def _watch(self, session: Session, now: datetime) -> None:
        """Conversations that should be recorded right now and are not, and recordings nobody takes in."""
        running = select(Recording, Call).join(Call, (Call.office_id == Recording.office_id) & (Call.id == Recording.call_id))
        for row, call in session.execute(running.where(Recording.state == "running", Recording.problem == "")):
            is_over = call.state == CallState.ENDED
            if is_over and call.ended_at is not None and call.ended_at < now - IS_LATE_AFTER:
                note_problem(session, row, LATE)
            elif row.node == self._node and not is_over and row.began_at < now - STARTS_WITHIN and not self._has_begun(row, call):
                note_problem(session, row, NOT_STARTED)

    def _has_begun(self, row: Recording, call: Call) -> bool:
        return row.is_simulated or self._is_remote(call) or bool(SpoolFiles.of(self._spool, row.name).sizes())

    def _is_remote(self, call: Call) -> bool:
        return self._fetcher is not None and self._fetcher.carrier == call.carrier

    def _due(self, session: Session, now: datetime) -> Sequence[int]:
        ended = select(Recording.id).join(Call, (Call.office_id == Recording.office_id) & (Call.id == Recording.call_id))
        ended = ended.where(Recording.state == "running", Recording.node == self._node, Call.state == CallState.ENDED)
        return session.scalars(ended.order_by(Recording.id)).all()

    def _take_in(self, office_id: int, recording_id: int) -> bool:
        with transaction(office_id) as session:
            row = session.get_one(Recording, (office_id, recording_id))
            call = session.get_one(Call, (office_id, row.call_id))
            talked = 0.0 if row.is_simulated or self._is_remote(call) or is_end_guessed(session, call) else _talked(row, call)
            waits_until = (call.ended_at or self._clock.now()) + (REMOTE_COMES_WITHIN if self._is_remote(call) else COMES_WITHIN)
        files = SpoolFiles.of(self._spool, row.name)
        sizes = files.sizes()
        if not sizes and self._clock.now() < waits_until:
            return False
        if sizes and not files.is_still(self._settle):
            return False
        if max(sizes, default=0) < _EMPTY_BYTES:
            self._give_up(office_id, recording_id, EMPTY if sizes else MISSING)
            files.remove()
            return False
        try:
            self._store(office_id, row, files, talked)
        except (OSError, AppError) as problem:
            log.warning("recording_not_stored", recording=recording_id, error=type(problem).__name__)
            with transaction(office_id) as session:
                note_problem(session, session.get_one(Recording, (office_id, recording_id)), NOT_STORED)
            return False
        files.remove()
        return True

    def _give_up(self, office_id: int, recording_id: int, problem: str) -> None:
        with transaction(office_id) as session:
            row = session.get_one(Recording, (office_id, recording_id), with_for_update=True)
            row.state = problem
            note_problem(session, row, problem)

    def _store(self, office_id: int, row: Recording, files: SpoolFiles, talked: float) -> None:
        """Seals outside any transaction; the row follows once the file is whole on the disk. `talked`: seconds, 0 where nobody knows."""
        with transaction(office_id) as session:
            version, _ = keys.current_key(session, self._data, self._clock.now())
        key, label = sealing.new_key(), sealing.Label(office_id, row.call_id, version)
        path = vault.vault_path(self._data, office_id, row.name)
        heard = vault.store(path, files.debtor, files.operator, key, label)
        with transaction(office_id) as session:
            now = self._clock.now()
            version, office_key = keys.current_key(session, self._data, now)
            kept = session.get_one(Recording, (office_id, row.id), with_for_update=True)
            kept.wrapped_key, kept.key_version = sealing.wrap(office_key, key, label, version), version
            kept.sealed_version, kept.state, kept.stored_at = label.version, "stored", now
            kept.seconds, kept.size, kept.peaks = heard.seconds, heard.frames * 2, sealing.seal_peaks(heard.peaks, key, label)
            kept.problem = ""
            problem = _problem_of(heard, talked)
            if problem:
                note_problem(session, kept, problem)
            publish(session, "recording")


def _talked(row: Recording, call: Call) -> float:
    """Seconds from the beginning of the conversation to its end."""
    return (call.ended_at - row.began_at).total_seconds() if call.ended_at is not None else 0.0


def _problem_of(heard: Loudness, talked: float) -> str:
    """Silence is an alert where somebody must have spoken, and so is a recording that ends long before the talk: a spool that ran full."""
    if heard.problem == SILENT:
        return SILENT
    if talked - heard.seconds > max(_MOST_MISSING, _MOST_MISSING_SHARE * talked):
        return CUT_SHORT
    return OPERATOR_SILENT if heard.problem == OPERATOR_SILENT and heard.frames * 2 > _TALK_BYTES else ""


def mark_seen(session: Session, row: Recording, user_id: int, *, with_alike: bool = False) -> int:
    """Somebody has seen that this recording has a problem, `with_alike` also the earlier ones of the operator with the same; how many."""
    which = Recording.id == row.id
    if with_alike:
        same = Recording.user_id.is_not_distinct_from(row.user_id) & (Recording.problem == row.problem)
        which |= same & (Recording.began_at <= row.began_at)
    seen = update(Recording).where(which, Recording.problem != "", Recording.seen_by.is_(None)).returning(Recording.id)
    count = len(session.scalars(seen.values(seen_by=user_id)).all())
    publish(session, "board")
    return count


def sweep_vault(session: Session, data_dir: Path) -> int:
    """Removes files of recordings that were deleted while their file could not be removed."""
    gone = session.execute(select(Recording.office_id, Recording.name).where(Recording.state == "deleted", Recording.size > 0)).all()
    left = [vault.vault_path(data_dir, office, name) for office, name in gone]
    return remove_files(left)
