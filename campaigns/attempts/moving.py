"""What becomes of a work item after its attempt: done, called back when the debtor said so, or tried again at the next good moment.

The ladder is asked first: an item whose step is used up is done, and the night's plan takes the debtor on to the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.effects import callback_moment
from campaigns.attempts.models import Attempt
from campaigns.attempts.phones import pick_phones
from campaigns.attempts.proving import proofs
from campaigns.attempts.retry import UNANSWERED, PastTry, RetryPolicy, RetryRules, another_part, next_try_at, soon_again
from campaigns.attempts.rules import Consequence, Move, Result
from campaigns.compliance.rules import ContactPolicy
from campaigns.debtors.phones import set_number_status
from campaigns.messages.models import Batch
from campaigns.messages.state import OPEN_BATCHES
from campaigns.planning.conduct import conduct_of
from campaigns.planning.models import Campaign
from campaigns.planning.position import Position, facts_of, position_at
from campaigns.planning.standing import Step, Wait
from campaigns.segmentation.rules import Facts
from campaigns.worklist import claim
from campaigns.worklist.models import WorkItem

Key = TypeVar("Key")
HISTORY = timedelta(days=30)
ANOTHER_ROUND = "another_round"


@dataclass(frozen=True, slots=True)
class Moved:
    """An attempt whose result is on record, and what decides how its item moves; `line` is what the line did."""

    attempt: Attempt
    campaign: Campaign | None
    line: LineResult
    result: Result
    follows: Consequence
    policy: ContactPolicy
    rules: RetryRules
    now: datetime

    @property
    def item_id(self) -> int:
        """The item's number; an attempt without one moves nothing."""
        assert self.attempt.work_item_id is not None
        return self.attempt.work_item_id

    @property
    def channel(self) -> Channel:
        """The item's channel."""
        return Channel(self.attempt.channel)


@dataclass
class _Known:
    """What several moves have to know, read once for all of them.

    Attributes:
        callable: persons with a usable number, by channel.  history: each person's tries.
        items: by number.  rounds: of an automated call's batch: most, until when, how many nobody answered.
        standing: each person's facts for the ladder and where the campaign is in its cycle, by campaign and day.
    """

    callable: set[tuple[Channel, int]] = field(default_factory=set)
    history: dict[int, list[PastTry]] = field(default_factory=dict)
    items: dict[int, WorkItem] = field(default_factory=dict)
    rounds: dict[int, tuple[int, datetime, int]] = field(default_factory=dict)
    standing: dict[tuple[int, date], tuple[Position, dict[int, Facts]]] = field(default_factory=dict)


def campaign_of(session: Session, attempt: Attempt) -> Campaign | None:
    """The campaign an attempt belongs to, if any."""
    return None if attempt.campaign_id is None else session.get(Campaign, (office_of(session), attempt.campaign_id))


def retry_rules(campaign: Campaign | None) -> RetryRules:
    """A campaign's retry rules; the defaults where there is no campaign."""
    return conduct_of({} if campaign is None else campaign.options).retry


def judge_number(session: Session, attempt: Attempt, rules: RetryRules, now: datetime) -> None:
    """Gives a number the status that a line result, repeated as often as the rules say, proves."""
    if attempt.phone_id is None or attempt.line_result is None:
        return
    for proof in proofs(session, rules, [attempt.phone_id], [LineResult(attempt.line_result)]):
        set_number_status(session, proof.phone_id, proof.status, now, attempt_id=attempt.id)


def move_items(session: Session, moves: Sequence[Moved]) -> None:
    """Moves the items of attempts whose results are on record; no two of one person."""
    tried_again = []
    for move in moves:
        if move.follows.move is Move.DONE or move.channel is Channel.SMS:
            claim.complete(session, move.item_id, move.now, move.result.outcome.value)
        elif (moment := callback_moment(move.result, move.follows, move.policy, move.now)) is not None:
            user_id = move.result.callback_user_id
            claim.requeue(session, move.item_id, moment, "callback", move.now, is_callback=True, user_id=user_id)
        else:
            tried_again.append(move)
    if tried_again:
        known = _read(session, tried_again)
        claim.settle_all(session, [(move.item_id, _next_try(known, move)) for move in tried_again])


def _next_try(known: _Known, move: Moved) -> dict[str, Any]:
    """What becomes of an item that nobody was reached by."""
    now, line, debtor_id = move.now, move.line, move.attempt.debtor_id
    if (move.channel, debtor_id) not in known.callable:
        return claim.done_values(now, "no_usable_number")
    retry = RetryPolicy(contact=move.policy, channel=move.channel, rules=move.rules)
    history = [past for past in known.history.get(debtor_id, ()) if now - HISTORY < past.began_at <= now]
    item = known.items.get(move.item_id)
    left_by = _left_by(known, move, item)
    if left_by in ("", "waits_for_next_round") and (again := _next_round(known, move, history, retry)) is not None:
        return claim.again_values(item, again, ANOTHER_ROUND, now)
    if left_by == "":
        moment = next_try_at(history, line, retry, now)
    else:  # only what reached nobody for a moment, or was no try at all, is tried again in this step
        moment = soon_again(history, line, retry, now) if left_by == "waits_for_next_round" or not move.rules.of(line).counts else None
    if moment is None:
        return claim.done_values(now, left_by or "tries_exhausted")
    return claim.again_values(item, moment, f"after_{line.value}", now)


