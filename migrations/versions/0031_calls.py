"""facts: the calls of a built day as columns, and facts of whole weeks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0031"
down_revision = "0028"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
COLUMNS = ("debtor", "campaign", "operator", "channel", "hour", "began", "flags", "talk", "phone", "script", "pressed")


def _grains(known: str) -> None:
    for table in ("fact", "fact_built"):
        op.drop_constraint(op.f(f"ck_{table}_grain"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_grain"), table, f"grain in ({known})")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    # Facts can be made anew from the raw rows at any time, and the worker does so: every built day is to have its calls beside it.
    op.execute("TRUNCATE fact, fact_built")
    _grains("'d','w','m'")
    op.create_table(
        "fact_calls",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("scripts", postgresql.ARRAY(sa.String(length=60)), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in COLUMNS),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_fact_calls_office_id")),
        sa.PrimaryKeyConstraint("office_id", "day", name=op.f("pk_fact_calls")),
    )
    for name in COLUMNS:  # they are packed already
        op.execute(f"ALTER TABLE fact_calls ALTER COLUMN {name} SET STORAGE EXTERNAL")
    isolate("fact_calls")


def downgrade() -> None:
    op.drop_table("fact_calls")
    op.execute("TRUNCATE fact, fact_built")
    _grains("'d','m'")
