"""Sealed recordings as files of the data folder, and any part of one in the clear, in memory only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from callcenter.core.errors import AppError
from dialer.recordings import sound
from dialer.recordings.models import Recording
from dialer.recordings.sealing import CHUNK, TAG, BrokenSeal, Label, chunks_of, open_chunk, open_peaks, seal


class Unreadable(AppError):
    """The stored file is not what was stored."""

    code = "recording_unreadable"


def vault_path(data_dir: Path, office_id: int, name: str) -> Path:
    """Where a sealed recording lies; a folder for each leading pair of its random part keeps folders small."""
    return data_dir / "recordings" / str(office_id) / name[-2:] / f"{name}.sealed"


def label_of(row: Recording) -> Label:
    """What a stored recording was sealed with."""
    return Label(row.office_id, row.call_id, row.sealed_version or 0)


def store(path: Path, debtor: Path, operator: Path, key: bytes, label: Label) -> sound.Loudness:
    """Seals two directions into `path`, which appears whole or not at all; nothing is written in the clear."""
    mixer = sound.Mixer()
    mixed = (mixer.mix(*pair) for pair in sound.pairs(_pieces(debtor), _pieces(operator)))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        for chunk in seal(mixed, key, label):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    return mixer.loudness()


def wav_size(row: Recording) -> int:
    """Bytes of the recording as it is played: a WAV file of linear samples."""
    return sound.HEADER_BYTES + row.size * 2


def read_wav(path: Path, row: Recording, key: bytes, first: int, last: int) -> Iterator[bytes]:
    """Bytes `first` to `last` (both included) of the WAV file, chunk by chunk.

    Raises:
        Unreadable: the file is gone, was changed, or belongs to another recording.
    """
    head = sound.header(row.size // sound.FRAME)
    if first < len(head):
        yield head[first : last + 1]
    begin, end = max(0, first - len(head)), last - len(head)  # in linear bytes, two for each stored one
    if end < 0:
        return
    label, count = label_of(row), chunks_of(row.size)
    try:
        with path.open("rb") as file:
            for number in range(begin // 2 // CHUNK, min(end // 2 // CHUNK, count - 1) + 1):
                file.seek(number * (CHUNK + TAG))
                plain = sound.expand(open_chunk(file.read(CHUNK + TAG), number, key, label, is_last=number == count - 1))
                offset = number * CHUNK * 2
                yield plain[max(0, begin - offset) : end + 1 - offset]
    except (OSError, BrokenSeal) as problem:
        raise Unreadable("The stored recording can't be read: it is missing or was changed.", hint="Look into the backups.") from problem


def peaks_of(row: Recording, key: bytes) -> tuple[bytes, bytes]:
    """The peaks of debtor and operator. Raises Unreadable."""
    try:
        peaks = open_peaks(row.peaks or b"", key, label_of(row))
    except BrokenSeal as problem:
        raise Unreadable("The recording's waveform can't be read: it was changed.", hint="Look into the backups.") from problem
    return peaks[: len(peaks) // 2], peaks[len(peaks) // 2 :]


def _pieces(path: Path) -> Iterator[bytes]:
    if not path.exists():
        return
    with path.open("rb") as file:
        while piece := file.read(sound.BLOCK * 2):
            yield piece
