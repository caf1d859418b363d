"""Which campaigns this dialer works: leases in the database, one dialer per campaign at any time.

A lease ends by itself, so a dead dialer's campaigns are taken over. `ALIVE` is a lock of the database session of each dialer, so that two
dialers never run under one name, and a restarted one knows that its predecessor is gone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

import psycopg
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, StoreUnavailable
from callcenter.core.faults import passing
from callcenter.core.live import NOTIFY_CHANNEL, publish
from campaigns.planning.dialling import Dialling, dialling_of
from campaigns.planning.models import Campaign
from dialer.calls.models import DialerLease

LEASE_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.1
WAKING_TOPICS = frozenset({"call", "board", "queue", "campaign", "dial", "stop"})


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """A running campaign this dialer holds; `options` as in `Campaign.options`."""

    office_id: int
    campaign_id: int
    dial_mode: str
    options: Mapping[str, Any]

    @property
    def dialling(self) -> Dialling:
        """Lines, and what predictive dialling may do."""
        return dialling_of(self.options)

    @property
    def ring_seconds(self) -> float:
        """How long a debtor's phone rings."""
        return self.dialling.ring_seconds


def renew(
    session: Session, node: str, now: datetime, *, problem: str = "", is_news: bool = False, only: int | None = None
) -> list[CampaignShare]:
    """Takes or keeps the leases of the office's running campaigns; those another dialer holds are left alone.

    Args:
        problem: why no calls are placed at present, shown to waiting operators and on the board; is_news: it was another one before.
        only: the one campaign to work.
    """
    running = select(Campaign).where(Campaign.status == "running").order_by(Campaign.priority, Campaign.id)
    if only is not None:
        running = running.where(Campaign.id == only)
    campaigns = session.scalars(running).all()
    until = now + timedelta(seconds=LEASE_SECONDS)
    _keep_others(session, node, [campaign.id for campaign in campaigns], until)
    if not campaigns:
        return []
    wanted = insert(DialerLease).values(
        [{"campaign_id": campaign.id, "node": node, "lease_until": until, "problem": problem} for campaign in campaigns]
    )
    taken = wanted.on_conflict_do_update(
        index_elements=["office_id", "campaign_id"],
        set_={"node": node, "lease_until": until, "problem": problem},
        where=or_(DialerLease.node == node, DialerLease.lease_until < now),
    ).returning(DialerLease.campaign_id)
    mine = set(session.scalars(taken))
    if is_news and mine:
        publish(session, "call")
        publish(session, "board")
    passing("lease.renewed")
    return [
        CampaignShare(campaign.office_id, campaign.id, campaign.dial_mode, campaign.options)
        for campaign in campaigns
        if campaign.id in mine
    ]


def _keep_others(session: Session, node: str, running: Sequence[int], until: datetime) -> None:
    """Of a campaign that pauses this dialer keeps the lease: who renews none counts as dead, and calls may still be up. It ends with the
    campaign; a dialer without any lease is not looked at."""
    mine = (DialerLease.node == node, DialerLease.campaign_id.not_in(running))
    finished = select(Campaign.id).where(Campaign.office_id == DialerLease.office_id, Campaign.status == "finished")
    as_it_is = {"synchronize_session": False}
    session.execute(delete(DialerLease).where(*mine, DialerLease.campaign_id.in_(finished)), execution_options=as_it_is)
    session.execute(update(DialerLease).where(*mine).values(lease_until=until), execution_options=as_it_is)


def give_up(session: Session, node: str) -> None:
    """Ends this dialer's leases at an orderly stop, so that another can begin at once."""
    session.execute(delete(DialerLease).where(DialerLease.node == node))


def dead_nodes(session: Session, node: str, now: datetime) -> Sequence[str]:
    """Other dialers whose leases have all run out."""
    latest = select(DialerLease.node).where(DialerLease.node != node).group_by(DialerLease.node)
    return session.scalars(latest.having(func.max(DialerLease.lease_until) < now)).all()


class WakeUp:
    """A dialer's own connection to the database: it proves that the dialer lives, and hears what is published.

    Args:
        patience: seconds for which one of the same name may still be on record that has just died.

    Raises:
        Conflict: a dialer of the same name is running.
        StoreUnavailable: the database does not answer.
    """

    def __init__(self, url: str, node: str, patience: float = 0.0) -> None:
        self._patience = patience
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        self._node = node
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> WakeUp:
        until = time.monotonic() + self._patience
        while True:
            try:
                self._open()
                return self
            except Conflict:
                if time.monotonic() >= until:
                    raise
            time.sleep(LOOK_AGAIN_SECONDS)

    def _open(self) -> None:
        try:
            connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
            row = connection.execute("SELECT pg_try_advisory_lock(hashtext('dialer'), hashtext(%s))", (self._node,)).fetchone()
            connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
        except psycopg.OperationalError as problem:
            raise StoreUnavailable("The database does not answer.", hint="Check DATABASE_URL and that PostgreSQL is running.") from problem
        if row is None or not row[0]:
            connection.close()
            raise Conflict(
                f"A dialer named '{self._node}' is running already.", hint="Stop it first, or give this one another name with --node."
            )
        self._connection = connection

    def offices(self) -> frozenset[int]:
        """Offices in which something happened that may mean work, since the last time; never waits.

        A broken connection is made anew; the first answer after that raises StoreUnavailable if it can't.
        """
        if self._connection is None or self._connection.closed:
            self._open()
        assert self._connection is not None
        try:
            told = [json.loads(note.payload) for note in self._connection.notifies(timeout=0)]
        except psycopg.OperationalError:
            self._connection.close()
            return frozenset()
        return frozenset(note["office"] for note in told if note["topic"] in WAKING_TOPICS)

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.close()
