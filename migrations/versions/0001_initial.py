"""initial"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import APP_ROLE, create_app_role, isolate

TENANT_TABLES = (
    "idempotency_key",
    "live_event",
    "app_user",
    "audit_event",
    "calendar_day",
    "carrier_inbox",
    "contact_policy",
    "debtor",
    "import_file",
    "robocall_script",
    "rule_set",
    "sync_outbox",
    "template",
    "agent_session",
    "campaign",
    "compliance_decision",
    "debt",
    "instalment_plan",
    "phone_number",
    "rejection",
    "suppression",
    "sync_ack",
    "user_session",
    "agent_state_span",
    "batch",
    "channel_assignment",
    "dialer_lease",
    "payment",
    "work_item",
    "allocation",
    "attempt",
    "call",
    "draft",
    "escalation",
    "message",
    "promise",
    "call_event",
    "message_event",
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    create_app_role()
    op.create_table(
        "idempotency_key",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint("office_id", "key", name=op.f("uq_idempotency_key_office_id_key")),
    )
    op.create_index(op.f("ix_idempotency_key_office_id_at"), "idempotency_key", ["office_id", "at"], unique=False)
    op.create_table(
        "live_event",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_live_event")),
    )
    op.create_index(op.f("ix_live_event_office_id_at"), "live_event", ["office_id", "at"], unique=False)
    op.create_table(
        "office",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), server_default="", nullable=False),
        sa.Column("desk_name", sa.String(length=100), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=20), server_default="", nullable=False),
        sa.Column("time_zone", sa.String(length=40), server_default="Asia/Tokyo", nullable=False),
        sa.Column("is_training", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office")),
        sa.UniqueConstraint("code", name=op.f("uq_office_code")),
    )
    op.create_table(
        "app_user",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sign_in_name", sa.String(length=80), nullable=False),
        sa.Column("display_name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("lang", sa.String(length=2), server_default="ja", nullable=False),
        sa.Column("phone_address", sa.String(length=80), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role in ('operator','supervisor','tax_officer','auditor','administrator')", name=op.f("ck_app_user_role")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_app_user_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("office_id", "sign_in_name", name=op.f("uq_app_user_office_id_sign_in_name")),
    )
    op.create_table(
        "audit_event",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject_type", sa.String(length=40), server_default="", nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("address", sa.String(length=64), server_default="", nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_audit_event_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_office_id_at"), "audit_event", ["office_id", "at"], unique=False)
    op.create_index(
        op.f("ix_audit_event_office_id_subject_type_subject_id"), "audit_event", ["office_id", "subject_type", "subject_id"], unique=False
    )
    op.create_table(
        "calendar_day",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=60), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_calendar_day_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("office_id", "day", name=op.f("uq_calendar_day_office_id_day")),
    )
    op.create_table(
        "carrier_inbox",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("carrier", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), server_default="call", nullable=False),
        sa.Column("event_key", sa.String(length=120), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_carrier_inbox_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_carrier_inbox")),
        sa.UniqueConstraint("office_id", "carrier", "event_key", name=op.f("uq_carrier_inbox_office_id_carrier_event_key")),
    )
    op.create_index(
        "ix_carrier_inbox_new", "carrier_inbox", ["office_id", "carrier"], unique=False, postgresql_where=sa.text("processed_at is null")
    )
    op.create_table(
        "contact_policy",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_contact_policy_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_contact_policy")),
        sa.UniqueConstraint("office_id", "version", name=op.f("uq_contact_policy_office_id_version")),
    )
    op.create_index("ix_contact_policy_active", "contact_policy", ["office_id"], unique=True, postgresql_where=sa.text("is_active"))
    op.create_table(
        "debtor",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_no", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), server_default="person", nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_kana", sa.String(length=200), server_default="", nullable=False),
        sa.Column("name_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("kana_key", sa.String(length=200), server_default="", nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("postal_code", sa.String(length=10), server_default="", nullable=False),
        sa.Column("address", sa.String(length=300), server_default="", nullable=False),
        sa.Column("household_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("do_not_contact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("remark", sa.String(length=500), server_default="", nullable=False),
        sa.Column("is_listed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("list_import_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind in ('person','company')", name=op.f("ck_debtor_kind")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_debtor_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_debtor")),
        sa.UniqueConstraint("office_id", "debtor_no", name=op.f("uq_debtor_office_id_debtor_no")),
    )
    op.create_index(op.f("ix_debtor_office_id_household_no"), "debtor", ["office_id", "household_no"], unique=False)
    op.create_index(op.f("ix_debtor_office_id_kana_key"), "debtor", ["office_id", "kana_key"], unique=False)
    op.create_index(op.f("ix_debtor_office_id_name_key"), "debtor", ["office_id", "name_key"], unique=False)
    op.create_table(
        "import_file",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("layout", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=4), server_default="full", nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("has_as_of", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("original_name", sa.String(length=200), nullable=False),
        sa.Column("stored_path", sa.String(length=300), nullable=False),
        sa.Column("rejected_path", sa.String(length=300), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=12), server_default="registered", nullable=False),
        sa.Column("step", sa.String(length=30), server_default="", nullable=False),
        sa.Column("progress_rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("closed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.String(length=500), server_default="", nullable=False),
        sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('debts','payments','attempts')", name=op.f("ck_import_file_kind")),
        sa.CheckConstraint("mode in ('full','diff')", name=op.f("ck_import_file_mode")),
        sa.CheckConstraint("status in ('registered','running','done','failed')", name=op.f("ck_import_file_status")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_import_file_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_import_file")),
    )
    op.create_index(op.f("ix_import_file_office_id_created_at"), "import_file", ["office_id", "created_at"], unique=False)
    op.create_table(
        "robocall_script",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_robocall_script_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_robocall_script")),
        sa.UniqueConstraint("office_id", "code", "version", name=op.f("uq_robocall_script_office_id_code_version")),
    )
    op.create_table(
        "rule_set",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_by", sa.BigInteger(), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status in ('draft','active','retired')", name=op.f("ck_rule_set_status")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_rule_set_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_rule_set")),
        sa.UniqueConstraint("office_id", "name", "version", name=op.f("uq_rule_set_office_id_name_version")),
    )
    op.create_table(
        "sync_outbox",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_sync_outbox_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_sync_outbox")),
        sa.UniqueConstraint("office_id", "key", name=op.f("uq_sync_outbox_office_id_key")),
    )
    op.create_index(op.f("ix_sync_outbox_office_id_created_at"), "sync_outbox", ["office_id", "created_at"], unique=False)
    op.create_table(
        "template",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", sa.String(length=700), nullable=False),
        sa.Column("allows_tax_words", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_template_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_template")),
        sa.UniqueConstraint("office_id", "code", "version", name=op.f("uq_template_office_id_code_version")),
    )
    op.create_table(
        "agent_session",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="paused", nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pause_reason", sa.String(length=30), server_default="", nullable=False),
        sa.Column("next_state", sa.String(length=10), server_default="", nullable=False),
        sa.Column("next_pause_reason", sa.String(length=30), server_default="", nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("leg_id", sa.String(length=60), nullable=False),
        sa.Column("leg_address", sa.String(length=80), server_default="", nullable=False),
        sa.Column("is_leg_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("leg_node", sa.String(length=80), server_default="", nullable=False),
        sa.Column("leg_problem", sa.String(length=40), server_default="", nullable=False),
        sa.Column("is_bot", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("console_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('ready','reserved','ringing','talking','wrap_up','paused','ended')", name=op.f("ck_agent_session_state")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_agent_session_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_agent_session")),
    )
    op.create_index(
        "uq_agent_session_live", "agent_session", ["office_id", "user_id"], unique=True, postgresql_where=sa.text("state <> 'ended'")
    )
    op.create_table(
        "campaign",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=10), server_default="draft", nullable=False),
        sa.Column("rule_set_id", sa.BigInteger(), nullable=False),
        sa.Column("dial_mode", sa.String(length=12), server_default="progressive", nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("planned_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("dial_mode in ('preview','progressive','predictive')", name=op.f("ck_campaign_dial_mode")),
        sa.CheckConstraint("status in ('draft','running','paused','finished')", name=op.f("ck_campaign_status")),
        sa.ForeignKeyConstraint(
            ["office_id", "rule_set_id"], ["rule_set.office_id", "rule_set.id"], name=op.f("fk_campaign_office_id_rule_set_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("office_id", "name", name=op.f("uq_campaign_office_id_name")),
    )
    op.create_table(
        "compliance_decision",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("work_item_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("next_allowed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_compliance_decision_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_compliance_decision")),
    )
    op.create_index(op.f("ix_compliance_decision_office_id_at"), "compliance_decision", ["office_id", "at"], unique=False)
    op.create_index(op.f("ix_compliance_decision_office_id_debtor_id"), "compliance_decision", ["office_id", "debtor_id"], unique=False)
    op.create_table(
        "debt",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("tax_code", sa.String(length=20), nullable=False),
        sa.Column("tax_name", sa.String(length=60), server_default="", nullable=False),
        sa.Column("levy_year", sa.SmallInteger(), nullable=False),
        sa.Column("base_year", sa.SmallInteger(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("notice_no", sa.String(length=40), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("assessed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("outstanding", sa.BigInteger(), nullable=False),
        sa.Column("demand_fee", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("late_charge", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("demand_sent_on", sa.Date(), nullable=True),
        sa.Column("vintage", sa.String(length=12), server_default="current", nullable=False),
        sa.Column("hold", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("remark", sa.String(length=500), server_default="", nullable=False),
        sa.Column("status", sa.String(length=12), server_default="open", nullable=False),
        sa.Column("refund_candidate", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("list_import_id", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status in ('open','settled','not_listed')", name=op.f("ck_debt_status")),
        sa.CheckConstraint("vintage in ('current','carried_over')", name=op.f("ck_debt_vintage")),
        sa.CheckConstraint("assessed >= 0 and received >= 0 and outstanding >= 0", name=op.f("ck_debt_amounts")),
        sa.ForeignKeyConstraint(["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_debt_office_id_debtor_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_debt")),
        sa.UniqueConstraint(
            "office_id", "debtor_id", "tax_code", "levy_year", "base_year", "term", "notice_no", name="uq_debt_installment"
        ),
    )
    op.create_index("ix_debt_open", "debt", ["office_id", "debtor_id"], unique=False, postgresql_where=sa.text("status = 'open'"))
    op.create_table(
        "instalment_plan",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="good_standing", nullable=False),
        sa.Column("next_due_on", sa.Date(), nullable=True),
        sa.Column("source_ref", sa.String(length=60), server_default="", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_instalment_plan_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_instalment_plan")),
    )
    op.create_index(op.f("ix_instalment_plan_office_id_debtor_id"), "instalment_plan", ["office_id", "debtor_id"], unique=False)
    op.create_table(
        "phone_number",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("original", sa.String(length=80), nullable=False),
        sa.Column("e164", sa.String(length=20), nullable=True),
        sa.Column("line_type", sa.String(length=12), server_default="unknown", nullable=False),
        sa.Column("remark", sa.String(length=80), server_default="", nullable=False),
        sa.Column("status", sa.String(length=12), server_default="unverified", nullable=False),
        sa.Column("source", sa.String(length=12), server_default="list", nullable=False),
        sa.Column("is_listed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('unverified','works','wrong_person','dead','refused')", name=op.f("ck_phone_number_status")),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"],
            ["debtor.office_id", "debtor.id"],
            name=op.f("fk_phone_number_office_id_debtor_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_phone_number")),
        sa.UniqueConstraint("office_id", "debtor_id", "original", name=op.f("uq_phone_number_office_id_debtor_id_original")),
    )
    op.create_index(op.f("ix_phone_number_office_id_e164"), "phone_number", ["office_id", "e164"], unique=False)
    op.create_table(
        "rejection",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.BigInteger(), nullable=False),
        sa.Column("column", sa.String(length=60), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "import_id"],
            ["import_file.office_id", "import_file.id"],
            name=op.f("fk_rejection_office_id_import_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_rejection")),
    )
    op.create_index(op.f("ix_rejection_office_id_import_id"), "rejection", ["office_id", "import_id"], unique=False)
    op.create_table(
        "suppression",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_suppression_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_suppression")),
    )
    op.create_index(op.f("ix_suppression_office_id_debtor_id"), "suppression", ["office_id", "debtor_id"], unique=False)
    op.create_table(
        "sync_ack",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "outbox_id"], ["sync_outbox.office_id", "sync_outbox.id"], name=op.f("fk_sync_ack_office_id_outbox_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_sync_ack")),
        sa.UniqueConstraint("office_id", "outbox_id", "target", name=op.f("uq_sync_ack_office_id_outbox_id_target")),
    )
    op.create_table(
        "user_session",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_user_session_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("office_id", "token_hash", name=op.f("uq_user_session_office_id_token_hash")),
    )
    op.create_table(
        "agent_state_span",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_session_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("pause_reason", sa.String(length=30), server_default="", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "agent_session_id"],
            ["agent_session.office_id", "agent_session.id"],
            name=op.f("fk_agent_state_span_office_id_agent_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_agent_state_span_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_agent_state_span")),
    )
    op.create_index(op.f("ix_agent_state_span_office_id_began_at"), "agent_state_span", ["office_id", "began_at"], unique=False)
    op.create_index(
        "ix_agent_state_span_open",
        "agent_state_span",
        ["office_id", "agent_session_id"],
        unique=False,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "batch",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="preparing", nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=True),
        sa.Column("rule_set_id", sa.BigInteger(), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prepared", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel in ('sms','auto_call')", name=op.f("ck_batch_channel")),
        sa.CheckConstraint("state in ('preparing','ready','releasing','paused','done','cancelled')", name=op.f("ck_batch_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_batch_office_id_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "template_id"], ["template.office_id", "template.id"], name=op.f("fk_batch_office_id_template_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_batch")),
    )
    op.create_index(op.f("ix_batch_office_id_campaign_id"), "batch", ["office_id", "campaign_id"], unique=False)
    op.create_table(
        "channel_assignment",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("reason_codes", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("rule_code", sa.String(length=40), nullable=False),
        sa.Column("rule_set_id", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("arm", sa.String(length=20), server_default="all", nullable=False),
        sa.Column("propensity", sa.Float(), server_default=sa.text("1"), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_channel_assignment_office_id_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_channel_assignment_office_id_debtor_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "rule_set_id"], ["rule_set.office_id", "rule_set.id"], name=op.f("fk_channel_assignment_office_id_rule_set_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "campaign_id", "debtor_id", name=op.f("pk_channel_assignment")),
    )
    op.create_index(
        op.f("ix_channel_assignment_office_id_campaign_id_channel_priority"),
        "channel_assignment",
        ["office_id", "campaign_id", "channel", "priority"],
        unique=False,
    )
    op.create_table(
        "dialer_lease",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.String(length=80), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_dialer_lease_office_id_campaign_id")
        ),
        sa.Column("problem", sa.String(length=40), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_dialer_lease")),
        sa.UniqueConstraint("office_id", "campaign_id", name=op.f("uq_dialer_lease_office_id_campaign_id")),
    )
    op.create_table(
        "payment",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source_ref", sa.String(length=60), nullable=False),
        sa.Column("is_reversal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("debtor_no", sa.String(length=40), nullable=False),
        sa.Column("tax_code", sa.String(length=20), nullable=False),
        sa.Column("levy_year", sa.SmallInteger(), nullable=False),
        sa.Column("base_year", sa.SmallInteger(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("notice_no", sa.String(length=40), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=True),
        sa.Column("debt_id", sa.BigInteger(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("demand_fee", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("late_charge", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refund", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status in ('matched','unmatched','reversed','reversal')", name=op.f("ck_payment_status")),
        sa.ForeignKeyConstraint(["office_id", "debt_id"], ["debt.office_id", "debt.id"], name=op.f("fk_payment_office_id_debt_id")),
        sa.ForeignKeyConstraint(["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_payment_office_id_debtor_id")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_payment_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_payment")),
        sa.UniqueConstraint("office_id", "source_ref", "is_reversal", name=op.f("uq_payment_office_id_source_ref_is_reversal")),
    )
    op.create_index(op.f("ix_payment_office_id_debtor_id_paid_on"), "payment", ["office_id", "debtor_id", "paid_on"], unique=False)
    op.create_index(op.f("ix_payment_office_id_status"), "payment", ["office_id", "status"], unique=False)
    op.create_table(
        "work_item",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="ready", nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phone_id", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("round", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("is_callback", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=40), server_default="", nullable=False),
        sa.Column("claim_token", sa.String(length=36), nullable=True),
        sa.Column("claimed_by", sa.String(length=80), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('ready','claimed','done','withdrawn')", name=op.f("ck_work_item_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_work_item_office_id_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_work_item_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_work_item")),
    )
    op.create_index(
        "ix_work_item_lease", "work_item", ["office_id", "lease_until"], unique=False, postgresql_where=sa.text("state = 'claimed'")
    )
    op.create_index(op.f("ix_work_item_office_id_debtor_id"), "work_item", ["office_id", "debtor_id"], unique=False)
    op.create_index(
        "ix_work_item_ready",
        "work_item",
        ["office_id", "campaign_id", "channel", "priority", "not_before"],
        unique=False,
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "uq_work_item_live",
        "work_item",
        ["office_id", "campaign_id", "debtor_id"],
        unique=True,
        postgresql_where=sa.text("state in ('ready','claimed')"),
    )
    op.create_table(
        "allocation",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("debt_id", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id", "debt_id"], ["debt.office_id", "debt.id"], name=op.f("fk_allocation_office_id_debt_id")),
        sa.ForeignKeyConstraint(
            ["office_id", "payment_id"], ["payment.office_id", "payment.id"], name=op.f("fk_allocation_office_id_payment_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_allocation")),
    )
    op.create_index(op.f("ix_allocation_office_id_debt_id"), "allocation", ["office_id", "debt_id"], unique=False)
    op.create_index(op.f("ix_allocation_office_id_payment_id"), "allocation", ["office_id", "payment_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("work_item_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("phone_id", sa.BigInteger(), nullable=True),
        sa.Column("phone_text", sa.String(length=80), server_default="", nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("source", sa.String(length=10), server_default="live", nullable=False),
        sa.Column("source_key", sa.String(length=120), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("talk_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("line_result", sa.String(length=20), nullable=True),
        sa.Column("party", sa.String(length=20), nullable=True),
        sa.Column("outcome", sa.String(length=30), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_with", sa.String(length=60), server_default="", nullable=False),
        sa.Column("verify_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrap_up_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("robocall_keys", sa.String(length=20), server_default="", nullable=False),
        sa.Column("script_version", sa.String(length=60), server_default="", nullable=False),
        sa.CheckConstraint("source in ('live','imported')", name=op.f("ck_attempt_source")),
        sa.CheckConstraint("state in ('open','wrap_up','closed')", name=op.f("ck_attempt_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_attempt_office_id_campaign_id")
        ),
        sa.ForeignKeyConstraint(["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_attempt_office_id_debtor_id")),
        sa.ForeignKeyConstraint(
            ["office_id", "operator_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_attempt_office_id_operator_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "work_item_id"], ["work_item.office_id", "work_item.id"], name=op.f("fk_attempt_office_id_work_item_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("office_id", "source_key", name=op.f("uq_attempt_office_id_source_key")),
    )
    op.create_index("ix_attempt_live", "attempt", ["office_id", "state"], unique=False, postgresql_where=sa.text("state <> 'closed'"))
    op.create_index(op.f("ix_attempt_office_id_began_at"), "attempt", ["office_id", "began_at"], unique=False)
    op.create_index(op.f("ix_attempt_office_id_debtor_id_began_at"), "attempt", ["office_id", "debtor_id", "began_at"], unique=False)
    op.create_table(
        "call",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_session_id", sa.BigInteger(), nullable=True),
        sa.Column("carrier", sa.String(length=12), nullable=False),
        sa.Column("channel_id", sa.String(length=60), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="placing", nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bridged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("line_result", sa.String(length=20), nullable=True),
        sa.Column("cause", sa.SmallInteger(), nullable=True),
        sa.Column("sip_code", sa.SmallInteger(), nullable=True),
        sa.Column("digits", sa.String(length=20), server_default="", nullable=False),
        sa.Column("hangup_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("node", sa.String(length=80), server_default="", nullable=False),
        sa.CheckConstraint("state in ('placing','placed','ringing','answered','bridged','ended')", name=op.f("ck_call_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "agent_session_id"],
            ["agent_session.office_id", "agent_session.id"],
            name=op.f("fk_call_office_id_agent_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_call_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_call_office_id_campaign_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_call")),
        sa.UniqueConstraint("office_id", "attempt_id", name=op.f("uq_call_office_id_attempt_id")),
        sa.UniqueConstraint("office_id", "channel_id", name=op.f("uq_call_office_id_channel_id")),
    )
    op.create_index("ix_call_live", "call", ["office_id", "campaign_id"], unique=False, postgresql_where=sa.text("state <> 'ended'"))
    op.create_table(
        "draft",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=4000), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_draft_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_draft_office_id_user_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_draft")),
        sa.UniqueConstraint("office_id", "user_id", "attempt_id", "field", name=op.f("uq_draft_office_id_user_id_attempt_id_field")),
    )
    op.create_table(
        "escalation",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open','accepted','returned')", name=op.f("ck_escalation_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_escalation_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_escalation_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_escalation")),
    )
    op.create_index(op.f("ix_escalation_office_id_state"), "escalation", ["office_id", "state"], unique=False)
    op.create_table(
        "message",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("work_item_id", sa.BigInteger(), nullable=True),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("phone_id", sa.BigInteger(), nullable=False),
        sa.Column("e164", sa.String(length=20), nullable=False),
        sa.Column("body", sa.String(length=700), nullable=False),
        sa.Column("segments", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="ready", nullable=False),
        sa.Column("reason", sa.String(length=40), server_default="", nullable=False),
        sa.Column("provider", sa.String(length=20), server_default="", nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=True),
        sa.Column("claim_token", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('ready','claimed','handed_over','accepted','delivered','undelivered','failed','unknown','withdrawn','refused')",
            name=op.f("ck_message_state"),
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_message_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(["office_id", "batch_id"], ["batch.office_id", "batch.id"], name=op.f("fk_message_office_id_batch_id")),
        sa.ForeignKeyConstraint(["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_message_office_id_debtor_id")),
        sa.ForeignKeyConstraint(
            ["office_id", "work_item_id"], ["work_item.office_id", "work_item.id"], name=op.f("fk_message_office_id_work_item_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_message")),
        sa.UniqueConstraint("office_id", "batch_id", "debtor_id", name=op.f("uq_message_office_id_batch_id_debtor_id")),
        sa.UniqueConstraint("office_id", "reference", name=op.f("uq_message_office_id_reference")),
    )
    op.create_index(op.f("ix_message_office_id_provider_id"), "message", ["office_id", "provider_id"], unique=False)
    op.create_index("ix_message_state", "message", ["office_id", "batch_id", "state"], unique=False)
    op.create_table(
        "promise",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=4), server_default="full", nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("grace_days", sa.SmallInteger(), server_default="7", nullable=False),
        sa.Column("threshold_percent", sa.SmallInteger(), server_default="100", nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("paid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open','kept','part_kept','broken','cancelled')", name=op.f("ck_promise_state")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_promise_amount")),
        sa.ForeignKeyConstraint(
            ["office_id", "attempt_id"], ["attempt.office_id", "attempt.id"], name=op.f("fk_promise_office_id_attempt_id")
        ),
        sa.ForeignKeyConstraint(["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_promise_office_id_debtor_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_promise")),
    )
    op.create_index(op.f("ix_promise_office_id_debtor_id"), "promise", ["office_id", "debtor_id"], unique=False)
    op.create_index(op.f("ix_promise_office_id_due_on"), "promise", ["office_id", "due_on"], unique=False)
    op.create_table(
        "call_event",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("event_key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["office_id", "call_id"], ["call.office_id", "call.id"], name=op.f("fk_call_event_office_id_call_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_call_event")),
        sa.UniqueConstraint("office_id", "call_id", "event_key", name=op.f("uq_call_event_office_id_call_id_event_key")),
    )
    op.create_table(
        "message_event",
        sa.Column(
            "office_id", sa.Integer(), server_default=sa.text("nullif(current_setting('app.office_id', true), '')::integer"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("event_key", sa.String(length=120), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "message_id"], ["message.office_id", "message.id"], name=op.f("fk_message_event_office_id_message_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_message_event")),
        sa.UniqueConstraint("office_id", "event_key", name=op.f("uq_message_event_office_id_event_key")),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON office TO {APP_ROLE}")
    isolate(*TENANT_TABLES)


def downgrade() -> None:
    for table in reversed(TENANT_TABLES):
        op.execute(f'DROP TABLE IF EXISTS "{table}" CASCADE')
    op.drop_table("office")
