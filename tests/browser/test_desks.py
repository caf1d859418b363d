"""Two desks in a real Chromium: a tax officer's cases from the hand-over to work again, and a supervisor's morning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select, update

from callcenter.auth import throttling
from callcenter.auth.models import Role
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.attempts.effects import escalate
from campaigns.attempts.models import Attempt, Draft, Escalation
from campaigns.debtors.models import Debt, Debtor, PhoneNumber, Suppression
from campaigns.planning.models import Campaign
from campaigns.planning.service import plan
from campaigns.promises.models import InstalmentPlan
from campaigns.promises.monitoring import monitor
from campaigns.worklist.fill import fill
from campaigns.worklist.models import WorkItem
from dialer.agents.models import AgentSession
from tests.browser.looking import axe
from tests.browser.serving import served
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import Case, add_case, add_user, put_on_the_line

pytestmark = pytest.mark.browser
SOON = 60_000


@pytest.fixture
def cases(office_id: int) -> tuple[Case, Case]:
    """Two taxpayers of a running campaign."""
    throttling.reset()
    first = add_case(office_id)
    now = utc_now()
    with transaction(office_id) as session:
        debtor = Debtor(debtor_no="00067890", name="見本 誠", birth_date=date(1975, 1, 2), address="架空市本町三丁目1番")
        session.add(debtor)
        session.flush()
        phone = PhoneNumber(debtor_id=debtor.id, original="03-0000-0143", e164="+81300000143", line_type="fixed", updated_at=now)
        session.add_all([phone, add_debt(debtor.id)])
        return first, replace(first, debtor_id=debtor.id, debtor_no=debtor.debtor_no, name=debtor.name)


def add_debt(debtor_id: int) -> Debt:
    """One term of 20,000 yen."""
    kept = {"tax_code": "01", "tax_name": "市県民税", "levy_year": 2026, "base_year": 2026, "term": 1, "notice_no": "M1"}
    return Debt(debtor_id=debtor_id, due_on=date(2026, 6, 30), assessed=20_000, outstanding=20_000, **kept)


@pytest.fixture
def address(cases: tuple[Case, Case]) -> Iterator[str]:
    with served() as where:
        yield where


def test_an_officer_takes_a_case_to_a_plan_and_returns_another(
    chromium: Browser, address: str, office_id: int, cases: tuple[Case, Case]
) -> None:
    now, (planned, returned) = utc_now(), cases
    with transaction(office_id) as session:
        for case, reason, note in ((planned, "instalment", "月1万円なら納められる"), (returned, "hardship", "収入が減った")):
            escalate(session, case.debtor_id, reason, note, now)
            session.add(Suppression(debtor_id=case.debtor_id, reason="officer_hold", starts_at=now))
    add_user(office_id, "kuroda", Role.TAX_OFFICER)
    add_user(office_id, "hori", Role.SUPERVISOR)
    officer = Desk(chromium, address, "kuroda")
    page = officer.page
    page.set_default_timeout(SOON)

    # the case with everything known is accepted, and a plan is made of it
    page.goto(f"{address}/escalations")
    page.get_by_role("link", name=planned.name).click()
    expect(page.locator(".handed")).to_contain_text("月1万円なら納められる")
    page.get_by_role("button", name="受理").click()
    page.get_by_role("link", name="分納計画をつくる").click()
    page.locator("#total").fill("74,200")
    page.locator("#count").fill("3")
    page.locator("form[action^='/plans/new/'] button[type=submit]").click()
    expect(page.locator("table.schedule tbody tr")).to_have_count(3)
    page.get_by_role("button", name="登録する").click()
    expect(page.get_by_role("heading", name="分納の計画", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text(planned.debtor_no)

    # the other goes back with what is missing, and is the supervisor's
    page.goto(f"{address}/escalations")
    expect(page.get_by_role("link", name=planned.name)).to_have_count(0)
    page.get_by_role("link", name=returned.name).click()
    page.get_by_text("センターの管理者へ差し戻す").click()
    page.locator("#return-reason").select_option("more_needed")
    page.locator("#return-note").fill("勤め先と給料日を聞いてください")
    assert axe(page) == []
    page.get_by_role("button", name="差し戻す").click()
    expect(page.locator(".handed")).to_contain_text("勤め先と給料日を聞いてください")
    supervisor = Desk(chromium, address, "hori")
    supervisor.page.goto(f"{address}/supervisor/desk")
    expect(supervisor.page.locator("section:has(#h-returned)")).to_contain_text("勤め先と給料日を聞いてください", timeout=SOON)

    # nothing is paid: the plan breaks, the officer sees it, and the debtor is back in the campaign's work
    late = now + timedelta(days=200)
    with transaction(office_id) as session:
        assert session.scalars(select(Escalation.state).order_by(Escalation.id)).all() == ["decided", "returned"]
        monitor(session, today=local_day(late), now=late)
        assert session.scalars(select(InstalmentPlan.state)).one() == "broken"
        plan(session, planned.campaign_id, now)
        fill(session, planned.campaign_id, now)
        waiting = session.scalars(select(WorkItem.debtor_id).where(WorkItem.state == "ready").order_by(WorkItem.debtor_id)).all()
        assert planned.debtor_id in waiting
    page.goto(f"{address}/escalations")
    page.locator(".beside a[href='/plans?state=broken']").click()
    page.get_by_role("link", name=planned.debtor_no).first.click()
    expect(page.locator("main")).to_contain_text("不履行")
    assert officer.problems + supervisor.problems == []
    officer.close()
    supervisor.close()


def test_a_supervisor_s_morning(chromium: Browser, address: str, office_id: int, cases: tuple[Case, Case]) -> None:
    now, (case, other) = utc_now(), cases
    add_user(office_id, "hori", Role.SUPERVISOR)
    aoki, baba = add_user(office_id, "aoki", Role.OPERATOR), add_user(office_id, "baba", Role.OPERATOR)
    attempt = put_on_the_line(office_id, aoki, case, state="wrap_up", now=now - timedelta(minutes=20))
    with transaction(office_id) as session:
        session.execute(update(Attempt).values(verified_at=now, verified_with="name,birth_date"))
        session.add(Draft(user_id=aoki, attempt_id=attempt, field="memo", value="来週また電話してほしい", saved_at=now))
        item = WorkItem(campaign_id=case.campaign_id, debtor_id=other.debtor_id, channel="operator_call", not_before=now)
        item.is_callback, item.user_id, item.created_at, item.updated_at = True, aoki, now, now
        session.add(item)
    supervisor, operator = Desk(chromium, address, "hori"), Desk(chromium, address, "baba")
    page = supervisor.page
    page.set_default_timeout(SOON)
    page.goto(f"{address}/supervisor/desk")
    assert axe(page) == []

    # the team is told, and sees it without a reload
    page.get_by_label("連絡すること").fill("15時から打ち合わせです")
    page.get_by_role("button", name="チームに伝える").click()
    expect(page.locator("section:has(#h-team)")).to_contain_text("15時から打ち合わせです")
    expect(operator.page.locator("#team")).to_contain_text("15時から打ち合わせです", timeout=SOON)

    # a call-back goes to somebody else
    row = page.locator("tr", has_text=other.debtor_no)
    row.locator("select[name=user_id]").select_option(label="baba")
    row.get_by_role("button").click()
    expect(row.locator("td").nth(2)).to_have_text("baba")

    # a result that nobody wrote is written for the operator, with what they had noted
    over = page.locator("section:has(#h-over) li", has_text=case.debtor_no)
    expect(over).to_contain_text("来週また電話してほしい")
    over.locator("summary").click()
    assert axe(page) == []
    over.locator("input[value=interrupted]").check()
    over.get_by_role("button", name="この結果で閉じる").click()
    expect(page.locator("section:has(#h-over)")).to_contain_text("ありません")
    with transaction(office_id) as session:
        row_of = session.scalars(select(Attempt)).one()
        assert (row_of.state, row_of.outcome, row_of.party, row_of.note) == ("closed", "interrupted", "debtor", "来週また電話してほしい")
        assert session.scalars(select(AgentSession.state)).one() in ("ready", "paused")
        assert session.scalars(select(WorkItem.user_id)).one() == baba
        assert session.scalars(select(Draft.id)).all() == []

    # the campaign is paused
    page.goto(f"{address}/campaigns")
    page.get_by_role("button", name="止める").click()
    expect(page.locator("main")).to_contain_text("停止中")
    with transaction(office_id) as session:
        assert session.scalars(select(Campaign.status).where(Campaign.id == case.campaign_id)).one() == "paused"
    assert supervisor.problems + operator.problems == []
    supervisor.close()
    operator.close()
