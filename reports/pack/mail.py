"""The pack by e-mail: to the addresses that the installation names for an office, once a month."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from datetime import date
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from callcenter.core.errors import InvalidInput, Unavailable
from callcenter.core.settings import Settings
from reports.exports.files import MEDIA_TYPES

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
SECONDS = 30.0


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
    letter = EmailMessage()
    letter["Subject"] = f"{office} {month.year}年{month.month}月 戦略会議資料"
    letter["From"] = settings.mail_from
    letter["To"] = ", ".join(to)
    letter["Date"] = formatdate(localtime=False)
    letter["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    letter.set_content(
        f"{office}の{month.year}年{month.month}月の戦略会議資料をお送りします（PDFと表）。\n"
        "所見と決定事項は「報告 → 会議資料」で書けます。\n\n"
        f"The strategy meeting's pack of {month:%B %Y} is attached.\n"
    )
    for file in files:
        kind, _, subtype = MEDIA_TYPES[file.suffix.removeprefix(".")].partition(";")[0].partition("/")
        letter.add_attachment(file.read_bytes(), maintype=kind, subtype=subtype, filename=f"pack-{file.name}")
    return letter


def send(settings: Settings, letter: EmailMessage) -> None:
    """Hands the letter to the mail server.

    Raises:
        Unavailable: the server does not answer, or does not take it; without addresses in the message.
    """
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_secret.get_secret_value())
            server.send_message(letter)
    except (smtplib.SMTPException, OSError) as problem:
        raise Unavailable(f"The mail server did not take the pack ({type(problem).__name__}).", hint="Check CALLCENTER_SMTP_*.") from None


def _connected(settings: Settings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS)
    if settings.smtp_security == "starttls":
        server.starttls(context=context)
    return server
