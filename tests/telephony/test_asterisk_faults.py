"""A real Asterisk that is killed, frozen, cut off or misconfigured while calls are up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callcenter.core.clock import SystemClock
from dialer.telephony.asterisk import AsteriskCarrier, AsteriskSettings
from dialer.telephony.asterisk.checks import check_asterisk
from dialer.telephony.errors import CarrierError, CarrierRefused
from dialer.telephony.events import EventKind
from dialer.telephony.port import LegRequest, OriginateRequest
from tests.telephony.cable import Cable
from tests.telephony.listening import listen_for, listen_until, resync_of
from tests.telephony.numbers import bad_numbers
from tests.telephony.plans import short_plan
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, number_of

pytestmark = [pytest.mark.asterisk, pytest.mark.fault]


def told_of(heard: list) -> set[tuple[str, EventKind]]:
    return {(event.channel_id, event.kind) for event in heard}


def test_asterisk_killed_in_mid_call_comes_back_and_tells_that_the_call_is_gone(own_rig: Rig) -> None:
    carrier = own_rig.carrier()
    carrier.connect()
    try:
        resync_of(carrier)
        carrier.originate(OriginateRequest("call-1", number_of(Behaviour.ANSWERS, 1), CALLER_ID))
        carrier.originate(OriginateRequest("call-2", number_of(Behaviour.NO_ANSWER, 2), CALLER_ID))
        listen_for(carrier, EventKind.ANSWERED, "call-1")
        own_rig.kill_asterisk()
        with pytest.raises(CarrierError):
            carrier.originate(OriginateRequest("call-3", number_of(Behaviour.ANSWERS, 3), CALLER_ID))
        assert carrier.live_channels() is None
        own_rig.start_asterisk()
        heard, resync = resync_of(carrier)
        assert resync.live == frozenset()
        assert [event for event in heard if event.channel_id == "call-1"] == []
        carrier.originate(OriginateRequest("call-again", number_of(Behaviour.ANSWERS, 900), CALLER_ID))
        listen_for(carrier, EventKind.ANSWERED, "call-again")
        assert own_rig.far_end()[number_of(Behaviour.ANSWERS, 1)].count("invited") == 1
    finally:
        carrier.close()


def test_frozen_asterisk_is_noticed_and_the_call_is_still_there_after_it(own_rig: Rig) -> None:
    carrier = own_rig.carrier(ami=replace(own_rig.ami, answer_seconds=3.0))
    carrier.connect()
    try:
        resync_of(carrier)
        carrier.originate(OriginateRequest("call-1", number_of(Behaviour.ANSWERS, 1), CALLER_ID))
        listen_for(carrier, EventKind.ANSWERED, "call-1")
        own_rig.freeze_asterisk(is_frozen=True)
        with pytest.raises(CarrierError):
            carrier.originate(OriginateRequest("call-2", number_of(Behaviour.ANSWERS, 2), CALLER_ID))
        own_rig.freeze_asterisk(is_frozen=False)
        heard = listen_until(carrier, lambda _: "call-1" in (carrier.live_channels() or ()))  # by the old connection or a new one
        assert not [event for event in heard if event.kind is EventKind.ENDED and event.channel_id == "call-1"]
    finally:
        carrier.close()


def test_what_was_answered_while_nobody_listened_is_told_with_the_next_connection(own_rig: Rig) -> None:
    """An operator's leg, a conversation and a robocall come up while the connection is cut: none of their events is ever sent again."""
    with Cable(own_rig.ami_port) as cable:
        settings = AsteriskSettings(replace(own_rig.ami, port=cable.port), trunk="carrier", sound_folder=own_rig.sound_folder)
        carrier, watcher = AsteriskCarrier(settings, SystemClock()), own_rig.carrier()
        carrier.connect()
        watcher.connect()  # hears what the other one misses: when Asterisk itself has taken the answers in
        try:
            assert carrier.wait_connected(60)
            assert watcher.wait_connected(60)
            carrier.open_leg(LegRequest("leg-1", "op-1"))
            listen_for(carrier, EventKind.LEG_UP, "leg-1")
            own_rig.freeze_far_end(is_frozen=True)
            debtor, listener = number_of(Behaviour.ANSWERS, 1), number_of(Behaviour.ANSWERS, 2)
            carrier.open_leg(LegRequest("leg-2", "op-2"))
            carrier.originate(OriginateRequest("call-1", debtor, CALLER_ID, leg_id="leg-1"))
            carrier.originate(OriginateRequest("call-2", listener, CALLER_ID, robocall=short_plan("prompt", wait_seconds=30.0)))
            cable.block(is_blocked=True)
            own_rig.freeze_far_end(is_frozen=False)
            for party in ("op-2", debtor, listener):
                own_rig.wait_far_end(party, "answered", 60)
            missed = {
                ("leg-2", EventKind.LEG_UP),
                ("call-1", EventKind.ANSWERED),
                ("call-1", EventKind.BRIDGED),
                ("call-2", EventKind.ANSWERED),
            }
            listen_until(watcher, lambda events: missed <= told_of(events), 60)
            cable.reset()
            cable.block(is_blocked=False)
            heard, resync = resync_of(carrier)
            told = told_of(heard)
            assert told >= missed
            assert ("leg-1", EventKind.LEG_UP) not in told
            assert resync.live == {"leg-1", "leg-2", "call-1", "call-2"}
        finally:
            own_rig.freeze_far_end(is_frozen=False)
            carrier.close()
            watcher.close()


