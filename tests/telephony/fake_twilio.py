"""A small Twilio on loopback for the official client: calls and messages with a life of their own, signed reports, errors on demand.

    with FakeTwilio(auth_token="t") as twilio:
        Client(twilio.account_sid, "t", http_client=TwilioHttp(twilio.url))

What a number does is decided by `script[number]` (the statuses that follow "queued"); `errors[number]` refuses with Twilio's code;
`swallowed` numbers are accepted but the answer is lost. A message by nobody, or by a number not in `numbers`, is refused. Nothing happens
by itself: `advance()` moves every call and message one status on and posts the signed report, so tests decide the order and repeat.

Every request and every answer is held against Twilio's published API description (`tests.contracts.twilio`), every report against the
fields its documentation names; what deviates fails the test when it leaves the server (`deviations`).
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
from urllib.parse import parse_qs, parse_qsl

import requests
from twilio.request_validator import RequestValidator

from tests.contracts.twilio import HOST, Answer, Request, description
from tests.contracts.twilio_reports import deviations_of_report
from tests.telephony import twilio_documents as documents

# A message that is accepted but can't be delivered has its error only in the report.
UNDELIVERED = {30001: "Queue overflow", 30003: "Unreachable destination handset", 30005: "Unknown destination handset", 30006: "Landline"}
_CALL_STATUSES = ["initiated", "ringing", "in-progress", "completed"]
_MESSAGE_STATUSES = ["sent", "delivered"]
ACCOUNT = "AC" + "5" * 32
Said = tuple[int, dict[str, Any] | None]
_FINAL = {"completed", "busy", "no-answer", "failed", "canceled", "delivered", "undelivered"}


@dataclass
class Resource:
    """A call or a message."""

    kind: str
    sid: str
    fields: dict[str, str]
    status: str = "queued"
    left: deque[str] = field(default_factory=deque)
    lists: dict[str, list[str]] = field(default_factory=dict)
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
        recordings: those it holds, by sid: the call's sid and the sound as a WAV file, b"" for one that is absent.
        sounds: what is recorded of calls to a number: from the debtor, to the debtor (16-bit samples at 8 kHz); without: silence.
        broken: "media" or "delete": what answers with a fault of Twilio's own.
        requests: method and path of every request, in order.
        reports: every report that was posted: address, fields and the answer's text.
        deviations: where a request or an answer was not as Twilio publishes it; leaving the server with one fails.
        post: how a report is delivered; replaced by tests without a web process.
    """

    def __init__(self, *, account_sid: str = ACCOUNT, auth_token: str = "token") -> None:
        self.account_sid, self.auth_token = account_sid, auth_token
        self.script: dict[str, list[str]] = {}
        self.details: dict[str, dict[str, str]] = {}
        self.errors: dict[str, int] = {}
        self.swallowed: set[str] = set()
        self.resources: dict[str, Resource] = {}
        self.requests: list[tuple[str, str]] = []
        self.reports: list[tuple[str, dict[str, str], str]] = []
        self.numbers: set[str] = {"+81312345678"}
        self.rooms: dict[str, str] = {}
        self.recordings: dict[str, tuple[str, bytes]] = {}
        self.sounds: dict[str, tuple[bytes, bytes]] = {}
        self.broken: set[str] = set()
        self.deviations: list[str] = []
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
        if error is None and self.deviations:
            raise AssertionError("not as Twilio publishes it:\n" + "\n".join(self.deviations))

    def of(self, number: str) -> list[Resource]:
        """Calls and messages to this number."""
        return [one for one in self.resources.values() if one.number == number]

    def advance(self, *, deliver: bool = True) -> list[tuple[str, dict[str, str]]]:
        """Moves everything one status on; the reports, posted unless `deliver` is off."""
        made = []
        with self._lock:
            for one in list(self.resources.values()):
                if one.left and one.status not in _FINAL:
                    was, one.status = one.status, one.left.popleft()
                    made += self._report(one)
                    if one.fields.get("Record") == "true" and one.status in _FINAL:
                        made += self._record(one, was_up=was == "in-progress")
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
        answer = requests.post(address, data=fields, headers=self.signed(address, fields), timeout=60)
        answer.close()
        self.reports.append((address, dict(fields), answer.text))
        return answer.text

    def signed(self, address: str, fields: Mapping[str, str]) -> dict[str, str]:
        """The header that shows a report to be ours."""
        self.deviations += deviations_of_report(address, fields)
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

    def _record(self, one: Resource, *, was_up: bool) -> list[tuple[str, dict[str, str]]]:
        sid = f"RE{next(self._serial):032x}"
        sides = self.sounds.get(one.number, (bytes(16000), bytes(16000)))
        sound = documents.wav(*sides) if was_up and any(sides) else b""
        self.recordings[sid] = one.sid, sound
        address, wanted = one.fields.get("RecordingStatusCallback", ""), one.lists.get("RecordingStatusCallbackEvent", ["completed"])
        status = "completed" if sound else "absent"
        told = {"AccountSid": self.account_sid, "CallSid": one.sid, "RecordingSid": sid, "RecordingStatus": status}
        told |= {"RecordingUrl": f"{HOST}/2010-04-01/Accounts/{self.account_sid}/Recordings/{sid}", "RecordingChannels": "2"}
        told |= {"RecordingSource": "OutboundAPI", "RecordingTrack": one.fields.get("RecordingTrack", "both")}
        return [(address, told)] if address and status in wanted else []

    def media(self, request: Request, user: str | None) -> Answer | None:
        """A recording's sound, which is not part of the published description; None where something else is asked for."""
        found = re.fullmatch(r"/2010-04-01/Accounts/[^/.]+/Recordings/(RE[0-9a-f]{32})\.wav", request.path)
        if found is None:
            return None
        self.requests.append((request.method.upper(), request.path))
        if "media" in self.broken:
            return Answer(503, b"")
        if user != f"{self.account_sid}:{self.auth_token}":
            return Answer(401, b"")
        _, sound = self.recordings.get(found[1], ("", b""))
        return Answer(200, sound, "audio/x-wav") if sound else Answer(404, b"")

    def serve(self, request: Request, user: str | None) -> Answer | None:
        """What the server says to one request; None closes the connection without a word. Both are held against the description."""
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        with self._lock:
            if (sound := self.media(request, user)) is not None:
                return sound
            self.requests.append((request.method.upper(), request.path))
            self.deviations += description().deviations_of_request(request)
            said = self._answer(request, form, user)
            if said is None:
                return None
            answer = Answer(said[0], b"" if said[1] is None else json.dumps(said[1]).encode())
            self.deviations += description().deviations_of_answer(request, answer)
        return answer

    def _answer(self, request: Request, form: dict[str, str], user: str | None) -> Said | None:
        if user != f"{self.account_sid}:{self.auth_token}":
            return documents.error(20003)
        if request.method in self.broken:
            return documents.error(20503)
        found = re.fullmatch(r"/2010-04-01/Accounts/[^/.]+(?:/(.+?))?\.json", request.path)
        match found[1].split("/") if found is not None and found[1] else []:
            case [] if found is not None:
                return 200, documents.resource("", self.account_sid, sid=self.account_sid, status="active", type="Full")
            case ["Calls" | "Messages" as kind] if request.method == "post":
                return self._create(kind, form, parse_qs(request.body.decode()))
            case ["Calls" | "Messages" as kind]:
                return self._list(kind, request)
            case ["Calls" | "Messages", sid]:
                return self._one(request.method, sid, form)
            case ["Recordings"]:
                return self._recordings_of(request)
            case ["Recordings", sid] if request.method == "delete":
                return documents.error(20404) if self.recordings.pop(sid, None) is None else (204, None)
            case ["IncomingPhoneNumbers" | "OutgoingCallerIds" as kind]:
                return self._numbers(kind, request)
            case ["Conferences"]:
                return self._conferences(request)
            case ["Conferences", room, "Participants", sid]:
                return self._participant(room, sid, form)
        return documents.error(20404)

    def _conferences(self, request: Request) -> Said:
        """Rooms are named by the documents of the calls in them."""
        name = request.parameters.query.get("FriendlyName", "")
        rows = []
        if any(f">{name}</Conference>" in one.fields.get("Twiml", "") for one in self.resources.values()):
            sid = self.rooms.setdefault(name, f"CF{next(self._serial):032x}")
            rows = [documents.resource(".conference", self.account_sid, sid=sid, friendly_name=name, status="in-progress")]
        return 200, documents.page(request.path, "conferences", rows)

    def _participant(self, room: str, sid: str, form: Mapping[str, str]) -> Said:
        """A participant is a call."""
        one, name = self.resources.get(sid), next((name for name, known in self.rooms.items() if known == room), None)
        if one is None or name is None or f">{name}</Conference>" not in one.fields.get("Twiml", ""):
            return documents.error(20404)
        one.extra["Muted"] = form.get("Muted", "")
        told = {"call_sid": sid, "conference_sid": room, "muted": form.get("Muted") == "true", "status": "connected"}
        return 200, documents.resource(".conference.participant", self.account_sid, **told)

    def _numbers(self, kind: str, request: Request) -> Said:
        asked = request.parameters.query.get("PhoneNumber")
        if kind == "OutgoingCallerIds":
            return 200, documents.page(request.path, "outgoing_caller_ids", [])
        words = {"address_requirements": "none", "voice_receive_mode": "voice"}
        words |= {"emergency_status": "Inactive", "emergency_address_status": "unregistered"}
        words |= dict.fromkeys(("sms_method", "sms_fallback_method", "voice_method", "voice_fallback_method"), "POST")
        words["status_callback_method"] = "POST"
        rows = [
            documents.resource(".incoming_phone_number", self.account_sid, sid=f"PN{n:032x}", phone_number=number, **words)
            for n, number in enumerate(sorted(self.numbers))
            if asked in {None, number}
        ]
        return 200, documents.page(request.path, "incoming_phone_numbers", rows)

    def _create(self, kind: str, form: dict[str, str], lists: dict[str, list[str]]) -> Said | None:
        number = form.get("To", "")
        code = self.errors.get(number) or (self._sender_problem(form) if kind == "Messages" else None)
        if code in documents.ERRORS:
            return documents.error(code)
        prefix = "CA" if kind == "Calls" else "SM"
        statuses = self.script.get(number, _CALL_STATUSES if kind == "Calls" else _MESSAGE_STATUSES)
        one = Resource(kind, f"{prefix}{next(self._serial):032x}", form, left=deque(statuses), lists=lists)
        one.extra.update(self.details.get(number, {}))
        if code in UNDELIVERED:
            one.left = deque(["sent", "undelivered"])
            one.extra["ErrorCode"] = str(code)
        self.resources[one.sid] = one
        return None if number in self.swallowed else (201, self._document(one))

    def _sender_problem(self, form: Mapping[str, str]) -> int | None:
        """A message goes out by a Messaging Service or by one of the account's numbers."""
        own = form.get("From", "")
        if form.get("MessagingServiceSid"):
            return None
        return None if own in self.numbers else 21606 if own else 21603

    def _recordings_of(self, request: Request) -> Said:
        wanted = request.parameters.query.get("CallSid")
        words = {"source": "OutboundAPI", "channels": 2, "subresource_uris": {}}
        rows = [
            documents.resource(".recording", self.account_sid, sid=sid, call_sid=call, status="completed" if sound else "absent", **words)
            for sid, (call, sound) in self.recordings.items()
            if wanted in {None, call}
        ]
        return 200, documents.page(request.path, "recordings", rows)

    def _one(self, method: str, sid: str, form: Mapping[str, str]) -> Said:
        one = self.resources.get(sid)
        if one is None:
            return documents.error(20404)
        if method == "post":
            if one.status in _FINAL:
                return documents.error(21220)
            one.fields.update(form)
            if form.get("Status") in {"completed", "canceled"}:
                was_up = one.status == "in-progress"
                one.left = deque(["completed" if was_up else "canceled"])
        return 200, self._document(one)

    def _list(self, kind: str, request: Request) -> Said:
        query = request.parameters.query
        rows = [
            self._document(one)
            for one in self.resources.values()
            if one.kind == kind and query.get("To", one.number) == one.number and query.get("Status", one.told_status) == one.told_status
        ]
        return 200, documents.page(request.path, kind.lower(), rows[::-1])

    def _document(self, one: Resource) -> dict[str, Any]:
        if one.kind == "Calls":
            return documents.call(self.account_sid, one.sid, one.fields, one.told_status, one.created)
        code = int(one.extra["ErrorCode"]) if one.status == "undelivered" and "ErrorCode" in one.extra else None
        return documents.message(self.account_sid, one.sid, one.fields, one.told_status, one.created, code)


def _handler(twilio: FakeTwilio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, dict(self.headers), body)
            said = twilio.serve(request, _basic_user(self.headers.get("Authorization", "")))
            self.close_connection = True
            if said is None:
                return
            self.send_response(said.status_code)
            self.send_header("Content-Type", said.content_type)
            self.send_header("Content-Length", str(len(said.data)))
            self.end_headers()
            self.wfile.write(said.data)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    return Handler


def _basic_user(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    return base64.b64decode(value).decode() if scheme == "Basic" else None
