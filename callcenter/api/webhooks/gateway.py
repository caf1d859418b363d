"""Reports and replies of a provider that a document describes: signature checked, stored once, answered, processed after."""

from __future__ import annotations

import time
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from callcenter.api.webhooks.lean import LeanRoute
from callcenter.api.webhooks.storing import keeper, office_in_path, read_limited, refusal
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.messages.inbox.keeping import Report
from campaigns.messages.senders import choice
from campaigns.messages.senders.gateway import hearing, signing
from campaigns.messages.senders.gateway.document import Gateway

router = APIRouter(prefix="/webhooks/gateway", route_class=LeanRoute)
REMEMBERED_SECONDS = 5.0
_known: dict[int, tuple[float, list[Gateway]]] = {}


@router.post("/{office_id}/status")
async def hear_of_message(request: Request) -> Response:
    """Stores a report about a message."""
    return await _hear(request, office_in_path(request), "status")


@router.post("/{office_id}/replies")
async def hear_a_reply(request: Request) -> Response:
    """Stores what a citizen wrote."""
    return await _hear(request, office_in_path(request), "reply")


async def _hear(request: Request, office_id: int, kind: str) -> Response:
    body = await read_limited(request)
    if body is None:
        return refusal(request, 413, "too_large", "The body is too large.")
    document = _signer(await _documents(office_id), request.headers, body)
    if document is None or document.callback is None:
        return refusal(request, 403, "bad_signature", "The signature does not match.")
    if kind == "reply" and document.reply is None:
        return refusal(request, 404, "no_replies", "No replies are expected here.")
    wanted = document.reply if kind == "reply" else document.callback
    payload = hearing.read_body(wanted.format, body) if wanted is not None else None
    key = "" if payload is None else hearing.reply_key(document, payload) if kind == "reply" else hearing.status_key(document, payload)
    if payload is None or not key:
        return refusal(request, 422, "malformed", "The fields that the document names are missing.")
    await keeper().keep(Report(office_id, document.name, kind, key, payload, utc_now()))
    return Response(status_code=204)


async def _documents(office_id: int) -> list[Gateway]:
    """The descriptions of the office's providers, remembered for some seconds."""
    if not office_id:
        return []
    at, known = _known.get(office_id, (0.0, []))
    if time.monotonic() - at > REMEMBERED_SECONDS:
        known = await run_in_threadpool(_load, office_id)
        _known[office_id] = (time.monotonic(), known)
    return known


def _load(office_id: int) -> list[Gateway]:
    with transaction(office_id) as session:
        return choice.gateways(session)


def _signer(documents: list[Gateway], headers: Mapping[str, str], body: bytes) -> Gateway | None:
    """The provider whose signature the report carries."""
    secret = get_settings().sms_gateway_callback_secret.get_secret_value()
    now = int(time.time())
    for document in documents:
        if document.callback is not None and signing.is_genuine(document.callback.auth, secret, headers, body, now):
            return document
    return None
