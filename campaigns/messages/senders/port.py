"""The port: what is asked of a provider of text messages.

SenderError
├── SenderRefused       no, certainly not sent; `is_account` when no message at all would be taken (suspended, bad credential)
├── SenderUnreachable   certainly not handed over; try later
└── SendUnknown         it may have been taken: ask by our reference, never send again blindly
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callcenter.core.errors import AppError
from campaigns.messages.state import MessageState


class SenderError(AppError):
    """Anything a provider does to us."""

    code = "sender_error"
    status = 502


class SenderRefused(SenderError):
    """The provider said no; certainly not sent."""

    code = "sender_refused"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, is_account: bool = False) -> None:
        super().__init__(message, hint=hint, code=code)
        self.is_account = is_account


class SenderUnreachable(SenderError):
    """Nothing was handed over."""

    permanent = False
    code = "sender_unreachable"


class SendUnknown(SenderError):
    """The message may have been taken."""

    permanent = False
    code = "send_unknown"


@dataclass(frozen=True, slots=True)
class SmsRequest:
    """One message; `reference` is ours, unique for ever, and begins with the office's number and a hyphen. `number` is which of the
    sender's numbers sends it; empty where it has but one."""

    reference: str
    e164: str
    body: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class SmsStatus:
    """What the provider knows: its id, our word for its state, its own word and code, and our reason (a `Trouble`) where it went wrong."""

    provider_id: str
    state: MessageState
    detail: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SmsNews:
    """What a report told about the message with our reference."""

    reference: str
    status: SmsStatus


@dataclass(frozen=True, slots=True)
class SmsReply:
    """What somebody wrote to us: their number as the provider writes it, and the text."""

    number: str
    text: str


class SmsSender(Protocol):
    """A provider.

    Attributes:
        name: stored with each message.
        segments_per_second: the rate it permits; never exceeded.
        is_asked_for_receipts: whether deliveries must be asked for because no webhook tells them.
    """

    name: str
    segments_per_second: float
    is_asked_for_receipts: bool

    def send(self, request: SmsRequest) -> SmsStatus:
        """Hands one message over.

        Raises: SenderRefused, SenderUnreachable, SendUnknown.
        """

    def find(self, request: SmsRequest, since: datetime) -> SmsStatus | None:
        """What became of a message that may have been handed over at `since`; None when the provider has none like it.

        Raises: SenderUnreachable when that can't be told now.
        """
