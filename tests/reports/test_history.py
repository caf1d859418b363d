"""A history file gives the same figures as the calls themselves: one office works, its results are dropped, another reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from campaigns.attempts.codes import CONTACT_PARTIES, PROMISE_OUTCOMES, Channel, LineResult, Outcome, Party
from campaigns.attempts.late import reopen_robocall
from campaigns.attempts.rules import PromiseTerms
from campaigns.attempts.service import open_attempt, record_line_result, record_outcome
from campaigns.compliance.facts import USABLE_STATUSES
from campaigns.debtors.models import Debtor, PhoneNumber
from campaigns.debtors.phones import is_usable
from campaigns.promises.models import Promise
from campaigns.sync.connectors.csv_drop import deliver
from reports.cuts import Cut
from reports.facts.build import refresh
from reports.further_metrics import EVERY
from reports.metrics import BY_CODE
from reports.periods import Period
from reports.queries.headline import CHANNELS, HeadlineQuery, headline
from reports.queries.measures import measured
from tests.campaigns.import_files import DEBT, PAYMENT, load, table
from tests.reports import world

FIRST = world.at("2026-09-28 09:00")  # the month's end lies within
NOW = world.at("2026-10-31 12:00")
WHOLE = Period(date(2026, 9, 1), date(2026, 10, 31))
HOURS_UNKNOWN = "時間の記録は交渉記録のファイルにない"
MESSAGES_UNKNOWN = "SMSの到達は送信の記録から数え、交渉記録のファイルにない"
KEYS_UNKNOWN = "押した番号は交渉記録のファイルにない"
OTHERWISE: dict[str, str] = {
    **dict.fromkeys(("operator_hours", "attempts_per_operator_hour", "staffed_seconds", "busy_seconds", "occupancy"), HOURS_UNKNOWN),
    **dict.fromkeys(("wrap_up_seconds", "wrap_ups", "average_wrap_up"), HOURS_UNKNOWN),
    **dict.fromkeys(("sms_sent", "sms_delivered", "sms_reacted", "sms_delivery_rate", "sms_reaction_rate"), MESSAGES_UNKNOWN),
    **dict.fromkeys(("auto_keyed", "auto_key_rate"), KEYS_UNKNOWN),
}
"""What a history file can't tell, and why; every other metric must be equal."""

ANSWERS = (
    (Party.DEBTOR, Outcome.PROMISE_FULL),
    (Party.DEBTOR, Outcome.PROMISE_PART),
    (Party.DEBTOR, Outcome.REFUSES),
    (Party.AGENT, Outcome.CLAIMS_PAID),
    (Party.FAMILY, Outcome.CALLBACK_MESSAGE_LEFT),
    (Party.FAMILY, Outcome.NO_RESULT),
    (Party.COMPANY_CONTACT, Outcome.NO_RESULT),
    (Party.UNKNOWN, Outcome.NO_RESULT),
    (Party.DEBTOR, Outcome.PROMISE_FULL),
    (Party.DEBTOR, Outcome.PROMISE_FULL),
    (Party.DEBTOR, Outcome.HARDSHIP),
    (Party.WRONG_NUMBER, Outcome.NO_RESULT),
    (Party.THIRD_PARTY, Outcome.STOP_NUMBER),
)
LINES = (
    *(LineResult.ANSWERED,) * 8,
    *(LineResult.NO_ANSWER, LineResult.BUSY, LineResult.MACHINE, LineResult.FAILED) * 2,
    LineResult.UNOBTAINABLE,
    LineResult.REJECTED,
    LineResult.FAX,
)


def listed(office_id: int) -> None:
    """Thirty people, each two with one number between them, and what some of them paid; one payment is reversed."""
    people = [{"宛名番号": f"{number:010d}", "通知書番号": f"{number:012d}"} for number in range(1, 31)]
    phones = [{"電話番号1": f"060-9000-{(number + 1) // 2:04d}", "生年月日": "S50.1.2" if number % 3 else ""} for number in range(1, 31)]
    load(office_id, "debts", table(DEBT, *(person | phone for person, phone in zip(people, phones, strict=True))), NOW)
    paid = [
        person | {"納付日": "2026-10-09", "反映日": "2026-10-12", "収納額": "6000", "収納履歴番号": person["宛名番号"]} for person in people
    ]
    reversed_one = paid[0] | {"取消区分": "1"}
    load(office_id, "payments", table(PAYMENT, *paid[:20], reversed_one), NOW)


