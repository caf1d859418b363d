"""recordings, reviews and supervision"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
TABLES = ("recording_key", "supervision", "recording", "quality_review", "recording_access")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.add_column("call", sa.Column("is_recorded", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("call", sa.Column("has_notice", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index("ix_call_recorded", "call", ["office_id", "placed_at"], postgresql_where=sa.text("is_recorded"))
    _recording_key()
    _supervision()
    _recording()
    _quality_review()
    _recording_access()
    isolate(*TABLES)


def _recording_key() -> None:
    op.create_table(
        "recording_key",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_recording_key_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_recording_key")),
        sa.UniqueConstraint("office_id", "version", name=op.f("uq_recording_key_office_id_version")),
    )


def _supervision() -> None:
    op.create_table(
        "supervision",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("supervisor_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_session_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("mode_in_force", sa.String(length=10), server_default="", nullable=False),
        sa.Column("state", sa.String(length=6), server_default="asked", nullable=False),
        sa.Column("leg_id", sa.String(length=60), nullable=False),
        sa.Column("address", sa.String(length=80), server_default="", nullable=False),
        sa.Column("is_leg_open", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("problem", sa.String(length=40), server_default="", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mode in ('listen','whisper','barge','take_over')", name=op.f("ck_supervision_mode")),
        sa.CheckConstraint("state in ('asked','on','ended')", name=op.f("ck_supervision_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "agent_session_id"],
            ["agent_session.office_id", "agent_session.id"],
            name=op.f("fk_supervision_office_id_agent_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "supervisor_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_supervision_office_id_supervisor_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_supervision_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_supervision")),
    )
    op.create_index(
        "ix_supervision_open", "supervision", ["office_id"], unique=False, postgresql_where=sa.text("state <> 'ended' OR is_leg_open")
    )
    op.create_index(
        "uq_supervision_live", "supervision", ["office_id", "supervisor_id"], unique=True, postgresql_where=sa.text("state <> 'ended'")
    )


def _recording() -> None:
    op.create_table(
        "recording",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("node", sa.String(length=80), server_default="", nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="running", nullable=False),
        sa.Column("problem", sa.String(length=40), server_default="", nullable=False),
        sa.Column("seen_by", sa.BigInteger(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("key_version", sa.Integer(), nullable=True),
        sa.Column("sealed_version", sa.Integer(), nullable=True),
        sa.Column("is_simulated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_notice", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("kept_for", sa.String(length=200), server_default="", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.BigInteger(), nullable=True),
        sa.Column("deleted_for", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint("(state = 'stored') = (wrapped_key IS NOT NULL)", name=op.f("ck_recording_key")),
        sa.CheckConstraint("state in ('running','stored','missing','empty','failed','deleted')", name=op.f("ck_recording_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_recording_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(["office_id", "call_id"], ["call.office_id", "call.id"], name=op.f("fk_recording_office_id_call_id")),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_recording_office_id_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_recording_office_id_debtor_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_recording_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_recording")),
        sa.UniqueConstraint("office_id", "call_id", name=op.f("uq_recording_office_id_call_id")),
        sa.UniqueConstraint("office_id", "name", name=op.f("uq_recording_office_id_name")),
    )
    op.create_index(op.f("ix_recording_office_id_attempt_id"), "recording", ["office_id", "attempt_id"], unique=False)
    op.create_index(op.f("ix_recording_office_id_began_at"), "recording", ["office_id", "began_at"], unique=False)
    op.create_index(
        "ix_recording_problem",
        "recording",
        ["office_id", "began_at"],
        unique=False,
        postgresql_where=sa.text("problem <> '' AND seen_by IS NULL"),
    )
    op.create_index("ix_recording_running", "recording", ["office_id", "node"], unique=False, postgresql_where=sa.text("state = 'running'"))


def _quality_review() -> None:
    op.create_table(
        "quality_review",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("recording_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger(), nullable=False),
        sa.Column("criteria", postgresql.JSONB(), nullable=False),
        sa.Column("scores", postgresql.JSONB(), nullable=False),
        sa.Column("percent", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("is_shown", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("percent between 0 and 100", name=op.f("ck_quality_review_percent")),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_quality_review_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "recording_id"], ["recording.office_id", "recording.id"], name=op.f("fk_quality_review_office_id_recording_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "reviewer_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_quality_review_office_id_reviewer_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_quality_review_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_quality_review")),
        sa.UniqueConstraint("office_id", "recording_id", "reviewer_id", name=op.f("uq_quality_review_office_id_recording_id_reviewer_id")),
    )
    op.create_index(
        op.f("ix_quality_review_office_id_user_id_reviewed_at"), "quality_review", ["office_id", "user_id", "reviewed_at"], unique=False
    )


def _recording_access() -> None:
    op.create_table(
        "recording_access",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("recording_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "recording_id"], ["recording.office_id", "recording.id"], name=op.f("fk_recording_access_office_id_recording_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_recording_access_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_recording_access")),
    )
    op.create_index(
        op.f("ix_recording_access_office_id_recording_id_user_id"),
        "recording_access",
        ["office_id", "recording_id", "user_id"],
        unique=False,
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index("ix_call_recorded", table_name="call")
    op.drop_column("call", "has_notice")
    op.drop_column("call", "is_recorded")
