"""The Twilio account."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TwilioSettings:
    """The account and where it reaches us.

    Attributes:
        public_url: https address of this installation as Twilio sees it.
        base_url: another server that speaks Twilio's interface; "" for Twilio itself.
        detect_machines: Twilio listens for answering machines during the call (charged extra).
    """

    account_sid: str
    auth_token: str = field(repr=False)
    public_url: str
    caller_id: str = ""
    base_url: str = ""
    timeout: float = 10.0
    allow_ip_phones: bool = True
    blocked_prefixes: tuple[str, ...] = field(default=())
    detect_machines: bool = False
