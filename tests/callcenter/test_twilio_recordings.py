"""A call made by Twilio, recorded: from the claim by the dialer over signed reports at the door to the sealed file, and gone at Twilio."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from callcenter.api.webhooks import twilio as door
from callcenter.auth.models import User
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from dialer.agents import service as agents
from dialer.calls.models import CarrierInbox
from dialer.recordings import service, vault
from dialer.recordings.fetching import Fetcher
from dialer.recordings.keeping import RecordingKeeper
from dialer.recordings.models import Recording
from dialer.recordings.queries import gaps
from dialer.telephony.port import CarrierLimits
from dialer.telephony.twilio import TwilioCarrier, TwilioSettings
from dialer.telephony.twilio.inbox import StoredWebhooks
from dialer.telephony.twilio.recordings import TwilioRecordings
from dialer.worker import Dialer, DialerSettings
from tests.dialer.world import Hall
from tests.telephony.fake_twilio import ACCOUNT, FakeTwilio

PUBLIC = "https://calls.example"
NUMBER = "+819010011111"
RECORDED = {"recording": {"is_on": True, "notice": "voice", "keep_days": None}}
PHONE = "client:op-1"
MINUTE = timedelta(minutes=1)


def tone(amplitude: int) -> bytes:
    """Two seconds of one loudness."""
    return (amplitude * np.sign(np.sin(np.arange(16000) / 5))).astype("<i2").tobytes()


class TwilioHall(Hall):
    """A call centre whose carrier is Twilio, with the web process's door for its reports."""

    twilio: FakeTwilio
    door: TestClient
    loses_reports = False

    def open(self, twilio: FakeTwilio, door: TestClient, folder: Path) -> TwilioHall:
        self.twilio, self.door, self.spool = twilio, door, folder / "spool"
        self.spool.mkdir()
        twilio.post = self._post  # type: ignore[method-assign]
        account = TwilioSettings(ACCOUNT, "token", PUBLIC, caller_id="+81300000000", base_url=twilio.url)
        carrier = TwilioCarrier(account, self.clock, StoredWebhooks(self.clock, lambda: [self.office_id]))
        chosen = DialerSettings("node1", "+81300000000", CarrierLimits(calls_per_second=50, max_lines=8), round_seconds=5.0)
        self.dialer = Dialer(carrier, self.clock, chosen)
        self.data = get_settings().data_dir
        with transaction(self.office_id) as session:
            session.execute(update(User).values(phone_address=PHONE))
        fetcher = Fetcher("twilio", TwilioRecordings(account), self.spool, "node1", self.clock)
        offices = [self.office_id]
        self.keeper = RecordingKeeper(self.spool, self.data, "node1", self.clock, lambda: offices, settle_seconds=0, fetcher=fetcher)
        return self

    def _post(self, address: str, fields: Mapping[str, str]) -> str:
        if self.loses_reports and "event=recording" in address:
            return ""
        parts = urlsplit(address)
        answer = self.door.post(f"{parts.path}?{parts.query}", data=dict(fields), headers=self.twilio.signed(address, fields))
        assert answer.status_code == 200
        return answer.text

    def settle(self) -> None:
        """Some seconds, in which everything that is due is done."""
        for _ in range(3):
            super().settle()
            self.clock.move_to(self.clock.now() + timedelta(seconds=2))

    def joins(self, number: str) -> None:
        """Whoever has this number is in the room now, as Twilio tells it."""
        one = self.twilio.of(number)[-1]
        document = one.fields["Twiml"]
        label = document.partition('participantLabel="')[2].partition('"')[0]
        address = document.partition('statusCallback="')[2].partition('"')[0].replace("&amp;", "&")
        joined = {"StatusCallbackEvent": "participant-join", "ParticipantLabel": label, "CallSid": one.sid, "SequenceNumber": "1"}
        self.twilio.post(address, joined)

    def talk(self) -> str:
        """The operator's phone is up, the debtor is called, both talk, the debtor hangs up; what the debtor's call is told first."""
        self.dialer.start()
        self.staff(ready=False)
        self.settle()
        for _ in range(3):
            self.twilio.advance()
        self.joins(PHONE)
        self.twilio.of(PHONE)[0].left.clear()
        with transaction(self.office_id) as session:
            agents.ready(session, self.user_ids[0], self.clock.now())
        self.settle()
        for _ in range(3):
            self.twilio.advance()
            self.settle()
        document = self.twilio.of(NUMBER)[0].fields["Twiml"]
        self.joins(NUMBER)
        self.settle()
        self.twilio.advance()
        self.settle()
        return document

    def keep(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            self.keeper.step()

    def row(self) -> Recording:
        with transaction(self.office_id) as session:
            return session.scalars(select(Recording)).one()

    def waiting(self) -> int:
        """Reports about recordings with something left to do."""
        with transaction(self.office_id) as session:
            query = select(CarrierInbox).where(CarrierInbox.kind == "recording", CarrierInbox.processed_at.is_(None))
            return len(session.scalars(query).all())

    def alerts(self) -> list[str]:
        with transaction(self.office_id) as session:
            return [gap.problem for gap in gaps(session)]


@pytest.fixture
def hall(app: FastAPI, office_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwilioHall]:
    monkeypatch.setenv("CALLCENTER_PUBLIC_URL", PUBLIC)
    monkeypatch.setenv("CALLCENTER_TWILIO_AUTH_TOKEN", "token")
    monkeypatch.setenv("CALLCENTER_DATA", str(tmp_path / "data"))
    get_settings.cache_clear()
    made = TwilioHall(office_id, suffixes=["1111"], options=RECORDED)
    monkeypatch.setattr(door, "utc_now", made.clock.now)
    with FakeTwilio() as twilio:
        twilio.sounds[NUMBER] = tone(4000), tone(1000)
        yield made.open(twilio, TestClient(app), tmp_path)
    made.dialer.carrier.close()
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_recorded_call_is_fetched_sealed_and_deleted_at_twilio(hall: TwilioHall) -> None:
    document = hall.talk()
    asked = hall.twilio.of(NUMBER)[0].fields
    assert (asked["Record"], asked["RecordingChannels"], asked["Trim"]) == ("true", "dual", "do-not-trim")
    assert document.index("録音しています") < document.index("<Dial>")
    assert hall.row().state == "running"
    assert len(hall.twilio.recordings) == 1
    hall.keeper.step()
    row = hall.row()
    assert (row.state, row.problem, row.is_simulated, row.seconds) == ("stored", "", False, 2.0)
    assert len(hall.twilio.recordings) == 1, "nothing is deleted there before it is stored here"
    hall.keep()
    assert hall.twilio.recordings == {}
    assert hall.waiting() == 0
    assert not list(hall.spool.iterdir())
    with transaction(hall.office_id) as session:
        key = service.key_of(session, hall.data, session.merge(row, load=False))
    path = vault.vault_path(hall.data, row.office_id, row.name)
    with wave.open(io.BytesIO(b"".join(vault.read_wav(path, row, key, 0, vault.wav_size(row) - 1)))) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    assert [round(float(np.abs(both[:, side]).mean()), -3) for side in (0, 1)] == [4000, 1000], "left the debtor, right the operator"
    assert hall.alerts() == []


def test_what_fails_is_an_alert_and_is_tried_again(hall: TwilioHall) -> None:
    hall.talk()
    hall.twilio.broken = {"media", "delete"}
    hall.keep()
    assert (hall.row().state, hall.alerts()) == ("running", ["not_stored"])
    assert sum(path.endswith(".wav") for _, path in hall.twilio.requests) == 1, "not at every look"
    assert not list(hall.spool.iterdir())
    hall.twilio.broken = {"delete"}
    hall.clock.move_to(hall.clock.now() + MINUTE)
    hall.keep()
    assert (hall.row().state, hall.alerts()) == ("stored", [])
    hall.clock.move_to(hall.clock.now() + 10 * MINUTE)
    hall.keep()
    assert (hall.alerts(), hall.waiting()) == (["left_behind"], 1)
    hall.twilio.broken = set()
    hall.clock.move_to(hall.clock.now() + MINUTE)
    hall.keep()
    assert (hall.twilio.recordings, hall.waiting(), hall.row().state) == ({}, 0, "stored")


def test_a_report_that_never_came_is_asked_for(hall: TwilioHall) -> None:
    hall.loses_reports = True
    hall.talk()
    hall.keep()
    assert (hall.row().state, hall.waiting()) == ("running", 0)
    hall.clock.move_to(hall.clock.now() + 2 * MINUTE)
    hall.keep()
    assert (hall.row().state, hall.twilio.recordings, hall.waiting(), hall.alerts()) == ("stored", {}, 0, [])


def test_a_recording_that_does_not_come_is_said_and_one_that_comes_late_is_kept(hall: TwilioHall) -> None:
    hall.loses_reports = True
    hall.talk()
    held, hall.twilio.recordings = hall.twilio.recordings, {}
    hall.clock.move_to(hall.clock.now() + 11 * MINUTE)
    hall.keep()
    assert (hall.row().state, hall.alerts()) == ("running", ["late"])
    hall.clock.move_to(hall.clock.now() + 60 * MINUTE)
    hall.keep()
    assert (hall.row().state, hall.alerts()) == ("missing", ["missing"])
    hall.loses_reports, hall.twilio.recordings = False, held
    ((sid, (call_sid, _)),) = held.items()
    report = {"AccountSid": ACCOUNT, "CallSid": call_sid, "RecordingSid": sid, "RecordingStatus": "completed"}
    hall.twilio.post(hall.twilio.of(NUMBER)[0].fields["RecordingStatusCallback"], report)
    hall.settle()
    hall.keep()
    assert (hall.row().state, hall.alerts(), hall.twilio.recordings) == ("stored", [], {})


@pytest.mark.parametrize(("is_absent", "state"), [(True, "empty"), (False, "missing")])
def test_a_recording_without_sound_or_deleted_by_somebody_else_is_an_alert(hall: TwilioHall, is_absent: bool, state: str) -> None:
    if is_absent:
        hall.twilio.sounds[NUMBER] = b"", b""
    hall.talk()
    if not is_absent:
        hall.twilio.recordings.clear()
    hall.keep()
    assert (hall.row().state, hall.alerts(), hall.waiting(), hall.twilio.recordings) == (state, [state], 0, {})
