"""Test messages to one's own phone. A number is verified by a code that is sent to it; a test makes no attempt and counts in no figure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import Clock
from callcenter.core.db import office_of
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.phones import LineType, classify, plain
from campaigns.messages.rate import key_of, rates_of, reserve
from campaigns.messages.senders.port import SenderError, SmsRequest, SmsSender
from campaigns.messages.templates import segments_of
from campaigns.messages.tryouts.models import OwnNumber, TestMessage

CODE_HOLDS = timedelta(minutes=10)
ASK_EVERY = timedelta(minutes=1)
MOST_TRIES = 5
MOST_TESTS, TESTS_WITHIN = 10, timedelta(hours=1)
LONGEST_WAIT = 20.0
"""Seconds; turns are never further away than some seconds, unless somebody set the machine's clock back."""
MARK = "-test-"
WAITS, SENDING = "", "sending"


def own_number(session: Session, user_id: int) -> OwnNumber | None:
    """A person's own number, verified or not."""
    return session.scalar(select(OwnNumber).where(OwnNumber.user_id == user_id))


def ask_code(session: Session, user_id: int, typed: str, now: datetime) -> OwnNumber:
    """Notes the number and has a code sent to it; another number has to be verified anew.

    Raises:
        InvalidInput: it is no mobile number.  Conflict: a code was sent less than a minute ago.
    """
    e164, kind = classify(plain(typed))
    if e164 is None or kind is not LineType.MOBILE:
        raise InvalidInput("That is no mobile number.", hint="Expected a number such as 090-1234-5678.", code="own_number")
    row = session.scalar(select(OwnNumber).where(OwnNumber.user_id == user_id).with_for_update())
    if row is not None and now - row.asked_at < ASK_EVERY:
        raise Conflict("A code was sent a moment ago.", hint="Wait a minute, then ask again.", code="code_too_soon")
    code = f"{secrets.randbelow(10**6):06d}"
    if row is None:
        row = OwnNumber(user_id=user_id, e164=e164, code_digest="", asked_at=now)
        session.add(row)
    row.e164, row.code_digest, row.asked_at, row.tries, row.verified_at = e164, _digest(user_id, code), now, 0, None
    office = session.get_one(Office, office_of(session))
    _queue(session, user_id, "code", "", f"{office.name} 確認番号 {code}", now)
    return row


def verify_code(session: Session, user_id: int, code: str, now: datetime) -> bool:
    """Whether the code is the one that was sent; then the number may be used. A wrong one is counted, so the caller commits.

    Raises:
        Conflict: none was sent, it is too old, or it was tried too often.
    """
    row = session.scalar(select(OwnNumber).where(OwnNumber.user_id == user_id).with_for_update())
    if row is None or now - row.asked_at > CODE_HOLDS or row.tries >= MOST_TRIES:
        raise Conflict("There is no code that could be entered.", hint="Ask for a new one.", code="no_code")
    row.tries += 1
    if not hmac.compare_digest(row.code_digest, _digest(user_id, plain(code).strip())):
        return False
    row.verified_at = now
    return True


def queue_test(session: Session, user_id: int, template_code: str, body: str, now: datetime) -> TestMessage:
    """Has a text sent to the person's own number.

    Raises:
        Conflict: the number is not verified, or too many tests were sent within the hour.
    """
    row = own_number(session, user_id)
    if row is None or row.verified_at is None:
        raise Conflict("Your own number is not verified.", hint="Have a code sent to it first.", code="own_number_unverified")
    count = select(func.count()).where(TestMessage.user_id == user_id, TestMessage.at > now - TESTS_WITHIN)
    if (session.scalar(count) or 0) >= MOST_TESTS:
        raise Conflict("Too many tests within an hour.", hint="Wait, then try again.", code="too_many_tests")
    return _queue(session, user_id, "template", template_code, body, now)


def latest_tests(session: Session, user_id: int, count: int = 5) -> Sequence[TestMessage]:
    """A person's latest tests of wordings."""
    mine = select(TestMessage).where(TestMessage.user_id == user_id, TestMessage.purpose == "template")
    return session.scalars(mine.order_by(TestMessage.id.desc()).limit(count)).all()


def has_waiting(session: Session) -> bool:
    """Whether a test waits to be sent."""
    return session.scalar(select(TestMessage.id).where(TestMessage.result == WAITS).limit(1)) is not None


def deliver(session_factory: Callable[[], AbstractContextManager[Session]], sender: SmsSender, clock: Clock) -> int:
    """Sends what waits, each at most once, without a transaction open; returns how many.

    The first of the sender's numbers sends them, each at its turn: together with the batches they stay within its rate.
    """
    number, per_second = next(iter(rates_of(sender).items()))
    with session_factory() as session:
        waiting = select(TestMessage, OwnNumber.e164).join(OwnNumber, OwnNumber.user_id == TestMessage.user_id)
        rows = session.execute(waiting.where(TestMessage.result == WAITS).with_for_update(of=TestMessage, skip_locked=True)).all()
        tests = [(row.TestMessage.id, row.TestMessage.segments, _request(row.TestMessage, row.e164, number)) for row in rows]
        for row in rows:
            row.TestMessage.result, row.TestMessage.body = SENDING, ""
    for test_id, segments, request in tests:
        now = clock.now()
        with session_factory() as session:
            turn = reserve(session, key_of(sender, number), segments, per_second, now)
        clock.sleep(min(LONGEST_WAIT, max(0.0, (turn - now).total_seconds())))
        try:
            result = sender.send(request).state.value
        except SenderError as problem:
            result = problem.code
        with session_factory() as session:
            note_result(session, test_id, result)
    return len(tests)


def _request(test: TestMessage, e164: str, number: str) -> SmsRequest:
    return SmsRequest(test.reference, e164, test.body, number)


def note_result(session: Session, test_id: int, result: str) -> None:
    """Keeps what came of a test."""
    row = session.scalars(select(TestMessage).where(TestMessage.id == test_id)).one()
    row.result = result[:40]


def note_news(session: Session, reference: str, result: str) -> bool:
    """Keeps what a report says about a test; whether the reference is one of a test."""
    row = session.scalar(select(TestMessage).where(TestMessage.reference == reference)) if MARK in reference else None
    if row is not None:
        row.result = result[:40]
    return row is not None


def _queue(session: Session, user_id: int, purpose: str, template_code: str, body: str, now: datetime) -> TestMessage:
    row = TestMessage(
        user_id=user_id,
        at=now,
        purpose=purpose,
        template_code=template_code,
        body=body,
        segments=segments_of(body),
        reference=f"{office_of(session)}{MARK}{uuid.uuid4().hex[:24]}",
        result=WAITS,
    )
    session.add(row)
    session.flush()
    return row


def _digest(user_id: int, code: str) -> str:
    return hashlib.sha256(f"{user_id}:{code}".encode()).hexdigest()
