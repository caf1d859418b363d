"""A real Asterisk calls a real SIP party: each way a call can end, keys, operators' legs; held against what the far end says it did."""

from __future__ import annotations

import itertools

import pytest

from campaigns.attempts.codes import LineResult
from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.events import EventKind
from dialer.telephony.port import LegRequest, OriginateRequest
from tests.telephony.listening import kinds, listen_for, listen_to_the_end, listen_until, only
from tests.telephony.plans import short_plan
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import KEYS, REFUSALS, Behaviour, new_serial, number_of

pytestmark = pytest.mark.asterisk
PLAN = short_plan("prompt", keys="1239", repeats=2, wait_seconds=0.6, thanks="thanks")
PATIENT = short_plan("prompt", keys="0123456789", repeats=2, wait_seconds=30.0, thanks="thanks")  # for a key that comes when it comes

# behaviour -> (result, Q.850 cause, SIP status, what the far end writes after "invited")
OUTCOMES = {
    Behaviour.BUSY: (LineResult.BUSY, 17, 486, ["refused 486"]),
    Behaviour.UNKNOWN_NUMBER: (LineResult.UNOBTAINABLE, 1, 404, ["refused 404"]),
    Behaviour.GONE: (LineResult.UNOBTAINABLE, 22, 410, ["refused 410"]),
    Behaviour.UNAVAILABLE: (LineResult.UNREACHABLE, 19, 480, ["refused 480"]),
    Behaviour.INCOMPLETE: (LineResult.UNOBTAINABLE, 28, 484, ["refused 484"]),
    Behaviour.SERVER_ERROR: (LineResult.FAILED, 38, 500, ["refused 500"]),
    Behaviour.NO_CIRCUIT: (LineResult.FAILED, 34, 503, ["refused 503"]),
    Behaviour.DECLINED: (LineResult.REJECTED, 21, 603, ["refused 603"]),
    Behaviour.FORBIDDEN: (LineResult.FAILED, 21, 403, ["refused 403"]),
    Behaviour.NO_ANSWER: (LineResult.NO_ANSWER, None, None, ["cancelled"]),
    Behaviour.RINGS_THEN_UNAVAILABLE: (LineResult.NO_ANSWER, 19, 480, ["refused 480"]),
    Behaviour.HANGS_UP: (LineResult.ANSWERED, None, None, ["answered", "hung up"]),
}


def result_of(rig: Rig, behaviour: Behaviour) -> LineResult:
    """What must come of a call; without SIP statuses a trunk that forbids looks like a person who declines."""
    is_blind = behaviour is Behaviour.FORBIDDEN and not rig.tells_sip_status
    return LineResult.REJECTED if is_blind else OUTCOMES[behaviour][0]


def call(carrier: AsteriskCarrier, behaviour: Behaviour, **more: object) -> tuple[str, str]:
    """Hands one call over; its channel id and number."""
    serial = new_serial()
    number, channel_id = number_of(behaviour, serial), f"call-{serial}"
    request = OriginateRequest(channel_id, number, CALLER_ID, **{"ring_seconds": 60.0, **more})  # type: ignore[arg-type]
    carrier.originate(request)
    return channel_id, number


def open_leg(carrier: AsteriskCarrier, phone: str = "op-1") -> str:
    leg_id = f"leg-{new_serial()}"
    carrier.open_leg(LegRequest(leg_id, phone))
    listen_for(carrier, EventKind.LEG_UP, leg_id)
    return leg_id


def test_every_refusal_has_a_row() -> None:
    assert set(REFUSALS) <= set(OUTCOMES)


@pytest.mark.parametrize("behaviour", OUTCOMES, ids=lambda behaviour: behaviour.name.lower())
def test_outcome_is_what_the_far_end_did(rig: Rig, carrier: AsteriskCarrier, behaviour: Behaviour) -> None:
    _, cause, sip_code, words = OUTCOMES[behaviour]
    result = result_of(rig, behaviour)
    ring_seconds = 1.0 if behaviour is Behaviour.NO_ANSWER else 60.0
    channel_id, number = call(carrier, behaviour, ring_seconds=ring_seconds)
    heard = listen_to_the_end(carrier, [channel_id])
    ended = only(heard, EventKind.ENDED, channel_id)
    assert ended.line_result is result
    if cause is not None:
        assert (ended.cause, ended.sip_code) == (cause, sip_code if rig.tells_sip_status else None)
    assert rig.wait_far_end(number, words[-1]) == ["invited", *words]
    assert (EventKind.ANSWERED in kinds(heard, channel_id)) == (result is LineResult.ANSWERED)