def test_new_process_sees_the_calls_of_the_one_before(rig: Rig, carrier: AsteriskCarrier) -> None:
    carrier.originate(OriginateRequest("call-handed-on", number_of(Behaviour.ANSWERS, 990), CALLER_ID))
    listen_for(carrier, EventKind.ANSWERED, "call-handed-on")
    carrier.close()
    later = rig.carrier()
    later.connect()
    try:
        _, resync = resync_of(later)
        assert "call-handed-on" in resync.live
        later.hang_up("call-handed-on")
        listen_for(later, EventKind.ENDED, "call-handed-on")
    finally:
        later.close()


def test_wrong_secret_is_one_clear_line(rig: Rig) -> None:
    lines = check_asterisk(replace(rig.ami, secret="wrong"), "carrier")
    assert [(line.name, line.is_ok) for line in lines] == [("connection", True), ("login", False)]
    assert "CALLCENTER_AMI_SECRET" in lines[-1].hint
    assert "wrong" not in f"{lines}"


def test_unreachable_asterisk_is_one_clear_line(rig: Rig) -> None:
    lines = check_asterisk(replace(rig.ami, port=1), "carrier")
    assert [(line.name, line.is_ok) for line in lines] == [("connection", False)]
    assert "CALLCENTER_AMI_HOST" in lines[-1].hint


def test_all_is_well_on_the_rendered_configuration(rig: Rig) -> None:
    lines = check_asterisk(rig.ami, "carrier")
    assert all(line.is_ok for line in lines), lines
    assert {line.name for line in lines} == {"connection", "login", "version", "rights", "trunk", "dialplan"}


def test_missing_trunk_is_named(rig: Rig) -> None:
    failed = [line for line in check_asterisk(rig.ami, "nowhere") if not line.is_ok]
    assert [line.name for line in failed] == ["trunk"]
    assert "CALLCENTER_TRUNK" in failed[0].hint


def test_asterisk_understood_every_rendered_line(rig: Rig) -> None:
    log = (rig.home / "log/messages.log").read_text("utf-8", "replace")
    assert "loader.c" in log
    sources = ("config", "sorcery", "loader.c", "manager.c", "pbx_config", "app_amd", "http.c", "rtp")
    missing = ("features.conf", "acl.conf", "udptl.conf")  # files of parts that are not used
    complaints = [line for line in log.splitlines() if "ERROR" in line and any(source in line for source in sources)]
    assert [line for line in complaints if not any(name in line for name in missing)] == []


def test_a_thousand_bad_numbers_give_no_invite(rig: Rig) -> None:
    settings = AsteriskSettings(rig.ami, trunk="carrier")
    carrier = AsteriskCarrier(settings, SystemClock())
    carrier.connect()
    try:
        assert carrier.wait_connected(60)
        before = set(rig.far_end())
        for n, number in enumerate(bad_numbers(1000)):
            with pytest.raises(CarrierRefused):
                carrier.originate(OriginateRequest(f"bad-{n}", number, CALLER_ID))
        proof = number_of(Behaviour.HANGS_UP, 777)
        carrier.originate(OriginateRequest("bad-proof", proof, CALLER_ID))
        rig.wait_far_end(proof, "invited")
        assert set(rig.far_end()) - before == {proof}
    finally:
        carrier.close()
