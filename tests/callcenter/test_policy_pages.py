"""The contact rules in the browser: drafting, the four eyes, what is looser, the calendar, and who will be skipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Office, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.compliance.editing import find
from campaigns.compliance.gate import load_policy
from campaigns.compliance.models import CalendarDay, ComplianceCheck, ContactPolicyVersion
from campaigns.compliance.windows import hours_on
from campaigns.compliance.words import CHANNELS
from campaigns.debtors.models import Debt, Debtor
from campaigns.jobs import check_campaign
from campaigns.planning.models import Campaign
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.models import WorkItem
from tests.callcenter.conftest import Case, Person, add_case

INPUT = re.compile(r'<input type="(?:text|hidden)"[^>]*name="([^"]+)" value="([^"]*)"')
CHECKED = re.compile(r'<input type="checkbox"[^>]*name="([^"]+)"(?: value="([^"]*)")?[^>]* checked')
CHOSEN = re.compile(r'<select id="([^"]+)".*?</select>', re.S)


@pytest.fixture
def people(person: Callable[..., Person]) -> tuple[Person, Person]:
    return person(Role.SUPERVISOR), person(Role.TAX_OFFICER)


def actions(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return [action for action in session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)) if not action.startswith("session")]


def start(who: Person, base: str = "municipality") -> int:
    answer = who.post("/policy/drafts", {"base": base})
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rsplit("/", 1)[1])


def fields_of(who: Person, policy_id: int) -> dict[str, Any]:
    """What a browser would send back from the form as it stands."""
    text = who.get(f"/policy/drafts/{policy_id}").text
    form = text[text.index('id="draft-form"') : text.index("</form>", text.index('id="draft-form"'))]
    told: dict[str, Any] = {name: value for name, value in INPUT.findall(form) if name != "csrf_token"}
    for name, value in CHECKED.findall(form):
        told.setdefault(name, []).append(value or "on")
    for select_box in CHOSEN.finditer(form):
        found = re.search(r'value="([^"]*)" selected', select_box[0])
        told[select_box[1]] = found[1] if found else ""
    told["note"] = (re.search(r"<textarea[^>]*>(.*?)</textarea>", form, re.S) or ["", ""])[1]
    return told


def save(who: Person, policy_id: int, **changes: Any) -> Any:
    return who.post(f"/policy/drafts/{policy_id}", fields_of(who, policy_id) | changes)


def test_the_page_tells_what_holds_line_by_line(people: tuple[Person, Person]) -> None:
    text = people[0].get("/policy").text
    for words in ("一人に一日で1回まで", "貸金業法21条", "含まないもの", "年末年始", "まだ案がありません"):
        assert words in text
    people[0].client.post("/language", data={"lang": "en", "csrf_token": people[0].csrf})
    assert "At most 1 attempt in a day per person" in people[0].get("/policy").text


def test_a_form_sent_back_unchanged_changes_nothing(people: tuple[Person, Person], office_id: int) -> None:
    for base in ("municipality", "regulation_f", "ofcom"):
        policy_id = start(people[0], base)
        with transaction(office_id) as session:
            before = dict(find(session, policy_id).document)
        assert save(people[0], policy_id).status_code == 303
        with transaction(office_id) as session:
            assert find(session, policy_id).document == before


def test_a_draft_becomes_valid_by_another_person_only(people: tuple[Person, Person], office_id: int) -> None:
    author, other = people
    policy_id = start(author)
    changes = {
        "max_per_week": "2",
        "weekly.sms.2": "10:00-12:00、13:00〜18:00",
        "rules.0.kind": "evening",
        "rules.0.weekdays": ["1"],
        "rules.0.until": "19:30",
    }
    assert save(author, policy_id, **changes).status_code == 303
    assert "自分で書いた案は" in author.get(f"/policy/drafts/{policy_id}").text
    assert author.post(f"/policy/drafts/{policy_id}/activate").status_code == 403
    shown = other.get(f"/policy/drafts/{policy_id}").text
    assert "毎週火曜 夜間窓口 19:30まで" in shown
    assert "10:00〜12:00、13:00〜18:00" in shown
    assert other.post(f"/policy/drafts/{policy_id}/activate").status_code == 303
    with transaction(office_id) as session:
        policy = load_policy(session)
    assert (policy.version, policy.max_per_week, len(policy.hours.rules)) == (1, 2, 1)
    assert author.post(f"/policy/drafts/{policy_id}", {"note": "x"}).status_code in (409, 422)
    assert other.post(f"/policy/drafts/{policy_id}/activate").status_code == 409
    assert author.get(f"/policy/versions/{policy_id}").status_code == 200
    again = start(author, "1")
    assert other.post(f"/policy/drafts/{again}/activate").status_code == 303
    with transaction(office_id) as session:
        rows = session.scalars(select(ContactPolicyVersion).order_by(ContactPolicyVersion.version)).all()
        assert [(row.version, row.is_active, row.retired_at is not None) for row in rows] == [(1, False, True), (2, True, False)]
    assert [action for action in actions(office_id) if action.startswith("policy")] == [
        "policy.drafted",
        "policy.changed",
        "policy.activated",
        "policy.drafted",
        "policy.activated",
    ]


def test_what_is_looser_needs_a_reason(people: tuple[Person, Person], office_id: int) -> None:
    author, other = people
    policy_id = start(author)
    assert save(author, policy_id, max_per_day="2", **{"exempt.open_promise": ["sms"]}).status_code == 303
    shown = other.get(f"/policy/drafts/{policy_id}").text
    assert "理由を書いて保存してください" in shown
    assert "一人あたり一日の上限(回): 1 → 2" in shown
    refused = other.post(f"/policy/drafts/{policy_id}/activate")
    assert refused.status_code == 422
    assert save(author, policy_id, max_per_day="2", note="期末の一斉催告に合わせ、部長の決裁を得た").status_code == 303
    assert other.post(f"/policy/drafts/{policy_id}/activate").status_code == 303
    with transaction(office_id) as session:
        assert [one["path"] for one in find(session, policy_id).loosened] == ["max_per_day", "exempt.open_promise"]
    assert "期末の一斉催告" in other.get("/policy").text


def test_everything_that_can_not_be_read_is_named_and_nothing_is_lost(people: tuple[Person, Person], office_id: int) -> None:
    author, _ = people
    policy_id = start(author)
    wrong = {
        "max_per_day": "many",
        "weekly.sms.0": "9時から",
        "envelope": "21:00-08:00",
        "rules.0.kind": "open",
        "rules.0.hours": "09:00-16:00",
        "caps.1.most": "999",
        "note": "消えないでほしい",
    }
    answer = save(author, policy_id, **wrong)
    assert answer.status_code == 422
    for words in (
        "0〜50の整数",
        "時間帯は 09:00-17:00",
        "終わりは始まりより後",
        "曜日か、月末",
        "0〜200の整数",
        "9時から",
        "消えないでほしい",
    ):
        assert words in answer.text
    with transaction(office_id) as session:
        row = find(session, policy_id)
        assert (row.document["max_per_day"], row.changed_at) == (1, None)


def test_a_draft_somebody_else_changed_is_not_overwritten(people: tuple[Person, Person]) -> None:
    author, other = people
    policy_id = start(author)
    mine = fields_of(author, policy_id)
    assert save(other, policy_id, quiet_days="9").status_code == 303
    assert author.post(f"/policy/drafts/{policy_id}", mine).status_code == 409
    assert author.post(f"/policy/drafts/{policy_id}/discard").status_code == 303
    assert author.get(f"/policy/drafts/{policy_id}").status_code == 404


def test_training_rules_are_for_training_offices(people: tuple[Person, Person], office_id: int) -> None:
    assert people[0].post("/policy/drafts", {"base": "training"}).status_code == 409
    assert people[0].post("/policy/drafts", {"base": "none such"}).status_code == 404
    with transaction(office_id) as session:
        session.get_one(Office, office_id).is_training = True
    assert people[0].post("/policy/drafts", {"base": "training"}).status_code == 303


def test_the_effect_on_today_s_queue(people: tuple[Person, Person], office_id: int) -> None:
    case, now = add_case(office_id), utc_now()
    with transaction(office_id) as session:
        session.add(
            WorkItem(
                campaign_id=case.campaign_id,
                debtor_id=case.debtor_id,
                channel="operator_call",
                not_before=now,
                created_at=now,
                updated_at=now,
            )
        )
    policy_id = start(people[0])
    assert "今日待っている電話・SMSはありません" not in people[0].get(f"/policy/drafts/{policy_id}").text
    assert save(people[0], policy_id, max_per_day="0").status_code == 303
    shown = people[0].get(f"/policy/drafts/{policy_id}").text
    assert "＋ 一日の上限に達した" in shown


def test_days_are_declared_shown_and_taken_back(people: tuple[Person, Person], office_id: int) -> None:
    who, _ = people
    day = date(2026, 12, 26)
    told = {
        "from": "2026-12-26",
        "to": "R8.12.27",
        "kind": "open",
        "hours": "9:00-12:00",
        "name": "臨時窓口",
        "channels": ["operator_call"],
    }
    assert who.post("/policy/calendar/days", told).status_code == 303
    with transaction(office_id) as session:
        hours = load_policy(session).hours
        assert [len(hours_on(hours, channel, day)) for channel in CHANNELS] == [1, 0, 0, 0]
        assert len(session.scalars(select(CalendarDay)).all()) == 2
    shown = who.get("/policy/calendar?year=2026").text
    assert "臨時窓口" in shown
    assert "12月26日(土)、09:00〜12:00、宣言した日 臨時窓口" in shown
    assert who.post("/policy/calendar/days/remove", {"day": "2026-12-26"}).status_code == 303
    with transaction(office_id) as session:
        assert session.scalars(select(CalendarDay.day)).all() == [date(2026, 12, 27)]
    assert [action for action in actions(office_id) if action.startswith("calendar")] == ["calendar.declared", "calendar.taken_back"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"from": "", "kind": "closed"}, "日付を入れて"),
        ({"from": "2026-12-26", "to": "2026-12-25", "kind": "closed"}, "終わりの日が始まりの日より前"),
        ({"from": "2026-01-01", "to": "2026-12-31", "kind": "closed"}, "62日まで"),
        ({"from": "2026-12-26", "kind": "open", "hours": "9-12"}, "09:00"),
        ({"from": "2026-12-26", "kind": "closed", "hours": "09:00-12:00"}, "閉庁日に時間は書けません"),
    ],
)
def test_days_that_can_not_be_declared(people: tuple[Person, Person], told: dict[str, str], words: str, office_id: int) -> None:
    answer = people[0].post("/policy/calendar/days", told)
    assert answer.status_code == 422
    assert words in answer.text
    with transaction(office_id) as session:
        assert session.scalars(select(CalendarDay)).all() == []


def load(who: Person, text: str, encoding: str = "utf-8") -> Any:
    files = {"file": ("days.csv", text.encode(encoding), "text/csv")}
    return who.client.post("/policy/calendar/import", files=files, data={"csrf_token": who.csrf})


def test_a_year_s_list_in_and_out(people: tuple[Person, Person], office_id: int) -> None:
    who, _ = people
    text = "日付,区分,時間,名称\r\nR8.12.28,閉庁,,臨時\r\n2026/12/1,夜間,〜19:30,\r\n2026-12-06,開庁,09:00-16:00,=1+1\r\n"
    assert load(who, text, "cp932").status_code == 303
    out = who.get("/policy/calendar/days.csv?year=2026")
    assert out.content.decode("utf-8-sig").splitlines()[1:] == [
        "2026-12-01,夜間,〜19:30,",
        "2026-12-06,開庁,09:00-16:00,'=1+1",
        "2026-12-28,閉庁,,臨時",
    ]
    assert load(who, out.content.decode("utf-8-sig")).status_code == 303
    bad = load(who, "日付,区分\n2026-13-01,閉庁\n2026-12-02,休\n2026-12-03,閉庁\n2026-12-03,開庁\n")
    assert bad.status_code == 422
    for words in ("2行目「日付」2026-13-01", "3行目「区分」休", "5行目「日付」2026-12-03: 同じ日が二度"):
        assert words in bad.text
    assert "一行目を 日付,区分" in load(who, "a,b\n1,2\n").text
    with transaction(office_id) as session:
        assert len(session.scalars(select(CalendarDay)).all()) == 3


def planned(office_id: int, *, held: int = 2, free: int = 2) -> Case:
    """A campaign with some who are held and some who are free, all to be called."""
    case, now = add_case(office_id), utc_now()
    with transaction(office_id) as session:
        campaign = session.get_one(Campaign, (office_id, case.campaign_id))
        campaign.planned_as_of, campaign.status = now, "draft"
        ids = [case.debtor_id]
        for n in range(held + free - 1):
            debtor = Debtor(debtor_no=f"9000{n}", name="=1+1" if n == 0 else "見本 太郎")
            session.add(debtor)
            session.flush()
            session.add(
                Debt(
                    debtor_id=debtor.id,
                    tax_code="01",
                    levy_year=2026,
                    base_year=2026,
                    term=1,
                    notice_no="1",
                    due_on=date(2026, 6, 30),
                    assessed=100,
                    outstanding=100,
                    hold=4 if n < held else 0,
                )
            )
            ids.append(debtor.id)
        for debtor_id in ids:
            session.add(
                ChannelAssignment(
                    campaign_id=case.campaign_id,
                    debtor_id=debtor_id,
                    channel="visit",
                    reason_codes=["x"],
                    rule_code="x",
                    rule_set_id=campaign.rule_set_id,
                    as_of=now,
                    assigned_at=now,
                )
            )
    return case


def test_who_will_be_skipped_before_launch(people: tuple[Person, Person], office_id: int) -> None:
    who, _ = people
    case = planned(office_id)
    path = f"/campaigns/{case.campaign_id}/skipped"
    assert "まだ確かめていません" in who.get(f"{path}?start=1").text
    assert who.post(f"{path}/check").status_code == 303
    shown = who.get(f"{path}?start=1").text
    assert "2人を見送り、2人に連絡を始めます。" in shown
    assert "差押中" in shown
    assert "90000" not in shown, "nobody is named before a reason is chosen"
    listed = who.get(f"{path}?channel=visit&reason=hold_seized").text
    assert "90000" in listed
    assert "90001" in listed
    data = who.get(f"{path}/people.csv?reason=hold_seized")
    rows = data.content.decode("utf-8-sig").splitlines()
    assert rows[1].startswith("90000,'=1+1,訪問,差押中,hold_seized,")
    assert len(rows) == 3
    assert who.get(f"{path}?next=never").status_code == 200
    assert who.get(f"{path}?reason=nonsense&next=x&channel=fax").status_code == 422
    assert who.get(f"{path}/progress", headers={"HX-Request": "true"}).headers["hx-refresh"] == "true"
    assert [action for action in actions(office_id) if action.startswith(("debtor", "campaign"))] == [
        "campaign.checked",
        "debtor.listed",
        "debtor.exported",
        "debtor.listed",
    ]


def test_pages_of_people_and_of_a_big_check_that_a_worker_does(
    people: tuple[Person, Person], office_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, _ = people
    case = planned(office_id, held=60, free=1)
    path = f"/campaigns/{case.campaign_id}/skipped"
    monkeypatch.setattr("callcenter.web.skipped_pages.AT_ONCE", 10)
    assert who.post(f"{path}/check").status_code == 303
    shown = who.get(path).text
    assert "確かめています: 0 / 61人" in shown
    assert f'hx-get="{path}/progress"' in shown
    with transaction(office_id) as session:
        check = session.scalars(select(ComplianceCheck)).one()
        assert check.state == "waiting"
    check_campaign(office_id, check.id)
    first = who.get(f"{path}?reason=hold_seized").text
    assert "page_no=2" in first
    assert who.get(f"{path}?reason=hold_seized&page_no=2").text.count("/debtors/") == 10
