"""Twilio's webhooks: the signature is checked against our configured address, the report stored once, the answer given; the rest follows.

The office is the one in our own channel id or message reference, or in the address Twilio was given; the signature covers all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Depends
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import Request
from starlette.responses import Response

from callcenter.api.webhooks.lean import LeanRoute
from callcenter.api.webhooks.storing import keeper, office_in_path, read_limited, refusal, wire_path
from callcenter.auth.models import Office
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, NotAllowed
from callcenter.core.live import publish
from callcenter.core.settings import get_settings
from campaigns.messages.inbox.keeping import Report
from campaigns.messages.senders.twilio import REPLY_PATH, STATUS_PATH
from dialer.calls.models import CarrierInbox
from dialer.calls.robocalls import plan_of_channel
from dialer.calls.service import office_of_channel
from dialer.telephony.twilio.mapping import KIND_BY_STATUS
from dialer.telephony.twilio.signature import is_genuine
from dialer.telephony.twilio.twiml import INCOMING_PATH, WEBHOOK_PATH, nothing, welcome
from dialer.telephony.twilio.webhook import STEPS, next_node, parse_webhook, reply_to_webhook

log = structlog.get_logger(__name__)
router = APIRouter()  # calls: few, and answered with what is to be done next
messages_router = APIRouter(route_class=LeanRoute)
CARRIER = "twilio"
MOST_FIELDS = 100
STILL_COMING = frozenset({"queued", "initiated", "ringing"})
# Whom a status report is about is known by our reference: their number and text are not stored again.
PERSONAL = frozenset({"To", "From", "Called", "Caller", "Body", "plan"})


class Malformed(AppError):
    """The body is too large or no form."""

    code = "malformed"
    status = 422


async def signed_form(request: Request) -> dict[str, str]:
    """The body's fields of a genuine report; 403 for anything else, whatever Host or X-Forwarded headers say."""
    raw = await read_limited(request)
    if raw is None:
        raise TooLarge("The body is too large.")
    try:
        body = dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Malformed("The body is no form.") from None
    settings = get_settings()
    signature = request.headers.get("x-twilio-signature", "")
    token = settings.twilio_auth_token.get_secret_value()
    if not is_genuine(token, settings.public_url, wire_path(request), body, signature):
        log.warning("webhook_refused", carrier=CARRIER, request_id=request.state.request_id)
        raise NotAllowed("The signature does not match.", code="bad_signature")
    return body


class TooLarge(Malformed):
    """The body is larger than any report."""

    code = "too_large"
    status = 413


Signed = Annotated[dict[str, str], Depends(signed_form)]


@router.post(WEBHOOK_PATH)
def hear_of_call(request: Request, body: Signed) -> Response:
    """Stores a report about a call for the dialer and answers with what Twilio is to do next."""
    form = {**request.query_params, **body}
    office_id = office_of_channel(form.get("ref", ""))
    plan = None
    if office_id is not None and form.get("event") in (*STEPS, "transfer"):
        with transaction(office_id) as session:
            plan = plan_of_channel(session, form["ref"])
        to = next_node(form, plan)
        form["went_to"] = to.code if to is not None else ""
    event = parse_webhook(form, utc_now())
    if office_id is not None and event is not None:
        store_call(office_id, event.key, form)
    return Response(reply_to_webhook(form, get_settings().public_url, plan), media_type="application/xml")


@router.post(INCOMING_PATH + "{office_id}")
def hear_of_incoming(request: Request, body: Signed, office_id: int) -> Response:
    """Somebody calls the office's number: the dialer is told and takes the call within a moment. Its end is told here, too."""
    sid = body.get("CallSid", "")
    if not sid or not is_office(office_id):
        return refusal(request, 422, "malformed", "CallSid is missing, or there is no such office.")
    event = "status" if body.get("CallStatus") in KIND_BY_STATUS and body["CallStatus"] not in STILL_COMING else "incoming"
    told = {"ref": f"o{office_id}-in-{sid}", "event": event, "caller": body.get("From", ""), "called": body.get("To", "")}
    form = {**body, **told}
    heard = parse_webhook(form, utc_now())
    if heard is not None:
        store_call(office_id, heard.key, form)
    return Response(welcome() if event == "incoming" else nothing(), media_type="application/xml")


def is_office(office_id: int) -> bool:
    """Whether there is such an office."""
    with transaction(None) as session:
        return 0 < office_id < 2**31 and session.get(Office, office_id) is not None


@messages_router.post(STATUS_PATH + "{reference}")
async def hear_of_message(request: Request) -> Response:
    """Stores a report about a message and answers; a job moves the message."""
    body, reference = await signed_form(request), str(request.path_params["reference"])
    office_id = office_of_reference(reference)
    word, sid = body.get("MessageStatus", ""), body.get("MessageSid", "")
    if office_id is None:
        return refusal(request, 404, "no_message", "There is no such message.")
    if not word or not sid:
        return refusal(request, 422, "malformed", "MessageSid or MessageStatus is missing.")
    key = f"{sid}:{word}:{body.get('ErrorCode', '')}"
    kept = {name: value for name, value in body.items() if name not in PERSONAL} | {"reference": reference}
    await keeper().keep(Report(office_id, CARRIER, "status", key, kept, utc_now()))
    return Response(status_code=204)


@messages_router.post(REPLY_PATH + "{office_id}")
async def hear_a_reply(request: Request) -> Response:
    """Stores what a citizen wrote; the address in Twilio's Messaging Service carries the office's number. Nothing is answered to them."""
    body, office_id = await signed_form(request), office_in_path(request)
    sid = body.get("MessageSid", "")
    if not sid or not body.get("From") or not office_id:
        return refusal(request, 422, "malformed", "MessageSid or From is missing.")
    await keeper().keep(Report(office_id, CARRIER, "reply", f"reply:{sid}", body, utc_now()))
    return Response(nothing(), media_type="application/xml")


def office_of_reference(reference: str) -> int | None:
    """The office in a reference of ours; None where it is none."""
    office, _, rest = reference.partition("-")
    is_ours = office.isascii() and office.isdigit() and len(office) < 10 and rest and len(reference) <= 60
    return int(office) if is_ours else None


def store_call(office_id: int, event_key: str, payload: Mapping[str, Any]) -> None:
    """Keeps a report about a call once and tells the dialer that something came in."""
    kept = {name: value for name, value in payload.items() if name not in PERSONAL}
    with transaction(office_id) as session:
        row = insert(CarrierInbox).values(carrier=CARRIER, kind="call", event_key=event_key[:120], payload=kept, received_at=utc_now())
        new = session.scalar(row.on_conflict_do_nothing(index_elements=["office_id", "carrier", "event_key"]).returning(CarrierInbox.id))
        if new is not None:
            publish(session, "dial")
