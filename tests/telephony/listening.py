"""Collects a carrier's events until something has happened; the tests' ear."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import Carrier


def listen_until(
    carrier: Carrier, is_enough: Callable[[list[CarrierEvent]], bool], seconds: float = 60.0, before: Sequence[CarrierEvent] = ()
) -> list[CarrierEvent]:
    """All events up to the one that is enough, and those that were told with it. Raises AssertionError when it does not come.

    Args:
        before: what was heard already; what comes of itself may have been told with it.
    """
    heard = [*before]
    deadline = time.monotonic() + seconds
    while not is_enough(heard):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen; heard {[(e.kind, e.channel_id) for e in heard]}")
        heard.extend(carrier.poll(0.5))
    return heard


def listen_for(carrier: Carrier, kind: EventKind, channel_id: str, seconds: float = 60.0) -> list[CarrierEvent]:
    """All events up to the first of this kind for this channel."""
    return listen_until(carrier, lambda heard: any(e.kind is kind and e.channel_id == channel_id for e in heard), seconds)


def listen_to_the_end(carrier: Carrier, channel_ids: Collection[str], seconds: float = 60.0) -> list[CarrierEvent]:
    """All events until each of these channels has ended."""
    wanted = set(channel_ids)
    return listen_until(carrier, lambda heard: wanted <= {e.channel_id for e in heard if e.kind is EventKind.ENDED}, seconds)


def kinds(heard: list[CarrierEvent], channel_id: str) -> list[EventKind]:
    """What happened to one channel, in order of arrival."""
    return [event.kind for event in heard if event.channel_id == channel_id]


def only(heard: list[CarrierEvent], kind: EventKind, channel_id: str) -> CarrierEvent:
    """The one event of this kind for this channel."""
    found = [event for event in heard if event.kind is kind and event.channel_id == channel_id]
    assert len(found) == 1, found
    return found[0]


def resync_of(carrier: AsteriskCarrier) -> tuple[list[CarrierEvent], CarrierEvent]:
    """All events up to a new connection's, and this one, which others may be told together with; calls may be handed over from here on."""
    heard = listen_until(carrier, lambda events: any(event.kind is EventKind.RESYNC for event in events))
    assert carrier.wait_connected(60), carrier.check()  # it is told a moment before
    return heard, next(event for event in heard if event.kind is EventKind.RESYNC)
