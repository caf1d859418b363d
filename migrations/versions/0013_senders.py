"""senders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import isolate

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
TABLES = ("message_inbox", "message_reply", "sender_choice", "own_number", "test_message")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "message_inbox",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("event_key", sa.String(length=160), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(length=40), server_default="", nullable=False),
        sa.CheckConstraint("kind in ('status','reply')", name=op.f("ck_message_inbox_kind")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_message_inbox_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_message_inbox")),
        sa.UniqueConstraint("office_id", "source", "event_key", name=op.f("uq_message_inbox_office_id_source_event_key")),
    )
    op.create_index(
        "ix_message_inbox_new", "message_inbox", ["office_id", "id"], unique=False, postgresql_where=sa.text("processed_at is null")
    )
    op.create_index(op.f("ix_message_inbox_office_id_received_at"), "message_inbox", ["office_id", "received_at"], unique=False)
    op.create_table(
        "sender_choice",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("document", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('settings','simulator','twilio','gateway')", name=op.f("ck_sender_choice_kind")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_sender_choice_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_sender_choice")),
    )
    op.create_table(
        "own_number",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("e164", sa.String(length=20), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"],
            ["app_user.office_id", "app_user.id"],
            name=op.f("fk_own_number_office_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_own_number")),
        sa.UniqueConstraint("office_id", "user_id", name=op.f("uq_own_number_office_id_user_id")),
    )
    op.create_table(
        "test_message",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("template_code", sa.String(length=40), server_default="", nullable=False),
        sa.Column("body", sa.String(length=700), server_default="", nullable=False),
        sa.Column("segments", sa.SmallInteger(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"],
            ["app_user.office_id", "app_user.id"],
            name=op.f("fk_test_message_office_id_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_test_message")),
    )
    op.create_index(op.f("ix_test_message_office_id_at"), "test_message", ["office_id", "at"], unique=False)
    op.create_table(
        "message_reply",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("e164", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("body", sa.String(length=1600), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suppressed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("kind in ('stop','start','text')", name=op.f("ck_message_reply_kind")),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_message_reply_office_id_debtor_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "inbox_id"], ["message_inbox.office_id", "message_inbox.id"], name=op.f("fk_message_reply_office_id_inbox_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "message_id"], ["message.office_id", "message.id"], name=op.f("fk_message_reply_office_id_message_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_message_reply")),
        sa.UniqueConstraint("office_id", "inbox_id", name=op.f("uq_message_reply_office_id_inbox_id")),
    )
    op.create_index(op.f("ix_message_reply_office_id_debtor_id"), "message_reply", ["office_id", "debtor_id"], unique=False)
    op.create_index(op.f("ix_message_reply_office_id_message_id"), "message_reply", ["office_id", "message_id"], unique=False)
    op.create_index(op.f("ix_message_reply_office_id_received_at"), "message_reply", ["office_id", "received_at"], unique=False)
    op.add_column("template", sa.Column("allowed_fields", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))
    op.add_column("template", sa.Column("activated_by", sa.BigInteger(), nullable=True))
    op.add_column("template", sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True))
    isolate(*TABLES)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for column in ("activated_at", "activated_by", "allowed_fields"):
        op.drop_column("template", column)
