"""Taking work and giving it back: claimed by conditional UPDATE, fenced by a token, ended by a lease."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CursorResult,
    Integer,
    Select,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from callcenter.core.db import Base
from callcenter.core.faults import passing
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.messages.models import Batch
from campaigns.messages.state import OPEN_BATCHES
from campaigns.worklist.budget import SPENT, hold, spent
from campaigns.worklist.hours import best_first, knows_hours
from campaigns.worklist.models import WorkItem
from campaigns.worklist.state import WorkState

LEASE = timedelta(minutes=2)
CALLBACK_PRIORITY, USUAL_PRIORITY, LAST_PRIORITY = 0, 5, 9
MOST_ROUNDS = 8  # of passing over persons whom somebody else holds
LOOKED_AT = 200  # items of the list among whom the hour may choose
_LIVE = (WorkState.READY.value, WorkState.CLAIMED.value)
_TABLE = Base.metadata.tables[WorkItem.__tablename__]


def claim(
    session: Session,
    campaign_id: int,
    channel: Channel,
    limit: int,
    holder: str,
    now: datetime,
    *,
    lease: timedelta = LEASE,
    user_ids: Sequence[int] = (),
    unfit: ColumnElement[bool] | None = None,
) -> list[WorkItem]:
    """Claims up to `limit` due items, call-backs first; what another holder is claiming is passed over.

    So is a person whom another transaction holds, until that one's attempt is on record. Whose budget in the cycle is used up has the item
    withdrawn; a call-back the debtor asked for is beyond the budget.

    Args:
        holder: who claims, for people to read.
        user_ids: operators who are ready; items reserved for anybody else are left alone.
        unfit: items that are left for another way of dialling, see `with_operator_only`.
    """
    kept: list[WorkItem] = []
    passed: set[int] = set()
    for _ in range(MOST_ROUNDS):
        rows = _take(session, campaign_id, channel, limit - len(kept), holder, now, lease, user_ids, passed, unfit)
        if not rows:
            break
        for item in rows:
            passed.add(item.id)
        kept += _within_budget(session, campaign_id, rows, now)
        if len(kept) >= limit:
            break
    passing("claim.taken")
    return sorted(kept, key=lambda item: (item.priority, item.not_before, item.id))


def is_within_budget(session: Session, item: WorkItem, now: datetime) -> bool:
    """Asks again about an item that was claimed a while ago; one that may not be worked on goes back or is withdrawn."""
    return bool(_within_budget(session, item.campaign_id, [item], now))


def _within_budget(session: Session, campaign_id: int, rows: Sequence[WorkItem], now: datetime) -> list[WorkItem]:
    """Those of the claimed items that may be worked on; the others go back, or are withdrawn where the budget is used up."""
    held, budget = hold(session, campaign_id, [item.debtor_id for item in rows])
    asked = [item.debtor_id for item in rows if item.debtor_id in held and not item.is_callback]
    used_up = spent(session, asked, budget, now) if budget is not None and asked else set()
    kept: list[WorkItem] = []
    for item in rows:
        assert item.claim_token is not None
        if item.debtor_id not in held:
            release(session, item.id, item.claim_token, now)
        elif item.debtor_id in used_up:
            withdraw_claimed(session, item.id, item.claim_token, now, SPENT)
        else:
            kept.append(item)
    return kept


def _take(
    session: Session,
    campaign_id: int,
    channel: Channel,
    limit: int,
    holder: str,
    now: datetime,
    lease: timedelta,
    user_ids: Sequence[int],
    passed: Collection[int],
    unfit: ColumnElement[bool] | None = None,
) -> Sequence[WorkItem]:
    wanted = [
        WorkItem.campaign_id == campaign_id,
        WorkItem.channel == channel.value,
        WorkItem.state == WorkState.READY.value,
        WorkItem.not_before <= now,
        or_(WorkItem.user_id.is_(None), WorkItem.user_id.in_(user_ids)),
        *_released(channel),
    ]
    if passed:
        wanted.append(WorkItem.id.not_in(passed))
    if unfit is not None:
        wanted.append(~unfit)
    best = _best_now(session, wanted, now) if channel is Channel.OPERATOR_CALL else []
    rows = _lock(session, [*wanted, WorkItem.id.in_(best)], limit, holder, now, lease, best) if best else []
    return rows or _lock(session, wanted, limit, holder, now, lease)


def _best_now(session: Session, wanted: Sequence[ColumnElement[bool]], now: datetime) -> list[int]:
    """Ids of the first due items of the list, those whom this hour suits before others of their priority; none while no hours are known."""
    if not knows_hours(session):
        return []
    columns = (WorkItem.id, WorkItem.debtor_id, WorkItem.priority, WorkItem.is_callback)
    rows = session.execute(_first(wanted, LOOKED_AT, *columns)).all()
    worth = best_first(session, [row.debtor_id for row in rows], now) or {}
    return [row.id for row in sorted(rows, key=lambda row: (row.priority, 0.0 if row.is_callback else -worth.get(row.debtor_id, 0.0)))]


def _lock(
    session: Session,
    wanted: Sequence[ColumnElement[bool]],
    limit: int,
    holder: str,
    now: datetime,
    lease: timedelta,
    in_order: Sequence[int] = (),
) -> Sequence[WorkItem]:
    """Claims the first items, by default in the order of the list, that nobody else is claiming."""
    if in_order:
        order = func.array_position(cast(list(in_order), ARRAY(BigInteger)), WorkItem.id)
        due = select(WorkItem.id).where(*wanted).order_by(order).limit(limit).with_for_update(skip_locked=True)
    else:
        due = _first(wanted, limit, WorkItem.id, is_claim=True)
    chosen = due.cte("due")  # a plain sub-select may be run again for each row, and then claims more than `limit`
    values = {
        "state": WorkState.CLAIMED.value,
        "claim_token": str(uuid.uuid4()),
        "claimed_by": holder[:80],
        "lease_until": now + lease,
        "updated_at": now,
    }
    claimed = update(WorkItem).where(WorkItem.id.in_(select(chosen.c.id))).values(values).returning(WorkItem)
    return session.scalars(claimed, execution_options={"populate_existing": True}).all()


def _first(wanted: Sequence[ColumnElement[bool]], limit: int, *columns: Any, is_claim: bool = False) -> Select[Any]:
    """The first items in the order of the list; to be claimed, those that nobody else is claiming.

    Each priority is asked in its turn, until there are enough. The index stands by priority and then by time: asked for all at once,
    whatever waits for another day in the priorities before is passed over one by one, a million of them after a long day.
    """
    first, last = (literal_column(str(end), Integer) for end in (CALLBACK_PRIORITY, LAST_PRIORITY))  # literally, so that the planner counts
    each = func.generate_series(first, last).table_valued(column("priority", Integer), name="each").render_derived()
    of_one = select(*columns).where(*wanted, WorkItem.priority == each.c.priority).order_by(WorkItem.not_before, WorkItem.id)
    found = (of_one.limit(limit).with_for_update(skip_locked=True) if is_claim else of_one.limit(limit)).lateral("of_one")
    return select(found).select_from(each.join(found, true())).limit(limit)


def _released(channel: Channel) -> list[ColumnElement[bool]]:
    """Automated calls of a batch go out only while it is released; a call-back that came of one is the operators'."""
    if channel is not Channel.AUTO_CALL:
        return []
    is_out = exists().where(
        Batch.office_id == WorkItem.office_id,
        Batch.id == WorkItem.batch_id,
        Batch.state.in_(OPEN_BATCHES),
        Batch.approved_at.is_not(None),
    )
    return [or_(WorkItem.batch_id.is_(None), is_out)]


