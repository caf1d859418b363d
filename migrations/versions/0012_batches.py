"""batches"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import APP_ROLE, isolate

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
LIVE = "state in ('preparing','ready','releasing','paused')"
LEASED = "state in ('claimed','handed_over')"


def _batch_columns() -> list[sa.Column[object]]:
    moment = sa.DateTime(timezone=True)
    return [
        sa.Column("policy_version", sa.Integer()),
        sa.Column("list_as_of", sa.Date()),
        sa.Column("pace", sa.String(8), server_default="front", nullable=False),
        sa.Column("leftover", sa.String(8), server_default="lapse", nullable=False),
        sa.Column("rounds", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("reaction_days", sa.SmallInteger(), server_default="14", nullable=False),
        sa.Column("segment_price", sa.Integer(), server_default="0", nullable=False),
        sa.Column("minute_price", sa.Integer(), server_default="0", nullable=False),
        sa.Column("segments", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moves", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("state_reason", sa.String(40), server_default="", nullable=False),
        sa.Column("progress", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("progress_total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", moment),
        sa.Column("edited_by", sa.BigInteger()),
        sa.Column("edited_at", moment),
        sa.Column("approved_by", sa.BigInteger()),
        sa.Column("approved_at", moment),
    ]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for column in _batch_columns():
        op.add_column("batch", column)
    op.create_check_constraint(op.f("ck_batch_release"), "batch", "pace in ('front','even') and leftover in ('lapse','next')")
    op.create_index("ix_batch_live", "batch", ["office_id", "state"], postgresql_where=sa.text(LIVE))
    # Batches of before were released by themselves.
    for statement in (
        "ALTER TABLE batch NO FORCE ROW LEVEL SECURITY",
        "UPDATE batch SET approved_at = created_at",
        "ALTER TABLE batch FORCE ROW LEVEL SECURITY",
    ):
        op.execute(statement)
    long_ago = sa.text("'2000-01-01 00:00:00+00'::timestamptz")
    op.add_column("message", sa.Column("not_before", sa.DateTime(timezone=True), server_default=long_ago, nullable=False))
    op.add_column("message", sa.Column("sender", sa.String(40), server_default="", nullable=False))
    ready = sa.text("state = 'ready'")
    op.create_index("ix_message_ready", "message", ["office_id", "batch_id", "not_before", "id"], postgresql_where=ready)
    op.create_index("ix_message_lease", "message", ["office_id", "lease_until"], postgresql_where=sa.text(LEASED))
    _new_tables()


def _new_tables() -> None:
    within_batch = ("batch.office_id", "batch.id")
    op.create_table(
        "batch_event",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["office_id", "batch_id"], within_batch, name=op.f("fk_batch_event_office_id_batch_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_batch_event")),
    )
    op.create_index(op.f("ix_batch_event_office_id_batch_id"), "batch_event", ["office_id", "batch_id"])
    op.create_table(
        "batch_control",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("arm", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["office_id", "batch_id"], within_batch, name=op.f("fk_batch_control_office_id_batch_id")),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_batch_control_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "batch_id", "debtor_id", name=op.f("pk_batch_control")),
    )
    isolate("batch_event", "batch_control")
    op.create_table(
        "sender_rate",
        sa.Column("sender", sa.String(80), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_sender_rate")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON sender_rate TO {APP_ROLE}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for table in ("sender_rate", "batch_control", "batch_event"):
        op.drop_table(table)
    for index in ("ix_message_lease", "ix_message_ready"):
        op.drop_index(index, "message")
    for name in ("sender", "not_before"):
        op.drop_column("message", name)
    op.drop_index("ix_batch_live", "batch")
    op.drop_constraint(op.f("ck_batch_release"), "batch")
    for column in reversed(_batch_columns()):
        op.drop_column("batch", column.name)
