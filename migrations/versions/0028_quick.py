"""figures: sizes of a fact's sets, answers about large lists that are kept for a while, and who is written to about alerts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0028"
down_revision = "0024"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
PERSONS = ("attempted", "contacted", "right_party", "promised")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    # Facts can be made anew from the raw rows at any time, and the worker does so; their sets can't be counted in SQL.
    op.execute("TRUNCATE fact, fact_built")
    for name in PERSONS:
        op.add_column("fact", sa.Column(f"persons_{name}", sa.Integer(), nullable=False))
    op.create_table(
        "report_snapshot",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("question", sa.String(200), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_report_snapshot_office_id")),
        sa.PrimaryKeyConstraint("office_id", "question", name=op.f("pk_report_snapshot")),
    )
    op.create_table(
        "alert_recipient",
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("added_by", sa.BigInteger(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_alert_recipient_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_alert_recipient")),
        sa.UniqueConstraint("office_id", "address", name=op.f("uq_alert_recipient_office_id_address")),
        sa.CheckConstraint("lang in ('ja','en')", name=op.f("ck_alert_recipient_lang")),
    )
    isolate("report_snapshot", "alert_recipient")
    op.add_column("metric_alert", sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE metric_alert SET mailed_at = found_at")  # nobody is written to about what they saw long ago


def downgrade() -> None:
    op.drop_column("metric_alert", "mailed_at")
    op.drop_table("alert_recipient")
    op.drop_table("report_snapshot")
    op.execute("TRUNCATE fact, fact_built")
    for name in PERSONS:
        op.drop_column("fact", f"persons_{name}")
