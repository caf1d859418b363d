"""What a telephone is given of a round: the least that is needed at the door, and the key it encrypts this with.

The key ends with the sign-in it was given to, when the round is over, and after a day: from then on what lies on the telephone can't be
read. A sign-in that merely stood idle in a valley without a network gets the same key again, or what was typed there would be lost.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import UserSession
from callcenter.core.clock import local_day
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.reasons import DenialReason
from campaigns.debtors.account import read_account
from campaigns.debtors.models import Debtor
from campaigns.visits.models import VisitPass, VisitRound, VisitStop
from campaigns.visits.places import Point
from campaigns.visits.route import Drawing, draw
from campaigns.visits.service import OPEN_ROUNDS, refused_now, stops_of

VALID = timedelta(hours=24)
HASH_ROUNDS = 50_000


def key_for(session: Session, found: VisitRound, user_id: int, session_id: int, now: datetime) -> bytes | None:
    """The key of 256 bits for this round and person; None when the round is over."""
    if found.state not in OPEN_ROUNDS:
        end_passes(session, found.id, now)
        return None
    live = session.execute(
        select(VisitPass, UserSession.ended_at)
        .join(UserSession, (UserSession.office_id == VisitPass.office_id) & (UserSession.id == VisitPass.session_id))
        .where(VisitPass.round_id == found.id, VisitPass.user_id == user_id, VisitPass.ended_at.is_(None))
        .order_by(VisitPass.id.desc())
    ).all()
    for given, signed_out_at in live:
        if signed_out_at is None and given.expires_at > now:
            return bytes(given.secret)
        given.ended_at, given.secret = now, b""
    made = VisitPass(
        round_id=found.id, user_id=user_id, session_id=session_id, secret=secrets.token_bytes(32), issued_at=now, expires_at=now + VALID
    )
    session.add(made)
    session.flush()
    return made.secret


def end_passes(session: Session, round_id: int, now: datetime, user_id: int | None = None) -> None:
    """Ends the keys of a round, of one person or all; the secrets are gone from the database, too."""
    which = update(VisitPass).where(VisitPass.round_id == round_id, VisitPass.ended_at.is_(None))
    session.execute((which if user_id is None else which.where(VisitPass.user_id == user_id)).values(ended_at=now, secret=b""))


def drawing_of(stops: list[VisitStop]) -> Drawing:
    """The round's map."""
    return draw([None if s.latitude is None or s.longitude is None else Point(s.latitude, s.longitude) for s in stops])


def pack_of(session: Session, found: VisitRound, now: datetime) -> dict[str, Any]:
    """The round as JSON; of stops that are done or dropped only their number and state are told."""
    rows = stops_of(session, found.id)
    drawing = drawing_of([stop for stop, _ in rows])
    refused = refused_now(session, [stop.debtor_id for stop, _ in rows if stop.state == "planned"], now)
    return {
        "id": found.id,
        "title": found.title,
        "visit_on": found.visit_on.isoformat(),
        "state": found.state,
        "map": {"width": drawing.width, "height": drawing.height, "bar": drawing.bar, "metres": drawing.metres},
        "stops": [
            {"id": stop.id, "position": stop.position, "state": stop.state, "reason": stop.reason, "spot": spot}
            | _rest(session, stop, debtor, refused.get(stop.debtor_id), now)
            for (stop, debtor), spot in zip(rows, drawing.spots, strict=True)
        ],
    }


def _rest(session: Session, stop: VisitStop, debtor: Debtor, refused: DenialReason | None, now: datetime) -> dict[str, Any]:
    """What else is told of a stop; one that must not be visited any more is told as dropped."""
    if stop.state != "planned":
        return {}
    return _open_stop(session, stop, debtor, now) if refused is None else {"state": "dropped", "reason": refused.value}


def _open_stop(session: Session, stop: VisitStop, debtor: Debtor, now: datetime) -> dict[str, Any]:
    account = read_account(session, debtor.id, local_day(now))
    last = session.scalar(
        select(Attempt)
        .where(Attempt.debtor_id == debtor.id, Attempt.channel == Channel.VISIT.value)
        .order_by(Attempt.began_at.desc(), Attempt.id.desc())
        .limit(1)
    )
    return {
        "name": debtor.name,
        "kana": debtor.name_kana,
        "kind": debtor.kind,
        "address": debtor.address,
        "postal_code": debtor.postal_code,
        "owed": account.sums.total,
        "terms": account.sums.count,
        "oldest": min((line.due_on.isoformat() for tax in account.taxes for line in tax.lines), default=None),
        "as_of": account.as_of.isoformat(),
        "birth": None if debtor.birth_date is None else blind(debtor.birth_date),
        "last": None if last is None else {"at": last.began_at.isoformat(), "outcome": last.outcome, "note": last.note[:200]},
    }


def blind(day: date) -> dict[str, Any]:
    """A birth date against which the telephone can check what is said, and which it can't show: salted and hashed (PBKDF2-SHA256)."""
    salt = secrets.token_bytes(16)
    told = hashlib.pbkdf2_hmac("sha256", day.isoformat().encode(), salt, HASH_ROUNDS)
    return {"salt": salt.hex(), "hash": told.hex(), "rounds": HASH_ROUNDS}


def is_birth_date(blinded: dict[str, Any], said: date) -> bool:
    """What the telephone does, for tests."""
    told = hashlib.pbkdf2_hmac("sha256", said.isoformat().encode(), bytes.fromhex(blinded["salt"]), blinded["rounds"])
    return hmac.compare_digest(told.hex(), blinded["hash"])
