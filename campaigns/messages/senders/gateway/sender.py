"""A provider described by a document. Each request is sent at most once; a lost answer is unknown, and then the provider is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from callcenter.core.phones import format_national
from campaigns.messages.senders.gateway.document import Answer, Gateway, Status, state_of
from campaigns.messages.senders.gateway.signing import headers_for
from campaigns.messages.senders.port import SenderError, SenderUnreachable, SendUnknown, SmsRequest, SmsStatus
from campaigns.messages.senders.troubles import Trouble, error_of
from campaigns.messages.state import MessageState

CALLBACK_PATH = "/webhooks/gateway/{office}/status"
LARGEST_ANSWER = 200_000
KEPT_SECONDS = 1.0  # a connection kept longer may be closed by the other side just as we write: then nobody knows


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where the provider is and who we are there; from the environment only."""

    url: str
    user: str = ""
    secret: str = field(default="", repr=False)
    sender: str = ""
    public_url: str = ""


class GatewaySender:
    """Fulfils `SmsSender` by a document."""

    def __init__(self, document: Gateway, settings: GatewaySettings) -> None:
        self._document, self._settings = document, settings
        self.name = document.name
        self.segments_per_second = document.segments_per_second
        self.numbers = document.numbers
        self.is_asked_for_receipts = document.callback is None or not settings.public_url
        # Without a way to ask, each request has a connection of its own: a kept one that was closed can't be told from a lost answer.
        kept = httpx.Limits(max_keepalive_connections=None if document.status else 0, keepalive_expiry=KEPT_SECONDS)
        self._client = httpx.Client(timeout=document.timeout_seconds, limits=kept, follow_redirects=False)

    def send(self, request: SmsRequest) -> SmsStatus:
        wanted = self._document.request
        marks = self._marks(request)
        fields = filled(wanted.fields, marks)
        try:
            answer = self._ask(wanted.method, wanted.path, wanted.format, fields, marks, filled(wanted.headers, marks))
        except _NeverSent:
            raise SenderUnreachable(f"{self.name} can't be reached.", hint="Check the address and the network.") from None
        except httpx.HTTPError:
            raise SendUnknown(f"{self.name}: the answer was lost.") from None
        return judge_answer(self._document, answer.status_code, _read(answer))

    def find(self, request: SmsRequest, since: datetime) -> SmsStatus | None:
        status = self._document.status
        if status is None:
            raise SenderUnreachable(f"{self.name} can't be asked: the document has no [status].", code="not_askable")
        marks = self._marks(request)
        try:
            answer = self._ask(status.method, status.path, status.format, filled(status.fields, marks), marks, {})
        except (_NeverSent, httpx.HTTPError):
            raise SenderUnreachable(f"{self.name} can't be reached.") from None
        if answer.status_code in status.not_found:
            return None
        document = _read(answer)
        if not 200 <= answer.status_code < 300 or document is None:
            raise SenderUnreachable(f"{self.name} did not answer the question (status {answer.status_code}).")
        return judge_status(self._document, status, document, request.reference)

    def _marks(self, request: SmsRequest) -> dict[str, str]:
        office = request.reference.partition("-")[0]
        callback = self._settings.public_url.rstrip("/") + CALLBACK_PATH.format(office=office) if self._settings.public_url else ""
        return {
            "to": request.e164,
            "to_digits": request.e164.removeprefix("+"),
            "to_national": format_national(request.e164).replace("-", ""),
            "text": request.body,
            "reference": request.reference,
            "sender": request.number or self._settings.sender,
            "callback": callback,
            "provider_id": "",
        }

    def _ask(
        self, method: str, path: str, kind: str, fields: Mapping[str, str], marks: Mapping[str, str], headers: Mapping[str, str]
    ) -> httpx.Response:
        """One request, sent at most once.

        Raises: _NeverSent where the other side was certainly not reached; httpx.HTTPError where nobody knows.
        """
        address, body, content = wire_of(self._settings.url, method, path, kind, fields, marks)
        own = headers_for(self._document.auth, self._settings.user, self._settings.secret, body, int(time.time()))
        try:
            return self._client.request(method, address, content=body or None, headers={**headers, **content, **own})
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as problem:
            raise _NeverSent from problem


def wire_of(
    url: str, method: str, path: str, kind: str, fields: Mapping[str, str], marks: Mapping[str, str]
) -> tuple[str, bytes, dict[str, str]]:
    """Address, body and content header of a request. Pure."""
    address = url.rstrip("/") + fill(path, {name: quote(value, safe="") for name, value in marks.items()})
    if method == "GET":
        return address + (("&" if "?" in address else "?") + urlencode(fields) if fields else ""), b"", {}
    if kind == "json":
        return address, json.dumps(nested(fields), ensure_ascii=False).encode(), {"Content-Type": "application/json; charset=utf-8"}
    return address, urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def example_document() -> str:
    """A description to begin with, every field explained."""
    return files(__package__).joinpath("example.toml").read_text(encoding="utf-8")


