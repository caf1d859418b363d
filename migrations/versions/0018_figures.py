"""figures: views that people saved of the reports"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import isolate

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "saved_view",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("page", sa.String(40), nullable=False),
        sa.Column("address", sa.String(400), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name=op.f("fk_saved_view_office_id_user_id")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("office_id", "user_id", "name", name=op.f("uq_saved_view_office_id_user_id_name")),
    )
    isolate("saved_view")


def downgrade() -> None:
    op.drop_table("saved_view")
