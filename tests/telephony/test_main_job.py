"""The main job on a real Asterisk: a list is imported, planned and dialled; what SIPp did and what the database says agree, one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, Role, User
from callcenter.core.clock import SystemClock, local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.phones import format_national
from campaigns.attempts import service as attempts
from campaigns.attempts import verification
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.attempts.rules import PromiseTerms
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.imports.service import register_upload, run_import
from campaigns.planning.service import create_campaign, plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.promises.models import Promise
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from dialer.agents.queries import current_view
from dialer.calls.models import Call, DialerLease
from dialer.calls.service import request_hang_up
from dialer.telephony.port import CarrierLimits
from dialer.telephony.robocall import RobocallPlan
from dialer.trunk import TRUNK_SILENT, WORD_SECONDS
from dialer.worker import Dialer, DialerSettings
from tests.telephony.captures import write_sound
from tests.telephony.rig import CALLER_ID, Rig
from tests.telephony.sipp import Behaviour, new_serial, number_of

pytestmark = pytest.mark.asterisk
HEADER = (
    "宛名番号,個人法人区分,氏名,氏名カナ,生年月日,郵便番号,住所,世帯番号,電話番号1,電話番号2,電話番号3,税目コード,税目名,賦課年度,相当年度,"
    "期別,通知書番号,納期限,調定額,収入済額,未納額,督促手数料,延滞金,督促状発送日,現年滞繰区分,停止区分,連絡禁止,備考"
)
SILENT = {
    Behaviour.BUSY: LineResult.BUSY,
    Behaviour.UNKNOWN_NUMBER: LineResult.UNOBTAINABLE,
    Behaviour.DECLINED: LineResult.REJECTED,
    Behaviour.NO_ANSWER: LineResult.NO_ANSWER,
    Behaviour.NO_CIRCUIT: LineResult.FAILED,
}
ROBOCALLS = {
    Behaviour.PRESSES_1: (Party.DEBTOR_UNVERIFIED, Outcome.CALLBACK_PROMISED, "1"),
    Behaviour.PRESSES_2: (Party.DEBTOR_UNVERIFIED, Outcome.CLAIMS_PAID, "2"),
    Behaviour.PRESSES_3: (Party.WRONG_NUMBER, Outcome.NO_RESULT, "3"),
    Behaviour.HANGS_UP: (Party.UNKNOWN, Outcome.NO_RESULT, ""),
}


class Town:
    """An office whose list names SIPp's parties; `serial` is that of the first."""

    def __init__(self, rig: Rig, office_id: int) -> None:
        self.rig, self.office_id, self.serial = rig, office_id, 0
        self.clock = SystemClock()
        self.carrier = rig.carrier()
        limits = CarrierLimits(calls_per_second=20, max_lines=8)
        self.settings = DialerSettings("rig", CALLER_ID, limits, round_seconds=0.5, reap_seconds=2.0, prepare_prompts=self.prepare)
        self.dialer = Dialer(self.carrier, self.clock, self.settings)
        self.user_ids: list[int] = []
        self.campaign_id = 0

    def prepare(self, robocall: RobocallPlan) -> None:
        """Short sounds under the names of the script's prompts."""
        for node in robocall.spoken():
            write_sound(self.rig.home / f"sounds/{node.sound}.wav", 1.2 if node.keys else 0.3)

    def load(self, behaviours: list[Behaviour], robocalls: list[Behaviour], ring_seconds: float = 4.0) -> None:
        """Imports a list with one debtor per party, plans it, and queues each by the channel the test wants."""
        now = utc_now()
        self.serial = new_serial(len(behaviours) + len(robocalls))
        rows = [self.row(n, number_of(b, self.serial + n)) for n, b in enumerate([*behaviours, *robocalls])]
        with transaction(self.office_id) as session:
            content = "\n".join([HEADER, *rows, ""]).encode()
            upload = register_upload(session, "debts", "list.csv", content, as_of=local_day(now), now=now, is_queued=False)
        result = run_import(self.office_id, upload.id, now=now)
        assert (result.created, result.rejected) == (len(rows), 0)
        with transaction(self.office_id) as session:
            options = {"ring_seconds": ring_seconds}
            campaign = create_campaign(session, "実機", now, options=options)
            set_status(session, campaign.id, CampaignStatus.RUNNING, now)
            self.campaign_id = campaign.id
            assert plan(session, campaign.id, now).debtors == len(rows)
            for n, debtor_id in enumerate(session.scalars(select(Debtor.id).order_by(Debtor.debtor_no))):
                channel = Channel.OPERATOR_CALL if n < len(behaviours) else Channel.AUTO_CALL
                session.add(
                    WorkItem(
                        campaign_id=campaign.id,
                        debtor_id=debtor_id,
                        channel=channel.value,
                        not_before=now,
                        created_at=now,
                        updated_at=now,
                    )
                )

    def row(self, n: int, e164: str) -> str:
        due = (date.today() - timedelta(days=200)).isoformat()  # noqa: DTZ011
        number = format_national(e164)
        return (
            f"{n + 1:010d},1,架空　太郎,ｶｸｳ ﾀﾛｳ,1970-01-02,999-0010,架空市本町1-2-3,{n + 1:08d},{number},,,010,"
            f"市県民税(普通徴収),2026,2026,1,{n + 1:012d},{due},10500,0,10500,100,0,{due},1,0,0,"
        )

    def staff(self, *phones: str) -> None:
        now = utc_now()
        with transaction(self.office_id) as session:
            self.user_ids = staff_phones(session, phones, now)

    def work_until(self, is_done: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Runs the dialer's own loop until something has come about."""
        end = time.monotonic() + seconds
        while not is_done():
            assert time.monotonic() < end, f"{what} did not come about within {seconds} s"
            self.dialer.notice(self.office_id, wishes=True)
            self.dialer.step(0.1)

    def attempts(self) -> dict[str, Attempt]:
        """The newest attempt by number."""
        with transaction(self.office_id) as session:
            rows = session.execute(
                select(PhoneNumber.e164, Attempt)
                .join(Attempt, (Attempt.office_id == PhoneNumber.office_id) & (Attempt.phone_id == PhoneNumber.id))
                .order_by(Attempt.id)
            )
            return {str(e164): attempt for e164, attempt in rows}

    def agent(self, index: int = 0) -> AgentSession:
        with transaction(self.office_id) as session:
            return session.scalars(select(AgentSession).where(AgentSession.user_id == self.user_ids[index])).one()


@pytest.fixture
def town(rig: Rig, clean_database: None, tmp_path: Path) -> Iterator[Town]:
    """A training office, so that the test runs at any hour; its carrier is real all the same."""
    with transaction(None) as session:
        office = Office(code="rig", name="架空市", phone=CALLER_ID)
        session.add(office)
        session.flush()
        office_id = office.id
    open_always(office_id)
    made = Town(rig, office_id)
    made.dialer.start()
    assert made.carrier.wait_connected(60)
    try:
        yield made
    finally:
        made.dialer.stop()


def staff_phones(session: Session, phones: Sequence[str], now: datetime) -> list[int]:
    """An operator who is ready at each of these telephones; their ids."""
    users = [User(sign_in_name=phone, display_name=phone, role=Role.OPERATOR, phone_address=phone) for phone in phones]
    session.add_all(users)
    session.flush()
    for user in users:
        agents.sign_in(session, user.id, now=now)
        agents.ready(session, user.id, now)
    return [user.id for user in users]


def open_always(office_id: int) -> None:
    """Contact rules that never close, so that the test runs at night as well."""
    from campaigns.compliance.models import ContactPolicyVersion
    from campaigns.compliance.presets import to_document, training

    with transaction(office_id) as session:
        session.add(ContactPolicyVersion(version=1, document=to_document(training()), created_at=utc_now()))


def test_every_call_ends_in_the_database_as_the_far_end_says(town: Town) -> None:
    silent, keyed = list(SILENT), list(ROBOCALLS)
    town.load(silent, keyed)
    town.staff("op-1", "op-2")
    total = len(silent) + len(keyed)
    town.work_until(lambda: len(done := town.attempts()) == total and all(a.state == "closed" for a in done.values()), "every call")
    found = town.attempts()
    for n, behaviour in enumerate(silent):
        number = number_of(behaviour, town.serial + n)
        attempt = found[number]
        assert (behaviour, attempt.line_result, attempt.party) == (behaviour, SILENT[behaviour], Party.NOBODY)
        assert town.rig.far_end()[number].count("invited") == 1
    for n, behaviour in enumerate(keyed, len(silent)):
        attempt = found[number_of(behaviour, town.serial + n)]
        party, outcome, keys = ROBOCALLS[behaviour]
        told = (attempt.line_result, attempt.party, attempt.outcome, attempt.robocall_keys)
        assert (behaviour, *told) == (behaviour, LineResult.ANSWERED, party, outcome, keys)
    assert {town.agent(0).state, town.agent(1).state} == {"ready"}


def test_a_trunk_that_swallows_calls_is_left_alone_until_one_rings(town: Town) -> None:
    """Eight calls on eight lines without a word; the next ones are people whom the trunk does reach."""
    swallowed, reached = [Behaviour.SILENT] * town.settings.limits.max_lines, [Behaviour.HANGS_UP] * 3
    town.load([], [*swallowed, *reached], ring_seconds=WORD_SECONDS + 6)  # they hold all lines until that is noticed

    def problem() -> str:
        with transaction(town.office_id) as session:
            return session.scalars(select(DialerLease.problem)).one_or_none() or ""

    town.work_until(lambda: problem() == TRUNK_SILENT, "word that the trunk says nothing")
    assert len(town.attempts()) == len(swallowed)
    total = len(swallowed) + len(reached)
    town.work_until(lambda: len(done := town.attempts()) == total and all(a.state == "closed" for a in done.values()), "every call")
    assert problem() == ""
    results = [town.attempts()[number_of(b, town.serial + n)].line_result for n, b in enumerate([*swallowed, *reached])]
    assert results == [LineResult.NO_ANSWER] * len(swallowed) + [LineResult.ANSWERED] * len(reached)


def test_an_operator_is_bridged_verifies_and_records_a_promise(town: Town) -> None:
    town.load([Behaviour.ANSWERS], [])
    town.staff("op-1")
    user_id = town.user_ids[0]
    number = number_of(Behaviour.ANSWERS, town.serial)

    def call_state() -> str | None:
        with transaction(town.office_id) as session:
            return session.scalar(select(Call.state))

    town.work_until(lambda: call_state() == "bridged", "debtor and operator in one room")
    assert town.agent().state == "talking"
    with transaction(town.office_id) as session:
        view = current_view(session, user_id, utc_now())
        assert view is not None
        assert view.attempt_id is not None
        attempt_id = view.attempt_id
        is_match, _ = verification.check(session, attempt_id, user_id, "birth_date", "昭和45年1月2日", utc_now())
        assert is_match
        verification.open_matter(session, attempt_id, user_id, utc_now())
        request_hang_up(session, user_id, utc_now())
    town.work_until(lambda: town.agent().state == "wrap_up", "the end of the call")
    assert town.rig.far_end()[number][:2] == ["invited", "answered"]
    with transaction(town.office_id) as session:
        now = utc_now()
        terms = PromiseTerms(10_500, local_day(now) + timedelta(days=7))
        attempts.record_outcome(session, attempt_id, Party.DEBTOR, Outcome.PROMISE_FULL, promise=terms, now=now, user_id=user_id)
        agents.finish_wrap_up(session, user_id, attempt_id, now)
    with transaction(town.office_id) as session:
        promise = session.scalars(select(Promise)).one()
        assert (promise.amount, promise.attempt_id) == (10_500, attempt_id)
    assert town.agent().state == "ready"


def test_a_dialer_that_died_in_mid_call_finds_its_call_again(town: Town) -> None:
    """The calls live on Asterisk: the next dialer of that name follows them to their end and dials nobody twice."""
    town.load([Behaviour.ANSWERS, Behaviour.NO_ANSWER], [], ring_seconds=8.0)  # it rings until the other one talks
    town.staff("op-1", "op-2")
    answering = number_of(Behaviour.ANSWERS, town.serial)
    town.work_until(lambda: sorted(town.agent(n).state for n in (0, 1)) == ["ringing", "talking"], "one talk and one ring")
    town.carrier.close()  # no orderly stop: nothing is written down
    town.carrier = town.rig.carrier()
    town.dialer = Dialer(town.carrier, town.clock, town.settings)
    town.dialer.start()
    assert town.carrier.wait_connected(60)

    def ended(result: str) -> bool:
        return any(a.line_result == result and a.state != "open" for a in town.attempts().values())

    town.work_until(lambda: ended("no_answer"), "the end of the ringing")
    talking = next(n for n in (0, 1) if town.agent(n).state == "talking")
    with transaction(town.office_id) as session:
        assert request_hang_up(session, town.user_ids[talking], utc_now())
    town.work_until(lambda: town.agent(talking).state == "wrap_up", "the result that is owed")
    assert town.agent(1 - talking).state == "ready"
    assert town.rig.far_end()[answering].count("invited") == 1
    assert len(town.attempts()) == 2
