"""Faults of the product itself, planted to show that the checker sees: each replaces one function by one that forgets something.

They are planted by a test, or by `CALLCENTER_PLANTED_BUG=name make soak SEED=n`; nothing of them is in the product.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

from sqlalchemy import select, text

from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.known import Allowed
from dialer.calls.models import Call
from dialer.telephony.errors import CarrierError, CarrierRefused, HandoverUnknown
from dialer.telephony.events import EventKind
from dialer.telephony.port import OriginateRequest

SWITCH = "CALLCENTER_PLANTED_BUG"
Plant = Callable[[ExitStack], None]
BUGS: dict[str, Plant] = {}


def bug(plant: Plant) -> Plant:
    """Makes a bug known under its function's name."""
    BUGS[plant.__name__] = plant
    return plant


def swap(stack: ExitStack, place: str, make: Callable[[Any], Any]) -> None:
    """Replaces what stands at a dotted place by something made from it."""
    owner, _, name = place.rpartition(".")

    stack.enter_context(patch(place, make(getattr(resolve_name(owner), name))))


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The product with one bug; "" is the product as it is. Contact rules that were read with a bug are not known after it."""
    with ExitStack() as stack:
        if name:
            stack.enter_context(patch.dict("campaigns.compliance.versions._known", clear=True))
            BUGS[name](stack)
        yield


def wished() -> str:
    """The bug that the environment names. Raises KeyError for one that does not exist."""
    name = os.environ.get(SWITCH, "")
    if name and name not in BUGS:
        raise KeyError(f"{SWITCH}={name}: expected one of {', '.join(sorted(BUGS))}")
    return name


@bug
def gate_says_yes(stack: ExitStack) -> None:
    """The gate at call time is asked, and allows everybody."""
    swap(stack, "campaigns.compliance.gate.decide", lambda _: lambda *_args: Allowed())


@bug
def handed_over_before_commit(stack: ExitStack) -> None:
    """The carrier is asked while the attempt is not yet on record."""
    early: set[str] = set()

    def open_and_call(real: Any) -> Any:
        def do(session: Any, line: Any, share: Any, **named: Any) -> OriginateRequest | None:
            request: OriginateRequest | None = real(session, line, share, **named)
            if request is not None:
                line.hand_over(request)
                early.add(request.channel_id)
            return request

        return do

    swap(stack, "dialer.placing._open_for_operator", open_and_call)
    swap(
        stack,
        "dialer.placing._hand_over",
        lambda real: lambda line, office, request: line.take() if request.channel_id in early else real(line, office, request),
    )


@bug
def second_hang_up_is_a_new_call(stack: ExitStack) -> None:
    """A hang-up that is told twice is put on record as another attempt."""

    def remember(real: Any) -> Any:
        def do(session: Any, call: Call, event: Any) -> bool:
            is_new = bool(real(session, call, event))
            if not is_new and event.kind is EventKind.ENDED:
                first = session.get_one(Attempt, (call.office_id, call.attempt_id))
                attempts.open_attempt(
                    session, None, None, event.at, Channel(first.channel), debtor_id=first.debtor_id, campaign_id=first.campaign_id
                )
            return is_new

        return do

    swap(stack, "dialer.calls.service._remember", remember)


@bug
def originate_retried_after_timeout(stack: ExitStack) -> None:
    """No answer from the carrier: the call is simply placed again."""

    def hand_over(real: Any) -> Any:
        def do(line: Any, request: OriginateRequest) -> CarrierError | None:
            problem = real(line, request)
            if isinstance(problem, HandoverUnknown):
                again: CarrierError | None = real(line, replace(request, channel_id=request.channel_id + "-2"))
                return again
            return problem

        return do

    swap(stack, "dialer.line.Line.hand_over", hand_over)


@bug
def payment_does_not_stop_calls(stack: ExitStack) -> None:
    """Who has paid is neither withdrawn nor refused."""
    swap(stack, "campaigns.payments.following.withdraw_for_debtors", lambda _: lambda *_args, **_named: 0)
    swap(stack, "campaigns.debtors.service.withdraw_for_debtors", lambda _: lambda *_args, **_named: 0)
    _without_rule(stack, "_settled")


@bug
def opt_out_ignored(stack: ExitStack) -> None:
    """Who asked not to be called is neither withdrawn nor refused."""
    swap(stack, "campaigns.debtors.holds.withdraw_for_debtors", lambda _: lambda *_args, **_named: 0)
    _without_rule(stack, "_suppressed")


@bug
def cap_off_by_one(stack: ExitStack) -> None:
    """One attempt more than the rules say."""

    def one_more(real: Any) -> Any:
        return lambda caps, *rest: real([replace(cap, most=cap.most + 1) for cap in caps], *rest)

    swap(stack, "campaigns.compliance.rules.reached", one_more)


@bug
def gap_ignored(stack: ExitStack) -> None:
    """Between two calls to a number no time has to pass."""
    swap(stack, "campaigns.compliance.rules._to_number", lambda _: lambda *_args: None)


class OtherZone(tzinfo):
    """Forty seconds off, under the right name."""

    key = "Asia/Tokyo"

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=9, seconds=40)

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        return self.key


@bug
def wrong_time_zone(stack: ExitStack) -> None:
    """The office's hours are read in another zone: one before the invention of standard time, a classic."""
    zone = OtherZone()

    def in_zone(real: Any) -> Any:
        def do(read: Any) -> Any:
            policy = real(read)
            return replace(policy, hours=replace(policy.hours, zone=zone, spans={}))

        return do

    swap(stack, "campaigns.compliance.versions._policy_of", in_zone)


