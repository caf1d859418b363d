"""Debtors are found by everything somebody may know of them, before and after the lists for searching are written, and only one's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from callcenter.core.text import kana_key, search_key
from campaigns.debtors import last_search, search_lists
from campaigns.debtors.models import Debt, Debtor, LastSearch, PhoneNumber, SearchList, SearchPending
from campaigns.debtors.search import Found, Match, find
from campaigns.debtors.terms import Narrowing, read_terms
from campaigns.jobs import refresh_search
from tests.campaigns.import_files import DEBT, load, table
from tests.campaigns.town import Town

NOW = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
PEOPLE = [
    ("0000000123", "髙橋　恵子", "ﾀｶﾊｼ ｹｲｺ", "+819012345678", "000000000777", "00000077"),
    ("0000000124", "高橋 惠", "タカハシ メグミ", "+81312345678", "000000000778", "00000077"),
    ("0000000200", "山﨑　翔太", "ヤマザキ ショウタ", "+815012345601", "A-0001", ""),
    ("1230000000", "架空工業株式会社", "ｶｸｳｺｳｷﾞﾖｳ", "+81120123456", "000000000123", "00000099"),
    ("0000000300", "渡邉　佳代子", "ワタナベ カヨコ", "+819087655678", "100%_1", ""),
]


def add(session: Session, number: str, name: str, kana: str, e164: str, notice: str, household: str) -> Debtor:
    debtor = Debtor(debtor_no=number, name=name, name_kana=kana, name_key=search_key(name), kana_key=kana_key(kana), household_no=household)
    session.add(debtor)
    session.flush()
    session.add(PhoneNumber(debtor_id=debtor.id, original=e164, e164=e164, line_type="mobile"))
    session.add(
        Debt(
            debtor_id=debtor.id,
            tax_code="10",
            tax_name="市県民税",
            levy_year=2026,
            base_year=2026,
            term=1,
            notice_no=notice,
            due_on=date(2026, 6, 30),
            outstanding=36_000,
        )
    )
    session.flush()
    return debtor


@pytest.fixture(params=["before the lists are written", "after"])
def people(request: pytest.FixtureRequest, office_id: int) -> Iterator[Session]:
    with transaction(office_id) as session:
        for person in PEOPLE:
            add(session, *person)
    if request.param == "after":
        refresh_search(office_id)
    with transaction(office_id) as session:
        yield session


def numbers(found: Found) -> list[str]:
    return [hit.debtor_no for hit in found.hits]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("0000000123", ["0000000123", "1230000000"]),  # the second by its notice
        ("123", ["0000000123", "1230000000"]),
        ("００００１２３", ["0000000123", "1230000000"]),
        ("777", ["0000000123"]),
        ("A-0001", ["0000000200"]),
        ("100%_1", ["0000000300"]),
        ("100%_2", []),
        ("77", ["0000000123", "0000000124"]),  # a household
        ("090-1234-5678", ["0000000123"]),
        ("０９０（１２３４）５６７８", ["0000000123"]),
        ("+81 90-1234-5678", ["0000000123"]),
        ("5678", ["0000000123", "0000000124", "0000000300"]),
        ("45678", ["0000000123", "0000000124"]),
        ("03-1234-5678", ["0000000124"]),
        ("0120-123-456", ["1230000000"]),
        ("高橋", ["0000000123", "0000000124"]),
        ("髙橋恵", ["0000000123", "0000000124"]),
        ("恵子", ["0000000123"]),
        ("橋恵", ["0000000123", "0000000124"]),
        ("崎", []),
        ("崎翔", ["0000000200"]),
        ("工業株式", ["1230000000"]),
        ("渡辺", ["0000000300"]),
        ("わたなべ", ["0000000300"]),
        ("ﾜﾀﾅﾍﾞ", ["0000000300"]),
        ("ワタナヘ　カヨコ", ["0000000300"]),
        ("しようた", ["0000000200"]),
        ("ショウタ", ["0000000200"]),
        ("ヤマサキ", ["0000000200"]),
        ("コウギョウ", ["1230000000"]),
        ("よこ", ["0000000300"]),
        ("いない人", []),
        ("' OR 1=1 --", []),
    ],
)
def test_found_by_everything(people: Session, typed: str, expected: list[str]) -> None:
    assert numbers(find(people, read_terms(typed))) == expected


def test_the_surest_match_comes_first_and_is_told(people: Session) -> None:
    assert [hit.match for hit in find(people, read_terms("123")).hits] == [Match.NUMBER, Match.NOTICE]
    assert [hit.match for hit in find(people, read_terms("髙橋恵")).hits] == [Match.NAME, Match.NAME]
    assert [hit.match for hit in find(people, read_terms("ケイコ")).hits] == [Match.PART]


@pytest.mark.parametrize("is_listed", [False, True])
def test_parts_of_names_agree_with_a_plain_look(office_id: int, is_listed: bool) -> None:
    draws = random.Random(7)
    made = ["".join(draws.choices("山田中本川木村井上", k=draws.randint(1, 5))) for _ in range(300)]
    with transaction(office_id) as session:
        for number, name in enumerate(made):
            session.add(Debtor(debtor_no=f"{number:010d}", name=name, name_key=search_key(name)))
    if is_listed:
        refresh_search(office_id)
    with transaction(office_id) as session:
        for _ in range(60):
            typed = "".join(draws.choices("山田中本川木村井上", k=draws.randint(2, 4)))
            expected = {f"{number:010d}" for number, name in enumerate(made) if typed in name}
            found = find(session, read_terms(typed), count=400)
            assert set(numbers(found)) == expected
            assert len(found.hits) == len(expected)


def test_no_more_than_a_page(office_id: int) -> None:
    with transaction(office_id) as session:
        for number in range(60):
            session.add(Debtor(debtor_no=f"{number:010d}", name="見本 佳代", name_key="見本佳代", household_no="1"))
        session.flush()
        found = find(session, read_terms("見本"))
        assert (len(found.hits), found.has_more, found.is_cut) == (50, True, False)
        assert find(session, read_terms("見本"), Narrowing(status="not_listed")).hits == []


def test_many_of_one_name_are_cut_and_said_to_be(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.debtors.search.CANDIDATES", 20)
    with transaction(office_id) as session:
        for number in range(30):
            session.add(Debtor(debtor_no=f"{number:010d}", name="見本", name_key="見本", is_listed=number < 25))
        session.flush()
        found = find(session, read_terms("見本"), Narrowing(status="not_listed"))
        assert found.is_cut


def test_narrowing(session: Session, town: Town) -> None:
    named = {"name_key": "見本佳代"}
    poor, rich = town.debtor(owes=1_000, **named), town.debtor(owes=90_000, **named)
    held, twice, none = town.debtor(owes=5_000, hold=4, **named), town.debtor(owes=5_000, **named), town.debtor(owes=0, **named)
    town.debt(twice, 6_000, tax_code="30", tax_name="国保税")
    none.is_listed = False
    session.flush()

    def ids(**narrowing: object) -> set[int]:
        return {hit.id for hit in find(session, read_terms("見本"), Narrowing(**narrowing)).hits}  # type: ignore[arg-type]

    assert ids() == {poor.id, rich.id, held.id, twice.id, none.id}
    assert ids(tax_code="30") == {twice.id}
    assert ids(least=11_000) == {rich.id, twice.id}
    assert ids(least=1_000, most=5_000) == {poor.id, held.id}
    assert ids(hold="any") == {held.id} == ids(hold="4")
    assert ids(hold="none") == {poor.id, rich.id, twice.id, none.id}
    assert ids(hold="9") == set()
    assert ids(status="listed") == {poor.id, rich.id, held.id, twice.id}
    assert ids(status="not_listed") == {none.id}
    assert ids(channel="sms") == set()
    assert ids(tax_code="30", least=11_000, hold="none", status="listed") == {twice.id}
    (hit,) = find(session, read_terms("見本"), Narrowing(tax_code="30")).hits
    assert (hit.owed, hit.terms, hit.taxes, hit.holds) == (11_000, 2, ("10", "国保税"), ())


def test_offices_find_their_own_only(two_offices: tuple[int, int]) -> None:
    mine, theirs = two_offices
    for office_id in (mine, theirs):
        with transaction(office_id) as session:
            for person in PEOPLE if office_id == theirs else PEOPLE[:1]:
                add(session, *person)
        refresh_search(office_id)
    with transaction(mine) as session:
        for typed in ("123", "777", "778", "5678", "高橋", "恵子", "タカハシ", "ケイコ", "77"):
            assert set(numbers(find(session, read_terms(typed)))) <= {"0000000123"}
        assert session.scalar(select(func.count()).select_from(SearchList)) > 0
        assert "778" not in str(session.scalars(select(SearchList.part)).all())


def test_a_renamed_debtor_is_found_at_once_and_listed_later(office_id: int) -> None:
    load(office_id, "debts", table(DEBT, {}))
    refresh_search(office_id)
    load(office_id, "debts", table(DEBT, {"氏名": "架空　桜子", "氏名カナ": "ｶｸｳ ｻｸﾗｺ", "電話番号1": "060-9000-0009"}))
    for _ in range(2):
        with transaction(office_id) as session:
            for typed in ("桜子", "サクラ", "架空", "0009"):
                assert numbers(find(session, read_terms(typed))) == ["0000000001"]
            assert numbers(find(session, read_terms("花子"))) == []
            waiting = session.scalar(select(func.count()).select_from(SearchPending))
        refresh_search(office_id)
    assert waiting == 0


def test_lists_grow_by_pieces_and_are_written_anew(office_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_lists, "SPARE_PIECES", 3)
    pieces = []
    for turn in range(8):
        with transaction(office_id) as session:
            session.add(Debtor(debtor_no=f"{turn}", name=f"見本 {turn}代", name_key=f"見本{turn}代"))
        with transaction(office_id) as session:
            assert search_lists.refresh(session, NOW) > 0
            assert search_lists.refresh(session, NOW) == 0
            pieces.append(session.scalar(select(func.max(SearchList.piece))))
            assert len(find(session, read_terms("本" + str(turn))).hits) == 1
            assert len(find(session, read_terms("見本")).hits) == turn + 1
    assert max(pieces) == 7
    assert pieces[-1] < 7


def test_taxes_are_known_from_lists_and_from_what_came_since(people: Session) -> None:
    assert search_lists.known_taxes(people) == {"10": "市県民税"}


def test_the_last_search_is_kept_for_a_while(session: Session, office_id: int) -> None:
    from callcenter.auth.models import User

    user = User(sign_in_name="s", display_name="s", role="supervisor")
    session.add(user)
    session.flush()
    last_search.keep(session, user.id, {"words": "見本"}, NOW)
    last_search.keep(session, user.id, {"words": "髙橋"}, NOW)
    assert last_search.recall(session, user.id, NOW) == {"words": "髙橋"}
    assert last_search.recall(session, user.id, NOW.replace(hour=2)) is None
    last_search.keep(session, user.id, {"words": "x"}, NOW)
    last_search.forget(session, user.id)
    assert session.scalar(select(func.count()).select_from(LastSearch)) == 0


@pytest.fixture
def two_offices(clean_database: None) -> tuple[int, int]:
    with transaction(None) as session:
        offices = [Office(code="one", name="一の市"), Office(code="two", name="二の市")]
        session.add_all(offices)
        session.flush()
        return offices[0].id, offices[1].id
