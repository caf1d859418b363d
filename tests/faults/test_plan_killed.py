"""`kill -9` of a plan, with a real process: the assignments are those of before or those of the new plan, and the next plan goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from callcenter.auth.models import Office
from callcenter.core.db import get_engine, transaction
from campaigns.planning.rulesets import add_rule_set
from campaigns.planning.service import create_campaign, plan
from campaigns.segmentation.documents import read_rule_set

pytestmark = pytest.mark.fault
AS_OF = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
PEOPLE = 30_000
WRITING, DECIDING = "INSERT INTO channel_assignment%", "CREATE TEMPORARY TABLE%"
TOWN = """
INSERT INTO debtor (office_id, debtor_no, name) SELECT :office, lpad(n::text, 10, '0'), 'x' FROM generate_series(1, :people) n;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, outstanding)
SELECT :office, id, '10', 2026, 2026, 1, id::text, date '2026-08-31', 1000 + id % 5000 FROM debtor;
"""
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


def running(like: str) -> list[int]:
    """Server processes at work on such a statement for somebody else than us."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND ltrim(query, E'\\n ') LIKE :like"
    with get_engine().connect() as connection:
        return list(connection.scalars(text(query + " AND pid <> pg_backend_pid()"), {"like": like}))


def kill_while(database_url: str, like: str) -> bool:
    """Starts a plan and kills it while the server works on such a statement; whether that moment was hit."""
    victim = process(database_url)
    try:
        end = time.monotonic() + 120
        while not (hit := bool(running(like))) and victim.poll() is None:
            assert time.monotonic() < end, "the plan neither got there nor ended"
        victim.send_signal(signal.SIGKILL)
        victim.communicate(timeout=60)
    finally:
        if victim.poll() is None:
            victim.kill()
    end = time.monotonic() + 60
    while running("%channel_assignment%") or running(DECIDING):  # the server ends what it was at, and throws it away
        assert time.monotonic() < end
        time.sleep(0.05)
    return hit


def planned_to_the_end(database_url: str) -> None:
    done = process(database_url)
    out, err = done.communicate(timeout=120)
    assert done.returncode == 0, err.decode()
    assert b'"debtors": 30000' in out


@pytest.fixture
def slow_writing(town: int) -> Iterator[int]:
    """A trigger that makes each thousandth row take a moment, so that the kill surely falls into the writing."""
    function = """CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.debtor_id % 1000 = 0 THEN PERFORM pg_sleep(0.05); END IF; RETURN NEW; END $$"""
    with get_engine().begin() as connection:
        connection.execute(text(function))
        connection.execute(text("CREATE TRIGGER linger BEFORE INSERT ON channel_assignment FOR EACH ROW EXECUTE FUNCTION linger()"))
    yield town
    with get_engine().begin() as connection:
        connection.execute(text("DROP TRIGGER linger ON channel_assignment"))
        connection.execute(text("DROP FUNCTION linger()"))


def test_killed_in_the_first_plan(slow_writing: int, database_url: str) -> None:
    assert kill_while(database_url, WRITING)
    assert assignments() == {}
    planned_to_the_end(database_url)
    assert sum(count for count, _ in assignments().values()) == PEOPLE


def test_killed_in_a_plan_by_new_rules(slow_writing: int, database_url: str) -> None:
    with transaction(slow_writing) as session:
        plan(session, campaign_id(session), AS_OF)
    before = assignments()
    with transaction(slow_writing) as session:
        stored = add_rule_set(session, "standard", read_rule_set(document(4_000)), AS_OF, is_active=True)
        session.execute(text("UPDATE campaign SET rule_set_id = :id"), {"id": stored.id})
    for like in (DECIDING, WRITING, WRITING):
        kill_while(database_url, like)
        assert assignments() == before
    planned_to_the_end(database_url)
    after = assignments()
    assert after != before
    assert sum(count for count, _ in after.values()) == PEOPLE
    planned_to_the_end(database_url)
    assert assignments() == after


def test_killed_in_a_plan_that_goes_on_from_the_one_before(slow_writing: int, database_url: str) -> None:
    with transaction(slow_writing) as session:
        plan(session, campaign_id(session), AS_OF)
    before = assignments()
    with transaction(slow_writing) as session:
        session.execute(text("UPDATE debt SET outstanding = CASE WHEN outstanding < 2000 THEN 9000 ELSE 1000 END WHERE debtor_id % 10 = 0"))
    for like in (WRITING, DECIDING):
        kill_while(database_url, like)
        assert assignments() == before
    planned_to_the_end(database_url)
    after = assignments()
    assert after != before
    with transaction(slow_writing) as session:
        whole = plan(session, campaign_id(session), AS_OF, everybody=True)
    assert (whole.changed, whole.removed, assignments()) == (0, 0, after)


def campaign_id(session: Any) -> int:
    """The one campaign's number."""
    return int(session.scalar(text("SELECT id FROM campaign")))
