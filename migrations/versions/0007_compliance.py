"""compliance"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
MOMENT = sa.DateTime(timezone=True)
OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
CURRENT = sa.text("check_id is not null and ended_at is null")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    _grow_old_tables()
    op.create_table(
        "contact_wish",
        *_key("contact_wish"),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("is_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("weekdays", sa.String(length=20), server_default="", nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("lifted_by", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_contact_wish_office_id_debtor_id")
        ),
    )
    op.create_index(op.f("ix_contact_wish_office_id_debtor_id"), "contact_wish", ["office_id", "debtor_id"], unique=False)
    op.create_table(
        "compliance_check",
        *_key("compliance_check"),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="done", nullable=False),
        sa.Column("policy_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("moments", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("total", "asked", "allowed", "refused", "written")
        ),
        sa.Column("counts", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint("state in ('waiting','running','done','failed')", name=op.f("ck_compliance_check_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_compliance_check_office_id_campaign_id")
        ),
    )
    op.create_index(
        op.f("ix_compliance_check_office_id_campaign_id_at"), "compliance_check", ["office_id", "campaign_id", "at"], unique=False
    )
    op.create_foreign_key(
        op.f("fk_compliance_decision_office_id_check_id"),
        "compliance_decision",
        "compliance_check",
        ["office_id", "check_id"],
        ["office_id", "id"],
    )
    op.create_index(
        "ix_compliance_decision_current",
        "compliance_decision",
        ["office_id", "campaign_id", "channel", "reason"],
        unique=False,
        postgresql_where=CURRENT,
    )
    isolate("contact_wish", "compliance_check")


def _key(table: str) -> tuple[sa.Column[int], sa.Column[int], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f(f"pk_{table}")),
    )


def _grow_old_tables() -> None:
    with op.batch_alter_table("contact_policy") as table:
        table.add_column(sa.Column("note", sa.String(length=500), server_default="", nullable=False))
        table.add_column(sa.Column("loosened", JSONB, server_default=sa.text("'[]'::jsonb"), nullable=False))
        for name in ("changed_by", "activated_by"):
            table.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        for name in ("changed_at", "activated_at", "retired_at"):
            table.add_column(sa.Column(name, MOMENT, nullable=True))
    with op.batch_alter_table("calendar_day") as table:
        table.add_column(sa.Column("hours", sa.String(length=100), server_default="", nullable=False))
        table.add_column(sa.Column("until", sa.String(length=5), server_default="", nullable=False))
        table.add_column(sa.Column("channels", JSONB, nullable=True))
        table.add_column(sa.Column("declared_by", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("declared_at", MOMENT, nullable=True))
    with op.batch_alter_table("compliance_decision") as table:
        for name in ("attempt_id", "message_id", "check_id", "phone_id"):
            table.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("mode", sa.String(length=12), server_default="", nullable=False))
        table.add_column(sa.Column("is_allowed", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        table.alter_column("reason", server_default="")
        table.add_column(sa.Column("policy_version", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("inputs", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False))
        table.add_column(sa.Column("valid_until", MOMENT, nullable=True))
        table.add_column(sa.Column("ended_at", MOMENT, nullable=True))


def downgrade() -> None:
    op.drop_index("ix_compliance_decision_current", table_name="compliance_decision", postgresql_where=CURRENT)
    op.drop_constraint(op.f("fk_compliance_decision_office_id_check_id"), "compliance_decision", type_="foreignkey")
    op.drop_table("compliance_check")
    op.drop_table("contact_wish")
    for name in (
        "attempt_id",
        "message_id",
        "check_id",
        "phone_id",
        "mode",
        "is_allowed",
        "policy_version",
        "inputs",
        "valid_until",
        "ended_at",
    ):
        op.drop_column("compliance_decision", name)
    op.alter_column("compliance_decision", "reason", server_default=None)
    for name in ("hours", "until", "channels", "declared_by", "declared_at"):
        op.drop_column("calendar_day", name)
    for name in ("note", "loosened", "changed_by", "changed_at", "activated_by", "activated_at", "retired_at"):
        op.drop_column("contact_policy", name)
