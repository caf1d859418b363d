"""The timeline holds everything, in one order, page by page, and only of one's own office; and the account, the household, the holds."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.auth.models import Office, User
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Escalation
from campaigns.compliance.models import ComplianceDecision, ContactWish
from campaigns.debtors import holds
from campaigns.debtors.account import read_account
from campaigns.debtors.household import household_of, members_of
from campaigns.debtors.models import Debtor, DebtorChange, PhoneEvent, Suppression
from campaigns.debtors.timeline import read_timeline
from campaigns.debtors.timeline_sources import SOURCES, Group
from campaigns.messages.inbox.models import MessageInbox, MessageReply
from campaigns.messages.models import Batch, Message
from campaigns.promises.models import InstalmentPlan
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.models import WorkItem
from tests.campaigns.town import NOW, TODAY, Town

DAY = timedelta(days=1)


@pytest.fixture
def user(session: Session) -> User:
    person = User(sign_in_name="s", display_name="堀", role="supervisor")
    session.add(person)
    session.flush()
    return person


def fill(session: Session, town: Town, user: User) -> Debtor:
    """One of everything, a day apart."""
    debtor = town.debtor(household_no="7", created_at=NOW - 30 * DAY)
    campaign = town.campaign()
    attempt = town.attempt(debtor, Channel.OPERATOR_CALL, NOW - 20 * DAY, operator_id=user.id, note="不在")
    batch = Batch(campaign_id=campaign.id, channel="sms", as_of=NOW, created_at=NOW)
    session.add(batch)
    session.flush()
    sms = town.attempt(debtor, Channel.SMS, NOW - 19 * DAY)
    message: dict[str, Any] = {"batch_id": batch.id, "phone_id": 1, "e164": "+819012345678", "body": "お電話ください", "state": "delivered"}
    session.add_all(
        [
            Message(
                debtor_id=debtor.id, attempt_id=sms.id, reference="r", updated_at=NOW - 18 * DAY, handed_over_at=NOW - 19 * DAY, **message
            ),
            ChannelAssignment(
                campaign_id=campaign.id, debtor_id=debtor.id, channel="sms", reason_codes=["default"], rule_code="r",
                rule_set_id=campaign.rule_set_id, as_of=NOW, assigned_at=NOW - 25 * DAY,
            ),
            ComplianceDecision(at=NOW - 17 * DAY, debtor_id=debtor.id, channel="operator_call", reason="closed_day"),
            ComplianceDecision(at=NOW - 17 * DAY, debtor_id=debtor.id, channel="operator_call", reason="", is_allowed=True),
            Escalation(
                debtor_id=debtor.id, attempt_id=attempt.id, reason="hardship", state="returned", created_at=NOW - 16 * DAY,
                decided_at=NOW - 15 * DAY, decided_by=user.id,
            ),
            Suppression(debtor_id=debtor.id, reason="complaint", starts_at=NOW - 14 * DAY, lifted_at=NOW - 13 * DAY, note="x"),
            InstalmentPlan(debtor_id=debtor.id, updated_at=NOW - 6 * DAY),
            ContactWish(
                debtor_id=debtor.id, weekdays="0,5", opens=time(9), closes=time(12), created_at=NOW - 5 * DAY, lifted_at=NOW - 4 * DAY
            ),
            DebtorChange(debtor_id=debtor.id, import_id=1, at=NOW - 12 * DAY, changes={"added": [1]}),
        ]
    )  # fmt: skip
    report = MessageInbox(source="twilio", kind="reply", event_key="k", payload={}, received_at=NOW - 8 * DAY)
    session.add(report)
    session.flush()
    reply = {"e164": "+819012345678", "kind": "text", "body": "了解", "received_at": NOW - 8 * DAY}
    session.add(MessageReply(inbox_id=report.id, debtor_id=debtor.id, **reply))
    phone = town.phone(debtor, "+81312345678", "fixed")
    session.add(PhoneEvent(debtor_id=debtor.id, phone_id=phone.id, at=NOW - 11 * DAY, new_status="dead", old_status="works"))
    town.promise(debtor, TODAY, made=NOW - 10 * DAY, state="kept", settled_at=NOW - 9 * DAY)
    town.payment(debtor, 10_000, TODAY)
    audit.record(session, "debtor.viewed", "debtor", debtor.id, user.id, "", None, NOW - 7 * DAY)
    session.flush()
    return debtor


def test_every_source_is_told_once_and_newest_first(session: Session, town: Town, user: User) -> None:
    debtor = fill(session, town, user)
    entries = read_timeline(session, debtor.id, frozenset(), may_see_views=True).entries
    assert sorted(entry.kind for entry in entries) == sorted(source.kind for source in SOURCES)
    assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)
    assert {entry.kind: entry.user for entry in entries if entry.user} == {"attempt": "堀", "decided": "堀", "seen": "堀"}
    others = town.debtor()
    assert [entry.kind for entry in read_timeline(session, others.id, frozenset()).entries] == ["listed"]


def test_who_looked_is_for_auditors(session: Session, town: Town, user: User) -> None:
    debtor = fill(session, town, user)
    assert "seen" not in {entry.kind for entry in read_timeline(session, debtor.id, frozenset()).entries}
    assert read_timeline(session, debtor.id, frozenset({Group.VIEW})).entries == ()


@pytest.mark.parametrize("group", list(Group))
def test_narrowed_to_a_group(session: Session, town: Town, user: User, group: Group) -> None:
    debtor = fill(session, town, user)
    told = {entry.kind for entry in read_timeline(session, debtor.id, frozenset({group}), may_see_views=True).entries}
    assert told == {source.kind for source in SOURCES if source.group is group}


def test_pages_go_on_where_the_one_before_ended(session: Session, town: Town) -> None:
    debtor = town.debtor(owes=0, mobile=False, created_at=NOW - 100 * DAY)
    for number in range(25):  # many at the same moment
        town.attempt(debtor, Channel.OPERATOR_CALL, NOW - (number // 5) * DAY)
        session.add(Suppression(debtor_id=debtor.id, reason="complaint", starts_at=NOW - (number // 5) * DAY))
    session.flush()
    whole = read_timeline(session, debtor.id, frozenset(), count=100)
    assert (len(whole.entries), whole.next_mark) == (51, "")
    told, mark = [], ""
    while True:
        page = read_timeline(session, debtor.id, frozenset(), before=mark, count=7)
        told += [(entry.kind, entry.id) for entry in page.entries]
        mark = page.next_mark
        if not mark:
            break
    assert told == [(entry.kind, entry.id) for entry in whole.entries]


@pytest.mark.parametrize("mark", ["x", "1~2", "-1~2~3", "1~2~3~4", "99999999999999999999~1~1", "'; DROP TABLE debtor --"])
def test_a_mark_that_is_none(session: Session, town: Town, mark: str) -> None:
    with pytest.raises(InvalidInput):
        read_timeline(session, town.debtor().id, frozenset(), before=mark)


def test_another_office_sees_nothing(clean_database: None) -> None:
    with transaction(None) as session:
        offices = [Office(code="one", name="一の市"), Office(code="two", name="二の市")]
        session.add_all(offices)
        session.flush()
        mine, theirs = offices[0].id, offices[1].id
    with transaction(theirs) as session:
        person = User(sign_in_name="s", display_name="堀", role="supervisor")
        session.add(person)
        session.flush()
        debtor = fill(session, Town(session), person)
        session.flush()
        debtor_id = debtor.id
    with transaction(mine) as session:
        assert read_timeline(session, debtor_id, frozenset(), may_see_views=True).entries == []
        assert read_account(session, debtor_id, TODAY).sums.count == 0


def test_the_account_is_told_by_tax_with_open_and_closed_terms(session: Session, town: Town) -> None:
    debtor = town.debtor(owes=0)
    town.debt(debtor, 38_500, due=date(2026, 6, 30), tax_code="10", tax_name="市県民税", demand_fee=100)
    town.debt(debtor, 40_000, due=date(2025, 6, 30), tax_code="10", tax_name="市県民税", late_charge=1_200, vintage="carried_over")
    town.debt(debtor, 20_000, due=date(2026, 9, 30), tax_code="30", hold=4)
    town.debt(debtor, 5_000, due=date(2024, 9, 30), tax_code="30", status="settled")
    account = read_account(session, debtor.id, TODAY)
    assert [(tax.name, tax.sums.count, tax.sums.outstanding) for tax in account.taxes] == [("市県民税", 2, 78_500), ("30", 1, 20_000)]
    assert [line.due_on.year for line in account.taxes[0].lines] == [2025, 2026]
    fixed, computed = account.taxes[0].lines
    assert (fixed.charge, fixed.is_charge_fixed, fixed.is_carried) == (1_200, True, True)
    assert computed.charge > 0
    assert not computed.is_charge_fixed
    assert account.has_computed_charges
    assert account.sums.total == account.sums.outstanding + account.sums.fee + account.sums.charge
    assert [(line.status, line.outstanding) for line in account.closed] == [("settled", 5_000)]


def test_a_household_is_told_without_anybody_in_it(session: Session, town: Town) -> None:
    first, second = town.debtor(household_no="7"), town.debtor(household_no="7")
    gone, alone = town.debtor(household_no="7", is_listed=False), town.debtor(household_no="8")
    start = NOW.replace(hour=0)
    found = household_of(session, first, start, start + DAY)
    assert found is not None
    assert (found.others, found.is_called_today) == (1, False)
    assert household_of(session, alone, start, start + DAY) is None
    assert household_of(session, town.debtor(), start, start + DAY) is None
    campaign = town.campaign()
    item: dict[str, Any] = {"campaign_id": campaign.id, "channel": "operator_call", "created_at": NOW, "updated_at": NOW}
    session.execute(insert(WorkItem), [{"debtor_id": second.id, "not_before": NOW + 3 * DAY} | item])
    assert not household_of(session, first, start, start + DAY).is_called_today  # type: ignore[union-attr]
    town.attempt(second, Channel.AUTO_CALL, NOW)
    assert household_of(session, first, start, start + DAY).is_called_today  # type: ignore[union-attr]
    assert [member.id for member in members_of(session, first)] == [second.id, gone.id]


def test_a_hold_forbids_withdraws_and_is_lifted_with_a_reason(session: Session, town: Town, user: User) -> None:
    debtor = town.debtor()
    campaign = town.campaign()
    item = WorkItem(campaign_id=campaign.id, debtor_id=debtor.id, channel="operator_call", not_before=NOW, created_at=NOW, updated_at=NOW)
    session.add(item)
    session.flush()
    hold = holds.add_hold(session, debtor.id, "complaint", "", TODAY + DAY, "窓口で伺った", NOW, user.id, is_officer=False)
    session.refresh(item)
    assert (item.state, item.reason) == ("withdrawn", "complaint")
    assert holds.is_in_force(hold, NOW + DAY)
    assert not holds.is_in_force(hold, NOW + 2 * DAY)
    holds.lift_hold(session, debtor.id, hold.id, "話し合いが済んだ", NOW + DAY, user.id, is_officer=False)
    assert (hold.lifted_by, hold.lift_note, hold.note) == (user.id, "話し合いが済んだ", "窓口で伺った")
    with pytest.raises(Conflict):
        holds.lift_hold(session, debtor.id, hold.id, "もう一度", NOW + DAY, user.id, is_officer=False)
    with pytest.raises(NotFound):
        holds.lift_hold(session, town.debtor().id, hold.id, "別の人", NOW, user.id, is_officer=False)
    channel_only = holds.add_hold(session, debtor.id, "stop_request", "sms", None, "SMSだけ", NOW, user.id, is_officer=False)
    assert (channel_only.channel, channel_only.ends_at) == ("sms", None)
    assert session.scalar(select(Suppression.id).where(Suppression.id == channel_only.id)) is not None


def test_only_officers_hold_a_case_as_theirs(session: Session, town: Town, user: User) -> None:
    debtor = town.debtor()
    with pytest.raises(NotAllowed):
        holds.add_hold(session, debtor.id, "officer_hold", "", None, "理由", NOW, user.id, is_officer=False)
    held = holds.add_hold(session, debtor.id, "officer_hold", "", None, "理由", NOW, user.id, is_officer=True)
    with pytest.raises(NotAllowed):
        holds.lift_hold(session, debtor.id, held.id, "理由", NOW, user.id, is_officer=False)


@pytest.mark.parametrize(
    ("reason", "channel", "last_day", "why", "code"),
    [
        ("complaint", "", None, "  ", "why_missing"),
        ("complaint", "", None, "あ" * 201, "why_long"),
        ("wished_time", "", None, "理由", "hold_reason"),
        ("complaint", "pigeon", None, "理由", "hold_channel"),
        ("complaint", "", TODAY - DAY, "理由", "hold_until"),
        ("complaint", "", date(2099, 1, 1), "理由", "hold_until"),
    ],
)
def test_what_is_no_hold(
    session: Session, town: Town, user: User, reason: str, channel: str, last_day: date | None, why: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as problem:
        holds.add_hold(session, town.debtor().id, reason, channel, last_day, why, NOW, user.id, is_officer=True)
    assert problem.value.code == code
