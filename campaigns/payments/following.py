"""What follows when a debtor's payments changed, in the transaction that changed them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.live import publish
from campaigns.debtors.service import refresh_listed
from campaigns.promises.monitoring import monitor
from campaigns.promises.settle import settle
from campaigns.worklist.withdraw import withdraw_for_debtors

_CHUNK = 10_000
PAID, PART_PAID = "paid", "part_paid"


def follow(session: Session, debtor_ids: Sequence[int], now: datetime, *, news: Sequence[int] = ()) -> None:
    """Lists, work, promises and plans of these debtors follow their payments.

    Paid means stop: who owes nothing more leaves the list and all their queued work is withdrawn. Who paid something (`news`) is not
    contacted by what was decided before either: the next plan decides anew; only the call-back they asked for stays. Who owes again after
    a reversal is back on the list, and so in the next plan.
    """
    if not debtor_ids:
        return
    refresh_listed(session, now, PAID, debtor_ids=debtor_ids)
    for start in range(0, len(news), _CHUNK):
        withdraw_for_debtors(session, news[start : start + _CHUNK], PART_PAID, now, but_callbacks=True)
    settle(session, today=local_day(now), now=now, debtor_ids=debtor_ids)
    monitor(session, today=local_day(now), now=now, debtor_ids=debtor_ids)
    publish(session, "queue")


def judge_all(session: Session, now: datetime) -> None:
    """Judges every promise and plan: at the turn of the day, and when postings are known to be complete to a later day."""
    settle(session, today=local_day(now), now=now)
    monitor(session, today=local_day(now), now=now)
