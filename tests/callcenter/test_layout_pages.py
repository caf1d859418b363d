"""A layout made on the screen: a sample comes in, its columns are mapped, what is saved reads files; no sample is left lying about."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import func, select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.imports.layout_drafts import KEPT
from campaigns.imports.models import ImportFile, ImportLayout, LayoutDraft
from campaigns.imports.office_layouts import find_layout
from campaigns.imports.service import run_import
from campaigns.jobs import sweep_layout_drafts
from tests.callcenter.conftest import Person
from tests.campaigns.import_files import DEBT, table
from tests.rules.test_mapping import VENDOR, with_check_digit

FILE = table(VENDOR, {}, {"納期別": "2", "停止": "B"}, {"納期別": "3", "最新フラグ": "0"})


@pytest.fixture(autouse=True)
def no_samples() -> Iterator[None]:
    yield
    for path in (get_settings().data_dir / "imports").rglob("*.sample"):
        path.unlink()


def begin(who: Person, content: bytes = FILE, **form: str) -> Response:
    headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true", "Idempotency-Key": uuid4().hex}
    return who.client.post("/imports/layouts", data=form, files={"file": ("list.csv", content, "text/csv")}, headers=headers)


def begun(who: Person, content: bytes = FILE, **form: str) -> str:
    answer = begin(who, content, **form)
    assert answer.status_code == 204, answer.text
    return str(answer.headers["hx-redirect"])


def filled(html: str) -> dict[str, str]:
    """The fields of the mapper's form as a browser would send them."""
    form = html[html.index('<form id="mapper"') :]
    form = form[: form.index("</form>")]
    values: dict[str, str] = {}
    for found in re.finditer(r"<input\b[^>]*>", form):
        name = re.search(r'name="([^"]+)"', found[0])
        value = re.search(r'value="([^"]*)"', found[0])
        if name:
            values[unescape(name[1])] = unescape(value[1]) if value else ""
    for found in re.finditer(r'<select\b[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        options = re.findall(r'<option value="([^"]*)"( selected)?', found[2])
        chosen = [value for value, is_chosen in options if is_chosen] or [options[0][0]]
        values[unescape(found[1])] = unescape(chosen[0])
    return values


def stored(office_id: int) -> list[Path]:
    return sorted((get_settings().data_dir / "imports" / str(office_id)).glob("*.sample"))


def actions(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        wanted = select(AuditEvent.action).where(AuditEvent.action.like("layout.%")).order_by(AuditEvent.id)
        return list(session.scalars(wanted))


def test_a_vendor_s_file_becomes_a_layout_and_is_looked_at_as_a_list(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = begun(who)
    [sample] = stored(office_id)
    assert oct(sample.stat().st_mode & 0o777) == "0o600"
    page = who.get(address)
    assert page.status_code == 200
    form = filled(page.text)
    assert form["column.debtor_no"] == "1"
    assert {key: value for key, value in form.items() if key.startswith("ours.hold")} == {
        "ours.hold.0": "",
        "ours.hold.1": "",
        "ours.hold.2": "",
    }
    assert "決められた区分の値ではありません" in page.text
    form |= {"ours.hold.0": "0", "ours.hold.1": "4", "name": "東町", "then": "import", "as_of": "R8.11.1"}
    swapped = who.post(f"{address}/choices", form)
    assert swapped.status_code == 200
    assert "<html" not in swapped.text
    assert "2行すべて読めます" in swapped.text
    answer = who.client.post(f"{address}/save", data=form | {"csrf_token": who.csrf})
    assert answer.status_code == 303
    with transaction(office_id) as session:
        layout = find_layout(session, "debts", "東町")
        row = session.scalars(select(ImportFile)).one()
        assert (row.layout, row.is_dry_run, row.as_of.isoformat()) == ("東町@1", True, "2026-11-01")
        assert session.scalar(select(func.count()).select_from(LayoutDraft)) == 0
    assert layout.field("hold").codes == {"a": "0", "b": "4"}
    assert answer.headers["location"] == f"/imports/{row.id}"
    assert stored(office_id) == []
    result = run_import(office_id, row.id, now=utc_now())
    assert (result.created, result.rejected) == (2, 0)
    assert actions(office_id) == ["layout.sample_received", "layout.sample_viewed", "layout.sample_viewed", "layout.saved"]
    assert who.get(address).status_code == 404


def test_it_works_without_scripts_and_a_new_version_follows(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.TAX_OFFICER)
    address = begun(who)
    form = filled(who.get(address).text) | {"csrf_token": who.csrf}
    answer = who.client.post(f"{address}/choices", data=form | {"column.remark": "18"})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    form = filled(who.get(address).text) | {"csrf_token": who.csrf, "name": "東町", "then": ""}
    assert form["column.remark"] == "18"
    saved = who.client.post(f"{address}/save", data=form)
    page = who.get(saved.headers["location"])
    assert "版 1 を使っています" in page.text
    again = begun(who, kind="debts", based_on="東町")
    shown = who.get(again)
    assert "東町 の版 2 になります" in shown.text
    form = filled(shown.text) | {"csrf_token": who.csrf, "then": "", "column.remark": ""}
    second = who.client.post(f"{again}/save", data=form)
    assert "版 2 を使っています" in who.get(second.headers["location"]).text
    first = saved.headers["location"]
    assert who.client.post(f"{first}/activate", data={"csrf_token": who.csrf}).status_code == 303
    assert "版 1 を使っています" in who.get(first).text
    assert 'name = "東町"' in who.get(f"{first}/document.toml").text
    assert who.client.post(f"{first}/retire", data={"csrf_token": who.csrf}).status_code == 303
    assert "東町" not in who.get("/imports/layouts").text
    assert actions(office_id)[-2:] == ["layout.activated", "layout.retired"]


def test_what_is_missing_is_said_and_nothing_is_lost(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = begun(who)
    form = filled(who.get(address).text) | {"csrf_token": who.csrf, "column.due_on": "", "title": "月次の画面から", "then": ""}
    swapped = who.post(f"{address}/choices", form)
    assert "必須の列があと 1" in swapped.text
    for changes, words in (
        ({"name": "東町"}, "決まっていません: 納期限"),
        ({"name": "a b", "column.due_on": "11"}, "「a b」"),
        ({"name": ""}, "「」"),
    ):
        answer = who.client.post(f"{address}/save", data=form | changes)
        assert answer.status_code == 422
        assert words in answer.text
        assert "月次の画面から" in answer.text
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportLayout)) == 0
    bad = who.post(f"{address}/choices", form | {"first.name": "x"})
    assert bad.status_code == 422
    day = form | {"name": "東町", "column.due_on": "11", "then": "import", "as_of": "きのう"}
    assert who.client.post(f"{address}/save", data=day).status_code == 422
    assert len(stored(office_id)) == 1
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportLayout)) == 0
    assert who.client.post(f"{address}/discard", data={"csrf_token": who.csrf}).status_code == 303
    assert stored(office_id) == []


