"""The page of one campaign: its cycle and ladder with who stands where, and a form that keeps what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.planning.conduct import conduct_of
from campaigns.planning.models import Campaign
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from tests.callcenter.conftest import Person
from tests.campaigns.town import Town


@pytest.fixture
def campaign_id(office_id: int) -> int:
    """A running campaign: one debtor for each of SMS, the wait after it, an operator, and a rule."""
    now = utc_now()
    with transaction(office_id) as session:
        town = Town(session)
        due = now.date() - timedelta(days=80)
        _first, sent = town.debtor(due=due), town.debtor(due=due)
        town.debtor(mobile=False, landline=True, due=due)
        town.debtor(owes=900_000, due=due)
        town.attempt(sent, Channel.SMS, now - timedelta(minutes=5), None)
        campaign = town.campaign("秋")
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        plan(session, campaign.id, now)
        return campaign.id


def fields(html: str) -> dict[str, str]:
    """The form's fields as a browser would send them."""
    form = html[html.index('<form id="ladder-form"') :]
    form = form[: form.index("</form>")]
    values: dict[str, str] = {}
    for found in re.findall(r"<input\b[^>]*>", form):
        name = re.search(r'name="([^"]+)"', found)
        value = re.search(r'value="([^"]*)"', found)
        if name and ('type="checkbox"' not in found or " checked" in found):
            values[unescape(name[1])] = unescape(value[1]) if value else ""
    for name, inner in re.findall(r'<select\b[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        options = re.findall(r'<option value="([^"]*)"( selected)?', inner)
        values[name] = next((value for value, chosen in options if chosen), options[0][0])
    return values


def save(who: Person, campaign_id: int, values: dict[str, str], *, plain: bool = False) -> Response:
    headers = {"X-CSRF-Token": who.csrf} | ({} if plain else {"HX-Request": "true", "Idempotency-Key": uuid4().hex})
    return who.client.post(f"/campaigns/{campaign_id}/ladder", data=values, headers=headers, follow_redirects=False)


def test_the_page_shows_cycle_steps_and_who_stands_where(person: Callable[..., Person], campaign_id: int) -> None:
    who = person(Role.SUPERVISOR)
    html = who.client.get(f"/campaigns/{campaign_id}").text
    assert "第1周期" in html
    counts = [int(n) for n in re.findall(r'<dd class="num">(\d+)</dd>', html[html.index('<ol class="ladder">') : html.index("</ol>")])]
    assert counts == [1, 0, 0, 1, 1, 0, 0, 0, 0]  # due and waiting of four steps, and whom the next cycle waits for
    assert "このほか1人は" in html
    assert f'href="/campaigns/{campaign_id}"' in who.client.get("/campaigns").text


