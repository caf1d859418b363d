"""`kill -9` of a plan, with a real process: the assignments are those of before or those of the new plan, and the next plan goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from callcenter.auth.models import Office
from callcenter.core.db import get_engine, transaction
from campaigns.planning.rulesets import add_rule_set
from campaigns.planning.service import PlanResult, create_campaign, plan
from campaigns.segmentation.documents import read_rule_set
from tests.faults.locks import HERE

pytestmark = pytest.mark.fault
AS_OF = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
PEOPLE = 5_000
DECIDED, WRITING = 20_260_011, 20_260_012  # gates: numbers of advisory locks
GATES = """
CREATE FUNCTION gate_decided() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared(20260011); END $$;

CREATE EVENT TRIGGER gate_decided ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION gate_decided();

CREATE FUNCTION gate_writing() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.debtor_id % 1000 = 0 THEN PERFORM pg_advisory_xact_lock_shared(20260012); END IF; RETURN NEW; END $$;

CREATE TRIGGER gate_writing BEFORE INSERT ON channel_assignment FOR EACH ROW EXECUTE FUNCTION gate_writing()
"""
TOWN = """
INSERT INTO debtor (office_id, debtor_no, name) SELECT :office, lpad(n::text, 10, '0'), 'x' FROM generate_series(1, :people) n;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, outstanding)
SELECT :office, id, '10', 2026, 2026, 1, id::text, date '2026-08-31', 1000 + id % 5000 FROM debtor;
"""
WAITING = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :gate AND NOT granted AND {HERE}"
SUM = "SELECT channel, count(*), sum(hashtextextended((debtor_id, reason_codes, rule_code)::text, 0)) FROM channel_assignment GROUP BY 1"


def document(limit: int) -> dict[str, Any]:
    """Small debts by SMS, the others by call; who owes less than the limit counts as small."""
    small = {"attribute": "outstanding", "op": "<", "value": limit}
    return {
        "rules": [
            {"code": "small", "channel": "sms", "reasons": ["small"], "when": small},
            {"code": "rest", "channel": "operator_call", "reasons": ["rest"], "when": "always"},
        ]
    }


@pytest.fixture
def town(clean_database: None) -> int:
    with transaction(None) as session:
        office = Office(code="kill", name="架空市")
        session.add(office)
        session.flush()
        office_id = office.id
    with get_engine().begin() as connection:
        for statement in TOWN.strip().removesuffix(";").split(";\n"):
            connection.execute(text(statement), {"office": office_id, "people": PEOPLE})
    with transaction(office_id) as session:
        add_rule_set(session, "standard", read_rule_set(document(2_000)), AS_OF, is_active=True)
        create_campaign(session, "11月", AS_OF)
    return office_id


def process(database_url: str) -> subprocess.Popen[bytes]:
    """`callcenter plan` as somebody at the terminal runs it."""
    command = [sys.executable, "-m", "callcenter.cli", "plan", "11月", "--as-of", "2026-11-18T10:00", "--json"]
    environment = {**os.environ, "DATABASE_URL": database_url, "CALLCENTER_OFFICE": "kill", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def assignments() -> dict[str, tuple[int, int]]:
    with get_engine().connect() as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute(text(SUM))}


@contextmanager
def held(gate: int) -> Iterator[Connection]:
    """Whoever comes to the gate waits there, until the end of this block."""
    with get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:gate)"), {"gate": gate})
        yield connection
        connection.execute(text("SELECT pg_advisory_unlock(:gate)"), {"gate": gate})


def until(connection: Connection, query: str, **values: int) -> Any:
    """What the query answers, as soon as it is something."""
    end = time.monotonic() + 120
    while not (found := connection.scalar(text(query), values)):
        assert time.monotonic() < end, query
        time.sleep(0.02)
    return found


def killed_at(database_url: str, gate: int) -> None:
    """Starts a plan, kills it while the server is at the gate for it, and lets the server end what it was at."""
    with held(gate) as connection:
        victim = process(database_url)
        try:
            waiting = until(connection, WAITING, gate=gate)
            assert victim.poll() is None
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.communicate(timeout=60)
    with get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        until(connection, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid)", pid=waiting)


def planned_to_the_end(office_id: int, *, everybody: bool | None = None) -> PlanResult:
    """The next plan, which nobody stops."""
    with transaction(office_id) as session:
        result = plan(session, campaign_id(session), AS_OF, everybody=everybody)
    assert result.debtors == PEOPLE
    return result


@pytest.fixture
def gates(town: int) -> Iterator[int]:
    """Two places where a plan can be made to wait: when it has decided, and in the middle of its writing."""
    with get_engine().begin() as connection:
        for statement in GATES.strip().split(";\n\n"):
            connection.execute(text(statement))
    yield town
    with get_engine().begin() as connection:
        connection.execute(text("DROP EVENT TRIGGER gate_decided"))
        connection.execute(text("DROP TRIGGER gate_writing ON channel_assignment"))
        connection.execute(text("DROP FUNCTION gate_decided(), gate_writing()"))


def test_killed_in_the_first_plan(gates: int, database_url: str) -> None:
    killed_at(database_url, WRITING)
    assert assignments() == {}
    planned_to_the_end(gates)
    assert sum(count for count, _ in assignments().values()) == PEOPLE


def test_killed_in_a_plan_by_new_rules(gates: int, database_url: str) -> None:
    planned_to_the_end(gates)
    before = assignments()
    with transaction(gates) as session:
        stored = add_rule_set(session, "standard", read_rule_set(document(4_000)), AS_OF, is_active=True)
        session.execute(text("UPDATE campaign SET rule_set_id = :id"), {"id": stored.id})
    for gate in (DECIDED, WRITING):
        killed_at(database_url, gate)
        assert assignments() == before
    planned_to_the_end(gates)
    after = assignments()
    assert after != before
    assert sum(count for count, _ in after.values()) == PEOPLE
    planned_to_the_end(gates)
    assert assignments() == after


def test_killed_in_a_plan_that_goes_on_from_the_one_before(gates: int, database_url: str) -> None:
    planned_to_the_end(gates)
    before = assignments()
    with transaction(gates) as session:
        session.execute(text("UPDATE debt SET outstanding = CASE WHEN outstanding < 2000 THEN 9000 ELSE 1000 END WHERE debtor_id % 10 = 0"))
    for gate in (WRITING, DECIDED):
        killed_at(database_url, gate)
        assert assignments() == before
    planned_to_the_end(gates)
    after = assignments()
    assert after != before
    whole = planned_to_the_end(gates, everybody=True)
    assert (whole.changed, whole.removed, assignments()) == (0, 0, after)


def campaign_id(session: Any) -> int:
    """The one campaign's number."""
    return int(session.scalar(text("SELECT id FROM campaign")))
