"""Which numbers may be dialled at all: the last look before a number leaves for a carrier.

An allow-list by kind, not a list of bad prefixes: Japanese mobile and fixed numbers, and IP phones (050) where the office wants them.
Everything else (emergency and service numbers, 0120/0800, 0570, 0990, 020, other countries, short and malformed ones) is refused.
The kinds come from the `phonenumbers` library's copy of the numbering plan.
"""

from __future__ import annotations

import re
from enum import StrEnum

import phonenumbers

from dialer.telephony.errors import CarrierRefused

_E164_JAPAN = re.compile(r"\+81[1-9][0-9]{8,9}", re.ASCII)
_ALLOWED = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
)


class NumberFormat(StrEnum):
    """How a carrier wants the dialled number."""

    E164 = "e164"  # +81312345678
    NATIONAL = "national"  # 0312345678


def is_dialable(number: str, *, allow_ip: bool = True, blocked_prefixes: tuple[str, ...] = ()) -> bool:
    """Whether `number` (E.164) may be dialled; `blocked_prefixes` are E.164 prefixes the office has closed."""
    if not _E164_JAPAN.fullmatch(number) or number.startswith(blocked_prefixes):
        return False
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        return False
    kind = phonenumbers.number_type(parsed)  # UNKNOWN unless the number is valid
    return kind in _ALLOWED or (allow_ip and kind == phonenumbers.PhoneNumberType.VOIP)


def require_dialable(number: str, *, allow_ip: bool = True, blocked_prefixes: tuple[str, ...] = ()) -> None:
    """Raises CarrierRefused, without the number in its words, unless `number` may be dialled."""
    if not is_dialable(number, allow_ip=allow_ip, blocked_prefixes=blocked_prefixes):
        raise CarrierRefused(
            "this number is not a Japanese mobile, fixed or permitted IP number and is never dialled",
            hint="Correct or remove the number of this debtor.",
            code="number_refused",
        )


def dial_string(number: str, form: NumberFormat) -> str:
    """The number as a carrier wants it; only digits and, for E.164, the leading plus."""
    return number if form is NumberFormat.E164 else "0" + number.removeprefix("+81")
