"""planning"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
XID = sa.text("(pg_current_xact_id()::text)::bigint")
MANY = 100_000
CAMPAIGN = "nullif(current_setting('app.planning', true), '')::bigint"

# Of each table, what rules ask about: a row whose values here stay as they are marks nobody.
WATCHED = {
    "debtor": "id, debtor_no, kind, birth_date, postal_code, address, household_no, do_not_contact, is_listed",
    "debt": "id, debtor_id, tax_code, levy_year, due_on, outstanding, demand_fee, late_charge, demand_sent_on, vintage, hold, status",
    "phone_number": "id, debtor_id, e164, line_type, status, is_listed",
    "attempt": "id, debtor_id, channel, state <> 'closed', source, began_at, handed_over_at IS NULL, line_result, party, outcome, robocall_keys",
    "promise": "id, debtor_id, amount, made_at, due_on, grace_days, lag_days, state",
    "payment": "id, debtor_id, tax_code, status, paid_on, principal, demand_fee, late_charge",
    "suppression": "id, debtor_id, reason, starts_at, ends_at, lifted_at",
    "escalation": "id, debtor_id, state, created_at",
    "instalment_plan": "id, debtor_id, state",
    "experiment_enrolment": "experiment, debtor_id, arm, entered_at",
}
# Rows of one statement; an image that is both old and new did not change. No join: its plan would be kept from a statement of few rows.
FUNCTION = """
CREATE FUNCTION mark_plan_{table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH changed AS MATERIALIZED (
    SELECT DISTINCT office_id, {owner} AS debtor_id, {household} AS household_no FROM ({rows}) r WHERE {owner} IS NOT NULL
  ), size AS MATERIALIZED (SELECT count(*) > {many} AS is_many FROM changed)
  INSERT INTO plan_mark (office_id, debtor_id, household_no, campaign_id)
  SELECT DISTINCT c.office_id, CASE WHEN s.is_many THEN NULL ELSE c.debtor_id END, CASE WHEN s.is_many THEN '' ELSE c.household_no END, {campaign}
  FROM changed c CROSS JOIN size s;
  RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER mark_plan_{table}_{event} AFTER {event} ON {table} REFERENCING {referencing}
FOR EACH STATEMENT EXECUTE FUNCTION mark_plan_{table}_{event}()
"""
EVENTS = {
    "insert": ("NEW TABLE AS new_rows", "SELECT * FROM new_rows"),
    "delete": ("OLD TABLE AS old_rows", "SELECT * FROM old_rows"),
    "update": (
        "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        "SELECT office_id, {columns} FROM (SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows) b"
        " GROUP BY office_id, {columns} HAVING count(*) = 1",
    ),
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "plan_basis",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shape", sa.String(length=64), nullable=False),
        sa.Column("times", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("server", sa.String(length=60), nullable=False),
        sa.Column("counts", sa.dialects.postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "campaign_id"], ["campaign.office_id", "campaign.id"], name=op.f("fk_plan_basis_office_id_campaign_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "campaign_id", name=op.f("pk_plan_basis")),
    )
    op.create_table(
        "plan_mark",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=XID, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=True),
        sa.Column("household_no", sa.String(length=40), server_default="", nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_plan_mark_office_id")),
        sa.PrimaryKeyConstraint("office_id", "xid", "id", name=op.f("pk_plan_mark")),
    )
    op.create_table(
        "call_hours",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_call_hours_office_id")),
        sa.PrimaryKeyConstraint("office_id", name=op.f("pk_call_hours")),
    )
    isolate("plan_basis", "plan_mark", "call_hours")
    for table, columns in WATCHED.items():
        for event, (referencing, rows) in EVENTS.items():
            is_debtor = table == "debtor"
            words = {
                "table": table,
                "event": event,
                "owner": "id" if is_debtor else "debtor_id",
                "household": "household_no" if is_debtor else "''",
                "rows": rows.format(columns=columns),
                "many": MANY,
                "campaign": CAMPAIGN if table == "experiment_enrolment" else "NULL::bigint",
            }
            op.execute(FUNCTION.format(**words))
            op.execute(TRIGGER.format(**words, referencing=referencing))


def downgrade() -> None:
    for table in WATCHED:
        for event in EVENTS:
            op.execute(f"DROP TRIGGER mark_plan_{table}_{event} ON {table}")
            op.execute(f"DROP FUNCTION mark_plan_{table}_{event}()")
    op.drop_table("call_hours")
    op.drop_table("plan_mark")
    op.drop_table("plan_basis")
