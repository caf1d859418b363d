"""Greetings for `benchmarks.amd`: made with one synthetic voice, or recorded on an office's own line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dialer.ivr.speech import downsample, to_telephone
from dialer.ivr.wavefile import NotWave, read_wave

# Not those that `amd.conf` and its second look were chosen on: what is tuned on some greetings is measured on others.
PEOPLE = (
    "はい",
    "もしもーし",
    "はいはい",
    "はい、高橋です",
    "お待たせしました、田中です",
    "もしもし、伊藤ですけれども",
    "はい、渡辺商店でございます",
    "ええと、どなたですか",
)
MACHINES = (
    "はい、小林です。ただいま外出しております。ピーという音のあとに、お名前とご用件をお願いします。",
    "おかけになった電話は、電波の届かない場所にあるか、電源が入っていないため、かかりません。",
    "ただいま近くにおりません。ご用の方は、メッセージをどうぞ。",
    "こちらは渡辺商店です。本日の営業は終了いたしました。恐れ入りますが、明日おかけ直しください。",
    "ただいま電話に出られません。発信音のあとにお話しください。",
)
# pace and half tones; seconds before the first word; noise of the room, root of the mean square of full scale
MANNERS = tuple(itertools.product(((1.0, -4.0), (1.3, 0.0)), (0.1, 0.6, 1.4), (0.0, 0.01, 0.03)))
DIN = tuple(itertools.product(((1.0, -4.0), (1.3, 0.0)), (0.6,), (0.05,)))  # hardly less loud than who speaks
RATE = 8000
Manner = tuple[tuple[float, float], float, float]
SECONDS = 9.0  # a greeting's sound goes on for so long at least, in silence: longer than AMD listens
LONGEST = 15.0  # what comes later is not listened to
QUIET = 0.002  # of full scale, about what AMD takes for silence


@dataclass(frozen=True, slots=True)
class Greeting:
    """`sound`: 16-bit samples at 8 kHz, at least `SECONDS` long, from the moment of the answer."""

    name: str
    is_machine: bool
    sound: Any


def generated(*, quick: bool) -> list[Greeting]:
    """What a person or a machine may say, each in several manners; quick uses some of these."""
    return _said(((False, PEOPLE), (True, MACHINES)), MANNERS[::5] if quick else MANNERS)


def in_a_din() -> list[Greeting]:
    """What people may say where it is very loud."""
    return _said(((False, PEOPLE),), DIN)


def _said(who: Sequence[tuple[bool, Sequence[str]]], manners: Sequence[Manner]) -> list[Greeting]:
    import pyopenjtalk

    made, random = [], np.random.default_rng(11)
    for is_machine, texts in who:
        for text, ((pace, pitch), silence, noise) in itertools.product(texts, manners):
            samples, rate = pyopenjtalk.tts(text, speed=pace, half_tone=pitch)
            voice = to_telephone(np.asarray(samples, dtype=np.float64) / 32768, int(rate))
            whole = _lasting(np.concatenate([np.zeros(int(silence * RATE)), voice]))
            whole += random.normal(0.0, noise * 32767, len(whole)).astype(np.int64)
            made.append(Greeting(text, is_machine, whole.clip(-32768, 32767)))
    return made


def recorded(folder: Path) -> list[Greeting]:
    """The WAV files of a folder: `person-*.wav` and `machine-*.wav`, or the folders `person` and `machine` with any names.

    They begin at the answer and are taken as loud as they are; of two channels the first counts, where our own recordings have the debtor.
    Raises RuntimeError with every file that can't be used and why; nothing is passed over.
    """
    if not folder.is_dir():
        raise RuntimeError(f"{folder}: no folder. Put person-*.wav and machine-*.wav into one and name it")
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix.lower() in {".wav", ".wave"})
    found, problems = [], []
    for file in files:
        try:
            found.append(Greeting(str(file.relative_to(folder)), _is_machine(file, folder), _sound(file)))
        except (NotWave, OSError, ValueError) as problem:
            problems.append(f"{file}: {problem}")
    if problems:
        raise RuntimeError(f"{len(problems)} of {len(files)} recordings can't be used:\n" + "\n".join(problems))
    if not found:
        raise RuntimeError(f"{folder}: no recordings. Expected person-*.wav and machine-*.wav, or folders `person` and `machine`")
    return found


def _is_machine(file: Path, folder: Path) -> bool:
    for word in (file.relative_to(folder).parts[0].lower(), file.name.lower()):
        for kind in ("person", "machine"):
            if word == kind or word.startswith((f"{kind}-", f"{kind}_")):
                return kind == "machine"
    raise ValueError("is it a person or a machine? Name it person-….wav or machine-….wav, or put it into a folder of that name")


def _sound(file: Path) -> Any:
    wave = read_wave(file.read_bytes())
    if not RATE <= wave.rate <= 192_000:
        raise ValueError(f"{wave.rate} Hz; expected {RATE:,} to 192,000 Hz")
    if wave.seconds < 0.2:
        raise ValueError(f"it lasts {wave.seconds:.2f} s; expected 0.2 s or more")
    heard = wave.samples[: int(LONGEST * wave.rate), 0]
    if float(np.abs(heard).max()) < QUIET:
        raise ValueError("nothing can be heard in it (of two channels the first counts)")
    steps = -(-wave.rate // RATE)
    if wave.rate % RATE:  # to the next multiple first, by straight lines: good enough above the telephone band
        count = int(len(heard) * steps * RATE / wave.rate)
        heard = np.interp(np.arange(count) * wave.rate / (steps * RATE), np.arange(len(heard)), heard)
    return _lasting(np.clip(downsample(heard, steps * RATE) * 32767, -32768, 32767))


def _lasting(samples: Any) -> Any:
    whole = np.zeros(max(int(SECONDS * RATE), len(samples)), dtype=np.int64)
    whole[: len(samples)] = samples
    return whole
