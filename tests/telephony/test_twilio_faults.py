"""Twilio's reports twice, late and never, with the whole dialer: in mid-dial and mid-call nobody is called twice, and no result is lost.

Two debtors talk, one is busy and one does not answer. Only what is told of debtors' calls goes astray; operators' phones are told in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import select

from callcenter.auth.models import User
from callcenter.core.db import transaction
from dialer.agents import service as agents
from dialer.calls.models import CallEvent
from dialer.calls.service import request_hang_up
from dialer.telephony.events import CarrierEvent, EventKind
from dialer.telephony.port import CarrierLimits, is_leg_id
from dialer.telephony.twilio import TwilioCarrier, TwilioSettings, parse_webhook
from dialer.worker import Dialer, DialerSettings
from tests.dialer.world import Hall
from tests.telephony.fake_twilio import ACCOUNT, FakeTwilio, Resource

pytestmark = pytest.mark.fault
OFFICE = "+81312345678"
TALKS_FOR = 12  # seconds
LATE = 35


class Shift:
    """An office with four debtors and four operators on Twilio, a second at a time; `way` is how debtors' reports come."""

    def __init__(self, office_id: int, twilio: FakeTwilio, way: str) -> None:
        self.hall, self.twilio, self.way = Hall(office_id, ["0001", "0001", "0002", "0003"], operators=4), twilio, way
        self.office_id, self.clock = office_id, self.hall.clock
        self.seconds = 0
        self._due: list[tuple[int, dict[str, str]]] = []
        self._inbox: list[CarrierEvent] = []
        with transaction(office_id) as session:
            for n, user in enumerate(session.scalars(select(User).order_by(User.id)), 1):
                user.phone_address = f"client:op-{n}"
        settings = TwilioSettings(ACCOUNT, "token", "https://calls.example.jp", caller_id=OFFICE, base_url=twilio.url, timeout=60.0)
        self.carrier = TwilioCarrier(settings, self.clock, self._take_inbox)
        limits = CarrierLimits(calls_per_second=50, max_lines=8)
        self.dialer = Dialer(self.carrier, self.clock, DialerSettings("twilio", OFFICE, limits))
        ends = {"0001": ["in-progress"], "0002": ["busy"], "0003": ["ringing", *["ringing"] * 8, "no-answer"]}
        for number in self.numbers:
            twilio.script[number] = ["initiated", "ringing", *ends[number[-4:]]]
        for n in range(1, 5):
            twilio.script[f"client:op-{n}"] = ["initiated", "ringing", "in-progress"]

    @property
    def numbers(self) -> list[str]:
        """The debtors'."""
        return [f"+81901{n:03d}{suffix}" for n, suffix in enumerate(self.hall.suffixes, 1)]

    def _take_inbox(self) -> list[CarrierEvent]:
        found, self._inbox = self._inbox, []
        return found

    def pass_time(self, seconds: int) -> None:
        """Twilio's calls go on, reports come, consoles stay open, and the dialer works."""
        for _ in range(seconds):
            self.seconds += 1
            self.clock.sleep(1)
            for address, fields in self.twilio.advance(deliver=False):
                self._send({**dict(parse_qsl(urlsplit(address).query)), **fields})
            now = [form for at, form in self._due if at <= self.seconds]
            self._due = [(at, form) for at, form in self._due if at > self.seconds]
            told = [parse_webhook(form, self.clock.now()) for form in now]
            self._inbox += [event for event in told if event is not None]
            with transaction(self.office_id) as session:
                for user_id in self.hall.user_ids:
                    agents.heartbeat(session, user_id, self.clock.now())
            self.dialer.notice(self.office_id, wishes=True)
            for _ in range(20):
                if not self.dialer.step(0):
                    break

    def _send(self, form: dict[str, str]) -> None:
        if is_leg_id(form["ref"]):
            self._due.append((self.seconds, form))
            if form["CallStatus"] == "in-progress":
                up = CarrierEvent(EventKind.LEG_UP, form["ref"], self.clock.now(), f"{form['CallSid']}:joined")
                self._inbox.append(up)  # its room's report, of which the small Twilio has none
            return
        times = {"twice": (0, 3, 15), "late": (LATE,), "never": ()}[self.way]
        self._due += [(self.seconds + seconds, form) for seconds in times]

    def calls(self) -> list[Resource]:
        """Every call that Twilio was asked for, but for operators' phones."""
        return [one for number in self.numbers for one in self.twilio.of(number)]

    def states(self) -> Counter[str]:
        """Operators by state."""
        return Counter(self.hall.agent(index).state for index in range(4))

    def lost(self) -> int:
        """Calls on record as ended without a word of the carrier."""
        with transaction(self.office_id) as session:
            return len(session.scalars(select(CallEvent.id).where(CallEvent.event_key.like("%:lost"))).all())


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        yield fake


@pytest.mark.parametrize("way", ["twice", "late", "never"])
def test_whatever_becomes_of_the_reports(office_id: int, twilio: FakeTwilio, way: str) -> None:
    shift = Shift(office_id, twilio, way)
    shift.dialer.start()
    shift.hall.staff()
    shift.pass_time(TALKS_FOR)
    assert Counter(one.told_status for one in shift.calls())["in-progress"] == 2
    told = Counter(talking=2, ringing=1, ready=1)
    assert shift.states() == (told if way == "twice" else Counter(reserved=4))
    for index, one in enumerate(shift.calls()[:2]):
        with transaction(office_id) as session:
            request_hang_up(session, shift.hall.user_ids[index], shift.clock.now())
        one.left.append("completed")  # the debtors hang up as well
    shift.pass_time(30)
    assert {one.told_status for one in shift.calls()} == {"completed", "busy", "no-answer"}
    assert set(shift.states()) <= {"ready", "wrap_up"}
    shift.pass_time(LATE - TALKS_FOR)
    assert len(shift.calls()) == 4
    assert {call.state for call in shift.hall.calls()} == {"ended"}
    results = Counter(attempt.line_result for attempt in shift.hall.attempts())
    assert (results, shift.lost()) == {
        "twice": (Counter(answered=2, busy=1, no_answer=1), 0),
        "late": (Counter(answered=2, busy=1, no_answer=1), 4),  # what is told after all takes the place of what is marked
        "never": (Counter(no_answer=4), 4),
    }[way]
    assert {attempt.state for attempt in shift.hall.attempts()} <= {"closed", "wrap_up"}
    for user_id in shift.hall.user_ids:
        with transaction(office_id) as session:
            agents.sign_out(session, user_id, shift.clock.now())
    shift.pass_time(6)
    assert twilio.of("client:op-3")[0].told_status == twilio.of("client:op-4")[0].told_status == "completed"
    shift.carrier.close()
