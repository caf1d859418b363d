"""targets: what figures should reach, alerts, what was decided and when; and the schema `bi` for reading with other tools"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.bi_views import create_bi, drop_bi
from migrations.tenancy import isolate

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def _office_columns() -> tuple[sa.Column[int], sa.Column[int]]:
    return (
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
    )


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "metric_target",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("updated_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *_office_columns(),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_metric_target_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_metric_target")),
        sa.UniqueConstraint("office_id", "month", "metric", name=op.f("uq_metric_target_office_id_month_metric")),
    )
    op.create_table(
        "metric_watch",
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("cycle", sa.String(8), nullable=False),
        sa.Column("updated_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *_office_columns(),
        sa.CheckConstraint("cycle in ('daily','weekly','monthly','never')", name=op.f("ck_metric_watch_cycle")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_metric_watch_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_metric_watch")),
        sa.UniqueConstraint("office_id", "metric", name=op.f("uq_metric_watch_office_id_metric")),
    )
    op.create_table(
        "metric_alert",
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("cycle", sa.String(8), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("rule", sa.String(8), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("center", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("seen_by", sa.BigInteger()),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("remark", sa.String(400), server_default="", nullable=False),
        *_office_columns(),
        sa.CheckConstraint("cycle in ('daily','weekly','monthly')", name=op.f("ck_metric_alert_cycle")),
        sa.CheckConstraint("rule in ('outside','run')", name=op.f("ck_metric_alert_rule")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_metric_alert_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_metric_alert")),
        sa.UniqueConstraint(
            "office_id", "metric", "cycle", "first", "rule", name=op.f("uq_metric_alert_office_id_metric_cycle_first_rule")
        ),
    )
    op.create_table(
        "decision",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("what", sa.String(400), nullable=False),
        sa.Column("who", sa.String(80), server_default="", nullable=False),
        sa.Column("metric", sa.String(40), server_default="", nullable=False),
        sa.Column("direction", sa.String(4), server_default="up", nullable=False),
        sa.Column("state", sa.String(8), server_default="open", nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.BigInteger()),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        *_office_columns(),
        sa.CheckConstraint("kind in ('decision','note')", name=op.f("ck_decision_kind")),
        sa.CheckConstraint("direction in ('up','down')", name=op.f("ck_decision_direction")),
        sa.CheckConstraint("state in ('open','done','dropped')", name=op.f("ck_decision_state")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_decision_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_decision")),
    )
    op.create_index(op.f("ix_decision_office_id_starts_on"), "decision", ["office_id", "starts_on"])
    op.create_table(
        "half_hour",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("operators", sa.Integer(), server_default="0", nullable=False),
        sa.Column("inbound", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_half_hour_office_id")),
        sa.PrimaryKeyConstraint("office_id", "day", "slot", name=op.f("pk_half_hour")),
    )
    isolate("metric_target", "metric_watch", "metric_alert", "decision", "half_hour")
    create_bi()


def downgrade() -> None:
    drop_bi()
    for table in ("half_hour", "decision", "metric_alert", "metric_watch", "metric_target"):
        op.drop_table(table)