def example_request(document: Gateway, url: str, sender: str) -> dict[str, Any]:
    """The request a made-up message becomes, for people to compare with their provider's description; the secret is never in it."""
    marks = {
        "to": "+819000000000",
        "to_digits": "819000000000",
        "to_national": "09000000000",
        "text": "○○市です。お電話ください。",
        "reference": "1-0123456789abcdef",
        "sender": sender,
        "callback": "https://…" + CALLBACK_PATH.format(office=1),
        "provider_id": "",
    }
    wanted = document.request
    address, body, content = wire_of(url, wanted.method, wanted.path, wanted.format, filled(wanted.fields, marks), marks)
    own = headers_for(document.auth, "USER", "SECRET", b"", 0)
    shown = {name: ("…" if name != document.auth.timestamp_header else "(time)") for name in own}
    return {
        "method": wanted.method,
        "url": address,
        "headers": {**filled(wanted.headers, marks), **content, **shown},
        "body": body.decode(),
    }


class _NeverSent(Exception):
    """The other side was certainly not reached."""


def judge_answer(document: Gateway, status: int, answer: Any) -> SmsStatus:
    """What an answer to a message means. Pure.

    Args:
        answer: the parsed body, None where it was none.

    Raises: SenderRefused, SenderUnreachable, SendUnknown.
    """
    told: Answer = document.answer
    code = at_place(answer, told.error) if told.error else ""
    if code and code != told.is_ok_code and code in told.errors:
        raise error_of(told.errors[code], document.name, code)
    if status in document.request.not_taken:
        raise error_of(Trouble.RATE_LIMITED if status == 429 else Trouble.BUSY, document.name, str(status))
    if status in document.request.success:
        provider_id = at_place(answer, told.id)
        if code and code != told.is_ok_code:
            raise error_of(Trouble.REFUSED, document.name, code)
        if not provider_id:
            raise SendUnknown(f"{document.name}: the answer has nothing at '{told.id}' (answer.id).", code="answer_unreadable")
        return SmsStatus(provider_id, MessageState.ACCEPTED, str(status))
    raise _by_status(document.name, status, code)


def _by_status(name: str, status: int, code: str) -> SenderError:
    """The error of an answer that the document says nothing about."""
    if status in (401, 403):
        return error_of(Trouble.CREDENTIAL, name, code or str(status))
    if status == 402:
        return error_of(Trouble.BALANCE, name, code or str(status))
    if 300 <= status < 400 or status in (404, 405, 415):
        return error_of(Trouble.MISCONFIGURED, name, code or str(status))
    if status >= 500 or status < 300:
        return error_of(Trouble.FAULT, name, code or str(status))
    return error_of(Trouble.REFUSED, name, code or str(status))


def judge_status(document: Gateway, status: Status, answer: Any, reference: str) -> SmsStatus | None:
    """What a status query told about the message with our reference; None where the provider has none like it. Pure.

    The provider has a message of which it tells a word that the document does not know: taken, and no more than that.
    """
    found = value_at(answer, status.items) if status.items else answer
    rows = found if isinstance(found, list) else [] if found is None else [found]
    for row in rows:
        if status.reference is not None and at_place(row, status.reference) != reference:
            continue
        word, code = at_place(row, status.state), at_place(row, status.error) if status.error else ""
        state = state_of(word, document.asked_states) or MessageState.ACCEPTED
        return SmsStatus(at_place(row, status.id), state, f"{word} {code}".strip(), reason_of(document, state, code))
    return None


def reason_of(document: Gateway, state: MessageState, code: str) -> str:
    """Our word for why a message did not arrive."""
    if state not in (MessageState.UNDELIVERED, MessageState.FAILED):
        return ""
    known = {**document.answer.errors, **(document.callback.errors if document.callback else {})}
    return known.get(code, Trouble.NOT_DELIVERED).value


def fill(text: str, marks: Mapping[str, str]) -> str:
    """A text of the document with its marks replaced; what a mark brings in is not read for marks again."""
    parts = []
    rest = text
    while rest:
        before, brace, after = rest.partition("{")
        parts.append(before)
        name, closed, tail = after.partition("}")
        if not brace:
            break
        parts.append(marks[name] if closed and name in marks else brace + name + closed)
        rest = tail
    return "".join(parts)


def filled(fields: Mapping[str, str], marks: Mapping[str, str]) -> dict[str, str]:
    """All fields with their marks replaced."""
    return {name: fill(text, marks) for name, text in fields.items()}


def nested(fields: Mapping[str, str]) -> Any:
    """Names joined by full stops as objects within objects; numbers as lists (`messages.0.to`)."""
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        *parents, last = name.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return _lists(tree)


def _lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    inner = {name: _lists(value) for name, value in tree.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def value_at(document: Any, place: str) -> Any:
    """What stands at `a.b.0.c`; None where there is nothing."""
    for name in place.split("."):
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def at_place(document: Any, place: str | None) -> str:
    """The same as a text; empty where there is nothing or no single value."""
    found = value_at(document, place) if place else None
    if isinstance(found, bool) or found is None or isinstance(found, dict | list):
        return ""
    return str(found)[:200]


def _read(answer: httpx.Response) -> Any:
    """The body as JSON; None where it is none."""
    if len(answer.content) > LARGEST_ANSWER:
        return None
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
