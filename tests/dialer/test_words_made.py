"""Scripts' and abandoned calls' words are made beside the dialer's work: it goes on, and what needs them waits."""

from __future__ import annotations

from campaigns.attempts.codes import Channel
from tests.dialer.test_predictive import modes, open_hall
from tests.dialer.words import Words
from tests.dialer.world import Hall


def test_calls_with_an_operator_go_on_until_the_words_for_abandoned_ones_are_made(office_id: int) -> None:
    hall = open_hall(office_id, ["0005"] * 40)
    words = Words(hall)
    hall.staff()
    hall.pass_time(1)
    assert set(modes(hall)) == {"progressive"}
    words.may.set()
    words.until(lambda: modes(hall)["predictive"] > 0)
    assert len(set(words.made)) == len(words.made), "each is made once"


def test_no_automated_call_leaves_before_its_words_are_made(office_id: int) -> None:
    hall = Hall(office_id, ["0011"] * 3, operators=0, channel=Channel.AUTO_CALL)
    words = Words(hall)
    hall.pass_time(20)
    assert hall.calls() == []
    words.problems.append(OSError("the disk is full"))
    words.may.set()
    words.until(lambda: len(hall.calls()) == 3)
    assert words.problems == []
