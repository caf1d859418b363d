"""Recordings that Twilio holds: found by call, fetched in their two directions, deleted there.

The debtor's call is recorded from the answer on, as two channels: first what came from the debtor, then what the debtor heard. The media
are fetched by the recording's id and with our credentials, never from an address that a report names.
"""

from __future__ import annotations

import re
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import requests
from twilio.rest import Client
from urllib3.exceptions import HTTPError

from dialer.telephony.conversation import GONE, HeldRecording
from dialer.telephony.errors import CarrierRefused, CarrierUnreachable
from dialer.telephony.twilio.http import TwilioHttp, carrier_errors
from dialer.telephony.twilio.settings import TwilioSettings
from dialer.telephony.twilio.webhook import held_recording

_HOST = "https://api.twilio.com"
_SID = re.compile("RE[0-9a-fA-F]{32}", re.ASCII)
_RATE, _BLOCK = 8000, 8000 * 5


class TwilioRecordings:
    """Fulfils `RemoteRecordings` with one Twilio account."""

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings
        self._client = Client(
            settings.account_sid, settings.auth_token, http_client=TwilioHttp(settings.base_url, timeout=settings.timeout)
        )

    def of_call(self, call_sid: str) -> Sequence[HeldRecording]:
        """What Twilio holds of a call and has done with. Raises CarrierError."""
        with carrier_errors("listing recordings"):
            listed = self._client.recordings.list(call_sid=call_sid, limit=5)
        found = (held_recording(call_sid, str(one.sid), str(one.status)) for one in listed)
        return [held for held in found if held is not None]

    def fetch(self, sid: str, debtor: Path, operator: Path) -> None:
        """Writes both directions as 16-bit samples at 8 kHz; the files appear whole or not at all.

        Raises:
            CarrierRefused: it is not there (code `recording_gone`), or is no sound of two directions.
            CarrierUnreachable: later, perhaps.
        """
        fresh = tuple(path.with_suffix(".part") for path in (debtor, operator))
        try:
            with carrier_errors("fetching a recording"), self._open(sid) as answer:
                _split(answer, *fresh)
            fresh[0].replace(debtor)
            fresh[1].replace(operator)
        finally:
            for path in fresh:
                path.unlink(missing_ok=True)

    def remove(self, sid: str) -> None:
        """Deletes it at Twilio; one that is not there any more is fine. Raises CarrierError."""
        try:
            with carrier_errors("deleting a recording"):
                self._client.recordings(_known(sid)).delete()
        except CarrierRefused as problem:
            if problem.code != "twilio_20404":
                raise

    def _open(self, sid: str) -> requests.Response:
        settings = self._settings
        base = settings.base_url.rstrip("/") or _HOST
        address = f"{base}/2010-04-01/Accounts/{settings.account_sid}/Recordings/{_known(sid)}.wav"
        credentials = settings.account_sid, settings.auth_token
        headers = {"Connection": "close", "Accept-Encoding": "identity"}
        answer = requests.get(
            address, params={"RequestedChannels": "2"}, auth=credentials, headers=headers, timeout=settings.timeout, stream=True
        )
        if answer.status_code == 200:
            return answer
        answer.close()
        if answer.status_code == 404:
            raise CarrierRefused("Twilio does not have this recording any more", code=GONE)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise CarrierUnreachable(f"Twilio gave no recording just now (status {answer.status_code})")
        raise CarrierRefused(f"Twilio refused a recording (status {answer.status_code})", code=f"twilio_{answer.status_code}")


def _known(sid: str) -> str:
    if not _SID.fullmatch(sid):
        raise CarrierRefused("this is no id of a recording", code="recording_sid")
    return sid


def _split(answer: requests.Response, debtor: Path, operator: Path) -> None:
    try:
        with wave.open(answer.raw, "rb") as sound, debtor.open("wb") as left, operator.open("wb") as right:
            if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (2, 2, _RATE):
                raise CarrierRefused("Twilio's recording is not of two directions at 8 kHz", code="recording_form")
            expected, got = sound.getnframes(), 0
            while piece := sound.readframes(_BLOCK):
                both = np.frombuffer(piece[: len(piece) // 4 * 4], dtype="<i2").reshape(-1, 2)
                left.write(both[:, 0].tobytes())
                right.write(both[:, 1].tobytes())
                got += len(both)
    except (wave.Error, EOFError) as problem:
        raise CarrierRefused("Twilio's recording is no sound", code="recording_form") from problem
    except HTTPError as problem:
        raise CarrierUnreachable("Twilio's recording broke off") from problem
    if got < expected:
        raise CarrierUnreachable("Twilio's recording broke off")
