"""Row-level security for tenant tables, used by every migration that makes one."""

from __future__ import annotations

from alembic import op

APP_ROLE = "callcenter_app"
INSERT_ONLY = frozenset({"audit_event", "audit_seal"})


def create_app_role() -> None:
    """Makes the role the application runs as; it owns nothing and can't sign in by itself."""
    op.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {APP_ROLE} NOLOGIN NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(f"GRANT {APP_ROLE} TO CURRENT_USER")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}")


def isolate(*tables: str) -> None:
    """Lets each transaction see, in `tables`, only the office that it named; the owner too (FORCE)."""
    for table in tables:
        # The sub-select is worked out once for a statement, not for each row.
        office = "office_id = (SELECT nullif(current_setting('app.office_id', true), '')::integer)"
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
        op.execute(f'CREATE POLICY office_isolation ON "{table}" USING ({office}) WITH CHECK ({office})')
        rights = "SELECT, INSERT" if table in INSERT_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f'GRANT {rights} ON "{table}" TO {APP_ROLE}')
