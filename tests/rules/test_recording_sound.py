"""Two directions become one sound and its waveform; sealed chunks open in their place only, whole, with the right key."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.recordings import sealing, sound
from dialer.recordings.sealing import BrokenSeal, Label

LABEL = Label(1, 77, 1)
KEY, OTHER = bytes(range(32)), bytes(32)


def tone(seconds: float, hertz: float, height: float = 8000) -> bytes:
    at = np.arange(int(seconds * sound.RATE)) / sound.RATE
    return (height * np.sin(2 * np.pi * hertz * at)).astype("<i2").tobytes()


def mixed(debtor: bytes, operator: bytes) -> tuple[bytes, sound.Loudness]:
    mixer = sound.Mixer()
    size = sound.BLOCK * 2
    pieces = [[side[at : at + size] for at in range(0, len(side), size)] for side in (debtor, operator)]
    whole = b"".join(mixer.mix(*pair) for pair in sound.pairs(*pieces))
    return whole, mixer.loudness()


def test_what_is_played_is_what_was_said_on_its_own_side() -> None:
    debtor, operator = tone(7, 440), tone(6, 700, 4000)
    stored, heard = mixed(debtor, operator)
    assert (heard.frames, heard.seconds, heard.problem) == (56_000, 7.0, "")
    with wave.open(io.BytesIO(sound.header(heard.frames) + sound.expand(stored))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (2, 2, 8000, 56_000)
        both = np.frombuffer(file.readframes(56_000), dtype="<i2").reshape(-1, 2).astype(int)
    said = np.frombuffer(debtor, dtype="<i2").astype(int)
    assert np.abs(both[:, 0] - said).max() <= np.abs(said).max() / 30  # G.711's steps
    assert not both[48_000:, 1].any()


def test_mu_law_is_that_of_the_standard() -> None:
    """Every code stands for its own level, as ITU-T G.711 has it."""
    levels = struct.unpack("<256h", sound.expand(bytes(range(256))))
    assert (levels[0x80], levels[0x00], levels[0xFF], levels[0xFE], levels[0x8F]) == (32124, -32124, 0, 8, 16764)
    again = sound.Mixer().mix(struct.pack("<256h", *levels), b"")[::2]
    assert [code for code, back in enumerate(again) if back != code] in ([], [0x7F])  # there are two zeros


@pytest.mark.parametrize(
    ("debtor", "operator", "problem"),
    [(b"", b"", "silent"), (tone(1, 300), bytes(16_000), "operator_silent"), (bytes(16_000), tone(1, 300), "debtor_silent")],
)
def test_silence_is_noticed(debtor: bytes, operator: bytes, problem: str) -> None:
    assert mixed(debtor, operator)[1].problem == problem


def test_peaks_follow_the_sound_and_are_few() -> None:
    long = mixed(tone(300, 200) + bytes(16_000 * 300), tone(600, 300, 2000))[1].peaks
    half = len(long) // 2
    assert half <= sound.PEAKS
    assert min(long[: half // 2 - 1]) > 50 > max(long[half // 2 + 1 : half])
    assert len(set(long[half : 2 * half - 1])) == 1


@given(st.lists(st.binary(max_size=70_000), max_size=6))
def test_whatever_is_sealed_opens_again(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    chunks = list(sealing.seal(pieces, KEY, LABEL))
    assert len(chunks) == sealing.chunks_of(len(whole))
    last = len(chunks) - 1
    opened = [sealing.open_chunk(chunk, n, KEY, LABEL, is_last=n == last) for n, chunk in enumerate(chunks)]
    assert b"".join(opened) == whole


@given(st.integers(0, 2), st.integers(0, 200), st.integers(1, 255))
def test_one_changed_bit_is_noticed(number: int, place: int, change: int) -> None:
    chunks = list(sealing.seal([bytes(150_000)], KEY, LABEL))
    broken = bytearray(chunks[number])
    broken[place] ^= change
    with pytest.raises(BrokenSeal):
        sealing.open_chunk(bytes(broken), number, KEY, LABEL, is_last=number == 2)


def test_chunks_open_in_their_place_only() -> None:
    chunks = list(sealing.seal([bytes(150_000)], KEY, LABEL))
    wrong = (
        (chunks[1], 0, KEY, LABEL, False),  # reordered
        (chunks[1], 1, KEY, LABEL, True),  # cut off after it
        (chunks[2], 2, KEY, LABEL, False),  # something added behind
        (chunks[0], 0, OTHER, LABEL, False),
        (chunks[0], 0, KEY, Label(2, 77, 1), False),  # another office's
        (chunks[0], 0, KEY, Label(1, 78, 1), False),  # another call's
        (chunks[0], 0, KEY, Label(1, 77, 2), False),  # another version's
    )
    for chunk, number, key, label, is_last in wrong:
        with pytest.raises(BrokenSeal):
            sealing.open_chunk(chunk, number, key, label, is_last=is_last)


def test_a_wrapped_key_is_bound_to_office_call_and_version() -> None:
    wrapped = sealing.wrap(OTHER, KEY, LABEL, 3)
    assert sealing.unwrap(OTHER, wrapped, LABEL, 3) == KEY
    for key, label, version in ((KEY, LABEL, 3), (OTHER, Label(2, 77, 1), 3), (OTHER, Label(1, 78, 1), 3), (OTHER, LABEL, 4)):
        with pytest.raises(BrokenSeal):
            sealing.unwrap(key, wrapped, label, version)
    assert sealing.open_peaks(sealing.seal_peaks(b"123", KEY, LABEL), KEY, LABEL) == b"123"
