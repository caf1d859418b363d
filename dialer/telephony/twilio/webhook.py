"""Turns a checked webhook into an event; pure, so that the web process can store it before anything else happens.

Twilio's reports come in any order and more than once, and have no time stamp in their signature: the key is made of the call's sid, the
event and its sequence, so a second delivery is a no-op.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import structlog

from dialer.telephony.conversation import HeldRecording
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import is_leg_id
from dialer.telephony.robocall import MOST_KEYS, MOST_STEPS, PlanNode, RobocallPlan
from dialer.telephony.twilio import twiml
from dialer.telephony.twilio.mapping import HELD_BY_STATUS, KIND_BY_STATUS, is_machine, line_result

_log = structlog.get_logger(__name__)
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
# Withheld numbers are told as a word, or as the word on a keypad: ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN.
_WITHHELD = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696"})
_DIGITS = frozenset("0123456789*#")
STEPS = frozenset({"digit", "prompt_done", "nobody"})


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
        case "incoming":
            caller, called = (_shown(form.get(name, "")) for name in ("caller", "called"))
            return CarrierEvent(EventKind.INCOMING, channel_id, at, key=f"{sid}:incoming", caller=caller, called=called)
        case "digit" | "prompt_done" | "nobody" | "transfer":
            return _walked(form, channel_id, sid, at)
        case "machine":
            found = is_machine(form.get("AnsweredBy", ""))
            return CarrierEvent(EventKind.MACHINE, channel_id, at, key=f"{sid}:machine") if found else None
        case "conference":
            return _conference(form, at)
        case "recording":
            held = held_recording(sid, form.get("RecordingSid", ""), form.get("RecordingStatus", ""))
            return CarrierEvent(EventKind.RECORDED, channel_id, at, key=held.key) if held is not None else None
        case _:
            return None


def held_recording(call_sid: str, sid: str, status: str) -> HeldRecording | None:
    """A recording of this call as Twilio names it; None for one that is not done with yet."""
    word = HELD_BY_STATUS.get(status)
    return HeldRecording(sid, word, key=f"{call_sid}:recorded:{sid}:{word}") if word is not None and sid else None


def next_node(form: Mapping[str, str], plan: RobocallPlan | None) -> PlanNode | None:
    """Where a robocall goes on after this report; None for one that is no step of a robocall, or for its end."""
    at = plan.node(form.get("node", "")) if plan is not None else None
    if plan is None or at is None or _count(form, "step") >= MOST_STEPS or _count(form, "press") > MOST_KEYS:
        return None
    match form.get("event", ""):
        case "digit":
            return plan.node(at.keys.get(form.get("Digits", "")[:1]) or at.on_wrong or at.code)
        case "prompt_done" | "nobody":
            return plan.node(at.then)
        case _:
            return None


def reply_to_webhook(form: Mapping[str, str], public_url: str, plan: RobocallPlan | None = None) -> str:
    """The TwiML to answer a webhook with: what the robocall goes on with, else nothing.

    Args:
        plan: of the robocall the report is about; without one its call ends.
    """
    event, channel_id, addresses = form.get("event", ""), form.get("ref", ""), twiml.Addresses(public_url)
    step, press = _count(form, "step"), _count(form, "press")
    if event == "transfer":
        at = plan.node(form.get("node", "")) if plan is not None else None
        return twiml.goodbye() if at is None else twiml.wait_for_operator(channel_id, at, addresses, step=step, press=press)
    if event not in STEPS:
        return twiml.nothing()
    to = next_node(form, plan)
    if to is None:
        return twiml.goodbye()
    return twiml.node(channel_id, to, addresses, step=step + 1, press=press + (event == "digit"))


def _walked(form: Mapping[str, str], channel_id: str, sid: str, at: datetime) -> CarrierEvent | None:
    """A step of a robocall; `went_to` is the node it went on to, put there by whoever answered the report."""
    event, node, step = form["event"], form.get("went_to") or None, _count(form, "step")
    if event == "transfer":
        return CarrierEvent(EventKind.TRANSFER, channel_id, at, key=f"{sid}:transfer:{step}", node=form.get("node"), step=step)
    if event == "digit":
        digit = form.get("Digits", "")[:1]
        if digit not in _DIGITS or not digit:
            return None
        key = f"{sid}:digit:{form.get('press', '')}"
        return CarrierEvent(EventKind.DIGIT, channel_id, at, key=key, digit=digit, node=node, step=step + 1)
    kind = EventKind.PROMPT_DONE if event == "prompt_done" else EventKind.NODE
    return CarrierEvent(kind, channel_id, at, key=f"{sid}:{event}:{step}", node=node, step=step + 1)


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
    told = _number(form.get("SipResponseCode", ""))
    sip_code = told if told is not None and 100 <= told < 700 else None
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


def _shown(number: str) -> str | None:
    """A number that may be known; None for a withheld one."""
    return number if _E164.fullmatch(number) and number not in _WITHHELD else None


def _count(form: Mapping[str, str], name: str) -> int:
    """A counter of ours that Twilio brought back; 1 where it is missing."""
    return _number(form.get(name, "")) or 1
