"""Network captures for SIPp to play: keys as RFC 4733 events with payload type 101, and a long tone like a machine's greeting."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

_RATE = 8000
_PACKET_SAMPLES = 160  # 20 ms
_EVENT_TYPE, _PCMU_TYPE = 101, 0
_KEYS = "0123456789*#"


def write_key(path: Path, key: str) -> None:
    """One key press of 100 ms: five growing events and three with the end bit."""
    packets = []
    for number, (steps, is_end) in enumerate([*((n, False) for n in range(1, 6)), *((5, True),) * 3]):
        event = struct.pack("!BBH", _KEYS.index(key), (0x80 if is_end else 0) | 10, steps * _PACKET_SAMPLES)
        packets.append((number * 20, _rtp(_EVENT_TYPE, number, 0, event, is_marked=number == 0)))
    _write_capture(path, packets)


def write_tone(path: Path, seconds: float, hertz: float = 440.0) -> None:
    """A steady tone in G.711 µ-law."""
    packets = []
    for number in range(int(seconds * 50)):
        first = number * _PACKET_SAMPLES
        samples = (int(9000 * math.sin(2 * math.pi * hertz * (first + i) / _RATE)) for i in range(_PACKET_SAMPLES))
        packets.append((number * 20, _rtp(_PCMU_TYPE, number, first, bytes(map(_ulaw, samples)), is_marked=number == 0)))
    _write_capture(path, packets)


def write_speech(path: Path, samples: list[int]) -> None:
    """16-bit samples at 8 kHz in G.711 µ-law."""
    packets = []
    for number in range(len(samples) // _PACKET_SAMPLES):
        first = number * _PACKET_SAMPLES
        payload = bytes(map(_ulaw, samples[first : first + _PACKET_SAMPLES]))
        packets.append((number * 20, _rtp(_PCMU_TYPE, number, first, payload, is_marked=number == 0)))
    _write_capture(path, packets)


def write_sound(path: Path, seconds: float, hertz: float = 600.0) -> None:
    """A sound file as Asterisk reads it: 8 kHz, 16 bit, one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        samples = (int(6000 * math.sin(2 * math.pi * hertz * i / _RATE)) for i in range(int(seconds * _RATE)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def _rtp(kind: int, sequence: int, stamp: int, payload: bytes, *, is_marked: bool) -> bytes:
    return struct.pack("!BBHII", 0x80, (0x80 if is_marked else 0) | kind, 1000 + sequence, stamp, 0x0CA11) + payload


def _write_capture(path: Path, packets: list[tuple[int, bytes]]) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for milliseconds, payload in packets:
            udp = struct.pack("!HHHH", 4000, 4000, 8 + len(payload), 0) + payload
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + udp
            frame = b"\0" * 12 + b"\x08\x00" + ip
            file.write(struct.pack("<IIII", milliseconds // 1000, milliseconds % 1000 * 1000, len(frame), len(frame)) + frame)


def _ulaw(sample: int) -> int:
    """ITU-T G.711 µ-law of a 16-bit sample."""
    sign, size = (0x80, -sample) if sample < 0 else (0, sample)
    size = min(size, 32635) + 132
    exponent = max(size.bit_length() - 8, 0)
    return ~(sign | exponent << 4 | (size >> (exponent + 3)) & 0x0F) & 0xFF
