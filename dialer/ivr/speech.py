"""Turns a robocall's words into sound files that Asterisk plays: 8 kHz, 16 bit, one channel.

The voice is the one bundled with pyopenjtalk. A sound is made once: beside it lies the hash of its words and voice, and it is made again
only when that differs.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import threading
import wave
from pathlib import Path
from typing import Any

from callcenter.core.errors import InvalidInput
from dialer.telephony.robocall import RobocallPlan

_RATE = 8000
_CUTOFF_HZ = 3400.0  # the telephone band ends there (ITU-T G.712)
_PEAK = 0.7 * 32767  # leaves room for the coder
_VOICE = "pyopenjtalk-mei_normal/8000/1"  # part of the hash: a change makes every sound anew
_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


def prepare_plan(plan: RobocallPlan, folder: Path) -> None:
    """Makes the sounds a robocall needs, where they are missing or their words have changed."""
    for node in plan.spoken():
        if node.recording is not None:
            put_recording(node.sound, node.recording, folder)
        elif node.text:
            prepare_sound(node.sound, node.text, folder)


WAIT_SOUND, WAIT_TEXT = "please-wait", "恐れ入ります。回線を確かめております。そのまま少々お待ちください。"


def prepare_waiting(folder: Path) -> None:
    """The words a debtor hears when the operator's line breaks in mid-call: nothing of the matter, nobody's name."""
    prepare_sound(WAIT_SOUND, WAIT_TEXT, folder)


def put_recording(name: str, recording: bytes, folder: Path) -> Path:
    """The sound `name`.wav that is this recording; its name changes with its content, so what is there stays."""
    sound = folder / f"{_checked(name)}.wav"
    if not sound.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _put(sound, recording)
    return sound


def prepare_sound(name: str, text: str, folder: Path) -> Path:
    """The sound `name`.wav that says `text`. Raises InvalidInput for a name that is no plain file name or for no text."""
    if not text.strip():
        raise InvalidInput("A sound needs words.", hint="Write the script's text.")
    sound, note = folder / f"{_checked(name)}.wav", folder / f"{name}.sha256"
    digest = hashlib.sha256(f"{_VOICE}\n{text}".encode()).hexdigest()
    if sound.exists() and note.exists() and note.read_text("ascii").strip() == digest:
        return sound
    folder.mkdir(parents=True, exist_ok=True)
    _put(sound, as_wave(speak(text)))
    note.write_text(digest + "\n", encoding="ascii")
    return sound


def _put(sound: Path, content: bytes) -> None:
    """Whole or not at all; others may make the same sound at this moment."""
    fresh = sound.with_name(f".{sound.stem}.{os.getpid()}-{threading.get_ident()}.new")
    fresh.write_bytes(content)
    fresh.replace(sound)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput("The name of a sound becomes a file's name.", hint="Expected letters, digits, _ and -.")
    return name


def speak(text: str) -> Any:
    """`text` as an array of 16-bit samples at 8 kHz."""
    import numpy as np
    import pyopenjtalk

    samples, rate = pyopenjtalk.tts(text)
    narrow = downsample(np.asarray(samples, dtype=np.float64), int(rate))
    loudest = float(np.max(np.abs(narrow), initial=1.0))
    return (narrow * (_PEAK / loudest)).astype("<i2")


def downsample(samples: Any, rate: int) -> Any:
    """`samples` at 8 kHz, after a low-pass (windowed sinc, Hamming) that keeps what would fold back out of the telephone band.

    Raises ValueError for a rate that is no multiple of 8 kHz.
    """
    import numpy as np

    step, rest = divmod(rate, _RATE)
    if rest or step < 1:
        raise ValueError(f"expected a multiple of {_RATE} Hz, got {rate}")
    if step == 1:
        return samples
    taps = 64 * step + 1
    positions = np.arange(taps) - (taps - 1) / 2
    kernel = np.sinc(2 * _CUTOFF_HZ / rate * positions) * np.hamming(taps)
    return np.convolve(samples, kernel / kernel.sum(), mode="same")[::step]


def to_telephone(samples: Any, rate: int) -> Any:
    """Samples between -1 and 1 at any rate as 16-bit samples at 8 kHz, as loud as a spoken prompt."""
    import numpy as np

    step = -(-rate // _RATE)
    if rate % _RATE:  # to the next multiple first: a straight line between two samples is good enough above the telephone band
        count = int(len(samples) * step * _RATE / rate)
        samples = np.interp(np.arange(count) * rate / (step * _RATE), np.arange(len(samples)), samples)
    narrow = downsample(samples, step * _RATE)
    loudest = float(np.max(np.abs(narrow), initial=1e-9))
    return (narrow * (_PEAK / loudest)).astype("<i2")


def as_wave(samples: Any) -> bytes:
    """16-bit samples at 8 kHz as a WAV file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
    return content.getvalue()
