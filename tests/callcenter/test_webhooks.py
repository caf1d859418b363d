"""Providers' webhooks at the door: genuine or refused, stored before they are answered, once, and nothing of them in the log."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from callcenter.api.webhooks import gateway as door
from callcenter.api.webhooks import storing
from callcenter.api.webhooks.storing import Keeper, store
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import StoreUnavailable
from callcenter.core.settings import get_settings
from campaigns.messages.inbox.keeping import Report
from campaigns.messages.inbox.models import MessageInbox
from campaigns.messages.senders import choice
from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import example_document
from campaigns.messages.senders.gateway.signing import headers_for

PUBLIC = "https://calls.example/prefix"
SECRET_TEXT = "たいせつなおはなし"


@pytest.fixture
def client(app: FastAPI, office_id: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("CALLCENTER_PUBLIC_URL", PUBLIC)
    monkeypatch.setenv("CALLCENTER_TWILIO_AUTH_TOKEN", "token")
    monkeypatch.setenv("CALLCENTER_SMS_GATEWAY_CALLBACK_SECRET", "secret")
    get_settings.cache_clear()
    door._known.clear()
    with transaction(office_id) as session:
        choice.choose(session, "gateway", example_document(), None, utc_now())
    yield TestClient(app, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    monkeypatch.undo()
    get_settings.cache_clear()


def twilio(client: TestClient, path: str, form: dict[str, str], signed: str | None = None) -> Response:
    signature = RequestValidator("token").compute_signature(PUBLIC + path, form) if signed is None else signed
    return client.post(path, data=form, headers={"X-Twilio-Signature": signature})


def gateway(client: TestClient, path: str, body: bytes, *, secret: str = "secret", at: int | None = None) -> Response:
    document = read_gateway(example_document())
    assert document.callback is not None
    headers = headers_for(document.callback.auth, "", secret, body, int(time.time()) if at is None else at)
    return client.post(path, content=body, headers={"Content-Type": "application/json", **headers})


def signature_of(url: str, form: dict[str, str]) -> dict[str, str]:
    return {"X-Twilio-Signature": RequestValidator("token").compute_signature(url, form)}


def rows(office_id: int) -> list[MessageInbox]:
    with transaction(office_id) as session:
        return list(session.scalars(select(MessageInbox).order_by(MessageInbox.id)))


def test_a_report_of_twilio_is_stored_once_without_the_number(client: TestClient, office_id: int) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+819012345678", "New": "field"}
    path = f"/webhooks/twilio/messages/{office_id}-abc?bodySHA=%e3%81%82"
    for _ in range(3):
        assert twilio(client, path, form).status_code == 204
    (row,) = rows(office_id)
    assert (row.source, row.kind, row.event_key, row.processed_at) == ("twilio", "status", "SM1:delivered:", None)
    assert row.payload == {"MessageSid": "SM1", "MessageStatus": "delivered", "New": "field", "reference": f"{office_id}-abc"}


def test_a_reply_of_twilio_is_stored_and_answered_with_nothing(client: TestClient, office_id: int) -> None:
    form = {"MessageSid": "SM2", "From": "+819012345678", "Body": "停止"}
    answer = twilio(client, f"/webhooks/twilio/replies/{office_id}", form)
    assert (answer.status_code, "<Message" in answer.text) == (200, False)
    assert rows(office_id)[0].payload["Body"] == "停止"


def test_reports_and_replies_of_a_described_provider(client: TestClient, office_id: int) -> None:
    report = json.dumps({"userReference": f"{office_id}-a", "messageId": "m", "status": "delivered", "more": {"x": 1}}).encode()
    reply = json.dumps({"replyId": 7, "from": "09012345678", "text": "了解"}).encode()
    for _ in range(2):
        assert gateway(client, f"/webhooks/gateway/{office_id}/status", report).status_code == 204
        assert gateway(client, f"/webhooks/gateway/{office_id}/replies", reply).status_code == 204
    assert [(row.source, row.kind) for row in rows(office_id)] == [("example-gateway", "status"), ("example-gateway", "reply")]


def test_what_is_not_genuine_or_can_not_be_read_is_refused_and_not_stored(
    client: TestClient, office_id: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path, form = f"/webhooks/twilio/messages/{office_id}-abc", {"MessageSid": "S", "MessageStatus": "sent", "Body": SECRET_TEXT}
    status, good = f"/webhooks/gateway/{office_id}/status", b'{"userReference":"1-a","status":"delivered"}'
    many = "&".join(f"a{n}=1" for n in range(300))
    kind = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": "x"}
    refused = [
        (403, twilio(client, path, form, "")),
        (403, twilio(client, path, form, "forged")),
        (403, twilio(client, path, {**form, "MessageStatus": "failed"}, RequestValidator("token").compute_signature(PUBLIC + path, form))),
        (403, client.post(path, data=form, headers=signature_of("https://evil.example" + path, form))),
        (404, twilio(client, "/webhooks/twilio/messages/abc", form)),
        (422, twilio(client, path, {"MessageSid": "S"})),
        (422, twilio(client, f"/webhooks/twilio/replies/{office_id}", {"MessageSid": "S"})),
        (422, client.post(path, content=many.encode(), headers=kind)),
        (422, client.post(path, content=b"a=\xff\xfe", headers=kind)),
        (413, client.post(path, content=b"a=" + b"x" * 70_000, headers=kind)),
        (413, gateway(client, status, b"x" * 70_000)),
        (403, gateway(client, status, good, secret="other")),
        (403, gateway(client, status, good, at=int(time.time()) - 3600)),
        (403, gateway(client, "/webhooks/gateway/999999/status", good)),
        (403, client.post(status, content=good)),
        (422, gateway(client, status, b"{")),
        (422, gateway(client, status, b"[]")),
        (422, gateway(client, status, b'{"status":"delivered"}')),
        (422, gateway(client, f"/webhooks/gateway/{office_id}/replies", good)),
    ]  # fmt: skip
    assert [(expected, answer.status_code) for expected, answer in refused if expected != answer.status_code] == []
    assert rows(office_id) == []
    logged = capsys.readouterr()
    assert SECRET_TEXT not in logged.out + logged.err + "".join(answer.text for _, answer in refused)
    assert "Traceback" not in logged.err


def test_many_at_once_share_transactions_and_none_is_lost(office_id: int) -> None:
    async def all_of_them() -> None:
        keeper = Keeper()
        reports = [Report(office_id, "twilio", "status", f"k{n % 150}", {"n": str(n)}, utc_now()) for n in range(300)]
        await asyncio.gather(*(keeper.keep(report) for report in reports))

    asyncio.run(all_of_them())
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(MessageInbox)) == 150


def test_a_flaw_in_storing_is_told_to_those_who_wait_and_stops_nobody_after_them(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(office_id, "twilio", "status", "k", {}, utc_now())

    async def both() -> None:
        keeper = Keeper()
        with monkeypatch.context() as flawed:
            flawed.setattr(storing, "store", lambda reports: 1 / 0)
            with pytest.raises(StoreUnavailable):
                await keeper.keep(report)
        await keeper.keep(report)

    asyncio.run(both())
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(MessageInbox)) == 1


def test_what_can_not_be_stored_is_not_answered_with_a_success(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(office_id, "twilio", "status", "k", {}, utc_now())
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/none")
    get_settings.cache_clear()
    assert store([report]) == {office_id}

    async def one() -> None:
        await Keeper().keep(report)

    with pytest.raises(StoreUnavailable):
        asyncio.run(one())
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_report_that_can_not_be_stored_is_not_acknowledged_and_comes_again(
    client: TestClient, office_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = json.dumps({"userReference": f"{office_id}-a", "messageId": "m", "status": "delivered"}).encode()
    status, form = f"/webhooks/gateway/{office_id}/status", {"MessageSid": "SM1", "MessageStatus": "delivered"}
    asyncio.run(door._documents(office_id))  # the sender is known, so that only the storing fails
    with monkeypatch.context() as without:
        without.setattr(door, "REMEMBERED_SECONDS", 3600.0)  # five seconds may be over before the report is there
        without.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/none")
        get_settings.cache_clear()
        answers = [gateway(client, status, report), twilio(client, f"/webhooks/twilio/messages/{office_id}-abc", form)]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert "127.0.0.1" not in "".join(answer.text for answer in answers)
    get_settings.cache_clear()
    assert rows(office_id) == []
    assert gateway(client, status, report).status_code == 204
    assert [row.event_key for row in rows(office_id)] == [f"{office_id}-a:delivered:"]


def test_taken_reports_are_counted_in_the_log_together_and_refused_ones_one_by_one(
    client: TestClient, office_id: int, capsys: pytest.CaptureFixture[str]
) -> None:
    status = f"/webhooks/gateway/{office_id}/status"
    answer = gateway(client, status, json.dumps({"userReference": f"{office_id}-a", "status": "delivered"}).encode())
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert len(answer.headers["x-request-id"]) == 16
    taken = capsys.readouterr()
    assert "reports_stored" in taken.out + taken.err
    assert "/webhooks/gateway" not in taken.out + taken.err
    assert client.post(status, content=b"{}").status_code == 403
    refused = capsys.readouterr()
    assert "webhook_refused" in refused.out + refused.err


def test_an_address_with_no_office_in_it_is_refused(client: TestClient) -> None:
    for office in ("x", "0", "-1", "99999999999", "4294967297"):
        assert gateway(client, f"/webhooks/gateway/{office}/status", b"{}").status_code == 403
        assert twilio(client, f"/webhooks/twilio/replies/{office}", {"MessageSid": "S", "From": "+819012345678"}).status_code == 422
    assert client.get("/webhooks/gateway/1/status").status_code == 405
