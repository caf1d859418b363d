"""On a real Asterisk: a call is recorded in two files; a supervisor hears, prompts, joins, takes over. Told by what telephones hear."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.asterisk.render import PhonePlan
from dialer.telephony.conversation import RecordingPlan, SupervisionMode, SupervisionRequest
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import EventKind
from dialer.telephony.port import LegRequest, OriginateRequest
from tests.telephony.listening import kinds, listen_for, listen_to_the_end, resync_of
from tests.telephony.phone import Phone, loudness
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, new_serial, number_of

pytestmark = pytest.mark.asterisk
OPERATOR, SUPERVISOR, MACHINE, NOTICE = 700.0, 1000.0, 440.0, 600.0
LISTEN, WHISPER, BARGE, TAKE_OVER = SupervisionMode


@dataclass
class Floor:
    """An operator and a supervisor with telephones, and a carrier that knows them."""

    rig: Rig
    carrier: AsteriskCarrier
    operator: Phone
    supervisor: Phone


@pytest.fixture(scope="module")
def floor(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with Phone("op-ear", OPERATOR) as operator, Phone("sv-ear", SUPERVISOR) as supervisor:
        phones = tuple(PhonePlan(phone.name, contact=phone.contact) for phone in (operator, supervisor))
        with Rig(tmp_path_factory.mktemp("floor"), extra_phones=phones) as rig:
            carrier = rig.carrier()
            carrier.connect()
            try:
                resync_of(carrier)
                yield Floor(rig, carrier, operator, supervisor)
            finally:
                carrier.close()


def open_leg(floor: Floor) -> str:
    leg_id = f"leg-{new_serial()}"
    floor.carrier.open_leg(LegRequest(leg_id, floor.operator.name))
    listen_for(floor.carrier, EventKind.LEG_UP, leg_id, 60)
    return leg_id


def call(floor: Floor, leg_id: str, behaviour: Behaviour = Behaviour.ANSWERS, notice: str = "") -> str:
    channel_id = f"call-{new_serial()}"
    plan = RecordingPlan(channel_id, notice)
    number = number_of(behaviour, new_serial())
    floor.carrier.originate(OriginateRequest(channel_id, number, CALLER_ID, 20.0, leg_id=leg_id, recording=plan))
    listen_for(floor.carrier, EventKind.BRIDGED, channel_id, 60)
    return channel_id


def recorded(rig: Rig, name: str, direction: str) -> np.ndarray:
    content = (rig.spool / f"{name}-{direction}.sln").read_bytes()
    return np.frombuffer(content[: len(content) // 2 * 2], dtype="<i2").astype(float)  # it may be in the middle of being written


def whole_recording(rig: Rig, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Both directions, once Asterisk has written them to their end, which may be after it has told that of the call."""
    deadline, before = time.monotonic() + 60, None
    while (found := (recorded(rig, name, "in"), recorded(rig, name, "out"))) and (sizes := [len(one) for one in found]) != before:
        assert time.monotonic() < deadline, sizes
        before = sizes
        time.sleep(1.0)
    return found


def heard_by_debtor(rig: Rig, name: str, hertz: float, *, is_heard: bool = True) -> None:
    """Waits until the last half second of what the debtor hears has the tone, or has it no more."""
    deadline = time.monotonic() + 60
    while (loudness(recorded(rig, name, "out")[-4000:], hertz) > 300) is not is_heard:
        assert time.monotonic() < deadline, (name, hertz, is_heard)
        time.sleep(0.3)


def supervise(floor: Floor, leg: str, operator_leg: str, mode: SupervisionMode, channel: str | None, was: SupervisionMode | None) -> None:
    floor.carrier.supervise(SupervisionRequest(leg, floor.supervisor.name, mode, operator_leg, operator_leg, channel, was))
    listen_for(floor.carrier, EventKind.LEG_UP, leg, 60)


def test_both_directions_of_a_call_are_recorded_apart_and_in_step(floor: Floor) -> None:
    leg_id = open_leg(floor)
    channel_id = call(floor, leg_id, Behaviour.MACHINE, notice="prompt")
    heard_by_debtor(floor.rig, channel_id, OPERATOR)
    floor.carrier.hang_up(channel_id)
    listen_to_the_end(floor.carrier, [channel_id], 60)
    debtor, operator = whole_recording(floor.rig, channel_id)
    second = 8000
    assert loudness(debtor[second : 2 * second], MACHINE) > 1000
    assert loudness(operator[: 2 * second], NOTICE) > 500  # the notice is part of the recording
    assert loudness(debtor, OPERATOR) < 100
    assert loudness(operator, MACHINE) < 100
    assert abs(len(debtor) - len(operator)) < second
    floor.carrier.close_leg(leg_id)


