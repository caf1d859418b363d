"""The fields of an Originate: pure, and the place where every value is held against an allow-list before it goes out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dialer.telephony.asterisk.link import AmiSettings
from dialer.telephony.asterisk.robocalls import robocall_variables, sound_of
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.numbers import NumberFormat, dial_string, require_dialable
from dialer.telephony.port import Announcement, LegRequest, OriginateRequest, PhoneLogin

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KEYS = re.compile(r"[0-9*#]{1,12}", re.ASCII)
_ASTERISKS_ID = re.compile(r"([A-Za-z0-9_-]{1,40}-)?[0-9]{1,20}\.[0-9]{1,12}", re.ASCII)
_CALLER_ID = re.compile(r"\+[0-9]{6,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AsteriskSettings:
    """What the adapter must know of the Asterisk it uses.

    Attributes:
        trunk: PJSIP endpoint of the telephone company.
        sound_folder: where Asterisk finds prompts, as it sees it itself; "" when prompts are names in its own sound folder.
        detect_machines: robocalls listen for an answering machine first.
        leg_ring_seconds: how long an operator's phone may ring.
        grace_seconds: how long to wait for the second of two events that tell together how a call ended.
    """

    ami: AmiSettings
    trunk: str
    number_format: NumberFormat = NumberFormat.NATIONAL
    allow_ip_phones: bool = True
    blocked_prefixes: tuple[str, ...] = field(default=())
    sound_folder: str = ""
    detect_machines: bool = False
    leg_ring_seconds: float = 30.0
    grace_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What one Originate says: its fields and the variables of its channel."""

    keys: Mapping[str, str]
    variables: Mapping[str, str]


def is_id(value: str) -> bool:
    """Whether `value` may be one of our channel ids or endpoint names."""
    return _ID.fullmatch(value) is not None


def require_id(value: str) -> str:
    """The value itself. Raises CarrierRefused unless `is_id`."""
    if not is_id(value):
        raise CarrierRefused("an id for Asterisk has letters, digits, '_' and '-' only, at most 100", code="unsafe_value")
    return value


def call_order(request: OriginateRequest, settings: AsteriskSettings) -> Order:
    """A call to a debtor. Raises CarrierRefused for a number or value that must not go out."""
    require_dialable(request.number, allow_ip=settings.allow_ip_phones, blocked_prefixes=settings.blocked_prefixes)
    if request.leg_id is not None and request.robocall is not None:
        raise CarrierRefused("a call is either an operator's or a robocall, not both")
    number = dial_string(request.number, settings.number_format)
    caller_id = {"CallerID": _caller_id(request.caller_id, settings.number_format)}
    channel = _channel(f"PJSIP/{number}@{require_id(settings.trunk)}", request.channel_id, request.ring_seconds)
    if request.robocall is not None:
        target = {"Context": "callcenter-robocall", "Exten": "start"}
        variables = robocall_variables(request.robocall, settings.sound_folder, detects_machines=settings.detect_machines)
    elif request.leg_id is not None:
        target = {"Context": "callcenter-debtor", "Exten": "join"}
        variables = {"CALLCENTER_ROOM": require_id(request.leg_id)}
    elif request.nobody is not None:
        target, variables = {"Context": "callcenter-debtor", "Exten": "wait"}, {}
    else:
        target, variables = {"Context": "callcenter-debtor", "Exten": "hold"}, {}
    if request.recording is not None:
        notice = request.recording.notice and sound_of(request.recording.notice, settings.sound_folder)
        variables = {**variables, "CALLCENTER_RECORD": require_id(request.recording.name), "CALLCENTER_NOTICE": notice}
    if request.nobody is not None:
        variables = {**variables, **_nobody_variables(request.nobody, settings)}
    return Order({**channel, **caller_id, **target}, variables)


def leg_order(request: LegRequest, settings: AsteriskSettings) -> Order:
    """A call to an operator's phone that stays in the room named after the leg."""
    channel = _channel(_phone(request.address, settings), request.leg_id, settings.leg_ring_seconds)
    target = {"Context": "callcenter-leg", "Exten": "guest" if request.is_guest else "start"}
    caller_id = {"CallerID": _caller_id(request.caller_id, settings.number_format)} if request.caller_id else {}
    variables = {"CALLCENTER_ROOM": require_id(request.room_id), "CALLCENTER_MUTED": "1" if request.is_muted else "0"}
    return Order({**channel, **caller_id, **target}, variables)


def phone_order(login: PhoneLogin) -> Order:
    """Makes a browser's phone. Raises CarrierRefused for a malformed digest."""
    if not _DIGEST.fullmatch(login.digest):
        raise CarrierRefused("the digest of a phone is 32 hexadecimal digits", code="unsafe_value")
    return _phones("make", {"CALLCENTER_PHONE": require_id(login.name), "CALLCENTER_DIGEST": login.digest})


def phone_gone_order(name: str) -> Order:
    """Takes a browser's phone away."""
    return _phones("drop", {"CALLCENTER_PHONE": require_id(name)})


def _phones(extension: str, variables: Mapping[str, str]) -> Order:
    """Runs a line of the dialplan that writes Asterisk's own database: the manager user itself has no right to."""
    keys = {"Channel": f"Local/{extension}@callcenter-phones/n", "Application": "NoOp", "Timeout": "2000", "Async": "false"}
    return Order(keys, variables)


def require_channel(value: str) -> str:
    """The value itself. Raises CarrierRefused unless it is an id of ours, or of a channel that Asterisk named itself."""
    return value if _ASTERISKS_ID.fullmatch(value) else require_id(value)


def require_keys(keys: str) -> str:
    """The value itself. Raises CarrierRefused unless it is a few keys of a telephone."""
    if not _KEYS.fullmatch(keys):
        raise CarrierRefused("keys are digits, * and #, at most twelve", code="bad_keys")
    return keys


def _phone(address: str, settings: AsteriskSettings) -> str:
    """A phone of the house by its endpoint's name, or any other by its number through the trunk."""
    if not address.startswith("+"):
        return f"PJSIP/{require_id(address.removeprefix('PJSIP/'))}"
    require_dialable(address, allow_ip=settings.allow_ip_phones, blocked_prefixes=settings.blocked_prefixes)
    return f"PJSIP/{dial_string(address, settings.number_format)}@{require_id(settings.trunk)}"


def _channel(channel: str, channel_id: str, seconds: float) -> dict[str, str]:
    return {
        "Channel": channel,
        "ChannelId": require_id(channel_id),
        "Timeout": str(max(1, int(seconds * 1000))),
        "Priority": "1",
        "Async": "true",
    }


def _nobody_variables(nobody: Announcement, settings: AsteriskSettings) -> dict[str, str]:
    sound = sound_of(nobody.sound, settings.sound_folder)
    return {"CALLCENTER_NOBODY": sound, "CALLCENTER_PATIENCE": f"{float(nobody.patience):.1f}"}


def _caller_id(number: str, form: NumberFormat) -> str:
    if not _CALLER_ID.fullmatch(number):
        raise CarrierRefused("the caller id is a number like +81312345678", hint="See CALLCENTER_CALLER_ID.")
    return f"<{dial_string(number, form)}>" if number.startswith("+81") else f"<{number}>"
