"""What the simulated carrier records: made-up tones that take turns, so that a player and its waveform have something to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE = 8000
LONGEST_SECONDS = 20.0  # a demonstration fills no disk
_DEBTOR_HERTZ, _OPERATOR_HERTZ, _TURN_SECONDS = 330.0, 220.0, 2.0


def write_tones(spool: Path, name: str, seconds: float) -> None:
    """Both files of a recording: the operator speaks first, then they take turns, with a pause after each."""
    spool.mkdir(parents=True, exist_ok=True, mode=0o770)
    at = np.arange(int(min(max(seconds, 0.5), LONGEST_SECONDS) * RATE)) / RATE
    turn = (at // _TURN_SECONDS).astype(int)
    swell = np.sin(np.pi * np.minimum(at % _TURN_SECONDS, 1.5) / 1.5) ** 2
    for direction, hertz, is_speaking in (("in", _DEBTOR_HERTZ, turn % 2 == 1), ("out", _OPERATOR_HERTZ, turn % 2 == 0)):
        samples = 6000 * swell * is_speaking * np.sin(2 * np.pi * hertz * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 3.1 * at))
        (spool / f"{name}-{direction}.sln").write_bytes(samples.astype("<i2").tobytes())
