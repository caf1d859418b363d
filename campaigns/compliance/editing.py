"""Versions of an office's contact rules: drafted by one person, made valid by another, never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import advisory_lock, office_of
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from campaigns.compliance.comparing import Difference, base_of, loosened
from campaigns.compliance.documents import from_document, to_document
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.presets import NAMES, preset

MIN_REASON = 10


def versions(session: Session) -> Sequence[ContactPolicyVersion]:
    """All versions and drafts, the newest first."""
    return session.scalars(select(ContactPolicyVersion).order_by(ContactPolicyVersion.version.desc())).all()


def find(session: Session, policy_id: int, *, lock: bool = False) -> ContactPolicyVersion:
    """One version. Raises NotFound."""
    statement = select(ContactPolicyVersion).where(ContactPolicyVersion.id == policy_id)
    row = session.scalar(statement.with_for_update() if lock else statement, execution_options={"populate_existing": True})
    if row is None:
        raise NotFound("その版はありません。", code="no_policy")
    return row


def is_draft(row: ContactPolicyVersion) -> bool:
    """Whether it may still be changed."""
    return not row.is_active and row.activated_at is None


def start_draft(session: Session, base: str, user_id: int | None, now: datetime) -> ContactPolicyVersion:
    """A draft that begins as a preset (by name) or as a stored version (by number).

    Raises:
        NotFound: no such preset or version.  Conflict: training rules in an office with a real carrier.
    """
    if base in NAMES:
        if base == "training" and not _is_training(session):
            raise Conflict("練習用の規則は、練習用の事務所だけで使えます。", hint="ほかの規則を選んでください。", code="training_only")
        document: Mapping[str, Any] = to_document(preset(base).policy())
    elif base.isdigit() and len(base) < 10:
        stored = session.scalar(select(ContactPolicyVersion.document).where(ContactPolicyVersion.version == int(base)))
        if stored is None:
            raise NotFound("その版はありません。", code="no_policy")
        document = to_document(from_document(stored))
    else:
        raise NotFound("その規則はありません。", hint=f"{', '.join(NAMES)} のどれかです。", code="no_preset")
    advisory_lock(session, "contact_policy")
    newest = session.scalar(select(func.max(ContactPolicyVersion.version))) or 0
    row = ContactPolicyVersion(
        version=newest + 1, document=dict(document), is_active=False, loosened=[], created_by=user_id, created_at=now
    )
    row.loosened = _told(session, document)
    session.add(row)
    session.flush()
    return row


def save_draft(
    session: Session, policy_id: int, document: Mapping[str, Any], note: str, user_id: int | None, now: datetime, *, seen: str = ""
) -> ContactPolicyVersion:
    """Changes a draft.

    Args:
        seen: the moment of its last change as the editor's page knew it.

    Raises:
        NotFound: no such version.  Conflict: it is no draft any more, or somebody else changed it meanwhile.
        InvalidInput: the document can't be read.
    """
    row = find(session, policy_id, lock=True)
    if not is_draft(row):
        raise Conflict("有効にした版は変えられません。", hint="この版をもとに新しい案を作ってください。", code="not_a_draft")
    if seen and seen != stamp(row):
        raise Conflict("ほかの人がこの案を変えました。", hint="開き直して、もう一度入れてください。", code="draft_changed")
    read = to_document(from_document(document))
    row.document, row.loosened, row.note = read, _told(session, read), note.strip()[:500]
    row.changed_by, row.changed_at = user_id, now
    session.flush()
    return row


def stamp(row: ContactPolicyVersion) -> str:
    """When a draft was changed last."""
    return (row.changed_at or row.created_at).isoformat()


def discard(session: Session, policy_id: int) -> None:
    """Throws a draft away. Raises NotFound, and Conflict for what was ever valid."""
    row = find(session, policy_id, lock=True)
    if not is_draft(row):
        raise Conflict("有効にした版は消せません。", code="not_a_draft")
    session.execute(delete(ContactPolicyVersion).where(ContactPolicyVersion.id == policy_id))


def activate(session: Session, policy_id: int, user_id: int, now: datetime, *, seen: str = "") -> ContactPolicyVersion:
    """Makes a draft the office's rules, by somebody who did not write it.

    Raises:
        NotFound: no such version.  NotAllowed: the same person wrote it.
        Conflict: it is no draft, or it was changed since it was looked at.
        InvalidInput: it is looser than the preset it began as, and nobody said why.
    """
    advisory_lock(session, "contact_policy")
    row = find(session, policy_id, lock=True)
    if not is_draft(row):
        raise Conflict("この版はもう有効にできません。", hint="この版をもとに新しい案を作ってください。", code="not_a_draft")
    if seen and seen != stamp(row):
        raise Conflict("見ている間に案が変わりました。", hint="開き直して確かめてください。", code="draft_changed")
    if user_id in (row.created_by, row.changed_by):
        raise NotAllowed("自分で書いた案は、自分では有効にできません。", hint="ほかの人に確かめてもらってください。", code="four_eyes")
    from_document(row.document)
    row.loosened = _told(session, row.document)
    if row.loosened and len(row.note) < MIN_REASON:
        raise InvalidInput(
            "もとの規則より緩いところがあります。", hint=f"理由を{MIN_REASON}文字以上で書いてください。", code="loosened_without_reason"
        )
    now_active = session.scalar(select(ContactPolicyVersion).where(ContactPolicyVersion.is_active).with_for_update())
    if now_active is not None:
        now_active.is_active, now_active.retired_at = False, now
        session.flush()
    row.is_active, row.activated_by, row.activated_at = True, user_id, now
    session.flush()
    return row


def looser_than_base(session: Session, policy: ContactPolicy) -> list[Difference]:
    """Where a policy is looser than the preset it began as."""
    return loosened(policy, base_of(policy, is_training=_is_training(session)))


def _told(session: Session, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [asdict(one) for one in looser_than_base(session, from_document(document))]


def _is_training(session: Session) -> bool:
    return bool(session.scalar(select(Office.is_training).where(Office.id == office_of(session))))
