"""The sender the settings name. To add one: fulfil `SmsSender`, add a line here and its name to the settings."""

from __future__ import annotations

from collections.abc import Callable

from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings
from campaigns.messages.senders.port import SmsSender
from campaigns.messages.senders.simulated import SimulatedSender
from campaigns.messages.senders.twilio import TwilioSender, TwilioSmsSettings

_opened: dict[tuple[str, int], SmsSender] = {}


def _simulated(settings: Settings, office_id: int) -> SmsSender:
    return SimulatedSender(utc_now, seed=str(office_id), log=settings.data_dir / "simulated" / f"sms-{office_id}.jsonl")


def _twilio(settings: Settings, office_id: int) -> SmsSender:
    token = settings.twilio_auth_token.get_secret_value()
    if not settings.twilio_account_sid or not token or not (settings.twilio_messaging_service or settings.twilio_from):
        raise InvalidInput(
            "Twilio's account is not complete.",
            hint="Set CALLCENTER_TWILIO_ACCOUNT_SID, _AUTH_TOKEN and _MESSAGING_SERVICE or _FROM.",
            code="sender_not_configured",
        )
    return TwilioSender(
        TwilioSmsSettings(
            account_sid=settings.twilio_account_sid,
            auth_token=token,
            messaging_service=settings.twilio_messaging_service,
            sender=settings.twilio_from,
            public_url=settings.public_url,
            base_url=settings.twilio_base_url,
        )
    )


SENDERS: dict[str, Callable[[Settings, int], SmsSender]] = {"simulator": _simulated, "twilio": _twilio}


def open_sender(settings: Settings, office_id: int, *, is_training: bool) -> SmsSender:
    """The office's sender, one per process; a training office never sends for real.

    Raises:
        InvalidInput: the sender's settings are not complete.
    """
    name = "simulator" if is_training else settings.sms_sender
    key = (name, office_id)
    if key not in _opened:
        _opened[key] = SENDERS[name](settings, office_id)
    return _opened[key]
