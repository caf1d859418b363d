"""cycles"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "campaign_cycle",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("counts_from", sa.Date(), nullable=False),
        sa.Column("before_from", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open','closed')", name=op.f("ck_campaign_cycle_state")),
        sa.CheckConstraint(
            "starts_on <= ends_on and counts_from <= starts_on and before_from <= counts_from", name=op.f("ck_campaign_cycle_days")
        ),
        sa.CheckConstraint("(state = 'closed') = (closed_at is not null)", name=op.f("ck_campaign_cycle_closed")),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_campaign_cycle_office_id_campaign_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_campaign_cycle")),
        sa.UniqueConstraint("office_id", "campaign_id", "number", name=op.f("uq_campaign_cycle_office_id_campaign_id_number")),
        sa.UniqueConstraint("office_id", "campaign_id", "starts_on", name=op.f("uq_campaign_cycle_office_id_campaign_id_starts_on")),
    )
    op.create_index(
        "uq_campaign_cycle_open",
        "campaign_cycle",
        ["office_id", "campaign_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    isolate("campaign_cycle")
    op.add_column("channel_assignment", sa.Column("step", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("work_item", sa.Column("step", sa.SmallInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_column("work_item", "step")
    op.drop_column("channel_assignment", "step")
    op.drop_table("campaign_cycle")
