"""Prompts as sound files: telephone quality, made once, made again when the words change."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from callcenter.core.errors import InvalidInput
from dialer.ivr.speech import downsample, prepare_plan, prepare_sound
from tests.telephony.plans import short_plan


def test_sound_is_what_a_telephone_plays_and_is_made_once(tmp_path: Path) -> None:
    sound = prepare_sound("main-default-1", "こちらは市役所です。", tmp_path)
    with wave.open(str(sound)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert 1.0 < len(samples) / 8000 < 4.0
    assert 15_000 < np.abs(samples.astype(int)).max() < 32_767
    before = sound.stat().st_mtime_ns
    prepare_sound("main-default-1", "こちらは市役所です。", tmp_path)
    assert sound.stat().st_mtime_ns == before
    prepare_sound("main-default-1", "こちらは税務課です。", tmp_path)
    assert sound.stat().st_mtime_ns != before


def test_plan_has_a_prompt_and_thanks(tmp_path: Path) -> None:
    prepare_plan(short_plan("main-a-1", "お知らせです。", thanks="main-a-1-thanks", thanks_text="失礼します。"), tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.wav")) == ["main-a-1-thanks.wav", "main-a-1.wav"]


@pytest.mark.parametrize(("hertz", "is_heard"), [(1000, True), (3000, True), (5000, False), (7000, False)])
def test_what_the_telephone_can_not_carry_does_not_fold_back(hertz: int, is_heard: bool) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(48_000) / 48_000)
    middle = downsample(tone, 48_000)[1000:-1000]
    loudness = float(np.sqrt(np.mean(middle**2)))
    assert loudness > 0.6 if is_heard else loudness < 0.01


def test_wrong_names_rates_and_empty_words_are_refused(tmp_path: Path) -> None:
    for name, text in (("../x", "はい"), ("a/b", "はい"), ("", "はい"), ("ok", " ")):
        with pytest.raises(InvalidInput):
            prepare_sound(name, text, tmp_path)
    with pytest.raises(ValueError, match="8000"):
        downsample(np.zeros(10), 44_100)
    assert list(tmp_path.iterdir()) == []
