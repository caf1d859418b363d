"""Uploaded recordings: any usual WAV becomes what telephones play; anything else is refused with its reason."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from dialer.ivr.recordings import convert, newest, save
from dialer.ivr.wavefile import NotWave, read_wave
from tests.telephony.captures import _ulaw


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


def written(kind: int, bits: int, data: bytes, *, is_extensible: bool = False, channels: int = 1) -> bytes:
    """A WAV file of any kind, with a part between that nobody needs."""
    form = struct.pack(
        "<HHIIHH", 0xFFFE if is_extensible else kind, channels, 8000, 8000 * channels * bits // 8, channels * bits // 8, bits
    )
    if is_extensible:
        form += struct.pack("<HHIH14s", 22, bits, 4, kind, b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71")
    parts = b"fmt " + struct.pack("<I", len(form)) + form + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    return b"RIFF" + struct.pack("<I", 4 + len(parts) + 8 + len(data)) + b"WAVE" + parts + b"data" + struct.pack("<I", len(data)) + data


TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)


@pytest.mark.parametrize(
    "content",
    [
        written(1, 16, (TONE * 32767).astype("<i2").tobytes(), is_extensible=True),
        written(3, 32, TONE.astype("<f4").tobytes()),
        written(3, 64, np.repeat(TONE, 2).astype("<f8").tobytes(), is_extensible=True, channels=2),
        written(7, 8, bytes(_ulaw(int(value)) for value in TONE * 32767)),
    ],
    ids=["extensible", "float", "double stereo", "mu-law"],
)
def test_other_kinds_of_wav_are_read_as_loud_as_they_are(content: bytes) -> None:
    sound = read_wave(content)
    assert (sound.rate, sound.seconds) == (8000, 1.0)
    assert np.abs(sound.samples[:, 0] - TONE).max() < 0.02
    assert convert(content)


def test_g711_is_decoded_as_the_standard_says() -> None:
    for kind, table in (
        (7, {0xFF: 0, 0x7F: 0, 0x80: 32124, 0x00: -32124, 0xF0: 120, 0x9F: 8316}),
        (6, {0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0x80: 5504, 0xE5: 1056}),
    ):
        sound = read_wave(written(kind, 8, bytes(table)))
        assert [round(value * 32768) for value in sound.samples[:, 0]] == list(table.values())


@pytest.mark.parametrize(("kind", "bits"), [(2, 4), (85, 0), (1, 12), (49, 0)])
def test_other_ways_of_packing_sound_are_named(kind: int, bits: int) -> None:
    with pytest.raises(NotWave, match=f"kind {kind} with {bits} bit"):
        read_wave(written(kind, bits, bytes(100)))


def test_a_name_means_its_newest_recording(office_id: int) -> None:
    with transaction(office_id) as session:
        first = save(session, "greeting", recorded(), utc_now(), None)
        assert save(session, "greeting", recorded(), utc_now(), None).id == first.id
        second = save(session, "greeting", recorded(hertz=660), utc_now(), None)
        assert [row.id for row in newest(session)] == [second.id]
        with pytest.raises(InvalidInput):
            save(session, "../x", recorded(), utc_now(), None)