def work(session: Session) -> None:
    """Calls through the services that everything live goes through; a number that proved to be of no use is not called again."""
    chance, clerks = Random(7), [world.operator(session, "abe"), world.operator(session, "ito")]
    phones = session.scalars(select(PhoneNumber).join(Debtor, Debtor.id == PhoneNumber.debtor_id).order_by(Debtor.debtor_no)).all()
    for number in range(200):
        phone, at = chance.choice(phones), FIRST + timedelta(minutes=37 * number, seconds=chance.randrange(60))
        channel = chance.choice((Channel.OPERATOR_CALL,) * 3 + (Channel.AUTO_CALL, Channel.VISIT))
        operator = None if channel is Channel.AUTO_CALL else clerks[number % 2]
        if is_usable(phone):
            call(session, chance, phone, channel, operator, at)
    for clerk in clerks:
        world.spans(session, clerk, ("ready", "2026-09-28 09:00", "2026-09-28 12:00"), ("wrap_up", "2026-09-28 12:00", "2026-09-28 12:05"))


def call(session: Session, chance: Random, phone: PhoneNumber, channel: Channel, operator: int | None, at: datetime) -> None:
    line = chance.choice(LINES)
    talked = chance.randrange(20, 200)
    attempt = open_attempt(session, None, phone, at, channel, operator, debtor_id=phone.debtor_id)
    end = at + timedelta(seconds=talked)
    record_line_result(session, attempt.id, line, end, answered_at=at if line is LineResult.ANSWERED else None)
    if line is not LineResult.ANSWERED:
        return
    if channel is Channel.AUTO_CALL:
        if chance.random() < 0.5 and reopen_robocall(session, attempt):
            record_outcome(session, attempt.id, Party.DEBTOR_UNVERIFIED, Outcome.CALLBACK_PROMISED, now=end, is_amended=True)
        return
    if attempt.state == "closed":
        return
    party, outcome = chance.choice(ANSWERS)
    attempt.verified_at = at if party in CONTACT_PARTIES else None
    terms = PromiseTerms(5_000, (at + timedelta(days=12)).date()) if outcome in PROMISE_OUTCOMES else None
    record_outcome(session, attempt.id, party, outcome, "話した", promise=terms, now=end, user_id=operator)


def told(session: Session, channel: str) -> dict[str, object]:
    found = measured(session, HeadlineQuery(WHOLE, None, channel), NOW)
    return {code: found.value(metric) for code, metric in EVERY.items()}


def numbers(session: Session) -> list[tuple[str, str]]:
    """What each number was found to be: whether it may be used, or why not."""
    found = select(Debtor.debtor_no, PhoneNumber.status).join(Debtor, Debtor.id == PhoneNumber.debtor_id)
    rows = session.execute(found.order_by(Debtor.debtor_no, PhoneNumber.position)).all()
    return [(no, "usable" if status in USABLE_STATUSES else status) for no, status in rows]


def cut(session: Session, by: Cut) -> list[tuple[object, ...]]:
    codes = [code for code in EVERY if code in BY_CODE and code not in OTHERWISE]
    rows = headline(session, HeadlineQuery(WHOLE, by, "all"), NOW).rows
    return [(row.key, *(row.figures.value(code) for code in codes)) for row in rows if row.figures.attempts or row.figures.promises_due]


def test_an_imported_history_has_the_figures_of_the_calls(new_office: Callable[[], int], tmp_path: Path) -> None:
    live, moved = new_office(), new_office()
    for office_id in (live, moved):
        listed(office_id)
    with transaction(live) as session:
        work(session)
    with transaction(live) as session:
        dropped = deliver(session, tmp_path, NOW)
    assert dropped.path is not None
    result = load(moved, "attempts", dropped.path.read_bytes(), NOW)
    assert (result.created, result.rejected) == (dropped.rows, 0)
    with transaction(live) as session:
        known = numbers(session)
    assert {"dead", "refused", "wrong_person", "usable"} == {status for _, status in known}
    with transaction(moved) as session:
        assert numbers(session) == known
    for _ in range(2):  # from the raw rows, then from the facts
        for channel in CHANNELS:
            with transaction(live) as session:
                own = told(session, channel)
            with transaction(moved) as session:
                other = told(session, channel)
            assert {code for code in EVERY if own[code] != other[code]} <= OTHERWISE.keys(), channel
        for by in (Cut.DAY, Cut.HOUR, Cut.OPERATOR, Cut.CHANNEL, Cut.TAX, Cut.VINTAGE, Cut.TRY, Cut.LINE_TYPE, Cut.AREA):
            with transaction(live) as session:
                rows = cut(session, by)
            with transaction(moved) as session:
                assert cut(session, by) == rows, by
        for office_id in (live, moved):
            with transaction(office_id) as session:
                refresh(session, NOW)
    with transaction(moved) as session:
        assert all(told(session, "all")[code] in (None, 0) for code in OTHERWISE), "what is not in the file is unknown, or did not happen"
        assert session.query(Promise).count() > 5
        assert told(session, "all")["promises_kept"] not in (None, 0)
