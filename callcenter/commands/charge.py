"""`callcenter charge`: the late charge (延滞金) with its working; needs no database."""

from __future__ import annotations

from datetime import date
from typing import Any

import typer

from callcenter.commands.runtime import put, usage_error
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from callcenter.core.money import format_yen, parse_yen
from campaigns.payments.charges import LateCharge, PartPayment, Rounding, late_charge


def charge(
    principal: str = typer.Option(..., "--principal", help="Unpaid principal (本税) in yen, for example 65000."),
    due: str = typer.Option(..., "--due", help="Due date (納期限): 2021-05-31, R3.5.31, 令和3年5月31日 …"),
    paid: str = typer.Option(..., "--paid", help="Day of payment, counted in."),
    rounding: str = typer.Option("segment", "--rounding", help="Where fractions of a yen are dropped: segment or phase."),
    payment: list[str] = typer.Option([], "--payment", help="Part paid before, as DATE=YEN; may be repeated."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Computes the late charge (延滞金) of one instalment, with its working."""
    if rounding not in list(Rounding):
        usage_error(f"--rounding: '{rounding}' is unknown.", "Expected segment or phase.")
    try:
        parts = [_part(text) for text in payment]
        result = late_charge(_yen(principal, "--principal"), _day(due, "--due"), _day(paid, "--paid"), Rounding(rounding), parts)
    except InvalidInput as problem:
        usage_error(problem.message, problem.hint)
    put(document(result), as_json_document=as_json, lines=lambda: lines(result))


def document(result: LateCharge) -> dict[str, Any]:
    """The result as `formats.md` has it."""
    return {
        "charge": result.charge,
        "before_truncation": result.before_truncation,
        "base": result.base,
        "segments": [{"from": s.first, "to": s.last, "days": s.days, "rate": s.rate_tenths / 10, "yen": s.yen} for s in result.segments],
    }


def lines(result: LateCharge) -> list[str]:
    """The working, a line per rate, and the charge."""
    working = [
        f"{s.first} - {s.last}  {s.days:>4}日  {s.rate_tenths / 10:>4.1f}%  {format_yen(s.base):>12}  {format_yen(s.yen):>10}"
        for s in result.segments
    ]
    total = f"計 {format_yen(result.before_truncation)} → 延滞金 {format_yen(result.charge)}"
    return [*working, total]


def _day(text: str, option: str) -> date:
    try:
        day = parse_date(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{option}: {problem.message}", hint=problem.hint) from problem
    if day is None:
        raise InvalidInput(f"{option}: a date is needed.", hint="For example 2021-05-31 or R3.5.31.")
    return day


def _yen(text: str, option: str) -> int:
    try:
        yen = parse_yen(text)
    except InvalidInput as problem:
        raise InvalidInput(f"{option}: {problem.message}", hint=problem.hint) from problem
    if yen is None:
        raise InvalidInput(f"{option}: an amount is needed.", hint="For example 65000.")
    return yen


def _part(text: str) -> PartPayment:
    day, separator, yen = text.partition("=")
    if not separator:
        raise InvalidInput(f"--payment: '{text}' is not DATE=YEN.", hint="For example 2021-08-31=20000.")
    return PartPayment(_day(day, "--payment"), _yen(yen, "--payment"))
