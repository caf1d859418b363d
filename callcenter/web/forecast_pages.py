"""What the half hours of a coming day will hold: attempts that the operators can make, and people calling back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.formats import counted, write_day
from callcenter.web.pages import lang_of, page, shell_of, words_of
from campaigns.attempts.codes import Channel
from campaigns.compliance.gate import load_policy
from campaigns.compliance.windows import hours_on
from reports.charts import nice_top
from reports.exports.table import rounded
from reports.forecasts.counting import history_of, promised_callbacks
from reports.forecasts.method import (
    COVERED,
    Expected,
    Tested,
    backtest,
    calls_coming_in,
    calls_per_operator,
    days_to_come,
    expect,
    usual_operators,
)
from reports.periods import read_day, zone_of

router = APIRouter(prefix="/reports/forecast")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
DAYS, MOST_OPERATORS = 5, 500


@router.get("")
def show_forecast(request: Request, session: Tx, who: Reader, day: str = "", operators: str = "") -> Response:
    """A day by half hours, and the days to come in sums."""
    lang, say, today = lang_of(request), words_of(request), local_day(utc_now(), zone_of(session))
    history, hours = history_of(session), load_policy(session).hours
    errors: list[tuple[str, str]] = []
    count = _operators(operators, usual_operators(history), errors)
    coming_days = days_to_come(history, today, DAYS, lambda day: not hours_on(hours, Channel.OPERATOR_CALL, day))
    chosen = _day(day, coming_days[0] if coming_days else today, today, errors)
    made, coming = backtest(history, calls_per_operator), backtest(history, calls_coming_in)
    rows = expect(history, chosen, count, made, coming)
    promised = promised_callbacks(session, chosen)
    model = {
        "day": chosen,
        "operators": count,
        "history_days": len(history.days),
        "errors": [{"field_id": field, "message": say(f"forecast_problem.{code}")} for field, code in errors],
        "covered": round(100 * COVERED),
    }
    return page(
        request,
        "forecast.html",
        shell_of(request, say("forecast.title"), status=counted(utc_now(), lang, zone_of(session))),
        422 if errors else 200,
        page=model,
        rows=[_row(row, promised.get(row.slot, 0)) for row in rows],
        charts=[
            _chart(rows, lambda row: (row.attempts, row.attempts_bars), say("forecast.attempts")),
            _chart(rows, lambda row: (row.inbound, row.inbound_bars), say("forecast.inbound")),
        ],
        days=[
            {
                "label": write_day(each, lang),
                "url": f"/reports/forecast?day={each}&operators={count}",
                "is_here": each == chosen,
                **_sums(expect(history, each, count, made, coming)),
            }
            for each in coming_days
        ],
        tests=[_tested(name, one) for name, one in (("attempts", made), ("inbound", coming))],
    )


def _operators(text: str, usual: int, errors: list[tuple[str, str]]) -> int:
    if not text.strip():
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_OPERATORS):
        errors.append(("operators", "operators"))
        return usual
    return int(text)


def _day(text: str, usual: date, today: date, errors: list[tuple[str, str]]) -> date:
    if not text.strip():
        return usual
    try:
        day = read_day(text, "day")
    except InvalidInput:
        errors.append(("day", "day"))
        return usual
    if not 0 <= (day - today).days <= 60:
        errors.append(("day", "range"))
        return usual
    return day


def _clock(slot: int) -> str:
    return f"{slot // 2}:{slot % 2 * 30:02d}"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{rounded(value):,}"


def _bars(bars: tuple[float, float] | None) -> str:
    return "" if bars is None else f"{rounded(bars[0])}–{rounded(bars[1])}"


def _row(row: Expected, promised: int) -> dict[str, Any]:
    return {
        "label": f"{_clock(row.slot)}–",
        "attempts": _shown(row.attempts),
        "attempts_bars": _bars(row.attempts_bars),
        "inbound": _shown(row.inbound),
        "inbound_bars": _bars(row.inbound_bars),
        "promised": promised,
    }


def _sums(rows: list[Expected]) -> dict[str, str]:
    return {
        "attempts": f"{round(sum(row.attempts or 0.0 for row in rows)):,}",
        "inbound": f"{round(sum(row.inbound or 0.0 for row in rows)):,}",
    }


def _tested(name: str, one: Tested | None) -> dict[str, Any]:
    if one is None:
        return {"name": name, "is_known": False}
    return {
        "name": name,
        "is_known": True,
        "half_hours": one.half_hours,
        "error": _shown(one.error),
        "naive_error": _shown(one.naive_error),
        "coverage": "–" if one.coverage is None else f"{rounded(100 * one.coverage)}%",
        "is_better": one.error <= one.naive_error,
    }


Picked = tuple[float | None, tuple[float, float] | None]


def _chart(rows: list[Expected], pick: Callable[[Expected], Picked], name: str) -> dict[str, Any] | None:
    """Bars with error bars; None without a value."""
    picked = [(row.slot, *pick(row)) for row in rows]
    values = [(slot, value, bars) for slot, value, bars in picked if value is not None]
    if not any(value for _, value, _ in values):
        return None
    top = nice_top(max([bars[1] if bars else value for _, value, bars in values] + [1.0]))
    step = 660 / len(values)

    def y(value: float) -> float:
        return round(170 - 150 * value / top, 1)

    return {
        "name": name,
        "grid": [{"y": y(top * part / 2), "text": f"{top * part / 2:g}"} for part in range(3)],
        "bars": [
            {
                "x": round(50 + place * step + step * 0.15, 1),
                "width": round(step * 0.7, 1),
                "y": y(value),
                "height": round(170 - y(value), 1),
                "middle": round(50 + place * step + step / 2, 1),
                "low": y(bars[0]) if bars else None,
                "high": y(bars[1]) if bars else None,
                "label": _clock(slot) if slot % 2 == 0 else "",
                "text": f"{_clock(slot)} {_shown(value)} {_bars(bars)}",
            }
            for place, (slot, value, bars) in enumerate(values)
        ],
    }
