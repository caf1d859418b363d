"""Two cuts crossed, the calls behind a figure, what the figures mean, and the views a person keeps."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web import phrases
from callcenter.web.cross_model import CrossFilters, as_paper, as_table, cross_choices, cross_model, read_cross
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.formats import attachment, counted, counted_late, moment_in, period_words
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.report_filters import choices, opening_note, read_filters, require_readable, staff_note, staff_words, years_options
from callcenter.web.report_model import counted_at
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.planning.models import Campaign
from reports import saved_views
from reports.cut_forms import FORMS
from reports.cuts import Cut
from reports.eras import crossed_in, lines_in
from reports.exports.cross_pdf import cross_pdf
from reports.exports.files import BOM, MEDIA_TYPES, cross_workbook, csv_cell, day_of, staff_in_name
from reports.exports.table import DASH, channel_words, counted_on, shown
from reports.facts.late import late_days
from reports.further_metrics import EVERY, GROUPS
from reports.metrics import KEPT_RATE, UNIT_WORDS, Metric
from reports.money_metrics import MONEY
from reports.periods import EARLIEST, LATEST
from reports.queries.behind import Cell, calls_behind
from reports.queries.crossed import Crossed, crossed, lines_of
from reports.queries.measures import Measures, knows_operator
from reports.questions import measures_of
from reports.words import Words

router = APIRouter(prefix="/reports")
Reader = Annotated[SignedIn, may(Action.SEE_REPORTS)]
Caller = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
Anybody = Annotated[SignedIn, may(Action.SEE_TEAM_FIGURES)]


@router.get("/cross")
def show_cross(request: Request, session: Tx, who: Reader) -> Response:
    """The table; with unreadable filters it says which and shows what can be shown (422)."""
    now, lang = utc_now(), lang_of(request)
    asked = read_cross(session, who, request.query_params, now, lang)
    found = crossed_in(
        crossed(session, asked.filters.query, asked.columns, asked.metric, now), asked.rows, asked.columns, asked.filters.years
    )
    query = asked.filters.query
    made = counted(now, lang, query.period.zone)
    options = {f"{name}_options": listed for name, listed in choices(session, who, query, lang).items()}
    model = {
        "from_on": query.period.first,
        "to_on": query.period.last,
        "period": period_words(query.period, asked.filters.years, lang),
        "late": counted_late(late_days(session, query.period), lang, query.period.zone),
        "staff": staff_words(query, lang),
        "staff_note": staff_note(query, lang),
        "opening_note": opening_note(asked.filters, lang),
        "years": years_options(asked.filters.years, lang),
        "address": asked.address,
        "metric": _definition(asked.metric.code, lang),
        "title": _title(asked, lang),
        "errors": [{"field_id": name, "message": message} for name, message in asked.errors],
        "views": saved_views.views_of(session, who.user_id),
        **options,
        **cross_choices(who, asked, lang),
    }
    shell = shell_of(request, words_of(request)("cross.title"), status=made)
    status = 422 if asked.errors else 200
    return page(request, "report_cross.html", shell, status, page=model, table=cross_model(found, asked, lang))


@router.get("/cross.csv")
def cross_csv(request: Request, session: Tx, who: Reader) -> Response:
    """The table on the page as CSV."""
    asked, found = _cross_file(request, session, who)
    heads, rows = as_table(found, asked, lang_of(request))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return _file((BOM + out.getvalue()).encode("utf-8"), asked, "csv")


@router.get("/cross.xlsx")
def cross_xlsx(request: Request, session: Tx, who: Reader) -> Response:
    """The table on the page as a workbook."""
    asked, found = _cross_file(request, session, who)
    lang = lang_of(request)
    heads, rows = as_table(found, asked, lang)
    subtitle = f"{_title(asked, lang)}　{_scope(session, asked, lang)}"
    days = [*(day_of(line.key, asked.rows) for line in found.rows), None]
    dated = [heads[0], *(day_of(line.key, asked.columns) or text for line, text in zip(found.columns, heads[1:-1], strict=True)), heads[-1]]
    return _file(cross_workbook(asked.metric, subtitle, dated, rows, days, asked.filters.years, lang), asked, "xlsx")


@router.get("/cross.pdf")
def cross_paper(request: Request, session: Tx, who: Reader) -> Response:
    """The table on the page as a document, with its shades and marks."""
    asked, found = _cross_file(request, session, who)
    lang = lang_of(request)
    return _file(cross_pdf(as_paper(found, asked, _title(asked, lang), _scope(session, asked, lang), lang), lang), asked, "pdf")


def _scope(session: Session, asked: CrossFilters, lang: str) -> str:
    """All that the table is of, and as of when it was counted."""
    query = asked.filters.query
    name = session.scalar(select(Campaign.name).where(Campaign.id == query.campaign_id))
    parts = (
        period_words(query.period, asked.filters.years, lang),
        channel_words(query.channel).in_language(lang),
        phrases.pick(lang, (f"業務: {name}", f"campaign: {name}")) if name else "",
        staff_words(query, lang),
        counted_on(utc_now(), asked.filters.years, query.period.zone).in_language(lang),
    )
    return "　".join(filter(None, parts))


def _cross_file(request: Request, session: Any, who: SignedIn) -> tuple[CrossFilters, Crossed]:
    now, lang = utc_now(), lang_of(request)
    asked = read_cross(session, who, request.query_params, now, lang)
    if asked.errors:
        raise InvalidInput(" ".join(message for _, message in asked.errors), code="bad_filter")
    found = crossed(session, asked.filters.query, asked.columns, asked.metric, now)
    return asked, crossed_in(found, asked.rows, asked.columns, asked.filters.years)


def _file(data: bytes, asked: CrossFilters, kind: str) -> Response:
    period = asked.filters.query.period
    columns = f"-{asked.columns}" if asked.columns else ""
    whose = staff_in_name(asked.filters.query)
    name = f"{asked.metric.code}-{period.first:%Y%m%d}-{period.last:%Y%m%d}-{asked.rows}{columns}{whose}.{kind}"
    return Response(data, media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": attachment(name)})


@router.get("/calls")
def show_calls(request: Request, session: Tx, who: Caller) -> Response:
    """The calls behind one figure, newest first; on record, since debtors' numbers are shown."""
    now, lang = utc_now(), lang_of(request)
    given = request.query_params
    asked = read_cross(session, who, given, now, lang)
    if asked.errors:
        raise InvalidInput(" ".join(message for _, message in asked.errors), code="bad_filter")
    if asked.metric is KEPT_RATE:
        raise InvalidInput("履行率は約束から数えるため、架電の一覧はありません。", hint="約束件数から開けます。", code="no_calls_behind")
    zone = asked.filters.query.period.zone
    cell = Cell(asked.columns, given.get("row"), given.get("column"), only_hits=given.get("only") == "hits")
    lines, is_more = calls_behind(session, asked.filters.query, asked.metric, cell, now, _before(given.get("before", "")))
    if lines:
        detail = {"page": "report.calls", "count": len(lines), "figure": asked.metric.code, "by": str(asked.rows)}
        audit.record(session, "debtor.listed", "report", None, who.user_id, who.address, detail, now)
    where = {name: value for name in ("row", "column", "only", "at") if (value := given.get(name)) is not None}
    here = f"/reports/calls?{asked.address}" + (f"&{urlencode(where)}" if where else "")
    last = lines[-1] if lines else None
    model = {
        "title": _title(asked, lang),
        "period": period_words(asked.filters.query.period, asked.filters.years, lang),
        "where": "・".join(filter(None, (_where(session, asked, cell, lang), staff_words(asked.filters.query, lang)))),
        "back_url": _back(asked, given.get("at", "")),
        "next_url": f"{here}&{urlencode({'before': f'{last.began_at.isoformat()},{last.id}'})}" if last and is_more else "",
        "is_first": "before" not in given,
        "first_url": here,
        "rows": [
            {
                "at": moment_in(line.began_at, lang, zone),
                "href": f"/debtors/{line.debtor_id}",
                "number": line.debtor_no,
                "channel": _words(lang, Channel, line.channel),
                "operator": line.operator,
                "line": _words(lang, LineResult, line.line_result),
                "party": _words(lang, Party, line.party),
                "outcome": _words(lang, Outcome, line.outcome),
                "talk": line.talk_seconds,
            }
            for line in lines
        ],
    }
    return page(
        request,
        "report_calls.html",
        shell_of(request, words_of(request)("cross.calls"), status=counted(now, lang, zone)),
        page=model,
    )


