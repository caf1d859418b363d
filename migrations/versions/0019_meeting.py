"""meeting: the office's monthly totals, its costs and effects, targets, and what meetings decided"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "collection_total",
        sa.Column("fiscal_year", sa.SmallInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("tax_code", sa.String(20), nullable=False),
        sa.Column("vintage", sa.String(12), nullable=False),
        sa.Column("assessed", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("written_off", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.CheckConstraint("vintage in ('current','carried_over')", name=op.f("ck_collection_total_vintage")),
        sa.CheckConstraint("assessed >= 0 and received >= 0 and written_off >= 0", name=op.f("ck_collection_total_amounts")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_collection_total_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_collection_total")),
        sa.UniqueConstraint(
            "office_id",
            "fiscal_year",
            "month",
            "tax_code",
            "vintage",
            name=op.f("uq_collection_total_office_id_fiscal_year_month_tax_code_vintage"),
        ),
    )
    op.create_table(
        "collection_effect",
        sa.Column("fiscal_year", sa.SmallInteger(), nullable=False),
        sa.Column("contract_yen", sa.BigInteger(), nullable=False),
        sa.Column("saved_yen", sa.BigInteger(), nullable=False),
        sa.Column("assessed_yen", sa.BigInteger(), nullable=False),
        sa.Column("rate_before", sa.Numeric(5, 2), nullable=False),
        sa.Column("rate_after", sa.Numeric(5, 2), nullable=False),
        sa.Column("note", sa.String(1000), server_default="", nullable=False),
        sa.Column("updated_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_collection_effect_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_collection_effect")),
        sa.UniqueConstraint("office_id", "fiscal_year", name=op.f("uq_collection_effect_office_id_fiscal_year")),
    )
    op.create_table(
        "meeting_note",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("section", sa.String(20), nullable=False),
        sa.Column("body", sa.String(2000), server_default="", nullable=False),
        sa.Column("updated_by", sa.BigInteger()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_meeting_note_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_meeting_note")),
        sa.UniqueConstraint("office_id", "month", "section", name=op.f("uq_meeting_note_office_id_month_section")),
    )
    isolate("collection_total", "collection_effect", "meeting_note")


def downgrade() -> None:
    op.drop_table("meeting_note")
    op.drop_table("collection_effect")
    op.drop_table("collection_total")
