"""Every attempt to reach a debtor, by whatever channel, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, OfficeMixin, within_office


class Attempt(OfficeMixin, Base):
    """One attempt: `state` open (under way), wrap_up (line ended, outcome owed by a person), closed.

    The three result fields are those of `campaigns.attempts.codes`. `began_at` is the moment that counts in reports. An attempt counts
    as handed to the carrier when `handed_over_at` is set. `source` is live or imported; `source_key` makes imports repeatable.
    `is_inbound`: the debtor called us. That is a conversation, but no attempt of ours: it is never handed over, so that no figure of
    attempts and no cap counts it. `robocall_path` is the way a listener took through the script, its nodes joined by ">".
    `undone_count`: how often its result was taken back (`campaigns.attempts.undo`).
    """

    __tablename__ = "attempt"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("campaign_id", "campaign"),
        within_office("work_item_id", "work_item"),
        within_office("operator_id", "app_user"),
        UniqueConstraint("office_id", "source_key"),
        Index(None, "office_id", "began_at"),
        Index(None, "office_id", "debtor_id", "began_at"),
        Index("ix_attempt_live", "office_id", "state", postgresql_where=text("state <> 'closed'")),
        CheckConstraint("state in ('open','wrap_up','closed')", name="state"),
        CheckConstraint("source in ('live','imported')", name="source"),
    )

    debtor_id: Mapped[int]
    campaign_id: Mapped[int | None]
    work_item_id: Mapped[int | None]
    channel: Mapped[str] = mapped_column(String(20))
    phone_id: Mapped[int | None]
    phone_text: Mapped[str] = mapped_column(String(80), server_default="")
    operator_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    source: Mapped[str] = mapped_column(String(10), server_default="live")
    source_key: Mapped[str | None] = mapped_column(String(120))
    began_at: Mapped[datetime]
    handed_over_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    talk_seconds: Mapped[int] = mapped_column(Integer, server_default="0")
    line_result: Mapped[str | None] = mapped_column(String(20))
    party: Mapped[str | None] = mapped_column(String(20))
    outcome: Mapped[str | None] = mapped_column(String(30))
    verified_at: Mapped[datetime | None]
    verified_with: Mapped[str] = mapped_column(String(60), server_default="")
    verify_failures: Mapped[int] = mapped_column(Integer, server_default="0")
    recorded_at: Mapped[datetime | None]
    wrap_up_until: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(2000), server_default="")
    robocall_keys: Mapped[str] = mapped_column(String(20), server_default="")
    robocall_path: Mapped[str] = mapped_column(String(400), server_default="")
    is_inbound: Mapped[bool] = mapped_column(server_default=text("false"))
    script_version: Mapped[str] = mapped_column(String(60), server_default="")
    undone_count: Mapped[int] = mapped_column(SmallInteger, server_default="0")

    @property
    def fact_key(self) -> str:
        """The outbox's key of the result: another one each time a result was taken back."""
        return f"attempt:{self.id}{f':again{self.undone_count}' if self.undone_count else ''}"


class Draft(OfficeMixin, Base):
    """What an operator has typed and not yet saved, keyed operator + attempt + field."""

    __tablename__ = "draft"
    __table_args__ = (
        UniqueConstraint("office_id", "user_id", "attempt_id", "field"),
        within_office("user_id", "app_user"),
        within_office("attempt_id", "attempt"),
    )

    user_id: Mapped[int]
    attempt_id: Mapped[int]
    field: Mapped[str] = mapped_column(String(40))
    value: Mapped[str] = mapped_column(String(4000))
    saved_at: Mapped[datetime]


class OutcomeUndo(Base):
    """How things stood before the last result an operator recorded, for the few seconds in which it may be taken back.

    One row a person; `before` is what `campaigns.attempts.undo` reads back. Older ones go when the next result is recorded.
    """

    __tablename__ = "outcome_undo"
    __table_args__ = (within_office("user_id", "app_user", ondelete="CASCADE"), within_office("attempt_id", "attempt"))

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    user_id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int]
    recorded_at: Mapped[datetime]
    before: Mapped[dict[str, Any]]


class ServiceRequest(OfficeMixin, Base):
    """What a debtor asked the office for in a call: `kind` slip (new payment slip), direct_debit, address_change; `state` open, done.

    `detail` is what the debtor said: where to send it, the new address.
    """

    __tablename__ = "service_request"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("attempt_id", "attempt"),
        within_office("created_by", "app_user"),
        within_office("done_by", "app_user"),
        UniqueConstraint("office_id", "attempt_id", "kind"),
        Index(None, "office_id", "state"),
        Index(None, "office_id", "debtor_id"),
        CheckConstraint("kind in ('slip','direct_debit','address_change')", name="kind"),
        CheckConstraint("state in ('open','done')", name="state"),
    )

    debtor_id: Mapped[int]
    attempt_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(300), server_default="")
    state: Mapped[str] = mapped_column(String(8), server_default="open")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    done_by: Mapped[int | None]
    done_at: Mapped[datetime | None]


class TalkScript(OfficeMixin, Base):
    """A version of what operators say, in the office's own words; the newest is in use. Never changed: editing makes the next version."""

    __tablename__ = "talk_script"
    __table_args__ = (within_office("created_by", "app_user"), UniqueConstraint("office_id", "version"))

    version: Mapped[int]
    document: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(String(200), server_default="")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]


class Escalation(OfficeMixin, Base):
    """A case handed over to the tax officers: `state` is one of `campaigns.officers.state.CaseState`.

    `decided_*` is who last moved it (accepted, returned, decided). `accepted_by` is the officer it is with; `return_reason`, `decision`
    and `decision_note` are codes and words of `campaigns.officers`; `taken_*` is the supervisor who took a returned case up.
    """

    __tablename__ = "escalation"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        within_office("attempt_id", "attempt"),
        Index(None, "office_id", "state"),
        Index(None, "office_id", "debtor_id"),
        CheckConstraint("state in ('open','accepted','returned','decided','taken')", name="state"),
    )

    debtor_id: Mapped[int]
    attempt_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(String(1000), server_default="")
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    accepted_by: Mapped[int | None]
    accepted_at: Mapped[datetime | None]
    return_reason: Mapped[str] = mapped_column(String(20), server_default="")
    decision: Mapped[str] = mapped_column(String(20), server_default="")
    decision_note: Mapped[str] = mapped_column(String(1000), server_default="")
    taken_by: Mapped[int | None]
    taken_at: Mapped[datetime | None]
    taken_note: Mapped[str] = mapped_column(String(1000), server_default="")