def test_a_trunk_at_work_on_a_call_is_told_from_one_that_says_nothing(rig: Rig, carrier: AsteriskCarrier) -> None:
    """Nobody picks up in either case, and no telephone is told to ring."""
    early, _ = call(carrier, Behaviour.EARLY_SOUND, ring_seconds=3.0)
    silent, _ = call(carrier, Behaviour.SILENT, ring_seconds=1.0)
    heard = listen_to_the_end(carrier, [early, silent])
    assert kinds(heard, early) == [EventKind.PLACED, EventKind.PROGRESS, EventKind.ENDED]
    assert kinds(heard, silent) == [EventKind.PLACED, EventKind.ENDED]
    assert {only(heard, EventKind.ENDED, channel).line_result for channel in (early, silent)} == {LineResult.NO_ANSWER}


def test_a_hundred_calls_at_once_end_one_by_one_as_the_far_end_says(rig: Rig, carrier: AsteriskCarrier) -> None:
    quick = [b for b in OUTCOMES if b is not Behaviour.NO_ANSWER]
    expected = {behaviour: result_of(rig, behaviour) for behaviour in quick}
    placed = {call(carrier, behaviour): behaviour for behaviour in itertools.islice(itertools.cycle(quick), 100)}
    heard = listen_to_the_end(carrier, [channel_id for channel_id, _ in placed])
    for (channel_id, number), behaviour in placed.items():
        assert only(heard, EventKind.ENDED, channel_id).line_result is expected[behaviour]
        assert rig.wait_far_end(number, OUTCOMES[behaviour][3][-1])[1:] == OUTCOMES[behaviour][3]
    assert len({event.key for event in heard}) == len(heard)


def test_answer_after_ringing_is_told_in_order(rig: Rig, carrier: AsteriskCarrier) -> None:
    channel_id, number = call(carrier, Behaviour.ANSWERS_LATE)
    heard = listen_for(carrier, EventKind.ANSWERED, channel_id)
    assert kinds(heard, channel_id) == [EventKind.PLACED, EventKind.RINGING, EventKind.ANSWERED]
    carrier.hang_up(channel_id)
    ended = only(listen_to_the_end(carrier, [channel_id]), EventKind.ENDED, channel_id)
    assert ended.line_result is LineResult.ANSWERED
    assert rig.wait_far_end(number, "bye") == ["invited", "answered", "bye"]


def test_endpoint_missing_is_a_failure_of_the_line_not_of_the_person(rig: Rig) -> None:
    from dataclasses import replace

    made = rig.carrier()
    made._settings = replace(made._settings, trunk="nowhere", grace_seconds=0.2)
    made.connect()
    try:
        assert made.wait_connected(60)
        channel_id, _ = call(made, Behaviour.ANSWERS)
        heard = listen_to_the_end(made, [channel_id])
        assert kinds(heard, channel_id) == [EventKind.ENDED]
        assert only(heard, EventKind.ENDED, channel_id).line_result is LineResult.FAILED
    finally:
        made.close()


@pytest.mark.parametrize("behaviour", KEYS, ids=lambda behaviour: behaviour.name.lower())
def test_key_of_a_robocall(rig: Rig, carrier: AsteriskCarrier, behaviour: Behaviour) -> None:
    channel_id, number = call(carrier, behaviour, robocall=PATIENT)
    heard = listen_to_the_end(carrier, [channel_id])
    assert only(heard, EventKind.DIGIT, channel_id).digit == KEYS[behaviour]
    assert only(heard, EventKind.ENDED, channel_id).line_result is LineResult.ANSWERED
    assert rig.wait_far_end(number, "bye") == ["invited", "answered", f"pressed {KEYS[behaviour]}", "bye"]


