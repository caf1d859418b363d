"""facts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")

# Each function gets the rows of one statement. A day is marked once per statement, and only when it is over: today is never built.
DAYS = {
    "attempt": "SELECT DISTINCT r.office_id, (r.began_at AT TIME ZONE o.time_zone)::date AS day, o.time_zone FROM {rows} r JOIN office o ON o.id = r.office_id",
    "agent_state_span": """
      SELECT DISTINCT r.office_id, d::date AS day, o.time_zone FROM {rows} r JOIN office o ON o.id = r.office_id,
        generate_series((r.began_at AT TIME ZONE o.time_zone)::date, (coalesce(r.ended_at, r.began_at) AT TIME ZONE o.time_zone)::date, interval '1 day') d""",
    "promise": "SELECT DISTINCT r.office_id, r.due_on + r.grace_days::integer AS day, o.time_zone FROM {rows} r JOIN office o ON o.id = r.office_id",
    # A payment, its reversal and what reverses it share a reference; any of them may change what was kept.
    "payment": """
      SELECT DISTINCT p.office_id, p.due_on + p.grace_days::integer AS day, o.time_zone FROM {rows} r JOIN office o ON o.id = r.office_id
        JOIN payment y ON y.office_id = r.office_id AND y.source_ref = r.source_ref
        JOIN promise p ON p.office_id = y.office_id AND p.debtor_id IN (y.debtor_id, r.debtor_id)""",
}
MARK = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO fact_dirty (office_id, day)
  SELECT t.office_id, t.day FROM ({days}) t
  WHERE t.day < (now() AT TIME ZONE t.time_zone)::date;
  RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {referencing}
FOR EACH STATEMENT EXECUTE FUNCTION {name}()
"""
EVENTS = {
    "insert": ("NEW TABLE AS new_rows", "new_rows"),
    "update": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", "(SELECT * FROM old_rows UNION ALL SELECT * FROM new_rows)"),
    "delete": ("OLD TABLE AS old_rows", "old_rows"),
}


# A call handed to another operator or campaign takes the promise it made with it.
MOVED = """ UNION SELECT DISTINCT p.office_id, p.due_on + p.grace_days::integer, o.time_zone
  FROM old_rows b JOIN new_rows r ON r.office_id = b.office_id AND r.id = b.id
    AND (r.operator_id, r.campaign_id, r.channel) IS DISTINCT FROM (b.operator_id, b.campaign_id, b.channel)
  JOIN promise p ON p.office_id = r.office_id AND p.debtor_id = r.debtor_id AND p.attempt_id = r.id JOIN office o ON o.id = r.office_id"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "fact",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("dimension", sa.String(length=10), nullable=False),
        sa.Column("grain", sa.String(length=1), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=20), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("attempts", "contacts", "right_party_contacts", "promises", "imported", "promises_due", "promises_kept")
        ),
        sa.Column("worked_us", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("attempted", "contacted", "right_party", "promised")),
        sa.CheckConstraint("grain in ('d','m')", name=op.f("ck_fact_grain")),
        sa.CheckConstraint("dimension in ('all','hour','operator')", name=op.f("ck_fact_dimension")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_fact_office_id")),
        sa.PrimaryKeyConstraint("office_id", "dimension", "grain", "campaign_id", "day", "channel", "key", name=op.f("pk_fact")),
    )
    op.create_index(op.f("ix_fact_office_id_grain_day"), "fact", ["office_id", "grain", "day"], unique=False)
    op.create_table(
        "fact_built",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("grain", sa.String(length=1), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("grain in ('d','m')", name=op.f("ck_fact_built_grain")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_fact_built_office_id")),
        sa.PrimaryKeyConstraint("office_id", "grain", "day", name=op.f("pk_fact_built")),
    )
    op.create_table(
        "fact_dirty",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_fact_dirty_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_fact_dirty")),
    )
    op.create_index(op.f("ix_fact_dirty_office_id_day"), "fact_dirty", ["office_id", "day"], unique=False)
    isolate("fact", "fact_built", "fact_dirty")
    for table, days in DAYS.items():
        for event, (referencing, rows) in EVENTS.items():
            name = f"mark_fact_{table}_{event}"
            moved = MOVED if (table, event) == ("attempt", "update") else ""
            op.execute(MARK.format(name=name, days=days.format(rows=rows) + moved))
            op.execute(TRIGGER.format(name=name, event=event.upper(), table=table, referencing=referencing))


def downgrade() -> None:
    for table in DAYS:
        for event in EVENTS:
            op.execute(f"DROP TRIGGER mark_fact_{table}_{event} ON {table}")
            op.execute(f"DROP FUNCTION mark_fact_{table}_{event}()")
    op.drop_table("fact_dirty")
    op.drop_table("fact_built")
    op.drop_table("fact")
