"""A sender number's rate, kept in the database: all processes take their turns from one row, so together they never exceed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns.messages.models import SenderRate
from campaigns.messages.senders.port import SmsSender

UNLIMITED = 10_000.0
"""Segments a second from which on nothing is held back."""

_RESERVE = text("""
INSERT INTO sender_rate AS r (sender, free_at) VALUES (:sender, CAST(:now AS timestamptz) + make_interval(secs => :seconds))
ON CONFLICT (sender) DO UPDATE SET free_at = greatest(r.free_at, CAST(:now AS timestamptz)) + make_interval(secs => :seconds)
RETURNING free_at - make_interval(secs => :seconds)
""")


@runtime_checkable
class ManyNumbers(Protocol):
    """A sender with several numbers: each name with the segments a second that it takes."""

    numbers: Mapping[str, float]


def rates_of(sender: SmsSender) -> dict[str, float]:
    """A sender's numbers with their rates; one without a name where it has but one."""
    return dict(sender.numbers) if isinstance(sender, ManyNumbers) and sender.numbers else {"": sender.segments_per_second}


def key_of(sender: SmsSender, number: str) -> str:
    """The row of a number."""
    return f"{sender.name}:{number}"[:80]


def reserve(session: Session, key: str, segments: int, per_second: float, now: datetime) -> datetime:
    """Takes the next turns for so many segments and returns when they begin; a turn that is not used is lost.

    The row stays locked until the transaction ends.
    """
    moment = session.scalar(_RESERVE, {"sender": key, "now": now, "seconds": segments / per_second})
    assert isinstance(moment, datetime)
    return moment


def free_at(session: Session, key: str) -> datetime | None:
    """When the next turn begins, None for a number that was never used; nothing is taken."""
    return session.scalar(select(SenderRate.free_at).where(SenderRate.sender == key))