NUMBERS = [with_check_digit(f"{number:011d}") for number in range(12345678901, 12345678911)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7",
        table(DEBT | {"個人番号": "1"}, {}),
        table(DEBT | {"識別": ""}, *({"期別": str(index), "識別": number} for index, number in enumerate(NUMBERS, 1))),
    ],
)
def test_what_may_not_be_held_is_not_stored(person: Callable[..., Person], office_id: int, content: bytes) -> None:
    who = person(Role.SUPERVISOR)
    answer = begin(who, content)
    assert answer.status_code == 422
    assert "＊" in answer.text
    assert stored(office_id) == []
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(LayoutDraft)) == 0


def test_another_way_of_reading_begins_again_and_may_be_refused(person: Callable[..., Person]) -> None:
    who = person(Role.SUPERVISOR)
    address = begun(who)
    form = filled(who.get(address).text)
    answer = who.post(f"{address}/choices", form | {"header_row": "0"})
    assert answer.status_code == 200
    assert "列1" in answer.text
    answer = who.post(f"{address}/choices", filled(who.get(address).text) | {"kind": "payments"})
    assert "収納履歴番号" in answer.text
    hidden = table(DEBT, {}).replace("備考".encode("cp932"), b"") + b"\r\n"
    assert begin(who, hidden).status_code == 204


def test_samples_are_swept_after_a_day(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = begun(who)
    lost = stored(office_id)[0].with_name("lost.sample")
    lost.write_bytes(b"x")
    sweep_layout_drafts(office_id)
    assert len(stored(office_id)) == 2
    old = (utc_now() - KEPT - timedelta(minutes=1)).timestamp()
    os.utime(lost, (old, old))
    with transaction(office_id) as session:
        session.scalars(select(LayoutDraft)).one().created_at = utc_now() - KEPT - timedelta(minutes=1)
    sweep_layout_drafts(office_id)
    assert stored(office_id) == []
    assert who.get(address).status_code == 404


def test_one_office_s_layouts_and_samples_are_not_the_other_s(person: Callable[..., Person], two_offices: tuple[int, int]) -> None:
    mine = person(Role.SUPERVISOR, office=two_offices[0], office_code="one")
    theirs = person(Role.SUPERVISOR, office=two_offices[1], office_code="two")
    address = begun(theirs)
    assert mine.get(address).status_code == 404
    assert mine.post(f"{address}/choices", {}).status_code == 404
    form = filled(theirs.get(address).text) | {"csrf_token": theirs.csrf, "name": "隣町", "then": ""}
    layout = theirs.client.post(f"{address}/save", data=form).headers["location"]
    for path in (layout, f"{layout}/document.toml"):
        assert mine.get(path).status_code == 404
    for path in (f"{layout}/activate", f"{layout}/retire"):
        assert mine.post(path).status_code == 404
    assert "隣町" not in mine.get("/imports/layouts").text
    assert "隣町" in theirs.get("/imports/layouts").text


def test_built_in_layouts_can_be_read_and_taken(person: Callable[..., Person]) -> None:
    who = person(Role.SUPERVISOR)
    for kind in ("debts", "payments", "attempts"):
        page = who.get(f"/imports/layouts/built-in/{kind}/standard")
        assert page.status_code == 200
        assert "宛名番号" in page.text
        assert who.get(f"/imports/layouts/built-in/{kind}/standard/document.toml").text.startswith("name = ")
    assert who.get("/imports/layouts/built-in/debts/nowhere").status_code == 422


def test_english_is_complete(person: Callable[..., Person]) -> None:
    who = person(Role.SUPERVISOR)
    who.post("/language", {"lang": "en", "csrf_token": who.csrf})
    address = begun(who)
    for path in ("/imports/layouts", address, "/imports/layouts/built-in/debts/standard"):
        page = who.get(path)
        assert page.status_code == 200
        assert '<html lang="en">' in page.text
    assert "individual numbers" in begin(who, table(DEBT | {"個人番号": "1"}, {})).text
