"""The payments' pages in the fields their templates list: key figures, rows, filters, the chart of postings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.web.debtor_view import debt_name
from callcenter.web.formats import write_day
from callcenter.web.i18n import Translate
from campaigns.debtors.models import Debt
from campaigns.payments.queries import Filter, PaymentQuality, Why, postings_by_day

PAGE = 50
AGES = (7, 14, 30, 90)
VIEWS = ("unmatched", "refunds", "assigned", "files")
HREFS = {"unmatched": "/payments", "refunds": "/payments/refunds", "assigned": "/payments/assigned", "files": "/payments/files"}
CHART_DAYS = 14


def read_filter(given: Mapping[str, str]) -> Filter:
    """The filter of an address; what can't be read is left out."""
    chosen = Filter()
    if given.get("why") in set(Why):
        chosen = replace(chosen, why=Why(given["why"]))
    if (days := given.get("days", "")).isdecimal() and int(days) in AGES:
        chosen = replace(chosen, days=int(days))
    if 0 < len(tax := given.get("tax", "")) <= 20:
        chosen = replace(chosen, tax_code=tax)
    return chosen


def address(view: str, chosen: Filter, page_no: int = 1) -> str:
    """The page's address with its filters, defaults left out."""
    given = {"why": chosen.why or "", "days": chosen.days or "", "tax": chosen.tax_code, "page_no": page_no if page_no > 1 else ""}
    query = urlencode({name: str(value) for name, value in given.items() if value})
    return HREFS[view] + (f"?{query}" if query else "")


def tabs(view: str, quality: PaymentQuality) -> list[dict[str, Any]]:
    """The views with what waits in each."""
    counts = {"unmatched": quality.unmatched, "refunds": quality.refunds, "assigned": quality.assigned}
    return [{"name": name, "href": HREFS[name], "count": counts.get(name), "is_current": name == view} for name in VIEWS]


def figures(quality: PaymentQuality, today: date, t: Translate, lang: str) -> list[dict[str, Any]]:
    """The key figures above every view: {label, value, unit, note, href, is_warning}."""
    age = "" if quality.oldest_days is None else t("payments.oldest", days=quality.oldest_days)
    known = t("payments.not_known") if quality.complete_to is None else write_day(quality.complete_to, lang)
    file_age = None if quality.last_file_at is None else (today - local_day(quality.last_file_at)).days
    return [
        _figure(t("payments.unmatched"), quality.unmatched, t("unit.items"), age, HREFS["unmatched"], (quality.oldest_days or 0) > 14),
        _figure(t("payments.unmatched_yen"), quality.unmatched_yen, t("unit.yen"), "", HREFS["unmatched"]),
        _figure(t("payments.refunds"), quality.refunds, t("unit.items"), "", HREFS["refunds"]),
        _figure(t("payments.refund_yen"), quality.refund_yen, t("unit.yen"), "", HREFS["refunds"]),
        _figure(t("payments.waiting"), quality.waiting_promises, t("unit.items"), t("payments.waiting_note"), ""),
        {
            "label": t("payments.complete_to"),
            "value": known,
            "unit": "",
            "note": "" if file_age is None else t("payments.file_age", days=file_age),
            "href": HREFS["files"],
            "is_warning": file_age is None or file_age > 7,
        },
    ]


def _figure(label: str, value: int, unit: str, note: str, href: str, is_warning: bool = False) -> dict[str, Any]:
    return {"label": label, "value": f"{value:,}", "unit": unit, "note": note, "href": href, "is_warning": is_warning}


def row_model(row: RowMapping, lang: str) -> dict[str, Any]:
    """One payment in a list."""
    return {
        "id": row["id"],
        "href": f"/payments/{row['id']}",
        "source_ref": row["source_ref"],
        "debtor_no": row["debtor_no"],
        "debtor_href": "" if row["shown_debtor_id"] is None else f"/debtors/{row['shown_debtor_id']}",
        "shown_debtor_no": row["shown_debtor_no"] or "",
        "what": debt_name(row["tax_name"] or row["tax_code"], row["levy_year"], row["base_year"], row["term"], lang),
        "notice_no": row["notice_no"],
        "paid_on": row["paid_on"],
        "posted_on": row["posted_on"],
        "days": row["days"],
        "yen": row["yen"],
        "refund": row["refund"],
        "why": row["why"],
    }


def debt_model(debt: Debt, yen: int, lang: str) -> dict[str, Any]:
    """A debt a payment might be set against, and what it would leave."""
    return {
        "id": debt.id,
        "what": debt_name(debt.tax_name or debt.tax_code, debt.levy_year, debt.base_year, debt.term, lang),
        "notice_no": debt.notice_no,
        "due_on": debt.due_on,
        "outstanding": debt.outstanding,
        "status": debt.status,
        "rest": max(debt.outstanding - yen, 0),
        "over": max(yen - debt.outstanding, 0),
    }


def filters_model(chosen: Filter, taxes: Sequence[str], t: Translate) -> dict[str, list[dict[str, Any]]]:
    """The options of the filters' lists."""
    every = {"value": "", "label": t("payments.all"), "is_chosen": False}
    return {
        "why": [every, *({"value": why, "label": t(f"payment_why.{why}"), "is_chosen": chosen.why == why} for why in Why)],
        "days": [every, *({"value": d, "label": t("payments.older", days=d), "is_chosen": chosen.days == d} for d in AGES)],
        "tax": [every, *({"value": tax, "label": tax, "is_chosen": chosen.tax_code == tax} for tax in taxes)],
    }


def pages_model(view: str, chosen: Filter, page_no: int, shown: int, total: int) -> dict[str, Any]:
    """As macros.html: pagination."""
    first = (page_no - 1) * PAGE
    return {
        "first": first + 1 if shown else 0,
        "last": first + shown,
        "total": total,
        "previous_href": address(view, chosen, page_no - 1) if page_no > 1 else None,
        "next_href": address(view, chosen, page_no + 1) if first + shown < total else None,
    }


def chart_model(session: Session, today: date, lang: str) -> dict[str, Any]:
    """Postings of the last days: {columns: as macros.html: columns, top}, in units of 10,000 yen."""
    rows = postings_by_day(session, today - timedelta(days=CHART_DAYS - 1), today)
    columns = [
        {"label": f"{row['day'].month}/{row['day'].day}", "value": None if not row["payments"] else round(row["yen"] / 10_000)}
        | {"is_partial": row["day"] == today, "note": f"{row['payments']:,}" if row["payments"] else ""}
        for row in rows
    ]
    top = max((column["value"] or 0 for column in columns), default=0)
    return {"columns": columns, "top": top or 1, "has_any": any(column["value"] is not None for column in columns)}
