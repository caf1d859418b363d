"""A robocall's plan as channel variables, which `templates/extensions_robocall.conf` walks. Pure; every value is checked here."""

from __future__ import annotations

import re

from dialer.telephony.errors import CarrierRefused
from dialer.telephony.robocall import TRANSFER_SECONDS, NodeKind, OnMachine, PlanNode, RobocallPlan

KEY_PLACES = "0123456789*#"
_SOUND = re.compile(r"[A-Za-z0-9_/-]{1,200}", re.ASCII)
_CODE = re.compile(r"[a-z0-9_]{1,30}", re.ASCII)
_MOST_NODES = 40  # a manager action has 128 lines at most


def robocall_variables(plan: RobocallPlan, sound_folder: str, *, detects_machines: bool = False) -> dict[str, str]:
    """The variables of one call. Raises CarrierRefused for a plan that can't be walked safely.

    Args:
        sound_folder: where the sounds are, as Asterisk sees it; "" for its own folder.
        detects_machines: listen for machines also where the plan does not ask for it, and hang up on them.
    """
    if not plan.nodes or len(plan.nodes) > _MOST_NODES:
        raise CarrierRefused(f"a robocall has 1 to {_MOST_NODES} nodes")
    on_machine = OnMachine.HANG_UP if detects_machines and plan.on_machine is OnMachine.TALK else plan.on_machine
    folder = f"{sound_folder.rstrip('/')}/" if sound_folder else ""
    if folder:
        _sound(folder.rstrip("/"))
    return {
        "CALLCENTER_START": _code(plan.nodes[0].code),
        "CALLCENTER_SOUNDS": folder,
        "CALLCENTER_MACHINE": on_machine.value,
        "CALLCENTER_MESSAGE": _sound(plan.message.sound) if plan.message is not None and plan.message.sound else "",
        **{f"CALLCENTER_NODE_{_code(node.code)}": _fields(node) for node in plan.nodes},
    }


def sound_of(name: str, folder: str) -> str:
    """The sound `name` in the carrier's folder. Raises CarrierRefused for a name that is none."""
    return f"{folder.rstrip('/')}/{_sound(name)}" if folder else _sound(name)


def _fields(node: PlanNode) -> str:
    if node.kind in (NodeKind.MENU, NodeKind.SAY) and not node.sound:
        raise CarrierRefused(f"the node '{node.code}' of a robocall says nothing")
    if set(node.keys) - set(KEY_PLACES):
        raise CarrierRefused("the keys of a robocall are digits, * and #")
    seconds = float(TRANSFER_SECONDS) if node.kind is NodeKind.TRANSFER else float(node.wait_seconds)
    keys = ".".join(_code(node.keys[key]) if key in node.keys else "" for key in KEY_PLACES)
    fields = (
        node.kind.value,
        _sound(node.sound) if node.sound else "",
        str(max(1, int(node.repeats))),
        f"{seconds:.1f}",
        _code(node.then) if node.then else "",
        _code(node.on_wrong) if node.on_wrong else "",
        keys,
    )
    return ":".join(fields)


def _sound(name: str) -> str:
    if not _SOUND.fullmatch(name):
        raise CarrierRefused("the name of a prompt has letters, digits, '_', '-' and '/' only")
    return name


def _code(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise CarrierRefused("the code of a robocall's node has small letters, digits and '_' only")
    return code
