"""Batches and messages on PostgreSQL: prepared for the window, asked again, handed over once, settled by asking."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.compliance.models import ComplianceDecision
from campaigns.debtors.models import Debt, Suppression
from campaigns.messages import events
from campaigns.messages.batches import BatchResult, prepare_batch
from campaigns.messages.models import Batch, Message, MessageEvent, Template
from campaigns.messages.moving import progress, set_batch_state
from campaigns.messages.release import advance_batches, release_step, sweep_messages
from campaigns.messages.senders.port import SenderError, SenderRefused, SenderUnreachable, SendUnknown, SmsRequest, SmsStatus
from campaigns.messages.senders.simulated import SimulatedRates, SimulatedSender
from campaigns.messages.settling import settle_messages
from campaigns.messages.state import BatchState, MessageState
from campaigns.planning.rulesets import add_rule_set
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.segmentation.rules import All, Compare, Op, Rule, RuleSet
from campaigns.sync.models import SyncOutbox
from campaigns.worklist.models import WorkItem
from campaigns.worklist.withdraw import withdraw_for_debtors
from tests.campaigns.town import JST, NOW, Town

NIGHT = NOW.replace(hour=2)
OPENING = NOW.replace(hour=9)
Open = Callable[[], AbstractContextManager[Session]]


@dataclass
class Provider:
    """A provider that does what the test says, and remembers every request it saw."""

    answers: dict[int, SenderError] = field(default_factory=dict)
    seen: list[SmsRequest] = field(default_factory=list)
    known: dict[str, MessageState] = field(default_factory=dict)
    name: str = "fake"
    segments_per_second: float = 1000.0
    is_asked_for_receipts: bool = False
    is_down: bool = False

    def send(self, request: SmsRequest) -> SmsStatus:
        self.seen.append(request)
        problem = self.answers.get(len(self.seen))
        if problem is not None:
            raise problem
        self.known[request.reference] = MessageState.ACCEPTED
        return SmsStatus(f"id-{request.reference}", MessageState.ACCEPTED, "queued")

    def find(self, request: SmsRequest, since: datetime) -> SmsStatus | None:
        if self.is_down:
            raise SenderUnreachable("down")
        state = self.known.get(request.reference)
        return None if state is None else SmsStatus(f"id-{request.reference}", state)


@dataclass
class Prepared:
    """A running campaign with a prepared batch, and how to look at it."""

    office_id: int
    campaign_id: int
    batch: BatchResult
    debtors: list[int]

    def open(self) -> AbstractContextManager[Session]:
        return transaction(self.office_id)

    def states(self) -> dict[str, int]:
        assert self.batch.batch is not None
        with self.open() as session:
            return progress(session, self.batch.batch)

    def batch_state(self) -> str:
        with self.open() as session:
            return session.scalars(select(Batch.state).where(Batch.id == self.batch.batch)).one()

    def release(self, provider: Provider | SimulatedSender, now: datetime = OPENING, limit: int = 10) -> object:
        return release_step(self.open, provider, now, limit=limit)


@pytest.fixture
def prepared(office_id: int) -> Prepared:
    """Five debtors with mobiles, assigned to SMS, prepared at 02:00 for 09:00."""
    with transaction(office_id) as session:
        town = Town(session)
        debtors = [town.debtor().id for _ in range(5)]
        campaign = town.campaign()
        plan(session, campaign.id, NIGHT)
        set_status(session, campaign.id, CampaignStatus.RUNNING, NIGHT)
        batch = prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
        return Prepared(office_id, campaign.id, batch, debtors)


def test_prepared_at_night_released_in_the_window(prepared: Prepared) -> None:
    assert prepared.batch.prepared == 5
    assert prepared.batch.release_from == OPENING
    assert prepared.batch.release_until == NOW.replace(hour=19)
    provider = Provider()
    prepared.release(provider, NIGHT)
    assert provider.seen == []
    prepared.release(provider)
    assert len({request.reference for request in provider.seen}) == 5
    assert {request.body for request in provider.seen} == {"架空市です。お知らせしたいことがあります。お電話ください。0300000000"} or all(
        "架空市です" in request.body for request in provider.seen
    )
    assert prepared.states() == {"accepted": 5}
    prepared.release(provider)
    assert len(provider.seen) == 5
    assert prepared.batch_state() == "done"


def test_each_message_is_an_attempt_and_leaves_a_fact(prepared: Prepared) -> None:
    prepared.release(Provider())
    with prepared.open() as session:
        attempts = session.scalars(select(Attempt)).all()
        assert {(a.channel, a.state, a.handed_over_at, a.line_result) for a in attempts} == {("sms", "closed", OPENING, None)}
        assert len(session.scalars(select(SyncOutbox)).all()) == 5
        again = plan(session, prepared.campaign_id, NOW)
        assert again.reasons == {"waits_after_sms": 5}
        again = plan(session, prepared.campaign_id, NOW + timedelta(days=6))
        assert again.channels["auto_call"] == 5


def test_a_payment_in_between_withdraws_and_the_gate_asks_again(prepared: Prepared) -> None:
    paid, held, claimed = prepared.debtors[:3]
    with prepared.open() as session:
        assert withdraw_for_debtors(session, [paid], "settled", NIGHT) == 1
        session.execute(update(Debt).where(Debt.debtor_id == held).values(hold=1))
        session.add(Suppression(debtor_id=claimed, reason="payment_claimed", starts_at=NIGHT, ends_at=NIGHT + timedelta(days=14)))
    provider = Provider()
    prepared.release(provider)
    assert len(provider.seen) == 2
    assert prepared.states() == {"accepted": 2, "refused": 1, "withdrawn": 2}
    with prepared.open() as session:
        assert set(session.scalars(select(ComplianceDecision.reason).where(~ComplianceDecision.is_allowed))) == {
            "hold_stopped",
            "payment_claimed",
        }


def test_nothing_is_released_while_campaign_or_batch_is_paused(prepared: Prepared) -> None:
    provider = Provider()
    with prepared.open() as session:
        set_status(session, prepared.campaign_id, CampaignStatus.PAUSED, OPENING)
    prepared.release(provider)
    with prepared.open() as session:
        set_status(session, prepared.campaign_id, CampaignStatus.RUNNING, OPENING)
        assert prepared.batch.batch is not None
        set_batch_state(session, prepared.batch.batch, BatchState.PAUSED, OPENING)
    prepared.release(provider)
    assert provider.seen == []
    with prepared.open() as session:
        set_batch_state(session, prepared.batch.batch, BatchState.CANCELLED, OPENING)
        with pytest.raises(Conflict):
            set_batch_state(session, prepared.batch.batch, BatchState.RELEASING, OPENING)
    assert prepared.states() == {"withdrawn": 5}


def test_what_the_window_left_over_lapses(prepared: Prepared) -> None:
    prepared.release(Provider(), OPENING, limit=2)
    with prepared.open() as session:
        advance_batches(session, NOW.replace(hour=19))
    assert prepared.states() == {"accepted": 2, "withdrawn": 3}
    assert prepared.batch_state() == "done"


def test_a_refused_number_fails_alone(prepared: Prepared) -> None:
    provider = Provider({2: SenderRefused("no mobile", code="twilio_21211")})
    prepared.release(provider)
    assert prepared.states() == {"accepted": 4, "failed": 1}
    with prepared.open() as session:
        failed = session.scalars(select(Message).where(Message.state == "failed")).one()
        attempt = session.get_one(Attempt, (prepared.office_id, failed.attempt_id))
        assert (failed.reason, attempt.line_result, attempt.handed_over_at) == ("twilio_21211", "failed", None)


def test_a_suspended_account_pauses_the_batch_and_drops_nothing(prepared: Prepared) -> None:
    provider = Provider({3: SenderRefused("suspended", code="twilio_20003", is_account=True)})
    prepared.release(provider)
    assert len(provider.seen) == 3
    assert prepared.states() == {"accepted": 2, "ready": 3}
    assert prepared.batch_state() == "paused"
    with prepared.open() as session:
        assert len(session.scalars(select(Attempt)).all()) == 2
        assert prepared.batch.batch is not None
        set_batch_state(session, prepared.batch.batch, BatchState.READY, OPENING)
    prepared.release(provider)
    assert prepared.states() == {"accepted": 5}


def test_an_unreachable_provider_gets_the_rest_later(prepared: Prepared) -> None:
    provider = Provider({1: SenderUnreachable("down")})
    prepared.release(provider)
    assert (len(provider.seen), prepared.states()) == (1, {"ready": 5})
    prepared.release(provider)
    assert prepared.states() == {"accepted": 5}


def test_a_lost_answer_is_unknown_never_repeated_and_settled_by_asking(prepared: Prepared) -> None:
    provider = Provider({1: SendUnknown("timeout"), 2: SendUnknown("timeout")})
    prepared.release(provider)
    taken, lost = provider.seen[0].reference, provider.seen[1].reference
    provider.known[taken] = MessageState.DELIVERED
    assert prepared.states() == {"accepted": 3, "unknown": 2}
    prepared.release(provider)
    assert len(provider.seen) == 5
    provider.is_down = True
    assert settle_messages(prepared.open, provider, OPENING + timedelta(minutes=1)) == 0
    provider.is_down = False
    assert settle_messages(prepared.open, provider, OPENING + timedelta(minutes=1)) == 1
    assert prepared.states() == {"accepted": 3, "unknown": 1, "delivered": 1}
    assert settle_messages(prepared.open, provider, OPENING + timedelta(minutes=16)) == 1
    assert prepared.states() == {"accepted": 3, "failed": 1, "delivered": 1}
    with prepared.open() as session:
        failed = session.scalars(select(Message).where(Message.reference == lost)).one()
        assert failed.reason == "not_handed_over"
        settled = session.scalars(select(Message).where(Message.reference == taken)).one()
        assert settled.reason == ""  # no more "being asked" about what was told
    assert len(provider.seen) == 5


def test_a_crash_between_hand_over_and_answer_is_found_by_the_sweeper(prepared: Prepared) -> None:
    """The worker dies while sending the first message: the provider has it, we never wrote that down."""

    class Killed(BaseException):
        pass

    class Dying(Provider):
        def send(self, request: SmsRequest) -> SmsStatus:
            super().send(request)
            raise Killed

    provider = Dying()
    with pytest.raises(Killed):
        prepared.release(provider, limit=2)
    assert prepared.states() == {"handed_over": 2, "ready": 3}
    healthy = Provider(known=provider.known, seen=provider.seen)
    later = OPENING + timedelta(minutes=3)
    assert settle_messages(prepared.open, healthy, later) == 1
    assert prepared.states() == {"accepted": 1, "unknown": 1, "ready": 3}
    settle_messages(prepared.open, healthy, OPENING + timedelta(minutes=20))
    prepared.release(healthy, OPENING + timedelta(minutes=20))
    assert prepared.states() == {"accepted": 4, "failed": 1}
    references = [request.reference for request in healthy.seen]
    assert len(references) == len(set(references)) == 4


def test_a_claim_of_a_dead_worker_goes_back(prepared: Prepared) -> None:
    with prepared.open() as session:
        session.execute(update(Message).values(state="claimed", claim_token="x", lease_until=OPENING))
        assert sweep_messages(session, OPENING) == 5
    assert prepared.states() == {"ready": 5}


def test_provider_news_is_kept_once_and_only_moves_forward(prepared: Prepared) -> None:
    provider = Provider()
    prepared.release(provider, limit=1)
    reference = provider.seen[0].reference
    with prepared.open() as session:
        for state, key in [
            (MessageState.DELIVERED, "e2"),
            (MessageState.ACCEPTED, "e1"),
            (MessageState.DELIVERED, "e2"),
            (MessageState.UNDELIVERED, "e3"),
        ]:
            assert events.record_by_reference(session, reference, SmsStatus("id", state), key, NOW)
        message = session.scalars(select(Message).where(Message.reference == reference)).one()
        assert message.state == "delivered"
        told = session.scalar(select(func.count()).where(MessageEvent.message_id == message.id))
        assert told == 4
        assert not events.record_by_reference(session, "1-unknown", SmsStatus("id", MessageState.DELIVERED), "e9", NOW)


def test_the_simulated_provider_delivers_at_its_rates_and_forgets_nothing(prepared: Prepared, tmp_path: object) -> None:
    moment = {"now": OPENING}
    log = tmp_path / "sms.jsonl"  # type: ignore[operator]
    rates = SimulatedRates(invalid=0, undelivered=0)
    prepared.release(SimulatedSender(lambda: moment["now"], log=log, rates=rates))
    moment["now"] += timedelta(minutes=1)
    after_restart = SimulatedSender(lambda: moment["now"], log=log, rates=rates)
    assert settle_messages(prepared.open, after_restart, moment["now"]) == 5
    assert prepared.states() == {"delivered": 5}
    assert len(log.read_text(encoding="utf-8").splitlines()) == 5


def test_half_a_line_of_a_killed_worker_spoils_no_other(tmp_path: Path) -> None:
    log = tmp_path / "sms.jsonl"
    log.write_text('{"reference": "1-killed", "to": "+8190', encoding="utf-8")
    requests = [SmsRequest(f"1-{word}", "+819012345678", "市役所です") for word in ("killed", "next", "third")]
    sender = SimulatedSender(lambda: OPENING, log=log, rates=SimulatedRates(invalid=0))
    assert sender.find(requests[0], OPENING) is None
    for request in requests[1:]:
        sender.send(request)
    after_restart = SimulatedSender(lambda: OPENING, log=log, rates=SimulatedRates(invalid=0))
    assert [after_restart.find(request, OPENING) is not None for request in requests] == [False, True, True]


def test_preparing_again_queues_nobody_twice(prepared: Prepared) -> None:
    with prepared.open() as session:
        again = prepare_batch(session, prepared.campaign_id, Channel.SMS, NIGHT)
        assert (again.prepared, again.refused, again.reasons) == (0, 5, {"already_queued": 5})


def test_the_rule_that_decided_names_the_wording(session: Session, town: Town) -> None:
    little, much = town.debtor(owes=1_000), town.debtor(owes=30_000)
    soft = Template(code="soft", body="{{ office_name }}からのお知らせです。{{ callback_number }}", created_at=NIGHT)
    session.add(soft)
    session.flush()
    rules = RuleSet(
        (
            Rule("little", Channel.SMS, ("a",), Compare("outstanding", Op.LT, 5_000), template="soft"),
            Rule("rest", Channel.SMS, ("b",), All(())),
        )
    )
    add_rule_set(session, "worded", rules, NIGHT, is_active=True)
    campaign = town.campaign(rule_set="worded")
    plan(session, campaign.id, NIGHT)
    assert prepare_batch(session, campaign.id, Channel.SMS, NIGHT).prepared == 2
    told = {message.debtor_id: (message.body, message.template_id) for message in session.scalars(select(Message))}
    assert told[little.id][1] == soft.id
    assert "からのお知らせです" in told[little.id][0]
    assert told[much.id][1] is None
    assert "お電話ください" in told[much.id][0]


def test_the_gate_refuses_at_preparation_and_counts_why(session: Session, town: Town) -> None:
    fine, tired, busy, shared = (town.debtor(owes=20_000) for _ in range(4))
    town.attempt(tired, Channel.OPERATOR_CALL, NIGHT - timedelta(days=1), "busy")
    for n in (1, 2, 3):
        town.attempt(busy, Channel.OPERATOR_CALL, NIGHT - timedelta(days=n), "busy")
    for one_of_a_household in (fine, shared):
        town.phone(one_of_a_household, "+819011112222", "mobile", position=0)
    campaign = town.campaign(options={"ladder": {"steps": [{"channel": "sms"}]}})
    plan(session, campaign.id, NIGHT)
    dry = prepare_batch(session, campaign.id, Channel.SMS, NIGHT, dry_run=True)
    result = prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
    assert (dry.prepared, dry.refused, dry.batch) == (result.prepared, result.refused, None) == (2, 2, None)
    assert result.reasons == {"same_number": 1, "week_cap": 1} == dry.reasons


def test_robocalls_become_work_for_the_dialer_inside_the_window(session: Session, town: Town) -> None:
    debtors = [town.debtor() for _ in range(3)]
    for debtor in debtors:
        town.attempt(debtor, Channel.SMS, NIGHT - timedelta(days=3), None)
    campaign = town.campaign()
    plan(session, campaign.id, NIGHT)
    result = prepare_batch(session, campaign.id, Channel.AUTO_CALL, NIGHT)
    items = session.scalars(select(WorkItem)).all()
    assert result.prepared == len(items) == 3
    assert {(i.channel, i.state, i.not_before, i.batch_id) for i in items} == {("auto_call", "ready", OPENING, result.batch)}
    assert result.release_until == NOW.replace(hour=17)
    batch = session.scalars(select(Batch)).one()
    advance_batches(session, OPENING)
    assert batch.state == "releasing"
    advance_batches(session, NOW.replace(hour=17))
    assert (batch.state, batch.withdrawn) == ("done", 3)


def test_on_a_friday_night_the_batch_waits_for_tuesday_after_the_holiday(session: Session, town: Town) -> None:
    """Saturday 21 November 2026 02:00; Monday the 23rd is a public holiday."""
    town.debtor()
    campaign = town.campaign()
    saturday = datetime(2026, 11, 21, 2, 0, tzinfo=JST)
    plan(session, campaign.id, saturday)
    result = prepare_batch(session, campaign.id, Channel.SMS, saturday)
    assert result.release_from == datetime(2026, 11, 24, 9, 0, tzinfo=JST)


def test_a_batch_without_plan_channel_or_number_is_refused(session: Session, town: Town) -> None:
    campaign = town.campaign()
    with pytest.raises(Conflict, match="plan"):
        prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
    plan(session, campaign.id, NIGHT)
    with pytest.raises(InvalidInput):
        prepare_batch(session, campaign.id, Channel.VISIT, NIGHT)
    office = session.scalars(select(Office)).one()
    office.name = "架空市納税課"
    session.flush()
    with pytest.raises(InvalidInput, match="tax"):
        prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
