"""Models of the pages of wordings, replies and the sender."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from callcenter.web.template_model import form_model, preview_model
from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import example_document, example_request
from campaigns.messages.wording import review
from campaigns.messages.wordings import Draft

AT = datetime(2026, 11, 18, 1, 20, tzinfo=UTC)
OWN = {"office_name": "架空市", "desk_name": "お客さま係", "callback_number": "03-0000-0000"}
GOOD = "{{ office_name }}からのお知らせです。\nお手数ですが{{ callback_number }}までお電話ください。\n停止は「停止」と返信"
STRONG = "{{ name }}様 {{ letter_date }}にお送りした書面の件です。{{ callback_number }}までお電話ください。https://x.example"


def preview(body: str, *allowed: str) -> dict[str, Any]:
    return preview_model(review(body, OWN, {"name": "見本" * 12}, allowed_fields=allowed), "ja")


def wordings() -> dict[str, Any]:
    row = {
        "href": "/templates/1",
        "code": "notice",
        "version": 2,
        "is_active": True,
        "is_neutral": True,
        "body": GOOD,
        "at": AT,
        "user": "堀",
    }
    waiting = row | {"version": 3, "is_active": False, "is_neutral": False, "body": STRONG}
    return {"templates": [waiting, row], "built_in": {"code": "please_call", "body": GOOD}}


def wording_new() -> dict[str, Any]:
    draft = Draft("notice", STRONG, allowed_fields=("name",))
    return {"form": form_model(draft, "ja"), "preview": preview(STRONG, "name"), "code_error": "", "is_refused": True}


def wording() -> dict[str, Any]:
    versions = [{"href": f"/templates/{n}", "version": n, "is_active": n == 2, "at": AT, "is_this": n == 3} for n in (3, 2, 1)]
    return {
        "wording": {
            "id": 3, "code": "notice", "version": 3, "is_active": False, "body": GOOD, "permits": ["氏名"], "at": AT, "user": "堀",
            "activated_at": None, "activated_by": "", "refusal": "作った人とは別の人が使い始めます。",
        },
        "versions": versions,
        "preview": preview(GOOD),
        "own": {"number": "090-0000-0001", "is_verified": False, "tests": [{"at": AT, "code": "notice@2", "result": "届いた"}]},
    }  # fmt: skip


def replies() -> dict[str, Any]:
    row = {
        "href": "/debtors/1",
        "name": "見本 佳代",
        "number": "090-0000-0001",
        "kind": "stop",
        "body": "停止",
        "at": AT,
        "suppressed": 1,
        "withdrawn": 1,
    }
    return {
        "replies": [row, row | {"href": None, "name": "", "kind": "text", "body": "どなたですか。\n間違いでは？"}],
        "older": "/replies?before=7",
    }


def sender() -> dict[str, Any]:
    shown = example_request(read_gateway(example_document()), "https://sms.example", "CITY")
    return {
        "used": {
            "kind": "SMS送信事業者（HTTP）",
            "is_settings": False,
            "problem": "example-gateway is not complete. Set CALLCENTER_SMS_GATEWAY_SECRET.",
            "rates": [{"number": "+81312345678", "rate": 10.0}, {"number": "", "rate": 0.5}],
        },
        "numbers": {"lines": "+81312345678 = 10\n+81312345679 = 0.5", "rate": "1"},
        "kinds": [{"value": "gateway", "label": "SMS送信事業者（HTTP）", "is_chosen": True}],
        "document": example_document(),
        "checked": {"problem": "", "missing": ["CALLCENTER_SMS_GATEWAY_SECRET"], "request": f"POST {shown['url']}\n\n{shown['body']}"},
        "inbox": {"waiting": 0, "problems": 2, "all": 1204},
        "past": [{"kind": "Twilio", "at": AT, "user": "管理者"}],
        "addresses": ["https://calls.example/webhooks/gateway/1/status", "https://calls.example/webhooks/gateway/1/replies"],
    }
