"""The gate on PostgreSQL: what the query sees of a debtor, single and in sets, and what is put on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel
from campaigns.compliance import gate, wishes
from campaigns.compliance.facts import load_facts
from campaigns.compliance.models import CalendarDay, ComplianceDecision, ContactPolicyVersion, ContactWish
from campaigns.compliance.presets import municipality, to_document
from campaigns.compliance.rules import Allowed, Denied, check
from campaigns.compliance.trace import read_inputs
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.imports.models import ImportFile
from campaigns.promises.models import InstalmentPlan
from tests.campaigns.town import NOW, TODAY, Town

CALL = Channel.OPERATOR_CALL
DAY = timedelta(days=1)


def reason(session: Session, debtor: Debtor, channel: Channel = CALL, phone_id: int | None = None) -> str | None:
    decision = gate.check(session, debtor.id, channel, NOW, phone_id)
    return decision.reason.value if isinstance(decision, Denied) else None


def test_a_free_debtor_is_allowed_and_a_stranger_is_not(session: Session, town: Town) -> None:
    debtor = town.debtor()
    assert gate.check(session, debtor.id, CALL, NOW) == Allowed()
    assert gate.check_set(session, {999_999: None}, CALL, NOW)[999_999] == Denied(gate.DenialReason.UNKNOWN_FACTS)
    allowed = session.scalars(select(ComplianceDecision)).one()
    assert (allowed.is_allowed, allowed.reason, allowed.inputs["hours"]) == (True, "", "09:00-17:00")
    assert allowed.valid_until == NOW + timedelta(seconds=60)


def test_what_the_query_sees(session: Session, town: Town) -> None:
    cases: list[tuple[Debtor, str]] = [
        (town.debtor(do_not_contact=True), "do_not_contact"),
        (town.debtor(hold=4), "hold_seized"),
        (town.debtor(hold=6), "instalment_plan"),
        (town.debtor(owes=0), "settled"),
        (town.debtor(is_listed=False), "settled"),
        (town.debtor(mobile=False), "no_usable_number"),
    ]
    one_of_two = town.debtor()
    town.debt(one_of_two, 5_000, hold=1)
    cases.append((one_of_two, "hold_stopped"))
    planned = town.debtor()
    session.add(InstalmentPlan(debtor_id=planned.id, updated_at=NOW))
    cases.append((planned, "instalment_plan"))
    for word, told in (("vulnerable", "vulnerable"), ("officer_hold", "with_tax_officer"), ("payment_claimed", "payment_claimed")):
        debtor = town.debtor()
        town.suppress(debtor, word, NOW + DAY)
        cases.append((debtor, told))
    promised = town.debtor()
    town.promise(promised, TODAY - 3 * DAY, made=NOW - 10 * DAY)
    cases.append((promised, "open_promise"))
    talked = town.debtor()
    town.attempt(talked, CALL, NOW - 3 * DAY, "answered", party="debtor")
    cases.append((talked, "quiet_after_conversation"))
    called = town.debtor()
    town.attempt(called, Channel.SMS, NOW - timedelta(minutes=30), None)
    cases.append((called, "day_cap"))
    under_way = town.debtor()
    town.attempt(under_way, CALL, NOW - timedelta(minutes=1), None, state="open").handed_over_at = None
    cases.append((under_way, "day_cap"))
    session.flush()
    assert [reason(session, debtor) for debtor, _ in cases] == [told for _, told in cases]
    recorded = session.scalars(select(ComplianceDecision.reason).order_by(ComplianceDecision.id)).all()
    assert recorded == [told for _, told in cases]


def test_what_does_not_count_or_has_passed_allows(session: Session, town: Town) -> None:
    failed, lifted, ended, lapsed, family, other_channel = (town.debtor() for _ in range(6))
    town.attempt(failed, CALL, NOW - timedelta(hours=1), "failed")
    town.suppress(lifted, "complaint", lifted_at=NOW)
    town.suppress(ended, "payment_claimed", NOW - timedelta(seconds=1))
    town.promise(lapsed, TODAY - 8 * DAY, made=NOW - 20 * DAY)
    town.attempt(family, CALL, NOW - 2 * DAY, "answered", party="family")
    town.suppress(other_channel, "stop_request", channel="sms")
    for debtor in (failed, lifted, ended, lapsed, family, other_channel):
        assert reason(session, debtor) is None
    assert reason(session, other_channel, Channel.SMS) == "stop_request"


def test_an_attempt_that_lies_ahead_of_a_clock_set_back_has_been_made(session: Session, town: Town) -> None:
    """Just before contact: as of now for the caps, and a gap that lasts until the clock has passed it. For a plan it is not known yet."""
    called, same_telephone, long_ahead, talked = (town.debtor(mobile=False) for _ in range(4))
    phone = town.phone(called, "+819012340010", "mobile")
    town.phone(same_telephone, "+819012340010", "mobile")
    town.phone(long_ahead, "+819012340020", "mobile")
    town.phone(talked, "+819012340030", "mobile")
    town.attempt(called, CALL, NOW + timedelta(hours=1), phone_id=phone.id)
    town.attempt(long_ahead, CALL, NOW + timedelta(days=2), "no_answer")  # of a clock that was wrong altogether
    town.attempt(talked, CALL, NOW + timedelta(hours=1), "answered", party="debtor")
    session.flush()
    asked = (called, same_telephone, long_ahead, talked)
    assert [reason(session, debtor) for debtor in asked] == ["day_cap", "number_gap", None, "quiet_after_conversation"]
    assert set(gate.check_set(session, {debtor.id: None for debtor in asked}, CALL, NOW).values()) == {Allowed()}


@pytest.mark.parametrize(
    ("status", "told"), [("refused", "number_refused"), ("wrong_person", "number_wrong"), ("dead", "number_dead"), ("works", None)]
)
def test_the_number_that_is_meant_decides(session: Session, town: Town, status: str, told: str | None) -> None:
    debtor = town.debtor(mobile=False)
    phone = town.phone(debtor, "+81312345678", "fixed", status=status)
    spare = town.phone(debtor, "+819012340000", "mobile")
    assert reason(session, debtor, CALL, phone.id) == told
    assert reason(session, debtor, CALL, spare.id) is None
    assert reason(session, debtor, CALL) is None
    assert reason(session, debtor, Channel.SMS, phone.id) == "no_usable_number"
    assert reason(session, debtor, Channel.VISIT) is None


@pytest.mark.parametrize("line_type", ["emergency", "premium", "navi", "unknown"])
def test_lines_that_are_never_dialled(session: Session, town: Town, line_type: str) -> None:
    debtor = town.debtor(mobile=False)
    town.phone(debtor, "+81990111222", line_type)
    assert reason(session, debtor) == "no_usable_number"


def test_a_named_time_waits_then_overrides_until_it_was_used(session: Session, town: Town) -> None:
    debtor = town.debtor()
    town.attempt(debtor, CALL, NOW - DAY, "answered", party="debtor")
    town.suppress(debtor, "wished_time", NOW + timedelta(hours=2))
    before = gate.check(session, debtor.id, CALL, NOW)
    assert before == Denied(gate.DenialReason.WISHED_TIME, NOW + timedelta(hours=2))
    due = NOW + timedelta(hours=2)
    assert gate.check(session, debtor.id, CALL, due) == Allowed()
    town.attempt(debtor, CALL, due, "no_answer")
    after = gate.check(session, debtor.id, CALL, due + timedelta(hours=1))
    assert isinstance(after, Denied)
    assert after.reason == "quiet_after_conversation"


def test_sets_and_singles_agree(session: Session, town: Town) -> None:
    chance = Random(3)
    debtors = []
    for _ in range(60):
        debtor = town.debtor(hold=chance.choice([0, 0, 0, 1]), mobile=chance.random() < 0.8)
        for _ in range(chance.randrange(4)):
            line = chance.choice(["busy", "answered"])
            town.attempt(debtor, CALL, NOW - chance.randrange(12) * DAY, line, party=chance.choice(["debtor", "family"]))
        debtors.append(debtor)
    together = gate.check_set(session, {debtor.id: None for debtor in debtors}, CALL, NOW)
    alone = {debtor.id: gate.check(session, debtor.id, CALL, NOW) for debtor in debtors}
    assert together == alone
    denied = [d for d in together.values() if isinstance(d, Denied)]
    assert sum(gate.count_reasons(together.values()).values()) == len(denied) == 60 - len(gate.allowed_ids(together))


def test_the_offices_own_rules_and_days(session: Session, town: Town) -> None:
    debtor = town.debtor()
    session.add(CalendarDay(day=TODAY, kind="closed"))
    session.flush()
    assert reason(session, debtor) == "closed_day"
    document = to_document(municipality()) | {"weekly": {"operator_call": {str(day): "13:00-20:00" for day in range(7)}}}
    session.add(ContactPolicyVersion(version=1, document=document, created_at=NOW))
    session.add(CalendarDay(day=date(2026, 11, 19), kind="evening"))
    session.flush()
    policy = gate.load_policy(session)
    assert policy.name == "municipality"
    assert reason(session, debtor, Channel.SMS) == "closed_day"


def test_rules_that_cannot_be_read_allow_nobody(session: Session, town: Town) -> None:
    debtor = town.debtor()
    session.add(ContactPolicyVersion(version=1, document={"name": "x"}, created_at=NOW))
    session.flush()
    with pytest.raises(InvalidInput):
        gate.check(session, debtor.id, CALL, NOW)


def test_a_training_office_is_always_open(session: Session, town: Town) -> None:
    debtor = town.debtor()
    session.scalars(select(Office)).one().is_training = True
    session.flush()
    assert gate.check(session, debtor.id, CALL, NOW.replace(hour=3)) == Allowed()


def test_what_is_on_record_makes_the_same_decision_again(session: Session, town: Town) -> None:
    """Every kind of fact, written down and read back, gives what was decided."""
    chance = Random(5)
    home = town.debtor(household_no="77", mobile=False, landline=True)
    for n in range(40):
        debtor = town.debtor(hold=chance.choice([0, 0, 0, 4, 6]), household_no=chance.choice(["", "77"]), landline=n % 4 == 0)
        for _ in range(chance.randrange(4)):
            at = NOW - chance.randrange(200) * timedelta(hours=1)
            town.attempt(debtor, CALL, at, chance.choice(["busy", "abandoned", "answered"]), party=chance.choice(["debtor", "family"]))
        if n % 5 == 0:
            town.suppress(debtor, chance.choice(["payment_claimed", "wished_time"]), NOW + chance.randrange(1, 50) * timedelta(hours=1))
        if n % 7 == 0:
            town.promise(debtor, TODAY + chance.randrange(-20, 9) * DAY, made=NOW - 25 * DAY)
        if n % 6 == 0:
            session.add(ContactWish(debtor_id=debtor.id, is_only=n % 4 == 0, opens=time(9), closes=time(12), created_at=NOW - DAY))
        session.flush()
        for channel in (CALL, Channel.AUTO_CALL, Channel.SMS):
            gate.check(session, debtor.id, channel, NOW, mode="predictive" if channel is CALL else "")
    town.attempt(home, CALL, NOW - timedelta(hours=1))
    policy = gate.load_policy(session)
    rows = session.scalars(select(ComplianceDecision)).all()
    assert len(rows) == 120
    again = [check(read_inputs(Channel(row.channel), row.inputs), policy, row.at) for row in rows]
    assert [(a.is_allowed, getattr(a, "reason", ""), getattr(a, "next_allowed_at", None)) for a in again] == [
        (row.is_allowed, row.reason, row.next_allowed_at) for row in rows
    ]
    assert len({row.reason for row in rows}) > 6


def test_a_refusal_is_not_written_again_each_second(session: Session, town: Town) -> None:
    debtor, spare = town.debtor(hold=4), town.phone(town.debtor(), "+819000000001", "mobile")
    first = gate.check(session, debtor.id, CALL, NOW)
    again = gate.check(session, debtor.id, CALL, NOW + timedelta(seconds=30))
    assert first.decision_id == again.decision_id is not None
    gate.check(session, debtor.id, Channel.SMS, NOW + timedelta(seconds=30))
    gate.check(session, debtor.id, CALL, NOW + timedelta(seconds=61))
    assert session.scalars(select(ComplianceDecision.id).order_by(ComplianceDecision.id)).all() == [1, 2, 3]
    gate.check(session, spare.debtor_id, CALL, NOW)
    gate.check(session, spare.debtor_id, CALL, NOW)
    assert session.scalar(select(func.count()).select_from(ComplianceDecision)) == 5, "each permission has its own row"


def test_a_shared_number_a_household_and_a_gap(session: Session, town: Town) -> None:
    first, second, third = town.debtor(household_no="5"), town.debtor(household_no="5"), town.debtor(mobile=False)
    shared = town.phone(third, session.scalars(select(PhoneNumber.e164).where(PhoneNumber.debtor_id == first.id)).one() or "", "mobile")
    called = session.scalars(select(PhoneNumber.id).where(PhoneNumber.debtor_id == first.id)).one()
    town.attempt(first, CALL, NOW - timedelta(minutes=3), phone_id=called)
    assert reason(session, second) == "household_cap"
    assert reason(session, second, Channel.SMS) is None
    assert gate.check(session, third.id, CALL, NOW, shared.id) == Denied(gate.DenialReason.NUMBER_GAP, NOW + timedelta(minutes=2))
    later = NOW + timedelta(minutes=2)
    assert gate.check(session, third.id, CALL, later, shared.id) == Allowed()


def test_a_call_that_found_no_operator(session: Session, town: Town) -> None:
    debtor = town.debtor()
    number = session.scalars(select(PhoneNumber.id).where(PhoneNumber.debtor_id == debtor.id)).one()
    town.attempt(debtor, CALL, NOW - 2 * DAY, "abandoned", phone_id=number)
    refused = gate.check(session, debtor.id, CALL, NOW, number, mode="predictive")
    assert refused == Denied(gate.DenialReason.ABANDONED_RECENTLY, NOW + DAY)
    assert gate.check(session, debtor.id, CALL, NOW, number, mode="progressive") == Allowed()


def test_a_list_that_is_too_old_and_a_workplace(session: Session, town: Town) -> None:
    debtor = town.debtor()
    told = {"layout": "standard", "original_name": "x", "stored_path": "x", "sha256": "x", "size_bytes": 1, "status": "done"}
    listed = ImportFile(kind="debts", as_of=TODAY - 40 * DAY, created_at=NOW, **told)
    session.add(listed)
    document = to_document(municipality()) | {"max_list_days": 30}
    session.add(ContactPolicyVersion(version=4, document=document, created_at=NOW))
    session.flush()
    assert reason(session, debtor) == "list_too_old"
    assert session.scalars(select(ComplianceDecision.policy_version)).one() == 4
    listed.as_of = TODAY - 30 * DAY
    at_work = town.debtor(mobile=False)
    town.phone(at_work, "+81312340000", "fixed", remark="勤務先")
    session.flush()
    assert reason(session, debtor, Channel.SMS) is None
    assert reason(session, at_work) == "number_workplace"


def test_the_day_is_the_office_s_also_before_nine_when_it_is_still_yesterday_in_utc(session: Session, town: Town) -> None:
    """A wish up to yesterday was still counted until nine, and who came without a list seemed a day older than they were."""
    debtor, early = town.debtor(), datetime.combine(TODAY, time(8), OFFICE_ZONE).astimezone(UTC)  # as the clock tells it
    debtor.updated_at = early
    for until in (TODAY - DAY, TODAY):
        wishes.put_down(session, debtor.id, is_only=False, hours="09:00-12:00", ends_on=until, now=NOW - 3 * DAY)
    session.flush()
    assert [wish.ends_on for wish in wishes.in_force(session, debtor.id, early)] == [TODAY]
    known = load_facts(session, {debtor.id: None}, CALL, municipality(), early)
    assert known[debtor.id].list_as_of == TODAY


def test_two_contacts_to_one_household_or_person_are_not_made_together(session: Session, town: Town) -> None:
    one, two, other = town.debtor(household_no="9"), town.debtor(household_no="9"), town.debtor()
    asks = [gate.Ask(one.id), gate.Ask(two.id), gate.Ask(other.id), gate.Ask(other.id)]
    decisions = gate.check_contacts(session, asks, CALL, NOW)
    assert [getattr(decision, "reason", None) for decision in decisions] == [None, "decided_elsewhere", None, "decided_elsewhere"]


@pytest.mark.parametrize("channel", [CALL, Channel.AUTO_CALL])
def test_nobody_is_called_who_is_on_the_line_at_another_number(session: Session, town: Town, channel: Channel) -> None:
    debtor = town.debtor(landline=True)
    mobile, landline = session.scalars(select(PhoneNumber).where(PhoneNumber.debtor_id == debtor.id).order_by(PhoneNumber.line_type.desc()))
    talk = town.attempt(debtor, channel, NOW - timedelta(minutes=9), None, state="open", phone_id=mobile.id)
    policy = replace(municipality(), max_per_day=5, max_per_week=9, caps=())
    decision = gate.check(session, debtor.id, CALL, NOW, landline.id, policy=policy)
    assert decision == Denied(gate.DenialReason.DECIDED_ELSEWHERE, NOW + timedelta(minutes=1))
    talk.state = "closed"
    session.flush()
    assert gate.check(session, debtor.id, CALL, NOW, landline.id, policy=policy).is_allowed
