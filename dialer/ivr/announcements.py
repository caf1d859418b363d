"""What an answered debtor hears when no operator is there: neutral words in the office's name, a sound for each wording."""

from __future__ import annotations

import hashlib

from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from dialer.telephony.port import Announcement


def announcement_for(session: Session, words: str) -> Announcement:
    """The words in this office's name; whoever listens is not known, so they name no matter."""
    office = session.get_one(Office, office_of(session))
    text = words.replace("{office}", office.desk_name or office.name)
    return Announcement(sound=f"{office.code}-nobody-{hashlib.sha256(text.encode()).hexdigest()[:12]}", text=text)
