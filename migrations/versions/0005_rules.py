"""rules"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
STATUS = "ck_rule_set_status"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_constraint(op.f(STATUS), "rule_set", type_="check")
    op.create_check_constraint(op.f(STATUS), "rule_set", "status in ('draft','proposed','active','retired')")
    op.add_column("rule_set", sa.Column("revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column("rule_set", sa.Column("based_on", sa.BigInteger(), nullable=True))
    op.add_column("rule_set", sa.Column("edited_by", sa.BigInteger(), nullable=True))
    op.add_column("rule_set", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rule_set", sa.Column("proposed_by", sa.BigInteger(), nullable=True))
    op.add_column("rule_set", sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("rule_set", sa.Column("note", sa.String(length=1000), server_default="", nullable=False))
    op.create_index("uq_rule_set_active", "rule_set", ["office_id", "name"], unique=True, postgresql_where=sa.text("status = 'active'"))
    op.execute(
        """
        CREATE FUNCTION keep_rule_set() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF OLD.status <> 'draft' AND NEW.document IS DISTINCT FROM OLD.document THEN
            RAISE EXCEPTION 'a version that is no draft is never changed' USING ERRCODE = 'check_violation';
          END IF;
          RETURN NEW;
        END $$
        """
    )
    op.execute("CREATE TRIGGER keep_rule_set BEFORE UPDATE OF document ON rule_set FOR EACH ROW EXECUTE FUNCTION keep_rule_set()")
    op.create_table(
        "rule_set_edit",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_set_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("edited_by", sa.BigInteger(), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "rule_set_id"], ["rule_set.office_id", "rule_set.id"], name=op.f("fk_rule_set_edit_office_id_rule_set_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_rule_set_edit")),
        sa.UniqueConstraint("office_id", "rule_set_id", "revision", name=op.f("uq_rule_set_edit_office_id_rule_set_id_revision")),
    )
    op.create_table(
        "rule_trial",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_set_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("baseline_id", sa.BigInteger(), nullable=True),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="queued", nullable=False),
        sa.Column("progress", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("error", sa.String(length=500), server_default="", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('queued','running','done','failed')", name=op.f("ck_rule_trial_state")),
        sa.ForeignKeyConstraint(
            ["office_id", "rule_set_id"], ["rule_set.office_id", "rule_set.id"], name=op.f("fk_rule_trial_office_id_rule_set_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "baseline_id"], ["rule_set.office_id", "rule_set.id"], name=op.f("fk_rule_trial_office_id_baseline_id")
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_rule_trial_office_id_campaign_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_rule_trial")),
    )
    op.create_index(op.f("ix_rule_trial_office_id_rule_set_id"), "rule_trial", ["office_id", "rule_set_id"])
    op.create_table(
        "experiment_enrolment",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("experiment", sa.String(length=40), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("arm", sa.String(length=40), nullable=False),
        sa.Column("propensity", sa.Float(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name=op.f("fk_experiment_enrolment_office_id_debtor_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "experiment", "debtor_id", "arm", name=op.f("pk_experiment_enrolment")),
    )
    op.create_index(op.f("ix_experiment_enrolment_office_id_debtor_id"), "experiment_enrolment", ["office_id", "debtor_id"])
    isolate("rule_set_edit", "rule_trial", "experiment_enrolment")
    op.alter_column("channel_assignment", "arm", type_=sa.String(length=40), existing_nullable=False, existing_server_default="all")
    op.add_column("channel_assignment", sa.Column("template", sa.String(length=40), server_default="", nullable=False))
    op.add_column("channel_assignment", sa.Column("script", sa.String(length=40), server_default="", nullable=False))
    op.add_column("message", sa.Column("template_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_message_office_id_template_id"), "message", "template", ["office_id", "template_id"], ["office_id", "id"]
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_column("message", "template_id")
    op.drop_column("channel_assignment", "script")
    op.drop_column("channel_assignment", "template")
    op.drop_table("experiment_enrolment")
    op.drop_table("rule_trial")
    op.drop_table("rule_set_edit")
    op.execute("DROP TRIGGER keep_rule_set ON rule_set")
    op.execute("DROP FUNCTION keep_rule_set()")
    op.drop_index("uq_rule_set_active", "rule_set")
    for column in ("note", "proposed_at", "proposed_by", "edited_at", "edited_by", "based_on", "revision"):
        op.drop_column("rule_set", column)
    op.execute("UPDATE rule_set SET status = 'draft' WHERE status = 'proposed'")
    op.drop_constraint(op.f(STATUS), "rule_set", type_="check")
    op.create_check_constraint(op.f(STATUS), "rule_set", "status in ('draft','active','retired')")
