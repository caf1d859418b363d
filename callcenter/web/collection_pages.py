"""Collection figures of a fiscal year, how open debts age, and what the calls cost and bring."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.eras import fiscal_year as fiscal_year_of
from callcenter.core.eras import format_fiscal_year, parse_year
from callcenter.core.errors import InvalidInput
from callcenter.web import phrases
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.formats import counted
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.report_model import counted_at
from reports.charts import FEW
from reports.collection import ageing, effect
from reports.collection.rates import VINTAGE_WORDS, VINTAGES, Collection, Compared, Sums, collection, years_known
from reports.collection.totals_file import HEADS, MOST_BYTES, Problem, read_totals, store_totals
from reports.eras import month_in_both
from reports.exports.table import per_cent
from reports.line_chart import line_chart
from reports.periods import zone_of
from reports.questions import ages_of, rolls_of

router = APIRouter(prefix="/reports/collection")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
Keeper = Annotated[SignedIn, may(Action.IMPORT_FILES)]
FIRST_YEAR, LAST_YEAR = 1990, 2100
BANDS, ROLL_BOUNDS = "abcde", (50, 70, 85, 95)


@router.get("")
def show_collection(request: Request, session: Tx, who: Reader, year: str = "", month: str = "") -> Response:
    """The rates of a year at the end of a month; without a choice the newest known."""
    return _shown(request, session, who, year, month)


def _shown(request: Request, session: Session, who: SignedIn, year: str, month: str, problems: list[Problem] | None = None) -> Response:
    now, lang = utc_now(), lang_of(request)
    known = years_known(session)
    wanted, unreadable = _year_of(year, lang)
    chosen, wrong = _chosen(known, wanted, month, lang)
    wrong = unreadable or wrong
    found = collection(session, *chosen) if chosen else None
    zone = zone_of(session)
    today = local_day(now, zone)
    months, rolls, _ = rolls_of(session, today, str(zone), now)
    ages, as_of = ages_of(session, today, now)
    model = {
        "years": [
            {"value": one, "label": _year_words(one, lang), "is_chosen": chosen is not None and one == chosen[0]} for one, _ in known
        ],
        "month": chosen[1].strftime("%Y-%m") if chosen else "",
        "heads": ",".join(HEADS),
        "may_keep": is_allowed(who.role, Action.IMPORT_FILES),
        "problems": problems or [],
        "error": wrong,
    }
    return page(
        request,
        "collection.html",
        shell_of(request, words_of(request)("collection.title"), status=counted(now, lang, zone)),
        422 if problems or wrong else 200,
        page=model,
        figures=_figures(found, lang) if found else None,
        ages=_ages(ages, lang),
        as_of=counted_at(as_of, now, lang, zone),
        rolls={
            "months": [phrases.pick(lang, (f"{one.month}月", one.strftime("%b"))) for one in months],
            "rows": [
                {"label": ageing.BUCKETS[number].in_language(lang), "cells": [_roll(one) for one in row]}
                for number, row in enumerate(rolls, start=1)
            ],
        },
    )


def _roll(one: ageing.Roll) -> dict[str, Any]:
    """A cell whose colour goes by the share as it is written."""
    band = "few" if one.open_at_start < FEW else BANDS[sum(per_cent(one.rate or 0) >= bound for bound in ROLL_BOUNDS)]
    return {"rate": one.rate, "n": one.open_at_start, "band": band}


def _year_of(text: str, lang: str) -> tuple[int, str]:
    """A fiscal year from an address, 2026 or 令和8年度, 0 for none; and what is wrong with it."""
    try:
        year = parse_year(text) or 0
    except InvalidInput:
        year = -1
    if year and not FIRST_YEAR <= year <= LAST_YEAR:
        span = f"({FIRST_YEAR}–{LAST_YEAR})"
        words = f"年度を読めません。例: 2026、令和8年度{span}", f"This is no fiscal year. Example: 2026 {span}"
        return 0, phrases.pick(lang, words)
    return year, ""


def _chosen(known: list[tuple[int, date]], year: int, month: str, lang: str) -> tuple[tuple[int, date] | None, str]:
    if not known:
        return None, ""
    newest = dict(known)
    if year and year not in newest:
        return known[0], phrases.pick(lang, ("その年度の数字はありません。", "There are no figures of that year."))
    fiscal = year or known[0][0]
    if not month:
        return (fiscal, newest[fiscal]), ""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return (fiscal, newest[fiscal]), phrases.pick(lang, ("年月を読めません。例: 2026-10", "This is no month. Example: 2026-10"))
    if not date(fiscal, 4, 1) <= first <= date(fiscal + 1, 5, 1):
        words = (
            f"{format_fiscal_year(fiscal)}は{fiscal}年4月から{fiscal + 1}年5月までです。",
            f"Fiscal {fiscal} runs from April {fiscal} to May {fiscal + 1}.",
        )
        return (fiscal, newest[fiscal]), phrases.pick(lang, words)
    return (fiscal, first), ""


def _year_words(year: int, lang: str) -> str:
    return phrases.pick(lang, (f"{format_fiscal_year(year)}", f"fiscal {year}"))


def _figures(found: Collection, lang: str) -> dict[str, Any]:
    labels = [phrases.pick(lang, (f"{one.month}月", one.strftime("%b"))) for one in found.months]
    names = phrases.pick(lang, ("今年度", "this year")), phrases.pick(lang, ("前年度", "last year"))
    return {
        "year": _year_words(found.fiscal_year, lang),
        "month": phrases.pick(lang, (f"{month_in_both(found.month)}末", f"end of {found.month:%B %Y}")),
        "tiles": [_line(VINTAGE_WORDS[vintage].in_language(lang), found.whole[vintage]) for vintage in VINTAGES],
        "taxes": [
            _line(tax, compared[vintage]) | {"vintage": VINTAGE_WORDS[vintage].in_language(lang)}
            for tax, compared in found.by_tax.items()
            for vintage in VINTAGES
            if compared[vintage].this != Sums()
        ],
        "charts": [
            {
                "title": VINTAGE_WORDS[vintage].in_language(lang),
                "chart": line_chart(labels, list(zip(names, found.trend[vintage], strict=True))),
            }
            for vintage in VINTAGES
        ],
        "trend_rows": [
            {"label": label, "cells": [found.trend[vintage][side][place] for vintage in VINTAGES for side in (0, 1)]}
            for place, label in enumerate(labels)
        ],
    }


def _line(label: str, compared: Compared) -> dict[str, Any]:
    change = compared.change
    sign = "" if change is None else "±" if change == 0 else "+" if change > 0 else "−"
    return {
        "label": label,
        "assessed": compared.this.assessed,
        "received": compared.this.received,
        "outstanding": compared.this.outstanding,
        "rate": compared.this.rate,
        "last": compared.last.rate,
        "change": "–" if change is None else f"{sign}{abs(change)}pt",
        "is_down": change is not None and change < 0,
    }


def _ages(found: list[ageing.Age], lang: str) -> list[dict[str, Any]]:
    most = max((age.yen for age in found), default=0)
    return [
        {
            "label": ageing.BUCKETS[number].in_language(lang),
            "persons": age.persons,
            "debts": age.debts,
            "yen": age.yen,
            "percent": round(100 * age.yen / most, 1) if most else 0,
        }
        for number, age in enumerate(found)
    ]


@router.post("/totals")
def take_totals(request: Request, session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Takes a file of monthly totals whole, or says what is wrong with it and takes nothing."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InvalidInput("ファイルを選んでください。", code="no_file")
    totals, problems = read_totals(file.file.read(MOST_BYTES + 1))
    if problems:
        return _shown(request, session, who, "", "", problems)
    if not totals:
        raise InvalidInput("ファイルに行がありません。", hint=f"1行目に見出し({','.join(HEADS)})、2行目から数字を書きます。", code="empty")
    if not done.is_repeat:
        count = store_totals(session, totals, who.user_id, utc_now())
        years = sorted({total.fiscal_year for total in totals})
        audit.record(
            session, "collection.totals_kept", "collection", None, who.user_id, who.address, {"rows": count, "years": years}, utc_now()
        )
    return RedirectResponse(f"/reports/collection?year={max(total.fiscal_year for total in totals)}", 303)


@router.get("/effect")
def show_effect(request: Request, session: Tx, who: Reader, year: str = "") -> Response:
    """Cost and effect of a fiscal year, with every step of the reckoning."""
    wanted, unreadable = _year_of(year, lang_of(request))
    return _effect(request, session, who, wanted, {}, [("year", unreadable)] if unreadable else [])


def _effect(request: Request, session: Session, who: SignedIn, year: int, given: dict[str, str], errors: list[tuple[str, str]]) -> Response:
    lang, now, zone = lang_of(request), utc_now(), zone_of(session)
    this_year = fiscal_year_of(local_day(now, zone))
    fiscal = year or this_year
    row = effect.effect_of(session, fiscal)
    values = {name: given.get(name, "" if row is None else _written(getattr(row, name))) for name in effect.FIELDS}
    inputs = None if row is None else effect.Inputs(**{name: getattr(row, name) for name in effect.FIELDS})
    message_of = dict(errors)
    model = {
        "year": fiscal,
        "year_words": _year_words(fiscal, lang),
        "previous_url": f"/reports/collection/effect?year={fiscal - 1}",
        "next_url": f"/reports/collection/effect?year={fiscal + 1}",
        "fields": [
            {"name": name, "label": words.in_language(lang), "value": values[name], "error": message_of.get(name, "")}
            for name, words in effect.FIELDS.items()
        ],
        "note": given.get("note", row.note if row else ""),
        "errors": [{"field_id": name, "message": message} for name, message in errors],
        "may_keep": is_allowed(who.role, Action.IMPORT_FILES),
        "is_running": fiscal >= this_year,
        "updated_on": local_day(row.updated_at, zone) if row else None,
    }
    shell = shell_of(request, words_of(request)("effect.title"), status=counted(now, lang, zone))
    return page(request, "collection_effect.html", shell, 422 if errors else 200, page=model, result=_result(inputs) if inputs else None)


def _written(value: int | Decimal) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value.normalize():f}"


def _result(inputs: effect.Inputs) -> dict[str, Any]:
    rise = inputs.rate_after - inputs.rate_before
    most = max(abs(inputs.gain), abs(inputs.cost), 1)
    return {
        "inputs": inputs,
        "rise": rise,
        "break_even": None if inputs.break_even is None else round(inputs.break_even, 3),
        "per_yen": None if inputs.yen_per_yen is None else round(inputs.yen_per_yen, 1),
        "gain_percent": round(100 * max(inputs.gain, 0) / most, 1),
        "cost_percent": round(100 * max(inputs.cost, 0) / most, 1),
    }


@router.post("/effect/inputs")
def keep_effect(request: Request, session: Tx, who: Keeper, form: Form, done: Annotated[Once, once]) -> Response:
    """Keeps the inputs of a year; on record."""
    given = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    year = int(given["year"]) if given.get("year", "").isdecimal() and len(given["year"]) == 4 else 0
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InvalidInput("年度を読めません。", hint="画面を開き直してください。", code="bad_year")
    inputs, errors = effect.read_inputs(given)
    if inputs is None:
        return _effect(request, session, who, year, given, errors)
    if not done.is_repeat:
        row = effect.keep_effect(session, year, inputs, given.get("note", ""), who.user_id, utc_now())
        audit.record(session, "collection.effect_kept", "collection", row.id, who.user_id, who.address, {"year": year}, utc_now())
    return RedirectResponse(f"/reports/collection/effect?year={year}", 303)
