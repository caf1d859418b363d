"""Past contacts of 架空市's office: two months of SMS, automated calls, operator calls and visits, at the published rates.

Operator calls: contact rate per call about 31 % (36,716 of 118,695 in one prefecture); a quarter of those reached promise to pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from callcenter.commands.sampling.draws import Draws, days_of
from callcenter.commands.sampling.words import OPERATORS, VISITORS
from campaigns.attempts.codes import CHANNEL_JA, LINE_RESULT_JA, OUTCOME_JA, PARTY_JA, Channel, LineResult, Outcome, Party

DAYS = 60
TRIES = (30, 28, 20, 14, 8)
CHANNELS = (Channel.OPERATOR_CALL, Channel.AUTO_CALL, Channel.SMS, Channel.VISIT)
HOURS = {9: 9, 10: 12, 11: 11, 12: 4, 13: 12, 14: 12, 15: 12, 16: 11, 17: 8, 18: 6, 19: 3}
OPERATOR_LINES = {
    LineResult.ANSWERED: 38,
    LineResult.NO_ANSWER: 33,
    LineResult.MACHINE: 16,
    LineResult.BUSY: 4,
    LineResult.UNOBTAINABLE: 4,
    LineResult.REJECTED: 1.5,
    LineResult.UNREACHABLE: 2,
    LineResult.FAX: 0.5,
    LineResult.ABANDONED: 0.5,
    LineResult.FAILED: 0.5,
}
AUTO_LINES = {LineResult.ANSWERED: 35, LineResult.NO_ANSWER: 33, LineResult.MACHINE: 25, LineResult.BUSY: 4, LineResult.UNOBTAINABLE: 3}
OPERATOR_PARTIES = {
    Party.DEBTOR: 60,
    Party.DEBTOR_UNVERIFIED: 5,
    Party.FAMILY: 18,
    Party.AGENT: 1,
    Party.THIRD_PARTY: 3,
    Party.WRONG_NUMBER: 4,
    Party.UNKNOWN: 9,
}
AUTO_PARTIES = {Party.UNKNOWN: 60, Party.DEBTOR_UNVERIFIED: 30, Party.FAMILY: 10}
VISIT_PARTIES = {Party.NOBODY: 60, Party.DEBTOR: 25, Party.FAMILY: 15}
TALKS = {
    Outcome.PROMISE_FULL: 27,
    Outcome.PROMISE_PART: 10,
    Outcome.INSTALMENT_TO_OFFICER: 6,
    Outcome.CLAIMS_PAID: 9,
    Outcome.REISSUE_SLIP: 12,
    Outcome.DIRECT_DEBIT_WISH: 3,
    Outcome.CALLBACK_PROMISED: 9,
    Outcome.HARDSHIP: 10,
    Outcome.REFUSES: 6,
    Outcome.DISPUTES_ASSESSMENT: 2,
    Outcome.STOP_NUMBER: 0.5,
    Outcome.COMPLAINT: 1,
    Outcome.LANGUAGE_SUPPORT: 0.7,
    Outcome.VULNERABLE: 0.3,
    Outcome.INTERRUPTED: 3.5,
}


def _plan(draws: Draws, people: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Who was tried when by which channel: debtor, turn, is_last, channel, began (wall clock of the office)."""
    size = people.height
    called = people["has_phone"] & draws.chance(size, "tried", 0.7)
    visited = ~people["has_phone"] & draws.chance(size, "visited", 0.06)
    tries = (draws.weighted(size, "tries", TRIES) + 1).zip_with(called, visited.cast(pl.Int64))
    debtor = pl.DataFrame({"debtor": pl.int_range(size, eager=True), "tries": tries}).filter(pl.col("tries") > 0)
    rows = debtor.with_columns(turn=pl.int_ranges(0, "tries")).explode("turn")
    count = rows.height
    room = DAYS - 5 - 10 * (tries - 1).clip(0)  # the first try may be any day that leaves ten for each that follows
    first = draws.below(size, "first", DAYS) * room // DAYS
    day = first.gather(rows["debtor"]) + rows["turn"] * 10 + draws.below(count, "day", 5)
    start = as_of - timedelta(days=DAYS)
    day = day + ((day + start.weekday()) % 7 == 6).cast(pl.Int64)  # Sundays are free: the next day instead
    hour = pl.Series(list(HOURS)).gather(draws.weighted(count, "hour", list(HOURS.values())))
    second = hour * 3600 + draws.below(count, "second", 3600)
    span = pl.duration(days=pl.lit(day), seconds=pl.lit(second))
    began = pl.select(pl.lit(start).cast(pl.Datetime("us")) + span).to_series()
    picked = draws.weighted(count, "channel", (62, 18, 18, 2))
    picked = pl.Series([0]).new_from_index(0, count).zip_with((picked == 2) & ~people["has_mobile"].gather(rows["debtor"]), picked)
    picked = pl.Series([3]).new_from_index(0, count).zip_with(~people["has_phone"].gather(rows["debtor"]), picked)
    channel = pl.Series([channel.value for channel in CHANNELS]).gather(picked)
    return rows.with_columns(began=began, channel=channel, is_last=rows["turn"] == rows["tries"] - 1)


