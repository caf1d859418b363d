"""Files and webhooks at the doors: judged by content and signature, stored first, never shown as pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from callcenter.auth.models import Role
from callcenter.core.clock import SystemClock
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.models import Escalation
from campaigns.debtors.models import Debtor
from campaigns.imports.models import ImportFile
from dialer.calls.models import CarrierInbox
from dialer.telephony.events import EventKind
from dialer.telephony.twilio.inbox import StoredWebhooks
from tests.callcenter.conftest import Person

HEADER = "宛名番号,氏名,税目コード,賦課年度,相当年度,期別,通知書番号,納期限,調定額,未納額\n"
ROW = "0001,見本 佳代,01,2026,2026,1,N1,2026-06-30,36000,36000\n"
PUBLIC = "https://calls.example"


def send(who: Person, content: bytes, name: str = "list.csv", **form: str) -> tuple[int, str, str]:
    headers = {"X-CSRF-Token": who.csrf, "HX-Request": "true", "Idempotency-Key": uuid4().hex}
    data = {"kind": "debts", "mode": "full", "as_of": date(2026, 11, 20).isoformat(), **form}
    answer = who.client.post("/imports", data=data, files={"file": (name, content, "text/csv")}, headers=headers)
    return answer.status_code, answer.headers.get("hx-redirect", ""), answer.text


def test_a_list_is_received_and_shown(person: Callable[..., Person], office_id: int) -> None:
    who = person(Role.SUPERVISOR)
    status, address, text = send(who, (HEADER + ROW).encode("cp932"), "../../名簿\r\nX.csv")
    assert status == 204, text
    page = who.get(address)
    assert page.status_code == 200
    assert "<script" not in page.text.split("</head>")[1].split("<main")[1]
    assert who.get("/imports").status_code == 200
    assert who.get(address + "/rejected.csv").status_code == 404
    with transaction(office_id) as session:
        row = session.scalars(select(ImportFile)).one()
        assert "/" not in row.original_name
        assert row.stored_path.endswith(".upload")
    assert who.get("/api/v1/imports").json()[0]["status"] == "registered"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"", {}),
        (b"MZ\x90\x00\x03" + b"\x00" * 200, {}),
        ((HEADER + ROW).encode("cp932"), {"kind": "photos"}),
        ((HEADER + ROW).encode("cp932"), {"as_of": "きのう"}),
        ("列1,列2\n1,2\n".encode(), {}),
    ],
)
def test_what_is_no_list_is_refused_and_changes_nothing(
    person: Callable[..., Person], office_id: int, content: bytes, form: dict[str, str]
) -> None:
    status, _, text = send(person(Role.SUPERVISOR), content, **form)
    assert status == 422
    assert "＊" in text
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(ImportFile)) == 0


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[RequestValidator]:
    monkeypatch.setenv("CALLCENTER_PUBLIC_URL", PUBLIC)
    monkeypatch.setenv("CALLCENTER_TWILIO_AUTH_TOKEN", "token")
    get_settings.cache_clear()
    yield RequestValidator("token")
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_genuine_report_is_stored_once(app: FastAPI, office_id: int, twilio: RequestValidator) -> None:
    client = TestClient(app, headers={"Host": "evil.example"})
    path = f"/webhooks/twilio/voice?ref=o{office_id}-c-abc&event=status"
    form = {"CallSid": "CA1", "CallStatus": "ringing", "To": "+819010010001", "Unknown": "extra"}
    signature = twilio.compute_signature(PUBLIC + path, form)
    for _ in range(2):
        answer = client.post(path, data=form, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 200, answer.text
        assert answer.text.startswith("<?xml")
    with transaction(office_id) as session:
        row = session.scalars(select(CarrierInbox)).one()
        assert "To" not in row.payload


@pytest.mark.parametrize(("caller", "known"), [("+819010010001", "+819010010001"), ("+266696687", None), ("anonymous", None)])
def test_a_call_that_comes_in_is_told_to_the_dialer_with_its_end(
    app: FastAPI, office_id: int, twilio: RequestValidator, caller: str, known: str | None
) -> None:
    client, path = TestClient(app), f"/webhooks/twilio/incoming/{office_id}"

    def tell(status: str, path: str = path) -> Response:
        form = {"CallSid": "CAin", "CallStatus": status, "From": caller, "To": "+81300000009"}
        return client.post(path, data=form, headers={"X-Twilio-Signature": twilio.compute_signature(PUBLIC + path, form)})

    for _ in range(2):
        assert "<Pause" in tell("ringing").text
    assert tell("completed").status_code == 200
    assert tell("ringing", "/webhooks/twilio/incoming/999").status_code == 422
    inbox = StoredWebhooks(SystemClock(), lambda: [office_id])
    came, ended = inbox()
    assert (came.kind, came.caller, came.called, came.channel_id) == (EventKind.INCOMING, known, "+81300000009", f"o{office_id}-in-CAin")
    assert (ended.kind, ended.channel_id) == (EventKind.ENDED, came.channel_id)


@pytest.mark.parametrize("signature", ["", "forged"])
def test_a_report_that_is_not_twilio_s_is_refused(app: FastAPI, office_id: int, twilio: RequestValidator, signature: str) -> None:
    client = TestClient(app)
    for path in (f"/webhooks/twilio/voice?ref=o{office_id}-c-abc&event=status", f"/webhooks/twilio/messages/{office_id}-abc"):
        answer = client.post(path, data={"CallSid": "CA1", "CallStatus": "ringing"}, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 403
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(CarrierInbox)) == 0


def test_an_officer_returns_a_case_once(person: Callable[..., Person], office_id: int) -> None:
    from callcenter.core.clock import utc_now

    with transaction(office_id) as session:
        debtor = Debtor(debtor_no="1", name="見本 佳代")
        session.add(debtor)
        session.flush()
        row = Escalation(debtor_id=debtor.id, reason="instalment", created_at=utc_now())
        session.add(row)
        session.flush()
        number = row.id
    officer = person(Role.TAX_OFFICER)
    assert "分納の相談" in officer.get("/escalations").text
    assert officer.post(f"/escalations/{number}", {"decision": "returned"}).status_code == 422
    returned = {"decision": "returned", "reason": "more_needed", "note": "期日を聞いてください。"}
    assert officer.post(f"/escalations/{number}", returned).status_code == 204
    assert officer.post(f"/escalations/{number}", {"decision": "accepted"}).status_code == 409
