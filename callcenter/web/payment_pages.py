"""Payments that need somebody: unmatched ones set against a debt by hand, refund candidates, files. Each view is on record."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.eras import parse_year
from callcenter.core.errors import AppError, InvalidInput
from callcenter.web import payment_model as model
from callcenter.web import phrases
from callcenter.web.debtor_view import debt_name
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.supervisor_pages import back
from campaigns.debtors.models import Debt, Debtor
from campaigns.payments import assigning, queries
from campaigns.payments.models import Payment
from campaigns.payments.queries import Filter
from reports.exports.table import plain_text

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_PAYMENTS)]
Assigner = Annotated[SignedIn, may(Action.ASSIGN_PAYMENTS)]
# Field of a row, its header in Japanese and in English.
CSV_COLUMNS = (
    ("source_ref", "収納履歴番号", "Reference"),
    ("debtor_no", "宛名番号", "Debtor"),
    ("tax_code", "税目コード", "Tax"),
    ("levy_year", "賦課年度", "Levy year"),
    ("base_year", "相当年度", "Base year"),
    ("term", "期別", "Term"),
    ("notice_no", "通知書番号", "Notice"),
    ("paid_on", "納付日", "Paid on"),
    ("posted_on", "反映日", "Posted on"),
    ("principal", "収納額", "Principal"),
    ("refund", "過誤納の額", "Overpaid"),
)


@router.get("/payments")
def show_unmatched(request: Request, session: Tx, who: Reader, page_no: int = 1) -> Response:
    """Payments that stand against no debt."""
    chosen, today, first = _asked(request, page_no)
    rows, total = queries.unmatched(session, chosen, today, start=first, count=model.PAGE)
    return _list_page(request, session, who, "unmatched", chosen, (rows, total), page_no)


@router.get("/payments/refunds")
def show_refunds(request: Request, session: Tx, who: Reader, page_no: int = 1) -> Response:
    """Payments beyond their debt (過誤納)."""
    chosen, today, first = _asked(request, page_no)
    rows, total = queries.refunds(session, chosen, today, start=first, count=model.PAGE)
    return _list_page(request, session, who, "refunds", chosen, (rows, total), page_no)


@router.get("/payments/assigned")
def show_assigned(request: Request, session: Tx, who: Reader, page_no: int = 1) -> Response:
    """Payments that were set against a debt by hand."""
    _, today, first = _asked(request, page_no)
    found = queries.assigned(session, today, start=first, count=model.PAGE)
    return _list_page(request, session, who, "assigned", Filter(), found, page_no)


@router.get("/payments/files")
def show_files(request: Request, session: Tx, who: Reader) -> Response:
    """The files of payments, and what was posted lately."""
    t, lang, today = words_of(request), lang_of(request), local_day(utc_now())
    shell = shell_of(request, t("nav.payments"))
    return page(
        request,
        "payment_files.html",
        shell,
        **_frame(session, "files", request),
        files=queries.files(session),
        chart=model.chart_model(session, today, lang),
    )


@router.get("/payments/refunds.csv")
def download_refunds(request: Request, session: Tx, who: Reader) -> Response:
    """All refund candidates that the filters leave, as a file; taking them away is on record with their number."""
    chosen, today, _ = _asked(request, 1)
    rows, _ = queries.refunds(session, chosen, today, count=queries.LARGEST_CSV)
    audit.record(session, "payment.exported", "payment", None, who.user_id, who.address, {"view": "refunds", "rows": len(rows)}, utc_now())
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([phrases.pick(lang_of(request), column) for column in CSV_COLUMNS])
    for row in rows:
        cells = (row[name] for name, _, _ in CSV_COLUMNS)
        writer.writerow([plain_text(cell) if isinstance(cell, str) else "" if cell is None else str(cell) for cell in cells])
    name = f"refund-candidates-{today:%Y%m%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(("\ufeff" + out.getvalue()).encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/payments/{payment_id}")
def show_payment(request: Request, session: Tx, who: Reader, payment_id: int) -> Response:
    """One payment with the debts it may belong to."""
    payment = assigning.payment_of(session, payment_id)
    return _payment_page(request, session, who, payment, assigning.candidates(session, payment))


@router.post("/payments/{payment_id}/find")
def find(
    request: Request,
    session: Tx,
    who: Assigner,
    payment_id: int,
    debtor_no: Annotated[str, Field(max_length=40)] = "",
    tax_code: Annotated[str, Field(max_length=20)] = "",
    levy_year: Annotated[str, Field(max_length=20)] = "",
    term: Annotated[str, Field(max_length=4)] = "",
) -> Response:
    """Looks for the debt that four fields name."""
    payment = assigning.payment_of(session, payment_id)
    told = {"debtor_no": debtor_no.strip(), "tax_code": tax_code.strip(), "levy_year": levy_year.strip(), "term": term.strip()}
    found: Sequence[Debt] = ()
    problem: AppError | None = None
    try:
        year = parse_year(told["levy_year"])
        if year is None or not told["term"].isdecimal() or not 1 <= int(told["term"]) <= 99:
            raise InvalidInput("賦課年度と期別を入れてください。", hint="例: 令和7、3", code="levy_year" if year is None else "term")
        found = assigning.find_debts(session, told["debtor_no"], told["tax_code"], year, int(told["term"]))
    except AppError as refusal:
        problem = refusal
    return _payment_page(request, session, who, payment, found, told, problem)


@router.post("/payments/{payment_id}/assign")
def assign(
    request: Request, session: Tx, who: Assigner, done: Annotated[Once, once], payment_id: int, debt_id: Annotated[int, Field(ge=1)] = 0
) -> Response:
    """Sets the payment against a debt."""
    if not debt_id:
        raise InvalidInput("滞納を選んでください。", hint="候補から一つ選ぶか、四つの項目で探してください。", code="debt_id")
    if not done.is_repeat:
        now = utc_now()
        payment = assigning.assign(session, payment_id, debt_id, now, user_id=who.user_id)
        told = {"payment": payment_id, "debt": debt_id}
        audit.record(session, "payment.assigned", "debtor", payment.debtor_id, who.user_id, who.address, told, now)
    return back(request, "/payments")


@router.post("/payments/{payment_id}/release")
def release(request: Request, session: Tx, who: Assigner, done: Annotated[Once, once], payment_id: int) -> Response:
    """Takes back what was assigned by hand."""
    if not done.is_repeat:
        now = utc_now()
        before = assigning.payment_of(session, payment_id).debtor_id
        assigning.release(session, payment_id, now)
        audit.record(session, "payment.released", "debtor", before, who.user_id, who.address, {"payment": payment_id}, now)
    return back(request, "/payments/assigned")


def _asked(request: Request, page_no: int) -> tuple[Filter, Any, int]:
    return model.read_filter(request.query_params), local_day(utc_now()), (min(max(page_no, 1), 10_000) - 1) * model.PAGE


def _frame(session: Session, view: str, request: Request) -> dict[str, Any]:
    """What all views share."""
    today = local_day(utc_now())
    quality = queries.summary(session, today)
    return {
        "view": view,
        "tabs": model.tabs(view, quality),
        "figures": model.figures(quality, today, words_of(request), lang_of(request)),
    }


def _list_page(
    request: Request, session: Session, who: SignedIn, view: str, chosen: Filter, found: tuple[Sequence[RowMapping], int], page_no: int
) -> Response:
    rows, total = found
    t, lang = words_of(request), lang_of(request)
    audit.record(session, "payment.listed", "payment", None, who.user_id, who.address, {"view": view, "rows": len(rows)}, utc_now())
    return page(
        request,
        "payments.html",
        shell_of(request, t("nav.payments")),
        **_frame(session, view, request),
        rows=[model.row_model(row, lang) for row in rows],
        filters=None if view == "assigned" else model.filters_model(chosen, queries.tax_codes(session), t),
        is_filtered=chosen != Filter(),
        csv_href=model.address(view, chosen).replace("/refunds", "/refunds.csv") if view == "refunds" else "",
        may_assign=is_allowed(who.role, Action.ASSIGN_PAYMENTS),
        pages=model.pages_model(view, chosen, max(page_no, 1), len(rows), total),
    )


def _payment_page(
    request: Request,
    session: Session,
    who: SignedIn,
    payment: Payment,
    debts: Sequence[Debt],
    told: dict[str, str] | None = None,
    problem: AppError | None = None,
) -> Response:
    t, lang, now = words_of(request), lang_of(request), utc_now()
    owner = debts[0].debtor_id if debts else payment.debtor_id
    debtor = None if owner is None else session.get(Debtor, (who.office_id, owner))
    audit.record(session, "payment.viewed", "debtor", owner, who.user_id, who.address, {"payment": payment.id}, now)
    usual = {"debtor_no": payment.debtor_no, "tax_code": payment.tax_code, "levy_year": str(payment.levy_year), "term": str(payment.term)}
    errors = [] if problem is None else [{"field_id": problem.code if problem.code in usual else "debtor_no", "message": str(problem)}]
    may_assign = is_allowed(who.role, Action.ASSIGN_PAYMENTS)
    return page(
        request,
        "payment.html",
        shell_of(request, t("nav.payments")),
        422 if errors else 200,
        payment=payment,
        yen=payment.principal + payment.demand_fee + payment.late_charge,
        what=debt_name(payment.tax_code, payment.levy_year, payment.base_year, payment.term, lang),
        debtor=None if debtor is None else {"number": debtor.debtor_no, "name": debtor.name, "href": f"/debtors/{debtor.id}"},
        debts=[model.debt_model(debt, payment.principal, lang) for debt in debts],
        told=told or usual,
        is_found=told is not None,
        errors=errors,
        may_assign=may_assign and payment.status == "unmatched" and not payment.is_reversal,
        may_release=may_assign and payment.assigned_at is not None,
    )