def _drawn(draws: Draws, size: int, what: str, table: Mapping[Any, float]) -> pl.Series:
    return draws.pick(size, what, [code.value for code in table], list(table.values()))


def _results(draws: Draws, plan: pl.DataFrame, is_company: pl.Series) -> pl.DataFrame:
    """What came of each try; null where a field has no meaning for the channel."""
    size = plan.height
    operator, auto, visit = (plan["channel"] == code.value for code in (Channel.OPERATOR_CALL, Channel.AUTO_CALL, Channel.VISIT))
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, size)
    line = _drawn(draws, size, "line", OPERATOR_LINES).zip_with(
        operator, _drawn(draws, size, "auto.line", AUTO_LINES).zip_with(auto, nothing)
    )
    answered = (line == LineResult.ANSWERED.value).fill_null(False)
    party = _drawn(draws, size, "party", OPERATOR_PARTIES).zip_with(operator, _drawn(draws, size, "auto.party", AUTO_PARTIES))
    nobody = pl.Series([Party.NOBODY.value]).new_from_index(0, size)
    party = party.zip_with(answered, nobody.zip_with(operator | auto, nothing))
    party = _drawn(draws, size, "visit.party", VISIT_PARTIES).zip_with(visit, party)
    company = pl.Series([Party.COMPANY_CONTACT.value]).new_from_index(0, size)
    party = company.zip_with(is_company & (party == Party.DEBTOR.value).fill_null(False), party)
    right = operator & party.is_in([Party.DEBTOR.value, Party.COMPANY_CONTACT.value, Party.AGENT.value]).fill_null(False)
    talk = _drawn(draws, size, "talk", TALKS)
    later = pl.Series([Outcome.CALLBACK_PROMISED.value]).new_from_index(0, size)
    talk = later.zip_with(talk.str.starts_with("promise") & ~plan["is_last"], talk)  # a promise ends the calls
    message = pl.Series([Outcome.CALLBACK_MESSAGE_LEFT.value]).new_from_index(0, size)
    none = pl.Series([Outcome.NO_RESULT.value]).new_from_index(0, size)
    outcome = message.zip_with((party == Party.FAMILY.value).fill_null(False), none).zip_with(operator | auto | visit, nothing)
    outcome = talk.zip_with(right, outcome)
    seconds = (draws.below(size, "talk.seconds", 240) + 25).zip_with(answered, pl.Series([0]).new_from_index(0, size))
    return plan.with_columns(line_result=line, party=party, outcome=outcome, talk_seconds=seconds)


