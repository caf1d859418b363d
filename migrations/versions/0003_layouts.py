"""layouts: each office's own, those being made on the screen, and which rehearsal a file was looked at in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
_KIND = "kind in ('debts','payments','attempts')"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "import_layout",
        sa.Column("office_id", sa.Integer(), server_default=_OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("parsed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_KIND, name=op.f("ck_import_layout_kind")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_import_layout_office_id")),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_import_layout")),
        sa.UniqueConstraint("office_id", "kind", "name", "version", name=op.f("uq_import_layout_office_id_kind_name_version")),
    )
    op.create_index(
        "uq_import_layout_active", "import_layout", ["office_id", "kind", "name"], unique=True, postgresql_where=sa.text("is_active")
    )
    op.create_table(
        "layout_draft",
        sa.Column("office_id", sa.Integer(), server_default=_OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("original_name", sa.String(length=200), nullable=False),
        sa.Column("stored_path", sa.String(length=300), nullable=False),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_KIND, name=op.f("ck_layout_draft_kind")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_layout_draft_office_id")),
        sa.ForeignKeyConstraint(
            ["office_id", "created_by"], ["app_user.office_id", "app_user.id"], name=op.f("fk_layout_draft_office_id_created_by")
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f("pk_layout_draft")),
    )
    op.add_column("import_file", sa.Column("rehearsal_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_import_file_office_id_rehearsal_id"), "import_file", "import_file", ["office_id", "rehearsal_id"], ["office_id", "id"]
    )
    isolate("import_layout", "layout_draft")


def downgrade() -> None:
    op.drop_constraint(op.f("fk_import_file_office_id_rehearsal_id"), "import_file")
    op.drop_column("import_file", "rehearsal_id")
    op.drop_table("layout_draft")
    op.drop_table("import_layout")
