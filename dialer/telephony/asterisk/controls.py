"""What is done to channels that stand: join, hold, mute, keys, hand over; each a few manager actions on one connection.

A debtor on hold is outside the operator's room, in a line of the dialplan that plays a tone; so whoever is in the room talks privately.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from dialer.telephony.asterisk.link import Answer
from dialer.telephony.asterisk.orders import Order, require_channel, require_id, require_keys
from dialer.telephony.errors import CarrierRefused

_KEY_MS = "120"
_ON_THE_MOVE = "channel not up"  # as Asterisk says while a channel carries out the move before, and of one that is hanging up
_MOVE_TRIES, _MOVE_SECONDS = 10, 0.03


class Asks(Protocol):
    """The part of `AmiLink` that is used here."""

    def ask(self, name: str, keys: Mapping[str, str], variables: Mapping[str, str] | None = None, *, action_id: str = "") -> Answer:
        """One action, sent at most once."""


def join(link: Asks, channel_id: str, room: str, *, is_last: bool = False) -> None:
    """Sends a debtor into a room; with `is_last` the call ends when who is there leaves."""
    _set(link, channel_id, "CALLCENTER_ROOM", require_id(room))
    _set(link, channel_id, "CALLCENTER_LAST", "1" if is_last else "0")
    _redirect(link, channel_id, "callcenter-debtor", "join")


def hold(link: Asks, channel_id: str) -> None:
    """Takes a debtor out of the room, to the hold tone."""
    _redirect(link, channel_id, "callcenter-debtor", "held")


def mute(link: Asks, leg_id: str, room: str, *, is_muted: bool) -> None:
    """Mutes a leg in its room, where Asterisk knows it by the name of its channel."""
    answer = link.ask("Getvar", {"Channel": require_id(leg_id), "Variable": "CHANNEL(name)"})
    name = answer.fields.get("Value", "")
    if not answer.is_error and name:
        action = "ConfbridgeMute" if is_muted else "ConfbridgeUnmute"
        answer = link.ask(action, {"Conference": require_id(room), "Channel": name})
    _require(answer, "mute the operator")


def send_keys(link: Asks, channel_id: str, keys: str) -> None:
    """Presses keys towards the debtor, one after the other; Asterisk queues them."""
    for key in require_keys(keys):
        fields = {"Channel": require_channel(channel_id), "Digit": key, "Duration": _KEY_MS}
        _require(link.ask("PlayDTMF", fields), "press a key")


def hand_over(link: Asks, channel_id: str, guest_id: str) -> None:
    """The guest gets a room of their own and the debtor follows; the line ends when the guest leaves."""
    _set(link, guest_id, "CALLCENTER_ROOM", guest_id)
    _redirect(link, guest_id, "callcenter-leg", "start")
    join(link, channel_id, guest_id, is_last=True)


def run(link: Asks, order: Order) -> None:
    """One Originate that only runs a line of the dialplan."""
    _require(link.ask("Originate", order.keys, order.variables), "keep the operator's phone")


def send_to(link: Asks, channel_id: str, context: str, extension: str, variables: Mapping[str, str]) -> None:
    """Sends a channel to a place of the dialplan; the variables' values are checked already."""
    for name, value in variables.items():
        _set(link, channel_id, name, value)
    _redirect(link, channel_id, context, extension)


def _set(link: Asks, channel_id: str, name: str, value: str) -> None:
    _require(link.ask("Setvar", {"Channel": require_channel(channel_id), "Variable": name, "Value": value}), "prepare the line")


def _redirect(link: Asks, channel_id: str, context: str, extension: str) -> None:
    target = {"Channel": require_channel(channel_id), "Context": context, "Exten": extension, "Priority": "1"}
    _require(redirect(link, target), "move the call")


def redirect(link: Asks, target: Mapping[str, str]) -> Answer:
    """One move, asked for again for a moment while the channel is still carrying out the one before: who waits is told their place in the
    queue at the very time at which an operator becomes free."""
    answer = link.ask("Redirect", target)
    for _ in range(_MOVE_TRIES):
        if not (answer.is_error and _ON_THE_MOVE in answer.message):
            break
        time.sleep(_MOVE_SECONDS)
        answer = link.ask("Redirect", target)
    return answer


def _require(answer: Answer, what: str) -> None:
    if answer.is_error:
        raise CarrierRefused(f"Asterisk could not {what} ({answer.message})")
