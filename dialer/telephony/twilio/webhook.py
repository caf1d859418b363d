"""Turns a checked webhook into an event; pure, so that the web process can store it before anything else happens.

Twilio's reports come in any order and more than once, and have no time stamp in their signature: the key is made of the call's sid, the
event and its sequence, so a second delivery is a no-op.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import is_leg_id
from dialer.telephony.twilio import twiml
from dialer.telephony.twilio.mapping import KIND_BY_STATUS, is_machine, line_result

_log = structlog.get_logger(__name__)
_DIGITS = frozenset("0123456789*#")
_MOST_KEYS = 6


def parse_webhook(form: Mapping[str, str], at: datetime) -> CarrierEvent | None:
    """The event of one webhook, or None for one that tells nothing new.

    Args:
        form: the fields of the query (`ref`, `event`, …) and of the body together; unknown ones are normal.
        at: when it came in, aware, UTC.
    """
    channel_id, sid = form.get("ref", ""), form.get("CallSid", "")
    if not channel_id or not sid:
        return None
    match form.get("event", ""):
        case "status" | "leg":
            return _status(form, channel_id, sid, at)
        case "digit":
            digit = form.get("Digits", "")[:1]
            if digit not in _DIGITS or not digit:
                return None
            return CarrierEvent(EventKind.DIGIT, channel_id, at, key=f"{sid}:digit:{form.get('press', '')}", digit=digit)
        case "prompt_done":
            return CarrierEvent(EventKind.PROMPT_DONE, channel_id, at, key=f"{sid}:prompt_done")
        case "machine":
            found = is_machine(form.get("AnsweredBy", ""))
            return CarrierEvent(EventKind.MACHINE, channel_id, at, key=f"{sid}:machine") if found else None
        case "conference":
            return _conference(form, at)
        case _:
            return None


def reply_to_webhook(form: Mapping[str, str], public_url: str) -> str:
    """The TwiML to answer a webhook with: thanks for a key that is an answer, the text again for any other, else nothing."""
    match form.get("event", ""):
        case "prompt_done":
            return twiml.goodbye()
        case "digit":
            plan = twiml.unpack_plan(form.get("plan", ""))
            press = (_number(form.get("press", "")) or _MOST_KEYS) + 1
            if plan is None or press > _MOST_KEYS:
                return twiml.goodbye()
            if form.get("Digits", "")[:1] in tuple(plan.keys):
                return twiml.goodbye(plan.thanks_text)
            return twiml.robocall(form.get("ref", ""), plan, twiml.Addresses(public_url), press=press)
        case _:
            return twiml.nothing()


def _status(form: Mapping[str, str], channel_id: str, sid: str, at: datetime) -> CarrierEvent | None:
    status = form.get("CallStatus", "")
    kind = KIND_BY_STATUS.get(status)
    if kind is None:
        _log.warning("twilio.unknown_status", status=status[:40])
        return None
    if form["event"] == "leg":
        is_over = kind is EventKind.ENDED
        return CarrierEvent(EventKind.LEG_DOWN, channel_id, at, key=f"{sid}:{kind}") if is_over else None
    if kind is not EventKind.ENDED:
        return CarrierEvent(kind, channel_id, at, key=f"{sid}:{kind}")
    sip_code = _number(form.get("SipResponseCode", ""))
    result = line_result(status, sip_code=sip_code, answered_by=form.get("AnsweredBy", ""), error_code=_number(form.get("ErrorCode", "")))
    return CarrierEvent(kind, channel_id, at, key=f"{sid}:{kind}", line_result=result, sip_code=sip_code)


def _conference(form: Mapping[str, str], at: datetime) -> CarrierEvent | None:
    """Twilio reports to the address of whoever entered first; whom it is about says the participant's label."""
    label = form.get("ParticipantLabel", "")
    if form.get("StatusCallbackEvent") != "participant-join" or not label:
        return None
    kind = EventKind.LEG_UP if is_leg_id(label) else EventKind.BRIDGED
    return CarrierEvent(kind, label, at, key=f"{form['CallSid']}:{kind}:{form.get('SequenceNumber', '')}")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
