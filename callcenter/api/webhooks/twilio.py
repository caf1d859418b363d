"""Twilio's webhooks: the signature is checked against our configured address, the report stored once, the answer given; the rest follows.

The office is the one in our own channel id or message reference, which the signed address carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import Request
from starlette.responses import Response

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, NotAllowed, NotFound
from callcenter.core.live import publish
from callcenter.core.settings import get_settings
from campaigns.messages.events import record_by_reference
from campaigns.messages.senders.port import SmsStatus
from campaigns.messages.senders.twilio import STATUS_PATH, state_of
from dialer.calls.models import CarrierInbox
from dialer.calls.service import office_of_channel
from dialer.telephony.twilio.signature import is_genuine
from dialer.telephony.twilio.twiml import WEBHOOK_PATH
from dialer.telephony.twilio.webhook import parse_webhook, reply_to_webhook

log = structlog.get_logger(__name__)
router = APIRouter()
CARRIER = "twilio"


async def signed_form(request: Request) -> dict[str, str]:
    """The body's fields of a genuine report; 403 for anything else, whatever Host or X-Forwarded headers say."""
    body = {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}
    settings = get_settings()
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    path = raw_path.split(b"?")[0].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    signature = request.headers.get("x-twilio-signature", "")
    token = settings.twilio_auth_token.get_secret_value()
    if not is_genuine(token, settings.public_url, f"{path}?{query}" if query else path, body, signature):
        log.warning("webhook_refused", carrier=CARRIER, request_id=request.state.request_id)
        raise NotAllowed("The signature does not match.", code="bad_signature")
    return body


Signed = Annotated[dict[str, str], Depends(signed_form)]


@router.post(WEBHOOK_PATH)
def hear_of_call(request: Request, body: Signed) -> Response:
    """Stores a report about a call for the dialer and answers with what Twilio is to do next."""
    form = {**request.query_params, **body}
    office_id = office_of_channel(form.get("ref", ""))
    event = parse_webhook(form, utc_now())
    if office_id is not None and event is not None:
        store(office_id, "call", event.key, form)
    return Response(reply_to_webhook(form, get_settings().public_url), media_type="application/xml")


@router.post(STATUS_PATH + "{reference}")
def hear_of_message(request: Request, body: Signed, background: BackgroundTasks, reference: str) -> Response:
    """Stores a report about a message, answers, and then moves the message."""
    office, _, rest = reference.partition("-")
    if not (office.isascii() and office.isdigit() and rest and len(reference) <= 60):
        raise NotFound("There is no such message.", code="no_message")
    word = body.get("MessageStatus", "")
    key = f"{body.get('MessageSid', '')}:{word}:{body.get('ErrorCode', '')}"
    if word and store(int(office), "message", key, {"reference": reference, **body}):
        background.add_task(move_message, int(office), reference, body, key)
    return Response(status_code=204)


def store(office_id: int, kind: str, event_key: str, payload: Mapping[str, Any]) -> bool:
    """Keeps a report once; whether it is new. Tells the dialer that something came in."""
    kept = {name: value for name, value in payload.items() if name not in ("To", "From", "Called", "Caller", "Body", "plan")}
    with transaction(office_id) as session:
        row = insert(CarrierInbox).values(carrier=CARRIER, kind=kind, event_key=event_key[:120], payload=kept, received_at=utc_now())
        new = session.scalar(row.on_conflict_do_nothing(index_elements=["office_id", "carrier", "event_key"]).returning(CarrierInbox.id))
        if new is not None and kind == "call":
            publish(session, "dial")
    return new is not None


def move_message(office_id: int, reference: str, body: Mapping[str, str], key: str) -> None:
    """What follows from a stored report; if this fails the sender's own sweep asks Twilio."""
    state = state_of(body.get("MessageStatus", ""))
    now = utc_now()
    try:
        with transaction(office_id) as session:
            if state is not None:
                detail = f"{body.get('MessageStatus', '')} {body.get('ErrorCode', '')}".strip()
                record_by_reference(session, reference, SmsStatus(body.get("MessageSid", ""), state, detail), key, now)
            session.execute(
                update(CarrierInbox).where(CarrierInbox.carrier == CARRIER, CarrierInbox.event_key == key[:120]).values(processed_at=now)
            )
    except AppError as problem:
        log.warning("webhook_not_processed", kind="message", code=problem.code)