def _back(asked: CrossFilters, at: str) -> str:
    """Where the calls were asked from: the report page, cut by `at`, or else the table of two cuts."""
    if at not in tuple(Cut):
        return f"/reports/cross?{asked.address}"
    return f"/reports?{replace(asked.filters, query=replace(asked.filters.query, cut=Cut(at))).address}"


def _words(lang: str, kind: type[StrEnum], code: str) -> str:
    return phrases.label(lang, kind(code)) if code else "–"


def _before(text: str) -> tuple[datetime, int] | None:
    """The last call shown, as an address has it; InvalidInput when it is none."""
    if not text:
        return None
    moment, _, number = text.partition(",")
    try:
        began = datetime.fromisoformat(moment)
        if began.tzinfo is None or not EARLIEST <= began.date() <= LATEST or not number.isdecimal() or len(number) > 18:
            raise ValueError
    except ValueError as problem:
        raise InvalidInput("続きの位置を読めません。", hint="一覧を開き直してください。", code="bad_cursor") from problem
    return began, int(number)


def _where(session: Session, asked: CrossFilters, cell: Cell, lang: str) -> str:
    parts = []
    for cut, key in ((asked.rows, cell.row), (asked.columns, cell.column)):
        if cut is not None and key is not None:
            (line,) = lines_in(lines_of(session, cut, [key]), cut, asked.filters.years)
            parts.append(f"{FORMS[cut].name.in_language(lang)}: {line.words.in_language(lang)}")
    return "・".join(parts) or phrases.pick(lang, ("全体", "All"))


