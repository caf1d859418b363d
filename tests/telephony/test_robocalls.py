"""Robocall scripts on a real Asterisk: menus below menus, wrong keys, silence, operators, machines; the way is told as it was walked."""

from __future__ import annotations

import pytest

from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import LegRequest, OriginateRequest
from dialer.telephony.robocall import NodeKind, OnMachine, PlanNode, RobocallPlan
from tests.telephony.listening import kinds, listen_for, listen_to_the_end, only
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, new_serial, number_of

pytestmark = pytest.mark.asterisk
END = PlanNode("bye", NodeKind.END, "thanks")
TREE = RobocallPlan(
    (
        PlanNode(
            "start", NodeKind.MENU, "prompt", keys={"1": "below", "3": "ask"}, repeats=1, wait_seconds=1.0, then="bye", on_wrong="wrong"
        ),
        PlanNode("below", NodeKind.MENU, "prompt", keys={"2": "done", "*": "start"}, repeats=2, wait_seconds=1.0, then="bye"),
        PlanNode("wrong", NodeKind.SAY, "thanks", then="start"),
        PlanNode("ask", NodeKind.TRANSFER, "thanks", then="bye"),
        PlanNode("done", NodeKind.END, "thanks"),
        END,
    )
)


def walk(carrier: AsteriskCarrier, behaviour: Behaviour, plan: RobocallPlan = TREE) -> tuple[str, str]:
    serial = new_serial()
    number, channel_id = number_of(behaviour, serial), f"robo-{serial}"
    carrier.originate(OriginateRequest(channel_id, number, CALLER_ID, robocall=plan))
    return channel_id, number


def way(heard: list[CarrierEvent], channel_id: str) -> list[str | None]:
    """The nodes in the order of their steps."""
    told = {event.step: event.node for event in heard if event.kind is EventKind.NODE and event.channel_id == channel_id}
    return [told[step] for step in sorted(told)]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (Behaviour.PRESSES_1_THEN_2, ["start", "below", "done"]),
        (Behaviour.PRESSES_1, ["start", "below", "bye"]),
        (Behaviour.ANSWERS, ["start", "bye"]),
        (Behaviour.PRESSES_9, ["start", "wrong", "start", "bye"]),
        (Behaviour.HANGS_UP, ["start"]),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Behaviour) else "",
)
def test_the_way_through_the_script_is_told(carrier: AsteriskCarrier, behaviour: Behaviour, expected: list[str]) -> None:
    channel_id, _ = walk(carrier, behaviour)
    heard = listen_to_the_end(carrier, [channel_id])
    assert way(heard, channel_id) == expected
    assert len({event.key for event in heard}) == len(heard)


def test_who_asks_for_an_operator_is_joined_with_one(rig: Rig, carrier: AsteriskCarrier) -> None:
    leg_id = f"leg-{new_serial()}"
    carrier.open_leg(LegRequest(leg_id, "op-2"))
    listen_for(carrier, EventKind.LEG_UP, leg_id)
    channel_id, number = walk(carrier, Behaviour.PRESSES_3)
    heard = listen_for(carrier, EventKind.TRANSFER, channel_id)
    assert only(heard, EventKind.TRANSFER, channel_id).node == "ask"
    carrier.bridge(channel_id, leg_id)
    listen_for(carrier, EventKind.BRIDGED, channel_id)
    carrier.hang_up(channel_id)
    listen_to_the_end(carrier, [channel_id])
    assert rig.wait_far_end(number, "bye")[-1] == "bye"
    carrier.close_leg(leg_id)
    listen_for(carrier, EventKind.LEG_DOWN, leg_id)


@pytest.mark.parametrize("leaves", [True, False], ids=["leaves the message", "hangs up"])
def test_machine_gets_the_message_after_its_greeting_or_nothing(rig: Rig, carrier: AsteriskCarrier, leaves: bool) -> None:
    policy = OnMachine.LEAVE_MESSAGE if leaves else OnMachine.HANG_UP
    plan = RobocallPlan(TREE.nodes, policy, PlanNode("_machine", NodeKind.END, "prompt") if leaves else None)
    channel_id, number = walk(carrier, Behaviour.MACHINE, plan)
    heard = listen_to_the_end(carrier, [channel_id], seconds=60)
    assert EventKind.MACHINE in kinds(heard, channel_id)
    assert way(heard, channel_id) == []
    assert (EventKind.PROMPT_DONE in kinds(heard, channel_id)) == leaves
    rig.wait_far_end(number, "bye")


def test_who_says_nothing_is_no_machine(rig: Rig, carrier: AsteriskCarrier) -> None:
    channel_id, number = walk(carrier, Behaviour.ANSWERS, RobocallPlan((END,), OnMachine.HANG_UP))
    heard = listen_to_the_end(carrier, [channel_id], seconds=60)
    assert EventKind.MACHINE not in kinds(heard, channel_id)
    assert way(heard, channel_id) == ["bye"]
    rig.wait_far_end(number, "bye")