def test_key_by_sip_info(rig: Rig, carrier: AsteriskCarrier) -> None:
    channel_id, number = call(carrier, Behaviour.PRESSES_BY_INFO, robocall=PATIENT)
    heard = listen_to_the_end(carrier, [channel_id])
    digit = only(heard, EventKind.DIGIT, channel_id).digit
    assert f"pressed {digit}" in rig.wait_far_end(number, "bye")


def test_key_without_a_meaning_is_told_and_the_prompt_is_repeated(carrier: AsteriskCarrier) -> None:
    plan = short_plan("prompt", keys="19", repeats=2, wait_seconds=3.0)
    channel_id, _ = call(carrier, Behaviour.PRESSES_3, robocall=plan)
    heard = kinds(listen_to_the_end(carrier, [channel_id]), channel_id)
    assert heard[-3:] == [EventKind.DIGIT, EventKind.PROMPT_DONE, EventKind.ENDED]


def test_prompt_is_played_to_its_end_as_often_as_asked(carrier: AsteriskCarrier) -> None:
    channel_id, _ = call(carrier, Behaviour.ANSWERS, robocall=PLAN)
    heard = listen_to_the_end(carrier, [channel_id])
    done = [event for event in heard if event.kind is EventKind.PROMPT_DONE]
    assert len(done) == len({event.key for event in done}) == 2


def test_prompt_that_does_not_exist_is_never_reported_as_played(carrier: AsteriskCarrier) -> None:
    channel_id, _ = call(carrier, Behaviour.ANSWERS, robocall=short_plan("nothing"))
    assert EventKind.PROMPT_DONE not in kinds(listen_to_the_end(carrier, [channel_id]), channel_id)


def test_machine_is_recognised_and_told_nothing(rig: Rig) -> None:
    made = rig.carrier(detect_machines=True)
    made.connect()
    try:
        assert made.wait_connected(60)
        channel_id, _ = call(made, Behaviour.MACHINE, robocall=PLAN)
        heard = listen_to_the_end(made, [channel_id])
        assert EventKind.MACHINE in kinds(heard, channel_id)
        assert EventKind.PROMPT_DONE not in kinds(heard, channel_id)
        assert only(heard, EventKind.ENDED, channel_id).line_result is LineResult.MACHINE
    finally:
        made.close()


def test_operator_and_debtor_meet_and_the_debtor_leaves(rig: Rig, carrier: AsteriskCarrier) -> None:
    leg_id = open_leg(carrier)
    channel_id, number = call(carrier, Behaviour.ANSWERS, leg_id=leg_id)
    heard = listen_for(carrier, EventKind.BRIDGED, channel_id)
    assert set(kinds(heard, channel_id)) == {EventKind.PLACED, EventKind.ANSWERED, EventKind.BRIDGED}
    assert carrier.live_channels() >= {leg_id, channel_id}  # type: ignore[operator]
    carrier.hang_up(channel_id)
    listen_to_the_end(carrier, [channel_id])
    assert rig.wait_far_end(number, "bye")[-1] == "bye"
    assert leg_id in (carrier.live_channels() or ())
    carrier.close_leg(leg_id)
    listen_for(carrier, EventKind.LEG_DOWN, leg_id)


def test_one_leg_serves_call_after_call(carrier: AsteriskCarrier) -> None:
    leg_id = open_leg(carrier, "op-2")
    for _ in range(3):
        channel_id, _ = call(carrier, Behaviour.HANGS_UP, leg_id=leg_id)
        heard = listen_to_the_end(carrier, [channel_id])
        assert EventKind.BRIDGED in kinds(heard, channel_id)
        assert EventKind.LEG_DOWN not in kinds(heard, leg_id)
    carrier.close_leg(leg_id)
    listen_for(carrier, EventKind.LEG_DOWN, leg_id)


