"""Which sender an office has chosen, and the description of a provider that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings, get_settings
from campaigns.messages.senders.gateway.document import Gateway, read_gateway
from campaigns.messages.senders.models import SenderChoice
from campaigns.messages.senders.numbers import read_numbers

KINDS = ("settings", "simulator", "twilio", "gateway")
LOOKED_BACK = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """The kind, with its document: a gateway's description, or Twilio's numbers; `settings` is what the installation's settings say."""

    kind: str
    document: str = ""


def chosen(session: Session) -> Chosen:
    """What the office uses now."""
    row = session.scalar(select(SenderChoice).order_by(SenderChoice.id.desc()).limit(1))
    return Chosen("settings") if row is None else Chosen(row.kind, row.document)


def choose(session: Session, kind: str, document: str, user_id: int | None, now: datetime) -> SenderChoice:
    """Makes a sender the office's; the same again makes no new row.

    Raises:
        InvalidInput: no such kind, or a document with mistakes: each one is named.
    """
    if kind not in KINDS:
        raise InvalidInput(f"'{kind}' is no sender.", hint=f"Expected one of: {', '.join(KINDS)}.", code="bad_sender")
    if kind == "gateway":
        read_gateway(document)
    elif kind == "twilio":
        read_numbers(document)
    elif document:
        raise InvalidInput(f"The sender '{kind}' takes no document.", code="bad_sender")
    latest = session.scalar(select(SenderChoice).order_by(SenderChoice.id.desc()).limit(1))
    if latest is not None and (latest.kind, latest.document) == (kind, document):
        return latest
    row = SenderChoice(kind=kind, document=document, created_by=user_id, created_at=now)
    session.add(row)
    session.flush()
    return row


def past_choices(session: Session, count: int = LOOKED_BACK) -> Sequence[SenderChoice]:
    """The latest choices, the newest first."""
    return session.scalars(select(SenderChoice).order_by(SenderChoice.id.desc()).limit(count)).all()


def gateways(session: Session) -> list[Gateway]:
    """The descriptions of providers the office has used, the newest first, then that of the settings: reports may come in late."""
    documents = select(SenderChoice.document).where(SenderChoice.kind == "gateway").order_by(SenderChoice.id.desc()).limit(LOOKED_BACK)
    known = [parsed(text) for text in session.scalars(documents)]
    settings = get_settings()
    return known if settings.sms_gateway is None else [*known, parsed(gateway_file(settings))]


def gateway_named(session: Session, name: str) -> Gateway | None:
    """The newest description of the provider with that name."""
    return next((known for known in gateways(session) if known.name == name), None)


def gateway_file(settings: Settings) -> str:
    """The document that CALLCENTER_SMS_GATEWAY names.

    Raises:
        InvalidInput: it can't be read.
    """
    try:
        return (settings.sms_gateway or Path()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidInput("CALLCENTER_SMS_GATEWAY: the file can't be read.", hint="Expected the path of a TOML document.") from None


@lru_cache(maxsize=64)
def parsed(document: str) -> Gateway:
    """A stored document, read once a process."""
    return read_gateway(document)
