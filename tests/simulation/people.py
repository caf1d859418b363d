"""Operators at their consoles, the office and its supervisor: they use the very functions the console and the pages use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import polars as pl
import psycopg
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from campaigns.attempts import service as attempts
from campaigns.attempts import verification
from campaigns.attempts.codes import LineResult, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.attempts.rules import PromiseTerms
from campaigns.debtors.holds import add_hold
from campaigns.payments import service as payments
from campaigns.planning.service import set_status
from campaigns.planning.state import CampaignStatus
from dialer.agents import preview
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.state import AgentState
from dialer.calls.models import Call
from dialer.calls.service import request_hang_up
from tests.simulation.faults import Killed
from tests.simulation.network import Network
from tests.simulation.world import World

Do = Callable[[Session], None]


class People:
    """Everybody who acts in an office during a shift."""

    def __init__(
        self, world: World, network: Network, office_id: int, campaign_id: int, user_ids: list[int], eyes: psycopg.Connection
    ) -> None:
        self._world, self._network, self._office_id, self._campaign_id = world, network, office_id, campaign_id
        self.user_ids, self._eyes = user_ids, eyes
        self._seed, self._is_preview = network.plan.seed, network.plan.mode == "preview"
        self._draw = Random(f"people/{self._seed}")
        self._seen: dict[int, tuple[str, int | None]] = {}
        self.is_on_shift = False
        self._gone: set[int] = set()
        self.told = 0  # requests that were carried out: each would have told the dialers

    def act(self, do: Do, *, again: float = 2.0, tries: int = 30, is_silent: bool = False) -> bool:
        """One request to the web process; when that dies or the database is away, the page tries again."""
        try:
            with transaction(self._office_id) as session:
                do(session)
        except (Killed, OperationalError):
            if tries:
                self._world.later(again, lambda: void(self.act(do, again=again, tries=tries - 1, is_silent=is_silent)))
            return False
        except AppError:  # somebody else was faster, or a rule forbids it: the page shows why
            return False
        self.told += not is_silent
        return True

    def begin_shift(self) -> None:
        """Everybody signs in and is ready."""
        self.is_on_shift = True
        for user_id in self.user_ids:
            self.act(lambda session, user_id=user_id: self._sign_in(session, user_id))
        self._world.later(20.0, self._beat)

    def _sign_in(self, session: Session, user_id: int) -> None:
        agents.sign_in(session, user_id, now=self._now(), leg_address="sim")
        agents.ready(session, user_id, self._now())

    def end_shift(self) -> None:
        """Everybody signs out, after the present call."""
        self.is_on_shift = False
        for user_id in self.user_ids:
            self.act(lambda session, user_id=user_id: self._sign_out(session, user_id))

    def _sign_out(self, session: Session, user_id: int) -> None:
        if agents.find_live(session, user_id) is not None:
            preview.sign_out(session, user_id, self._now())

    def leave(self, lasts: float) -> None:
        """An operator's console is gone for a while."""
        user_id = self._draw.choice(self.user_ids)
        self._gone.add(user_id)
        self._world.later(lasts, lambda: self._come_back(user_id))

    def _come_back(self, user_id: int) -> None:
        self._gone.discard(user_id)
        self._seen.pop(user_id, None)

    def lose_leg(self) -> None:
        """The telephone of somebody falls."""
        legs = list(self._network.legs)  # as they came up: their names are different each time
        if legs:
            self._network.lose_leg(self._draw.choice(legs))

    def _beat(self) -> None:
        present = [user_id for user_id in self.user_ids if user_id not in self._gone]
        self.act(lambda session: void([agents.heartbeat(session, user_id, self._now()) for user_id in present]), tries=0, is_silent=True)
        if self.is_on_shift:
            self._world.later(25.0, self._beat)

    def _now(self) -> datetime:
        return self._world.machine_now()

    def look(self) -> bool:
        """Everybody looks at their page; whether anything has changed on one."""
        rows = self._eyes.execute(
            "SELECT user_id, state, attempt_id FROM agent_session WHERE office_id = %s AND state <> 'ended' ORDER BY id", (self._office_id,)
        ).fetchall()
        changed = [(user, state, attempt) for user, state, attempt in rows if self._seen.get(user) != (state, attempt)]
        for user_id, state, attempt_id in changed:
            if user_id in self._gone:
                continue
            self._seen[user_id] = (state, attempt_id)
            self._react(user_id, state, attempt_id)
        return bool(changed)

    def _react(self, user_id: int, state: str, attempt_id: int | None) -> None:
        draw, later = self._draw, self._world.later
        if state == AgentState.PAUSED and self.is_on_shift:
            later(draw.uniform(1, 5), lambda: void(self.act(lambda session: self._ready(session, user_id))))
        elif state == AgentState.READY and not self.is_on_shift:
            later(1.0, lambda: void(self.act(lambda session: self._sign_out(session, user_id))))
        elif state == AgentState.READY and self._is_preview:
            later(1.0, lambda: self._ask_next(user_id))
        elif state == AgentState.RESERVED and attempt_id is None:
            later(draw.uniform(1, 6), lambda: self._decide(user_id, is_skipped=draw.random() < 0.1))
        elif state == AgentState.RINGING and draw.random() < 0.05:
            later(1.0, lambda: self._hang_up(user_id))
        elif state == AgentState.TALKING and attempt_id is not None:
            self._talk(user_id, attempt_id)
        elif state == AgentState.WRAP_UP and attempt_id is not None and draw.random() > 0.06:
            later(draw.uniform(2, 12), lambda: self._record(user_id, attempt_id))

    def _ready(self, session: Session, user_id: int) -> None:
        if self.is_on_shift and agents.find_live(session, user_id) is not None:
            agents.ready(session, user_id, self._now())

    def _ask_next(self, user_id: int) -> None:
        if not self.is_on_shift or user_id in self._gone:
            return
        found: list[object] = []
        done = self.act(lambda session: found.append(preview.request_next(session, user_id, self._now())), tries=0)
        if self._seen.get(user_id, ("",))[0] == AgentState.READY and (not done or found == [None]):
            self._world.later(15.0, lambda: self._ask_next(user_id))

    def _decide(self, user_id: int, *, is_skipped: bool) -> None:
        if user_id in self._gone:
            return
        if is_skipped:
            self.act(lambda session: preview.skip(session, user_id, self._now(), minutes=1))
            return
        done = self.act(lambda session: void(preview.call_now(session, user_id, self._now())), tries=0)
        if not done and self._seen.get(user_id) == (AgentState.RESERVED, None):
            self._world.later(5.0, lambda: self._decide(user_id, is_skipped=False))

    def _hang_up(self, user_id: int) -> None:
        self.act(lambda session: void(request_hang_up(session, user_id, self._now())))

    def _talk(self, user_id: int, attempt_id: int) -> None:
        draw = self._draw.random() * (0.6 if self._seed < 0 else 1.0)  # storms want calls that are ended from here
        if draw < 0.3:
            self._world.later(self._draw.uniform(3, 30), lambda: self._hang_up(user_id))
        elif draw < 0.45:
            self._world.later(self._draw.uniform(2, 6), lambda: self._record(user_id, attempt_id))
            self._world.later(8.0, lambda: self._hang_up(user_id))
        elif draw < 0.55:
            self.act(lambda session: void(agents.pause(session, user_id, "break", self._now())))

    def _record(self, user_id: int, attempt_id: int) -> None:
        if user_id not in self._gone:
            self.act(lambda session: self._write(session, user_id, attempt_id))

    def _write(self, session: Session, user_id: int, attempt_id: int) -> None:
        now = self._now()
        attempt = session.scalar(select(Attempt).where(Attempt.id == attempt_id))
        if attempt is None or attempt.state == "closed":
            agents.finish_wrap_up(session, user_id, attempt_id, now)
            return
        channel = session.scalar(select(Call.channel_id).where(Call.attempt_id == attempt_id)) or ""
        call = self._network.calls.get(channel)
        draw = Random(f"result/{self._seed}/{call.request.number if call else ''}/{self._world.now:%M%S%f}")
        if call is None or call.fate.result is not LineResult.ANSWERED:
            attempts.record_outcome(
                session, attempt_id, Party.NOBODY, Outcome.NO_RESULT, line_result=LineResult.MACHINE, now=now, user_id=user_id
            )
        else:
            self._say(session, attempt, draw, user_id)
        agents.finish_wrap_up(session, user_id, attempt_id, now)

    def _say(self, session: Session, attempt: Attempt, draw: Random, user_id: int) -> None:
        now, kind = self._now(), draw.choice(("promise", "paid", "refuses", "callback", "interrupted", "family", "wrong", "nothing"))
        party, outcome, more = Party.DEBTOR_UNVERIFIED, Outcome.INTERRUPTED, {}
        if kind in ("promise", "paid", "refuses"):
            verification.check(session, attempt.id, user_id, "birth_date", "1970-01-02", now)
            verification.open_matter(session, attempt.id, user_id, now)
            party = Party.DEBTOR
            outcome = {"promise": Outcome.PROMISE_FULL, "paid": Outcome.CLAIMS_PAID, "refuses": Outcome.REFUSES}[kind]
            if kind == "promise":
                more["promise"] = PromiseTerms(amount=30_000, due_on=now.date() + timedelta(days=7))
        elif kind == "callback":
            outcome = Outcome.CALLBACK_PROMISED
            more["callback_at"] = now + timedelta(seconds=draw.choice((60, 120)))
        elif kind == "family":
            party, outcome = Party.FAMILY, Outcome.CALLBACK_MESSAGE_LEFT
        elif kind == "wrong":
            party, outcome = Party.WRONG_NUMBER, Outcome.NO_RESULT
        elif kind == "nothing":
            outcome = Outcome.NO_RESULT
        try:
            attempts.record_outcome(session, attempt.id, party, outcome, now=now, user_id=user_id, **more)
        except AppError:  # a call-back after closing time is refused; the operator chooses something else
            attempts.record_outcome(session, attempt.id, Party.DEBTOR_UNVERIFIED, Outcome.INTERRUPTED, now=now, user_id=user_id)

    def pay(self, debtor_id: int, debtor_no: str) -> None:
        """The core system tells that somebody has paid everything."""
        day = self._world.machine_now().date()
        row = {
            "row": 1,
            "debtor_no": debtor_no,
            "tax_code": "10",
            "levy_year": 2026,
            "base_year": 2026,
            "term": 1,
            "notice_no": debtor_no,
            "paid_on": day,
            "principal": 30_000,
            "source_ref": f"P{debtor_no}-{self._seed}",
        }
        frame = pl.DataFrame([row], schema_overrides={"row": pl.Int32, "levy_year": pl.Int16, "base_year": pl.Int16, "term": pl.Int16})
        self.act(lambda session: void(payments.record(session, [frame], import_id=None, now=self._now())))

    def hold(self, debtor_id: int) -> None:
        """Somebody must not be contacted any more."""
        self.act(
            lambda session: void(
                add_hold(session, debtor_id, "stop_request", "", None, "申し出のため", self._now(), self.user_ids[0], is_officer=True)
            )
        )

    def set_running(self, *, is_running: bool) -> None:
        """The supervisor pauses the campaign, or lets it go on."""
        status = CampaignStatus.RUNNING if is_running else CampaignStatus.PAUSED
        self.act(lambda session: void(set_status(session, self._campaign_id, status, self._now())))

    def write_overdue(self) -> None:
        """The supervisor writes down the results nobody wrote."""

        def do(session: Session) -> None:
            busy = select(AgentSession.attempt_id).where(AgentSession.state != AgentState.ENDED, AgentSession.attempt_id.is_not(None))
            overdue = select(Attempt.id).where(Attempt.state == "wrap_up", Attempt.id.not_in(busy))
            for attempt_id in session.scalars(overdue).all():
                attempts.record_outcome(session, attempt_id, Party.UNKNOWN, Outcome.NO_RESULT, now=self._now(), user_id=self.user_ids[0])

        self.act(do)


def void(_result: object) -> None:
    """Lets a lambda do something and say nothing."""
