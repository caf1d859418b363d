"""teams of operators, for the reports and for readers of the schema bi"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.bi_views import OPERATOR_VIEW, create_view, drop_view

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.add_column("app_user", sa.Column("team", sa.String(length=40), server_default="", nullable=False))
    create_view(OPERATOR_VIEW)


def downgrade() -> None:
    drop_view(OPERATOR_VIEW)
    op.drop_column("app_user", "team")
