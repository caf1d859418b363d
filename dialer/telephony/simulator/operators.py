"""Operators that work by themselves: they take calls, verify, decide and write down results as published rates say.

They use the very functions the console uses, so a simulated day leaves nothing in the database that a real one would not.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.clock import Clock, local_day
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict
from campaigns.attempts import service as attempts
from campaigns.attempts import verification
from campaigns.attempts.codes import PROMISE_OUTCOMES, Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.attempts.rules import PromiseTerms
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import next_open
from campaigns.debtors.identity import Method
from campaigns.debtors.models import Debt, Debtor
from dialer.agents import preview
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call
from dialer.telephony.simulator.carrier import SimulatedCarrier
from dialer.telephony.simulator.town import Fate, TownBehaviour, lognormal, pick, source

READ_SECONDS = 15.0
VERIFY_SECONDS = 10.0
Deed = Callable[[], None]


def ensure_operators(session: Session, count: int) -> list[int]:
    """The ids of `count` operators without a password, made where they are missing: nobody can sign in as one of them."""
    ids = []
    for number in range(1, count + 1):
        name = f"simulated{number:02d}"
        user = session.scalar(select(User).where(User.sign_in_name == name))
        if user is None:
            user = User(sign_in_name=name, display_name=f"模擬 {number:02d}", role=Role.OPERATOR, password_hash=None)
            session.add(user)
            session.flush()
        ids.append(user.id)
    return ids


class SimulatedOperators:
    """A shift of simulated operators of one office; driven by `step`, one thread.

    `diary` is their own account of every result, by attempt: for the check against the report.
    """

    def __init__(
        self,
        carrier: SimulatedCarrier,
        clock: Clock,
        office_id: int,
        user_ids: Sequence[int],
        *,
        campaign_id: int | None = None,
        seed: int = 1,
        town: TownBehaviour | None = None,
        is_preview: bool = False,
    ) -> None:
        self._carrier, self._clock, self._office_id, self._user_ids = carrier, clock, office_id, tuple(user_ids)
        self._campaign_id, self._seed, self._town, self._is_preview = campaign_id, seed, town or TownBehaviour(), is_preview
        self._order = itertools.count()
        self._agenda: list[tuple[datetime, int, Deed]] = []
        self._seen: dict[int, tuple[str, int | None]] = {}
        self.is_on_shift = False
        self.diary: dict[int, tuple[Party, Outcome]] = {}

    def begin_shift(self) -> None:
        """Everybody signs in and is ready."""
        self.is_on_shift = True
        now = self._clock.now()
        with transaction(self._office_id) as session:
            for user_id in self._user_ids:
                agents.sign_in(session, user_id, now=now, campaign_id=self._campaign_id, leg_address="simulated", is_bot=True)
                agents.ready(session, user_id, now)

    def end_shift(self) -> None:
        """Everybody signs out, after the present call."""
        self.is_on_shift = False
        with transaction(self._office_id) as session:
            for user_id in self._user_ids:
                if agents.find_live(session, user_id) is not None:
                    preview.sign_out(session, user_id, self._clock.now())

    def next_at(self) -> datetime | None:
        """When somebody does something next."""
        return self._agenda[0][0] if self._agenda else None

    def step(self, *, has_news: bool = True) -> bool:
        """Does what is due, and where that or `has_news` may have changed something, looks what everybody has before them.

        Returns whether anything was done.
        """
        has_done = False
        while self._agenda and self._agenda[0][0] <= self._clock.now():
            heapq.heappop(self._agenda)[2]()
            has_done = True
        if has_done or has_news:
            self._look()
        return has_done

    def is_idle(self) -> bool:
        """Whether nobody has a call or owes a result."""
        return all(state in (AgentState.READY, AgentState.PAUSED, AgentState.ENDED) for state, _ in self._seen.values())

    def _look(self) -> None:
        with transaction(self._office_id) as session:
            rows = session.execute(
                select(AgentSession.user_id, AgentSession.state, AgentSession.attempt_id).where(
                    AgentSession.user_id.in_(self._user_ids), AgentSession.state != AgentState.ENDED
                )
            ).all()
        now_seen = {user_id: (state, attempt_id) for user_id, state, attempt_id in rows}
        changed = {user_id: seen for user_id, seen in now_seen.items() if self._seen.get(user_id) != seen}
        self._seen = now_seen
        for user_id, (state, attempt_id) in changed.items():
            self._react(user_id, AgentState(state), attempt_id)

    def _react(self, user_id: int, state: AgentState, attempt_id: int | None) -> None:
        match state:
            case AgentState.TALKING if attempt_id is not None:
                self._plan(VERIFY_SECONDS, lambda: self._verify(user_id, attempt_id))
            case AgentState.WRAP_UP if attempt_id is not None:
                seconds = lognormal(source(self._seed, "result", attempt_id), self._town.result_mean, self._town.result_cv)
                self._plan(min(seconds, 100.0), lambda: self._record(user_id, attempt_id))
            case AgentState.READY if self._is_preview and self.is_on_shift:
                self._plan(1.0, lambda: self._ask_next(user_id))
            case AgentState.RESERVED if self._is_preview and attempt_id is None:
                self._plan(READ_SECONDS, lambda: self._call(user_id))
            case AgentState.PAUSED if self.is_on_shift:
                self._plan(1.0, lambda: self._be_ready(user_id))
            case _:
                return

    def _plan(self, seconds: float, deed: Deed) -> None:
        heapq.heappush(self._agenda, (self._clock.now() + timedelta(seconds=seconds), next(self._order), deed))

    def _be_ready(self, user_id: int) -> None:
        with transaction(self._office_id) as session:
            if agents.find_live(session, user_id) is not None:
                agents.ready(session, user_id, self._clock.now())

    def _ask_next(self, user_id: int) -> None:
        if not self.is_on_shift:
            return
        with transaction(self._office_id) as session:
            agent = agents.find_live(session, user_id)
            is_ready = agent is not None and agent.state == AgentState.READY
            item = preview.request_next(session, user_id, self._clock.now()) if is_ready else None
        if is_ready and item is None:
            self._plan(60.0, lambda: self._ask_next(user_id))

    def _call(self, user_id: int) -> None:
        try:
            with transaction(self._office_id) as session:
                preview.call_now(session, user_id, self._clock.now())
        except Conflict as problem:
            if problem.code == "no_leg":
                self._plan(READ_SECONDS, lambda: self._call(user_id))
            # else the case was taken back meanwhile; the next look finds the operator ready

    def _fate(self, session: Session, attempt_id: int) -> tuple[Fate, Random] | None:
        channel_id = session.scalar(select(Call.channel_id).where(Call.attempt_id == attempt_id))
        call = self._carrier.calls.get(channel_id or "")
        if call is None:
            return None
        return call.fate, source(self._seed, "operator", call.number, call.placed_at.isoformat())

    def _verify(self, user_id: int, attempt_id: int) -> None:
        """Asks the birth date, or else the address, of whoever says that they are the debtor."""
        with transaction(self._office_id) as session:
            found, attempt = self._fate(session, attempt_id), session.scalar(select(Attempt).where(Attempt.id == attempt_id))
            if found is None or attempt is None or attempt.state == "closed" or found[0].party is not Party.DEBTOR:
                return
            debtor = session.scalars(select(Debtor).where(Debtor.id == attempt.debtor_id)).one()
            birth_date = debtor.birth_date.isoformat() if debtor.birth_date else ""
            said = {Method.BIRTH_DATE: birth_date, Method.ADDRESS: debtor.address}
            for method in verification.read_checks(session, attempt, user_id).methods:
                is_match, _ = verification.check(session, attempt_id, user_id, method, said[method], self._clock.now())
                if is_match:
                    verification.open_matter(session, attempt_id, user_id, self._clock.now())
                    return

    def _record(self, user_id: int, attempt_id: int) -> None:
        now = self._clock.now()
        with transaction(self._office_id) as session:
            attempt = session.scalar(select(Attempt).where(Attempt.id == attempt_id))
            found = self._fate(session, attempt_id)
            if attempt is not None and attempt.state != "closed":
                self._write(session, attempt, found, now, user_id)
                verification.drop_drafts(session, attempt_id)
            agents.finish_wrap_up(session, user_id, attempt_id, now)

    def _write(self, session: Session, attempt: Attempt, found: tuple[Fate, Random] | None, now: datetime, user_id: int) -> None:
        if found is None or found[0].line_result is not LineResult.ANSWERED:
            line = LineResult.MACHINE if found else None
            party = Party.NOBODY if found else Party.UNKNOWN
            attempts.record_outcome(session, attempt.id, party, Outcome.NO_RESULT, line_result=line, now=now, user_id=user_id)
            return
        fate, draw = found
        party = fate.party
        if party is Party.DEBTOR and attempt.verified_at is None:
            party = Party.DEBTOR_UNVERIFIED  # hung up before the question, or could not answer it
        outcome = _outcome(party, fate, draw)
        promise = self._promise(session, attempt, outcome, draw, now) if outcome in PROMISE_OUTCOMES else None
        callback_at = _callback_at(session, now, draw) if outcome is Outcome.CALLBACK_PROMISED else None
        if (outcome in PROMISE_OUTCOMES and promise is None) or (outcome is Outcome.CALLBACK_PROMISED and callback_at is None):
            outcome = Outcome.NO_RESULT
        attempts.record_outcome(session, attempt.id, party, outcome, promise=promise, callback_at=callback_at, now=now, user_id=user_id)
        self.diary[attempt.id] = (party, outcome)

    def _promise(self, session: Session, attempt: Attempt, outcome: Outcome, draw: Random, now: datetime) -> PromiseTerms | None:
        owed = session.scalar(select(func.sum(Debt.outstanding)).where(Debt.debtor_id == attempt.debtor_id, Debt.status == "open"))
        owed = int(owed or 0)
        if owed <= 0:
            return None
        part = draw.choice((0.25, 0.5, 0.5, 0.75)) if outcome is Outcome.PROMISE_PART else 1.0
        due_on = local_day(now) + timedelta(days=draw.choice((3, 7, 7, 10, 14, 21)))
        return PromiseTerms(amount=max(1, round(owed * part)), due_on=due_on)


def _outcome(party: Party, fate: Fate, draw: Random) -> Outcome:
    match party:
        case Party.DEBTOR:
            return fate.outcome
        case Party.DEBTOR_UNVERIFIED:
            return pick(draw, {Outcome.INTERRUPTED: 0.6, Outcome.CALLBACK_PROMISED: 0.2, Outcome.NO_RESULT: 0.2})
        case Party.FAMILY | Party.THIRD_PARTY:
            return pick(draw, {Outcome.CALLBACK_MESSAGE_LEFT: 0.7, Outcome.NO_RESULT: 0.3})
        case _:
            return Outcome.NO_RESULT


def _callback_at(session: Session, now: datetime, draw: Random) -> datetime | None:
    """Some hour of the next days; what lies outside the contact hours moves to the next opening."""
    return next_open(load_policy(session).hours, Channel.OPERATOR_CALL, now + timedelta(hours=draw.choice((1, 2, 24, 26, 48))))
