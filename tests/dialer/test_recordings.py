"""Uploaded recordings: any usual WAV becomes what telephones play; anything else is refused with its reason."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from dialer.ivr.recordings import convert, newest, save


def recorded(
    rate: int = 44_100, width: int = 2, channels: int = 1, seconds: float = 1.0, hertz: float = 440.0, volume: float = 0.5
) -> bytes:
    """A tone as a WAV file."""
    tone = volume * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    full = float((1 << (8 * width - 1)) - 1)
    values = np.repeat((tone * full).astype(np.int64), channels)
    if width == 1:
        data = (values + 128).astype("u1").tobytes()
    elif width == 3:
        data = b"".join(int(value).to_bytes(3, "little", signed=True) for value in values)
    else:
        data = values.astype(f"<i{width}").tobytes()
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return content.getvalue()


@pytest.mark.parametrize(("rate", "width", "channels"), [(8_000, 2, 1), (44_100, 2, 2), (48_000, 3, 1), (22_050, 1, 1), (96_000, 4, 2)])
def test_any_usual_wav_becomes_a_telephone_s(rate: int, width: int, channels: int) -> None:
    with wave.open(io.BytesIO(convert(recorded(rate, width, channels)))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    assert abs(len(samples) - 8000) < 10
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert abs(float(spectrum.argmax()) * 8000 / len(samples) - 440) < 3
    assert 15_000 < np.abs(samples).max() < 32_768


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "recording_kind"),
        (b"RIFF0000WAVEjunk", "recording_kind"),
        (b"ID3\x03 an mp3", "recording_kind"),
        (recorded()[:50], "recording_length"),
        (recorded(rate=4_000), "recording_form"),
        (recorded(seconds=0.05), "recording_length"),
        (recorded(rate=8_000, seconds=121), "recording_length"),
        (recorded(volume=0.001), "recording_silent"),
    ],
)
def test_what_can_not_be_played_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        convert(content)
    assert caught.value.code == code


def test_a_name_means_its_newest_recording(office_id: int) -> None:
    with transaction(office_id) as session:
        first = save(session, "greeting", recorded(), utc_now(), None)
        assert save(session, "greeting", recorded(), utc_now(), None).id == first.id
        second = save(session, "greeting", recorded(hertz=660), utc_now(), None)
        assert [row.id for row in newest(session)] == [second.id]
        with pytest.raises(InvalidInput):
            save(session, "../x", recorded(), utc_now(), None)
