"""Offices are separated by the database: lists tables, views and roles that break the rule."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from callcenter.auth.models import AuditEvent, Office
from callcenter.core.clock import utc_now
from callcenter.core.db import APP_ROLE, Base, dispose_engines, sqlalchemy_url, transaction
from callcenter.tables import tenant_tables
from campaigns.debtors.models import Debtor, PhoneNumber

CATALOGUE = text(
    """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner) AS owner,
           (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive) AS policies
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
    """
)


@pytest.fixture
def two_offices(clean_database: None) -> tuple[int, int]:
    with transaction(None) as session:
        offices = [Office(code="one", name="一"), Office(code="two", name="二")]
        session.add_all(offices)
        session.flush()
        return offices[0].id, offices[1].id


def test_every_tenant_table_forces_row_level_security(clean_database: None, database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        rows = {row.relname: row for row in connection.execute(CATALOGUE)}
        views = connection.scalars(text("SELECT viewname FROM pg_views WHERE schemaname = 'public'")).all()
        rights = connection.execute(
            text("SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = :role"), {"role": APP_ROLE}
        ).one()
    engine.dispose()
    assert set(tenant_tables()) <= rows.keys()
    broken = [name for name in tenant_tables() if not (rows[name].relforcerowsecurity and rows[name].policies == 1)]
    assert broken == []
    assert [name for name, row in rows.items() if row.owner == APP_ROLE] == []
    assert views == []
    assert tuple(rights) == (False, False, False)


def test_every_tenant_key_carries_its_office() -> None:
    for name in tenant_tables():
        table = Base.metadata.tables[name]
        assert "office_id" in table.primary_key.columns, name
        for constraint in table.foreign_key_constraints:
            assert "office_id" in constraint.columns, f"{name}: {constraint.name}"
        for index in table.indexes:
            assert "office_id" in [column.name for column in index.columns], f"{name}: {index.name}"


def test_one_office_does_not_see_the_other(two_offices: tuple[int, int]) -> None:
    first, second = two_offices
    with transaction(first) as session:
        session.add(Debtor(debtor_no="0001", name="見本"))
    for other in (second, None):
        with transaction(other) as session:
            assert session.scalar(select(func.count()).select_from(Debtor)) == 0


def test_a_row_can_not_point_into_another_office(two_offices: tuple[int, int]) -> None:
    first, second = two_offices
    with transaction(first) as session:
        debtor = Debtor(debtor_no="0001", name="見本")
        session.add(debtor)
        session.flush()
        debtor_id = debtor.id
    with pytest.raises(IntegrityError), transaction(second) as session:
        session.add(PhoneNumber(debtor_id=debtor_id, original="0300000000"))


def test_a_row_can_not_be_written_for_another_office(two_offices: tuple[int, int]) -> None:
    first, second = two_offices
    with pytest.raises(ProgrammingError), transaction(first) as session:
        session.add(Debtor(office_id=second, debtor_no="0001", name="見本"))


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"])
def test_the_audit_trail_can_only_grow(two_offices: tuple[int, int], statement: str) -> None:
    with transaction(two_offices[0]) as session:
        session.add(AuditEvent(at=utc_now(), action="view"))
    with pytest.raises(ProgrammingError), transaction(two_offices[0]) as session:
        session.execute(text(statement))


def test_the_office_ends_with_its_transaction(two_offices: tuple[int, int]) -> None:
    first, _ = two_offices
    dispose_engines()  # a pool of its own, so that the connection comes back soon
    with transaction(first) as session:
        session.add(Debtor(debtor_no="0001", name="見本"))
        connection_id = session.scalar(text("SELECT pg_backend_pid()"))
    with transaction(None) as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) == connection_id
        assert session.scalar(select(func.count()).select_from(Debtor)) == 0