def extend(session: Session, item_id: int, token: str, now: datetime, *, lease: timedelta = LEASE) -> bool:
    """Prolongs a lease; False when the claim is not this holder's any more."""
    return _move(session, item_id, token, {"lease_until": now + lease, "updated_at": now})


def release(session: Session, item_id: int, token: str, now: datetime, *, not_before: datetime | None = None, reason: str = "") -> bool:
    """Gives an item back, perhaps for later (a refusal of the gate); False when it is not this holder's any more."""
    values: dict[str, Any] = _freed(WorkState.READY, now)
    if not_before is not None:
        values["not_before"] = not_before
    if reason:
        values["reason"] = reason
    return _move(session, item_id, token, values)


def withdraw_claimed(session: Session, item_id: int, token: str, now: datetime, reason: str) -> bool:
    """Withdraws an item for good, because the gate said what does not pass; False when it is not this holder's any more."""
    return _move(session, item_id, token, _freed(WorkState.WITHDRAWN, now) | {"reason": reason})


def complete(session: Session, item_id: int, now: datetime, reason: str) -> None:
    """Marks an item done after its attempt; one that was withdrawn meanwhile stays so."""
    _settle(session, item_id, done_values(now, reason))


def requeue(
    session: Session,
    item_id: int,
    not_before: datetime,
    reason: str,
    now: datetime,
    *,
    is_callback: bool = False,
    user_id: int | None = None,
    item: WorkItem | None = None,
) -> None:
    """Puts an item back after its attempt; one that was withdrawn meanwhile stays so.

    A call-back comes before everything else at its time, by an operator even where a robocall's key asked for it; `user_id` reserves it
    for one operator. `item` is the row where it was read already.
    """
    item = item or session.scalar(select(WorkItem).where(WorkItem.id == item_id))
    values = again_values(item, not_before, reason, now)
    if is_callback:
        values |= {"is_callback": True, "user_id": user_id, "priority": CALLBACK_PRIORITY, "channel": Channel.OPERATOR_CALL.value}
        values["phone_id"] = None if item is None else item.phone_id
    _settle(session, item_id, values)


