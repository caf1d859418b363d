"""Two directions of a call become one sound: 8 kHz, G.711 µ-law, left the debtor, right the operator; with its peaks for a waveform.

µ-law is what the telephone line carried, at half the size of linear samples; what is played is linear again (`expand`), since every
browser plays that. All functions are pure and work on blocks, so an hour takes no more memory than a minute.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8000
FRAME = 2  # bytes of one moment: a µ-law byte of each side
BLOCK = RATE * 5  # frames worked on at a time
_STEP = RATE // 20  # a peak covers 50 ms
PEAKS = 900  # at most so many are drawn
HEADER_BYTES = 44
_QUIET = 200  # below this a side has said nothing: the noise of a line is some tens
_BIAS, _CLIP = 0x84, 32635

Samples = NDArray[np.int16]


def _expansion() -> Samples:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitudes = (((codes & 0x0F) << 3) + _BIAS << ((codes & 0x70) >> 4)) - _BIAS
    return np.where(codes & 0x80, -magnitudes, magnitudes).astype("<i2")


def _compression() -> NDArray[np.uint8]:
    """ITU-T G.711 µ-law of every 16-bit sample, the sample read as an unsigned number being its place."""
    samples = np.arange(65536).astype(np.uint16).view(np.int16).astype(np.int32)
    magnitudes = np.minimum(np.abs(samples), _CLIP) + _BIAS
    exponents = np.floor(np.log2(magnitudes)).astype(np.int32) - 7
    mantissas = (magnitudes >> (exponents + 3)) & 0x0F
    codes: NDArray[np.int32] = ~(np.where(samples < 0, 0x80, 0) | exponents << 4 | mantissas) & 0xFF
    return codes.astype(np.uint8)


_LINEAR, _MULAW = _expansion(), _compression()


@dataclass(frozen=True, slots=True)
class Loudness:
    """What is known of a sound besides itself.

    Attributes:
        frames: moments at 8 kHz.
        peaks: first those of the debtor, then as many of the operator; 0 silent, 255 as loud as can be.
        problem: "", silent, debtor_silent or operator_silent.
    """

    frames: int
    peaks: bytes
    problem: str

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / RATE


class Mixer:
    """Puts two directions together block by block; `loudness` once all is through."""

    def __init__(self) -> None:
        self._frames = 0
        self._tops: list[NDArray[np.int32]] = []

    def mix(self, debtor: bytes, operator: bytes) -> bytes:
        """Interleaved µ-law of two pieces of 16-bit samples; the shorter one is filled up with silence."""
        pieces = [np.frombuffer(piece[: len(piece) // 2 * 2], dtype="<i2") for piece in (debtor, operator)]
        length = max(len(piece) for piece in pieces)
        both = np.zeros((length, 2), dtype="<i2")
        for side, piece in enumerate(pieces):
            both[: len(piece), side] = piece
        self._frames += length
        steps = -(-length // _STEP)
        loud = np.zeros((steps * _STEP, 2), dtype=np.int32)
        loud[:length] = np.abs(both.astype(np.int32))
        self._tops.append(loud.reshape(steps, _STEP, 2).max(axis=1))
        return _MULAW[both.view(np.uint16)].tobytes()

    def loudness(self) -> Loudness:
        """What was mixed so far."""
        tops = np.concatenate(self._tops) if self._tops else np.zeros((0, 2), dtype=np.int32)
        quiet = [not len(tops) or int(tops[:, side].max()) < _QUIET for side in (0, 1)]
        problem = "silent" if all(quiet) else "debtor_silent" if quiet[0] else "operator_silent" if quiet[1] else ""
        width = max(1, -(-len(tops) // PEAKS))
        padded = np.zeros((-(-len(tops) // width) * width, 2), dtype=np.int32)
        padded[: len(tops)] = tops
        drawn = padded.reshape(-1, width, 2).max(axis=1) >> 7
        return Loudness(self._frames, np.minimum(drawn, 255).astype(np.uint8).T.tobytes(), problem)


def expand(mulaw: bytes) -> bytes:
    """Linear 16-bit samples of µ-law bytes."""
    return bytes(_LINEAR[np.frombuffer(mulaw, dtype=np.uint8)].tobytes())


def header(frames: int) -> bytes:
    """The head of a WAV file of `frames` linear stereo moments at 8 kHz."""
    data = frames * FRAME * 2
    form = struct.pack("<HHIIHH", 1, 2, RATE, RATE * FRAME * 2, FRAME * 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", data)


def pairs(debtor: Iterable[bytes], operator: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of two directions side by side, to the end of the longer one."""
    left, right = iter(debtor), iter(operator)
    while True:
        pair = next(left, b""), next(right, b"")
        if pair == (b"", b""):
            return
        yield pair
