"""What a batch brought about: who answered, called, wrote, promised or paid within its days, beside those whom the experiment left alone.

A reaction counts for a batch when it came after its person was contacted and before the days were over; a payment by the day it was made.
That somebody reacted afterwards does not say that it was because of it: the difference to the arm left alone does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.db import office_of
from callcenter.core.intervals import wilson
from campaigns.attempts.codes import Channel
from campaigns.messages.models import Batch

_PEOPLE = {
    Channel.SMS.value: """
  SELECT m.debtor_id, CASE WHEN m.state IN ('accepted', 'delivered', 'undelivered') THEN m.handed_over_at END AS at,
    m.state = 'delivered' AS is_delivered FROM message m WHERE m.office_id = :office AND m.batch_id = :batch""",
    Channel.AUTO_CALL.value: """
  SELECT w.debtor_id, had.at, coalesce(had.answered, false) AS is_delivered FROM work_item w CROSS JOIN LATERAL (
    SELECT min(a.began_at) AS at, bool_or(a.line_result = 'answered') AS answered FROM attempt a
    WHERE a.office_id = w.office_id AND a.debtor_id = w.debtor_id AND a.work_item_id = w.id AND a.channel = 'auto_call'
      AND a.handed_over_at IS NOT NULL AND a.line_result IS DISTINCT FROM 'failed') had
  WHERE w.office_id = :office AND w.batch_id = :batch""",
}
# at: when contacted, or (for the arm left alone) when the others began to be.
_REACTED = """
reacted AS (
  SELECT p.debtor_id, p.at, p.is_delivered,
    EXISTS (SELECT FROM payment y WHERE y.office_id = :office AND y.debtor_id = p.debtor_id AND y.status = 'matched'
      AND y.paid_on >= (p.at AT TIME ZONE :zone)::date AND y.paid_on < (p.at AT TIME ZONE :zone)::date + CAST(:days AS integer)
      AND y.paid_on <= :today) AS paid,
    EXISTS (SELECT FROM promise r WHERE r.office_id = :office AND r.debtor_id = p.debtor_id
      AND r.made_at > p.at AND r.made_at < p.at + make_interval(days => CAST(:days AS integer)) AND r.made_at <= :now) AS promised,
    EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = p.debtor_id AND a.is_inbound
      AND a.began_at > p.at AND a.began_at < p.at + make_interval(days => CAST(:days AS integer)) AND a.began_at <= :now) AS called,
    EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = p.debtor_id AND a.channel = 'auto_call'
      AND a.robocall_keys <> '' AND a.began_at >= p.at AND a.began_at < p.at + make_interval(days => CAST(:days AS integer))
      AND a.began_at <= :now) AS pressed,
    EXISTS (SELECT FROM message_reply e WHERE e.office_id = :office AND e.debtor_id = p.debtor_id AND e.kind <> 'start'
      AND e.received_at > p.at AND e.received_at < p.at + make_interval(days => CAST(:days AS integer)) AND e.received_at <= :now) AS wrote
  FROM people p WHERE p.at IS NOT NULL)"""
_COUNT = """
SELECT count(*) AS contacted, count(*) FILTER (WHERE is_delivered) AS delivered,
  count(*) FILTER (WHERE paid OR promised OR called OR pressed OR wrote) AS reacted, count(*) FILTER (WHERE paid) AS paid,
  count(*) FILTER (WHERE promised) AS promised, count(*) FILTER (WHERE called) AS called, count(*) FILTER (WHERE pressed) AS pressed,
  count(*) FILTER (WHERE wrote) AS wrote FROM reacted"""
_CONTROL = "SELECT c.debtor_id, CAST(:since AS timestamptz) AS at, false AS is_delivered FROM batch_control c\n"
_CONTROL += "  WHERE c.office_id = :office AND c.batch_id = :batch"
_TREATED = "SELECT x.debtor_id, CAST(:since AS timestamptz) AS at, x.is_delivered FROM ({people}) x"
REACTIONS = ("paid", "promised", "called", "pressed", "wrote")


@dataclass(frozen=True, slots=True)
class Reactions:
    """How many people were contacted, and how many did what within the days; somebody may have done several things."""

    contacted: int
    delivered: int
    reacted: int
    paid: int
    promised: int
    called: int
    pressed: int
    wrote: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Two shares and their difference with its 95 % interval."""

    treated: int
    treated_hits: int
    control: int
    control_hits: int
    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether chance alone would hardly make such a difference."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What is known of a batch's effect at a moment; differences are None without an arm left alone."""

    days: int
    is_over: bool
    after: Reactions
    paid: Difference | None
    reacted: Difference | None