def _next_round(known: _Known, move: Moved, history: Sequence[PastTry], retry: RetryPolicy) -> datetime | None:
    """When an automated call that nobody answered is made once more in its batch's window, at another part of it; None if not at all.

    A short interval that the line result has (busy) comes first and is no round.
    """
    if not _has_rounds(move) or move.item_id not in known.rounds:
        return None
    most, until, unanswered = known.rounds[move.item_id]
    return None if unanswered >= most else another_part(history, until, retry, move.now)


def _has_rounds(move: Moved) -> bool:
    return move.channel is Channel.AUTO_CALL and move.line in UNANSWERED


def _left_by(known: _Known, move: Moved, item: WorkItem | None) -> str:
    """Why the ladder takes a debtor off the step of this attempt; empty when another try belongs to it, or no ladder decided."""
    if item is None or move.campaign is None:
        return ""
    position, all_facts = known.standing[move.campaign.id, local_day(move.now)]
    facts = all_facts.get(move.attempt.debtor_id)
    if facts is None:
        return "settled"
    if not item.step:
        spent = facts["cycle_attempts"]
        return "cycle_budget" if isinstance(spent, int) and spent >= position.conduct.ladder.max_attempts else ""
    found = position.step_of(facts)
    if isinstance(found, Step) and found.number == item.step:
        return ""
    return found.why if isinstance(found, Wait) and found.number == item.step else "step_used_up" if isinstance(found, Step) else found.why


def _read(session: Session, moves: Sequence[Moved]) -> _Known:
    item_ids = [move.item_id for move in moves]
    items = session.scalars(select(WorkItem).where(WorkItem.id.in_(item_ids)))
    return _Known(
        callable=_callable(session, moves),
        history=_histories(session, moves),
        items={item.id: item for item in items},
        rounds=_rounds(session, [move for move in moves if _has_rounds(move)]),
        standing=_standing(session, moves),
    )


def _callable(session: Session, moves: Sequence[Moved]) -> set[tuple[Channel, int]]:
    found: set[tuple[Channel, int]] = set()
    for (channel, allows_workplace), some in _by(moves, lambda move: (move.channel, move.policy.allows_workplace)).items():
        who = dict.fromkeys(move.attempt.debtor_id for move in some)
        phones = pick_phones(session, who, channel, some[0].now - HISTORY, allows_workplace=allows_workplace)
        found |= {(channel, debtor_id) for debtor_id in phones}
    return found


def _histories(session: Session, moves: Sequence[Moved]) -> dict[int, list[PastTry]]:
    moments = [move.now for move in moves]
    who = [move.attempt.debtor_id for move in moves]
    rows = session.execute(
        select(Attempt.debtor_id, Attempt.began_at, Attempt.line_result, Attempt.channel)
        .where(Attempt.debtor_id.in_(who), Attempt.began_at > min(moments) - HISTORY, Attempt.began_at <= max(moments))
        .order_by(Attempt.began_at, Attempt.id)
    )
    found: dict[int, list[PastTry]] = {}
    for debtor_id, began_at, line, channel in rows:
        found.setdefault(debtor_id, []).append(PastTry(began_at, LineResult(line) if line else None, Channel(channel)))
    return found


def _rounds(session: Session, moves: Sequence[Moved]) -> dict[int, tuple[int, datetime, int]]:
    if not moves:
        return {}
    batches = session.execute(
        select(WorkItem.id, Batch.rounds, Batch.release_until)
        .join(Batch, (WorkItem.office_id == Batch.office_id) & (WorkItem.batch_id == Batch.id))
        .where(WorkItem.id.in_([move.item_id for move in moves]), Batch.state.in_(OPEN_BATCHES), Batch.release_until.is_not(None))
    ).all()
    counts = (
        select(Attempt.work_item_id, func.count())
        .where(
            Attempt.debtor_id.in_([move.attempt.debtor_id for move in moves]),
            Attempt.work_item_id.in_([row.id for row in batches]),
            Attempt.line_result.in_([result.value for result in UNANSWERED]),
        )
        .group_by(Attempt.work_item_id)
    )
    unanswered: dict[int | None, int] = dict(session.execute(counts).all()) if batches else {}
    return {row.id: (row.rounds, row.release_until, unanswered.get(row.id, 0)) for row in batches}


def _standing(session: Session, moves: Sequence[Moved]) -> dict[tuple[int, date], tuple[Position, dict[int, Facts]]]:
    found: dict[tuple[int, date], tuple[Position, dict[int, Facts]]] = {}
    with_campaign = [move for move in moves if move.campaign is not None]
    for key, some in _by(with_campaign, lambda move: (move.attempt.campaign_id or 0, local_day(move.now))).items():
        position = position_at(session, some[0].campaign, some[0].now, some[0].policy)
        as_of = max(move.now for move in some)
        found[key] = position, facts_of(session, [move.attempt.debtor_id for move in some], position, as_of)
    return found


def _by(moves: Iterable[Moved], key: Callable[[Moved], Key]) -> Mapping[Key, list[Moved]]:
    found: dict[Key, list[Moved]] = {}
    for move in moves:
        found.setdefault(key(move), []).append(move)
    return found
