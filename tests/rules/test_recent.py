"""Ids remembered for a while: the newest, and no more of them than were asked for."""

from __future__ import annotations

from dialer.telephony.recent import Recent


def test_the_oldest_are_forgotten_and_one_that_comes_again_is_young() -> None:
    known = Recent(most=3)
    for one in ("a", "b", "c", "a", "d"):
        known.add(one)
    assert [one in known for one in "abcd"] == [True, False, True, True]
    known.discard("c")
    known.discard("never")
    assert len(known) == 2
