"""The trunk as the dialer uses it: its caps, the pause after it did not answer, and what was looked for in vain a moment ago."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import Clock
from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from callcenter.core.faults import passing
from campaigns.compliance.gate import load_policy
from campaigns.compliance.rules import ContactPolicy
from dialer.ivr.announcements import announcement_for
from dialer.ivr.service import plan_to_prepare, scripts_of
from dialer.ivr.speaker import Speaker
from dialer.recordings.terms import NOTICE_SOUND, NOTICE_TEXT, terms_of
from dialer.sharing import CampaignShare
from dialer.telephony.errors import CarrierError, CarrierRefused, HandoverUnknown
from dialer.telephony.events import CarrierEvent
from dialer.telephony.port import Announcement, Carrier, CarrierLimits, OriginateRequest
from dialer.telephony.robocall import NodeKind, PlanNode, RobocallPlan
from dialer.trunk import CARRIER_DOWN, Trunk, is_of_the_trunk

log = structlog.get_logger(__name__)

LONGEST_BACK_OFF = 30.0
GATHER_SECONDS = 0.1  # so long automated calls, and what the carrier tells of them, are gathered to be worked on together
MOST_AT_ONCE = 25  # calls in one transaction: a debtor who answers meanwhile waits for its end
RAN_DRY_SECONDS = 10.0  # a campaign that found no case leaves its operators to the next ones for so long
POLICY_AGE = timedelta(seconds=5)
LONGEST_LOOK = timedelta(minutes=2)  # nothing is looked for in vain longer than that, unless the clock was set back
REMEMBERED = 24 * 3600.0  # seconds; no gap between two calls to a number is longer
ROBOCALLS, CASES, PROMISED = "robocalls", "cases", "promised"


@dataclass(frozen=True, slots=True)
class _Office:
    """What is kept of an office for a few seconds."""

    read_at: datetime
    policy: ContactPolicy
    phone: str


class Line:
    """The trunk as the dialer uses it: its caps, and the pause after it did not answer."""

    def __init__(
        self,
        carrier: Carrier,
        clock: Clock,
        node: str,
        limits: CarrierLimits,
        caller_id: str,
        round_seconds: float = 1.0,
        speaker: Speaker | None = None,
    ) -> None:
        self.carrier, self.clock, self.node, self.limits, self.caller_id = carrier, clock, node, limits, caller_id
        self.lines_in_use: dict[int, int] = {}
        self._tokens, self._filled_at = 1.0, clock.now()
        self._failures, self._closed_until = 0, clock.now()
        self._trunk = Trunk()
        self.hung_up: set[str] = set()
        self.robocalling: set[int] = set()  # campaigns that have automated calls to make
        self.unhurried: set[str] = set()  # channels of automated calls under way: no operator waits for what is told of them
        self._speaker, self._making = speaker, dict[str, Future[None]]()
        self.can_play_notice = speaker is None  # carriers that need no files speak themselves
        self._look_again = timedelta(seconds=round_seconds * 0.9)
        self._nothing_until: dict[tuple[str, int], datetime] = {}
        self._announcements: dict[tuple[int, str], Announcement] = {}
        self._offices: dict[int, _Office] = {}
        self._dialled: dict[str, float] = {}  # numbers of the last day, and when by the clock's `elapsed`
        self._stepped_at: float | None = None

    def is_open(self) -> bool:
        """Whether a call may be handed over now."""
        return self.calls_now() >= 1

    def calls_now(self) -> int:
        """How many calls may be handed over now, one after the other."""
        if not self.carrier.is_connected() or self.rests():
            return 0
        return self._awaited().calls_now(self.clock.elapsed(), int(self._fill()))

    def problem(self) -> str:
        """Why no calls are placed at present, as waiting operators and the board are told; "" when nothing is wrong."""
        return self._awaited().problem if self.carrier.is_connected() else CARRIER_DOWN

    def hear(self, event: CarrierEvent) -> None:
        """Takes note of what the carrier tells, as far as it is about the trunk."""
        self._judge(self._trunk.heard(event, self.clock.elapsed()))

    def _awaited(self) -> Trunk:
        """The trunk as it stands by now."""
        self._judge(self._trunk.waited(self.clock.elapsed()))
        return self._trunk

    def _judge(self, trunk: Trunk) -> None:
        before, self._trunk = self._trunk, trunk
        if trunk.pauses > before.pauses:
            log.warning(trunk.problem, failed=len(trunk.failed), unheard=len(trunk.unheard) + len(trunk.brief), pauses=trunk.pauses)
        elif before.problem and not trunk.problem:
            log.warning("trunk_works_again", pauses=before.pauses)

    @property
    def makes_many(self) -> bool:
        """Whether so many calls a second are made that it is worth gathering them."""
        return self.limits.calls_per_second * GATHER_SECONDS >= 2

    def gathers_until(self, wanted: int) -> datetime | None:
        """Until when automated calls wait so that some leave together; None: they may leave now.

        What a transaction costs is the same for one call and for many. At a few calls a second each leaves as soon as it may.
        """
        enough = min(wanted, MOST_AT_ONCE, self.limits.calls_per_second * GATHER_SECONDS) if self.makes_many else 1.0
        missing = enough - self._fill()
        return None if missing <= 0 else self.clock.now() + timedelta(seconds=missing / self.limits.calls_per_second)

    def opens_at(self) -> datetime | None:
        """When the next call may leave if only caps forbid it now."""
        if not self.carrier.is_connected():
            return None
        missing, elapsed = max(0.0, 1.0 - self._fill()) / self.limits.calls_per_second, self.clock.elapsed()
        soonest = self.clock.now() + timedelta(seconds=max(missing, self._trunk.opens_at(elapsed) - elapsed))
        return max(self._closed_until, soonest) if self.rests() else soonest

    def free_lines(self) -> int:
        """Lines of the trunk nobody uses."""
        return max(0, self.limits.max_lines - sum(self.lines_in_use.values()))

    def policy(self, session: Session, office_id: int) -> ContactPolicy:
        """The office's contact rules, read again every few seconds; the facts about a debtor are never kept."""
        return self._office(session, office_id).policy

    def number_of(self, session: Session, office_id: int) -> str:
        """The number this office calls from, read like its rules."""
        return self._office(session, office_id).phone or self.caller_id

    def _office(self, session: Session, office_id: int) -> _Office:
        known, now = self._offices.get(office_id), self.clock.now()
        if known is None or abs(now - known.read_at) > max(POLICY_AGE, self._look_again):
            phone = session.get_one(Office, office_id).phone
            known = self._offices[office_id] = _Office(now, load_policy(session), phone)
        return known

    def prepare(self, share: CampaignShare) -> None:
        """Has the scripts' sounds made, outside any transaction; before they are there, no robocall of this campaign leaves."""
        if self._speaker is None:
            return
        with transaction(share.office_id) as session:
            plans = [plan_to_prepare(session, script) for script in scripts_of(session, share.options, share.campaign_id)]
        try:
            are_made = [self._is_made(plan.prompt, plan) for plan in plans]
        except (AppError, OSError) as problem:
            log.warning("prompt_not_made", campaign=share.campaign_id, error=type(problem).__name__)
            are_made = [False]
        if not all(are_made):
            self.note_nothing(ROBOCALLS, share.campaign_id)

    def _is_made(self, key: str, plan: RobocallPlan) -> bool:
        """Whether a plan's sounds are there: they are being made from the first time on that this is asked.

        Raises AppError or OSError when they could not be made; asked once more, they are tried again.
        """
        if self._speaker is None:
            return True
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = self._speaker.make(plan)
        if not making.done():
            return False
        if making.exception() is not None:
            del self._making[key]
        making.result()
        return True

    def prepare_notice(self, share: CampaignShare) -> None:
        """Makes the sound that tells of a recording, where this campaign plays it; without it a call is made but not recorded.

        Made at once, though it takes a second the first time, so that the first call is recorded, too; `dial` makes it before it begins.
        """
        if self._speaker is None or self.can_play_notice or terms_of(share.options).notice != "voice":
            return
        try:
            self._speaker.prepare(RobocallPlan((PlanNode("notice", NodeKind.SAY, NOTICE_SOUND, NOTICE_TEXT),)))
        except (AppError, OSError) as problem:
            log.warning("prompt_not_made", campaign=share.campaign_id, error=type(problem).__name__)
            return
        self.can_play_notice = True

    def announcement(self, share: CampaignShare) -> Announcement | None:
        """What this campaign's abandoned calls hear, outside any transaction; None until its sound is made, or when that can't be."""
        key = share.campaign_id, share.dialling.words
        if key not in self._announcements:
            with transaction(share.office_id) as session:
                made = announcement_for(session, share.dialling.words)
            try:
                if not self._is_made(made.sound, RobocallPlan((PlanNode("nobody", NodeKind.SAY, made.sound, made.text),))):
                    return None
            except (AppError, OSError) as problem:
                log.warning("announcement_not_made", campaign=share.campaign_id, error=type(problem).__name__)
                return None
            self._announcements[key] = made
        return self._announcements[key]

    def announcement_made(self, share: CampaignShare) -> Announcement | None:
        """The announcement if it is there already; inside a transaction nothing is made."""
        return self._announcements.get((share.campaign_id, share.dialling.words))

    def may_find(self, what: str, campaign_id: int) -> bool:
        """False for a moment after none was found: an empty queue is not searched at every event."""
        now = self.clock.now()
        return not now < self._nothing_until.get((what, campaign_id), now) <= now + LONGEST_LOOK

    def note_nothing(self, what: str, campaign_id: int, *, seconds: float | None = None) -> None:
        """There is nothing of the kind to be called now."""
        wait = self._look_again if seconds is None else timedelta(seconds=seconds)
        self._nothing_until[what, campaign_id] = self.clock.now() + wait

    def fair_robocalls(self, campaign_id: int) -> int:
        """Lines of the trunk for a campaign's automated calls: an equal part for each campaign that has some to make."""
        others = sum(1 for other in self.robocalling if other != campaign_id and self.may_find(ROBOCALLS, other))
        return -(-self.limits.max_lines // (1 + others))

    def note_step(self) -> None:
        """The clock was set: what was found out by it is found out again, and for the length of the gap between two calls to a number its
        word is not taken for how long ago the last one was."""
        self._stepped_at = self.clock.elapsed()
        self._nothing_until.clear()
        self._offices.clear()

    def take(self) -> None:
        """One call leaves."""
        self._tokens -= 1.0

    def rests(self) -> bool:
        """Whether the carrier is left alone for a moment; a clock that was set back does not prolong that."""
        return timedelta(0) < self._closed_until - self.clock.now() <= timedelta(seconds=LONGEST_BACK_OFF)

    def _fill(self) -> float:
        now = self.clock.now()
        gained = max(0.0, (now - self._filled_at).total_seconds()) * self.limits.calls_per_second
        self._tokens, self._filled_at = min(max(1.0, self.limits.calls_per_second), self._tokens + gained), now
        return self._tokens

    def _require_permission(self, request: OriginateRequest) -> None:
        if request.valid_until is None or self.clock.now() >= request.valid_until:
            raise CarrierRefused("the permission to call has ended", code="permission_ended")
        elapsed, gap = self.clock.elapsed(), max((60.0 * office.policy.gap_minutes for office in self._offices.values()), default=0.0)
        is_step_recent = self._stepped_at is not None and elapsed - self._stepped_at < gap
        if is_step_recent and elapsed - self._dialled.get(request.number, -gap) < gap:
            raise CarrierRefused(
                "this number was called a moment ago, whatever the clock says since it was set", code="called_a_moment_ago"
            )

    def _note_dialled(self, number: str) -> None:
        elapsed = self.clock.elapsed()
        self._dialled.pop(number, None)
        self._dialled[number] = elapsed
        while elapsed - next(iter(self._dialled.values())) > REMEMBERED:
            del self._dialled[next(iter(self._dialled))]

    def hand_over(self, request: OriginateRequest) -> CarrierError | None:
        """Asks the carrier; no transaction is open. Returns what went wrong.

        Whatever held us up since the gate was asked (a stopped process, a slow database, a stepped clock): a permission that has ended is
        not acted upon.
        """
        asked_at = self.clock.elapsed()
        try:
            passing("hand_over.begins")
            self._require_permission(request)
            self._note_dialled(request.number)
            self.carrier.originate(request)
            self._judge(self._trunk.handed_over(request.channel_id, self.clock.elapsed()))
            passing("hand_over.done")
        except HandoverUnknown as problem:
            log.warning("hand_over_unknown", error=problem.code)
            self._judge(self._trunk.handed_over(request.channel_id, asked_at))
            return problem
        except CarrierRefused as problem:
            log.warning("call_refused", error=problem.code)
            if is_of_the_trunk(problem):
                tried = self._trunk.handed_over(request.channel_id, self.clock.elapsed())
                self._judge(tried.could_not(request.channel_id, self.clock.elapsed()))
            return problem
        except CarrierError as problem:
            self._failures += 1
            wait = min(LONGEST_BACK_OFF, 2.0**self._failures)
            self._closed_until = self.clock.now() + timedelta(seconds=wait)
            log.warning("carrier_unreachable", retry_in_seconds=wait)
            return problem
        self._failures = 0
        return None
