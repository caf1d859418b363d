"""Twilio's messages through its official client. Each request is sent at most once; a lost answer is unknown, never repeated.

Twilio takes no reference of ours: it travels in the status callback's address, and a message whose answer was lost is looked up among
those to its number since the hand-over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import MaxRetryError, NewConnectionError

from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SendUnknown, SmsNews, SmsReply, SmsRequest, SmsStatus
from campaigns.messages.senders.troubles import Trouble, error_of
from campaigns.messages.state import MessageState

STATUS_PATH = "/webhooks/twilio/messages/"
REPLY_PATH = "/webhooks/twilio/replies/"
CLOCK_SKEW = timedelta(minutes=2)
LOOKED_AT = 200

# Twilio's words for a message's state; one that is not here is noted and changes nothing.
STATES: Mapping[str, MessageState] = {
    "accepted": MessageState.ACCEPTED,
    "scheduled": MessageState.ACCEPTED,
    "queued": MessageState.ACCEPTED,
    "sending": MessageState.ACCEPTED,
    "sent": MessageState.ACCEPTED,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}

# Twilio's error codes, of answers and of reports alike (www.twilio.com/docs/api/errors); others are judged by their status.
ERRORS: Mapping[int, Trouble] = {
    20003: Trouble.CREDENTIAL,
    20005: Trouble.ACCOUNT_SUSPENDED,
    20008: Trouble.CREDENTIAL,
    20404: Trouble.MISCONFIGURED,
    20429: Trouble.RATE_LIMITED,
    20500: Trouble.FAULT,
    20503: Trouble.FAULT,
    21211: Trouble.INVALID_NUMBER,
    21212: Trouble.SENDER_NOT_OURS,
    21217: Trouble.INVALID_NUMBER,
    21219: Trouble.SENDER_NOT_OURS,
    21265: Trouble.INVALID_NUMBER,
    21401: Trouble.INVALID_NUMBER,
    21408: Trouble.MISCONFIGURED,
    21421: Trouble.INVALID_NUMBER,
    21602: Trouble.CONTENT_REFUSED,
    21603: Trouble.MISCONFIGURED,
    21604: Trouble.INVALID_NUMBER,
    21606: Trouble.SENDER_NOT_OURS,
    21610: Trouble.OPTED_OUT,
    21611: Trouble.BUSY,
    21612: Trouble.NOT_MOBILE,
    21614: Trouble.NOT_MOBILE,
    21617: Trouble.CONTENT_REFUSED,
    21619: Trouble.CONTENT_REFUSED,
    21659: Trouble.SENDER_NOT_OURS,
    21660: Trouble.SENDER_NOT_OURS,
    21703: Trouble.MISCONFIGURED,
    21704: Trouble.MISCONFIGURED,
    21705: Trouble.MISCONFIGURED,
    30001: Trouble.BUSY,
    30002: Trouble.ACCOUNT_SUSPENDED,
    30003: Trouble.HANDSET_OFF,
    30004: Trouble.BLOCKED,
    30005: Trouble.INVALID_NUMBER,
    30006: Trouble.NOT_MOBILE,
    30007: Trouble.CONTENT_REFUSED,
    30008: Trouble.NOT_DELIVERED,
    30010: Trouble.BALANCE,
    30022: Trouble.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True)
class TwilioSmsSettings:
    """The account; `messaging_service`, `sender` (our own number) or `numbers` (several, each with its segments a second) is needed.

    `public_url` is this installation's https address as Twilio sees it; empty means no callbacks, so deliveries are asked for.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    messaging_service: str = ""
    sender: str = ""
    public_url: str = ""
    base_url: str = ""
    timeout: float = 10.0
    segments_per_second: float = 1.0
    numbers: Mapping[str, float] = field(default_factory=dict)


