"""Uploaded recordings: checked, made into what telephones play, and kept."""

from __future__ import annotations

import hashlib
import io
import re
import wave
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import InvalidInput
from dialer.ivr.models import RobocallRecording
from dialer.ivr.speech import as_wave, to_telephone

LARGEST = 20_000_000
LONGEST_SECONDS, SHORTEST_SECONDS = 120.0, 0.2
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_WIDTHS = {1: 8, 2: 16, 3: 24, 4: 32}
_QUIET = 0.01  # of full scale: below it, nobody would hear anything


def convert(content: bytes) -> bytes:
    """A WAV file of any usual kind as 8 kHz, 16 bit, one channel. Raises InvalidInput, saying what is wrong with it."""
    if len(content) > LARGEST:
        raise InvalidInput(f"The recording is larger than {LARGEST // 1_000_000} MB.", hint="Cut it.", code="recording_large")
    try:
        with wave.open(io.BytesIO(content)) as file:
            rate, width, channels, frames = file.getframerate(), file.getsampwidth(), file.getnchannels(), file.getnframes()
            data = file.readframes(frames)
    except (wave.Error, EOFError) as problem:
        raise InvalidInput(
            "This is no WAV file with uncompressed sound.", hint="Export it as WAV, PCM 16 bit.", code="recording_kind"
        ) from problem
    if width not in _WIDTHS or channels not in (1, 2) or not 8_000 <= rate <= 192_000:
        raise InvalidInput(
            f"The recording has {channels} channels of {8 * width} bit at {rate} Hz.",
            hint="Expected one or two channels, 8 to 32 bit, 8,000 to 192,000 Hz.",
            code="recording_form",
        )
    samples = _samples(data[: len(data) - len(data) % (width * channels)], width, channels)
    seconds = len(samples) / rate
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise InvalidInput(
            f"The recording lasts {seconds:.1f} s.",
            hint=f"Expected {SHORTEST_SECONDS} to {LONGEST_SECONDS:.0f} s.",
            code="recording_length",
        )
    if float(abs(samples).max(initial=0.0)) < _QUIET:
        raise InvalidInput("The recording is silent.", hint="Check the microphone and record it again.", code="recording_silent")
    return as_wave(to_telephone(samples, rate))


def _samples(data: bytes, width: int, channels: int) -> Any:
    """Samples between -1 and 1, the channels mixed."""
    import numpy as np

    if width == 1:  # 8-bit WAV is unsigned
        values = (np.frombuffer(data, "u1").astype(np.float64) - 128) / 128
    elif width == 3:
        raw = np.frombuffer(data, "u1").reshape(-1, 3).astype(np.int64)
        joined = raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16
        values = np.where(joined >= 1 << 23, joined - (1 << 24), joined) / float(1 << 23)
    else:
        values = np.frombuffer(data, f"<i{width}").astype(np.float64) / float(1 << (8 * width - 1))
    return values.reshape(-1, channels).mean(axis=1)


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
