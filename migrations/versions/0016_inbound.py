"""inbound: call-backs that come in, versions of robocall scripts with two signatures, recordings, and where a listener left"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def _own() -> list[sa.Column[int]]:
    return [
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
    ]


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.add_column("attempt", sa.Column("is_inbound", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("attempt", sa.Column("robocall_path", sa.String(400), server_default="", nullable=False))
    _scripts()
    _recordings()
    _calls()
    isolate("robocall_recording", "inbound_call")


def _scripts() -> None:
    for column in (sa.Column("created_by", sa.BigInteger()), _at("activated_at"), sa.Column("activated_by", sa.BigInteger())):
        op.add_column("robocall_script", column)
    for name in ("created_by", "activated_by"):
        op.create_foreign_key(op.f(f"fk_robocall_script_{name}"), "robocall_script", "app_user", ["office_id", name], ["office_id", "id"])


def _recordings() -> None:
    op.create_table(
        "robocall_recording",
        *_own(),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("digest", sa.String(16), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("sound", sa.LargeBinary(), nullable=False),
        _at("created_at", nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"]),
        sa.ForeignKeyConstraint(["office_id", "created_by"], ["app_user.office_id", "app_user.id"]),
        sa.PrimaryKeyConstraint("office_id", "id"),
        sa.UniqueConstraint("office_id", "name", "digest"),
    )


def _calls() -> None:
    references = {
        "debtor_id": "debtor",
        "phone_id": "phone_number",
        "agent_session_id": "agent_session",
        "attempt_id": "attempt",
        "work_item_id": "work_item",
        "handled_by": "app_user",
    }
    op.create_table(
        "inbound_call",
        *_own(),
        sa.Column("carrier", sa.String(12), nullable=False),
        sa.Column("channel_id", sa.String(100), nullable=False),
        sa.Column("node", sa.String(80), nullable=False),
        sa.Column("caller", sa.String(20)),
        *(sa.Column(name, sa.BigInteger()) for name in references),
        sa.Column("persons", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(10), server_default="ringing", nullable=False),
        _at("came_at", nullable=False),
        _at("told_at"),
        sa.Column("told_position", sa.SmallInteger(), server_default="0", nullable=False),
        _at("answered_at"),
        _at("ended_at"),
        sa.Column("result", sa.String(12), server_default="", nullable=False),
        sa.Column("callback", sa.String(8), server_default="none", nullable=False),
        _at("handled_at"),
        *(sa.ForeignKeyConstraint(["office_id", name], [f"{table}.office_id", f"{table}.id"]) for name, table in references.items()),
        sa.CheckConstraint("state in ('ringing','waiting','talking','closing','ended')", name=op.f("ck_inbound_call_state")),
        sa.CheckConstraint("callback in ('none','wanted','made','done')", name=op.f("ck_inbound_call_callback")),
        sa.PrimaryKeyConstraint("office_id", "id"),
        sa.UniqueConstraint("office_id", "channel_id"),
        sa.UniqueConstraint("office_id", "attempt_id"),
    )
    op.create_index(op.f("ix_inbound_call_office_id_came_at"), "inbound_call", ["office_id", "came_at"])
    op.create_index("ix_inbound_call_live", "inbound_call", ["office_id", "state"], postgresql_where=sa.text("state <> 'ended'"))


def downgrade() -> None:
    op.drop_table("inbound_call")
    op.drop_table("robocall_recording")
    for name in ("created_by", "activated_by"):
        op.drop_constraint(op.f(f"fk_robocall_script_{name}"), "robocall_script")
    for table, columns in {
        "robocall_script": ("created_by", "activated_at", "activated_by"),
        "attempt": ("is_inbound", "robocall_path"),
    }.items():
        for column in columns:
            op.drop_column(table, column)
