"""Recordings that the carrier holds: reported or looked for, fetched into the spool, and deleted there once they are in the vault.

What has to be done is a row of the carrier's inbox until the carrier has nothing left: a process that dies goes on where it was, and
nothing is deleted over there before it is stored here. The rest of the way is that of every recording (`keeping`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from dialer.calls.models import Call, CallEvent, CarrierInbox
from dialer.calls.state import CallState
from dialer.recordings.beginning import begin
from dialer.recordings.models import Recording
from dialer.recordings.problems import EMPTY, IS_LATE_AFTER, LEFT_BEHIND, MISSING, NOT_STORED, note_problem
from dialer.recordings.spool import SpoolFiles
from dialer.telephony.conversation import GONE, HELD_EMPTY, HELD_READY, RECORDING, HeldRecording
from dialer.telephony.errors import CarrierError

log = structlog.get_logger(__name__)

UNREPORTED_AFTER = timedelta(minutes=1)
LOOK_BACK = timedelta(days=2)
AGAIN_AFTER = timedelta(seconds=30)
AT_ONCE = 20


class RemoteRecordings(Protocol):
    """Where a carrier keeps recordings; each raises CarrierError."""

    def of_call(self, call_sid: str) -> Sequence[HeldRecording]:
        """What it holds of a call and has done with."""

    def fetch(self, sid: str, debtor: Path, operator: Path) -> None:
        """Writes both directions, whole or not at all; refused with the code GONE where it is not there any more."""

    def remove(self, sid: str) -> None:
        """Deletes it; nothing to delete is fine."""


@dataclass(frozen=True, slots=True)
class Report:
    """One recording the carrier holds, as it reported it or was found to hold it."""

    inbox_id: int
    channel_id: str
    sid: str
    status: str
    received_at: datetime


class Fetcher:
    """Takes the recordings of one carrier's calls over, for one node."""

    def __init__(self, carrier: str, source: RemoteRecordings, spool: Path, node: str, clock: Clock) -> None:
        self.carrier = carrier
        self._source, self._spool, self._node, self._clock = source, spool, node, clock
        self._not_before: dict[tuple[str, int], datetime] = {}

    def step(self, office_id: int) -> None:
        """One round for an office."""
        with transaction(office_id) as session:
            wanted = self._unreported(session)
            reports = self._reports(session)
        for recording_id, channel_id, call_sid in wanted:
            if self._may("look", recording_id):
                self._look(office_id, channel_id, call_sid)
        for report in reports:
            if self._may("report", report.inbox_id, wait=False):
                self._follow(office_id, report)

    def _may(self, what: str, number: int, *, wait: bool = True) -> bool:
        """Whether it is time again; with `wait` the next time is set at once, else by whoever fails."""
        now = self._clock.now()
        if self._not_before.get((what, number), now) > now:
            return False
        if wait:
            self._not_before[what, number] = now + UNREPORTED_AFTER
        return True

    def _of_ours(self, now: datetime) -> ColumnElement[bool]:
        ended = Call.ended_at.between(now - LOOK_BACK, now - UNREPORTED_AFTER)
        return (Call.carrier == self.carrier) & (Call.node == self._node) & (Call.state == CallState.ENDED) & ended

    def _unreported(self, session: Session) -> list[tuple[int, str, str]]:
        """Recordings that should have been reported by now: their row, channel, and the carrier's id of the call."""
        told = exists().where(CarrierInbox.carrier == self.carrier, CarrierInbox.payload["ref"].astext == Call.channel_id)
        told = told.where(CarrierInbox.office_id == Call.office_id, CarrierInbox.payload["event"].astext == RECORDING)
        first_key = select(CallEvent.event_key).where(CallEvent.office_id == Call.office_id, CallEvent.call_id == Call.id)
        first_key = first_key.where(CallEvent.event_key.contains(":")).order_by(CallEvent.id).limit(1)
        rows = session.execute(
            select(Recording.id, Call.channel_id, first_key.scalar_subquery())
            .join(Call, (Call.office_id == Recording.office_id) & (Call.id == Recording.call_id))
            .where(Recording.state == "running", self._of_ours(self._clock.now()), ~told)
            .order_by(Recording.id)
            .limit(AT_ONCE)
        )
        return [(recording_id, channel_id, key.partition(":")[0]) for recording_id, channel_id, key in rows if key]

    def _look(self, office_id: int, channel_id: str, call_sid: str) -> None:
        """No report came: the carrier is asked, and what it has is written down as if it had been reported."""
        try:
            held = self._source.of_call(call_sid)
        except CarrierError as problem:
            log.warning("recordings_not_listed", error=problem.code)
            return
        with transaction(office_id) as session:
            for one in held:
                told = {"kind": RECORDING, "event_key": one.key, "payload": one.noted(channel_id), "received_at": self._clock.now()}
                row = insert(CarrierInbox).values(carrier=self.carrier, **told)
                session.execute(row.on_conflict_do_nothing(index_elements=["office_id", "carrier", "event_key"]))

    def _reports(self, session: Session) -> list[Report]:
        query = (
            select(CarrierInbox)
            .join(Call, (Call.office_id == CarrierInbox.office_id) & (Call.channel_id == CarrierInbox.payload["ref"].astext))
            .where(CarrierInbox.carrier == self.carrier, CarrierInbox.kind == RECORDING, CarrierInbox.processed_at.is_(None))
            .where(Call.node == self._node, Call.state == CallState.ENDED)
            .order_by(CarrierInbox.id)
            .limit(AT_ONCE)
        )
        return [
            Report(row.id, row.payload["ref"], row.payload["sid"], row.payload["status"], row.received_at) for row in session.scalars(query)
        ]

    def _follow(self, office_id: int, report: Report) -> None:
        with transaction(office_id) as session:
            state, name = self._decide(session, report)
        if state == "running":
            self._fetch(office_id, report, SpoolFiles.of(self._spool, name))
        else:
            self._remove(office_id, report)

    def _decide(self, session: Session, report: Report) -> tuple[str, str]:
        """The state of our recording once this report is known, "" where nobody wants one; and its name."""
        call = session.scalars(select(Call).where(Call.channel_id == report.channel_id)).one()
        if call.answered_at is not None:
            begin(session, call)
        row = _recording_of(session, report)
        if row is None:
            return "", ""
        if report.status != HELD_READY and row.state == "running":
            row.state = report.status
            note_problem(session, row, EMPTY if report.status == HELD_EMPTY else NOT_STORED)
        elif report.status == HELD_READY and row.state == MISSING:
            row.state, row.problem = "running", ""  # it came after all
        return row.state, row.name

    def _fetch(self, office_id: int, report: Report, files: SpoolFiles) -> None:
        if files.sizes():
            return  # fetched before; the keeper has not sealed it yet
        try:
            self._source.fetch(report.sid, *files.both)
        except (CarrierError, OSError) as problem:
            code = getattr(problem, "code", type(problem).__name__)
            log.warning("recording_not_fetched", inbox=report.inbox_id, error=code)
            if code == GONE:
                self._give_up(office_id, report)
                return
            self._not_before["report", report.inbox_id] = self._clock.now() + AGAIN_AFTER
            self._note(office_id, report, NOT_STORED)

    def _remove(self, office_id: int, report: Report) -> None:
        try:
            self._source.remove(report.sid)
        except CarrierError as problem:
            log.warning("recording_not_removed", inbox=report.inbox_id, error=problem.code)
            self._not_before["report", report.inbox_id] = self._clock.now() + AGAIN_AFTER
            if report.received_at < self._clock.now() - IS_LATE_AFTER:
                self._note(office_id, report, LEFT_BEHIND)
            return
        with transaction(office_id) as session:
            self._done(session, report)

    def _give_up(self, office_id: int, report: Report) -> None:
        """Somebody deleted it over there before it was fetched."""
        with transaction(office_id) as session:
            row = _recording_of(session, report)
            if row is not None:
                row.state = MISSING
                note_problem(session, row, MISSING)
            self._done(session, report)

    def _done(self, session: Session, report: Report) -> None:
        session.execute(update(CarrierInbox).where(CarrierInbox.id == report.inbox_id).values(processed_at=self._clock.now()))
        self._not_before.pop(("report", report.inbox_id), None)

    def _note(self, office_id: int, report: Report, problem: str) -> None:
        with transaction(office_id) as session:
            row = _recording_of(session, report)
            if row is not None:
                note_problem(session, row, problem)


def _recording_of(session: Session, report: Report) -> Recording | None:
    its_call = select(Call.id).where(Call.channel_id == report.channel_id).scalar_subquery()
    return session.scalar(select(Recording).where(Recording.call_id == its_call).with_for_update())
