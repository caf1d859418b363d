"""Calls that come in on the trunk: their channels have Asterisk's own ids, which become ids of ours, and back. Pure but for the asking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from dialer.telephony.asterisk import controls
from dialer.telephony.asterisk.robocalls import sound_of
from dialer.telephony.asterisk.tracking import Step, Track
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CallerNotice

PREFIX = "in-"
_FOREIGN = re.compile(r"((?:[A-Za-z0-9_-]{1,40}-)?[0-9]{1,20})\.([0-9]{1,12})", re.ASCII)
_OURS = re.compile(rf"{PREFIX}((?:[A-Za-z0-9_-]{{1,40}}-)?[0-9]{{1,20}})_([0-9]{{1,12}})", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9]{3,15}", re.ASCII)  # E.164 has 15 digits at most; whoever calls may claim more


def our_id(unique_id: str) -> str:
    """Our id of a channel: that of one we made is its own; one that came in gets `in-` before Asterisk's."""
    found = _FOREIGN.fullmatch(unique_id)
    return unique_id if found is None else f"{PREFIX}{found.group(1)}_{found.group(2)}"


def their_id(channel_id: str) -> str:
    """Asterisk's id of a channel."""
    found = _OURS.fullmatch(channel_id)
    return channel_id if found is None else f"{found.group(1)}.{found.group(2)}"


def is_inbound(channel_id: str) -> bool:
    """Whether this channel came in."""
    return channel_id.startswith(PREFIX)


def new_track(channel_id: str, fields: Mapping[str, str], trunk: str) -> Track | None:
    """A track for a channel that came in on the trunk; None for any other foreign one."""
    if not fields.get("Channel", "").startswith(f"PJSIP/{trunk}-"):
        return None
    return Track(channel_id, is_ours=False, is_seen=True)


def came_in(track: Track, fields: Mapping[str, str], at: datetime) -> Step:
    """The dialplan tells of a call."""
    event = CarrierEvent(
        EventKind.INCOMING,
        track.channel_id,
        at,
        key=f"{track.channel_id}:{EventKind.INCOMING}",
        caller=e164(fields.get("Caller", "")),
        called=e164(fields.get("Called", "")),
    )
    return replace(track, is_seen=True), (event,)


def e164(number: str) -> str | None:
    """A number as a Japanese trunk writes it, in E.164; None for what is none."""
    if not _NUMBER.fullmatch(number):
        return None
    if number.startswith("+"):
        return number
    return f"+81{number[1:]}" if number.startswith("0") and not number.startswith("00") else None


def announce(link: controls.Asks, notice: CallerNotice, folder: str) -> None:
    """Says something to a caller. Raises CarrierRefused."""
    if not notice.sounds:
        raise CarrierRefused("there is nothing to say")
    channel = their_id(notice.channel_id)
    said = "&".join(sound_of(name, folder) for name, _ in notice.sounds)
    controls.send_to(link, channel, "callcenter-waiting", "bye" if notice.is_last else "say", {"CALLCENTER_SAY": said})
