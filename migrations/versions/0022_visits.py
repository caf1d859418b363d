"""visits: the officers' desk, rounds of visits, and supervisors' words to the team"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import isolate

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

OFFICE = sa.text("nullif(current_setting('app.office_id', true), '')::integer")
CASE_COLUMNS = (
    ("accepted_by", sa.BigInteger(), None),
    ("accepted_at", sa.DateTime(timezone=True), None),
    ("return_reason", sa.String(20), ""),
    ("decision", sa.String(20), ""),
    ("decision_note", sa.String(1000), ""),
    ("taken_by", sa.BigInteger(), None),
    ("taken_at", sa.DateTime(timezone=True), None),
    ("taken_note", sa.String(1000), ""),
)
TABLES = (
    "officer_request",
    "visit_round",
    "visit_stop",
    "visit_report",
    "visit_pass",
    "address_point",
    "team_message",
    "team_message_seen",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for name, kind, default in CASE_COLUMNS:
        op.add_column("escalation", sa.Column(name, kind, server_default=default, nullable=default is None))
    op.drop_constraint(op.f("ck_escalation_state"), "escalation", type_="check")
    op.create_check_constraint(op.f("ck_escalation_state"), "escalation", "state in ('open','accepted','returned','decided','taken')")
    _table(
        "officer_request",
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("escalation_id", sa.BigInteger()),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("body", sa.String(1000), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("state", sa.String(10), server_default="open", nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply", sa.String(1000), server_default="", nullable=False),
        sa.Column("replied_by", sa.BigInteger()),
        sa.Column("replied_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state in ('open','in_hand','done','declined','withdrawn')", name=op.f("ck_officer_request_state")),
        parents={"debtor_id": "debtor", "escalation_id": "escalation"},
        indexes=("state", "debtor_id"),
    )
    _visits()
    _table(
        "team_message",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.String(300), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        parents={"user_id": "app_user"},
        indexes=("ends_at",),
    )
    _table(
        "team_message_seen",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("office_id", "message_id", "user_id", name=op.f("uq_team_message_seen_office_id_message_id_user_id")),
        parents={"message_id": "team_message", "user_id": "app_user"},
        cascading=("message_id",),
    )
    isolate(*TABLES)


def _visits() -> None:
    _table(
        "visit_round",
        sa.Column("officer_id", sa.BigInteger(), nullable=False),
        sa.Column("visit_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), server_default="planned", nullable=False),
        sa.Column("is_routed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_out_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state in ('planned','out','done','cancelled')", name=op.f("ck_visit_round_state")),
        parents={"officer_id": "app_user"},
        indexes=("visit_on",),
    )
    _table(
        "visit_stop",
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("debtor_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger()),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("state", sa.String(10), server_default="planned", nullable=False),
        sa.Column("reason", sa.String(40), server_default="", nullable=False),
        sa.Column("decision_id", sa.BigInteger()),
        sa.Column("attempt_id", sa.BigInteger()),
        sa.CheckConstraint("state in ('planned','done','dropped')", name=op.f("ck_visit_stop_state")),
        sa.UniqueConstraint("office_id", "round_id", "debtor_id", name=op.f("uq_visit_stop_office_id_round_id_debtor_id")),
        parents={"round_id": "visit_round", "debtor_id": "debtor", "campaign_id": "campaign", "attempt_id": "attempt"},
        cascading=("round_id",),
        indexes=("debtor_id",),
    )
    _table(
        "visit_report",
        sa.Column("stop_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("visited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", JSONB(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("why", sa.String(20), server_default="", nullable=False),
        sa.Column("attempt_id", sa.BigInteger()),
        sa.Column("settled_by", sa.BigInteger()),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state in ('recorded','conflict','dropped')", name=op.f("ck_visit_report_state")),
        sa.UniqueConstraint("office_id", "key", name=op.f("uq_visit_report_office_id_key")),
        parents={"stop_id": "visit_stop", "attempt_id": "attempt"},
        cascading=("stop_id",),
        indexes=("stop_id",),
    )
    _table(
        "visit_pass",
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        parents={"round_id": "visit_round", "user_id": "app_user", "session_id": "user_session"},
        cascading=("round_id", "session_id"),
        indexes=("round_id",),
    )
    _table(
        "address_point",
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.UniqueConstraint("office_id", "key", name=op.f("uq_address_point_office_id_key")),
    )


def _table(
    name: str,
    *columns: sa.SchemaItem,
    parents: dict[str, str] | None = None,
    cascading: tuple[str, ...] = (),
    indexes: tuple[str, ...] = (),
) -> None:
    """A tenant table: its own columns, keys into other tables of the same office, and indexes beginning with the office."""
    keys = [
        sa.ForeignKeyConstraint(
            ["office_id", column],
            [f"{table}.office_id", f"{table}.id"],
            name=op.f(f"fk_{name}_office_id_{column}"),
            ondelete="CASCADE" if column in cascading else None,
        )
        for column, table in (parents or {}).items()
    ]
    op.create_table(
        name,
        sa.Column("office_id", sa.Integer(), server_default=OFFICE, nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *columns,
        *keys,
        sa.PrimaryKeyConstraint("office_id", "id", name=op.f(f"pk_{name}")),
    )
    for column in indexes:
        op.create_index(op.f(f"ix_{name}_office_id_{column}"), name, ["office_id", column])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_escalation_state"), "escalation", type_="check")
    op.create_check_constraint(op.f("ck_escalation_state"), "escalation", "state in ('open','accepted','returned')")
    for name, _, _ in CASE_COLUMNS:
        op.drop_column("escalation", name)
