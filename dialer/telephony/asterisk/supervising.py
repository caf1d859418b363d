"""A supervisor's leg on Asterisk: ChanSpy on the operator's leg to hear and to prompt, conference rooms to join and to take over.

Every change of mode is a Redirect of a phone that is up already, so it does not ring again. A debtor changes rooms only to take a
conversation over and to give it back; the recording hangs on the debtor's channel and goes on.
"""

from __future__ import annotations

from dialer.telephony.asterisk.controls import redirect
from dialer.telephony.asterisk.link import AmiLink
from dialer.telephony.asterisk.orders import AsteriskSettings, Order, leg_order, require_id
from dialer.telephony.conversation import SupervisionMode, SupervisionRequest
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.port import LegRequest

CONTEXT = "callcenter-supervisor"
Move = tuple[str, str, str, str]  # channel, room it gets, context, extension


def first_order(request: SupervisionRequest, settings: AsteriskSettings) -> Order:
    """The call to the supervisor's phone. Raises CarrierRefused for a mode that needs a leg that is up."""
    if request.mode is SupervisionMode.TAKE_OVER:
        raise CarrierRefused("a conversation is taken over by a phone that is up already", code="leg_not_up")
    order = leg_order(LegRequest(request.leg_id, request.address), settings)
    target = {"Context": CONTEXT, "Exten": request.mode.value}
    return Order({**order.keys, **target}, {"CALLCENTER_ROOM": require_id(_object(request))})


def moves(request: SupervisionRequest) -> list[Move]:
    """Who goes where, in order: nobody is alone in a room on the way, and nobody is let go before the next room is made."""
    leg, room = require_id(request.leg_id), require_id(request.room_id)
    debtor = None if request.channel_id is None else require_id(request.channel_id)
    is_taken = request.was is SupervisionMode.TAKE_OVER
    takes = request.mode is SupervisionMode.TAKE_OVER
    if takes and debtor is None:
        raise CarrierRefused("there is no conversation to take over", code="no_conversation")
    found: list[Move] = []
    if is_taken and not takes and debtor is not None:
        found.append((debtor, room, "callcenter-debtor", "join"))
    found.append((leg, require_id(_object(request)), CONTEXT, request.mode.value))
    if takes and not is_taken and debtor is not None:
        found.append((debtor, leg, CONTEXT, "taken"))
    return found


def _object(request: SupervisionRequest) -> str:
    """The channel that is listened to, the room that is joined, or the supervisor's own room."""
    if request.mode is SupervisionMode.TAKE_OVER:
        return request.leg_id
    return request.room_id if request.mode is SupervisionMode.BARGE else request.operator_channel


def change(link: AmiLink, request: SupervisionRequest) -> None:
    """Changes what a leg does. Raises CarrierRefused when Asterisk does not do it, for instance because the call has ended."""
    for channel, room, context, exten in moves(request):
        answer = link.ask("Setvar", {"Channel": channel, "Variable": "CALLCENTER_ROOM", "Value": room})
        if not answer.is_error:
            answer = redirect(link, {"Channel": channel, "Context": context, "Exten": exten, "Priority": "1"})
        if answer.is_error:
            raise CarrierRefused(f"Asterisk could not change the supervisor's part ({answer.message})", code="no_conversation")
