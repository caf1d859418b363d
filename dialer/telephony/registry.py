"""Which carriers there are, by the name in CALLCENTER_CARRIER.

To add one: a package beside `simulator/`, a builder here, its mapping table, its tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from callcenter.core.clock import Clock
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings
from dialer.telephony.events import CarrierEvent
from dialer.telephony.port import Carrier

if TYPE_CHECKING:
    from dialer.telephony.twilio import TwilioSettings
    from dialer.telephony.twilio.recordings import TwilioRecordings

Inbox = Callable[[], Sequence[CarrierEvent]]
_SEED = 1


def build_carrier(settings: Settings, clock: Clock, inbox: Inbox | None = None) -> Carrier:
    """The configured carrier, not connected yet.

    Args:
        inbox: gives the carrier's stored webhooks as events, each once; only carriers that report by webhooks need it.

    Raises InvalidInput for settings that are missing or can't work.
    """
    builder = _BUILDERS.get(settings.carrier)
    if builder is None:
        raise InvalidInput(f"there is no carrier {settings.carrier!r}", hint=f"Expected one of: {', '.join(_BUILDERS)}.")
    return builder(settings, clock, inbox or _nothing)


def import_carrier(name: str) -> None:
    """Imports what the carrier of that name needs; nothing is made or connected."""
    if name in _BUILDERS:
        import_module(f"dialer.telephony.{name}.carrier")


def _nothing() -> Sequence[CarrierEvent]:
    return ()


def _simulator(settings: Settings, clock: Clock, inbox: Inbox) -> Carrier:
    from dialer.telephony.simulator.carrier import SimulatedCarrier
    from dialer.telephony.simulator.town import TownBehaviour

    return SimulatedCarrier(clock, _SEED, TownBehaviour(calls_back=0.15), spool=settings.recording_spool)


def _asterisk(settings: Settings, clock: Clock, inbox: Inbox) -> Carrier:
    from dialer.telephony.asterisk import AmiSettings, AsteriskCarrier, AsteriskSettings

    secret = settings.ami_secret.get_secret_value()
    if not secret:
        raise InvalidInput("the AMI secret is empty", hint="Set CALLCENTER_AMI_SECRET as in manager.conf.")
    ami = AmiSettings(settings.ami_host, settings.ami_port, settings.ami_user, secret)
    asterisk = AsteriskSettings(ami, settings.trunk, allow_ip_phones=settings.dial_ip_phones, sound_folder=str(settings.sounds))
    return AsteriskCarrier(asterisk, clock)


def _twilio(settings: Settings, clock: Clock, inbox: Inbox) -> Carrier:
    from dialer.telephony.twilio import TwilioCarrier

    return TwilioCarrier(_twilio_account(settings), clock, inbox)


def build_recordings(settings: Settings) -> TwilioRecordings | None:
    """Where the configured carrier keeps recordings itself; None for one that writes them into the spool."""
    if settings.carrier != "twilio":
        return None
    from dialer.telephony.twilio.recordings import TwilioRecordings

    return TwilioRecordings(_twilio_account(settings))


def _twilio_account(settings: Settings) -> TwilioSettings:
    from dialer.telephony.twilio import TwilioSettings

    token = settings.twilio_auth_token.get_secret_value()
    if not settings.twilio_account_sid or not token:
        raise InvalidInput("the Twilio account is not set", hint="Set CALLCENTER_TWILIO_ACCOUNT_SID and CALLCENTER_TWILIO_AUTH_TOKEN.")
    if not settings.public_url:
        raise InvalidInput("Twilio can't report without an address", hint="Set CALLCENTER_PUBLIC_URL.")
    return TwilioSettings(
        account_sid=settings.twilio_account_sid,
        auth_token=token,
        public_url=settings.public_url,
        caller_id=settings.caller_id,
        base_url=settings.twilio_base_url,
        allow_ip_phones=settings.dial_ip_phones,
    )


_BUILDERS: Mapping[str, Callable[[Settings, Clock, Inbox], Carrier]] = {
    "simulator": _simulator,
    "asterisk": _asterisk,
    "twilio": _twilio,
}
