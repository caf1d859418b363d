"""`callcenter charge`: the late charge (延滞金) with its working; needs no database."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import typer

from callcenter.commands.runtime import put, say, usage_error
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from callcenter.core.money import format_yen, parse_yen
from callcenter.core.settings import get_settings
from campaigns.payments.charges import LateCharge, Nothing, PartPayment, Rounding, late_charge

WHY_NOTHING = {
    Nothing.PAID_IN_TIME: ("納期限までの納付のため、延滞金はかかりません。", "Paid by the due date: no late charge."),
    Nothing.SMALL_BASE: ("本税が2,000円未満のため、延滞金はかかりません。", "The principal is below 2,000 yen: no late charge."),
    Nothing.SMALL_SUM: ("計算額が1,000円未満のため、延滞金はかかりません。", "The sum is below 1,000 yen: no late charge."),
}


def charge(
    principal: str = typer.Option(..., "--principal", help="Unpaid principal (本税) in yen on the due date, for example 65000."),
    due: str = typer.Option(..., "--due", help="Due date (納期限): 2021-05-31, R3.5.31, 令和3年5月31日 …"),
    paid: str = typer.Option(..., "--paid", help="Day of payment of the rest, counted in."),
    rounding: str = typer.Option("segment", "--rounding", help="Where fractions of a yen are dropped: segment or phase."),
    payment: list[str] = typer.Option([], "--payment", help="Principal paid in part before, as DATE:YEN; may be repeated."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Computes the late charge (延滞金) of one instalment as of a day of payment, with its working."""
    if rounding not in list(Rounding):
        usage_error(f"--rounding: '{rounding}' is unknown.", "Expected segment or phase.")
    try:
        paid_on = _day(paid, "--paid")
        parts = [_part(text, paid_on) for text in payment]
        result = late_charge(_yen(principal, "--principal"), _day(due, "--due"), paid_on, Rounding(rounding), parts)
    except InvalidInput as problem:
        usage_error(problem.message, problem.hint)
    lang = get_settings().lang
    put(document(result), as_json_document=as_json, lines=lambda: lines(result, lang))
    if as_json and result.nothing is not None:
        say(WHY_NOTHING[result.nothing][lang == "en"])


def document(result: LateCharge) -> dict[str, Any]:
    """The result as `formats.md` has it."""
    return {
        "charge": result.charge,
        "before_truncation": result.before_truncation,
        "base": result.base,
        "segments": [{"from": s.first, "to": s.last, "days": s.days, "rate": s.rate_tenths / 10, "yen": s.yen} for s in result.segments],
    }


def lines(result: LateCharge, lang: str) -> list[str]:
    """As of when, the working, a line per rate, and the charge."""
    is_english = lang == "en"
    days = "days" if is_english else "日"
    working = [
        f"{s.first} - {s.last}  {s.days:>4}{days}  {s.rate_tenths / 10:>4.1f}%  {format_yen(s.base):>12}  {format_yen(s.yen):>10}"
        for s in result.segments
    ]
    sums = (format_yen(result.before_truncation), format_yen(result.charge))
    if is_english:
        head, total = f"As of a payment on {result.as_of}; not settled yet.", "sum {} -> late charge {}".format(*sums)
    else:
        head, total = f"{result.as_of} に納付した場合(確定前)", "計 {} → 延滞金 {}".format(*sums)
    why = [] if result.nothing is None else [WHY_NOTHING[result.nothing][is_english]]
    return [head, *working, total, *why]


def _day(text: str, option: str) -> date:
    try:
        day = parse_date(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{option}: '{text}': {problem.message}", hint=problem.hint) from problem
    if day is None:
        raise InvalidInput(f"{option}: a date is needed.", hint="For example 2021-05-31 or R3.5.31.")
    return day


def _yen(text: str, option: str) -> int:
    try:
        yen = parse_yen(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{option}: '{text}': {problem.message}", hint=problem.hint) from problem
    if yen is None:
        raise InvalidInput(f"{option}: an amount is needed.", hint="For example 65000.")
    return yen


def _part(text: str, paid_on: date) -> PartPayment:
    found = re.fullmatch(r"([^:=]+)[:=](.+)", text)
    if found is None:
        raise InvalidInput(f"--payment: '{text}' is not DATE:YEN.", hint="For example 2021-08-31:20000.")
    day = _day(found[1], "--payment")
    if day > paid_on:
        raise InvalidInput(f"--payment: {day} lies after the day of payment {paid_on}.", hint="Give the parts that were paid before.")
    return PartPayment(day, _yen(found[2], "--payment"))
