"""imports: what a file changed, how far of how much an import is, how often it was begun"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import APP_ROLE

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    empty = sa.text("'{}'::jsonb")
    op.add_column("import_file", sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), server_default=empty, nullable=False))
    op.add_column("import_file", sa.Column("progress_total", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("import_file", sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False))
    # A debtor's debts are found by the key of debts, which begins with the debtor; a second index cost each load a fifth of its writing.
    op.drop_index("ix_debt_open", "debt")
    # Debtors of a list are given their numbers while it is staged.
    op.execute(f"GRANT USAGE ON SEQUENCE debtor_id_seq TO {APP_ROLE}")


def downgrade() -> None:
    op.create_index("ix_debt_open", "debt", ["office_id", "debtor_id"], postgresql_where=sa.text("status = 'open'"))
    op.execute(f"REVOKE USAGE ON SEQUENCE debtor_id_seq FROM {APP_ROLE}")
    for name in ("tries", "progress_total", "changes"):
        op.drop_column("import_file", name)
