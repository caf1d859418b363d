"""Sealing recordings, pure: chunks under AES-256-GCM with a key of the recording's own, and that key wrapped by the office's.

The chunks are those of the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the nonce is the chunk's number and whether it
is the last, so chunks can't be left out, repeated, reordered or cut off without it being noticed. Each key seals one recording only, so
numbers are enough for nonces. What is authenticated with every chunk says whose it is (`Label`), so a file put in another's place does
not open. The wrapped key is bound to the version of the office's key as well.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 65536
TAG = 16
NONCE = 12
_PEAKS_NUMBER = 2**64 - 1  # no sound has so many chunks


@dataclass(frozen=True, slots=True)
class Label:
    """Whose recording it is; `version` is that of the office's key when it was sealed."""

    office_id: int
    call_id: int
    version: int

    def __bytes__(self) -> bytes:
        return f"callcenter recording 1|{self.office_id}|{self.call_id}|{self.version}".encode()


class BrokenSeal(Exception):
    """What was read is not what was sealed, or the key is another one."""


def new_key() -> bytes:
    """A fresh key of 256 bits."""
    return AESGCM.generate_key(256)


def wrap(office_key: bytes, key: bytes, label: Label, version: int) -> bytes:
    """A recording's key under `version` of the office's key."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(office_key).encrypt(nonce, key, _wrapping(label, version))


def unwrap(office_key: bytes, wrapped: bytes, label: Label, version: int) -> bytes:
    """The recording's key. Raises BrokenSeal."""
    return _open(office_key, wrapped[:NONCE], wrapped[NONCE:], _wrapping(label, version))


def seal(pieces: Iterable[bytes], key: bytes, label: Label) -> Iterator[bytes]:
    """The sealed chunks of a sound that comes in pieces of any size; one empty chunk for none."""
    cipher, number, held = AESGCM(key), 0, bytearray()
    for piece in pieces:
        held += piece
        while len(held) > CHUNK:
            yield cipher.encrypt(_nonce(number, is_last=False), bytes(held[:CHUNK]), bytes(label))
            del held[:CHUNK]
            number += 1
    yield cipher.encrypt(_nonce(number, is_last=True), bytes(held), bytes(label))


def open_chunk(sealed: bytes, number: int, key: bytes, label: Label, *, is_last: bool) -> bytes:
    """What one chunk holds. Raises BrokenSeal."""
    return _open(key, _nonce(number, is_last=is_last), sealed, bytes(label))


def chunks_of(size: int) -> int:
    """How many chunks a sound of `size` bytes has."""
    return max(1, -(-size // CHUNK))


def seal_peaks(peaks: bytes, key: bytes, label: Label) -> bytes:
    """The waveform's peaks, sealed like a chunk of their own."""
    return AESGCM(key).encrypt(_nonce(_PEAKS_NUMBER, is_last=True), peaks, bytes(label))


def open_peaks(sealed: bytes, key: bytes, label: Label) -> bytes:
    """The peaks. Raises BrokenSeal."""
    return open_chunk(sealed, _PEAKS_NUMBER, key, label, is_last=True)


def _open(key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, bound)
    except (InvalidTag, ValueError) as problem:
        raise BrokenSeal from problem


def _nonce(number: int, *, is_last: bool) -> bytes:
    return struct.pack(">QI", number, int(is_last))


def _wrapping(label: Label, version: int) -> bytes:
    return bytes(label) + f"|wrapped by {version}".encode()