@bug
def operator_not_released(stack: ExitStack) -> None:
    """A call that came to nothing leaves its operator waiting."""
    swap(stack, "dialer.agents.service.release", lambda _: lambda *_args, **_named: False)


@bug
def event_on_the_wrong_call(stack: ExitStack) -> None:
    """What the carrier tells of one call is put down to another one that is up."""

    def apply_event(real: Any) -> Any:
        def do(session: Any, event: Any, now: datetime) -> Any:
            other = session.scalar(select(Call.channel_id).where(Call.state != "ended", Call.channel_id != event.channel_id).limit(1))
            return real(session, replace(event, channel_id=other) if other else event, now)

        return do

    swap(stack, "dialer.calls.service.apply_event", apply_event)


@bug
def unknown_hand_over_taken_for_a_refusal(stack: ExitStack) -> None:
    """Nobody knows whether the call was made: taken as not made, and made again."""

    def hand_over(real: Any) -> Any:
        def do(line: Any, request: OriginateRequest) -> CarrierError | None:
            problem = real(line, request)
            return CarrierRefused("as if") if isinstance(problem, HandoverUnknown) else problem

        return do

    swap(stack, "dialer.line.Line.hand_over", hand_over)


@bug
def new_connection_settles_nothing(stack: ExitStack) -> None:
    """What a new connection lists is not compared with what is on record; whoever tidies up comes round to it in time."""
    swap(stack, "dialer.reaping.resync", lambda _: lambda *_args: 0)


@bug
def lost_calls_stay_open(stack: ExitStack) -> None:
    """A call whose end was never told is never settled."""
    swap(stack, "dialer.reaping._end_lost", lambda _: lambda *_args: 0)


@bug
def permission_never_ends(stack: ExitStack) -> None:
    """A call goes out however long ago the gate was asked."""

    def hand_over(real: Any) -> Any:
        return lambda line, request: real(line, replace(request, valid_until=line.clock.now() + timedelta(days=1)))

    swap(stack, "dialer.line.Line.hand_over", hand_over)


@bug
def calls_placed_again_after_a_restart(stack: ExitStack) -> None:
    """A new dialer hands over what its predecessor had on record as not yet answered."""

    def start(real: Any) -> Any:
        def do(dialer: Any) -> None:
            real(dialer)
            from callcenter.core.db import transaction

            for office_id in dialer.settings.office_ids:
                with transaction(office_id) as session:
                    calls = session.scalars(select(Call).where(Call.state.in_(("placing", "placed", "ringing")))).all()
                    rows = [(call.channel_id + "-2", session.get_one(Attempt, (office_id, call.attempt_id)).phone_id) for call in calls]
                    numbers = dict(session.execute(text("SELECT id, e164 FROM phone_number WHERE office_id = :o"), {"o": office_id}).all())
                for channel, phone in rows:
                    dialer.carrier.originate(OriginateRequest(channel, numbers[phone], "+81300000000", 20.0))

        return do

    swap(stack, "dialer.worker.Dialer.start", start)


def _without_rule(stack: ExitStack, name: str) -> None:
    swap(stack, "campaigns.compliance.rules._RULES", lambda real: tuple(rule for rule in real if rule.__name__ != name))


@bug
def silent_trunk_dialled_on(stack: ExitStack) -> None:
    """Calls that have no word at all are taken for people who do not pick up."""
    swap(stack, "dialer.trunk.Trunk.waited", lambda _: lambda trunk, _at: trunk)