def _title(asked: CrossFilters, lang: str) -> str:
    sides = [FORMS[cut].name.in_language(lang) for cut in (asked.rows, asked.columns) if cut is not None]
    return f"{asked.metric.name.in_language(lang)} ({' × '.join(sides)})"


@router.get("/definitions")
def show_definitions(request: Request, session: Tx, who: Anybody) -> Response:
    """Every metric with what it divides, its scope, version and source; with values=1 its figure over the chosen period, too.

    Counting all of them takes a while with a large list, so the page comes first and asks for them itself.
    """
    now, lang = utc_now(), lang_of(request)
    filters = read_filters(session, who, request.query_params, now, lang)
    query = require_readable(filters)
    found, as_of = measures_of(session, query, now) if request.query_params.get("values") == "1" else (None, now)
    has_staff = query.staff is not None
    groups = [_group(*group, found, who, lang, has_staff=has_staff) for group in GROUPS]
    period = query.period
    shell = shell_of(request, words_of(request)("definitions.title"), status=counted(utc_now(), lang, period.zone))
    lists = {f"{name}_options": options for name, options in choices(session, who, filters.query, lang).items()}
    model = {
        "from_on": period.first,
        "to_on": period.last,
        "as_of": counted_at(as_of, now, lang, period.zone),
        "staff": staff_words(query, lang),
        "staff_note": staff_note(query, lang),
        "opening_note": opening_note(filters, lang),
        "values_url": "" if found else f"/reports/definitions?{filters.address}&values=1",
        **lists,
    }
    return page(request, "report_definitions.html", shell, groups=groups, page=model)


def _group(
    code: str, title: Words, metrics: Sequence[Metric], found: Measures | None, who: SignedIn, lang: str, *, has_staff: bool
) -> dict[str, Any]:
    """Metrics with their values, … while they are counted; what the contract costs is for those who see the reports.

    `lacks` says of a question about some operators (`has_staff`) that the metric knows none.
    """
    is_closed = metrics is MONEY and not is_allowed(who.role, Action.SEE_REPORTS)

    def value(metric: Metric) -> str:
        return DASH if is_closed else shown(found.value(metric), metric) if found else "…"

    return {
        "code": code,
        "title": title.in_language(lang),
        "metrics": [
            _definition(metric.code, lang) | {"value": value(metric), "lacks": has_staff and not knows_operator(metric)}
            for metric in metrics
        ],
        "is_closed": is_closed,
    }


def _definition(code: str, lang: str) -> dict[str, Any]:
    metric = EVERY[code]
    return {
        "code": code,
        "name": metric.name.in_language(lang),
        "numerator": metric.numerator.in_language(lang),
        "denominator": metric.denominator.in_language(lang) if metric.denominator else "",
        "unit": UNIT_WORDS[metric.unit].in_language(lang),
        "scope": metric.scope.in_language(lang),
        "version": metric.version,
        "source": metric.source.in_language(lang),
    }


@router.post("/views")
def keep_view(session: Tx, who: Reader, form: Form, done: Annotated[Once, once]) -> Response:
    """Keeps what is shown under a name."""
    address = str(form.get("address", ""))
    view_page = str(form.get("page", ""))
    if not done.is_repeat:
        view = saved_views.save_view(session, who.user_id, str(form.get("name", "")), view_page, address, utc_now())
        audit.record(session, "view.saved", "saved_view", view.id, who.user_id, who.address, {"page": view.page}, utc_now())
    return RedirectResponse(f"{view_page}?{address}" if view_page in saved_views.PAGES else "/reports", 303)


@router.post("/views/{view_id}/forget")
def forget_view(session: Tx, who: Reader, form: Form, view_id: int) -> Response:
    """Removes one of one's own views."""
    saved_views.forget_view(session, who.user_id, view_id)
    view_page = str(form.get("page", ""))
    return RedirectResponse(view_page if view_page in saved_views.PAGES else "/reports", 303)
