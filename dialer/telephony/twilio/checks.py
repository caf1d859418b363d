"""`callcenter telephony check` for Twilio: tries the account, its numbers and the public address; calls nobody."""

from __future__ import annotations

from collections.abc import Sequence

from twilio.rest import Client

from dialer.telephony.errors import CarrierError
from dialer.telephony.port import CheckLine
from dialer.telephony.twilio.http import carrier_errors
from dialer.telephony.twilio.settings import TwilioSettings


def check_twilio(client: Client, settings: TwilioSettings) -> Sequence[CheckLine]:
    """One line for each thing tried; the caller id is left out where the account can't be read."""
    lines = [_account(client, settings.account_sid)]
    if lines[0].is_ok and settings.caller_id:
        lines.append(_caller_id(client, settings.caller_id))
    is_https = settings.public_url.startswith("https://")
    hint = "" if is_https else "Set CALLCENTER_PUBLIC_URL to the https address Twilio reaches this installation by."
    lines.append(CheckLine("public address", is_https, settings.public_url or "not set", hint))
    return lines


def _account(client: Client, account_sid: str) -> CheckLine:
    try:
        with carrier_errors("reading the account"):
            account = client.api.accounts(account_sid).fetch()
    except CarrierError as error:
        return CheckLine("account", False, error.message, error.hint)
    is_ok = account.status == "active"
    return CheckLine("account", is_ok, str(account.status), "" if is_ok else "The Twilio account is not active.")


def _caller_id(client: Client, number: str) -> CheckLine:
    try:
        with carrier_errors("reading the numbers"):
            owned = client.incoming_phone_numbers.list(phone_number=number, limit=1)
            verified = owned or client.outgoing_caller_ids.list(phone_number=number, limit=1)
    except CarrierError as error:
        return CheckLine("caller id", False, error.message, error.hint)
    hint = "" if verified else "Buy or verify the number of CALLCENTER_CALLER_ID in the Twilio account."
    return CheckLine("caller id", bool(verified), "known to the account" if verified else "not of this account", hint)
