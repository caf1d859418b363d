"""Campaigns and the rule sets they follow."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Identity, Index, Integer, SmallInteger, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, OfficeMixin, within_office


class RuleSet(OfficeMixin, Base):
    """An ordered list of rules in one version; `document` is what `campaigns.segmentation.documents` reads.

    `status`: draft, proposed, active, retired (see `campaigns.planning.versions`). Only a draft is edited; each edit counts `revision` up,
    so that two people's do not overwrite each other. `based_on` is the version it was made from, `note` why it was activated or returned.
    """

    __tablename__ = "rule_set"
    __table_args__ = (
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        UniqueConstraint("office_id", "name", "version"),
        Index("uq_rule_set_active", "office_id", "name", unique=True, postgresql_where=text("status = 'active'")),
        CheckConstraint("status in ('draft','proposed','active','retired')", name="status"),
    )

    name: Mapped[str] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(10), server_default="draft")
    document: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    based_on: Mapped[int | None]
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    edited_by: Mapped[int | None]
    edited_at: Mapped[datetime | None]
    proposed_by: Mapped[int | None]
    proposed_at: Mapped[datetime | None]
    activated_by: Mapped[int | None]
    activated_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(1000), server_default="")


class RuleSetEdit(OfficeMixin, Base):
    """What a draft was after each edit: who changed what while somebody else was typing is told from it."""

    __tablename__ = "rule_set_edit"
    __table_args__ = (within_office("rule_set_id", "rule_set"), UniqueConstraint("office_id", "rule_set_id", "revision"))

    rule_set_id: Mapped[int]
    revision: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]]
    edited_by: Mapped[int | None]
    edited_at: Mapped[datetime]


class RuleTrial(OfficeMixin, Base):
    """A dry run of one version beside another: `state` queued, running, done, failed.

    `result` is what `campaigns.planning.trials` counted: numbers and, as examples, ids of debtors. It is of `revision` of the version.
    """

    __tablename__ = "rule_trial"
    __table_args__ = (
        within_office("rule_set_id", "rule_set"),
        within_office("baseline_id", "rule_set"),
        within_office("campaign_id", "campaign"),
        Index(None, "office_id", "rule_set_id"),
        CheckConstraint("state in ('queued','running','done','failed')", name="state"),
    )

    rule_set_id: Mapped[int]
    revision: Mapped[int] = mapped_column(Integer)
    baseline_id: Mapped[int | None]
    campaign_id: Mapped[int | None]
    as_of: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), server_default="queued")
    progress: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    result: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    error: Mapped[str] = mapped_column(String(500), server_default="")
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Campaign(OfficeMixin, Base):
    """A run through the list: `status` draft, running, paused, finished.

    `dial_mode`: preview, progressive, predictive. `priority` 1 is first. `options` holds ring_seconds, wrap_up_seconds, max_lines,
    robocall script code, template code, ladder and cycle
    (`campaigns.planning.conduct`) and the like.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        UniqueConstraint("office_id", "name"),
        within_office("rule_set_id", "rule_set"),
        CheckConstraint("status in ('draft','running','paused','finished')", name="status"),
        CheckConstraint("dial_mode in ('preview','progressive','predictive')", name="dial_mode"),
    )

    name: Mapped[str] = mapped_column(String(60))
    status: Mapped[str] = mapped_column(String(10), server_default="draft")
    rule_set_id: Mapped[int]
    dial_mode: Mapped[str] = mapped_column(String(12), server_default="progressive")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    options: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    planned_as_of: Mapped[datetime | None]
    created_by: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class CampaignCycle(OfficeMixin, Base):
    """One cycle of a campaign, both days included: `state` open, closed; at most one is open.

    Attempts count on the ladder from `counts_from` on; those from `before_from` on tell how high a debtor had come. `counts` is what the
    cycle came to when it was closed. What a debtor has had in it is counted from attempts and payments, never kept here.
    """

    __tablename__ = "campaign_cycle"
    __table_args__ = (
        within_office("campaign_id", "campaign"),
        UniqueConstraint("office_id", "campaign_id", "number"),
        UniqueConstraint("office_id", "campaign_id", "starts_on"),
        Index("uq_campaign_cycle_open", "office_id", "campaign_id", unique=True, postgresql_where=text("state = 'open'")),
        CheckConstraint("state in ('open','closed')", name="state"),
        CheckConstraint("starts_on <= ends_on and counts_from <= starts_on and before_from <= counts_from", name="days"),
        CheckConstraint("(state = 'closed') = (closed_at is not null)", name="closed"),
    )

    campaign_id: Mapped[int]
    number: Mapped[int] = mapped_column(Integer)
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    counts_from: Mapped[date]
    before_from: Mapped[date]
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    counts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class PlanBasis(Base):
    """What a campaign's last plan went by, so that the next one need only decide for those whom something since may concern.

    `shape` is a digest of everything that decides but facts and time; `times` what the rules compare days with, as of that day; `since` the
    oldest transaction that was under way when the plan began to read; `server` the database it counts in. `counts` is how many got what:
    [channel, rule, reasons, arm, people], which the next plan corrects by those it decides for anew. Only plans write assignments.
    """

    __tablename__ = "plan_basis"
    __table_args__ = (within_office("campaign_id", "campaign"),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    campaign_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    as_of: Mapped[datetime]
    shape: Mapped[str] = mapped_column(String(64))
    times: Mapped[list[Any]]
    since: Mapped[int]
    server: Mapped[str] = mapped_column(String(60))
    counts: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    planned_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PlanMark(Base):
    """A debtor of whom a transaction changed something that rules ask about; without a debtor: of more than could be named.

    Written by triggers, whoever changes what. `household_no` where the debtor's own row changed: its members' number may have.
    `campaign_id` where a plan did it itself.
    """

    __tablename__ = "plan_mark"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    xid: Mapped[int] = mapped_column(primary_key=True, server_default=text("(pg_current_xact_id()::text)::bigint"))
    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    debtor_id: Mapped[int | None]
    household_no: Mapped[str] = mapped_column(String(40), server_default="")
    campaign_id: Mapped[int | None]
