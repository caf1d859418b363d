"""A campaign's pacing while a dialer works it: learns from the calls on record, keeps what it learned, and knows the budget.

Everything is read from the database and kept there, with the moment up to which it was learned from: a new dialer after a crash goes on
where the old one was, and one that finds nothing kept learns anew from the calls of the last two weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE, local_day
from dialer.pacing.budget import FIRST_PRICE, Budget, learn_price
from dialer.pacing.history import REBUILD_DAYS, Ended, ended_between
from dialer.pacing.learning import RING_EDGES, SHORT_HALF_LIFE, Durations, Memory, hazards_of, pooled
from dialer.pacing.ledger import Ledger
from dialer.pacing.models import PacingHour, PacingState
from dialer.pacing.odds import Odds, build_odds

LEARN_EVERY = timedelta(seconds=10)
REFRESH_EVERY = timedelta(seconds=30)
SETTLED_AFTER = timedelta(seconds=2)  # a result that is being written down may carry a moment just gone
LONGEST_WORK = 60.0  # longer without learning was no work: nothing fades over night
LOOKS_BACK = timedelta(minutes=20)  # what the short memory is made of after a start
Ages = Sequence[float]


class Pacer:
    """One campaign's; used by one dialer thread, each method within the caller's transaction."""

    def __init__(self, campaign_id: int, limit: float, zone: ZoneInfo = OFFICE_ZONE) -> None:
        self.campaign_id, self.limit, self.zone = campaign_id, limit, zone
        self.price = max(limit, 0.001) * FIRST_PRICE
        self._hours: dict[int, Memory] = {}
        self._changed: set[int] = set()
        self._recent = Durations(RING_EDGES)
        self._learned_until: datetime | None = None
        self._judged: tuple[date | None, int, int] = (None, 0, 0)
        self._odds: Odds | None = None
        self._refreshed: datetime | None = None
        self._ledger = Ledger(campaign_id, zone)

    def odds(self, session: Session, now: datetime, ringing: Ages, talking: Ages, wrapping: Ages) -> Odds | None:
        """What was learned, as tables; None while that is too little."""
        self.learn(session, now)
        if self._refreshed is None or abs(now - self._refreshed) >= REFRESH_EVERY:
            self._refreshed = now
            memory = pooled(self._hours, now.astimezone(self.zone).hour, self.price, self._recent)
            self._odds = build_odds(hazards_of(memory, ringing, talking, wrapping)) if memory.has_seen_enough else None
        return self._odds

    def budget(self, session: Session, now: datetime, seconds_to_come: float) -> Budget:
        """What abandoned calls may be, counted from the calls on record; the price is corrected by what is new.

        Args:
            seconds_to_come: until the end of the day's contact hours.
        """
        self.learn(session, now)
        budget = self._ledger.budget(session, self.limit, now, seconds_to_come)
        day, answers, abandoned = self._judged
        today = local_day(now, self.zone)
        if day != today:
            answers = abandoned = 0
        news = max(0, budget.answers_today - answers), max(0, budget.abandoned_today - abandoned)
        if any(news):
            self.price = learn_price(self.price, *news, budget)
        self._judged = (today, budget.answers_today, budget.abandoned_today)
        return budget

    def learn(self, session: Session, now: datetime) -> None:
        """Takes in what ended since the last time."""
        if self._learned_until is None:
            self._load(session, now)
        assert self._learned_until is not None
        until = now - SETTLED_AFTER
        if until < self._learned_until - LEARN_EVERY:  # the clock was set back: it goes on from here
            self._learned_until = until
        if until - self._learned_until < LEARN_EVERY:
            return
        for ended in ended_between(session, self.campaign_id, self._learned_until, until):
            self._take(ended)
        self._forget(min((until - self._learned_until).total_seconds(), LONGEST_WORK), until)
        self._learned_until = until
        self._save(session)

    def _take(self, ended: Ended, *, is_known: bool = False) -> None:
        """Into the hour's memory and the short one; `is_known`: it is in the hour's already."""
        if ended.kind in ("answer", "fail"):
            self._recent.add(ended.seconds, is_hit=ended.kind == "answer")
        elif ended.kind == "let_go":
            self._recent.add_exposure(ended.seconds)
        if is_known:
            return
        hour = ended.at.astimezone(self.zone).hour
        memory = self._hours.setdefault(hour, Memory(self.price))
        self._changed.add(hour)
        memory.take(ended.kind, ended.seconds)

    def _forget(self, seconds: float, now: datetime) -> None:
        self._recent.forget(seconds, SHORT_HALF_LIFE)
        memory = self._hours.get(now.astimezone(self.zone).hour)
        if memory is not None:
            memory.forget(seconds)

    def _load(self, session: Session, now: datetime) -> None:
        state = session.scalar(select(PacingState).where(PacingState.campaign_id == self.campaign_id))
        if state is None:
            self._rebuild(session, now)
            return
        self.price = state.price
        self._judged = (state.judged_on, state.judged_answers, state.judged_abandoned)
        self._learned_until = min(state.learned_until, now)
        for row in session.scalars(select(PacingHour).where(PacingHour.campaign_id == self.campaign_id)):
            self._hours[row.hour] = Memory.from_json(row.document, state.price)
        if not self._hours:
            self._rebuild(session, now)
            return
        for ended in ended_between(session, self.campaign_id, now - LOOKS_BACK, self._learned_until):
            self._take(ended, is_known=True)

    def _rebuild(self, session: Session, now: datetime) -> None:
        """Nothing is kept: learned anew from the calls of the last days."""
        until = now - SETTLED_AFTER
        day: date | None = None
        for ended in sorted(ended_between(session, self.campaign_id, now - timedelta(days=REBUILD_DAYS), until), key=lambda one: one.at):
            if day is not None and local_day(ended.at, self.zone) != day:
                self._recent = Durations(RING_EDGES)
                for memory in self._hours.values():
                    memory.forget(3600.0)
            day = local_day(ended.at, self.zone)
            self._take(ended)
        if day != local_day(now, self.zone):
            self._recent = Durations(RING_EDGES)
        self._learned_until = until

    def _save(self, session: Session) -> None:
        """Keeps what was learned with the moment up to which it was: both or neither."""
        assert self._learned_until is not None
        judged_on, answers, abandoned = self._judged
        values = {
            "price": self.price,
            "learned_until": self._learned_until,
            "judged_on": judged_on,
            "judged_answers": answers,
            "judged_abandoned": abandoned,
        }
        state = insert(PacingState).values(campaign_id=self.campaign_id, **values)
        session.execute(state.on_conflict_do_update(index_elements=["office_id", "campaign_id"], set_=values))
        for hour in sorted(self._changed):
            document = self._hours[hour].to_json()
            row = insert(PacingHour).values(campaign_id=self.campaign_id, hour=hour, document=document)
            session.execute(row.on_conflict_do_update(index_elements=["office_id", "campaign_id", "hour"], set_={"document": document}))
        self._changed.clear()
