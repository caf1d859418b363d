"""The rules' pages: the editor keeps what was typed, two editors do not overwrite each other, four eyes, dry run, audited examples."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.planning import trials, versions
from campaigns.planning.models import RuleSet, RuleTrial
from campaigns.planning.rulesets import rules_of, standard_rule_set
from campaigns.segmentation.conditions import All, AnyOf, Compare, Not, Op
from campaigns.segmentation.rules import Rule
from tests.callcenter.conftest import Person, add_case

TEST = {"c.word": "all", "c.0.attribute": "outstanding", "c.0.op": "<", "c.0.value": "20,000円"}
RULE = {"code": "small", "name": "少額", "channel": "sms", "priority": "3", "reasons": "small_amount", "original": ""}


def draft(office_id: int, user_id: int) -> int:
    with transaction(office_id) as session:
        return versions.draft_from(session, standard_rule_set(session, utc_now()), utc_now(), user_id=user_id).id


def rule_of(office_id: int, rule_set_id: int, code: str) -> Rule:
    with transaction(office_id) as session:
        return next(rule for rule in rules_of(session, rule_set_id).rules if rule.code == code)


def revision(office_id: int, rule_set_id: int) -> int:
    with transaction(office_id) as session:
        return versions.version_of(session, rule_set_id).revision


def run_trial(office_id: int) -> None:
    """The job, as a worker does it."""
    with transaction(office_id) as session:
        waiting = list(session.scalars(select(RuleTrial.id).where(RuleTrial.state == "queued")))
    for trial_id in waiting:
        trials.run(office_id, trial_id, utc_now())


def test_a_rule_is_added_from_the_form_and_told_in_words(person: Callable[..., Person], office_id: int) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    page = mori.get(f"/rules/{number}/edit?new=1")
    assert page.status_code == 200
    assert 'id="rule-form"' in page.text
    answer = mori.post(f"/rules/{number}/edit/rule", RULE | TEST | {"revision": "1"})
    assert (answer.status_code, answer.headers.get("hx-redirect")) == (204, f"/rules/{number}/edit?rule=small")
    assert rule_of(office_id, number, "small") == Rule(
        "small", rule_of(office_id, number, "small").channel, ("small_amount",), Compare("outstanding", Op.LT, 20_000), 3, name="少額"
    )
    with transaction(office_id) as session:
        assert [rule.code for rule in rules_of(session, number).rules][-2:] == ["small", "ladder"]
    shown = mori.get(f"/rules/{number}/edit?rule=small").text
    assert "未納額(本税)が20,000円未満の人は、SMS" in shown
    mori.client.post("/language", data={"lang": "en", "csrf_token": mori.csrf})
    assert "If the outstanding (principal) is less than ¥20,000: SMS" in mori.get(f"/rules/{number}/edit?rule=small").text


def test_nested_groups_survive_the_form(person: Callable[..., Person], office_id: int) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    nested = {
        "c.word": "all",
        "c.0.attribute": "attempts",
        "c.0.p.channel": "sms",
        "c.0.p.days": "３０",
        "c.0.op": "between",
        "c.0.value": ["1", "3"],
        "c.1.word": "any",
        "c.1.not": "true",
        "c.1.0.attribute": "last_outcome",
        "c.1.0.op": "in",
        "c.1.0.value": ["refuses", "complaint"],
        "c.1.1.attribute": "has_mobile",
        "c.1.1.op": "is",
        "c.1.1.value": "false",
        "c.2.attribute": "postal_code",
        "c.2.op": "starts with",
        "c.2.value": "100-00、200",
    }
    assert mori.post(f"/rules/{number}/edit/rule", RULE | nested | {"revision": "1"}).status_code == 204
    when = rule_of(office_id, number, "small").when
    assert when == All(
        (
            Compare("attempts", Op.BETWEEN, (1, 3), (("channel", "sms"), ("days", 30))),
            Not(AnyOf((Compare("last_outcome", Op.IN, ("refuses", "complaint")), Compare("has_mobile", Op.IS, False)))),
            Compare("postal_code", Op.STARTS, ("10000", "200")),
        )
    )
    shown = mori.get(f"/rules/{number}/edit?rule=small").text
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="(?:text|hidden)" name="(c[^"]*)"[^>]* value="([^"]*)"', shown):
        fields.setdefault(name, []).append(value)
    assert fields["c.0.value"] == ["1", "3"]
    again = mori.post(f"/rules/{number}/edit/rule", RULE | nested | {"original": "small", "revision": "2"})
    assert again.status_code == 204
    assert rule_of(office_id, number, "small").when == when


def test_the_condition_is_reshaped_without_losing_anything_typed(person: Callable[..., Person], office_id: int) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    typed = RULE | TEST | {"c.0.value": "half of wh"}
    for do in ("test:c", "group:c", "show:c.0", "copy:c.0"):
        answer = mori.post(f"/rules/{number}/edit/shape", typed | {"do": do})
        assert answer.status_code == 200
        assert 'value="half of wh"' in answer.text
    emptied = mori.post(f"/rules/{number}/edit/shape", typed | {"do": "remove:c.0"})
    assert "half of wh" not in emptied.text
    for do in ("remove:c.7", "remove:x", "test:c.0", "nonsense"):
        assert mori.post(f"/rules/{number}/edit/shape", typed | {"do": do}).status_code == 422
    assert revision(office_id, number) == 1


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"c.0.value": "much"}, "#c-0-value", "規則"),
        ({"code": "Bad Code"}, "#f-code", "コード"),
        ({"code": "ladder"}, "#f-code", "2度"),
        ({"reasons": ""}, "#f-reasons", "理由"),
        ({"channel": "fax"}, "#f-channel", "手段"),
        ({"c.0.attribute": "reactions", "c.0.op": ">="}, "#c-0-value", "要ります"),
        ({"template": "soft", "channel": "visit"}, "#f-template", "使いません"),
    ],
)
def test_a_mistake_leads_to_its_field(
    person: Callable[..., Person], office_id: int, change: dict[str, str], field: str, words: str
) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    answer = mori.post(f"/rules/{number}/edit/rule", RULE | TEST | {"revision": "1"} | change)
    assert answer.status_code == 422
    assert f'href="{field}"' in answer.text
    assert words in answer.text
    assert revision(office_id, number) == 1


def test_two_editors_are_told_and_nothing_is_overwritten(person: Callable[..., Person], office_id: int) -> None:
    mori, hori = person(Role.SUPERVISOR, "mori"), person(Role.SUPERVISOR, "hori")
    number = draft(office_id, mori.user_id)
    assert hori.post(f"/rules/{number}/edit/rule", RULE | TEST | {"revision": "1"}).status_code == 204
    other = RULE | TEST | {"code": "mine", "revision": "1"}
    answer = mori.post(f"/rules/{number}/edit/rule", other)
    assert answer.status_code == 409
    assert "hori" in answer.text
    assert "20,000" in answer.text
    assert 'name="accept" value="2"' in answer.text
    assert mori.post(f"/rules/{number}/edit/order", {"do": "remove", "code": "ladder", "revision": "1"}).status_code in (409, 422)
    assert mori.post(f"/rules/{number}/edit/rule", other | {"accept": "2"}).status_code == 204
    assert rule_of(office_id, number, "small").code == "small"
    assert rule_of(office_id, number, "mine").code == "mine"


def test_rows_move_copy_go_and_come_back(person: Callable[..., Person], office_id: int) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)

    def codes() -> list[str]:
        with transaction(office_id) as session:
            return [rule.code for rule in rules_of(session, number).rules]

    before = codes()
    for n, (do, code) in enumerate((("down", before[0]), ("copy", before[2]), ("remove", before[3]), ("undo", ""))):
        answer = mori.post(f"/rules/{number}/edit/order", {"do": do, "code": code, "revision": str(n + 1)})
        assert answer.status_code == 200, answer.text
        assert f'id="revision" value="{n + 2}"' in answer.text
    assert codes() == [before[1], before[0], f"{before[2]}_2", *before[2:]] or codes() == [
        before[1],
        before[0],
        before[2],
        f"{before[2]}_2",
        *before[3:],
    ]
    refused = mori.post(f"/rules/{number}/edit/order", {"do": "up", "code": "ladder", "revision": "5"})
    assert refused.status_code == 422  # the last rule must hold for everybody
    assert "最後の規則" in refused.text


def test_from_dry_run_to_activation_by_two(person: Callable[..., Person], office_id: int) -> None:
    case = add_case(office_id)
    mori, hori, auditor, admin = (person(role) for role in (Role.SUPERVISOR, Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR))
    number = draft(office_id, mori.user_id)
    mori.post(f"/rules/{number}/edit/rule", RULE | TEST | {"c.0.value": "500000", "channel": "visit", "revision": "1"})
    mori.post(f"/rules/{number}/edit/rule", {**RULE, **TEST, "code": "aa", "c.0.value": "1", "revision": "2"})
    for _ in range(3):
        mori.post(f"/rules/{number}/edit/order", {"do": "up", "code": "small", "revision": str(revision(office_id, number))})
    assert "まだ試算していません" in mori.get(f"/rules/{number}/preview").text
    assert mori.post(f"/rules/{number}/trial").headers["hx-redirect"] == f"/rules/{number}/preview"
    assert "数えています" in mori.get(f"/rules/{number}/preview").text
    run_trial(office_id)
    shown = mori.fragment(f"/rules/{number}/preview/body").text
    assert "1人が 電話催告 から 訪問 へ" in shown or "1人" in shown
    assert f"/rules/{number}/examples?old=operator_call&amp;new=visit" in shown
    examples = f"/rules/{number}/examples?old=operator_call&new=visit"
    with transaction(office_id) as session:
        before = session.scalar(select(func.count()).where(AuditEvent.action == "debtor.viewed")) or 0
    page = auditor.get(examples)
    assert case.debtor_no in page.text
    assert case.name in page.text
    with transaction(office_id) as session:
        seen = session.scalars(select(AuditEvent).where(AuditEvent.action == "debtor.viewed", AuditEvent.user_id == auditor.user_id)).all()
        assert [(event.subject_id, event.detail) for event in seen] == [(case.debtor_id, {"page": "rule_examples"})]
        assert before == 0
    assert admin.get(examples).status_code == 403
    assert "/examples" not in admin.get(f"/rules/{number}/preview").text
    assert case.name not in admin.get(f"/rules/{number}/preview").text
    assert mori.post(f"/rules/{number}/state", {"to": "propose"}).status_code == 204
    assert mori.get(f"/rules/{number}/edit").status_code == 303
    own = mori.post(f"/rules/{number}/state", {"to": "activate", "note": "よし"})
    assert (own.status_code, "別の管理者" in own.text) == (403, True)
    assert "有効にできません" in mori.get(f"/rules/{number}/preview").text
    assert hori.post(f"/rules/{number}/state", {"to": "activate", "note": " "}).status_code == 422
    assert hori.post(f"/rules/{number}/state", {"to": "activate", "note": "訪問班と合意", "replan": "true"}).status_code == 204
    with transaction(office_id) as session:
        assert versions.version_of(session, number).status == "active"
        actions = set(session.scalars(select(AuditEvent.action).where(AuditEvent.subject_type == "rule_set")))
    assert actions == {"rules.edited", "rules.tried", "rules.propose", "rules.activate"}
    assert "訪問班と合意" in auditor.get(f"/rules/{number}").text


def test_what_was_not_tried_as_it_is_does_not_come_into_force(person: Callable[..., Person], office_id: int) -> None:
    mori, hori = person(Role.SUPERVISOR), person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    mori.post(f"/rules/{number}/trial")
    run_trial(office_id)
    mori.post(f"/rules/{number}/edit/rule", RULE | TEST | {"revision": "1"})
    assert "規則が変わりました" in mori.get(f"/rules/{number}/preview").text
    mori.post(f"/rules/{number}/state", {"to": "propose"})
    assert hori.post(f"/rules/{number}/state", {"to": "activate", "note": "よし"}).status_code == 409
    assert hori.post(f"/rules/{number}/state", {"to": "return", "note": "試算を"}).status_code == 204
    assert "試算を" in mori.get(f"/rules/{number}/edit").text
    assert mori.post(f"/rules/{number}/state", {"to": "discard"}).status_code == 204
    assert mori.post(f"/rules/{number}/state", {"to": "nonsense"}).status_code == 422


def test_arms_from_the_form(person: Callable[..., Person], office_id: int) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    arms = {
        "experiment": "2026-11",
        "a0.code": "now",
        "a0.share": "60",
        "a1.code": "new",
        "a1.share": "30.5",
        "a1.o0.rule": "broken_promise",
        "a1.o0.channel": "sms",
        "a2.code": "wait",
        "a2.share": "9.5",
        "a2.wait_days": "30",
    }
    assert mori.post(f"/rules/{number}/edit/experiment", arms | {"revision": "1"}).status_code == 204
    with transaction(office_id) as session:
        experiment = rules_of(session, number).experiment
    assert [(arm.code, arm.share, arm.wait_days) for arm in experiment.arms] == [("now", 600, 0), ("new", 305, 0), ("wait", 95, 30)]
    assert [(each.rule, each.channel) for each in experiment.arms[1].overrides] == [("broken_promise", "sms")]
    wrong = mori.post(f"/rules/{number}/edit/experiment", arms | {"a0.share": "50", "revision": "2"})
    assert (wrong.status_code, "100%" in wrong.text) == (422, True)
    assert "2026-11" in mori.get(f"/rules/{number}/edit").text
    assert mori.post(f"/rules/{number}/edit/experiment", {"revision": "2"}).status_code == 204
    with transaction(office_id) as session:
        assert rules_of(session, number).experiment.arms == ()


def test_versions_are_listed_and_compared(person: Callable[..., Person], office_id: int) -> None:
    mori = person(Role.SUPERVISOR)
    number = draft(office_id, mori.user_id)
    mori.post(f"/rules/{number}/edit/rule", RULE | TEST | {"revision": "1"})
    listed = mori.get("/rules").text
    assert "第2版" in listed
    assert "案" in listed
    with transaction(office_id) as session:
        first = session.scalars(select(RuleSet.id).where(RuleSet.version == 1)).one()
    compared = mori.get(f"/rules/{number}?beside={first}").text
    assert "<ins>" in compared
    assert 'value="draft"' in mori.get(f"/rules/{first}").text
    made = mori.post(f"/rules/{first}/state", {"to": "draft"})
    assert re.fullmatch(r"/rules/\d+/edit", made.headers["hx-redirect"])


def test_a_campaigns_plan_leads_to_the_dry_run_of_its_rules(
    person: Callable[..., Person], office_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = add_case(office_id)
    mori = person(Role.SUPERVISOR)
    page = mori.get(f"/campaigns/{case.campaign_id}/plan")
    assert page.status_code == 200
    found = re.search(r'href="(/rules/\d+/preview)"', page.text)
    assert found is not None
    assert mori.get(found[1]).status_code == 200
    assert "計画すると" in page.text
    monkeypatch.setattr("callcenter.web.campaign_pages.COUNTED_AT_ONCE", 0)  # of a large list a job counts
    led = mori.client.get(f"/campaigns/{case.campaign_id}/plan", follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, found[1])
