"""Calls that need no operator when they are made are opened in groups: what a transaction costs is the same for one and for many.

Cases are claimed, asked at the gate, and attempts and calls put on record together; the carrier is asked after the commit, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel
from campaigns.worklist.claim import with_operator_only
from dialer.calls import service as calls
from dialer.calls.binding import PREDICTIVE
from dialer.calls.following import ROBOCALL
from dialer.calls.models import Call
from dialer.cases import Case, next_cases, open_cases
from dialer.ivr.service import plan_for, scripts_for
from dialer.line import CASES, RAN_DRY_SECONDS, ROBOCALLS, Line
from dialer.recordings import beginning as recordings
from dialer.sharing import CampaignShare
from dialer.telephony.port import Announcement, OriginateRequest
from dialer.telephony.robocall import RobocallPlan


def open_predictive(session: Session, line: Line, share: CampaignShare, count: int) -> Sequence[OriginateRequest]:
    """The next cases, without an operator: who is free at the answer gets it."""
    now, policy, nobody = line.clock.now(), line.policy(session, share.office_id), line.announcement_made(share)
    if nobody is None:
        return ()
    unfit = with_operator_only(now - timedelta(hours=policy.abandon_hours))
    channel = Channel.OPERATOR_CALL
    cases = next_cases(session, share.campaign_id, channel, count, line.node, now, policy=policy, mode=PREDICTIVE, unfit=unfit)
    if not cases:
        line.note_nothing(CASES, share.campaign_id, seconds=RAN_DRY_SECONDS)
        return ()
    opened = _open(session, line, cases, channel, PREDICTIVE, now)
    return [request_for(session, line, share, call, case.phone.e164, case.valid_until, nobody=nobody) for case, call in opened]


def open_robocalls(session: Session, line: Line, share: CampaignShare, count: int) -> Sequence[OriginateRequest]:
    """The next automated calls of a released batch."""
    now, policy = line.clock.now(), line.policy(session, share.office_id)
    cases = next_cases(session, share.campaign_id, Channel.AUTO_CALL, count, line.node, now, policy=policy)
    if not cases:
        line.robocalling.discard(share.campaign_id)
        line.note_nothing(ROBOCALLS, share.campaign_id)
        return ()
    line.robocalling.add(share.campaign_id)
    scripts = scripts_for(session, share.options, share.campaign_id, [case.item.debtor_id for case in cases])
    opened = _open(session, line, cases, Channel.AUTO_CALL, ROBOCALL, now, [script.label for script in scripts])
    plans = {script.label: plan_for(session, script) for script in {script.label: script for script in scripts}.values()}
    return [
        request_for(session, line, share, call, case.phone.e164, case.valid_until, robocall=plans[script.label])
        for (case, call), script in zip(opened, scripts, strict=True)
    ]


def _open(
    session: Session,
    line: Line,
    cases: Sequence[Case],
    channel: Channel,
    mode: str,
    now: datetime,
    script_versions: Sequence[str] = (),
) -> list[tuple[Case, Call]]:
    """Puts attempts and calls of several cases on record."""
    opened = open_cases(session, cases, channel, now, script_versions=script_versions)
    made = calls.open_calls(session, opened, carrier=line.carrier.name, mode=mode, node=line.node, now=now)
    return list(zip(cases, made, strict=True))


def request_for(
    session: Session,
    line: Line,
    share: CampaignShare,
    call: Call,
    number: str | None,
    until: datetime | None,
    *,
    leg_id: str | None = None,
    robocall: RobocallPlan | None = None,
    nobody: Announcement | None = None,
) -> OriginateRequest:
    """What the carrier is asked for a call that is on record; `until`: how long what the gate said may be acted upon."""
    recording = None if robocall else recordings.plan_for(call, share.options, has_notice_sound=line.can_play_notice)
    return OriginateRequest(
        channel_id=call.channel_id,
        number=number or "",
        caller_id=line.number_of(session, share.office_id),
        ring_seconds=share.ring_seconds,
        leg_id=leg_id,
        robocall=robocall,
        recording=recording,
        nobody=nobody,
        valid_until=until,
    )
