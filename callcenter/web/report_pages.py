"""The report page and its files: the figures of a period, by whatever the address says."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.web import phrases
from callcenter.web.behind_links import behind
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.formats import attachment, counted, counted_late, period_words
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.report_filters import choices, opening_note, read_filters, require_readable, staff_note, staff_words, years_options
from callcenter.web.report_model import report_model
from reports import saved_views
from reports.exports.files import MEDIA_TYPES, file_name, to_csv, to_xlsx
from reports.exports.pdf import to_pdf
from reports.facts.late import late_days
from reports.queries.headline import headline

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_TEAM_FIGURES)]


@router.get("/reports")
def show_report(request: Request, session: Tx, who: Reader) -> Response:
    """The page; with unreadable filters it says which and shows the month so far (422)."""
    now, lang = utc_now(), lang_of(request)
    filters = read_filters(session, who, request.query_params, now, lang)
    query, address = filters.query, filters.address
    made = counted(now, lang, query.period.zone)
    model = {
        "from_on": query.period.first,
        "to_on": query.period.last,
        "note": opening_note(filters, lang) or _to_come(query.period.first, local_day(now, query.period.zone), lang),
        "staff": staff_words(query, lang),
        "staff_note": staff_note(query, lang),
        "url": f"/reports?{address}",
        "csv_url": f"/reports/headline.csv?{address}",
        "excel_url": f"/reports/headline.xlsx?{address}",
        "pdf_url": f"/reports/headline.pdf?{address}",
        "pack_url": "",
        "kinds": [],
        "years": years_options(filters.years, lang),
        "period": period_words(query.period, filters.years, lang),
        "compares": [],
        **{f"{name}_options": options for name, options in choices(session, who, query, lang).items()},
        "errors": [{"field_id": name, "message": message} for name, message in filters.errors],
        "status": made,
        "late": counted_late(late_days(session, query.period), lang, query.period.zone),
    }
    sees_individuals = is_allowed(who.role, Action.SEE_REPORTS)
    model |= {"address": address, "views": saved_views.views_of(session, who.user_id) if sees_individuals else None}
    shown = report_model(session, query, now, lang, sees_individuals=sees_individuals, links=behind(filters, who), years=filters.years)
    shell = shell_of(request, words_of(request)("report.title"), status=made)
    return page(request, "report.html", shell, status=422 if filters.errors else 200, page=model, **shown)


def _to_come(first: date, today: date, lang: str) -> str:
    """Why a period that has not begun is empty."""
    words = "まだ始まっていない期間です。数字は期間が始まると出ます。", "This period has not begun; its figures appear once it has."
    return phrases.pick(lang, words) if first > today else ""


@router.get("/reports/headline.csv")
def download_csv(request: Request, session: Tx, who: Reader) -> Response:
    """The rows on the page as CSV."""
    return download(request, session, who, "csv")


@router.get("/reports/headline.xlsx")
def download_xlsx(request: Request, session: Tx, who: Reader) -> Response:
    """The rows on the page as a workbook."""
    return download(request, session, who, "xlsx")


@router.get("/reports/headline.pdf")
def download_pdf(request: Request, session: Tx, who: Reader) -> Response:
    """The rows on the page for paper."""
    return download(request, session, who, "pdf")


def download(request: Request, session: Tx, who: SignedIn, kind: str) -> Response:
    """One file of the headline report, cut by what the address says.

    Raises:
        InvalidInput: the address can't be read.
    """
    now, lang = utc_now(), lang_of(request)
    filters = read_filters(session, who, request.query_params, now, lang)
    query = require_readable(filters)
    found = headline(session, query, now)
    if kind == "csv":
        data = to_csv(found, lang, filters.years)
    elif kind == "xlsx":
        data = to_xlsx(found, lang, filters.years)
    else:
        data = to_pdf(found, lang, filters.years)
    name = file_name(found, kind)
    return Response(data, media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": attachment(name)})
