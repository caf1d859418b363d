"""A wording in a real Chromium: looked at while it is typed, kept, refused to its author and put to use by somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from callcenter.auth import throttling
from callcenter.auth.models import Role, User
from callcenter.core.db import transaction
from tests.browser.serving import served
from tests.browser.test_main_job import Desk
from tests.callcenter.conftest import stored_password

pytestmark = pytest.mark.browser
SOON = 60_000


@pytest.fixture
def address(office_id: int) -> Iterator[str]:
    with transaction(office_id) as session:
        for name, shown in (("hori", "堀"), ("toda", "戸田")):
            session.add(User(sign_in_name=name, display_name=shown, role=Role.SUPERVISOR, password_hash=stored_password()))
    throttling.reset()
    with served() as where:
        yield where


def test_a_wording_from_the_first_letter_to_its_use(chromium: Browser, address: str) -> None:
    hori, toda = Desk(chromium, address, "hori"), Desk(chromium, address, "toda")
    page = hori.page
    page.goto(f"{address}/templates/new")
    preview = page.locator("#wording-preview")
    expect(preview).to_contain_text("架空市です。")
    page.get_by_label("文面の名前").fill("notice")
    page.locator("#body").fill("{{ name }}様 納付のご相談は{{ callback_number }}へ")
    expect(preview).to_contain_text("「納付」は、この文面に許可されていません", timeout=SOON)
    expect(preview).to_contain_text("「氏名」(name)は、この文面に許可されていません", timeout=SOON)
    page.get_by_label("税・滞納を示す言葉や金額").check()
    page.get_by_label("「氏名」の差し込み").check()
    expect(preview).to_contain_text("このまま使えます", timeout=SOON)
    page.get_by_role("button", name="保存する").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("notice 第1版", timeout=SOON)
    expect(page.locator("#main")).to_contain_text("作った人とは別の人が使い始めます")
    other = toda.page
    other.goto(page.url)
    other.get_by_role("button", name="この版を使い始める").click()
    expect(other.locator(".pagehead")).to_contain_text("使用中", timeout=SOON)
