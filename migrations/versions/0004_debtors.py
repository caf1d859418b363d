"""debtors: searching by name, reading, number and notice; what became of numbers and holds; what lists changed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.tenancy import isolate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
# Readings are folded further from now on: small kana large, voiced marks dropped.
_KANA = (
    "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポヴヷヸヹヺヰヱヲァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿヾ-・",
    "カキクケコサシスセソタチツテトハヒフヘホハヒフヘホウワイエオイエオアイウエオツヤユヨワカケクシストヌハヒフヘホムラリルレロヽー",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    _search()
    _lists()
    _records()
    for table in ("message", "escalation"):  # looked up by debtor at every result, and by the debtor's page
        op.create_index(f"ix_{table}_office_id_debtor_id", table, ["office_id", "debtor_id"])


def _search() -> None:
    folded = sa.text("UPDATE debtor SET kana_key = translate(kana_key, :letters, :folded) WHERE kana_key <> ''")
    op.get_bind().execute(folded, {"letters": _KANA[0], "folded": _KANA[1]})
    for name in ("name_key", "kana_key"):  # the lists for searching serve that, and imports no longer keep an index in random order
        op.drop_index(f"ix_debtor_office_id_{name}", "debtor")
    op.create_table(
        "last_search",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "user_id"], ["app_user.office_id", "app_user.id"], name="fk_last_search_office_id_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("office_id", "user_id", name="pk_last_search"),
    )
    isolate("last_search")


def _lists() -> None:
    op.create_table(
        "search_list",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name="fk_search_list_office_id"),
        sa.PrimaryKeyConstraint("office_id", "part", "piece", name="pk_search_list"),
    )
    op.create_table(
        "search_state",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("top_debtor", sa.BigInteger(), nullable=False),
        sa.Column("top_phone", sa.BigInteger(), nullable=False),
        sa.Column("top_debt", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("taxes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name="fk_search_state_office_id"),
        sa.PrimaryKeyConstraint("office_id", name="pk_search_state"),
    )
    op.create_table(
        "search_pending",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name="fk_search_pending_office_id_debtor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("office_id", "debtor_id", name="pk_search_pending"),
    )
    isolate("search_list", "search_state", "search_pending")


def _records() -> None:
    op.create_table(
        "debtor_change",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name="fk_debtor_change_office_id_debtor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("office_id", "debtor_id", "import_id", name="pk_debtor_change"),
    )
    op.create_table(
        "phone_event",
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("phone_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("old_status", sa.String(length=12), nullable=True),
        sa.Column("new_status", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=200), server_default="", nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["office_id", "debtor_id"], ["debtor.office_id", "debtor.id"], name="fk_phone_event_office_id_debtor_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["office_id", "phone_id"],
            ["phone_number.office_id", "phone_number.id"],
            name="fk_phone_event_office_id_phone_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("office_id", "id", name="pk_phone_event"),
    )
    op.create_index("ix_phone_event_office_id_debtor_id", "phone_event", ["office_id", "debtor_id"])
    isolate("debtor_change", "phone_event")
    op.add_column("suppression", sa.Column("note", sa.String(length=200), server_default="", nullable=False))
    op.add_column("suppression", sa.Column("lifted_by", sa.BigInteger(), nullable=True))
    op.add_column("suppression", sa.Column("lift_note", sa.String(length=200), server_default="", nullable=False))


def downgrade() -> None:
    for name in ("lift_note", "lifted_by", "note"):
        op.drop_column("suppression", name)
    for table in ("escalation", "message"):
        op.drop_index(f"ix_{table}_office_id_debtor_id", table)
    for table in ("phone_event", "debtor_change", "search_pending", "search_state", "search_list", "last_search"):
        op.drop_table(table)
    for name in ("name_key", "kana_key"):
        op.create_index(f"ix_debtor_office_id_{name}", "debtor", ["office_id", name])
