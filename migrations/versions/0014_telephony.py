"""telephony: operators' phones, what they ask of the line, and talks with tax officers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
OF_SESSION = ("leg_kind", "leg_channel", "leg_down_at", "phone_digest", "phone_ready_at", "is_muted")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    with op.batch_alter_table("agent_session") as table:
        table.add_column(sa.Column("leg_kind", sa.String(length=8), server_default="desk", nullable=False))
        table.add_column(sa.Column("leg_channel", sa.String(length=60), server_default="", nullable=False))
        table.add_column(sa.Column("leg_down_at", MOMENT, nullable=True))
        table.add_column(sa.Column("phone_digest", sa.String(length=32), server_default="", nullable=False))
        table.add_column(sa.Column("phone_ready_at", MOMENT, nullable=True))
        table.add_column(sa.Column("is_muted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        table.create_check_constraint(op.f("ck_agent_session_leg_kind"), "leg_kind in ('desk','browser')")
    op.execute("UPDATE agent_session SET leg_channel = leg_id WHERE state <> 'ended'")  # a leg that stands keeps its channel
    op.add_column("call", sa.Column("held_at", MOMENT, nullable=True))
    op.create_table(
        "line_order",
        *_key("line_order"),
        sa.Column("agent_session_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=True),
        sa.Column("verb", sa.String(length=12), nullable=False),
        sa.Column("argument", sa.String(length=60), server_default="", nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("taken_at", MOMENT, nullable=True),
        sa.Column("problem", sa.String(length=40), server_default="", nullable=False),
        _within("line_order", "agent_session_id", "agent_session"),
        _within("line_order", "call_id", "call"),
    )
    op.create_index("ix_line_order_waiting", "line_order", ["office_id", "id"], postgresql_where=sa.text("taken_at is null"))
    op.create_index(op.f("ix_line_order_office_id_call_id"), "line_order", ["office_id", "call_id"])
    op.create_table(
        "consultation",
        *_key("consultation"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("call_id", "attempt_id", "agent_session_id", "officer_id")),
        sa.Column("channel_id", sa.String(length=60), nullable=False),
        sa.Column("address", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="calling", nullable=False),
        sa.Column("ending", sa.String(length=20), server_default="", nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("answered_at", "handed_over_at", "ended_at")),
        _within("consultation", "call_id", "call"),
        _within("consultation", "attempt_id", "attempt"),
        _within("consultation", "agent_session_id", "agent_session"),
        _within("consultation", "officer_id", "app_user"),
        sa.UniqueConstraint("office_id", "channel_id", name=op.f("uq_consultation_office_id_channel_id")),
        sa.CheckConstraint("state in ('calling','talking','joined','handed_over','ended')", name=op.f("ck_consultation_state")),
    )
    op.create_index(
        "uq_consultation_open", "consultation", ["office_id", "call_id"], unique=True, postgresql_where=sa.text("ended_at is null")
    )
    isolate("line_order", "consultation")


def _key(table: str) -> tuple[sa.Column[int], sa.Column[int], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f(f"pk_{table}")),
    )


def _within(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["office_id", column], [f"{other}.office_id", f"{other}.id"], name=op.f(f"fk_{table}_office_id_{column}")
    )


def downgrade() -> None:
    op.drop_table("consultation")
    op.drop_table("line_order")
    op.drop_column("call", "held_at")
    op.drop_constraint(op.f("ck_agent_session_leg_kind"), "agent_session")
    for name in OF_SESSION:
        op.drop_column("agent_session", name)
