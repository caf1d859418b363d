"""payments"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATES = {
    "promise": (
        "state in ('open','kept','part_kept','broken','cancelled')",
        "state in ('open','kept','part_kept','broken','cancelled','superseded')",
    ),
    "instalment_plan": (None, "state in ('good_standing','broken','completed','ended')"),
}
OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def _columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    """The new columns by table."""
    return {
        "payment": (
            sa.Column("reversed", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("is_listed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
            sa.Column("assigned_by", sa.BigInteger()),
            sa.Column("assigned_at", sa.DateTime(timezone=True)),
        ),
        "allocation": tuple(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ("demand_fee", "late_charge")),
        "debt": tuple(sa.Column(name, sa.BigInteger()) for name in ("listed_outstanding", "listed_received", "listed_by")),
        "promise": (
            sa.Column("lag_days", sa.SmallInteger(), server_default="0", nullable=False),
            sa.Column("superseded_by", sa.BigInteger()),
        ),
        "instalment_plan": (
            sa.Column("source", sa.String(8), server_default="file", nullable=False),
            sa.Column("agreed_on", sa.Date()),
            sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("paid", sa.BigInteger(), server_default="0", nullable=False),
            sa.Column("missed", sa.SmallInteger(), server_default="0", nullable=False),
            sa.Column("grace_days", sa.SmallInteger(), server_default="7", nullable=False),
            sa.Column("allowed_misses", sa.SmallInteger(), server_default="0", nullable=False),
            sa.Column("decided_by", sa.BigInteger()),
            sa.Column("ended_by", sa.BigInteger()),
            sa.Column("ended_at", sa.DateTime(timezone=True)),
        ),
    }


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    for table, (before, after) in STATES.items():
        if before is not None:
            op.drop_constraint(op.f(f"ck_{table}_state"), table)
        op.create_check_constraint(op.f(f"ck_{table}_state"), table, after)
    _owned("promise", "UPDATE promise SET state = 'superseded' WHERE state = 'cancelled'")
    op.create_index(op.f("ix_payment_office_id_debt_id"), "payment", ["office_id", "debt_id"])
    op.create_index(op.f("ix_instalment_plan_office_id_state_next_due_on"), "instalment_plan", ["office_id", "state", "next_due_on"])
    op.drop_index(op.f("ix_allocation_office_id_payment_id"), "allocation")
    op.create_unique_constraint(op.f("uq_allocation_office_id_payment_id_debt_id"), "allocation", ["office_id", "payment_id", "debt_id"])
    _instalments()
    _seals()


def _owned(table: str, statement: str) -> None:
    """Changes rows of all offices: the owner, too, sees none while row-level security is forced."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _instalments() -> None:
    op.create_table(
        "instalment",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(8), server_default="due", nullable=False),
        sa.CheckConstraint("state in ('due','paid','late','missed')", name=op.f("ck_instalment_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_instalment_amount")),
        sa.ForeignKeyConstraint(
            ["office_id", "plan_id"],
            ["instalment_plan.office_id", "instalment_plan.id"],
            name=op.f("fk_instalment_office_id_plan_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_instalment")),
        sa.UniqueConstraint("office_id", "plan_id", "number", name=op.f("uq_instalment_office_id_plan_id_number")),
    )
    isolate("instalment")


def _seals() -> None:
    txid = sa.text("((pg_current_xact_id())::text)::bigint")
    op.add_column("audit_event", sa.Column("txid", sa.BigInteger(), server_default=txid, nullable=False))
    op.create_index(op.f("ix_audit_event_office_id_txid"), "audit_event", ["office_id", "txid"])
    op.create_table(
        "audit_seal",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("from_txid", sa.BigInteger(), nullable=False),
        sa.Column("to_txid", sa.BigInteger(), nullable=False),
        sa.Column("after_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_audit_seal_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("office_id", "number", name=op.f("uq_audit_seal_office_id_number")),
    )
    isolate("audit_seal")


def downgrade() -> None:
    for table in ("audit_seal", "instalment"):
        op.drop_table(table)
    op.drop_index(op.f("ix_audit_event_office_id_txid"), "audit_event")
    op.drop_column("audit_event", "txid")
    op.drop_constraint(op.f("uq_allocation_office_id_payment_id_debt_id"), "allocation")
    op.create_index(op.f("ix_allocation_office_id_payment_id"), "allocation", ["office_id", "payment_id"])
    op.drop_index(op.f("ix_instalment_plan_office_id_state_next_due_on"), "instalment_plan")
    op.drop_index(op.f("ix_payment_office_id_debt_id"), "payment")
    _owned("promise", "UPDATE promise SET state = 'cancelled' WHERE state = 'superseded'")
    for table, (before, _) in STATES.items():
        op.drop_constraint(op.f(f"ck_{table}_state"), table)
        if before is not None:
            op.create_check_constraint(op.f(f"ck_{table}_state"), table, before)
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)
