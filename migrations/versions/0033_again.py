"""when a day of facts was counted again, so that its first counting is not told as a second one"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.add_column("fact_built", sa.Column("again_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("fact_built", "again_at")
