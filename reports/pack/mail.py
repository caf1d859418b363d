"""The pack by e-mail: to the addresses that the installation names for an office, once a month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from email.message import EmailMessage
from pathlib import Path

from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings
from reports.eras import month_in_both
from reports.exports.files import MEDIA_TYPES
from reports.mail import ADDRESS, letter


def recipients_of(setting: str, office: str) -> tuple[str, ...]:
    """The addresses of an office in `code=address,address;code=address`; none where it is not named.

    Every office is named by its code, so that nobody gets another office's figures by an oversight.

    Raises:
        InvalidInput: the setting can't be read.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (part.strip() for part in setting.split(";"))):
        code, separator, addresses = part.partition("=")
        listed = tuple(address.strip() for address in addresses.split(","))
        if not separator or not code.strip() or not all(ADDRESS.fullmatch(address) for address in listed):
            raise InvalidInput(
                "CALLCENTER_PACK_MAIL_TO can't be read.", hint="Expected CODE=address,address;CODE=address.", code="mail_setting"
            )
        found[code.strip()] = listed
    return found.get(office, ())


def message(settings: Settings, to: Sequence[str], office: str, month: date, files: Sequence[Path]) -> EmailMessage:
    """The letter with its files; the figures are those of the whole office and name nobody."""
    made = letter(
        settings,
        to,
        f"{office} {month_in_both(month)} 戦略会議資料",
        f"{office}の{month_in_both(month)}の戦略会議資料をお送りします（PDFと表）。\n"
        "所見と決定事項は「報告 → 会議資料」で書けます。\n\n"
        f"The strategy meeting's pack of {month:%B %Y} is attached.\n",
    )
    for file in files:
        kind, _, subtype = MEDIA_TYPES[file.suffix.removeprefix(".")].partition(";")[0].partition("/")
        made.add_attachment(file.read_bytes(), maintype=kind, subtype=subtype, filename=f"pack-{file.name}")
    return made
