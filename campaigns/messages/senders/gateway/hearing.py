"""Reports and replies of a provider that a document describes: read from the wire, and read again from what was stored. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from campaigns.messages.senders.gateway.document import Gateway, state_of
from campaigns.messages.senders.gateway.sender import reason_of
from campaigns.messages.senders.port import SmsNews, SmsReply, SmsStatus

MOST_FIELDS, DEEPEST = 60, 6


def read_body(kind: Literal["json", "form"], body: bytes) -> dict[str, str] | None:
    """The body's values by their places (`message.id`), as texts; None where it is not what it should be."""
    try:
        if kind == "form":
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    flat: dict[str, str] = {}
    _flatten(document, "", flat, 0)
    return flat


def status_key(document: Gateway, payload: Mapping[str, str]) -> str:
    """What makes a report this report: a repetition has the same key. Empty where it names no message or no state."""
    callback = document.callback
    if callback is None:
        return ""
    reference, state = payload.get(callback.reference or "", ""), payload.get(callback.state, "")
    return f"{reference}:{state}:{payload.get(callback.error or '', '')}" if reference and state else ""


def reply_key(document: Gateway, payload: Mapping[str, str]) -> str:
    """The same for a reply."""
    reply = document.reply
    return f"reply:{payload.get(reply.id, '')}" if reply is not None and payload.get(reply.id) and payload.get(reply.number) else ""


def read_report(document: Gateway, payload: Mapping[str, Any]) -> SmsNews | None:
    """What a stored status report says; None where its state is unknown."""
    callback = document.callback
    if callback is None:
        return None
    word, code = str(payload.get(callback.state, "")), str(payload.get(callback.error or "", ""))
    reference, state = str(payload.get(callback.reference or "", "")), state_of(word, callback.states)
    if state is None or not reference:
        return None
    provider_id = str(payload.get(callback.id or "", ""))
    return SmsNews(reference, SmsStatus(provider_id, state, f"{word} {code}".strip(), reason_of(document, state, code)))


def read_reply(document: Gateway, payload: Mapping[str, Any]) -> SmsReply | None:
    """What a stored reply says."""
    reply = document.reply
    number = str(payload.get(reply.number, "")) if reply is not None else ""
    return SmsReply(number, str(payload.get(reply.text, ""))) if reply is not None and number else None


def _flatten(value: Any, place: str, flat: dict[str, str], depth: int) -> None:
    if len(flat) >= MOST_FIELDS or depth > DEEPEST:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(inner, f"{place}.{name}" if place else name, flat, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _flatten(inner, f"{place}.{number}", flat, depth + 1)
    elif value is not None and not isinstance(value, bool):
        flat[place[:120]] = str(value)
