"""What is decided about recording: per campaign in `Campaign.options["recording"]`, per office in `Office.options["recordings"]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput, NotFound
from campaigns.planning.models import Campaign

NOTICES = ("none", "voice", "operator")
NOTICE_TEXT = "この通話は、応対の確認のため録音しています。"
NOTICE_SOUND = "recording-notice"
LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class RecordingTerms:
    """A campaign's.

    Attributes:
        is_on: conversations with operators are recorded.
        notice: how the debtor is told: none, voice (a sentence is played before the operator is heard), operator (by the script).
        keep_days: how long; None is as long as the office says.
    """

    is_on: bool = False
    notice: str = "none"
    keep_days: int | None = None


@dataclass(frozen=True, slots=True)
class OfficeTerms:
    """An office's.

    Attributes:
        keep_days: how long recordings are kept.
        shows_supervision: an operator sees that a supervisor listens.
        shows_reviews: an operator sees the score cards of their own conversations.
        open_minutes: how long a recording may be heard after a reason was given.
    """

    keep_days: int = 180
    shows_supervision: bool = True
    shows_reviews: bool = True
    open_minutes: int = 30


def terms_of(options: Mapping[str, Any]) -> RecordingTerms:
    """A campaign's terms as its options have them."""
    told = options.get("recording")
    return RecordingTerms(**told) if isinstance(told, dict) else RecordingTerms()


def office_terms(session: Session) -> OfficeTerms:
    """The office's terms."""
    told = session.scalar(select(Office.options).where(Office.id == office_of(session))) or {}
    return OfficeTerms(**told.get("recordings", {}))


def set_terms(session: Session, campaign_id: int, terms: RecordingTerms) -> Campaign:
    """Changes a campaign's terms; calls from then on follow them. Raises NotFound, InvalidInput."""
    if terms.notice not in NOTICES:
        raise InvalidInput(
            f"'{terms.notice}' is no way to tell of a recording.", hint=f"Expected one of: {', '.join(NOTICES)}.", code="notice"
        )
    _require_days(terms.keep_days)
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id).with_for_update())
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    campaign.options = {**campaign.options, "recording": asdict(terms)}
    session.flush()
    return campaign


def set_office_terms(session: Session, terms: OfficeTerms) -> None:
    """Changes the office's terms. Raises InvalidInput."""
    _require_days(terms.keep_days)
    if not 1 <= terms.open_minutes <= 480:
        raise InvalidInput("A recording stays open for 1 to 480 minutes.", code="open_minutes")
    office = session.get_one(Office, office_of(session), with_for_update=True)
    office.options = {**office.options, "recordings": asdict(terms)}
    session.flush()


def _require_days(days: int | None) -> None:
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"Recordings are kept for 1 to {LONGEST_DAYS} days.", code="keep_days")
