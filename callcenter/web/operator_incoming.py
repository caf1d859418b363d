"""Somebody called in and nobody knows yet who it is: the operator types what the caller says, and only an agreement opens a case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.core.eras import parse_date
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.phones import format_national
from callcenter.web import phrases, scripts
from callcenter.web.dependencies import SignedIn
from callcenter.web.operator_stage import Scene
from campaigns.attempts import verification
from campaigns.debtors.identity import Method
from dialer.agents import service as agents
from dialer.inbound import service as inbound
from dialer.inbound.callers import find_person
from dialer.inbound.models import InboundCall


def incoming_model(session: Session, scene: Scene, who: SignedIn, lang: str) -> dict[str, Any]:
    """The fields of operator/incoming.html: the number and how many have it, nothing of anybody."""
    call = session.scalars(select(InboundCall).where(InboundCall.id == scene.view.incoming_id)).one()
    words = {"office": who.office_name, "operator": who.display_name}
    return {
        "incoming": {"number": format_national(call.caller) if call.caller else "", "persons": call.persons},
        "script": {"opening": scene.said()["opening_inbound"].format_map(words)},
        "dodont": {"may": phrases.pick(lang, scripts.MAY), "must_not": phrases.pick(lang, scripts.MUST_NOT)},
    }


def find(session: Session, who: SignedIn, now: datetime, said_name: str, said_birth: str) -> bool:
    """Opens the case of the one person who agrees with name and birth date, which both are verified by that; False when nobody does.

    Each try is on record. Raises:
        InvalidInput: unreadable, which is no try.  Conflict: that caller is gone.
    """
    call = current(session, who)
    birth_date = parse_date(said_birth) if said_birth.strip() else None
    if not said_name.strip() or birth_date is None:
        raise InvalidInput("氏名と生年月日を入れてください。", hint="生年月日の例: S55.4.3、19800403", code="nothing_said")
    debtor_id = find_person(session, call.caller, said_name, birth_date)
    detail = {"incoming": call.id, "is_match": debtor_id is not None}
    audit.record(session, "debtor.verification_tried", "debtor", debtor_id, who.user_id, who.address, detail, now)
    if debtor_id is None:
        return False
    attempt = inbound.choose_person(session, call, agents.require_live(session, who.user_id), debtor_id, now)
    said = {Method.NAME: said_name, Method.BIRTH_DATE: said_birth}
    return all(verification.check(session, attempt.id, who.user_id, method, words, now)[0] for method, words in said.items())


def current(session: Session, who: SignedIn) -> InboundCall:
    """The unknown caller this operator talks with. Raises Conflict when there is none (any more)."""
    agent = agents.find_live(session, who.user_id)
    call = inbound.current_of(session, agent.id) if agent is not None else None
    if call is None:
        raise Conflict("この着信はもう終わっています。", hint="最新にしてください。", code="other_attempt")
    return call
