"""A provider's description: mistakes are named by field, and answers, reports and replies are read as it says. Pure."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.messages.senders.gateway import hearing
from campaigns.messages.senders.gateway.document import Auth, Gateway, read_gateway
from campaigns.messages.senders.gateway.sender import example_document, example_request, fill, judge_answer, judge_status, nested, value_at
from campaigns.messages.senders.gateway.signing import headers_for, is_genuine
from campaigns.messages.senders.port import SenderError, SenderRefused, SenderUnreachable, SendUnknown
from campaigns.messages.senders.troubles import TROUBLES, Kind, Trouble, error_of, trouble_text
from campaigns.messages.senders.twilio import ERRORS
from campaigns.messages.state import MessageState

EXAMPLE = example_document()
DOCUMENT = read_gateway(EXAMPLE)


def changed(**tables: dict[str, Any] | None) -> Gateway:
    """The example with tables taken out or fields replaced."""
    document = tomllib.loads(EXAMPLE)
    for name, fields in tables.items():
        if fields is None:
            document.pop(name)
        else:
            document[name] = {**document.get(name, {}), **fields}
    return Gateway.model_validate(document, strict=False)


def test_the_example_is_whole_and_shows_its_request_without_a_secret() -> None:
    shown = example_request(DOCUMENT, "https://sms.example/api/", "CITY")
    assert shown["url"] == "https://sms.example/api/v1/messages"
    assert json.loads(shown["body"])["message"] == {"phoneNumber": "09000000000", "text": "○○市です。お電話ください。", "senderId": "CITY"}
    assert shown["headers"]["X-Signature"] == "…"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('kind = "hmac"\nheader', 'kind = "oauth"\nheader', "auth.kind"),
        ('format = "json"                       #', 'format = "xml" #', "request.format"),
        ('path = "/v1/messages"\nformat', 'path = "http://evil.example/"\nformat', "request.path"),
        ('path = "/v1/messages"\nformat', 'path = "//evil.example/"\nformat', "request.path"),
        ("segments_per_second = 10", "segments_per_second = 0", "segments_per_second"),
        ("segments_per_second = 10", 'segments_per_second = "fast"', "segments_per_second"),
        ('userReference = "{reference}"\nstatusCallback', "statusCallback", "reference"),
        ('"message.text" = "{text}"', "", "{text}"),
        ('"{to_national}"', '"{phone}"', "{phone}"),
        ('delivered = "delivered"', 'delivered = "arrived"', "callback.states.delivered"),
        ('"E101" = "invalid_number"', '"E101" = "oops"', "answer.errors.E101"),
        ("[answer]", "[answer]\nsecret = 1", "answer.secret"),
        ('name = "example-gateway"', 'name = "twilio"', "name"),
        ('[callback.auth]\nkind = "hmac"', '[callback.auth]\nkind = "basic"', "callback"),
        ("[auth]", "[auth", "no TOML"),
        ('id = "messageId"\nerror = "errorCode"\n\n[answer.errors]', "[answer.errors]", "answer.id"),
    ],
)
def test_each_mistake_is_named_by_its_field(old: str, new: str, named: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(InvalidInput) as caught:
        read_gateway(EXAMPLE.replace(old, new, 1))
    assert named in str(caught.value)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_whatever_is_no_description_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_gateway(text)


@pytest.mark.parametrize(
    ("status", "answer", "error", "code"),
    [
        (200, {"messageId": "m1"}, None, ""),
        (202, {"messageId": 17}, None, ""),
        (200, {"errorCode": "E101"}, SenderRefused, "invalid_number"),
        (400, {"errorCode": "E103"}, SenderRefused, "opted_out"),
        (400, {"errorCode": "E999"}, SenderRefused, "refused_by_provider"),
        (403, {"errorCode": "E202"}, SenderRefused, "account_suspended"),
        (401, None, SenderRefused, "credential_refused"),
        (402, None, SenderRefused, "no_balance"),
        (404, "page", SenderRefused, "sender_misconfigured"),
        (302, None, SenderRefused, "sender_misconfigured"),
        (429, None, SenderUnreachable, "rate_limited"),
        (503, None, SenderUnreachable, "provider_busy"),
        (500, None, SendUnknown, "provider_fault"),
        (504, {"errorCode": ""}, SendUnknown, "provider_fault"),
        (200, {}, SendUnknown, "answer_unreadable"),
        (200, None, SendUnknown, "answer_unreadable"),
        (200, {"messageId": {"a": 1}}, SendUnknown, "answer_unreadable"),
    ],
)
def test_what_an_answer_means(status: int, answer: Any, error: type[SenderError] | None, code: str) -> None:
    if error is None:
        assert judge_answer(DOCUMENT, status, answer).state is MessageState.ACCEPTED
        return
    with pytest.raises(error) as caught:
        judge_answer(DOCUMENT, status, answer)
    assert caught.value.code == code
    if isinstance(caught.value, SenderRefused):
        assert caught.value.is_account == (TROUBLES[Trouble(code)].kind is Kind.ACCOUNT)


def test_what_a_status_query_tells() -> None:
    assert DOCUMENT.status is not None
    row = {"userReference": "1-a", "messageId": "m1", "status": "UNDELIVERABLE", "errorCode": "D11"}
    found = judge_status(DOCUMENT, DOCUMENT.status, {"messages": [{"userReference": "1-b"}, row]}, "1-a")
    assert found is not None
    assert (found.provider_id, found.state, found.reason) == ("m1", MessageState.UNDELIVERED, "handset_off")
    assert judge_status(DOCUMENT, DOCUMENT.status, {"messages": []}, "1-a") is None
    assert judge_status(DOCUMENT, DOCUMENT.status, {}, "1-a") is None
    odd = judge_status(DOCUMENT, DOCUMENT.status, {"messages": [{**row, "status": "teleported"}]}, "1-a")
    assert odd is not None
    assert odd.state is MessageState.ACCEPTED


def test_reports_and_replies_are_read_and_told_apart() -> None:
    body = json.dumps({"userReference": "1-a", "messageId": "m", "status": "expired", "errorCode": "D12", "new": {"field": [1]}}).encode()
    payload = hearing.read_body("json", body)
    assert payload is not None
    assert payload["new.field.0"] == "1"
    assert hearing.status_key(DOCUMENT, payload) == "1-a:expired:D12"
    news = hearing.read_report(DOCUMENT, payload)
    assert news is not None
    assert (news.reference, news.status.state, news.status.reason) == ("1-a", MessageState.UNDELIVERED, "blocked")
    assert hearing.read_report(DOCUMENT, {**payload, "status": "?"}) is None
    reply = hearing.read_body("json", json.dumps({"replyId": 5, "from": "09012345678", "text": "停止"}).encode())
    assert reply is not None
    assert hearing.reply_key(DOCUMENT, reply) == "reply:5"
    assert hearing.read_body("json", b"[1]") is None
    assert hearing.read_body("json", b"\xff") is None
    assert hearing.read_body("json", b"[" * 100_000) is None
    assert hearing.read_body("form", b"a=1&" * 100) is None


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["hex", "base64"]), st.sampled_from([None, "X-Time"]))
def test_only_the_same_body_and_secret_are_genuine(body: bytes, encoding: Any, stamp: str | None) -> None:
    auth = Auth(kind="hmac", encoding=encoding, timestamp_header=stamp, prefix="v1=")
    headers = headers_for(auth, "", "secret", body, 1_000)
    assert is_genuine(auth, "secret", headers, body, 1_200)
    assert not is_genuine(auth, "secret", headers, body + b"x", 1_000)
    assert not is_genuine(auth, "other", headers, body, 1_000)
    assert not is_genuine(auth, "", headers, body, 1_000)
    assert is_genuine(auth, "secret", headers, body, 9_000) == (stamp is None)


def test_basic_bearer_and_plain_secrets() -> None:
    assert headers_for(Auth(kind="basic"), "u", "p", b"", 0) == {"Authorization": "Basic dTpw"}
    assert headers_for(Auth(kind="bearer"), "", "t", b"", 0) == {"Authorization": "Bearer t"}
    token = Auth(kind="header", header="X-Token")
    assert is_genuine(token, "t", {"X-Token": "t"}, b"", 0)
    assert not is_genuine(token, "t", {"X-Token": "T"}, b"", 0)


def test_marks_are_replaced_once_and_braces_of_the_text_stay() -> None:
    assert fill("{text}/{to}", {"text": "{to}", "to": "+81"}) == "{to}/+81"
    assert fill("a{b", {"b": "x"}) == "a{b"
    assert nested({"m.0.to": "1", "m.0.text": "t", "ref": "r"}) == {"m": [{"to": "1", "text": "t"}], "ref": "r"}
    assert value_at({"a": [{"b": 1}]}, "a.0.b") == 1
    assert value_at({"a": [{"b": 1}]}, "a.9.b") is None


def test_each_trouble_is_an_error_of_its_kind_with_words_in_both_languages() -> None:
    assert set(TROUBLES) == set(Trouble)
    kinds = {Kind.MESSAGE: SenderRefused, Kind.ACCOUNT: SenderRefused, Kind.LATER: SenderUnreachable, Kind.UNKNOWN: SendUnknown}
    for trouble, told in TROUBLES.items():
        error = error_of(trouble, "p", "1")
        assert type(error) is kinds[told.kind]
        assert error.code == trouble.value
        assert len(trouble.value) <= 40
        assert trouble_text(trouble.value, "ja") == told.ja
    assert trouble_text("odd", "en") == "odd"
    assert {ERRORS[21211], ERRORS[21610], ERRORS[20429], ERRORS[30001], ERRORS[30002]} == {
        Trouble.INVALID_NUMBER,
        Trouble.OPTED_OUT,
        Trouble.RATE_LIMITED,
        Trouble.BUSY,
        Trouble.ACCOUNT_SUSPENDED,
    }


def test_documents_without_reports_or_questions() -> None:
    assert changed(callback=None, reply=None, status={"states": {"ok": "delivered"}}).asked_states == {"ok": "delivered"}
    assert changed(status=None).status is None