def attempts(draws: Draws, people: pl.DataFrame, debts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Typed rows of the contact history: codes as in `campaigns.attempts.codes`, `began` without zone, promised_yen and promised_on."""
    plan = _plan(draws, people, as_of)
    rows = _results(draws, plan, people["is_company"].gather(plan["debtor"]))
    size = rows.height
    owed = debts.group_by("debtor").agg(pl.col("outstanding").sum().alias("owed"))
    rows = rows.join(owed, on="debtor", how="left", maintain_order="left")
    half = (pl.col("owed") // 2 // 100 * 100).clip(100)
    promised = pl.col("outcome").str.starts_with("promise").fill_null(False)
    rows = rows.with_columns(
        promised_yen=pl.when(promised).then(pl.when(pl.col("outcome") == Outcome.PROMISE_FULL.value).then("owed").otherwise(half)),
        promised_on=pl.when(promised).then(pl.col("began").dt.date() + days_of(draws.below(size, "promised", 10) + 5)),
    )
    operator = pl.Series(OPERATORS).gather(draws.weighted(size, "operator", (30, 27, 24, 19)))
    visitor = draws.pick(size, "visitor", VISITORS)
    is_call, is_visit = rows["channel"] == Channel.OPERATOR_CALL.value, rows["channel"] == Channel.VISIT.value
    nobody = pl.Series([""]).new_from_index(0, size)
    return rows.with_columns(
        operator=operator.zip_with(is_call, visitor.zip_with(is_visit, nobody)),
        debtor_no=people["debtor_no"].gather(rows["debtor"]),
        phone=people["phone1"].gather(rows["debtor"]).zip_with(~is_visit, nobody),
    )


def _labels(codes: pl.Series, labels: dict[str, str]) -> pl.Series:
    return codes.replace_strict(list(labels), list(labels.values()), default=None, return_dtype=pl.String).fill_null("")


def written_attempts(draws: Draws, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as the office's old system wrote them."""
    size = rows.height
    iso = rows["began"].dt.strftime("%Y-%m-%d %H:%M:%S")
    slashed = rows["began"].dt.strftime("%Y/%m/%d %H:%M:%S")
    return pl.DataFrame(
        {
            "宛名番号": rows["debtor_no"],
            "実施日時": slashed.zip_with(draws.chance(size, "moment", 0.1), iso),
            "手段": _labels(rows["channel"], {code.value: label for code, label in CHANNEL_JA.items()}),
            "電話番号": rows["phone"],
            "担当者": rows["operator"],
            "回線結果": _labels(rows["line_result"], {code.value: label for code, label in LINE_RESULT_JA.items()}),
            "応対者": _labels(rows["party"], {code.value: label for code, label in PARTY_JA.items()}),
            "交渉結果": _labels(rows["outcome"], {code.value: label for code, label in OUTCOME_JA.items()}),
            "通話秒数": rows["talk_seconds"].cast(pl.String),
            "約束額": rows["promised_yen"].cast(pl.String).fill_null(""),
            "約束日": rows["promised_on"].dt.strftime("%Y-%m-%d").fill_null(""),
            "備考": pl.Series([""]).new_from_index(0, size),
        }
    )


def bad_attempts(written: pl.DataFrame) -> tuple[pl.DataFrame, list[dict[str, object]]]:
    """Rows to put at the end that must be refused: an unknown debtor, an unknown label, no moment."""
    changes: tuple[tuple[dict[str, str], str, str], ...] = (
        ({"宛名番号": "9999999999"}, "宛名番号", "unknown_debtor"),
        ({"回線結果": "たぶん応答"}, "回線結果", "unknown_code"),
        ({"実施日時": "きのうの昼"}, "実施日時", "bad_moment"),
    )
    base = next(written.head(1).iter_rows(named=True), None)
    if base is None:
        return written, []
    rows = [base | change for change, _, _ in changes]
    truth: list[dict[str, object]] = [
        {"row": written.height + 2 + index, "column": column, "code": code} for index, (_, column, code) in enumerate(changes)
    ]
    return pl.DataFrame(rows, schema=written.schema), truth
