"""A small Twilio on loopback for the official client: calls and messages with a life of their own, signed reports, errors on demand.

    with FakeTwilio(auth_token="t") as twilio:
        Client("AC…", "t", http_client=TwilioHttp(twilio.url))

What a number does is decided by `script[number]` (the statuses that follow "queued"); `errors[number]` refuses with Twilio's code;
`swallowed` numbers are accepted but the answer is lost. Nothing happens by itself: `advance()` moves every call and message one status on
and posts the signed report, so tests decide the order, repeat and reorder.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from twilio.request_validator import RequestValidator

ERRORS = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    21211: (400, "Invalid 'To' Phone Number"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
}
# A message that is accepted but can't be delivered has its error only in the report.
UNDELIVERED = {30001: "Queue overflow", 30003: "Unreachable destination handset", 30005: "Unknown destination handset", 30006: "Landline"}
_CALL_STATUSES = ["initiated", "ringing", "in-progress", "completed"]
_MESSAGE_STATUSES = ["sent", "delivered"]
_FINAL = {"completed", "busy", "no-answer", "failed", "canceled", "delivered", "undelivered"}


@dataclass
class Resource:
    """A call or a message."""

    kind: str
    sid: str
    fields: dict[str, str]
    path: str
    status: str = "queued"
    left: deque[str] = field(default_factory=deque)
    extra: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    sequence: int = 0

    @property
    def told_status(self) -> str:
        """What the REST interface tells; "initiated" is a word of the reports only."""
        return "queued" if self.status == "initiated" else self.status

    @property
    def number(self) -> str:
        return self.fields.get("To", "")


class FakeTwilio:
    """See the module.

    Attributes:
        resources: everything accepted so far, by sid.
        requests: method and path of every request, in order.
        reports: every report that was posted: address, fields and the answer's text.
        post: how a report is delivered; replaced by tests without a web process.
    """

    def __init__(self, *, account_sid: str = "ACtest", auth_token: str = "token") -> None:
        self.account_sid, self.auth_token = account_sid, auth_token
        self.script: dict[str, list[str]] = {}
        self.details: dict[str, dict[str, str]] = {}
        self.errors: dict[str, int] = {}
        self.swallowed: set[str] = set()
        self.resources: dict[str, Resource] = {}
        self.requests: list[tuple[str, str]] = []
        self.reports: list[tuple[str, dict[str, str], str]] = []
        self.numbers: set[str] = {"+81312345678"}
        self._serial = count(1)
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeTwilio:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def of(self, number: str) -> list[Resource]:
        """Calls and messages to this number."""
        return [one for one in self.resources.values() if one.number == number]

    def advance(self, *, deliver: bool = True) -> list[tuple[str, dict[str, str]]]:
        """Moves everything one status on; the reports, posted unless `deliver` is off."""
        made = []
        with self._lock:
            for one in list(self.resources.values()):
                if one.left and one.status not in _FINAL:
                    one.status = one.left.popleft()
                    made += self._report(one)
        if deliver:
            for address, fields in made:
                self.post(address, fields)
        return made

    def finish(self) -> None:
        """Advances until nothing moves any more."""
        while self.advance():
            pass

    def post(self, address: str, fields: Mapping[str, str]) -> str:
        """Posts a signed report as Twilio does; the answer's text."""
        answer = requests.post(address, data=fields, headers=self.signed(address, fields), timeout=10)
        answer.close()
        self.reports.append((address, dict(fields), answer.text))
        return answer.text

    def signed(self, address: str, fields: Mapping[str, str]) -> dict[str, str]:
        """The header that shows a report to be ours."""
        signature = RequestValidator(self.auth_token).compute_signature(address, dict(fields))
        return {"X-Twilio-Signature": signature, "Connection": "close"}

    def report_of(self, one: Resource) -> dict[str, str]:
        """The fields of a report about the resource as it is now."""
        base = {"AccountSid": self.account_sid, "ApiVersion": "2010-04-01", "From": one.fields.get("From", ""), "To": one.number}
        if one.kind == "Messages":
            error = {"ErrorCode": one.extra["ErrorCode"]} if one.status == "undelivered" and "ErrorCode" in one.extra else {}
            return {**base, "MessageSid": one.sid, "SmsSid": one.sid, "MessageStatus": one.status, "SmsStatus": one.status, **error}
        details = one.extra if one.status in _FINAL else {}
        sequence = {"SequenceNumber": str(one.sequence)}
        return {**base, "CallSid": one.sid, "CallStatus": one.status, "CallbackSource": "call-progress-events", **sequence, **details}

    def _report(self, one: Resource) -> list[tuple[str, dict[str, str]]]:
        address = one.fields.get("StatusCallback", "")
        made = [(address, self.report_of(one))] if address else []
        one.sequence += 1
        return made

    def answer(self, method: str, path: str, form: dict[str, str], user: str | None) -> tuple[int, dict[str, Any]] | None:
        """What the server says to one request; None closes the connection without a word."""
        with self._lock:
            self.requests.append((method, urlsplit(path).path))
            if user != f"{self.account_sid}:{self.auth_token}":
                return _error(20003)
            parts = urlsplit(path)
            room = re.fullmatch(r"/2010-04-01/Accounts/[^/.]+/Conferences(?:/(CF[^/]+)/Participants/([^/]+))?\.json", parts.path)
            if room is not None:
                return self._conference(room[1], room[2], form, dict(parse_qsl(parts.query)))
            found = re.fullmatch(r"/2010-04-01/Accounts/[^/.]+(?:/([A-Za-z]+)(?:/([A-Za-z0-9]+))?)?\.json", parts.path)
            if found is None:
                return _error(20404)
            kind, sid = found.groups()
            if kind is None:
                return 200, {"sid": self.account_sid, "status": "active", "friendly_name": "test"}
            if kind in {"IncomingPhoneNumbers", "OutgoingCallerIds"}:
                return self._numbers(kind, dict(parse_qsl(parts.query)))
            if kind not in {"Calls", "Messages"}:
                return _error(20404)
            if sid is not None:
                return self._one(method, sid, form)
            return self._create(kind, parts.path, form) if method == "POST" else self._list(kind, dict(parse_qsl(parts.query)))

    def _conference(self, room: str | None, sid: str, form: Mapping[str, str], query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Rooms are named by the documents of the calls in them; a participant is a call."""
        if room is None:
            name = query.get("FriendlyName", "")
            is_there = any(f">{name}</Conference>" in one.fields.get("Twiml", "") for one in self.resources.values())
            rows = [{"sid": f"CF{name}", "friendly_name": name, "status": "in-progress", "account_sid": "ACtest"}] if is_there else []
            return 200, {"conferences": rows, **_PAGE}
        one = self.resources.get(sid)
        if one is None or f">{room[2:]}</Conference>" not in one.fields.get("Twiml", ""):
            return _error(20404)
        one.extra["Muted"] = form.get("Muted", "")
        return 200, {"call_sid": sid, "conference_sid": room, "muted": form.get("Muted") == "true", "account_sid": "ACtest"}

    def _numbers(self, kind: str, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        rows = [{"sid": "PN1", "phone_number": n} for n in self.numbers if n == query.get("PhoneNumber", n)]
        key = "incoming_phone_numbers" if kind == "IncomingPhoneNumbers" else "outgoing_caller_ids"
        return 200, {key: rows if kind == "IncomingPhoneNumbers" else [], **_PAGE}

    def _create(self, kind: str, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]] | None:
        number = form.get("To", "")
        code = self.errors.get(number)
        if code in ERRORS:
            return _error(code)
        prefix = "CA" if kind == "Calls" else "SM"
        statuses = self.script.get(number, _CALL_STATUSES if kind == "Calls" else _MESSAGE_STATUSES)
        one = Resource(kind, f"{prefix}{next(self._serial):032x}", form, path, left=deque(statuses))
        one.extra.update(self.details.get(number, {}))
        if code in UNDELIVERED:
            one.left = deque(["sent", "undelivered"])
            one.extra["ErrorCode"] = str(code)
        self.resources[one.sid] = one
        return None if number in self.swallowed else (201, _document(one))

    def _one(self, method: str, sid: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        one = self.resources.get(sid)
        if one is None:
            return _error(20404)
        if method == "POST":
            if one.status in _FINAL:
                return 400, {"code": 21220, "message": "Call is not in-progress. Cannot redirect.", "status": 400, "more_info": ""}
            one.fields.update(form)
            if form.get("Status") in {"completed", "canceled"}:
                was_up = one.status == "in-progress"
                one.left = deque(["completed" if was_up else "canceled"])
        return 200, _document(one)

    def _list(self, kind: str, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        rows = []
        for one in self.resources.values():
            day = one.created.strftime("%Y-%m-%d")
            wanted = (
                one.kind == kind
                and query.get("To", one.number) == one.number
                and query.get("Status", one.told_status) == one.told_status
                and query.get("DateSent", day)[:10] == day
                and query.get("DateSent>", day)[:10] <= day <= query.get("DateSent<", day)[:10]
            )
            if wanted:
                rows.append(_document(one))
        return 200, {kind.lower(): rows[::-1], **_PAGE}


_PAGE = {"page": 0, "page_size": 1000, "next_page_uri": None, "previous_page_uri": None, "first_page_uri": "", "uri": ""}


def _document(one: Resource) -> dict[str, Any]:
    when = one.created.strftime("%a, %d %b %Y %H:%M:%S +0000")
    is_sent = one.status in {"sent", "delivered", "undelivered"}
    return {
        "sid": one.sid,
        "status": one.told_status,
        "to": one.number,
        "from": one.fields.get("From"),
        "body": one.fields.get("Body"),
        "date_created": when,
        "date_updated": when,
        "date_sent": when if is_sent or one.kind == "Messages" else None,
        "error_code": int(one.extra["ErrorCode"]) if one.status == "undelivered" and "ErrorCode" in one.extra else None,
        "error_message": None,
        "num_segments": str(-(-len(one.fields.get("Body", "")) // 70) or 1),
        "direction": "outbound-api",
        "account_sid": "ACtest",
        "uri": one.path,
    }


def _error(code: int) -> tuple[int, dict[str, Any]]:
    status, message = ERRORS[code]
    return status, {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}


def _handler(twilio: FakeTwilio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._serve("POST")

        def do_GET(self) -> None:
            self._serve("GET")

        def _serve(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            pairs = parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True)
            said = twilio.answer(method, self.path, dict(pairs), _basic_user(self.headers.get("Authorization", "")))
            self.close_connection = True
            if said is None:
                return
            status, document = said
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    return Handler


def _basic_user(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    return base64.b64decode(value).decode() if scheme == "Basic" else None
