"""Uploaded recordings: checked, made into what telephones play, and kept."""

from __future__ import annotations

import hashlib
import io
import re
import wave
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import InvalidInput
from dialer.ivr.models import RobocallRecording
from dialer.ivr.speech import as_wave, to_telephone
from dialer.ivr.wavefile import NotWave, read_wave

LARGEST = 20_000_000
LONGEST_SECONDS, SHORTEST_SECONDS = 120.0, 0.2
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_QUIET = 0.01  # of full scale: below it, nobody would hear anything


def convert(content: bytes) -> bytes:
    """A WAV file of any usual kind as 8 kHz, 16 bit, one channel. Raises InvalidInput, saying what is wrong with it."""
    if len(content) > LARGEST:
        raise InvalidInput(f"The recording is larger than {LARGEST // 1_000_000} MB.", hint="Cut it.", code="recording_large")
    try:
        sound = read_wave(content)
    except NotWave as problem:
        raise InvalidInput(
            f"This is no WAV file that can be read: {problem}.", hint="Export it as WAV, PCM 16 bit.", code="recording_kind"
        ) from problem
    channels, rate, seconds = sound.channels, sound.rate, sound.seconds
    if channels not in (1, 2) or not 8_000 <= rate <= 192_000:
        raise InvalidInput(
            f"The recording has {channels} channels of {sound.bits} bit at {rate} Hz.",
            hint="Expected one or two channels, 8,000 to 192,000 Hz.",
            code="recording_form",
        )
    samples = sound.samples.mean(axis=1)
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise InvalidInput(
            f"The recording lasts {seconds:.1f} s.",
            hint=f"Expected {SHORTEST_SECONDS} to {LONGEST_SECONDS:.0f} s.",
            code="recording_length",
        )
    if float(abs(samples).max(initial=0.0)) < _QUIET:
        raise InvalidInput("The recording is silent.", hint="Check the microphone and record it again.", code="recording_silent")
    return as_wave(to_telephone(samples, rate))


def save(session: Session, name: str, content: bytes, now: datetime, user_id: int | None) -> RobocallRecording:
    """Converts and keeps a recording; the same sound under the same name is a no-op. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("The name of a recording has letters, digits, _ and -, at most 60.", code="recording_name")
    sound = convert(content)
    digest = hashlib.sha256(sound).hexdigest()[:16]
    known = session.scalar(select(RobocallRecording).where(RobocallRecording.name == name, RobocallRecording.digest == digest))
    if known is not None:
        return known
    with wave.open(io.BytesIO(sound)) as file:
        milliseconds = file.getnframes() * 1000 // file.getframerate()
    row = RobocallRecording(name=name, digest=digest, milliseconds=milliseconds, sound=sound, created_at=now, created_by=user_id)
    session.add(row)
    session.flush()
    return row


def newest(session: Session) -> Sequence[RobocallRecording]:
    """The recording that each name means now, by name."""
    rows = session.scalars(select(RobocallRecording).order_by(RobocallRecording.name, RobocallRecording.id))
    return list({row.name: row for row in rows}.values())
