"""A file is looked through first, shown with what it would change, and taken only as it was shown."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import func, select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.debtors.models import Debt
from campaigns.imports.models import ImportFile
from campaigns.imports.office_layouts import save_layout
from campaigns.imports.service import run_import
from tests.callcenter.conftest import Person
from tests.campaigns.import_files import DEBT, PAYMENT, load, table

SECOND = {"期別": "2", "納期限": "5080831", "通知書番号": "000000000002"}
THIRD = {"期別": "3", "通知書番号": "000000000003"}
OTHER = {"宛名番号": "0000000002", "氏名": "髙橋　太郎", "通知書番号": "000000000004", "電話番号1": "0422-00-1234"}


def send(who: Person, content: bytes, **form: str) -> Response:
    headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true", "Idempotency-Key": uuid4().hex}
    data = {"kind": "debts", "mode": "full", "as_of": "2026-11-20"} | form
    return who.client.post("/imports", data=data, files={"file": ("名簿.csv", content, "text/csv")}, headers=headers)


def rehearsed(who: Person, content: bytes, **form: str) -> str:
    """Sends a file to be looked through, lets the job run, and returns its address."""
    answer = send(who, content, **form)
    assert answer.status_code == 204, answer.text
    address = str(answer.headers["hx-redirect"])
    run_import(who.office_id, int(address.rpartition("/")[2]), now=utc_now())
    return address


def taken(who: Person, address: str, **form: str) -> Response:
    return who.client.post(f"{address}/apply", data=form | {"csrf_token": who.csrf})


def actions(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        return list(session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("import.%")).order_by(AuditEvent.id)))


def debts(office_id: int) -> int:
    with transaction(office_id) as session:
        return session.scalar(select(func.count()).select_from(Debt).where(Debt.status == "open")) or 0


def test_characters_that_could_not_be_read_are_shown_with_their_bytes(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    name = "架空　花子".encode("cp932")
    page = who.get(rehearsed(who, table(DEBT, {}, OTHER, encoding="cp932").replace(name, b"\xf0\x40" + name))).text
    section = page[page.index("読めない文字") :]
    for words in ("氏名", "F040", "はじめの 1か所"):
        assert words in section
    assert "読めない文字" not in who.get(rehearsed(who, table(DEBT, {}))).text


def test_what_would_change_is_shown_and_then_taken(person: Callable[..., Person], office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND, OTHER))
    who = person(Role.SUPERVISOR)
    data = table(DEBT, {"未納額": "15000", "収入済額": "5000"}, SECOND, THIRD, OTHER | {"住所": "架空市本町2-2"}, {"期別": "x"})
    address = rehearsed(who, data)
    assert debts(office_id) == 3
    page = who.get(address).text
    assert "まだ取り込んでいません" in page
    for words in ("未納額", "20,000円", "15,000円", "架空市中央1-1", "架空市本町2-2", "整数として読めません", "確認待ち"):
        assert words in page
    answer = taken(who, address)
    assert answer.status_code == 303
    file = str(answer.headers["location"])
    assert file != address
    run_import(office_id, int(file.rpartition("/")[2]), now=utc_now())
    assert debts(office_id) == 4
    assert "取り込んだ結果" in who.get(file).text
    shown = who.get(address).text
    assert "この内容で取り込みました" in shown
    assert f'href="{file}"' in shown
    assert taken(who, address).status_code == 409
    with transaction(office_id) as session:
        rows = session.scalars(select(ImportFile).order_by(ImportFile.id)).all()
        assert [(row.is_dry_run, row.rehearsal_id) for row in rows[1:]] == [(True, None), (False, rows[1].id)]
        assert (rows[1].sha256, rows[1].as_of, rows[1].layout) == (rows[2].sha256, rows[2].as_of, rows[2].layout)
    assert actions(office_id) == ["import.received", "import.viewed", "import.applied", "import.viewed", "import.viewed"]


def test_closing_many_must_be_confirmed(person: Callable[..., Person], office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND, THIRD, OTHER))
    who = person(Role.TAX_OFFICER)
    address = rehearsed(who, table(DEBT, {}, SECOND, THIRD))
    page = who.get(address).text
    assert "未完了 4件のうち 1件(25.0 %)を完了にします" in page
    assert 'name="confirm_closing"' in page
    answer = taken(who, address)
    assert answer.status_code == 422
    assert "25.0 %" in answer.text
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 2
    answer = taken(who, address, confirm_closing="true")
    assert answer.status_code == 303
    run_import(office_id, int(answer.headers["location"].rpartition("/")[2]), now=utc_now())
    assert debts(office_id) == 3


def test_closing_few_needs_no_confirmation(person: Callable[..., Person], office_id: int) -> None:
    many = [{"期別": str(term), "通知書番号": str(term)} for term in range(1, 11)]
    load(office_id, "debts", table(DEBT, *many))
    who = person(Role.SUPERVISOR)
    address = rehearsed(who, table(DEBT, *many[:9]))
    assert 'name="confirm_closing"' not in who.get(address).text
    assert taken(who, address).status_code == 303


def test_a_rehearsal_that_no_longer_holds_is_not_taken(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = rehearsed(who, table(DEBT, {}, SECOND))
    load(office_id, "debts", table(DEBT, {}, OTHER), now=utc_now())
    page = who.get(address).text
    assert "別のファイルが取り込まれました" in page
    assert "/apply" not in page
    assert taken(who, address).status_code == 409
    answer = who.client.post(f"{address}/again", data={"csrf_token": who.csrf})
    assert answer.status_code == 303
    again = str(answer.headers["location"])
    run_import(office_id, int(again.rpartition("/")[2]), now=utc_now())
    assert "髙橋　太郎" in who.get(again).text
    assert taken(who, again, confirm_closing="true").status_code == 303


def test_only_finished_rehearsals_can_be_taken(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    waiting = str(send(who, table(DEBT, {})).headers["hx-redirect"])
    assert taken(who, waiting).status_code == 409
    page = who.get(waiting).text
    assert "順番待ち" in page
    assert "every 1s" in page
    load(office_id, "debts", table(DEBT, {}))
    with transaction(office_id) as session:
        done = session.scalars(select(ImportFile.id).order_by(ImportFile.id.desc())).first()
    assert taken(who, f"/imports/{done}").status_code == 409
    assert taken(who, "/imports/999").status_code == 404


def test_a_double_press_takes_once(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = rehearsed(who, table(DEBT, {}))
    first = who.post(f"{address}/apply", {}, key="same-key-0001")
    second = who.post(f"{address}/apply", {}, key="same-key-0001")
    assert first.headers["hx-redirect"] == second.headers["hx-redirect"] != address
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 2


def test_a_full_list_is_never_taken_unseen(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    answer = send(who, table(DEBT, {}), how="now")
    assert answer.status_code == 422
    assert "確認します" in answer.text
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 0
    for content, form in ((table(DEBT, {}), {"mode": "diff"}), (table(PAYMENT, {}), {"kind": "payments"})):
        assert send(who, content, how="now", **form).status_code == 204
    with transaction(office_id) as session:
        assert session.scalars(select(ImportFile.is_dry_run)).all() == [False, False]


OWN = 'name = "東町"\nkind = "debts"\nmode = "diff"\n[fields]\ndebtor_no = { headers = ["納税者ID"] }\n'
POSITIONS = 'name = "位置"\nkind = "debts"\n[source]\nheader_row = 0\n[fields]\n' + "".join(
    f"{name} = {{ column = {number} }}\n"
    for number, name in enumerate(
        ("debtor_no", "name", "tax_code", "levy_year", "base_year", "term", "notice_no", "due_on", "assessed", "outstanding"), 1
    )
)


def test_the_layout_is_told_by_the_file(person: Callable[..., Person], office_id: int) -> None:
    with transaction(office_id) as session:
        for document in (OWN, POSITIONS):
            save_layout(session, document, user_id=None, now=utc_now())
    who = person(Role.SUPERVISOR)
    mine = table({("納税者ID" if name == "宛名番号" else name): value for name, value in DEBT.items()}, {})
    bare = b"0001,A,010,2026,2026,1,1,R8.6.30,100,100\r\n"
    for content in (table(DEBT, {}), mine, bare):
        assert send(who, content, layout="auto", mode="auto").status_code == 204
    with transaction(office_id) as session:
        found = session.execute(select(ImportFile.layout, ImportFile.mode).order_by(ImportFile.id)).all()
    assert [tuple(row) for row in found] == [("standard", "full"), ("東町@1", "diff"), ("位置@1", "full")]
    refused = send(who, table({"列1": "1"}, {}), layout="auto")
    assert refused.status_code == 422
    assert "必要な列がありません" in refused.text
    assert send(who, mine, layout="debts:東町").status_code == 204
    assert "別の種類" in send(who, mine, layout="debts:東町", kind="payments").text
    assert "個人番号" in send(who, table(DEBT | {"個人番号": "1"}, {}), layout="auto").text


def test_a_failure_says_why_and_can_be_tried_again(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = str(send(who, table(DEBT, {})).headers["hx-redirect"])
    with transaction(office_id) as session:
        row = session.scalars(select(ImportFile)).one()
        stored, row.stored_path = row.stored_path, row.stored_path + ".gone"
    with pytest.raises(InvalidInput):
        run_import(office_id, row.id, now=utc_now())
    page = who.get(address).text
    assert "保存したファイルを読めません" in page
    assert "もう一度試す" in page
    assert who.client.post(f"{address}/again", data={"csrf_token": who.csrf}).status_code == 422
    with transaction(office_id) as session:
        session.scalars(select(ImportFile)).one().stored_path = stored
    answer = who.client.post(f"{address}/again", data={"csrf_token": who.csrf})
    assert answer.status_code == 303
    run_import(office_id, int(answer.headers["location"].rpartition("/")[2]), now=utc_now())
    assert "確認待ち" in who.get(answer.headers["location"]).text


def test_progress_is_shown_and_survives_a_reload(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = str(send(who, table(DEBT, {})).headers["hx-redirect"])
    with transaction(office_id) as session:
        row = session.scalars(select(ImportFile)).one()
        row.status, row.step, row.progress_rows, row.progress_total = "running", "debts", 38_000, 61_204
    for text in (who.get(address).text, who.fragment(f"{address}/body").text, who.fragment("/imports/list").text):
        assert "38,000 / 61,204行" in text
        assert '<progress max="61204" value="38000"' in text
    told = who.get(f"/api/v1/imports/{row.id}").json()
    assert (told["progress_rows"], told["progress_total"], told["step"]) == (38_000, 61_204, "debts")


def test_pages_in_english(person: Callable[..., Person], office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}, SECOND))
    who = person(Role.SUPERVISOR)
    who.client.post("/language", data={"lang": "en", "csrf_token": who.csrf})
    address = rehearsed(who, table(DEBT, {"停止区分": "4"}, {"期別": "x"}))
    page = who.get(address).text
    for words in ("Not taken in yet", "Seized", "Not a whole number", "Hold", "¥20,000", "closes 1 of 2 open cases"):
        assert words in page
    assert "required columns are missing: 宛名番号" in send(who, table({"列1": "1"}, {}), layout="debts:standard").text
    assert "cases" in taken(who, address).text
    assert who.get("/imports").status_code == 200


def test_nobody_takes_another_office_s_file(person: Callable[..., Person], two_offices: tuple[int, int]) -> None:
    mine = person(Role.SUPERVISOR, office=two_offices[0], office_code="one")
    theirs = person(Role.SUPERVISOR, office=two_offices[1], office_code="two")
    address = rehearsed(theirs, table(DEBT, {}))
    for path in (address, f"{address}/body", f"{address}/rejected.csv"):
        assert mine.get(path).status_code == 404
    for path in (f"{address}/apply", f"{address}/again"):
        assert mine.post(path).status_code == 404
