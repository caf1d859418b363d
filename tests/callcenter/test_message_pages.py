"""Pages of wordings, replies and the sender: what is typed is looked at, kept, and put to use by whoever may."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debtor
from campaigns.jobs import send_tests
from campaigns.messages.inbox.keeping import Report, keep
from campaigns.messages.inbox.service import process
from campaigns.messages.models import Template
from campaigns.messages.senders.gateway.sender import example_document
from campaigns.messages.senders.models import SenderChoice
from campaigns.messages.tryouts.models import OwnNumber, TestMessage
from tests.callcenter.conftest import Person

GOOD = "{{ office_name }}からのお知らせです。{{ callback_number }}までお電話ください。"


def save(who: Person, **form: str) -> str:
    answer = who.post("/templates", {"code": "notice", "body": GOOD, **form})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_wording_is_previewed_kept_and_put_to_use(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    assert "please_call" in who.get("/templates").text
    preview = who.post("/templates/preview", {"code": "", "body": GOOD + "滞納"})
    assert preview.status_code == 200
    assert "「滞納」" in preview.text
    refused = who.post("/templates", {"code": "notice", "body": "滞納 <b>{{ x }}</b>"})
    assert refused.status_code == 422
    assert "&lt;b&gt;" in refused.text
    assert who.post("/templates", {"code": "Bad code", "body": GOOD}).status_code == 422
    address = save(who)
    page = who.get(address)
    assert "架空市からのお知らせです" in re.sub(r"</span>\s*<span>", "", page.text)
    assert who.post(f"{address}/activate").status_code == 204
    with transaction(office_id) as session:
        assert session.scalars(select(Template)).one().is_active
        assert set(session.scalars(select(AuditEvent.action))) >= {"template.saved", "template.activated"}


def test_who_wrote_a_stronger_wording_reads_why_somebody_else_must_put_it_to_use(person: Callable[..., Person]) -> None:
    writer, other = person(Role.SUPERVISOR), person(Role.TAX_OFFICER)
    address = save(writer, body="{{ name }}様 納付の件 {{ callback_number }}", allows_tax_words="1", field_name="1")
    assert "作った人とは別の人が使い始めます" in writer.get(address).text
    assert writer.post(f"{address}/activate").status_code == 403
    assert other.post(f"{address}/activate").status_code == 204
    assert "使用中" in writer.get(address).text


def test_a_test_goes_to_one_s_own_verified_number_and_is_no_contact(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    address = save(who)
    assert who.post(f"{address}/test").status_code == 409
    assert who.post(f"{address}/number", {"number": "03-1234-5678"}).status_code == 422
    assert who.post(f"{address}/number", {"number": "090-1234-5678"}).status_code == 204
    assert who.post(f"{address}/number", {"number": "090-1234-5678"}).status_code == 409
    with transaction(office_id) as session:
        code = session.scalars(select(TestMessage.body)).one()[-6:]
    assert send_tests(office_id) == 1
    wrong = who.post(f"{address}/verify", {"code": "000000" if code != "000000" else "1"})
    assert wrong.status_code == 422
    assert "確認番号が違います" in wrong.text
    assert who.post(f"{address}/verify", {"code": code}).status_code == 303
    assert who.post(f"{address}/test", key="once-only-0001").status_code == 204
    assert who.post(f"{address}/test", key="once-only-0001").status_code == 204
    assert send_tests(office_id) == 1
    assert send_tests(office_id) == 0
    with transaction(office_id) as session:
        own = session.scalars(select(OwnNumber)).one()
        tests = session.scalars(select(TestMessage).order_by(TestMessage.id)).all()
        assert own.verified_at is not None
        assert [(test.purpose, test.body) for test in tests] == [("code", ""), ("template", "")]
        assert session.scalars(select(Attempt)).all() == []
        told = {"MessageSid": "S", "MessageStatus": "delivered", "reference": tests[1].reference}
        keep(session, [Report(office_id, "twilio", "status", "k", told, utc_now())])
    process(lambda: transaction(office_id), utc_now())
    assert "届いた" in who.get(address).text


@pytest.mark.parametrize("tries", [5])
def test_a_code_can_not_be_guessed_for_ever(person: Callable[..., Person], office_id: int, tries: int) -> None:
    who = person(Role.SUPERVISOR)
    address = save(who)
    who.post(f"{address}/number", {"number": "090-1234-5678"})
    with transaction(office_id) as session:
        code = session.scalars(select(TestMessage.body)).one()[-6:]
    for _ in range(tries):
        assert who.post(f"{address}/verify", {"code": "x"}).status_code == 422
    assert who.post(f"{address}/verify", {"code": code}).status_code == 409


def test_replies_are_shown_with_whom_they_are_from_and_the_look_is_on_record(person: Callable[..., Person], office_id: int) -> None:
    with transaction(office_id) as session:
        session.add(Debtor(debtor_no="1", name="見本 佳代"))
        texts = [{"From": f"+8190123456{n:02d}", "Body": text, "MessageSid": "S"} for n, text in enumerate(("<b>停止</b>", "停止"))]
        keep(session, [Report(office_id, "twilio", "reply", f"reply:{n}", text, utc_now()) for n, text in enumerate(texts)])
    process(lambda: transaction(office_id), utc_now())
    who = person(Role.TAX_OFFICER)
    page = who.get("/replies")
    assert page.status_code == 200
    assert "名簿にない番号" in page.text
    assert "&lt;b&gt;停止" in page.text
    assert "配信停止" in page.text
    assert person(Role.ADMINISTRATOR).get("/replies").status_code == 403
    with transaction(office_id) as session:
        assert "replies.viewed" in set(session.scalars(select(AuditEvent.action)))


def test_the_sender_is_checked_by_field_and_chosen(person: Callable[..., Person], office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    who = person(Role.ADMINISTRATOR)
    assert "模擬" in who.get("/sender").text
    bad = example_document().replace('format = "json"                       #', 'format = "xml" #')
    assert "request.format" in who.post("/sender/check", {"kind": "gateway", "document": bad}).text
    assert who.post("/sender", {"kind": "gateway", "document": bad}).status_code == 422
    assert who.post("/sender", {"kind": "pigeon", "document": ""}).status_code == 422
    good = who.post("/sender/check", {"kind": "gateway", "document": example_document()}).text
    assert "CALLCENTER_SMS_GATEWAY_SECRET" in good
    assert who.post("/sender", {"kind": "gateway", "document": example_document().replace("\n", "\r\n")}).status_code == 303
    assert "設定が足りない" in who.get("/sender").text
    monkeypatch.setenv("CALLCENTER_SMS_GATEWAY_URL", "https://sms.example")
    for name in ("SECRET", "FROM", "CALLBACK_SECRET"):
        monkeypatch.setenv(f"CALLCENTER_SMS_GATEWAY_{name}", "very-secret-value")
    monkeypatch.setenv("CALLCENTER_PUBLIC_URL", "https://calls.example")
    get_settings.cache_clear()
    try:
        page = who.get("/sender").text
        assert "設定が足りない" not in page
        assert "very-secret-value" not in page
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    with transaction(office_id) as session:
        assert session.scalars(select(SenderChoice.kind)).all() == ["gateway"]
        assert "very-secret" not in session.scalars(select(SenderChoice.document)).one()


def test_twilio_s_numbers_are_set_line_by_line(person: Callable[..., Person], office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    who = person(Role.ADMINISTRATOR)
    lines = "050-1234-5678 1.5\r\n\r\n+819012345678"
    assert "2行目" in who.post("/sender/check", {"kind": "twilio", "numbers": "050-1234-5678 1\nnowhere!"}).text
    assert who.post("/sender", {"kind": "twilio", "numbers": "050-1234-5678 0"}).status_code == 422
    assert "2行目: 同じ番号" in who.post("/sender", {"kind": "twilio", "numbers": "050-1234-5678\n05012345678"}).text
    assert who.post("/sender", {"kind": "twilio", "rate": "fast"}).status_code == 422
    assert who.post("/sender", {"kind": "twilio", "numbers": lines}).status_code == 303
    monkeypatch.setenv("CALLCENTER_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("CALLCENTER_TWILIO_AUTH_TOKEN", "token")
    get_settings.cache_clear()
    try:
        page = who.get("/sender").text
        assert "+815012345678 1.5\n+819012345678 1</textarea>" in page
        assert re.search(r"<dt>\+815012345678</dt><dd class=\"num\">1.5 通/秒", page)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    with transaction(office_id) as session:
        assert session.scalars(select(SenderChoice.kind)).all() == ["twilio"]