def done_values(now: datetime, reason: str) -> dict[str, Any]:
    """The values of an item that is done, for `settle_all`."""
    return _freed(WorkState.DONE, now) | {"reason": reason}


def again_values(item: WorkItem | None, not_before: datetime, reason: str, now: datetime) -> dict[str, Any]:
    """The values of an item that goes back for another try, for `settle_all`; what made it a call-back is over."""
    return _freed(WorkState.READY, now) | {
        "not_before": not_before,
        "reason": reason,
        "is_callback": False,
        "user_id": None,
        "priority": USUAL_PRIORITY if item is None or item.priority == CALLBACK_PRIORITY else item.priority,
        "phone_id": None,
    }


def settle_all(session: Session, moves: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Moves several items after their attempts (id → values); one that was withdrawn meanwhile stays so."""
    if len(moves) == 1:
        _settle(session, *moves[0])
        return
    alike: dict[tuple[str, ...], list[tuple[int, dict[str, Any]]]] = {}
    for item_id, values in moves:
        alike.setdefault(tuple(values), []).append((item_id, values))
    for names, rows in alike.items():
        own = update(_TABLE).where(_TABLE.c.id == bindparam("item"), or_(*(_TABLE.c.state == state for state in _LIVE)))
        statement = own.values({name: bindparam(f"new_{name}") for name in names})
        session.execute(statement, [{"item": item_id} | {f"new_{name}": values[name] for name in names} for item_id, values in rows])


def sweep(session: Session, now: datetime) -> int:
    """Brings back items whose lease ran out and returns their number.

    An item whose attempt is still under way is left to whoever reconciles that attempt: it might be in a call.
    """
    under_way = select(Attempt.id).where(
        Attempt.office_id == WorkItem.office_id, Attempt.work_item_id == WorkItem.id, Attempt.state != "closed"
    )
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(WorkItem)
        .where(WorkItem.state == WorkState.CLAIMED.value, WorkItem.lease_until <= now, ~under_way.exists())
        .values(_freed(WorkState.READY, now) | {"reason": "lease_expired"})
        .execution_options(synchronize_session=False)
    )
    return done.rowcount


def with_operator_only(abandoned_since: datetime) -> ColumnElement[bool]:
    """Items that are never dialled without an operator: promised call-backs, and whoever's call was abandoned since that moment."""
    abandoned = select(Attempt.id).where(
        Attempt.office_id == WorkItem.office_id,
        Attempt.debtor_id == WorkItem.debtor_id,
        Attempt.began_at > abandoned_since,
        Attempt.line_result == LineResult.ABANDONED.value,
    )
    return or_(promised(), abandoned.exists())


def promised() -> ColumnElement[bool]:
    """Call-backs somebody asked for, and items kept for one operator."""
    return or_(WorkItem.is_callback, WorkItem.user_id.is_not(None))


def has_due(session: Session, campaign_id: int, channel: Channel, now: datetime) -> bool:
    """Whether anything could be claimed now."""
    due = (
        WorkItem.campaign_id == campaign_id,
        WorkItem.channel == channel.value,
        WorkItem.state == WorkState.READY.value,
        WorkItem.not_before <= now,
        *_released(channel),
    )
    return session.scalar(_first(due, 1, WorkItem.id)) is not None


def count_ready(session: Session, campaign_id: int, channel: Channel, now: datetime) -> int:
    """How many items could be claimed now."""
    statement = select(func.count()).where(
        WorkItem.campaign_id == campaign_id,
        WorkItem.channel == channel.value,
        WorkItem.state == WorkState.READY.value,
        WorkItem.not_before <= now,
    )
    return session.scalar(statement) or 0


def _freed(state: WorkState, now: datetime) -> dict[str, Any]:
    return {"state": state.value, "claim_token": None, "claimed_by": None, "lease_until": None, "updated_at": now}


def _move(session: Session, item_id: int, token: str, values: dict[str, Any]) -> bool:
    mine = (WorkItem.id == item_id, WorkItem.state == WorkState.CLAIMED.value, WorkItem.claim_token == token)
    done: CursorResult[Any] = session.execute(update(WorkItem).where(*mine).values(values))  # type: ignore[assignment]
    return done.rowcount == 1


def _settle(session: Session, item_id: int, values: dict[str, Any]) -> None:
    session.execute(update(WorkItem).where(WorkItem.id == item_id, WorkItem.state.in_(_LIVE)).values(values))
