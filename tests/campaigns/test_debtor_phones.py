"""What is known of numbers: who said so, what it stops, and that a dead number is dead for everybody who has it."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from campaigns.attempts import service as attempts
from campaigns.attempts.codes import Channel, LineResult
from campaigns.debtors import phones
from campaigns.debtors.models import Debtor, PhoneEvent, PhoneNumber
from campaigns.debtors.search import find
from campaigns.debtors.terms import read_terms
from campaigns.messages.models import Batch, Message
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import LANDLINE, MOBILE, NOW, Town


@pytest.fixture
def user(session: Session) -> User:
    person = User(sign_in_name="s", display_name="堀", role="supervisor")
    session.add(person)
    session.flush()
    return person


def events(session: Session, debtor: Debtor) -> list[tuple[str | None, str, str, int | None]]:
    rows = session.scalars(select(PhoneEvent).where(PhoneEvent.debtor_id == debtor.id).order_by(PhoneEvent.id))
    return [(row.old_status, row.new_status, row.why, row.user_id) for row in rows]


def test_a_number_is_added_with_its_kind_and_found_at_once(session: Session, town: Town, user: User) -> None:
    debtor = town.debtor(mobile=False)
    phone = phones.add_number(session, debtor.id, "０９０ー１２３４ー５６７８（昼間）", "research", "番号案内で調べた", NOW, user.id)
    assert (phone.e164, phone.line_type, phone.remark, phone.status, phone.source) == (MOBILE, "mobile", "昼間", "unverified", "research")
    assert phones.takes_sms(phone)
    assert events(session, debtor) == [(None, "unverified", "番号案内で調べた", user.id)]
    assert [hit.id for hit in find(session, read_terms("5678")).hits] == [debtor.id]


@pytest.mark.parametrize(
    ("typed", "source", "why", "code"),
    [
        ("", "research", "理由", "phone_unreadable"),
        ("あいう", "research", "理由", "phone_unreadable"),
        ("110", "research", "理由", "phone_unreadable"),
        ("0570-012-345", "research", "理由", "phone_line"),
        ("090-1234-5678", "list", "理由", "phone_source"),
        ("090-1234-5678", "research", "", "why_missing"),
    ],
)
def test_what_is_no_number_to_add(session: Session, town: Town, user: User, typed: str, source: str, why: str, code: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        phones.add_number(session, town.debtor(mobile=False).id, typed, source, why, NOW, user.id)
    assert problem.value.code == code


def test_a_known_number_is_not_added_twice_and_a_dropped_one_comes_back(session: Session, town: Town, user: User) -> None:
    debtor = town.debtor(mobile=False)
    first = town.phone(debtor, LANDLINE, "fixed", status="dead")
    with pytest.raises(Conflict):
        phones.add_number(session, debtor.id, "03-1234-5678", "operator", "本人から", NOW, user.id)
    first.is_listed = False
    session.flush()
    again = phones.add_number(session, debtor.id, "03-1234-5678", "operator", "本人から", NOW, user.id)
    assert (again.id, again.is_listed, again.status, again.source) == (first.id, True, "unverified", "operator")


def test_who_refused_calls_stays_left_alone_whoever_the_number_is_added_to(session: Session, town: Town, user: User) -> None:
    town.phone(town.debtor(mobile=False), MOBILE, "mobile", status="refused")
    phone = phones.add_number(session, town.debtor(mobile=False).id, "090-1234-5678", "research", "調べた", NOW, user.id)
    assert phone.status == "refused"
    assert not phones.is_usable(phone)


def test_dead_is_dead_for_everybody_and_what_waits_is_stopped(session: Session, town: Town, user: User) -> None:
    one, other = town.debtor(mobile=False), town.debtor(mobile=False)
    mine, theirs = town.phone(one, MOBILE, "mobile"), town.phone(other, MOBILE, "mobile", status="works")
    campaign = town.campaign()
    item = WorkItem(
        campaign_id=campaign.id, debtor_id=other.id, channel="operator_call", phone_id=theirs.id, not_before=NOW, created_at=NOW,
        updated_at=NOW,
    )  # fmt: skip
    batch = Batch(campaign_id=campaign.id, channel="sms", as_of=NOW, created_at=NOW)
    session.add_all([item, batch])
    session.flush()
    message = Message(batch_id=batch.id, debtor_id=other.id, phone_id=theirs.id, e164=MOBILE, body="x", reference="r", updated_at=NOW)
    session.add(message)
    session.flush()
    assert phones.change_status(session, one.id, mine.id, "dead", "掛けたら別の案内だった", NOW, user.id) == 2
    for row in (item, message, theirs):
        session.refresh(row)
    assert (item.state, item.phone_id) == ("ready", None)
    assert (message.state, message.reason) == ("withdrawn", "number_dead")
    assert theirs.status == "dead"
    assert events(session, other) == [("works", "dead", "掛けたら別の案内だった", user.id)]


def test_that_it_works_is_said_of_one_debtor_only(session: Session, town: Town, user: User) -> None:
    one, other = town.debtor(mobile=False), town.debtor(mobile=False)
    mine, theirs = town.phone(one, MOBILE, "mobile", status="dead"), town.phone(other, MOBILE, "mobile", status="dead")
    assert phones.change_status(session, one.id, mine.id, "works", "本人から", NOW, user.id) == 1
    session.refresh(theirs)
    assert (mine.status, theirs.status) == ("works", "dead")


def test_what_is_no_change(session: Session, town: Town, user: User) -> None:
    debtor = town.debtor(mobile=False)
    phone = town.phone(debtor, MOBILE, "mobile")
    with pytest.raises(Conflict):
        phones.change_status(session, debtor.id, phone.id, "unverified", "理由", NOW, user.id)
    with pytest.raises(InvalidInput):
        phones.change_status(session, debtor.id, phone.id, "gone", "理由", NOW, user.id)
    with pytest.raises(InvalidInput):
        phones.change_status(session, debtor.id, phone.id, "dead", " ", NOW, user.id)
    with pytest.raises(NotFound):
        phones.change_status(session, town.debtor().id, phone.id, "dead", "理由", NOW, user.id)
    assert events(session, debtor) == []


def test_what_a_call_finds_out_is_told_with_the_call(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False)
    phone = town.phone(debtor, MOBILE, "mobile")
    attempt = attempts.open_attempt(session, None, phone, NOW, Channel.OPERATOR_CALL, debtor_id=debtor.id)
    attempts.record_line_result(session, attempt.id, LineResult.UNOBTAINABLE, NOW)
    session.refresh(phone)
    assert phone.status == "dead"
    (event,) = phones.events_of(session, debtor.id)
    assert (event.old_status, event.new_status, event.attempt_id) == ("unverified", "dead", attempt.id)


def test_listed_ones_come_first(session: Session, town: Town) -> None:
    debtor = town.debtor(mobile=False)
    gone = town.phone(debtor, MOBILE, "mobile", is_listed=False)
    kept = town.phone(debtor, LANDLINE, "fixed", position=2)
    assert [phone.id for phone in phones.numbers_of(session, debtor.id)] == [kept.id, gone.id]
    assert isinstance(kept, PhoneNumber)
    assert not phones.takes_sms(kept)
