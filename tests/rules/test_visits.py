"""Rounds of visits, without a database: where addresses lie, the order of a way, its drawing, and what may be told at a door."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import RIGHT_PARTIES, Outcome, Party
from campaigns.visits.pack import blind, is_birth_date
from campaigns.visits.places import Point, address_key, keys_of, read_points
from campaigns.visits.route import Place, address_order, draw, length, visiting_order
from campaigns.visits.rules import OUTCOMES, PARTIES, Objection, Report, Standing, check_report, objection, outcomes_of

NOW = datetime(2026, 11, 18, 5, tzinfo=UTC)
points = st.builds(Point, st.floats(35.6, 35.7), st.floats(139.6, 139.8))


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("架空市本町二丁目3番4号", "架空市本町2-3-4"),
        ("架空県架空市本町２－３－４", "架空市本町2-3-4"),
        ("架空市本町2丁目3番地の4 コーポ見本 201", "架空市本町2-3-4"),
        ("架空市大字見本", "架空市大字見本"),
        ("", ""),
    ],
)
def test_an_address_is_folded_however_it_is_written(written: str, key: str) -> None:
    assert address_key(written) == key


def test_the_nearest_point_is_asked_for_first() -> None:
    assert keys_of("架空市本町2-3-4") == ["架空市本町2-3-4", "架空市本町2-3", "架空市本町2", "架空市本町"]
    assert keys_of("") == []


def test_points_of_the_ministry_and_of_an_office_are_read() -> None:
    ministry = (
        "都道府県名,市区町村名,大字・丁目名,小字・通称名,街区符号・地番,座標系番号,緯度,経度\n架空県,架空市,本町二丁目,,3,9,35.61,139.72\n"
    )
    assert read_points(ministry.encode("cp932")) == [("架空市本町2-3", Point(35.61, 139.72))]
    assert read_points("住所,緯度,経度\n架空市栄町1-2,35.6,139.7\n".encode("utf-8-sig")) == [("架空市栄町1-2", Point(35.6, 139.7))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("住所,緯度\n本町,35\n", "見出し"),
        ("住所,緯度,経度\n本町1,35,139\n本町2,x,139\n", "3行目"),
        ("住所,緯度,経度\n,35,139\n", "2行目"),
        ("", "見出し"),
    ],
)
def test_a_file_of_points_that_can_not_be_read_tells_where(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_points(text.encode())


def way(places: list[Point]) -> float:
    return length([places[n] for n in visiting_order([Place("", point) for point in places])])


@given(st.lists(points, min_size=2, max_size=6))
def test_a_way_visits_everybody_once_and_no_turned_part_is_shorter(places: list[Point]) -> None:
    order = visiting_order([Place("", point) for point in places])
    assert sorted(order) == list(range(len(places)))
    taken = way(places)
    for first in range(len(order)):
        for last in range(first + 1, len(order)):
            turned = order[:first] + order[first : last + 1][::-1] + order[last + 1 :]
            assert taken <= length([places[n] for n in turned]) + 1e-3
    shortest = min(length([places[n] for n in some]) for some in permutations(range(len(places))))
    assert taken <= 1.5 * shortest + 1


def test_a_crossing_way_is_undone() -> None:
    square = [Point(35.60, 139.70), Point(35.61, 139.71), Point(35.60, 139.71), Point(35.61, 139.70)]
    assert way(square) == pytest.approx(min(length([square[n] for n in some]) for some in permutations(range(4))))


def test_without_coordinates_addresses_decide_and_a_lone_one_stands_beside_its_town() -> None:
    keys = ["本町10-1", "本町2-3", "栄町1", "本町2-10"]
    assert [keys[n] for n in visiting_order([Place(key, None) for key in keys])] == ["本町2-3", "本町2-10", "本町10-1", "栄町1"]
    assert sorted(keys, key=address_order)[0] == "本町2-3"
    mixed = [Place("本町1-1", Point(35.6, 139.7)), Place("栄町5-1", Point(35.6, 139.71)), Place("本町1-2", None), Place("緑町1", None)]
    assert visiting_order(mixed) == [0, 2, 1, 3]


@given(st.lists(st.none() | points, max_size=8))
def test_a_drawing_keeps_all_spots_on_the_sheet(places: list[Point | None]) -> None:
    drawing = draw(places)
    assert len(drawing.spots) == len(places)
    for spot, place in zip(drawing.spots, places, strict=True):
        assert (spot is None) == (place is None)
        if spot is not None:
            assert 0 <= spot[0] <= drawing.width
            assert 0 <= spot[1] <= drawing.height


def test_north_is_up_and_east_is_right() -> None:
    south_west, north_east = draw([Point(35.6, 139.7), Point(35.61, 139.71)]).spots
    assert south_west is not None
    assert north_east is not None
    assert south_west[0] < north_east[0]
    assert south_west[1] > north_east[1]


def test_nothing_of_a_telephone_happens_at_a_door() -> None:
    assert Party.WRONG_NUMBER not in PARTIES
    assert not {Outcome.STOP_NUMBER, Outcome.CALLBACK_PROMISED, Outcome.INTERRUPTED} & set(OUTCOMES)
    assert outcomes_of(Party.NOBODY) == [Outcome.CALLBACK_MESSAGE_LEFT, Outcome.NO_RESULT]
    assert all(Outcome.PROMISE_FULL in outcomes_of(party) for party in RIGHT_PARTIES)
    assert Outcome.PROMISE_FULL not in outcomes_of(Party.FAMILY)


GOOD = Report(NOW, Party.DEBTOR, Outcome.PROMISE_PART, "", 10_000, date(2026, 12, 1), "document")


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report(NOW + timedelta(minutes=6), Party.NOBODY, Outcome.NO_RESULT), "visited_at"),
        (Report(NOW - timedelta(days=15), Party.NOBODY, Outcome.NO_RESULT), "visited_at"),
        (Report(NOW, Party.FAMILY, Outcome.PROMISE_FULL), "outcome_does_not_fit_party"),
        (Report(NOW, Party.WRONG_NUMBER, Outcome.NO_RESULT), "outcome_does_not_fit_party"),
        (Report(NOW, Party.DEBTOR, Outcome.REFUSES), "party_not_verified"),
        (Report(NOW, Party.DEBTOR, Outcome.PROMISE_FULL, verified="document"), "promise_missing"),
        (Report(NOW, Party.DEBTOR, Outcome.PROMISE_FULL, "", 50_001, date(2026, 12, 1), "document"), "promise_amount_over"),
    ],
)
def test_a_report_that_can_not_be_is_refused(report: Report, code: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        check_report(report, NOW, 50_000)
    assert problem.value.code == code


def test_what_fits_is_taken_and_a_clock_a_little_ahead_is_borne() -> None:
    check_report(GOOD, NOW, 50_000)
    check_report(GOOD, NOW - timedelta(minutes=4), 50_000)
    check_report(GOOD, NOW, 0)  # paid meanwhile: a conflict, not a mistake


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"is_done": True, "outstanding": 0}, Objection.DONE_BY_OTHER),
        ({"was_visited": True}, Objection.DONE_BY_OTHER),
        ({"is_cancelled": True}, Objection.CANCELLED),
        ({"outstanding": 0, "is_held": True}, Objection.PAID),
        ({"is_held": True}, Objection.HELD),
    ],
)
def test_what_stands_against_a_report(changes: dict[str, object], expected: Objection | None) -> None:
    facts: dict[str, object] = {"is_done": False, "is_cancelled": False, "was_visited": False, "outstanding": 1, "is_held": False}
    assert objection(Standing(**facts | changes)) is expected  # type: ignore[arg-type]


def test_a_birth_date_can_be_checked_and_not_read() -> None:
    told = blind(date(1980, 4, 3))
    assert "1980" not in str({**told, "salt": ""})[:40]
    assert [is_birth_date(told, date(1980, 4, day)) for day in (3, 4)] == [True, False]
