"""The figures a meeting looks at, in a real browser: charts, tables and forms with two months of calls behind them, by axe and by eye."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import text
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns.planning.models import RuleSet
from reports import jobs
from reports.control import letters, service
from reports.control.models import Decision
from tests.browser.looking import SOON, in_both, looked_at, sign_in, until
from tests.browser.serving import served
from tests.callcenter.conftest import stored_password

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "artifacts" / "figures"
checked = partial(looked_at, PICTURES)
ARMS = [{"code": "phone", "name": "電話", "share": 800}, {"code": "wait", "name": "待つ", "share": 200, "wait_days": 30}]

TOWN = """
INSERT INTO debtor (office_id, debtor_no, name) SELECT :office, lpad(n::text, 10, '0'), 'x' FROM generate_series(1, 300) n;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, outstanding, assessed)
SELECT office_id, id, '10', 2026, 2026, 1, id::text, :today - (id % 500)::integer, 10000 + id * 37, 90000 FROM debtor;
INSERT INTO attempt (office_id, debtor_id, operator_id, channel, state, source, began_at, handed_over_at, line_result, party,
  outcome)
SELECT :office, (SELECT min(id) FROM debtor) + (n * 37 + d) % 300, (SELECT min(id) FROM app_user) + n % 2,
       'operator_call', 'closed', 'live',
       m.at, m.at, CASE WHEN hit THEN 'answered' ELSE 'no_answer' END, CASE WHEN hit THEN 'debtor' END,
       CASE WHEN hit AND n % 4 = 0 THEN 'promise_full' END
FROM generate_series(1, 60) d CROSS JOIN generate_series(1, 60) n
CROSS JOIN LATERAL (SELECT (:today - d + time '09:00' + n * interval '8 minutes') AT TIME ZONE 'Asia/Tokyo' AS at,
                    (n * 7 + d * 5) % 10 < CASE WHEN d = 2 THEN 9 ELSE 3 END AS hit) m
WHERE extract(isodow FROM :today - d) < 6 OR d = 2;
INSERT INTO experiment_enrolment (office_id, experiment, debtor_id, arm, propensity, entered_at)
SELECT office_id, 'autumn', id, CASE id % 3 WHEN 0 THEN 'wait' ELSE 'phone' END, 0.5, :start + (id % 10) * interval '1 day' FROM debtor;
INSERT INTO payment (office_id, source_ref, debtor_no, tax_code, levy_year, base_year, term, notice_no, debtor_id, paid_on, principal,
  status, recorded_at)
SELECT office_id, id::text, 'x', '10', 2026, 2026, 1, '1', id, :today - 50, 20000, 'matched', :start FROM debtor WHERE id % 5 < 2
"""


def fill(session: Session, office_id: int) -> None:
    """Two months of calls of two operators, one day that leaves its range, an experiment, a target, a decision, an address."""
    now = utc_now()
    today = local_day(now)
    who = session.query(User.id).filter_by(sign_in_name="hori").one()[0]
    values = {"office": office_id, "today": today, "start": now - timedelta(days=60)}
    for statement in TOWN.split(";\n"):
        session.execute(text(statement), values)
    session.add(
        RuleSet(
            name="r", version=1, status="active", document={"rules": [], "experiment": {"code": "autumn", "arms": ARMS}}, created_at=now
        )
    )
    asked, _ = service.read_target(
        {"metric": "contact_rate_per_call", "first": f"{today - timedelta(days=35):%Y-%m}", "last": f"{today:%Y-%m}", "value": "35"}
    )
    assert asked is not None
    service.set_target(session, asked, who, now)
    made = Decision(
        kind="decision", starts_on=today - timedelta(days=30), due_on=today - timedelta(days=3), what="夕方に架電を寄せる", who="堀"
    )
    made.metric, made.direction = "contact_rate_per_call", "up"
    service.decide(session, made, who, now)
    letters.add_recipient(session, "kikaku@kakuu.example", "ja", who, now)


def test_the_pages_a_meeting_looks_at(chromium: Browser, office_id: int) -> None:
    with transaction(office_id) as session:
        for name, role in (("hori", Role.SUPERVISOR), ("ito", Role.OPERATOR)):
            session.add(User(sign_in_name=name, display_name=name, role=role, password_hash=stored_password(), phone_address="sim:1"))
            session.flush()
        fill(session, office_id)
    while jobs.refresh_facts(office_id):
        pass
    jobs.count_half_hours(office_id)
    jobs.check_figures(office_id)
    with served() as address:
        page = chromium.new_context(locale="ja-JP", viewport={"width": 1280, "height": 900}).new_page()
        sign_in(page, address, "hori")
        page.wait_for_url("**/supervisor*")
        for path in ("targets", "decisions", "arms", "forecast", "collection", "cross", "open-data"):
            in_both(page, address, f"/reports/{path}", path, checked)
        in_both(page, address, "/reports/targets?cycle=weekly", "weekly", checked)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(address + "/reports/targets")
        expect(page.locator(".receivers li")).to_have_count(1, timeout=SOON)
        expect(page.locator(".alertform")).not_to_have_count(0, timeout=SOON)
        a_file_that_takes_a_while_is_told_about_and_kept(page, address)


def a_file_that_takes_a_while_is_told_about_and_kept(page: Page, address: str) -> None:
    held: list[Route] = []
    page.route("**/reports/cross.pdf*", lambda route: held.append(route))
    page.goto(address + "/reports/cross")
    link = page.locator("a[href^='/reports/cross.pdf']")
    with page.expect_download(timeout=SOON) as waited:
        link.click()
        expect(page.locator(".making progress")).to_be_visible(timeout=SOON)
        expect(page.locator("#status")).to_have_text("ファイルを作っています…", timeout=SOON)
        expect(link).to_have_attribute("aria-busy", "true")
        link.click()  # one is enough
        until(page, lambda: bool(held))
        assert len(held) == 1
        held[0].continue_()
    assert waited.value.suggested_filename.endswith(".pdf")
    assert Path(waited.value.path()).read_bytes().startswith(b"%PDF-")
    expect(page.locator(".making")).to_have_count(0, timeout=SOON)
    expect(link).not_to_have_attribute("aria-busy", "true")
    page.unroute("**/reports/cross.pdf*")
    page.route("**/reports/cross.pdf*", lambda route: route.abort())
    link.click()
    expect(page.locator("#status")).to_contain_text("作れませんでした", timeout=SOON)
