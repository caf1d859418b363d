"""What becomes of a caller: pure decisions and words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialer.inbound import words
from dialer.inbound.rules import ENDINGS, MOST_WAITING, Floor, Seat, Treatment, choose_operator, is_told_again, treat
from dialer.ivr.checking import TAX_WORDS
from dialer.telephony.asterisk.inbound import e164, our_id, their_id

NOW = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Tokyo")
ANNA, BEN = Seat(1, 11, NOW - timedelta(minutes=1)), Seat(2, 12, NOW - timedelta(minutes=9))


@pytest.mark.parametrize(
    ("free", "last", "chosen"),
    [([ANNA, BEN], 11, ANNA), ([ANNA, BEN], 12, BEN), ([ANNA, BEN], 99, BEN), ([ANNA, BEN], None, BEN), ([ANNA], 12, ANNA), ([], 11, None)],
)
def test_who_called_last_if_free_else_the_longest_idle(free: list[Seat], last: int | None, chosen: Seat | None) -> None:
    assert choose_operator(free, last) == chosen


@pytest.mark.parametrize(
    ("is_open", "free", "at_work", "position", "waited", "expected"),
    [
        (True, [ANNA], 1, 1, 0, Treatment.CONNECT),
        (True, [ANNA], 1, 2, 0, Treatment.WAIT),
        (True, [], 2, 1, 0, Treatment.WAIT),
        (True, [], 0, 1, 0, Treatment.ALL_LEFT),
        (True, [], 2, 1, 600, Treatment.TOO_LONG),
        (False, [], 2, 1, 0, Treatment.AFTER_HOURS),
        (False, [ANNA], 1, 1, 30, Treatment.CONNECT),
        (True, [ANNA], 1, MOST_WAITING + 1, 0, Treatment.REFUSED),
    ],
)
def test_treatment(is_open: bool, free: list[Seat], at_work: int, position: int, waited: int, expected: Treatment) -> None:
    assert treat(Floor(is_open, free, at_work), NOW - timedelta(seconds=waited), position, NOW) is expected


def test_who_is_on_another_line_with_us_gets_nobody_else() -> None:
    def treated(seconds: int, free: list[Seat]) -> Treatment:
        return treat(Floor(True, free, 2), NOW - timedelta(seconds=seconds), 1, NOW, is_on_line=True)

    assert [treated(1, [ANNA]), treated(6, [ANNA]), treated(1, []), treated(600, [ANNA])] == [
        Treatment.RING,
        Treatment.WAIT,
        Treatment.WAIT,
        Treatment.TOO_LONG,
    ]


def test_the_place_is_told_at_first_when_it_changes_and_now_and_then() -> None:
    def told(seconds: int, before: int, after: int) -> bool:
        return is_told_again(NOW - timedelta(seconds=seconds), before, after, NOW)

    assert is_told_again(None, 0, 3, NOW)
    assert [told(5, 3, 2), told(11, 3, 2), told(30, 2, 2), told(45, 2, 2)] == [False, True, False, True]


def test_words_tell_place_and_times_and_nothing_of_any_matter() -> None:
    closes = datetime(2026, 11, 18, 17, 0, tzinfo=ZONE)
    waiting = words.place_words("架空市コールセンター", 2, closes, ZONE, is_first=True)
    assert "2番目" in "".join(waiting)
    assert "午後5時まで" in "".join(waiting)
    assert words.WELCOME.format(office="架空市コールセンター") in waiting
    opens = datetime(2026, 11, 19, 0, 30, tzinfo=UTC)
    for why in sorted(ENDINGS):
        for is_called_back in (True, False):
            said = "".join(words.ending_words(why, "架空市", opens, ZONE, is_first=True, is_called_back=is_called_back))
            assert (words.CALLED_BACK in said) == is_called_back
            assert TAX_WORDS.search(said) is None
    assert "11月19日、午前9時30分から" in "".join(
        words.ending_words(Treatment.AFTER_HOURS, "架空市", opens, ZONE, is_first=False, is_called_back=True)
    )


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0312345678", "+81312345678"),
        ("+819012345678", "+819012345678"),
        ("0012025550100", None),
        ("anonymous", None),
        ("", None),
        ("12", None),
        ("+123456789012345", "+123456789012345"),
        ("+1234567890123456", None),
        ("01234567890123456789", None),
    ],
)
def test_numbers_as_trunks_write_them(number: str, expected: str | None) -> None:
    assert e164(number) == expected


@pytest.mark.parametrize("theirs", ["1700000000.12", "main-1700000000.3"])
def test_ids_of_channels_that_came_in_go_there_and_back(theirs: str) -> None:
    assert their_id(our_id(theirs)) == theirs
    assert "." not in our_id(theirs)
    assert our_id("o1-c-abc") == their_id("o1-c-abc") == "o1-c-abc"
