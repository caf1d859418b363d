"""Letters by e-mail to people of the office, through the mail server that the installation names."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from callcenter.core.errors import Unavailable
from callcenter.core.settings import Settings

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
SECONDS = 30.0


def letter(settings: Settings, to: Sequence[str], subject: str, body: str) -> EmailMessage:
    """A letter in plain text."""
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = settings.mail_from
    made["To"] = ", ".join(to)
    made["Date"] = formatdate(localtime=False)
    made["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    made.set_content(body)
    return made


def send(settings: Settings, made: EmailMessage) -> None:
    """Hands a letter to the mail server.

    Raises:
        Unavailable: the server does not answer, or does not take it; without addresses in the message.
    """
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_secret.get_secret_value())
            server.send_message(made)
    except (smtplib.SMTPException, OSError) as problem:
        raise Unavailable(f"The mail server did not take a letter ({type(problem).__name__}).", hint="Check CALLCENTER_SMTP_*.") from None


def _connected(settings: Settings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS)
    if settings.smtp_security == "starttls":
        server.starttls(context=context)
    return server
