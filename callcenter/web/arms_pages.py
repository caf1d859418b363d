"""The arms of an experiment compared, with what they are worth and cost; and what listeners of automated calls did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.intervals import Interval
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.formats import counted
from callcenter.web.i18n import Translate
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.report_filters import option
from reports.arms.compare import LEAST, Compared, compare
from reports.arms.queries import CHANNELS, arm_results, experiments, names_of, script_answers
from reports.charts import nice_top
from reports.exports.table import DASH, channel_words, per_cent, rounded
from reports.periods import Period, read_day, zone_of

router = APIRouter(prefix="/reports/arms")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
DAYS = (7, 14, 28, 56, 84)
USUAL_DAYS, LOOK_BACK = 28, 180


@router.get("")
def show_arms(request: Request, session: Tx, who: Reader) -> Response:
    """One experiment's arms; everything that shapes the answer stands in the address."""
    lang, say, now, given = lang_of(request), words_of(request), utc_now(), request.query_params
    today = local_day(now, zone_of(session))
    errors: list[tuple[str, str]] = []
    period = Period(*_days(given, today, errors), zone_of(session))
    known = experiments(session)
    experiment = given.get("experiment") or (known[-1] if known else "")
    if experiment and experiment not in known:
        errors.append(("experiment", "experiment"))
        experiment = known[-1] if known else ""
    days = _number(given, "days", USUAL_DAYS, errors)
    if days not in DAYS:
        errors.append(("days", "days"))
        days = USUAL_DAYS
    prices = {channel.value: _price(given, channel.value, errors) for channel in CHANNELS}
    names = names_of(session, experiment)
    result = arm_results(session, experiment, period, int(days), now)
    codes = [arm.code for arm in result.arms]
    against = given.get("against") or names.usual_other
    if against not in codes:
        if given.get("against"):
            errors.append(("against", "against"))
        against = next((code for code in (names.usual_other, *codes) if code in codes), "")
    label = dict(names.arms)
    order = {code: place for place, (code, _) in enumerate(names.arms)}
    compared = sorted(compare(result.arms, against, prices), key=lambda one: (order.get(one.arm.code, 99), one.arm.code))
    model = {
        "from_on": period.first,
        "to_on": period.last,
        "experiment_options": [option(code, code, experiment) for code in known],
        "days_options": [option(str(each), say("arms.days_each", n=each), str(int(days))) for each in DAYS],
        "against_options": [option(code, label.get(code, code), against) for code in codes],
        "prices": [
            {"name": channel.value, "label": channel_words(channel).in_language(lang), "value": f"{prices[channel.value]:g}"}
            for channel in CHANNELS
        ],
        "errors": [{"field_id": field, "message": say(f"arms_problem.{code}")} for field, code in errors],
        "address": urlencode({"experiment": experiment, "days": int(days), "against": against}),
        "waiting": result.waiting,
        "least": LEAST,
        "days": int(days),
        "has_idle": bool(names.idle),
    }
    rows = [_row(one, label.get(one.arm.code, one.arm.code), one.arm.code in names.idle, one.arm.code == against, say) for one in compared]
    return page(
        request,
        "arms.html",
        shell_of(request, say("arms.title"), status=counted(now, lang, period.zone)),
        422 if errors else 200,
        page=model,
        rows=rows,
        charts=_charts(compared, label),
        scripts=_scripts(session, period),
    )


def _days(given: Mapping[str, str], today: date, errors: list[tuple[str, str]]) -> tuple[date, date]:
    usual = today - timedelta(days=LOOK_BACK), today
    try:
        first = read_day(given["from"], "from") if given.get("from") else usual[0]
        last = read_day(given["to"], "to") if given.get("to") else usual[1]
    except InvalidInput:
        errors.append(("from", "day"))
        return usual
    if first > last:
        errors.append(("from", "order"))
        return usual
    return first, last


def _number(given: Mapping[str, str], name: str, usual: float, errors: list[tuple[str, str]]) -> float:
    text = given.get(name, "").strip()
    if not text:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1_000_000:
        errors.append((name, "number"))
        return usual
    return value


def _price(given: Mapping[str, str], channel: str, errors: list[tuple[str, str]]) -> float:
    return _number(given, channel, 0.0, errors)


def _yen(value: float | None) -> str:
    return DASH if value is None else f"{'−' if value < 0 else ''}{abs(round(value)):,}"


def _points(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{abs(rounded(value * 100))}pt"


def _row(one: Compared, name: str, is_idle: bool, is_other: bool, say: Translate) -> dict[str, Any]:
    arm = one.arm

    def share(count: int) -> str:
        return f"{per_cent(count / arm.persons)}%" if arm.persons else DASH

    return {
        "name": name,
        "code": arm.code,
        "is_idle": is_idle,
        "is_other": is_other,
        "is_few": arm.persons < LEAST,
        "persons": arm.persons,
        "contacted": share(arm.contacted),
        "promised": share(arm.promised),
        "paid": share(arm.paid),
        "paid_range": f"{rounded(one.paid_interval.low * 100)}–{rounded(one.paid_interval.high * 100)}%" if one.paid_interval else DASH,
        "difference": DASH if one.difference is None else _points(one.difference),
        "difference_range": "" if one.difference_interval is None else _range(one.difference_interval, _points),
        "verdict": "" if one.difference is None else "certain" if one.is_certain else "noise",
        "chance": "" if one.chance is None else say("arms.chance", p="<0.001" if one.chance < 0.001 else f"{one.chance:.3f}"),
        "yen": arm.yen,
        "per_person": _yen(arm.per_person),
        "worth": _yen(one.worth),
        "worth_range": "" if one.worth_interval is None else _range(one.worth_interval, _yen),
        "cost": _yen(one.cost),
        "extra_cost": _yen(one.extra_cost) if one.worth is not None else DASH,
        "cost_per_yen": DASH if one.cost_per_yen is None else f"{one.cost_per_yen:.3f}",
        "touches": [arm.touches[channel] if arm.touches else 0 for channel in CHANNELS],
    }


def _range(interval: Interval, write: Any) -> str:
    return f"{write(interval.low)} – {write(interval.high)}"


def _charts(compared: list[Compared], label: Mapping[str, str]) -> dict[str, Any] | None:
    """Paying shares as points with their intervals, in per cent of the widest bound."""
    shown = [one for one in compared if one.paid_share is not None and one.paid_interval is not None]
    if not shown:
        return None
    top = nice_top(100 * max(one.paid_interval.high for one in shown if one.paid_interval))

    def x(share: float) -> float:
        return round(160 + 520 * 100 * share / top, 1)

    return {
        "height": 34 * len(shown) + 30,
        "grid": [{"x": x(part * top / 500), "text": f"{part * top / 5:g}%"} for part in range(6)],
        "rows": [
            {
                "y": 34 * place + 22,
                "name": label.get(one.arm.code, one.arm.code)[:12],
                "x": x(one.paid_share or 0.0),
                "low": x(one.paid_interval.low),
                "high": x(one.paid_interval.high),
            }
            for place, one in enumerate(shown)
            if one.paid_interval
        ],
    }


def _scripts(session: Session, period: Period) -> dict[str, Any]:
    found = script_answers(session, period)
    keys = sorted({key for one in found for key in one.keys})
    return {
        "keys": keys,
        "rows": [
            {
                "script": one.script,
                "answered": one.answered,
                "heard": one.heard,
                "share": one.heard / one.answered,
                "keys": [one.keys.get(key, 0) for key in keys],
            }
            for one in found
        ],
    }
