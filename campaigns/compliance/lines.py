"""Which kinds of lines may be called or sent messages at all; what carriers are asked for is the same (`dialer.telephony.numbers`)."""

from __future__ import annotations

from callcenter.core.settings import get_settings
from campaigns.attempts.codes import Channel

SMS_LINES = ("mobile",)
_VOICE_LINES = ("fixed", "ip", "mobile")


def voice_lines() -> tuple[str, ...]:
    """Lines that are called; IP telephones (050) only where the installation says so (`CALLCENTER_DIAL_IP_PHONES`)."""
    return _VOICE_LINES if get_settings().dial_ip_phones else tuple(line for line in _VOICE_LINES if line != "ip")


def lines_of(channel: Channel) -> tuple[str, ...]:
    """Lines that a channel reaches; a visit, which needs none, counts those that are called."""
    return SMS_LINES if channel is Channel.SMS else voice_lines()
