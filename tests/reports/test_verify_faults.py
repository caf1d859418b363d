"""A small sound office, then one fault planted in its rows by plain SQL: `callcenter verify` names it, and says what to do."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from callcenter.cli import run
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor
from campaigns.messages.models import Batch, Message
from campaigns.promises.plans import enter
from campaigns.promises.schedule import propose
from campaigns.promises.service import make
from campaigns.worklist.models import WorkItem
from reports.checks.rows import OFFICE_CHECKS
from tests.campaigns.import_files import DEBT, PAYMENT, load, table
from tests.campaigns.town import Town

NOW = utc_now()
TODAY = local_day(NOW)
OTHERS = tuple({"宛名番号": f"000000000{n}", "通知書番号": f"{n}"} for n in range(2, 6))


@pytest.fixture
def office(office_id: int) -> int:
    """Five debtors: one paid a part, one paid too much, one promised, one keeps a plan, one has work and a message waiting."""
    load(office_id, "debts", table(DEBT, {}, *OTHERS), NOW, as_of=TODAY - timedelta(days=10))
    day = {"納付日": (TODAY - timedelta(days=5)).isoformat(), "反映日": (TODAY - timedelta(days=3)).isoformat()}
    rows = (
        day | {"収納額": "5000"},
        day | OTHERS[0] | {"収納履歴番号": "P2", "収納額": "23000"},
        day | {"収納履歴番号": "P3", "収納額": "1000"},
        day | {"収納履歴番号": "P3", "収納額": "1000", "取消区分": "1"},
        day | {"収納履歴番号": "P4", "宛名番号": "99"},
    )
    load(office_id, "payments", table(PAYMENT, *rows), NOW)
    with transaction(office_id) as session:
        town = Town(session)
        people = session.scalars(select(Debtor).order_by(Debtor.debtor_no)).all()
        make(session, people[2].id, 5_000, TODAY + timedelta(days=3), NOW)
        enter(session, people[3].id, TODAY, propose(20_000, 2, TODAY + timedelta(days=20)), NOW, user_id=None)
        attempt = town.attempt(people[4], Channel.OPERATOR_CALL, NOW - timedelta(hours=2), recorded_at=NOW - timedelta(hours=2))
        other = town.attempt(people[4], Channel.AUTO_CALL, NOW - timedelta(hours=3), recorded_at=NOW - timedelta(hours=3))
        item = WorkItem(campaign_id=town.campaign().id, debtor_id=people[4].id, channel="operator_call")
        item.not_before = item.created_at = item.updated_at = NOW
        batch = Batch(campaign_id=town.campaign("b").id, channel="sms", state="ready", as_of=NOW, prepared=1, created_at=NOW)
        session.add_all((item, batch))
        session.flush()
        message = Message(batch_id=batch.id, debtor_id=people[4].id, phone_id=1, e164="+819012345678", body="x", reference="m1")
        message.updated_at = NOW
        session.add(message)
        for each, name in ((attempt, "a"), (other, "b")):
            session.execute(
                text(
                    "INSERT INTO call (office_id, attempt_id, carrier, channel_id, mode, state, placed_at)"
                    " VALUES (:office, :attempt, 'simulator', :name, 'preview', 'ended', :now)"
                ),
                {"office": office_id, "attempt": each.id, "name": name, "now": NOW - timedelta(hours=2)},
            )
    return office_id


def verified(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    status = run(["verify", "--json"])
    document = json.loads(capsys.readouterr().out)
    found = {check["check"]: check["rows"] for check in document["checks"] if not check["ok"]}
    assert status == (1 if found else 0)
    assert all(check["todo"] and check["says"] for check in document["checks"])
    return found


def test_the_office_is_sound(office: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(capsys) == {}


LONG_AGO = "now() - interval '2 days'"
ITEM = "UPDATE work_item SET"
FAULTS = (
    ("open_calls_have_attempts", "UPDATE call SET state = 'bridged' WHERE channel_id = 'a'", "call "),
    ("no_call_hangs", f"UPDATE call SET state = 'bridged', placed_at = {LONG_AGO} WHERE channel_id = 'a'", "call "),
    ("one_live_call_each", "UPDATE call SET state = 'bridged'", "calls "),
    ("attempts_have_results", "UPDATE attempt SET line_result = NULL WHERE channel = 'operator_call'", "attempt "),
    ("no_attempt_hangs", f"UPDATE attempt SET state = 'wrap_up', wrap_up_until = {LONG_AGO} WHERE channel = 'operator_call'", "attempt "),
    (
        "one_state_span_at_a_time",
        "WITH u AS (INSERT INTO app_user (sign_in_name, display_name, role) VALUES ('x1', 'x', 'operator') RETURNING id),"
        " g AS (INSERT INTO agent_session (user_id, state, state_since, leg_id, signed_in_at, last_seen_at)"
        "  SELECT id, 'ready', now(), 'l', now(), now() FROM u RETURNING id, user_id)"
        " INSERT INTO agent_state_span (agent_session_id, user_id, state, began_at)"
        " SELECT g.id, g.user_id, s, now() FROM g, unnest(ARRAY['ready', 'paused']) s",
        "agent_session ",
    ),
    ("claims_have_leases", f"{ITEM} state = 'claimed'", "work_item "),
    ("leases_end", f"{ITEM} state = 'claimed', claim_token = 't', lease_until = {LONG_AGO}", "work_item "),
    ("leases_end", f"UPDATE message SET state = 'claimed', lease_until = {LONG_AGO}", "message "),
    ("nobody_forbidden_is_queued", "UPDATE debt SET hold = 1", "held"),
    ("nobody_forbidden_is_queued", "UPDATE debtor SET do_not_contact = true", "do not contact"),
    ("nobody_forbidden_is_queued", "UPDATE debt SET status = 'settled', outstanding = 0 WHERE notice_no = '5'", "settled"),
    (
        "nobody_forbidden_is_queued",
        "INSERT INTO suppression (debtor_id, reason, channel, starts_at) SELECT debtor_id, 'stop_request', 'sms', now() FROM message",
        "message ",
    ),
    (
        "decisions_have_reasons",
        "INSERT INTO compliance_decision (at, debtor_id, channel, is_allowed) SELECT now(), min(id), 'sms', false FROM debtor",
        "compliance_decision ",
    ),
    ("withdrawals_have_reasons", f"{ITEM} state = 'withdrawn', reason = ''", "work_item "),
    ("withdrawals_have_reasons", "UPDATE message SET state = 'refused', reason = ''", "message "),
    ("batches_add_up", "UPDATE batch SET prepared = 7", "prepared 7, found 1"),
    ("imports_add_up", "UPDATE import_file SET rows = rows + 1 WHERE kind = 'debts'", "import_file "),
    ("debts_add_up", "UPDATE debt SET assessed = 20001, received = 3000, listed_received = NULL WHERE notice_no = '5'", "debt "),
    ("debts_add_up", "UPDATE debt SET status = 'settled' WHERE notice_no = '5'", "debt "),
    (
        "debts_follow_payments",
        "UPDATE debt SET outstanding = outstanding - 1 WHERE listed_by IS NOT NULL AND outstanding > 0",
        "debt ",
    ),
    ("debts_follow_payments", "UPDATE debt SET refund_candidate = 5 WHERE notice_no = '5'", "debt "),
    ("debts_follow_payments", "DELETE FROM allocation", "debt "),
    ("allocations_within_payments", "UPDATE allocation SET principal = principal + 1000000", "payment "),
    (
        "allocations_within_payments",
        "UPDATE allocation SET debt_id = (SELECT id FROM debt WHERE notice_no = '5')",
        "payment ",
    ),
    ("payments_are_accounted_for", "UPDATE payment SET refund = refund + 1 WHERE source_ref = 'P1'", "payment "),
    ("payments_are_accounted_for", "UPDATE payment SET status = 'matched' WHERE source_ref = 'P4'", "payment "),
    ("payments_found_their_debts", "UPDATE payment SET status = 'unmatched' WHERE source_ref = 'P1'", "payment "),
    ("reversals_reached_their_payments", "UPDATE payment SET reversed = 0 WHERE source_ref = 'P3'", "payment "),
    ("reversals_reached_their_payments", "UPDATE payment SET status = 'unmatched' WHERE is_reversal", "payment "),
    ("debtors_are_listed_by_their_debts", "UPDATE debtor SET is_listed = NOT is_listed WHERE debtor_no = '0000000002'", "debtor "),
    ("promises_equal_payments", "UPDATE promise SET state = 'kept'", "promise "),
    ("promises_equal_payments", "UPDATE promise SET state = 'broken'", "promise "),
    ("promises_equal_payments", "UPDATE promise SET made_on = made_on - 60, due_on = due_on - 60", "promise "),
    ("promises_are_replaced_once", "UPDATE promise SET superseded_by = 999", "promise "),
    ("plans_add_up", "UPDATE instalment SET amount = amount + 1", "instalment_plan "),
    ("plans_add_up", "UPDATE instalment_plan SET state = 'broken'", "instalment_plan "),
    ("plans_add_up", "UPDATE instalment_plan SET state = 'ended'", "instalment_plan "),
    (
        "audit_in_order",
        "INSERT INTO audit_event (at, action) VALUES (now(), 'debtor.viewed'), (now() - interval '1 hour', 'debtor.viewed')",
        "audit_event ",
    ),
    ("uploads_are_there", "UPDATE import_file SET status = 'registered', stored_path = '/gone/away' WHERE kind = 'debts'", "import_file "),
)
# planted below, where its index can be dropped, and where seals are tested
ELSEWHERE = {"one_live_item_each", "uploads_are_known", "audit_seals_hold"}


@pytest.mark.parametrize(("check", "fault", "row"), FAULTS, ids=[f"{check}-{n}" for n, (check, _, _) in enumerate(FAULTS)])
def test_a_planted_fault_is_named(office: int, capsys: pytest.CaptureFixture[str], check: str, fault: str, row: str) -> None:
    with transaction(office) as session:
        assert session.execute(text(fault)).rowcount > 0  # type: ignore[attr-defined]
    found = verified(capsys)
    assert any(row in name for name in found[check]), found
    run(["verify"])
    printed = capsys.readouterr()
    assert re.search(rf"^BROKEN  {check} \[test\]: .*\n        → .+$", printed.out, re.M)
    assert "件の異常があります" in printed.err


def test_every_check_has_its_fault() -> None:
    assert {check for check, _, _ in FAULTS} | ELSEWHERE == {check.name for check in OFFICE_CHECKS}


def test_a_stored_file_that_no_import_names(office: int, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(office) as session:
        stored = Path(session.execute(text("SELECT stored_path FROM import_file LIMIT 1")).scalar_one())
    stray = stored.with_name("stray.upload")
    stray.write_text("x")
    try:
        assert verified(capsys) == {}  # it may be on its way
        old = time.time() - 7200
        os.utime(stray, (old, old))
        assert verified(capsys) == {"uploads_are_known": [f"imports/{office}/stray.upload"]}
    finally:
        stray.unlink()
