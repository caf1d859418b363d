"""Somebody calls the published number on a real Asterisk: they are told, brought to the operator, wait, and are heard out after hours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CallerNotice, LegRequest
from tests.telephony.caller import calling
from tests.telephony.listening import kinds, listen_for, listen_to_the_end, listen_until, only, resync_of
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import new_serial

pytestmark = pytest.mark.asterisk


@pytest.fixture
def leg_id(carrier: AsteriskCarrier) -> Iterator[str]:
    """An operator's phone that stands in its room."""
    leg_id = f"leg-{new_serial()}"
    carrier.open_leg(LegRequest(leg_id, "op-3"))
    listen_for(carrier, EventKind.LEG_UP, leg_id)
    yield leg_id
    carrier.close_leg(leg_id)


def listen_for_a_caller(carrier: AsteriskCarrier) -> CarrierEvent:
    heard = listen_until(carrier, lambda events: any(event.kind is EventKind.INCOMING for event in events))
    return next(event for event in heard if event.kind is EventKind.INCOMING)


def test_a_caller_is_told_with_both_numbers_and_joined_with_the_operator(rig: Rig, carrier: AsteriskCarrier, leg_id: str) -> None:
    number = f"+8190880{new_serial():05d}"
    with calling(rig, number, CALLER_ID, seconds=3.0) as phone:
        came = listen_for_a_caller(carrier)
        assert (came.caller, came.called) == (number, CALLER_ID)
        assert came.channel_id in (carrier.live_channels() or ())
        carrier.bridge(came.channel_id, leg_id)
        heard = listen_to_the_end(carrier, [came.channel_id])
        assert EventKind.BRIDGED in kinds(heard, came.channel_id)
        only(heard, EventKind.ENDED, came.channel_id)
        assert phone.wait_for("hung up") == ["answered", "hung up"]
    assert leg_id in (carrier.live_channels() or ())


def test_a_withheld_number_is_not_told(rig: Rig, carrier: AsteriskCarrier) -> None:
    with calling(rig, "+819012340000", CALLER_ID, is_withheld=True, seconds=60):
        came = listen_for_a_caller(carrier)
        assert came.caller is None
        carrier.hang_up(came.channel_id)
        listen_to_the_end(carrier, [came.channel_id])


def test_who_waits_is_told_so_stays_and_is_then_joined(rig: Rig, carrier: AsteriskCarrier, leg_id: str) -> None:
    with calling(rig, "+819012340001", CALLER_ID) as phone:
        came = listen_for_a_caller(carrier)
        carrier.announce(CallerNotice(came.channel_id, (("prompt", "…"), ("thanks", "…"))))
        phone.wait_for("answered")
        carrier.announce(CallerNotice(came.channel_id, (("thanks", "…"),)))
        carrier.bridge(came.channel_id, leg_id)
        listen_for(carrier, EventKind.BRIDGED, came.channel_id)
        carrier.hang_up(came.channel_id)
        listen_to_the_end(carrier, [came.channel_id])
        phone.wait_for("hung up on")


def test_last_words_end_the_call(rig: Rig, carrier: AsteriskCarrier) -> None:
    with calling(rig, "+819012340002", CALLER_ID) as phone:
        came = listen_for_a_caller(carrier)
        carrier.announce(CallerNotice(came.channel_id, (("thanks", "…"),), is_last=True))
        listen_to_the_end(carrier, [came.channel_id])
        assert phone.wait_for("hung up on") == ["answered", "hung up on"]


def test_a_call_that_stands_is_known_again_after_a_new_connection(rig: Rig, carrier: AsteriskCarrier) -> None:
    with calling(rig, "+819012340003", CALLER_ID) as phone:
        came = listen_for_a_caller(carrier)
        carrier.announce(CallerNotice(came.channel_id, (("prompt", "…"),)))
        phone.wait_for("answered")
        again = rig.carrier()
        again.connect()
        try:
            _, resync = resync_of(again)
            assert came.channel_id in resync.live
            again.hang_up(came.channel_id)
            only(listen_to_the_end(again, [came.channel_id]), EventKind.ENDED, came.channel_id)
        finally:
            again.close()