def test_the_form_saves_what_it_shows_and_what_is_changed(person: Callable[..., Person], office_id: int, campaign_id: int) -> None:
    who = person(Role.SUPERVISOR)
    values = fields(who.client.get(f"/campaigns/{campaign_id}").text)
    assert save(who, campaign_id, values).status_code == 204
    with transaction(office_id) as session:
        unchanged = conduct_of(session.scalars(select(Campaign.options)).one())
        assert unchanged == conduct_of({})
    values = fields(who.client.get(f"/campaigns/{campaign_id}").text)
    last = "step.4."
    values |= {f"{last}channel": "sms", f"{last}order": "2", f"{last}attempts": "2", f"{last}between_days": "5", f"{last}reach": "reached"}
    values |= {"step.3.channel": "", "step.2.lines": "固定、携帯", "cycle.every": "days", "cycle.days": "14", "retry.busy.minutes": "7"}
    values |= {"ladder.numbers": "most_likely", "step.2.min_yen": "10,000"}
    del values["done.promise"], values["ladder.in_business_days"], values["retry.busy.counts"]
    answer = save(who, campaign_id, values)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, f"/campaigns/{campaign_id}")
    with transaction(office_id) as session:
        found = conduct_of(session.scalars(select(Campaign.options)).one())
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action == "campaign.ladder_changed")).all()
    assert [step.channel for step in found.ladder.steps] == ["sms", "auto_call", "sms", "operator_call"]
    assert (found.ladder.steps[2].attempts, found.ladder.steps[2].between_days, found.ladder.steps[2].needs) == (2, 5, ("reached",))
    assert (found.ladder.steps[3].lines, found.ladder.steps[3].min_yen) == (("landline", "mobile"), 10_000)
    assert (found.ladder.done_on, found.ladder.in_business_days, found.ladder.numbers) == (("right_party", "payment"), False, "most_likely")
    assert (found.cycle.days, found.retry.busy.minutes, found.retry.busy.counts, found.retry.busy.soon) == (14, 7, False, 3)
    assert len(actions) == 2


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"step.2.attempts": "99"}, "step-2-attempts", "3番目の手順の回数: 20以下にしてください。"),
        ({"step.0.wait_days": "三日"}, "step-0-wait_days", "1番目の手順の前の手順から待つ日数: 読み取れません。"),
        ({"step.2.between_days": "1"}, "step-0-channel", "電話催告の間隔は、かけ直しの決まりに従います。"),
        ({"step.2.lines": "FAX"}, "step-2-lines", "3番目の手順の各回の番号"),
        ({f"step.{n}.channel": "" for n in range(5)}, "step-0-channel", "手順: 一つは入れてください。"),
        ({"cycle.start_day": "31"}, "cycle-start_day", "月の始まり: 28以下にしてください。"),
        ({"retry.busy.minutes": "-1"}, "retry-busy-minutes", "話し中 すぐかけ直す(分): 0以上にしてください。"),
        ({"retry.parts": "15:00, 09:00"}, "retry", "時間帯は、早い順に重ならないように並べてください。"),
        ({"retry.max_tries": ""}, "retry-max_tries", "かけ直しの上限: 読み取れません。"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_changes_nothing(
    person: Callable[..., Person], office_id: int, campaign_id: int, change: dict[str, str], field: str, message: str
) -> None:
    who = person(Role.SUPERVISOR)
    values = fields(who.client.get(f"/campaigns/{campaign_id}").text) | change
    answer = save(who, campaign_id, values)
    assert answer.status_code == 422
    assert f'href="#{field}' in answer.text, answer.text
    assert message in unescape(answer.text)
    plain = save(who, campaign_id, values, plain=True)
    assert plain.status_code == 422
    assert message in unescape(plain.text)
    assert fields(plain.text)["ladder.max_attempts"] == "8"
    typed = fields(plain.text)
    assert all(typed.get(name, "") == value for name, value in change.items())
    with transaction(office_id) as session:
        assert session.scalars(select(Campaign.options)).one() == {}


def test_settings_changed_elsewhere_are_not_written_over(person: Callable[..., Person], campaign_id: int) -> None:
    who = person(Role.SUPERVISOR)
    values = fields(who.client.get(f"/campaigns/{campaign_id}").text)
    assert save(who, campaign_id, values | {"ladder.max_attempts": "5"}).status_code == 204
    answer = save(who, campaign_id, values | {"ladder.max_attempts": "6"})
    assert answer.status_code == 409
    assert "別の画面で変えられています" in answer.text


def test_in_english_and_as_a_file(person: Callable[..., Person], campaign_id: int) -> None:
    who = person(Role.SUPERVISOR)
    who.client.post("/language", data={"lang": "en", "csrf_token": who.csrf}, headers={"X-CSRF-Token": who.csrf})
    html = who.client.get(f"/campaigns/{campaign_id}", headers={"Accept-Language": "en"}).text
    file = who.client.get(f"/campaigns/{campaign_id}/ladder.toml")
    assert "[[ladder.steps]]" in file.text
    assert "attachment" in file.headers["content-disposition"]
    assert "<h1>秋</h1>" in html


def test_a_finished_campaign_can_only_be_looked_at(person: Callable[..., Person], office_id: int, campaign_id: int) -> None:
    who = person(Role.SUPERVISOR)
    values = fields(who.client.get(f"/campaigns/{campaign_id}").text)
    with transaction(office_id) as session:
        set_status(session, campaign_id, CampaignStatus.FINISHED, utc_now())
    html = who.client.get(f"/campaigns/{campaign_id}").text
    assert 'id="ladder-form"' not in html
    assert "終わった計画は変えられません" in html
    assert save(who, campaign_id, values).status_code == 409


def test_others_may_not_see_it(person: Callable[..., Person], campaign_id: int) -> None:
    assert person(Role.OPERATOR).client.get(f"/campaigns/{campaign_id}").status_code == 403
