"""The sender of an office: the one it chose, else the one the settings name. To add one: fulfil `SmsSender` and add a line here."""

from __future__ import annotations

from collections.abc import Callable

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings
from campaigns.messages.senders import choice
from campaigns.messages.senders.choice import Chosen
from campaigns.messages.senders.gateway.document import Gateway
from campaigns.messages.senders.gateway.sender import GatewaySender, GatewaySettings
from campaigns.messages.senders.numbers import read_numbers
from campaigns.messages.senders.port import SmsSender
from campaigns.messages.senders.simulated import SimulatedSender
from campaigns.messages.senders.twilio import TwilioSender, TwilioSmsSettings

_opened: dict[tuple[int, Chosen], SmsSender] = {}


def _simulated(settings: Settings, office_id: int, _document: str) -> SmsSender:
    return SimulatedSender(utc_now, seed=str(office_id), log=settings.data_dir / "simulated" / f"sms-{office_id}.jsonl")


def _twilio(settings: Settings, office_id: int, document: str) -> SmsSender:
    token = settings.twilio_auth_token.get_secret_value()
    described = read_numbers(document)
    has_sender = settings.twilio_messaging_service or settings.twilio_from or described.numbers
    if not settings.twilio_account_sid or not token or not has_sender:
        raise InvalidInput(
            "Twilio's account is not complete.",
            hint="Set CALLCENTER_TWILIO_ACCOUNT_SID, _AUTH_TOKEN and _MESSAGING_SERVICE or _FROM, or name the office's numbers.",
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
            segments_per_second=described.segments_per_second,
            numbers=described.numbers,
        )
    )


def _gateway(settings: Settings, office_id: int, document: str) -> SmsSender:
    if not document and settings.sms_gateway is None:
        raise InvalidInput(
            "No provider is described.",
            hint="Choose one by `callcenter sender choose gateway FILE`, or set CALLCENTER_SMS_GATEWAY to its document.",
            code="sender_not_configured",
        )
    described = choice.parsed(document or choice.gateway_file(settings))
    if missing := missing_settings(described, settings):
        raise InvalidInput(f"{described.name} is not complete.", hint=f"Set {', '.join(missing)}.", code="sender_not_configured")
    return GatewaySender(
        described,
        GatewaySettings(
            url=settings.sms_gateway_url,
            user=settings.sms_gateway_user,
            secret=settings.sms_gateway_secret.get_secret_value(),
            sender=settings.sms_gateway_from,
            public_url=settings.public_url,
        ),
    )


SENDERS: dict[str, Callable[[Settings, int, str], SmsSender]] = {"simulator": _simulated, "twilio": _twilio, "gateway": _gateway}


def open_sender(settings: Settings, office_id: int, *, is_training: bool) -> SmsSender:
    """The office's sender, one per process; a training office never sends for real.

    Raises:
        InvalidInput: the sender's settings are not complete.
    """
    if is_training:
        return opened(settings, office_id, Chosen("simulator"))
    with transaction(office_id) as session:
        return opened(settings, office_id, choice.chosen(session))


def opened(settings: Settings, office_id: int, wanted: Chosen) -> SmsSender:
    """The sender of a choice, made on first use.

    Raises:
        InvalidInput: the sender's settings are not complete.
    """
    kind = settings.sms_sender if wanted.kind == "settings" else wanted.kind
    key = (office_id, Chosen(kind, wanted.document))
    if key not in _opened:
        _opened[key] = SENDERS[kind](settings, office_id, wanted.document)
    return _opened[key]


def missing_settings(document: Gateway, settings: Settings) -> list[str]:
    """The variables that the document needs and that are not set."""
    wanted = {"CALLCENTER_SMS_GATEWAY_URL": not settings.sms_gateway_url}
    if document.auth.kind != "none":
        wanted["CALLCENTER_SMS_GATEWAY_SECRET"] = not settings.sms_gateway_secret.get_secret_value()
    if document.auth.kind == "basic":
        wanted["CALLCENTER_SMS_GATEWAY_USER"] = not settings.sms_gateway_user
    if "{sender}" in "".join([*document.request.fields.values(), document.request.path]):
        wanted["CALLCENTER_SMS_GATEWAY_FROM"] = not settings.sms_gateway_from and not document.numbers
    if document.callback is not None and settings.public_url:
        wanted["CALLCENTER_SMS_GATEWAY_CALLBACK_SECRET"] = not settings.sms_gateway_callback_secret.get_secret_value()
    if document.callback is not None and document.status is None:
        wanted["CALLCENTER_PUBLIC_URL"] = not settings.public_url
    return [name for name, is_missing in wanted.items() if is_missing]