def test_a_call_without_a_notice_that_must_be_played_is_not_recorded(floor: Floor) -> None:
    leg_id = open_leg(floor)
    channel_id = call(floor, leg_id, Behaviour.MACHINE, notice="no-such-sound")
    floor.operator.wait_hearing([MACHINE])
    floor.carrier.hang_up(channel_id)
    listen_to_the_end(floor.carrier, [channel_id], 60)
    sizes = [path.stat().st_size for path in Path(floor.rig.spool).glob(f"{channel_id}-*")]
    assert sum(sizes) < 16_000  # nothing of the conversation, at most the moment until the sound was missed
    floor.carrier.close_leg(leg_id)


def test_listen_whisper_join_take_over_and_give_back(floor: Floor) -> None:
    operator_leg, leg = open_leg(floor), f"sup-{new_serial()}"
    rang = floor.supervisor.calls
    channel_id = call(floor, operator_leg)
    supervise(floor, leg, operator_leg, LISTEN, channel_id, None)
    floor.supervisor.wait_hearing([OPERATOR])
    heard_by_debtor(floor.rig, channel_id, OPERATOR)
    floor.operator.wait_silence([SUPERVISOR])
    heard_by_debtor(floor.rig, channel_id, SUPERVISOR, is_heard=False)

    supervise(floor, leg, operator_leg, WHISPER, channel_id, LISTEN)
    floor.operator.wait_hearing([SUPERVISOR])
    floor.supervisor.wait_hearing([OPERATOR])
    heard_by_debtor(floor.rig, channel_id, SUPERVISOR, is_heard=False)

    supervise(floor, leg, operator_leg, BARGE, channel_id, WHISPER)
    floor.operator.wait_hearing([SUPERVISOR])
    heard_by_debtor(floor.rig, channel_id, SUPERVISOR)
    heard_by_debtor(floor.rig, channel_id, OPERATOR)

    supervise(floor, leg, operator_leg, TAKE_OVER, channel_id, BARGE)
    heard_by_debtor(floor.rig, channel_id, OPERATOR, is_heard=False)
    heard_by_debtor(floor.rig, channel_id, SUPERVISOR)
    floor.operator.wait_silence([SUPERVISOR])

    supervise(floor, leg, operator_leg, LISTEN, channel_id, TAKE_OVER)
    heard_by_debtor(floor.rig, channel_id, OPERATOR)
    heard_by_debtor(floor.rig, channel_id, SUPERVISOR, is_heard=False)
    floor.supervisor.wait_hearing([OPERATOR])
    assert floor.supervisor.calls == rang + 1  # the phone rang once for all of it

    floor.carrier.close_leg(leg)
    listen_for(floor.carrier, EventKind.LEG_DOWN, leg, 60)
    assert channel_id in (floor.carrier.live_channels() or ())  # the conversation goes on
    floor.carrier.hang_up(channel_id)
    listen_to_the_end(floor.carrier, [channel_id], 60)
    floor.carrier.close_leg(operator_leg)


def test_a_call_that_was_taken_over_ends_with_the_supervisor(floor: Floor) -> None:
    operator_leg, leg = open_leg(floor), f"sup-{new_serial()}"
    channel_id = call(floor, operator_leg)
    supervise(floor, leg, operator_leg, LISTEN, channel_id, None)
    supervise(floor, leg, operator_leg, TAKE_OVER, channel_id, LISTEN)
    heard_by_debtor(floor.rig, channel_id, SUPERVISOR)
    floor.carrier.close_leg(leg)
    heard = listen_to_the_end(floor.carrier, [channel_id], 60)
    assert kinds(heard, channel_id)[-1] is EventKind.ENDED
    assert operator_leg in (floor.carrier.live_channels() or ())
    floor.carrier.close_leg(operator_leg)


def test_nobody_is_taken_over_without_a_conversation(floor: Floor) -> None:
    operator_leg, leg = open_leg(floor), f"sup-{new_serial()}"
    with pytest.raises(CarrierRefused):
        supervise(floor, leg, operator_leg, TAKE_OVER, None, None)
    supervise(floor, leg, operator_leg, LISTEN, None, None)
    with pytest.raises(CarrierRefused):
        supervise(floor, leg, operator_leg, TAKE_OVER, None, LISTEN)
    with pytest.raises(CarrierRefused):
        supervise(floor, leg, operator_leg, TAKE_OVER, "call-gone", LISTEN)
    floor.carrier.close_leg(leg)
    listen_for(floor.carrier, EventKind.LEG_DOWN, leg, 60)
    floor.carrier.close_leg(operator_leg)
