"""Finding a message by its attempt: an attempt that never happened is removed, and the database looks for who refers to it

Nothing asks for messages by the provider's number.
"""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_index("ix_message_office_id_provider_id", "message")
    op.create_index("ix_message_attempt", "message", ["office_id", "attempt_id"], postgresql_where="attempt_id is not null")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_index("ix_message_attempt", "message")
    op.create_index("ix_message_office_id_provider_id", "message", ["office_id", "provider_id"])
