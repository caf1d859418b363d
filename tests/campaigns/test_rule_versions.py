"""Versions of rule sets: drafts, four eyes, what campaigns follow, and dry runs beside the active version."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed
from campaigns.attempts.codes import Channel
from campaigns.messages.models import Template
from campaigns.planning import trials, versions
from campaigns.planning.models import RuleTrial
from campaigns.planning.rulesets import rules_of, standard_rule_set
from campaigns.planning.service import plan
from campaigns.segmentation.comparing import Change
from campaigns.segmentation.experiments import Arm, Experiment, arms_by_place
from campaigns.segmentation.problems import BadRuleSet
from campaigns.segmentation.rules import All, Compare, Op, Rule, RuleSet
from tests.campaigns.town import NOW, Town

SMALL_TO_CALLS = RuleSet(
    (
        Rule("small", Channel.OPERATOR_CALL, ("small",), Compare("outstanding", Op.LT, 20_000), name="少額"),
        Rule("mobile", Channel.SMS, ("mobile",), Compare("has_mobile", Op.IS, True)),
        Rule("rest", Channel.VISIT, ("rest",), All(())),
    )
)
ALL_SMS = RuleSet((Rule("rest", Channel.SMS, ("rest",), All(())),))


@pytest.fixture
def people(session: Session) -> tuple[int, int]:
    users = [User(sign_in_name=name, display_name=name, role=Role.SUPERVISOR) for name in ("mori", "hori")]
    session.add_all(users)
    session.flush()
    return users[0].id, users[1].id


def activated(session: Session, rules: RuleSet, people: tuple[int, int], name: str = "standard") -> int:
    row = versions.store_draft(session, name, rules, NOW, user_id=people[0])
    versions.propose(session, row.id, NOW, user_id=people[0], scripts=())
    versions.activate(session, row.id, NOW, user_id=people[1], note="試した")
    return row.id


def test_from_draft_to_active_and_the_campaigns_follow(session: Session, town: Town, people: tuple[int, int]) -> None:
    mori, hori = people
    town.debtor(owes=10_000)
    campaign, finished = town.campaign("11月"), town.campaign("10月")
    finished.status = "finished"
    first = standard_rule_set(session, NOW)
    draft = versions.draft_from(session, first, NOW, user_id=mori)
    assert (draft.name, draft.version, draft.status, draft.based_on, draft.document) == ("standard", 2, "draft", first.id, first.document)
    versions.edit(session, draft.id, 1, SMALL_TO_CALLS, NOW, user_id=mori)
    assert campaign.rule_set_id == first.id
    versions.propose(session, draft.id, NOW, user_id=mori, scripts=())
    with pytest.raises(NotAllowed) as refused:
        versions.activate(session, draft.id, NOW, user_id=mori, note="よし")
    assert refused.value.code == "four_eyes"
    following = versions.activate(session, draft.id, NOW, user_id=hori, note="よし")
    assert [each.id for each in following] == [campaign.id]
    session.refresh(first)
    assert (first.status, draft.status, campaign.rule_set_id, finished.rule_set_id) == ("retired", "active", draft.id, first.id)
    assert plan(session, campaign.id, NOW).reasons == {"small": 1}


def test_one_person_is_enough_where_the_office_says_so(session: Session, people: tuple[int, int]) -> None:
    row = versions.store_draft(session, "standard", ALL_SMS, NOW, user_id=people[0])
    versions.propose(session, row.id, NOW, user_id=people[0], scripts=())
    assert versions.needs_four_eyes(session)
    versions.set_four_eyes(session, needed=False)
    versions.activate(session, row.id, NOW, user_id=people[0], note="一人の役所")
    assert row.status == "active"


def test_only_a_draft_is_edited_and_the_database_keeps_the_others(office_id: int) -> None:
    with transaction(office_id) as session:
        row = standard_rule_set(session, NOW)
        with pytest.raises(Conflict) as refused:
            versions.edit(session, row.id, 1, ALL_SMS, NOW, user_id=None)
        assert refused.value.code == "not_draft"
        number = row.id
    with pytest.raises(IntegrityError, match="never changed"), transaction(office_id) as session:
        session.execute(text("UPDATE rule_set SET document = '{}' WHERE id = :id"), {"id": number})
    with transaction(office_id) as session:
        draft = versions.store_draft(session, "standard", ALL_SMS, NOW, user_id=None).id
    with pytest.raises(IntegrityError, match="uq_rule_set_active"), transaction(office_id) as session:
        session.execute(text("UPDATE rule_set SET status = 'active' WHERE id = :id"), {"id": draft})


def test_two_who_edit_at_once_do_not_overwrite_each_other(session: Session, people: tuple[int, int]) -> None:
    mori, hori = people
    row = versions.store_draft(session, "standard", SMALL_TO_CALLS, NOW, user_id=mori)
    seen = row.revision
    small, *rest = SMALL_TO_CALLS.rules
    cheaper = RuleSet((replace(small, when=Compare("outstanding", Op.LT, 9_000)), *rest))
    versions.edit(session, row.id, seen, cheaper, NOW, user_id=hori)
    with pytest.raises(versions.EditedMeanwhile) as refused:
        versions.edit(session, row.id, seen, ALL_SMS, NOW, user_id=mori)
    told = refused.value.comparison.changes
    assert [(change.change, change.code, change.parts) for change in told] == [(Change.CHANGED, "small", ("when",))]
    assert refused.value.row.edited_by == hori
    versions.edit(session, row.id, row.revision, ALL_SMS, NOW, user_id=mori)
    assert (row.revision, rules_of(session, row.id)) == (3, ALL_SMS)


def test_a_proposal_goes_back_with_a_reason_or_is_given_up(session: Session, people: tuple[int, int]) -> None:
    row = versions.store_draft(session, "standard", ALL_SMS, NOW, user_id=people[0])
    versions.propose(session, row.id, NOW, user_id=people[0], scripts=())
    with pytest.raises(InvalidInput):
        versions.send_back(session, row.id, note="  ")
    with pytest.raises(Conflict):
        versions.edit(session, row.id, row.revision, SMALL_TO_CALLS, NOW, user_id=people[0])
    versions.send_back(session, row.id, note="少額の境を確かめて")
    assert (row.status, row.note) == ("draft", "少額の境を確かめて")
    versions.discard(session, row.id)
    with pytest.raises(Conflict):
        versions.discard(session, row.id)
    again = versions.store_draft(session, "standard", ALL_SMS, NOW, user_id=people[0])
    assert again.version == row.version + 1


def test_unknown_wordings_and_scripts_are_refused_with_their_rule(session: Session, people: tuple[int, int]) -> None:
    rules = RuleSet(
        (
            Rule("first", Channel.SMS, ("a",), Compare("has_mobile", Op.IS, True), template="soft"),
            Rule("rest", Channel.AUTO_CALL, ("b",), All(()), script="friendly"),
        )
    )
    row = versions.store_draft(session, "standard", rules, NOW, user_id=people[0])
    with pytest.raises(BadRuleSet) as refused:
        versions.propose(session, row.id, NOW, user_id=people[0], scripts=["default"])
    assert [(problem.code, problem.rule, problem.value) for problem in refused.value.problems] == [
        ("no_template", 1, "soft"),
        ("no_script", 2, "friendly"),
    ]
    session.add(Template(code="soft", body="{{ office_name }}", created_at=NOW))
    session.flush()
    assert versions.propose(session, row.id, NOW, user_id=people[0], scripts=["friendly"]).status == "proposed"


def test_arms_keep_their_places_from_version_to_version(session: Session, people: tuple[int, int]) -> None:
    first = Experiment("e", (Arm("now", 500), Arm("new", 400), Arm("wait", 100, wait_days=30)))
    row = versions.store_draft(session, "standard", replace(ALL_SMS, experiment=first), NOW, user_id=people[0])
    before = arms_by_place(rules_of(session, row.id).experiment.arms)
    more = Experiment("e", (Arm("now", 300), Arm("new", 600), Arm("wait", 100, wait_days=30)))
    versions.edit(session, row.id, 1, replace(ALL_SMS, experiment=more), NOW, user_id=people[0])
    after = arms_by_place(rules_of(session, row.id).experiment.arms)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 200
    assert all(b == a for a, b in zip(before, after, strict=True) if a in (1, 2))


def test_a_dry_run_tells_who_changes_from_where_to_where(office_id: int) -> None:
    with transaction(office_id) as session:
        town = Town(session)
        users = [User(sign_in_name=name, display_name=name, role=Role.SUPERVISOR) for name in ("mori", "hori")]
        session.add_all(users)
        session.flush()
        activated(session, ALL_SMS, (users[0].id, users[1].id))
        small = [town.debtor(owes=10_000).id for _ in range(12)]
        mobile = [town.debtor(owes=30_000).id for _ in range(3)]
        landline = [town.debtor(mobile=False, landline=True, owes=30_000).id for _ in range(2)]
        draft = versions.store_draft(session, "standard", SMALL_TO_CALLS, NOW, user_id=users[0].id)
        trial = trials.request(session, draft, NOW, user_id=users[0].id)
        assert not trials.is_current(trial, draft)
        number = trial.id
    percents: list[int] = []
    trials.run(office_id, number, NOW, tell=percents.append)
    assert percents == sorted(percents)
    trials.run(office_id, number, NOW)  # a second process finds nothing to do
    with transaction(office_id) as session:
        trial = session.get_one(RuleTrial, (office_id, number))
        draft = versions.version_of(session, trial.rule_set_id)
        assert (trial.state, trial.progress, trials.is_current(trial, draft)) == ("done", 100, True)
        result = trial.result
        assert result["rules"] == [
            {"code": "small", "matches": 12, "takes": 12},
            {"code": "mobile", "matches": 15, "takes": 3},
            {"code": "rest", "matches": 17, "takes": 2},
        ]
        assert result["channels"] == {"old": {"sms": 17}, "new": {"operator_call": 12, "sms": 3, "visit": 2}}
        assert result["matrix"] == [
            {"old": "sms", "new": "operator_call", "people": 12},
            {"old": "sms", "new": "sms", "people": 3},
            {"old": "sms", "new": "visit", "people": 2},
        ]
        assert {row[0] for row in result["examples"]["sms>operator_call"]} == set(small)
        assert {tuple(row) for row in result["examples"]["sms>visit"]} == {(number, "rest", "rest") for number in landline}
        assert {row[0] for row in result["examples"]["sms>sms"]} == set(mobile)
        assert session.execute(text("SELECT count(*) FROM channel_assignment")).scalar_one() == 0
        versions.edit(session, draft.id, draft.revision, ALL_SMS, NOW, user_id=None)
        assert not trials.is_current(trial, draft)
        again = trials.request(session, draft, NOW, user_id=None).id
    trials.run(office_id, again, NOW)
    with transaction(office_id) as session:
        first, second = (session.get_one(RuleTrial, (office_id, each)).result for each in (number, again))
        assert second["matrix"] == [{"old": "sms", "new": "sms", "people": 17}]
        assert first["debtors"] == second["debtors"] == 17


def test_a_dry_run_that_fails_says_why_and_a_lost_one_is_found_again(session: Session, town: Town) -> None:
    row = versions.store_draft(session, "standard", ALL_SMS, NOW, user_id=None)
    campaign = town.campaign()
    campaign.rule_set_id, campaign.options = row.id, {"ladder": {"steps": 7}}
    trial = trials.request(session, row, NOW, user_id=None)
    session.commit()
    office = session.info["office_id"]
    trials.run(office, trial.id, NOW)
    session.expire_all()
    with transaction(office) as other:
        failed = other.scalars(select(RuleTrial)).one()
        assert (failed.state, bool(failed.error)) == ("failed", True)
        failed.state = "queued"
    with transaction(office) as other:
        assert trials.lost_trials(other, NOW) == []
        assert trials.lost_trials(other, NOW + trials.LOST_AFTER) == [failed.id]
