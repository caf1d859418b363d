"""The gate asked about whole campaigns: counts, what is on record of them, and how long it stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.cli import run
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.compliance import checks, gate, sets
from campaigns.compliance.keeping import forget
from campaigns.compliance.models import ComplianceCheck, ComplianceDecision, ContactPolicyVersion
from campaigns.compliance.presets import municipality, to_document
from campaigns.debtors.models import Debt, Debtor
from campaigns.jobs import sweep_checks
from campaigns.messages.batches import prepare_batch
from campaigns.planning.service import plan
from tests.campaigns.test_commands import told
from tests.campaigns.town import NOW, Town

NIGHT = NOW.replace(hour=2)
DAY = timedelta(days=1)


class World:
    """A campaign of nine: three held, one promised, one without a number, the rest free."""

    def __init__(self, office_id: int) -> None:
        self.office_id = office_id
        with self.open() as session:
            town = Town(session)
            self.held = [town.debtor(owes=5_000, hold=4).id for _ in range(3)]
            promised = town.debtor()
            town.promise(promised, NOW.date() + 2 * DAY, made=NOW - DAY)
            self.promised = promised.id
            self.free = [town.debtor().id for _ in range(4)]
            campaign = town.campaign()
            plan(session, campaign.id, NIGHT)
            self.campaign_id = campaign.id
            # whatever the rules say of them: here everybody is to be called
            session.execute(update(sets.ChannelAssignment).values(channel="operator_call"))

    @contextmanager
    def open(self) -> Iterator[Session]:
        with transaction(self.office_id) as session:
            yield session

    def check(self, now: Any = NIGHT) -> ComplianceCheck:
        with self.open() as session:
            check, _ = checks.request_check(session, self.campaign_id, now)
        done = checks.run_check(self.open, check.id, now)
        assert done is not None
        return done

    def rows(self) -> list[tuple[int, str, bool]]:
        with self.open() as session:
            rows = session.scalars(select(ComplianceDecision).order_by(ComplianceDecision.id)).all()
            return [(row.debtor_id, row.reason, row.ended_at is None) for row in rows]


@pytest.fixture
def world(office_id: int) -> World:
    return World(office_id)


def test_a_check_counts_everybody_and_writes_the_refusals_once(world: World) -> None:
    first = world.check()
    assert (first.state, first.asked, first.allowed, first.refused, first.written) == ("done", 8, 4, 4, 4)
    assert first.counts["operator_call"]["reasons"] == {"hold_seized": 3, "open_promise": 1}
    assert first.moments == {"operator_call": "2026-11-18T09:00:00+09:00"}, "asked for the next window, not for the night"
    again = world.check(NIGHT + timedelta(hours=1))
    assert (again.refused, again.written) == (4, 0), "nothing changed, so nothing is written"
    assert len(world.rows()) == 4


def test_what_changes_ends_one_row_and_begins_another(world: World) -> None:
    world.check()
    with world.open() as session:
        session.execute(update(Debt).where(Debt.debtor_id == world.held[0]).values(hold=1))
        session.execute(update(Debt).where(Debt.debtor_id == world.held[1]).values(hold=0))
    assert world.check(NIGHT + DAY).written == 1
    told_of = [(reason, holds) for debtor, reason, holds in world.rows() if debtor in world.held]
    assert told_of == [("hold_seized", False), ("hold_seized", False), ("hold_seized", True), ("hold_stopped", True)]
    with world.open() as session:
        assert checks.reasons_of(session, world.campaign_id) == {
            ("operator_call", "hold_seized"): 1,
            ("operator_call", "hold_stopped"): 1,
            ("operator_call", "open_promise"): 1,
        }


def test_another_version_of_the_rules_is_another_decision(world: World) -> None:
    world.check()
    with world.open() as session:
        session.add(ContactPolicyVersion(version=2, document=to_document(municipality()), created_at=NIGHT))
    second = world.check(NIGHT + DAY)
    assert (second.policy_version, second.written) == (2, 4)


def test_who_is_not_assigned_any_more_is_not_skipped_any_more(world: World) -> None:
    world.check()
    with world.open() as session:
        session.execute(update(sets.ChannelAssignment).where(sets.ChannelAssignment.debtor_id.in_(world.held)).values(channel="none"))
    assert world.check(NIGHT + DAY).asked == 5
    with world.open() as session:
        assert checks.reasons_of(session, world.campaign_id) == {("operator_call", "open_promise"): 1}


def test_examples_by_reason_and_by_the_day_on_which_it_ends(world: World) -> None:
    world.check()
    with world.open() as session:
        everybody = checks.people(session, world.campaign_id, checks.SkipFilter(), "Asia/Tokyo")
        never = checks.people(session, world.campaign_id, checks.SkipFilter(next_on=sets.NEVER), "Asia/Tokyo", count=2)
        days = checks.next_days(session, world.campaign_id, checks.SkipFilter("operator_call"), "Asia/Tokyo")
        friday = checks.people(session, world.campaign_id, checks.SkipFilter("operator_call", "open_promise", "2026-11-30"), "Asia/Tokyo")
    assert [person.reason for person in everybody] == ["hold_seized"] * 3 + ["open_promise"]
    assert [person.debtor_id for person in never] == world.held[:2]
    assert {str(day): people for day, people in days.items()} == {"2026-11-30": 1, "None": 3}
    assert [person.debtor_id for person in friday] == [world.promised]
    assert everybody[0].inputs["holds"] == [4]


def test_one_check_at_a_time_and_lost_ones_are_found(world: World) -> None:
    with world.open() as session:
        first, is_new = checks.request_check(session, world.campaign_id, NIGHT)
        second, is_new_again = checks.request_check(session, world.campaign_id, NIGHT)
        assert (is_new, is_new_again, second.id) == (True, False, first.id)
        assert first.total == 8
    sweep_checks(world.office_id)
    with world.open() as session:
        done = checks.latest(session, world.campaign_id)
        assert done is not None
        assert (done.id, done.asked) == (first.id, 8)


def test_an_interrupted_check_begins_again(world: World) -> None:
    with world.open() as session:
        check, _ = checks.request_check(session, world.campaign_id, NIGHT)
        check.state, check.asked, check.counts = "running", 5, {"operator_call": {"asked": 5, "allowed": 5, "reasons": {}}}
    done = checks.run_check(world.open, check.id, NIGHT)
    assert done is not None
    assert (done.asked, done.refused, done.counts["operator_call"]["asked"]) == (8, 4, 8)
    assert checks.run_check(world.open, check.id, NIGHT) is None


def test_a_batch_leaves_a_check_whose_allowed_are_its_messages(world: World) -> None:
    with world.open() as session:
        session.execute(update(sets.ChannelAssignment).values(channel="sms"))
        result = prepare_batch(session, world.campaign_id, Channel.SMS, NIGHT, now=NIGHT)
        check = session.scalars(select(ComplianceCheck)).one()
    assert (check.purpose, check.batch_id, check.asked, check.allowed) == ("batch", result.batch, 8, result.prepared)
    assert check.counts["sms"]["reasons"] == {"hold_seized": 3, "open_promise": 1}
    assert len(world.rows()) == 4


def test_decisions_are_forgotten_as_the_rules_say(world: World) -> None:
    world.check()
    with world.open() as session:
        gate.check(session, world.free[0], Channel.OPERATOR_CALL, NOW)
        session.execute(update(Debt).where(Debt.debtor_id == world.held[0]).values(hold=0))
    world.check(NIGHT + DAY)
    policy = municipality()
    with world.open() as session:
        assert forget(session, policy, NOW + 399 * DAY) == 0
        assert forget(session, policy, NOW + 402 * DAY) == 1, "the refusal of a set that has ended"
        assert forget(session, policy, NOW + 1_826 * DAY) == 1, "the permission just before contact"
        assert forget(session, policy, NOW + 9_999 * DAY) == 0, "what still holds stays"


def test_who_will_be_skipped_on_the_command_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "campaign", "skipped", "11月", "--as-of", "2026-11-18T02:00")
    assert (document["campaign"], document["asked"], document["allowed"], document["refused"]) == ("11月", 8, 4, 4)
    assert document["channels"]["operator_call"] == {
        "asked_for": "2026-11-18T09:00:00+09:00",
        "asked": 8,
        "allowed": 4,
        "refused": 4,
        "reasons": {"hold_seized": 3, "open_promise": 1},
        "next_allowed": {"2026-11-30": 1, "never": 3},
    }
    assert told(capsys, "campaign", "skipped", "11月", "--channel", "sms")["channels"] == {}
    assert run(["campaign", "skipped", "11月", "--as-of", "2026-11-18"]) == 0
    assert "差押中" in capsys.readouterr().out
    assert run(["campaign", "skipped", "11月", "--channel", "fax"]) == 2
    assert run(["campaign", "skipped", "nothing"]) == 1
    assert world.rows() == [], "nothing is written"


def test_explain_tells_rule_inputs_versions_and_what_was_decided(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.check()
    with world.open() as session:
        gate.check(session, world.held[0], Channel.SMS, NOW)
        number = session.scalars(select(Debtor.debtor_no).where(Debtor.id == world.held[0])).one()
    why = told(capsys, "explain", number, "--as-of", "2026-11-18T10:00")
    assert why["gate"]["sms"] == {"allowed": False, "reason": "hold_seized", "next_allowed_at": None}
    assert why["gate_detail"]["sms"]["inputs"]["holds"] == [4]
    assert why["rules"] == {"name": "municipality", "version": 0}
    assert "過去の時点" in why["note"]
    assert [(row["asked"], row["channel"], row["reason"]) for row in why["decisions"]] == [
        ("contact", "sms", "hold_seized"),
        ("set", "operator_call", "hold_seized"),
    ]
    assert run(["explain", number]) == 0
    assert "差押中(期限なし)" in capsys.readouterr().out
