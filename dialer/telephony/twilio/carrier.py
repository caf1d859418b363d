"""The Twilio carrier: calls go out by its REST interface, what happens to them comes back as webhooks.

Webhooks are stored in the database by the web process before they are answered; `inbox` gives the stored ones to this process. Nothing here
is ever sent twice: an answer that was lost is `HandoverUnknown`, and the webhooks, which carry our own channel id, tell what became of it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import structlog
from twilio.rest import Client

from callcenter.core.clock import Clock
from dialer.telephony.conversation import SupervisionRequest
from dialer.telephony.errors import CarrierError, CarrierRefused, NotSupported
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.numbers import require_dialable
from dialer.telephony.port import CallerNotice, CheckLine, LegRequest, OriginateRequest, PhoneLogin
from dialer.telephony.recent import Recent
from dialer.telephony.robocall import OnMachine, RobocallPlan
from dialer.telephony.twilio import twiml
from dialer.telephony.twilio.checks import check_twilio
from dialer.telephony.twilio.http import TwilioHttp, carrier_errors
from dialer.telephony.twilio.settings import TwilioSettings

_log = structlog.get_logger(__name__)
_CLIENT = re.compile(r"(client:[A-Za-z0-9_-]{1,100}|sip:[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+)", re.ASCII)
_STATUS_EVENTS = ["initiated", "ringing", "answered", "completed"]
_LIVE = ("queued", "ringing", "in-progress")
_LOOK_SECONDS = 0.25
_LONGEST_RING = 600

Inbox = Callable[[], Sequence[CarrierEvent]]


class TwilioCarrier:
    """Fulfils `Carrier` with one Twilio account."""

    name = "twilio"
    can_predict = False
    keeps_until_polled = True

    def __init__(self, settings: TwilioSettings, clock: Clock, inbox: Inbox) -> None:
        self._settings = settings
        self._clock = clock
        self._inbox = inbox
        self._http = TwilioHttp(settings.base_url, timeout=settings.timeout)
        self._client = Client(settings.account_sid, settings.auth_token, http_client=self._http)
        self._addresses = twiml.Addresses(settings.public_url)
        self._lock = threading.Lock()
        self._sids: dict[str, str] = {}
        self._used, self._over = Recent(), Recent()
        self._messages: dict[str, str] = {}
        self._told: list[CarrierEvent] = []
        self._closing = threading.Event()
        self._is_open = False

    def connect(self) -> None:
        """There is no connection to keep; tells what is alive if that can be told."""
        self._is_open = True
        live = self.live_channels()
        if live is not None:
            self._told.append(CarrierEvent(EventKind.RESYNC, "", self._clock.now(), key=f"resync:{uuid4().hex}", live=live))

    def close(self) -> None:
        self._is_open = False
        self._closing.set()
        self._http.close()

    def is_connected(self) -> bool:
        return self._is_open

    def originate(self, request: OriginateRequest) -> None:
        settings = self._settings
        require_dialable(request.number, allow_ip=settings.allow_ip_phones, blocked_prefixes=settings.blocked_prefixes)
        notice = request.recording.notice_text if request.recording is not None else ""
        if request.robocall is not None:
            document = twiml.node(request.channel_id, request.robocall.nodes[0], self._addresses)
        elif request.leg_id is not None:
            document = twiml.conference(request.channel_id, request.leg_id, self._addresses, notice=notice)
        else:
            document = twiml.hold(notice)
        more = {} if request.robocall is None else self._machine_detection(request.channel_id, request.robocall)
        if request.recording is not None:
            more |= self._recording(request.channel_id)
        self._create(request.channel_id, "status", request.number, request.caller_id, document, request.ring_seconds, more)

    def _machine_detection(self, channel_id: str, plan: RobocallPlan) -> dict[str, Any]:
        """Twilio listens while the person hears the script already; for a message it waits for the end of the greeting."""
        if plan.on_machine is OnMachine.TALK and not self._settings.detect_machines:
            return {}
        if plan.message is not None:
            self._messages[channel_id] = plan.message.text
        return {
            "machine_detection": "DetectMessageEnd" if plan.message is not None else "Enable",
            "async_amd": "true",
            "async_amd_status_callback": self._addresses.report(channel_id, "machine"),
        }

    def _recording(self, channel_id: str) -> dict[str, Any]:
        """From the answer on, both directions apart, with nothing cut off; told when it can be fetched, or that there is none."""
        return {
            "record": True,
            "recording_channels": "dual",
            "recording_track": "both",
            "trim": "do-not-trim",
            "recording_status_callback": self._addresses.report(channel_id, "recording"),
            "recording_status_callback_event": ["completed", "absent"],
            "recording_status_callback_method": "POST",
        }

    def open_leg(self, request: LegRequest) -> None:
        if not _CLIENT.fullmatch(request.address):
            require_dialable(request.address, allow_ip=True)
        document = twiml.conference(request.leg_id, request.room_id, self._addresses, is_muted=request.is_muted, is_guest=request.is_guest)
        self._create(request.leg_id, "leg", request.address, self._settings.caller_id, document, 30.0, {})

    def _create(self, channel_id: str, event: str, to: str, sender: str, document: str, ring_seconds: float, more: dict[str, Any]) -> None:
        with self._lock:
            if channel_id in self._used:
                raise CarrierRefused("this channel id was used before; the call was not made again", code="used_twice")
            self._used.add(channel_id)
        with self._forgetting(channel_id), carrier_errors("making a call"):
            call = self._client.calls.create(
                to=to,
                from_=sender,
                twiml=document,
                timeout=min(_LONGEST_RING, max(1, round(ring_seconds))),
                status_callback=self._addresses.report(channel_id, event),
                status_callback_event=_STATUS_EVENTS,
                status_callback_method="POST",
                **more,
            )
        with self._lock:
            if channel_id not in self._over:  # its end may be told before the answer to the order is
                self._sids[channel_id] = str(call.sid)

    @contextmanager
    def _forgetting(self, channel_id: str) -> Iterator[None]:
        """A call that certainly was not made has no machine to leave a message on."""
        try:
            yield
        except CarrierError as problem:
            if problem.code != "handover_unknown":
                self._messages.pop(channel_id, None)
            raise

    def hang_up(self, channel_id: str) -> None:
        sid = self._sid(channel_id)
        if sid is None:
            return
        try:
            with carrier_errors("ending a call"):
                self._client.calls(sid).update(status="completed")
        except CarrierRefused:
            return  # it was over already

    def close_leg(self, leg_id: str) -> None:
        self.hang_up(leg_id)

    def bridge(self, channel_id: str, leg_id: str) -> None:
        self._send(channel_id, twiml.conference(channel_id, leg_id, self._addresses), "joining a call with the operator")

    def announce(self, notice: CallerNotice) -> None:
        texts = [text for _, text in notice.sounds]
        self._send(notice.channel_id, twiml.say(texts, is_last=notice.is_last), "speaking to a caller")

    def hold(self, channel_id: str) -> None:
        self._send(channel_id, twiml.held(), "putting a call on hold")

    def mute(self, leg_id: str, room: str, *, is_muted: bool) -> None:
        sid = self._require_sid(leg_id)
        with carrier_errors("muting an operator"):
            found = self._client.conferences.list(friendly_name=room, status="in-progress", limit=1)
            if not found:
                raise CarrierRefused("Twilio has no such room now")
            self._client.conferences(found[0].sid).participants(sid).update(muted=is_muted)

    def send_keys(self, channel_id: str, keys: str, room: str) -> None:
        """Twilio takes the debtor out of the room for as long as the keys sound."""
        self._send(channel_id, twiml.conference(channel_id, room, self._addresses, keys=keys), "pressing keys")

    def hand_over(self, channel_id: str, guest_id: str) -> None:
        self._send(guest_id, twiml.conference(guest_id, guest_id, self._addresses), "handing a call over")
        self._send(channel_id, twiml.conference(channel_id, guest_id, self._addresses), "handing a call over")

    def make_phone(self, login: PhoneLogin) -> None:
        raise NotSupported("Twilio has no SIP phones for browsers", hint="Choose the desk phone, or use Asterisk.")

    def drop_phone(self, name: str) -> None:
        """There are none."""

    def _send(self, channel_id: str, document: str, what: str) -> None:
        with carrier_errors(what):
            self._client.calls(self._require_sid(channel_id)).update(twiml=document)

    def supervise(self, request: SupervisionRequest) -> None:
        """Twilio's conferences know a coach and a hold, but not who may hear whom by our rules: refused rather than half done."""
        raise CarrierRefused("listening, prompting, joining and taking over need Asterisk", code="not_supported")

    def poll(self, timeout: float) -> Sequence[CarrierEvent]:
        deadline = time.monotonic() + timeout
        while True:
            found = (*self._take_told(), *self._inbox())
            left = deadline - time.monotonic()
            if found or left <= 0 or self._closing.wait(min(_LOOK_SECONDS, left)):
                self._learn(found)
                self._leave_messages(found)
                return found

    def _leave_messages(self, events: Sequence[CarrierEvent]) -> None:
        """A machine's greeting is over: it is told the message, where the plan has one."""
        for event in events:
            text = self._messages.pop(event.channel_id, None) if event.kind in {EventKind.MACHINE, EventKind.ENDED} else None
            sid = self._sid(event.channel_id)
            if text is None or sid is None or event.kind is EventKind.ENDED:
                continue
            try:
                with carrier_errors("leaving a message"):
                    self._client.calls(sid).update(twiml=twiml.say((text,), is_last=True))
            except CarrierError as problem:
                _log.warning("message_not_left", error=problem.code)

    def live_channels(self) -> frozenset[str] | None:
        """Our ids of the account's living calls; None as long as one of them was made by an earlier run and is not known yet."""
        try:
            with carrier_errors("listing calls"):
                sids = {str(call.sid) for status in _LIVE for call in self._client.calls.list(status=status, limit=1000)}
        except CarrierError:
            return None
        with self._lock:
            ours = {sid: channel_id for channel_id, sid in self._sids.items()}
        return frozenset(ours[sid] for sid in sids) if sids <= ours.keys() else None

    def check(self) -> Sequence[CheckLine]:
        return check_twilio(self._client, self._settings)

    def _sid(self, channel_id: str) -> str | None:
        with self._lock:
            return self._sids.get(channel_id)

    def _require_sid(self, channel_id: str) -> str:
        sid = self._sid(channel_id)
        if sid is None:
            raise CarrierRefused("this call is not known to Twilio")
        return sid

    def _take_told(self) -> list[CarrierEvent]:
        told, self._told = self._told, []
        return told

    def _learn(self, events: Sequence[CarrierEvent]) -> None:
        """Keys begin with the call's sid: a lost answer or an earlier run's call becomes known by its first report."""
        with self._lock:
            for event in events:
                if event.kind is EventKind.RESYNC:
                    continue
                if event.kind in {EventKind.ENDED, EventKind.LEG_DOWN}:
                    self._sids.pop(event.channel_id, None)
                    self._over.add(event.channel_id)
                elif event.channel_id not in self._over:  # reports come in any order: one after the end makes nothing known again
                    self._sids.setdefault(event.channel_id, event.key.partition(":")[0])
