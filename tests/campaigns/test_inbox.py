"""Stored reports and replies on PostgreSQL: processed once whatever the order, replayed harmlessly, followed by what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, permutations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate
from campaigns.compliance.rules import Denied
from campaigns.debtors.models import Suppression
from campaigns.jobs import process_inbox
from campaigns.messages.inbox import service
from campaigns.messages.inbox.keeping import Report, keep
from campaigns.messages.inbox.models import MessageInbox, MessageReply
from campaigns.messages.inbox.replies import ReplyKind, kind_of
from campaigns.messages.models import Batch, Message, MessageEvent
from tests.campaigns.town import NOW, Town

Open = Callable[[], AbstractContextManager[Session]]


@dataclass
class Sent:
    """One debtor with a message that Twilio took."""

    office_id: int
    debtor_id: int
    campaign_id: int
    message_id: int
    number: str
    phone_id: int

    def open(self) -> AbstractContextManager[Session]:
        return transaction(self.office_id)

    def told(self, word: str, code: str = "", reference: str = "1-ref", *, key: str = "") -> Report:
        payload = {"MessageSid": "SM1", "MessageStatus": word, "ErrorCode": code, "reference": reference, "Unknown": "field"}
        return Report(self.office_id, "twilio", "status", key or f"SM1:{word}:{code}", payload, NOW)

    def wrote(self, body: str, number: str = "", key: str = "reply:SM9") -> Report:
        return Report(self.office_id, "twilio", "reply", key, {"From": number or self.number, "Body": body, "MessageSid": "SM9"}, NOW)

    def hear(self, *reports: Report) -> int:
        with self.open() as session:
            keep(session, reports)
        return service.process(self.open, NOW)

    def state(self) -> tuple[str, str]:
        with self.open() as session:
            message = session.scalars(select(Message).where(Message.id == self.message_id)).one()
            return message.state, message.reason


def add_message(session: Session, batch: Batch, debtor_id: int, phone_id: int, number: str, reference: str, state: str) -> Message:
    message = Message(
        batch_id=batch.id,
        debtor_id=debtor_id,
        phone_id=phone_id,
        e164=number,
        body="お電話ください",
        reference=reference,
        state=state,
        provider="twilio",
        handed_over_at=NOW - timedelta(minutes=5) if state != "ready" else None,
        updated_at=NOW,
    )
    session.add(message)
    session.flush()
    return message


def another_town(session: Session) -> Town:
    """Builders whose numbers do not meet those of the first."""
    town = Town(session)
    town.numbers = count(500)
    return town


@pytest.fixture
def sent(office_id: int) -> Sent:
    with transaction(office_id) as session:
        town = Town(session)
        debtor = town.debtor(mobile=False)
        phone = town.phone(debtor, "+819012345678", "mobile")
        campaign = town.campaign()
        batch = Batch(campaign_id=campaign.id, channel="sms", state="releasing", as_of=NOW, created_at=NOW)
        session.add(batch)
        session.flush()
        message = add_message(session, batch, debtor.id, phone.id, "+819012345678", "1-ref", "accepted")
        return Sent(office_id, debtor.id, campaign.id, message.id, "+819012345678", phone.id)


@pytest.mark.parametrize("order", list(permutations(["queued", "sent", "delivered"])))
def test_reports_in_any_order_and_twice_end_the_same(sent: Sent, order: tuple[str, ...]) -> None:
    reports = [sent.told(word) for word in order]
    assert sent.hear(*reports) == 3
    assert sent.hear(*reports) == 0
    assert sent.state() == ("delivered", "")
    with sent.open() as session:
        assert session.scalar(select(func.count()).select_from(MessageEvent)) == 3
        assert service.replay(session, since=NOW) == 3
    assert process_inbox(sent.office_id) == 3
    assert sent.state() == ("delivered", "")
    with sent.open() as session:
        assert session.scalar(select(func.count()).select_from(MessageEvent)) == 3
        assert service.counts(session) == {"waiting": 0, "problems": 0, "all": 3}


def test_what_went_wrong_is_said_in_our_words(sent: Sent) -> None:
    sent.hear(sent.told("undelivered", "30003"))
    assert sent.state() == ("undelivered", "handset_off")


def test_a_suspended_account_pauses_the_batch_with_the_reason(sent: Sent) -> None:
    sent.hear(sent.told("failed", "30002"))
    with sent.open() as session:
        batch = session.scalars(select(Batch)).one()
        # reasons count who was left out: a pause is none of them
        assert (batch.state, batch.state_reason, batch.reasons) == ("paused", "account_suspended", {})
    sent.hear(sent.told("failed", "30002", key="again"))


def test_what_can_not_be_processed_is_kept_with_its_reason_and_holds_up_nothing(sent: Sent) -> None:
    odd = sent.told("exploded")
    stranger = sent.told("delivered", reference="1-nobody", key="k2")
    assert sent.hear(odd, stranger, sent.told("delivered")) == 3
    assert sent.state()[0] == "delivered"
    with sent.open() as session:
        assert service.problem_counts(session) == {"unknown_reference": 1, "unreadable": 1}
        with pytest.raises(InvalidInput):
            service.replay(session)
        assert service.replay(session, only_problems=True) == 2


def test_texts_no_database_takes_are_stored_all_the_same(sent: Sent) -> None:
    sent.hear(sent.wrote("a\x00b\ud800", key="reply:\x00x"))
    with sent.open() as session:
        assert session.scalars(select(MessageReply.body)).one() == "ab?"


def test_a_report_for_an_office_that_is_not_there_changes_nothing(office_id: int) -> None:
    with transaction(987654) as session:
        keep(session, [Report(987654, "twilio", "status", "k", {}, NOW)])
    with transaction(office_id) as session:
        assert session.scalar(select(func.count()).select_from(MessageInbox)) == 0


@pytest.mark.parametrize(
    "word", ["STOP", "ｓｔｏｐ", " Stop. ", "配信停止", "「停止」", "停止してください", "配信停止を希望します", "解除"]
)
def test_stop_words(word: str) -> None:
    assert kind_of(word) is ReplyKind.STOP


@pytest.mark.parametrize(
    ("text", "kind"),
    [("再開", "start"), ("START", "start"), ("電話を止められて停止中です", "text"), ("stop by tomorrow", "text"), ("", "text")],
)
def test_other_texts(text: str, kind: str) -> None:
    assert kind_of(text).value == kind


def test_stop_forbids_messages_and_takes_back_what_waits(sent: Sent) -> None:
    with sent.open() as session:
        batch = session.scalars(select(Batch)).one()
        other = Batch(campaign_id=batch.campaign_id, channel="sms", state="ready", as_of=NOW, created_at=NOW)
        session.add(other)
        session.flush()
        waiting = add_message(session, other, sent.debtor_id, sent.phone_id, sent.number, "1-next", "ready").id
    sent.hear(sent.wrote("停止", number="090-1234-5678"))
    sent.hear(sent.wrote("stop", key="reply:SM10"))
    with sent.open() as session:
        held = session.scalars(select(Suppression)).one()
        assert (held.debtor_id, held.reason, held.channel) == (sent.debtor_id, "stop_request", "sms")
        assert session.scalars(select(Message.state).where(Message.id == waiting)).one() == "withdrawn"
        first, second = session.scalars(select(MessageReply).order_by(MessageReply.id)).all()
        assert (first.debtor_id, first.message_id, first.kind) == (sent.debtor_id, sent.message_id, "stop")
        assert (first.suppressed, first.withdrawn, second.suppressed) == (1, 1, 0)
        decision = gate.check_contacts(session, [gate.Ask(sent.debtor_id, sent.phone_id, sent.campaign_id)], Channel.SMS, NOW)[0]
        assert isinstance(decision, Denied)


def test_a_free_text_belongs_to_whom_the_last_message_went(sent: Sent) -> None:
    with sent.open() as session:
        town = another_town(session)
        relative = town.debtor(mobile=False)
        town.phone(relative, sent.number, "mobile")
    sent.hear(sent.wrote("明日払います"))
    with sent.open() as session:
        row = session.scalars(select(MessageReply)).one()
        assert (row.debtor_id, row.kind, row.body) == (sent.debtor_id, "text", "明日払います")
        assert session.scalar(select(func.count()).select_from(Suppression)) == 0


def test_an_unknown_number_is_kept_on_a_list_and_a_stop_covers_everybody_with_a_number(sent: Sent) -> None:
    with sent.open() as session:
        town = another_town(session)
        for _ in range(2):
            town.phone(town.debtor(mobile=False), "+819077770000", "mobile")
    sent.hear(sent.wrote("どなたですか", number="+819099999999"), sent.wrote("停止", number="+819077770000", key="reply:2"))
    with sent.open() as session:
        unknown, shared = session.scalars(select(MessageReply).order_by(MessageReply.id)).all()
        assert (unknown.debtor_id, unknown.e164) == (None, "+819099999999")
        assert (shared.debtor_id, shared.suppressed) == (None, 2)


def test_the_provider_s_opt_out_is_ours_too(sent: Sent) -> None:
    sent.hear(sent.told("failed", "21610"))
    with sent.open() as session:
        assert session.scalars(select(Suppression.channel)).one() == "sms"
