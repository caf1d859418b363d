"""Planning on PostgreSQL: counts, what is written, explanations, and agreement with the plain meaning of the rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from callcenter.core.db import get_engine, transaction
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor
from campaigns.planning import service
from campaigns.planning.explain import explain
from campaigns.planning.rulesets import add_rule_set
from campaigns.planning.service import create_campaign, find_campaign, latest_campaign, plan, set_status, show_campaign
from campaigns.planning.state import CampaignStatus
from campaigns.segmentation.defaults import default_rule_set
from campaigns.segmentation.experiments import allot
from campaigns.segmentation.models import ChannelAssignment, ExperimentEnrolment
from campaigns.segmentation.rules import All, Arm, Compare, Experiment, Op, Rule, RuleSet
from tests.campaigns.town import NOW, TODAY, Town


def assignment(session: Session, debtor: Debtor) -> tuple[str, list[str], str]:
    row = session.scalars(select(ChannelAssignment).where(ChannelAssignment.debtor_id == debtor.id)).one()
    return row.channel, row.reason_codes, row.rule_code


def test_a_plan_counts_and_writes_each_debtor_with_a_reason(session: Session, town: Town) -> None:
    fresh = town.debtor()
    large = town.debtor(owes=500_000)
    held = town.debtor(hold=1)
    nobody = town.debtor(mobile=False)
    paid = town.debtor(owes=0)
    gone = town.debtor(is_listed=False)
    campaign = town.campaign()

    result = plan(session, campaign.id, NOW)

    assert result.debtors == 4 == sum(result.channels.values())
    assert result.channels == {"sms": 1, "auto_call": 0, "operator_call": 0, "visit": 1, "tax_officer": 1, "none": 1}
    assert result.reasons == {"hold_stopped": 1, "large_amount": 1, "mobile_never_reached": 1, "no_usable_number": 1}
    assert assignment(session, fresh) == ("sms", ["mobile_never_reached"], "ladder")
    assert assignment(session, large)[0] == "tax_officer"
    assert assignment(session, held)[:2] == ("none", ["hold_stopped"])
    assert assignment(session, nobody)[0] == "visit"
    known = set(session.scalars(select(ChannelAssignment.debtor_id)))
    assert not known & {paid.id, gone.id}


def test_the_same_plan_again_writes_nothing_and_a_change_writes_only_itself(session: Session, town: Town) -> None:
    debtors = [town.debtor() for _ in range(20)]
    campaign = town.campaign()
    assert plan(session, campaign.id, NOW).changed == 20
    assert plan(session, campaign.id, NOW + timedelta(minutes=1)).changed == 0
    town.attempt(debtors[3], Channel.SMS, NOW + timedelta(minutes=2), None)
    town.session.execute(text("UPDATE debt SET status = 'settled', outstanding = 0 WHERE debtor_id = :d"), {"d": debtors[4].id})
    again = plan(session, campaign.id, NOW + timedelta(minutes=3))
    assert (again.changed, again.removed, again.debtors) == (1, 1, 19)
    assert assignment(session, debtors[3])[:2] == ("none", ["waits_after_sms"])


@pytest.mark.parametrize(("large", "known"), [(20, 20), (21, 0)])
def test_the_database_counts_the_plans_rows_anew_after_a_large_change(
    office_id: int, monkeypatch: pytest.MonkeyPatch, large: int, known: int
) -> None:
    monkeypatch.setattr(service, "LARGE_CHANGE", large)
    with get_engine().begin() as connection:
        connection.execute(text("ANALYZE channel_assignment"))
    with transaction(office_id) as session:
        town = Town(session)
        for _ in range(20):
            town.debtor()
        assert plan(session, town.campaign().id, NOW).changed == 20
    with get_engine().begin() as connection:
        assert connection.scalar(text("SELECT reltuples FROM pg_class WHERE oid = 'channel_assignment'::regclass")) == known


def test_a_dry_run_changes_nothing(session: Session, town: Town) -> None:
    town.debtor()
    campaign = town.campaign()
    result = plan(session, campaign.id, NOW, dry_run=True)
    assert (result.debtors, result.changed, campaign.planned_as_of) == (1, 0, None)
    assert session.scalars(select(ChannelAssignment)).all() == []


def test_history_of_after_the_plans_moment_does_not_count(session: Session, town: Town) -> None:
    debtor = town.debtor()
    town.attempt(debtor, Channel.SMS, NOW + timedelta(days=1), None)
    campaign = town.campaign()
    plan(session, campaign.id, NOW)
    assert assignment(session, debtor)[0] == "sms"


def test_the_ladder_from_history(session: Session, town: Town) -> None:
    sent, rung, twice, met, failing, promised, broken = (town.debtor(landline=True) for _ in range(7))
    day = timedelta(days=1)
    town.attempt(sent, Channel.SMS, NOW - 9 * day, None)
    town.attempt(rung, Channel.SMS, NOW - 9 * day, None)
    town.attempt(rung, Channel.AUTO_CALL, NOW - 5 * day)
    town.attempt(twice, Channel.SMS, NOW - 9 * day, None)
    for n in (6, 4):
        town.attempt(twice, Channel.AUTO_CALL, NOW - n * day)
    town.attempt(met, Channel.OPERATOR_CALL, NOW - 20 * day, "answered", party="family", outcome="callback_message_left")
    for n in range(3):
        town.attempt(failing, Channel.OPERATOR_CALL, NOW - (9 - n) * day)
    town.attempt(failing, Channel.OPERATOR_CALL, NOW - 2 * day, "failed")
    town.promise(promised, TODAY + 3 * day)
    town.promise(broken, TODAY - 10 * day, made=NOW - 20 * day, state="broken")
    plan(session, town.campaign().id, NOW)
    found = {d.id: assignment(session, d)[:2] for d in (sent, rung, twice, met, failing, promised, broken)}
    assert found == {
        sent.id: ("auto_call", ["sms_without_effect"]),
        rung.id: ("auto_call", ["robocall_no_reaction"]),
        twice.id: ("operator_call", ["sms_and_call_without_effect"]),
        met.id: ("operator_call", ["reached_before"]),
        failing.id: ("visit", ["repeated_failures"]),
        promised.id: ("none", ["open_promise"]),
        broken.id: ("operator_call", ["broken_promise"]),
    }


def test_arms_and_propensity_are_kept_and_the_waiting_arm_ends(session: Session, town: Town) -> None:
    for _ in range(200):
        town.debtor()
    experiment = Experiment("trial", allot((Arm("now", 900), Arm("wait", 100, wait_days=30))))
    stored = add_rule_set(session, "trial", RuleSet(default_rule_set().rules, experiment), NOW, is_active=True)
    campaign = town.campaign(rule_set=stored.name)
    result = plan(session, campaign.id, NOW)
    rows = session.scalars(select(ChannelAssignment)).all()
    waiting = {row.debtor_id for row in rows if row.arm == "wait"}
    assert result.reasons["experiment_wait"] == len(waiting) > 0
    assert {(row.channel, row.propensity) for row in rows if row.arm == "wait"} == {("none", 0.1)}
    assert {(row.arm, row.propensity) for row in rows if row.channel == "sms"} == {("now", 0.9)}
    enrolled = session.execute(select(ExperimentEnrolment.arm, func.count()).group_by(ExperimentEnrolment.arm)).all()
    assert dict(enrolled) == {"now": 200 - len(waiting), "wait": len(waiting)}
    # The next plans leave everybody where they are; after thirty days the champion treats those who waited.
    assert plan(session, campaign.id, NOW + timedelta(days=29)).reasons["experiment_wait"] == len(waiting)
    over = plan(session, campaign.id, NOW + timedelta(days=30))
    assert "experiment_wait" not in over.reasons
    assert over.reasons["experiment_waited"] == len(waiting)
    session.expire_all()
    rows = session.scalars(select(ChannelAssignment)).all()
    assert {row.debtor_id for row in rows if row.arm == "wait"} == waiting
    assert {row.channel for row in rows} == {"sms"}
    assert session.scalar(select(func.count()).select_from(ExperimentEnrolment)) == 200


def test_a_dry_run_of_an_experiment_enrols_nobody(session: Session, town: Town) -> None:
    town.debtor()
    experiment = Experiment("trial", allot((Arm("now", 500), Arm("wait", 500, wait_days=30))))
    stored = add_rule_set(session, "trial", RuleSet(default_rule_set().rules, experiment), NOW, is_active=True)
    plan(session, town.campaign(rule_set=stored.name).id, NOW, dry_run=True)
    assert session.scalars(select(ExperimentEnrolment)).all() == []


def test_the_wording_and_script_of_a_rule_are_assigned(session: Session, town: Town) -> None:
    sent, rung = town.debtor(), town.debtor(mobile=False, landline=True)
    rules = (
        Rule("mobile", Channel.SMS, ("a",), Compare("has_mobile", Op.IS, True), template="soft"),
        Rule("rest", Channel.AUTO_CALL, ("b",), All(()), script="friendly"),
    )
    stored = add_rule_set(session, "words", RuleSet(rules), NOW, is_active=True)
    plan(session, town.campaign(rule_set=stored.name).id, NOW)
    rows = {row.debtor_id: (row.channel, row.template, row.script) for row in session.scalars(select(ChannelAssignment))}
    assert rows == {sent.id: ("sms", "soft", ""), rung.id: ("auto_call", "", "friendly")}


def test_explain_tells_the_reason_its_inputs_and_the_gate(session: Session, town: Town) -> None:
    debtor = town.debtor(owes=612_000)
    told = explain(session, debtor.debtor_no, town.campaign(), NOW)
    assert (told["debtor_no"], told["channel"]) == (debtor.debtor_no, "tax_officer")
    assert told["reasons"] == [
        {"code": "large_amount", "text": "高額のため徴税吏員が担当", "inputs": {"outstanding": 612_000, "oldest_days": 80}}
    ]
    assert set(told["gate"]) == {"sms", "auto_call", "operator_call", "visit"}
    assert told["gate"]["sms"] == {"allowed": True, "reason": None, "next_allowed_at": NOW}
    in_english = explain(session, debtor.debtor_no, None, NOW, "en")
    assert in_english["reasons"][0]["text"] == "Large amount: tax officers"


def test_explain_of_a_settled_and_of_an_unknown_debtor(session: Session, town: Town) -> None:
    debtor = town.debtor(owes=0)
    told = explain(session, debtor.debtor_no, None, NOW)
    assert told["channel"] == "none"
    assert told["reasons"][0]["code"] == "settled"
    assert told["gate"]["operator_call"] == {"allowed": False, "reason": "settled", "next_allowed_at": None}
    with pytest.raises(NotFound):
        explain(session, "9999999999", None, NOW)


def test_a_campaigns_life(session: Session, town: Town) -> None:
    campaign = town.campaign("2026年11月")
    assert (campaign.status, campaign.dial_mode) == ("draft", "progressive")
    assert find_campaign(session, "2026年11月").id == find_campaign(session, str(campaign.id)).id == campaign.id
    assert latest_campaign(session) is campaign
    with pytest.raises(Conflict):
        set_status(session, campaign.id, CampaignStatus.PAUSED, NOW)
    for status in (CampaignStatus.RUNNING, CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.FINISHED):
        assert set_status(session, campaign.id, status, NOW).status == status
    with pytest.raises(Conflict):
        plan(session, campaign.id, NOW)
    assert show_campaign(session, campaign)["rule_set"] == "standard v1"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": " "}, InvalidInput),
        ({"name": "12"}, InvalidInput),
        ({"name": "x" * 61}, InvalidInput),
        ({"name": "x", "dial_mode": "manual"}, InvalidInput),
        ({"name": "x", "priority": 0}, InvalidInput),
        ({"name": "x", "rule_set": "none such"}, NotFound),
        ({"name": "x", "starts_on": TODAY, "ends_on": TODAY - timedelta(days=1)}, InvalidInput),
    ],
)
def test_a_bad_campaign_is_refused(session: Session, fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        create_campaign(session, fields.pop("name"), NOW, **fields)


def test_a_kill_between_two_plans_leaves_one_of_them(session: Session, town: Town) -> None:
    """The plan is one transaction: rolled back, nothing of it is left."""
    town.debtor()
    campaign = town.campaign()
    nested = session.begin_nested()
    plan(session, campaign.id, NOW)
    nested.rollback()
    assert session.scalars(select(ChannelAssignment)).all() == []
