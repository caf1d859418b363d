"""Japanese telephone numbers as people write them: the number, what kind of line it is, and the remark beside it.

`phonenumbers` decides what a number is; nothing here guesses. The original writing is always kept.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

COUNTRY = "JP"


class LineType(StrEnum):
    """What kind of line a number belongs to; `unknown` is never dialled."""

    MOBILE = "mobile"
    FIXED = "fixed"
    IP = "ip"
    TOLL_FREE = "toll_free"
    NAVI = "navi"
    PREMIUM = "premium"
    EMERGENCY = "emergency"
    UNKNOWN = "unknown"


_TYPES: dict[int, LineType] = {
    PhoneNumberType.MOBILE: LineType.MOBILE,
    PhoneNumberType.FIXED_LINE: LineType.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: LineType.FIXED,
    PhoneNumberType.VOIP: LineType.IP,
    PhoneNumberType.TOLL_FREE: LineType.TOLL_FREE,
    PhoneNumberType.UAN: LineType.NAVI,
    PhoneNumberType.PREMIUM_RATE: LineType.PREMIUM,
}
EMERGENCY_NUMBERS = frozenset({"110", "118", "119"})

# One number: digits with the separators people use, beginning with + or a digit, ending with a digit.
NUMBER_PATTERN = r"\+?\(?\+?\d[\d()\-. ]*\d"
_NUMBER = re.compile(NUMBER_PATTERN)
DASHES = "‐‑‒–—―−ー－ｰ─"
_DASHES = str.maketrans(dict.fromkeys(DASHES, "-"))
REMARK_EDGES = " 　()[]【】:;,、。/・-"


@dataclass(frozen=True)
class Phone:
    """A number as written (`original`), its E.164 form or None where it is no Japanese number, its line and its remark."""

    original: str
    e164: str | None
    line_type: LineType
    remark: str


def plain(text: str) -> str:
    """Half-width digits and signs, every dash a hyphen."""
    return unicodedata.normalize("NFKC", text).translate(_DASHES).strip()


def classify(number: str) -> tuple[str | None, LineType]:
    """E.164 form and line type of digits that may carry separators or +81; (None, unknown) when it is no valid Japanese number.

    Emergency numbers have no E.164 form. Numbers of other countries are unknown: this office calls nobody abroad.
    """
    digits = re.sub(r"[^\d+]", "", number)
    if digits in EMERGENCY_NUMBERS:
        return None, LineType.EMERGENCY
    try:
        parsed = phonenumbers.parse(digits, COUNTRY)
    except phonenumbers.NumberParseException:
        return None, LineType.UNKNOWN
    if parsed.country_code != 81 or not phonenumbers.is_valid_number(parsed):
        return None, LineType.UNKNOWN
    line_type = _TYPES.get(phonenumbers.number_type(parsed), LineType.UNKNOWN)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), line_type


def _number_in(normal: str) -> re.Match[str] | None:
    """The first run of digits long enough for a telephone number, else the first run at all (2階 03-… begins with no number)."""
    runs = list(_NUMBER.finditer(normal))
    return next((run for run in runs if sum(map(str.isdigit, run[0])) >= 9), runs[0] if runs else None)


def _joined_remark(before: str, after: str) -> str:
    parts = [part.strip(REMARK_EDGES) for part in (before, after)]
    return " ".join(part for part in parts if part)


def parse_phone(text: str | None) -> Phone | None:
    """The first number in `text`, with everything around it as its remark; None when `text` is empty.

    Never raises: what is no number comes back with line type unknown and the text as its remark, so that it is neither lost nor dialled.
    """
    original = (text or "").strip()
    if not original:
        return None
    normal = plain(original)
    found = _number_in(normal)
    if found is None:
        return Phone(original, None, LineType.UNKNOWN, normal)
    e164, line_type = classify(found[0])
    remark = _joined_remark(normal[: found.start()], normal[found.end() :])
    return Phone(original, e164, line_type, remark)


def format_national(e164: str) -> str:
    """`e164` as people here write it: +819012345678 is 090-1234-5678; the input itself when it is no number."""
    try:
        parsed = phonenumbers.parse(e164, COUNTRY)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