class TwilioSmsHttp(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own HTTP client, sent to `base_url` where one is given, without logging numbers and texts."""

    def __init__(self, base_url: str, timeout: float) -> None:
        super().__init__(pool_connections=True, timeout=timeout, max_retries=0)
        self._base_url = base_url.rstrip("/")

    def request(self, method: str, url: str, *args: Any, headers: dict[str, str] | None = None, **more: Any) -> Response:
        """One request, on a connection of its own: a kept one that was closed can't be told from a lost answer."""
        if self._base_url:
            parts = urlsplit(url)
            url = f"{self._base_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().request(method, url, *args, headers={**(headers or {}), "Connection": "close"}, **more)

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """Not logged."""

    def log_response(self, status_code: int, response: object) -> None:
        """Not logged."""


class TwilioSender:
    """Fulfils `SmsSender` with one account."""

    name = "twilio"

    def __init__(self, settings: TwilioSmsSettings) -> None:
        self._settings = settings
        self.segments_per_second, self.numbers = settings.segments_per_second, settings.numbers
        self.is_asked_for_receipts = not settings.public_url
        self._client = Client(settings.account_sid, settings.auth_token, http_client=TwilioSmsHttp(settings.base_url, settings.timeout))

    def send(self, request: SmsRequest) -> SmsStatus:
        sender = self._from(request.number)
        if self._settings.public_url:
            sender["status_callback"] = self._settings.public_url.rstrip("/") + STATUS_PATH + request.reference
        with _sender_errors():
            made = self._client.messages.create(to=request.e164, body=request.body, **sender)
        return _status(made)

    def _from(self, number: str) -> dict[str, str]:
        """Who sends: the number whose turn it is, which a Messaging Service must have in its pool; else the service or our one number."""
        own = number or ("" if self._settings.messaging_service else self._settings.sender)
        service = self._settings.messaging_service
        return ({"messaging_service_sid": service} if service else {}) | ({"from_": own} if own else {})

    def find(self, request: SmsRequest, since: datetime) -> SmsStatus | None:
        try:
            with _sender_errors():
                listed = self._client.messages.list(to=request.e164, limit=LOOKED_AT)
        except (SendUnknown, SenderRefused) as problem:
            raise SenderUnreachable(problem.message, hint=problem.hint, code=problem.code) from None
        earliest = since.astimezone(UTC) - CLOCK_SKEW
        for found in listed:
            if found.body == request.body and found.date_created is not None and found.date_created >= earliest:
                return _status(found)
        return None


def state_of(word: str) -> MessageState | None:
    """Our word for Twilio's; None for one we do not know."""
    return STATES.get(word.lower())


def status_of(provider_id: str, word: str, code: str) -> SmsStatus | None:
    """What a report says; None for a state we do not know. Where it went wrong, the reason is one of ours."""
    state = state_of(word)
    if state is None:
        return None
    is_wrong = state in (MessageState.UNDELIVERED, MessageState.FAILED)
    return SmsStatus(provider_id, state, f"{word} {code}".strip(), reason_of(code) if is_wrong else "")


def read_report(payload: Mapping[str, Any]) -> SmsNews | None:
    """What a stored status report says; None where its state is unknown or something is missing."""
    reference, sid = str(payload.get("reference", "")), str(payload.get("MessageSid", ""))
    status = status_of(sid, str(payload.get("MessageStatus", "")), str(payload.get("ErrorCode", "")))
    return SmsNews(reference, status) if reference and sid and status is not None else None


def read_reply(payload: Mapping[str, Any]) -> SmsReply | None:
    """What a stored reply says."""
    number = str(payload.get("From", ""))
    return SmsReply(number, str(payload.get("Body", ""))) if number else None


def reason_of(code: str) -> str:
    """Our word for an error code; codes we do not know are undelivered messages like any other."""
    return ERRORS.get(int(code), Trouble.NOT_DELIVERED).value if code.isascii() and code.isdecimal() else ""


def _status(message: Any) -> SmsStatus:
    word, code = str(message.status or ""), str(message.error_code or "")
    return status_of(str(message.sid), word, code) or SmsStatus(str(message.sid), MessageState.ACCEPTED, word)


@contextmanager
def _sender_errors() -> Iterator[None]:
    """Turns what the client raises into refused, certainly not handed over, or unknown."""
    try:
        yield
    except TwilioRestException as error:
        code = int(error.code or 0)
        raise error_of(ERRORS.get(code) or _by_status(error.status), "Twilio", str(code or error.status)) from None
    except (requests.RequestException, TwilioException) as error:
        if _was_never_sent(error):
            raise SenderUnreachable("Twilio can't be reached.", hint="Check the network and its proxy.") from None
        raise SendUnknown("Twilio's answer was lost.") from None


def _by_status(status: int) -> Trouble:
    """The trouble of an answer whose code is unknown or missing."""
    if status == 429:
        return Trouble.RATE_LIMITED
    if status in (401, 403):
        return Trouble.CREDENTIAL
    return Trouble.FAULT if status >= 500 else Trouble.REFUSED


def _was_never_sent(error: BaseException) -> bool:
    if isinstance(error, ConnectTimeout | requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return True
    if isinstance(error, RequestsConnectionError) and error.args:
        cause = error.args[0]
        return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return False
