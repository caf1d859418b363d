"""console: results that can be taken back, what debtors ask for, the office's words, which installments a promise covers"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import isolate

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def _office() -> sa.Column[int]:
    return sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, target: str, **more: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_office_id_{column}")
    return sa.ForeignKeyConstraint(["office_id", column], [f"{target}.office_id", f"{target}.id"], name=name, **more)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.add_column("attempt", sa.Column("undone_count", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("promise", sa.Column("debt_ids", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))
    op.create_table(
        "outcome_undo",
        _office(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        _at("recorded_at"),
        sa.Column("before", JSONB(), nullable=False),
        _key("outcome_undo", "user_id", "app_user", ondelete="CASCADE"),
        _key("outcome_undo", "attempt_id", "attempt"),
        sa.PrimaryKeyConstraint("office_id", "user_id", name=op.f("pk_outcome_undo")),
    )
    _requests()
    _scripts()
    isolate("outcome_undo", "service_request", "talk_script")


def _requests() -> None:
    op.create_table(
        "service_request",
        _office(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger()),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("detail", sa.String(300), server_default="", nullable=False),
        sa.Column("state", sa.String(8), server_default="open", nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        _at("created_at"),
        sa.Column("done_by", sa.BigInteger()),
        _at("done_at", nullable=True),
        _key("service_request", "debtor_id", "debtor"),
        _key("service_request", "attempt_id", "attempt"),
        _key("service_request", "created_by", "app_user"),
        _key("service_request", "done_by", "app_user"),
        sa.UniqueConstraint("office_id", "attempt_id", "kind", name=op.f("uq_service_request_office_id_attempt_id_kind")),
        sa.CheckConstraint("kind in ('slip','direct_debit','address_change')", name=op.f("ck_service_request_kind")),
        sa.CheckConstraint("state in ('open','done')", name=op.f("ck_service_request_state")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_service_request")),
    )
    for column in ("state", "debtor_id"):
        op.create_index(op.f(f"ix_service_request_office_id_{column}"), "service_request", ["office_id", column])


def _scripts() -> None:
    op.create_table(
        "talk_script",
        _office(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("note", sa.String(200), server_default="", nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        _at("created_at"),
        _key("talk_script", "created_by", "app_user"),
        sa.UniqueConstraint("office_id", "version", name=op.f("uq_talk_script_office_id_version")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_talk_script")),
    )


def downgrade() -> None:
    for table in ("talk_script", "service_request", "outcome_undo"):
        op.drop_table(table)
    op.drop_column("promise", "debt_ids")
    op.drop_column("attempt", "undone_count")
