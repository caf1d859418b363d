"""pacing"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
MOMENT = sa.DateTime(timezone=True)
OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "pacing_state",
        *_key("pacing_state"),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("learned_until", MOMENT, nullable=False),
        sa.Column("judged_on", sa.Date(), nullable=True),
        sa.Column("judged_answers", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("judged_abandoned", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("mode_asked", sa.String(length=12), server_default="", nullable=False),
        sa.Column("mode", sa.String(length=12), server_default="", nullable=False),
        sa.Column("why", sa.String(length=20), server_default="", nullable=False),
        sa.Column("detail", JSONB, server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.UniqueConstraint("office_id", "campaign_id", name=op.f("uq_pacing_state_office_id_campaign_id")),
    )
    op.create_table(
        "pacing_hour",
        *_key("pacing_hour"),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.CheckConstraint("hour between 0 and 23", name=op.f("ck_pacing_hour_hour")),
        sa.UniqueConstraint("office_id", "campaign_id", "hour", name=op.f("uq_pacing_hour_office_id_campaign_id_hour")),
    )
    # Answers and ends of the last moments, and the abandoned share of a day, are looked up many times a minute.
    for moment in ("answered_at", "ended_at"):
        op.create_index(
            f"ix_call_{moment}", "call", ["office_id", "campaign_id", moment], postgresql_where=sa.text(f"{moment} is not null")
        )
    isolate("pacing_state", "pacing_hour")


def downgrade() -> None:
    for moment in ("answered_at", "ended_at"):
        op.drop_index(f"ix_call_{moment}", table_name="call")
    op.drop_table("pacing_hour")
    op.drop_table("pacing_state")


def _key(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f(f"fk_{table}_office_id_campaign_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f(f"pk_{table}")),
    ]
