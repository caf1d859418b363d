"""Which channel a debtor was assigned, and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, Index, Integer, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, within_office


class ChannelAssignment(Base):
    """The present assignment of one debtor in one campaign, with its reason codes, rule version and experiment arm.

    `propensity` is the probability with which the arm was drawn, for measuring effects later. `step` is the step of the campaign's ladder
    that the debtor stands on or waits for (from 1), 0 where a rule decided by itself or nothing more is done. `template` and `script` name
    the message's wording and the automated call's script where the rule does; empty: the campaign's own.
    """

    __tablename__ = "channel_assignment"
    __table_args__ = (
        within_office("campaign_id", "campaign"),
        within_office("debtor_id", "debtor"),
        within_office("rule_set_id", "rule_set"),
        Index(None, "office_id", "campaign_id", "channel", "priority"),
    )

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    debtor_id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    reason_codes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    rule_code: Mapped[str] = mapped_column(String(40))
    rule_set_id: Mapped[int]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="5")
    arm: Mapped[str] = mapped_column(String(40), server_default="all")
    propensity: Mapped[float] = mapped_column(Float, server_default=text("1"))
    step: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    template: Mapped[str] = mapped_column(String(40), server_default="")
    script: Mapped[str] = mapped_column(String(40), server_default="")
    as_of: Mapped[datetime]
    assigned_at: Mapped[datetime]


class ExperimentEnrolment(Base):
    """When a debtor came into an arm of an experiment, and how likely that was; who moves between arms has a row for each."""

    __tablename__ = "experiment_enrolment"
    __table_args__ = (within_office("debtor_id", "debtor"), Index(None, "office_id", "debtor_id"))

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    experiment: Mapped[str] = mapped_column(String(40), primary_key=True)
    debtor_id: Mapped[int] = mapped_column(primary_key=True)
    arm: Mapped[str] = mapped_column(String(40), primary_key=True)
    propensity: Mapped[float] = mapped_column(Float)
    entered_at: Mapped[datetime]