def effect_of(session: Session, batch: Batch, now: datetime) -> Effect | None:
    """Counts reactions; None before the batch began to be released."""
    since = batch.released_at or (batch.release_from if batch.state != "preparing" else None)
    if since is None or since > now:
        return None
    after = _count(session, batch, _PEOPLE[batch.channel], since, now)
    # As they were drawn, contacted or not: else those who paid meanwhile, and so were not contacted, would be missing on one side only.
    treated = _count(session, batch, _TREATED.format(people=_PEOPLE[batch.channel]), since, now)
    control = _count(session, batch, _CONTROL, since, now)
    compares = bool(control.contacted and treated.contacted)
    return Effect(
        batch.reaction_days,
        now >= since + timedelta(days=batch.reaction_days),
        after,
        difference(treated.paid, treated.contacted, control.paid, control.contacted) if compares else None,
        difference(treated.reacted, treated.contacted, control.reacted, control.contacted) if compares else None,
    )


def difference(hits: int, people: int, control_hits: int, control: int) -> Difference:
    """The difference of two shares with Newcombe's hybrid score interval (1998, method 10): sound for small groups and rare events."""
    one, other = hits / people, control_hits / control
    ours, theirs = wilson(hits, people), wilson(control_hits, control)
    assert ours is not None
    assert theirs is not None
    low = max(-1.0, one - other - math.hypot(one - ours.low, theirs.high - other))
    high = min(1.0, one - other + math.hypot(ours.high - one, other - theirs.low))
    return Difference(people, hits, control, control_hits, one - other, low, high)


def people_who(session: Session, batch: Batch, reaction: str, now: datetime, *, offset: int, count: int) -> Sequence[Row[Any]]:
    """Those of a batch who did something (a name of `REACTIONS`, or `reacted`): debtor_id, debtor_no, name, at, total of all of them."""
    assert reaction in (*REACTIONS, "reacted")
    which = " OR ".join(REACTIONS) if reaction == "reacted" else reaction
    statement = f"""
WITH people AS ({_PEOPLE[batch.channel]}), {_REACTED}
SELECT d.id AS debtor_id, d.debtor_no, d.name, r.at, count(*) OVER () AS total FROM reacted r
JOIN debtor d ON d.office_id = :office AND d.id = r.debtor_id WHERE {which} ORDER BY d.debtor_no OFFSET :offset LIMIT :count
"""  # noqa: S608 - constants only
    return session.execute(text(statement), _values(session, batch, now) | {"offset": offset, "count": count}).all()


def _count(session: Session, batch: Batch, people: str, since: datetime, now: datetime) -> Reactions:
    statement = text(f"WITH people AS ({people}), {_REACTED}\n{_COUNT}")
    values = _values(session, batch, now) | ({"since": since} if ":since" in people else {})
    return Reactions(*session.execute(statement, values).one())


def _values(session: Session, batch: Batch, now: datetime) -> dict[str, Any]:
    return {
        "office": office_of(session),
        "batch": batch.id,
        "days": batch.reaction_days,
        "zone": OFFICE_ZONE.key,
        "now": now,
        "today": now.astimezone(OFFICE_ZONE).date(),
    }
