"""`callcenter verify`: nothing to say of a sound database, and each kind of damage found by the name of its check."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent
from callcenter.cli import run
from callcenter.core.db import get_engine, transaction
from campaigns.debtors.models import Debt
from campaigns.imports.models import ImportFile
from campaigns.messages.models import Batch
from campaigns.payments.models import Allocation, Payment
from campaigns.worklist.models import WorkItem
from dialer.calls.models import Call
from reports.checks.model import Facts
from reports.checks.schema import SCHEMA_CHECKS
from tests.reports import world
from tests.reports.world import at

LONG_AGO = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


def broken(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    status = run(["verify", "--json"])
    document = json.loads(capsys.readouterr().out)
    found = {check["check"]: check["rows"] for check in document["checks"] if not check["ok"]}
    assert document["ok"] == (not found)
    assert status == (1 if found else 0)
    return found


def test_a_sound_database(office_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(office_id) as session:
        person = world.debtor(session, ("10", "current"))
        made = world.promise(session, person, "2026-01-05 10:00", date(2026, 1, 10), 1000)
        world.payment(session, person, date(2026, 1, 6), 1000, status="unmatched")
        session.execute(text("UPDATE promise SET paid = 1000, state = 'kept' WHERE id = :id"), {"id": made})
        world.add(session, AuditEvent(at=LONG_AGO, action="debtor.viewed"))
        world.add(session, AuditEvent(at=LONG_AGO - timedelta(seconds=3), action="debtor.viewed"))
    assert broken(capsys) == {}
    assert run(["verify"]) == 0
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert "promises_equal_payments [test]" in printed


def lost_call(session: Session) -> None:
    attempt_id = world.attempt(session, world.debtor(session), LONG_AGO, "answered", recorded_at=LONG_AGO)
    world.add(session, Call(attempt_id=attempt_id, carrier="x", channel_id="c", mode="preview", state="bridged", placed_at=LONG_AGO))


def claim_without_lease(session: Session) -> None:
    item = WorkItem(campaign_id=world.campaign(session), debtor_id=world.debtor(session), channel="operator_call", state="claimed")
    item.not_before = item.created_at = item.updated_at = LONG_AGO
    world.add(session, item)


def batch_without_messages(session: Session) -> None:
    batch = Batch(campaign_id=world.campaign(session), channel="sms", state="ready", as_of=LONG_AGO, prepared=3, created_at=LONG_AGO)
    world.add(session, batch)


def import_that_lost_rows(session: Session) -> None:
    file = ImportFile(kind="debts", layout="standard", as_of=date(2026, 1, 5), original_name="a.csv", stored_path="a", sha256="0" * 64)
    file.size_bytes, file.status, file.rows, file.created, file.created_at = 1, "done", 10, 9, LONG_AGO
    world.add(session, file)


def settled_debt_with_a_rest(session: Session) -> None:
    world.debtor(session, ("10", "current"))
    session.query(Debt).update({"status": "settled"})


def debt_that_does_not_add_up(session: Session) -> None:
    world.debtor(session, ("10", "current"))
    session.query(Debt).update({"assessed": 5000, "received": 1000, "outstanding": 1000})


def allocation_above_its_payment(session: Session) -> None:
    person = world.debtor(session, ("10", "current"))
    world.payment(session, person, date(2026, 1, 5), 100)
    debt, payment = session.query(Debt).one(), session.query(Payment).one()
    world.add(session, Allocation(payment_id=payment.id, debt_id=debt.id, principal=101, at=LONG_AGO))


def promise_kept_by_nobody(session: Session) -> None:
    world.promise(session, world.debtor(session), "2026-01-05 10:00", date(2026, 1, 10), 1000, state="kept", paid=1000)


def audit_written_back(session: Session) -> None:
    for moment in (LONG_AGO, LONG_AGO - timedelta(hours=1)):
        world.add(session, AuditEvent(at=moment, action="debtor.viewed"))


def two_open_spans(session: Session) -> None:
    world.spans(session, world.operator(session, "sato"), ("ready", "2026-01-05 09:00", None), ("talking", "2026-01-05 09:10", None))


@pytest.mark.parametrize(
    ("damage", "check", "row"),
    [
        (lost_call, "open_calls_have_attempts", "call "),
        (lost_call, "no_call_hangs", "call "),
        (claim_without_lease, "claims_have_leases", "work_item "),
        (batch_without_messages, "batches_add_up", "prepared 3, found 0"),
        (import_that_lost_rows, "imports_add_up", "import_file "),
        (settled_debt_with_a_rest, "debts_add_up", "debt "),
        (debt_that_does_not_add_up, "debts_add_up", "debt "),
        (allocation_above_its_payment, "allocations_within_payments", "payment "),
        (promise_kept_by_nobody, "promises_equal_payments", "promise "),
        (audit_written_back, "audit_in_order", "audit_event "),
        (two_open_spans, "one_state_span_at_a_time", "agent_session "),
    ],
)
def test_damaged_rows_are_named(
    office_id: int, capsys: pytest.CaptureFixture[str], damage: Callable[[Session], None], check: str, row: str
) -> None:
    with transaction(office_id) as session:
        damage(session)
    found = broken(capsys)
    assert row in found[check][0]


def test_two_live_items(office_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    with get_engine().begin() as connection:
        connection.execute(text("DROP INDEX uq_work_item_live"))
    try:
        with transaction(office_id) as session:
            campaign_id, person = world.campaign(session), world.debtor(session, ("10", "current"))
            for _ in range(2):
                item = WorkItem(campaign_id=campaign_id, debtor_id=person, channel="operator_call")
                item.not_before = item.created_at = item.updated_at = at("2026-01-05 09:00")
                world.add(session, item)
        assert list(broken(capsys)) == ["one_live_item_each"]
    finally:
        with get_engine().begin() as connection:
            connection.execute(text("TRUNCATE work_item CASCADE"))
            connection.execute(
                text(
                    "CREATE UNIQUE INDEX uq_work_item_live ON work_item (office_id, campaign_id, debtor_id)"
                    " WHERE state IN ('ready','claimed')"
                )
            )


@pytest.mark.parametrize(
    ("damage", "repair", "check", "row"),
    [
        (
            "ALTER TABLE debtor NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE debtor FORCE ROW LEVEL SECURITY",
            "tenant_tables_isolated",
            "debtor",
        ),
        ("CREATE POLICY all_rows ON debt USING (true)", "DROP POLICY all_rows ON debt", "one_policy_each", "debt.all_rows"),
        (
            "CREATE TABLE forgotten (office_id integer)",
            "DROP TABLE forgotten",
            "no_unknown_office_table",
            "forgotten",
        ),
        (
            "CREATE VIEW leak AS SELECT name FROM debtor; GRANT SELECT ON leak TO callcenter_app",
            "DROP VIEW leak",
            "no_view_leaks",
            "leak",
        ),
        (
            "CREATE FUNCTION leak() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "DROP FUNCTION leak()",
            "no_function_leaks",
            "leak",
        ),
        (
            "ALTER TABLE draft OWNER TO callcenter_app",
            "ALTER TABLE draft OWNER TO CURRENT_USER; GRANT SELECT, INSERT, UPDATE, DELETE ON draft TO callcenter_app",
            "role_owns_nothing",
            "draft",
        ),
        (
            "GRANT UPDATE (action) ON audit_event TO callcenter_app",
            "REVOKE UPDATE (action) ON audit_event FROM callcenter_app",
            "audit_only_grows",
            "audit_event: UPDATE",
        ),
    ],
)
def test_a_damaged_schema_is_named(
    office_id: int, capsys: pytest.CaptureFixture[str], damage: str, repair: str, check: str, row: str
) -> None:
    with get_engine().begin() as connection:
        connection.execute(text(damage))
    try:
        assert row in broken(capsys)[check]
    finally:
        with get_engine().begin() as connection:
            connection.execute(text(repair))


def test_a_role_with_rights_is_named(office_id: int) -> None:
    # another role than the application's: roles belong to the whole server, on which other tests run
    (check,) = (check for check in SCHEMA_CHECKS if check.name == "role_is_plain")
    with transaction(None) as session:
        assert check.find(session, Facts(LONG_AGO, LONG_AGO.date(), (), "pg_monitor")).rows[0].startswith("member of ")
        assert check.find(session, Facts(LONG_AGO, LONG_AGO.date(), (), "nobody")) == (1, ("nobody",))
        assert check.find(session, Facts(LONG_AGO, LONG_AGO.date(), (), "callcenter_app")) == (0, ())
