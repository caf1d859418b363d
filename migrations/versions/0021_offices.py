"""offices: second factors, first passwords that expire, locked screens, identities at another provider"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def _own() -> list[sa.Column[int]]:
    return [
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
    ]


def _of_user() -> list[sa.SchemaItem]:
    return [
        sa.ForeignKeyConstraint(["office_id", "user_id"], ["app_user.office_id", "app_user.id"]),
        sa.PrimaryKeyConstraint("office_id", "id"),
    ]


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.add_column("app_user", _at("password_until"))
    op.add_column("user_session", _at("locked_at"))
    op.create_table(
        "second_factor",
        *_own(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        _at("made_at", nullable=False),
        _at("confirmed_at"),
        *_of_user(),
        sa.UniqueConstraint("office_id", "user_id"),
    )
    op.create_table(
        "recovery_code",
        *_own(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        _at("made_at", nullable=False),
        _at("used_at"),
        *_of_user(),
        sa.UniqueConstraint("office_id", "user_id", "code_hash"),
    )
    op.create_table(
        "user_identity",
        *_own(),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        _at("linked_at", nullable=False),
        *_of_user(),
        sa.UniqueConstraint("office_id", "issuer", "subject"),
        sa.UniqueConstraint("office_id", "user_id", "issuer"),
    )
    isolate("second_factor", "recovery_code", "user_identity")


def downgrade() -> None:
    for table in ("user_identity", "recovery_code", "second_factor"):
        op.drop_table(table)
    op.drop_column("user_session", "locked_at")
    op.drop_column("app_user", "password_until")
