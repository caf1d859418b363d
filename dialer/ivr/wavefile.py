"""Reads WAV files of the usual kinds: PCM of 8 to 32 bit, floating point, and A-law or µ-law as telephone systems write them.

Python's own `wave` knows PCM alone, before 3.12 not even with the longer header (WAVE_FORMAT_EXTENSIBLE) that many programs write.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE


class NotWave(ValueError):
    """Not a WAV file, or one of a kind that is not read; the message says which."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What a WAV file holds.

    Attributes:
        samples: between -1 and 1, an array of frames × channels.
        rate: frames a second.
        bits: of one sample in the file.
    """

    samples: Any
    rate: int
    bits: int

    @property
    def channels(self) -> int:
        """How many it has."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


def read_wave(content: bytes) -> Wave:
    """The sound of a file. A file cut short gives what is there. Raises NotWave."""
    kind, channels, rate, bits, data = _parts(content)
    if not channels or not rate:
        raise NotWave(f"it says {channels} channels at {rate} Hz")
    decode = _DECODERS.get((kind, bits))
    if decode is None:
        raise NotWave(f"its sound is of kind {kind} with {bits} bit; PCM, floating point, A-law and µ-law are read")
    frame = channels * bits // 8
    values = decode(data[: len(data) - len(data) % frame])
    return Wave(values.reshape(-1, channels), rate, bits)


def _parts(content: bytes) -> tuple[int, int, int, int, bytes]:
    """Kind, channels, rate, bits and the bytes of sound."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise NotWave("it does not begin as a WAV file does")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if kind == EXTENSIBLE and len(body) >= 26:
                kind = struct.unpack_from("<H", body, 24)[0]
            form = kind, channels, rate, bits
        elif name == b"data":
            if form is None:
                raise NotWave("it does not say of what kind its sound is")
            return *form, body
        at += 8 + size + size % 2
    raise NotWave("it has no sound")


def _integers(bits: int) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        import numpy as np

        if bits == 8:  # 8-bit WAV is unsigned
            return (np.frombuffer(data, "u1").astype(np.float64) - 128) / 128
        if bits == 24:
            raw = np.frombuffer(data, "u1").reshape(-1, 3).astype(np.int64)
            joined = raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16
            return np.where(joined >= 1 << 23, joined - (1 << 24), joined) / float(1 << 23)
        return np.frombuffer(data, f"<i{bits // 8}").astype(np.float64) / float(1 << (bits - 1))

    return decode


def _floats(bits: int) -> Callable[[bytes], Any]:
    def decode(data: bytes) -> Any:
        import numpy as np

        return np.nan_to_num(np.frombuffer(data, f"<f{bits // 8}").astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)

    return decode


def mu_law(data: bytes) -> Any:
    """Samples between -1 and 1 of ITU-T G.711, µ-law."""
    import numpy as np

    code = ~np.frombuffer(data, "u1") & 0xFF
    size = (((code & 0x0F).astype(np.int64) << 3) + 132 << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -size, size) / 32768.0


def _a_law(data: bytes) -> Any:
    """ITU-T G.711, A-law."""
    import numpy as np

    code = np.frombuffer(data, "u1") ^ 0x55
    step, low = ((code >> 4) & 7).astype(np.int64), ((code & 0x0F).astype(np.int64) << 4) + 8
    size = np.where(step == 0, low, (low + 256) << np.maximum(step - 1, 0))
    return np.where(code & 0x80, size, -size) / 32768.0


_DECODERS: dict[tuple[int, int], Callable[[bytes], Any]] = {
    **{(PCM, bits): _integers(bits) for bits in (8, 16, 24, 32)},
    **{(FLOAT, bits): _floats(bits) for bits in (32, 64)},
    (A_LAW, 8): _a_law,
    (MU_LAW, 8): mu_law,
}
