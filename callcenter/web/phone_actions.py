"""What an operator does with the telephone: choose it, register it, and mute, hold, keys, asking an officer.

Each wish is put on record and carried out by the dialer within a moment; the page hears of it and shows what truly holds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web import signing
from callcenter.web.dependencies import SignedIn, Tx
from callcenter.web.operator_actions import Action, act, require_charge
from callcenter.web.operator_pages import Operator, read_scene
from callcenter.web.operator_reasons import reasons_for
from dialer.agents import phones
from dialer.agents import service as agents
from dialer.controls import service as controls
from dialer.controls.state import Verb
from dialer.telephony.port import REALM

router = APIRouter(prefix="/console")


@router.post("/phone")
def choose_phone(session: Tx, who: Operator, kind: Annotated[str, Field(max_length=10)]) -> Response:
    """Works with that telephone from now on. A plain form: the page is opened anew with what that telephone needs."""
    now = utc_now()
    agent = phones.choose(session, who.user_id, kind, now, has_softphone=bool(get_settings().softphone_url))
    audit.record(session, "phone.chosen", "user", who.user_id, who.user_id, who.address, {"kind": agent.leg_kind}, now)
    return RedirectResponse("/operator", 303)


@router.post("/softphone")
def register_softphone(request: Request, session: Tx, who: Operator) -> JSONResponse:
    """How this page's telephone registers: a name and a password of this sign-in only, for the page in charge."""
    now = utc_now()
    socket_url = get_settings().softphone_url
    agent = phones.begin(session, who.user_id, now, has_softphone=bool(socket_url))
    require_charge(request, session, who, now)
    if agent.leg_kind != phones.BROWSER or not socket_url:
        return JSONResponse({"is_on": False})
    password = signing.phone_password(who.office_id, agent.id, agent.leg_id)
    phones.may_register(session, agent, password)
    return JSONResponse(
        {"is_on": True, "uri": f"sip:{agent.leg_address}@{REALM}", "realm": REALM, "password": password, "socket_url": socket_url}
    )


@router.post("/softphone/connect")
def connect_softphone(request: Request, session: Tx, who: Operator) -> Response:
    """The page's telephone is registered and waits to be called, for the first time or after a break."""
    now = utc_now()
    require_charge(request, session, who, now)
    agent = agents.find_live(session, who.user_id)
    if agent is None or agent.leg_kind != phones.BROWSER:
        raise Conflict("この画面の電話は使われていません。", hint="画面を開き直してください。", code="no_softphone")
    phones.call_me(session, agent, now)
    return Response(status_code=204)


def _wish(request: Request, session: Session, who: SignedIn, done: Action, attempt_id: int, verb: Verb) -> Response:
    def do(session: Session, who: SignedIn, now: datetime) -> None:
        controls.ask(session, who.user_id, attempt_id, verb, now)

    return act(request, session, who, done, do, attempt_id)


@router.post("/calls/{attempt_id}/mute")
def mute(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int, is_muted: Annotated[bool, Field()]) -> Response:
    """The other end hears nothing of the operator, or again."""
    return _wish(request, session, who, done, attempt_id, Verb.MUTE if is_muted else Verb.UNMUTE)


@router.post("/calls/{attempt_id}/hold")
def hold(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int, is_held: Annotated[bool, Field()]) -> Response:
    """A tone for the other end and silence here, or both together again."""
    return _wish(request, session, who, done, attempt_id, Verb.HOLD if is_held else Verb.RESUME)


@router.post("/calls/{attempt_id}/keys")
def send_keys(
    request: Request, session: Tx, who: Operator, done: Action, attempt_id: int, keys: Annotated[str, Field(max_length=40)] = ""
) -> Response:
    """Presses keys towards the other end, for instance an extension."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        controls.send_keys(session, who.user_id, attempt_id, keys.strip(), now)

    return act(request, session, who, done, do, attempt_id)


@router.post("/calls/{attempt_id}/transfer")
def consult(
    request: Request,
    session: Tx,
    who: Operator,
    done: Action,
    attempt_id: int,
    staff_id: Annotated[int, Field()] = 0,
    reason: Annotated[str, Field(max_length=40)] = "",
) -> Response:
    """The other end waits, and a member of the staff is called to be asked privately."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        scene = read_scene(session, who, now)
        if reason not in reasons_for(scene):
            raise InvalidInput("理由を選んでください。", hint="一覧から選びます。", code="bad_reason")
        talk = controls.consult(session, who.user_id, attempt_id, staff_id, reason, now)
        detail = {"attempt_id": attempt_id, "officer_id": staff_id, "reason": reason, "consultation_id": talk.id}
        debtor_id = scene.view.debtor_id
        audit.record(session, "call.officer_asked", "debtor", debtor_id, who.user_id, who.address, detail, now)

    return act(request, session, who, done, do, attempt_id)


@router.post("/calls/{attempt_id}/transfer/join")
def join(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """All three hear each other."""
    return _wish(request, session, who, done, attempt_id, Verb.JOIN)


@router.post("/calls/{attempt_id}/transfer/back")
def take_back(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """The officer goes, the other end comes back."""
    return _wish(request, session, who, done, attempt_id, Verb.TAKE_BACK)


@router.post("/calls/{attempt_id}/transfer/hand-over")
def hand_over(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """The officer goes on with the call; the operator writes down what was said."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        controls.ask(session, who.user_id, attempt_id, Verb.HAND_OVER, now)
        debtor_id = read_scene(session, who, now).view.debtor_id
        audit.record(session, "call.handed_over", "debtor", debtor_id, who.user_id, who.address, {"attempt_id": attempt_id}, now)

    return act(request, session, who, done, do, attempt_id)
