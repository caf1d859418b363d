"""The rule sets campaigns follow: stored as documents, in versions; an active version is never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock
from callcenter.core.errors import NotFound
from campaigns.planning.models import RuleSet as StoredRuleSet
from campaigns.segmentation.defaults import NAME, default_rule_set
from campaigns.segmentation.documents import read_rule_set, write_rule_set
from campaigns.segmentation.rules import RuleSet


def standard_rule_set(session: Session, now: datetime) -> StoredRuleSet:
    """The office's active rule set named `standard`; made of the founding case's rules on first use."""
    found = _active(session, NAME)
    if found is None:
        advisory_lock(session, "rule_set")
        found = _active(session, NAME) or add_rule_set(session, NAME, default_rule_set(), now, is_active=True)
    return found


def add_rule_set(
    session: Session, name: str, rules: RuleSet, now: datetime, *, user_id: int | None = None, is_active: bool = False
) -> StoredRuleSet:
    """Stores the next version of a rule set; an active one retires the version before it."""
    version = 1 + (session.scalar(select(func.max(StoredRuleSet.version)).where(StoredRuleSet.name == name)) or 0)
    before = _active(session, name) if is_active else None
    if before is not None:
        before.status = "retired"
    row = StoredRuleSet(
        name=name,
        version=version,
        status="active" if is_active else "draft",
        document=write_rule_set(rules),
        created_by=user_id,
        created_at=now,
        activated_by=user_id if is_active else None,
        activated_at=now if is_active else None,
    )
    session.add(row)
    session.flush()
    return row


def find_rule_set(session: Session, name: str) -> StoredRuleSet:
    """The active version of a named rule set.

    Raises:
        NotFound: there is none.
    """
    found = _active(session, name)
    if found is None:
        names = sorted(session.scalars(select(StoredRuleSet.name).where(StoredRuleSet.status == "active").distinct()))
        raise NotFound(f"There is no active rule set '{name}'.", hint=f"Active: {', '.join(names) or NAME}.")
    return found


def rules_of(session: Session, rule_set_id: int) -> RuleSet:
    """The rules of a stored version, read and checked."""
    document = session.scalar(select(StoredRuleSet.document).where(StoredRuleSet.id == rule_set_id))
    return read_rule_set(document)


def _active(session: Session, name: str) -> StoredRuleSet | None:
    statement = select(StoredRuleSet).where(StoredRuleSet.name == name, StoredRuleSet.status == "active")
    return session.scalar(statement.order_by(StoredRuleSet.version.desc()).limit(1))
