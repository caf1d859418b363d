"""What the small Twilio of the tests answers with: resources with every field of the published description, empty where nothing is told."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from tests.contracts.twilio import description

VERSION = "2010-04-01"
ERRORS = {
    20003: (401, "Authenticate"),
    20005: (403, "Account is not active"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service is unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21606: (400, "The From phone number is not a valid, SMS-capable inbound phone number for your account"),
    21603: (400, "A 'From' phone number is required"),
    21614: (400, "'To' number is not a valid mobile number"),
    21220: (400, "Call is not in-progress. Cannot redirect."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
}


def resource(kind: str, account_sid: str, **told: object) -> dict[str, Any]:
    """One resource of the account: `kind` as the description names it behind `api.v2010.account`."""
    blank = description().blank(f"api.v2010.account{kind}")
    known = {name: value for name, value in (("account_sid", account_sid), ("api_version", VERSION)) if name in blank}
    return {**blank, **known, **told}


def call(account_sid: str, sid: str, fields: Mapping[str, str], status: str, created: datetime) -> dict[str, Any]:
    """A call we asked for."""
    when, up = moment(created), status in {"in-progress", "completed"}
    numbers = {"to": fields.get("To"), "from": fields.get("From"), "to_formatted": fields.get("To"), "from_formatted": fields.get("From")}
    uri = f"/{VERSION}/Accounts/{account_sid}/Calls/{sid}.json"
    dates = {"date_created": when, "date_updated": when, "start_time": when if up else None}
    return resource(
        ".call", account_sid, sid=sid, status=status, direction="outbound-api", uri=uri, subresource_uris={}, **numbers, **dates
    )


def message(account_sid: str, sid: str, fields: Mapping[str, str], status: str, created: datetime, error: int | None) -> dict[str, Any]:
    """A message we asked for. One that a Messaging Service sends has no sender yet while it waits, as Twilio's own examples show."""
    when, body = moment(created), fields.get("Body", "")
    told: dict[str, object] = {
        "sid": sid,
        "status": status,
        "to": fields.get("To"),
        "from": fields.get("From"),
        "messaging_service_sid": fields.get("MessagingServiceSid"),
        "body": body,
        "num_segments": str(-(-len(body) // 70) or 1),
        "num_media": "0",
        "direction": "outbound-api",
        "error_code": error,
        "uri": f"/{VERSION}/Accounts/{account_sid}/Messages/{sid}.json",
        "subresource_uris": {},
    }
    is_sent = status in {"sent", "delivered", "undelivered"}
    dates = {"date_created": when, "date_updated": when, "date_sent": when if is_sent else None}
    return resource(".message", account_sid, **told, **dates)


def page(path: str, key: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The only page of a list."""
    uri = f"{path}?PageSize=50&Page=0"
    places = {"uri": uri, "first_page_uri": uri, "next_page_uri": None, "previous_page_uri": None}
    return {key: list(rows), "page": 0, "page_size": 50, "start": 0, "end": max(0, len(rows) - 1), **places}


def error(code: int, status: int | None = None) -> tuple[int, dict[str, Any]]:
    """A refusal; its status is what Twilio's error dictionary has for the code."""
    told, words = ERRORS[code]
    at = status or told
    return at, {"code": code, "message": words, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": at}


def wav(debtor: bytes, operator: bytes) -> bytes:
    """Two directions as the two channels of one file, as Twilio gives it out."""
    both = np.column_stack([np.frombuffer(side, dtype="<i2") for side in (debtor, operator)])
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(both.tobytes())
    return out.getvalue()


def moment(when: datetime) -> str:
    """RFC 2822, as Twilio writes times."""
    return when.strftime("%a, %d %b %Y %H:%M:%S +0000")
