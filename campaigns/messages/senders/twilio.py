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

from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SendUnknown, SmsRequest, SmsStatus
from campaigns.messages.state import MessageState

STATUS_PATH = "/webhooks/twilio/messages/"
RATE_LIMITED = 20429
ACCOUNT_CODES = frozenset({20003, 20005, 20404, 21606, 21212, 21659, 30002})
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


@dataclass(frozen=True, slots=True)
class TwilioSmsSettings:
    """The account; `messaging_service` or `sender` (our own number) is needed.

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
        self.segments_per_second = settings.segments_per_second
        self.is_asked_for_receipts = not settings.public_url
        self._client = Client(settings.account_sid, settings.auth_token, http_client=TwilioSmsHttp(settings.base_url, settings.timeout))

    def send(self, request: SmsRequest) -> SmsStatus:
        sender: dict[str, str] = (
            {"messaging_service_sid": self._settings.messaging_service}
            if self._settings.messaging_service
            else {"from_": self._settings.sender}
        )
        if self._settings.public_url:
            sender["status_callback"] = self._settings.public_url.rstrip("/") + STATUS_PATH + request.reference
        with _sender_errors():
            made = self._client.messages.create(to=request.e164, body=request.body, **sender)
        return _status(made)

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


def _status(message: Any) -> SmsStatus:
    detail = str(message.status or "") + (f" {message.error_code}" if message.error_code else "")
    return SmsStatus(str(message.sid), state_of(str(message.status or "")) or MessageState.ACCEPTED, detail)


@contextmanager
def _sender_errors() -> Iterator[None]:
    """Turns what the client raises into refused, certainly not handed over, or unknown."""
    try:
        yield
    except TwilioRestException as error:
        code = int(error.code or 0)
        if error.status == 429 or code == RATE_LIMITED:
            raise SenderUnreachable("Twilio takes no more messages just now.", code="rate_limited") from None
        if error.status >= 500:
            raise SendUnknown(f"Twilio had a fault of its own (status {error.status}).") from None
        is_account = error.status in (401, 403) or code in ACCOUNT_CODES
        raise SenderRefused(
            f"Twilio refused the message (error {code or error.status}).",
            hint="See Twilio's error dictionary for the code.",
            code=f"twilio_{code or error.status}",
            is_account=is_account,
        ) from None
    except (requests.RequestException, TwilioException) as error:
        if _was_never_sent(error):
            raise SenderUnreachable("Twilio can't be reached.", hint="Check the network and its proxy.") from None
        raise SendUnknown("Twilio's answer was lost.") from None


def _was_never_sent(error: BaseException) -> bool:
    if isinstance(error, ConnectTimeout | requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return True
    if isinstance(error, RequestsConnectionError) and error.args:
        cause = error.args[0]
        return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return False