def test_operator_hangs_up_and_the_debtor_is_not_left_alone(rig: Rig, carrier: AsteriskCarrier) -> None:
    leg_id = f"leg-{new_serial()}"
    carrier.open_leg(LegRequest(leg_id, "op-short"))
    up = listen_for(carrier, EventKind.LEG_UP, leg_id)
    channel_id, number = call(carrier, Behaviour.ANSWERS, leg_id=leg_id)
    wanted = {(leg_id, EventKind.LEG_DOWN), (channel_id, EventKind.ENDED)}
    listen_until(carrier, lambda heard: wanted <= {(e.channel_id, e.kind) for e in heard}, before=up)
    assert rig.wait_far_end(number, "bye") == ["invited", "answered", "bye"]


def test_debtor_is_joined_later_when_no_operator_was_named(carrier: AsteriskCarrier) -> None:
    leg_id = open_leg(carrier, "op-3")
    channel_id, _ = call(carrier, Behaviour.ANSWERS)
    listen_for(carrier, EventKind.ANSWERED, channel_id)
    carrier.bridge(channel_id, leg_id)
    listen_for(carrier, EventKind.BRIDGED, channel_id)
    carrier.close_leg(leg_id)  # the debtor leaves with the operator
    listen_to_the_end(carrier, [channel_id])


def test_debtor_without_an_operator_in_the_room_is_released_at_once(rig: Rig, carrier: AsteriskCarrier) -> None:
    channel_id, number = call(carrier, Behaviour.ANSWERS, leg_id="leg-of-nobody")
    assert EventKind.BRIDGED not in kinds(listen_to_the_end(carrier, [channel_id]), channel_id)
    assert rig.wait_far_end(number, "bye")[-1] == "bye"


def test_operator_who_does_not_pick_up_has_no_leg(carrier: AsteriskCarrier) -> None:
    carrier.open_leg(LegRequest("leg-away", "op-away"))
    assert kinds(listen_for(carrier, EventKind.LEG_DOWN, "leg-away"), "leg-away") == [EventKind.LEG_DOWN]
    carrier.open_leg(LegRequest("leg-unknown", "op-unknown"))
    assert kinds(listen_for(carrier, EventKind.LEG_DOWN, "leg-unknown"), "leg-unknown") == [EventKind.LEG_DOWN]


def test_call_hung_up_in_the_moment_it_is_made_does_not_ring_on(rig: Rig, carrier: AsteriskCarrier) -> None:
    placed = []
    for _ in range(20):
        placed.append(call(carrier, Behaviour.NO_ANSWER, ring_seconds=120.0))
        carrier.hang_up(placed[-1][0])
    heard = listen_to_the_end(carrier, [channel_id for channel_id, _ in placed])
    assert {only(heard, EventKind.ENDED, channel_id).line_result for channel_id, _ in placed} <= {LineResult.NO_ANSWER, None}
    assert not (carrier.live_channels() or frozenset()) & {channel_id for channel_id, _ in placed}


def test_ringing_call_hung_up_is_cancelled(rig: Rig, carrier: AsteriskCarrier) -> None:
    channel_id, number = call(carrier, Behaviour.NO_ANSWER)
    listen_for(carrier, EventKind.RINGING, channel_id)
    carrier.hang_up(channel_id)
    ended = only(listen_to_the_end(carrier, [channel_id]), EventKind.ENDED, channel_id)
    assert ended.line_result is LineResult.NO_ANSWER
    assert rig.wait_far_end(number, "cancelled") == ["invited", "cancelled"]


def test_hanging_up_what_is_not_there_is_nothing(carrier: AsteriskCarrier) -> None:
    carrier.hang_up("never-was")
    carrier.close_leg("never-was")


def test_one_channel_id_makes_one_call(rig: Rig, carrier: AsteriskCarrier) -> None:
    channel_id, number = call(carrier, Behaviour.HANGS_UP)
    with pytest.raises(CarrierRefused):
        carrier.originate(OriginateRequest(channel_id, number, CALLER_ID))
    listen_to_the_end(carrier, [channel_id])
    with pytest.raises(CarrierRefused):
        carrier.originate(OriginateRequest(channel_id, number, CALLER_ID))
    assert rig.wait_far_end(number, "hung up").count("invited") == 1
