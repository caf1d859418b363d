"""Recordings of greetings for measuring the detector of answering machines: which are read, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.greetings import RATE, SECONDS, recorded
from tests.dialer.test_recordings import recorded as tone


def test_people_and_machines_are_told_by_name_or_folder_and_kept_as_loud_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "machine").mkdir()
    (tmp_path / "person-a.wav").write_bytes(tone(rate=8_000, volume=0.1))
    (tmp_path / "Person_b.WAV").write_bytes(tone(rate=44_100, channels=2, seconds=20))
    (tmp_path / "machine" / "001.wav").write_bytes(tone(rate=48_000, width=3))
    (tmp_path / "notes.txt").write_text("これは録音ではありません")
    found = {each.name: each for each in recorded(tmp_path)}
    assert {name: each.is_machine for name, each in found.items()} == {
        "person-a.wav": False,
        "Person_b.WAV": False,
        "machine/001.wav": True,
    }
    assert abs(int(np.abs(found["person-a.wav"].sound).max()) - 3277) < 10
    assert len(found["person-a.wav"].sound) == SECONDS * RATE
    assert len(found["Person_b.WAV"].sound) == 15 * RATE


def test_what_can_not_be_used_is_named_with_its_reason(tmp_path: Path) -> None:
    for name, content in (
        ("greeting.wav", tone()),
        ("person-mp3.wav", b"ID3"),
        ("person-short.wav", tone(seconds=0.1)),
        ("machine-still.wav", tone(volume=0.0)),
        ("machine-slow.wav", tone(rate=4_000)),
    ):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RuntimeError) as raised:
        recorded(tmp_path)
    told = str(raised.value)
    for words in ("5 of 5", "a person or a machine?", "does not begin as a WAV", "0.10 s", "nothing can be heard", "4000 Hz"):
        assert words in told


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_folder_without_recordings_says_what_is_expected(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match="person-"):
        recorded(tmp_path / name)
