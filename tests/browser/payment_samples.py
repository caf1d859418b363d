"""Sample view models of the payments' and plans' pages, with invented people and figures that add up."""

# ruff: noqa: E501
from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

Model = dict[str, Any]


def _figure(label: str, value: str, unit: str, note: str = "", href: str = "/payments", is_warning: bool = False) -> Model:
    return {"label": label, "value": value, "unit": unit, "note": note, "href": href, "is_warning": is_warning}


FIGURES = [
    _figure("消込できない入金", "23", "件", "最も古いもので31日", is_warning=True),
    _figure("その金額", "612,400", "円"),
    _figure("過誤納の候補", "4", "件"),
    _figure("その超過額", "38,000", "円"),
    _figure("入金確認待ちの約束", "57", "件", "期日と猶予を過ぎ、反映を待っています", href=""),
    _figure("ここまでの入金は反映済み", "11月9日(月)", "", "最後のファイルから3日"),
]


def _tabs(current: str) -> list[Model]:
    counts = {"unmatched": 23, "refunds": 4, "assigned": 2, "files": None}
    return [{"name": name, "href": f"/payments/{name}", "count": count, "is_current": name == current} for name, count in counts.items()]


def _option(value: str, label: str, is_chosen: bool = False) -> Model:
    return {"value": value, "label": label, "is_chosen": is_chosen}


def _row(number: int, why: str, yen: int, refund: int = 0) -> Model:
    return {
        "id": number, "href": f"/payments/{number}", "source_ref": f"R{number:010d}", "debtor_no": f"{4180 + number:010d}",
        "debtor_href": "" if why == "debtor" else f"/debtors/{number}", "shown_debtor_no": "" if why == "debtor" else f"{4180 + number:010d}",
        "what": "国民健康保険税 令和8年度（令和7年度相当） 3期", "notice_no": f"20260000{number:04d}", "paid_on": date(2026, 10, 20 + number),
        "posted_on": None if number == 2 else date(2026, 11, number), "days": 18 - number, "yen": yen, "refund": refund, "why": why,
    }  # fmt: skip


def payments(view: str) -> Model:
    rows = [_row(1, "debtor", 12_500, 2_000), _row(2, "debt", 104_000, 9_000), _row(3, "reversal", 7_300, 27_000)]
    return {
        "view": view,
        "tabs": _tabs(view),
        "figures": FIGURES,
        "rows": rows,
        "filters": None if view == "assigned" else {
            "why": [_option("", "すべて", True), _option("debt", "その期別の滞納がない")],
            "days": [_option("", "すべて", True), _option("7", "7日以上")],
            "tax": [_option("", "すべて"), _option("010", "010", True)],
        },
        "is_filtered": False,
        "csv_href": "/payments/refunds.csv?tax=010" if view == "refunds" else "",
        "may_assign": True,
        "pages": {"first": 1, "last": 3, "total": 23, "previous_href": None, "next_href": "/payments?page_no=2"},
    }  # fmt: skip


def payment_files(now: Any) -> Model:
    file = {
        "id": 1, "original_name": "収納履歴_20261109.csv", "created_at": now, "finished_at": now, "status": "done", "rows": 1_204,
        "created": 1_190, "rejected": 2, "unmatched": 23, "refunds": 4, "yen": 18_402_300, "as_of": date(2026, 11, 9), "has_as_of": True,
        "first_paid": date(2026, 10, 24), "last_paid": date(2026, 11, 6),
    }  # fmt: skip
    unsaid = file | {"id": 2, "has_as_of": False, "first_paid": None, "last_paid": None}
    columns = [
        {
            "label": f"11/{day}",
            "value": None if day % 7 in (0, 1) else 90 + day * 7,
            "is_partial": day == 18,
            "note": "" if day % 7 in (0, 1) else "41",
        }
        for day in range(5, 19)
    ]
    chart = {"columns": columns, "top": 216, "has_any": True}
    return {"view": "files", "tabs": _tabs("files"), "figures": FIGURES, "files": [file, unsaid], "chart": chart}


def payment(*, is_empty: bool = False) -> Model:
    found = {
        "id": 3, "what": "市県民税 令和8年度 2期", "notice_no": "202600000412", "due_on": date(2026, 8, 31), "outstanding": 12_000,
        "status": "open", "rest": 0, "over": 500,
    }  # fmt: skip
    other = found | {"id": 4, "what": "市県民税 令和7年度 4期", "outstanding": 30_000, "rest": 17_500, "over": 0, "status": "not_listed"}
    return {
        "payment": SimpleNamespace(
            id=7, source_ref="R0000000007", debtor_no="0000004187", notice_no="202600009999", paid_on=date(2026, 10, 27), posted_on=date(2026, 11, 5),
            principal=12_500, demand_fee=100, late_charge=300, refund=0, reversed=0, status="unmatched", is_reversal=False, is_listed=False,
        ),
        "yen": 12_900,
        "what": "010 令和8年度 2期",
        "debtor": None if is_empty else {"number": "0000004187", "name": "見本 佳代", "href": "/debtors/7"},
        "debts": [] if is_empty else [found, other],
        "told": {"debtor_no": "0000004187", "tax_code": "010", "levy_year": "2026", "term": "2"},
        "is_found": is_empty,
        "errors": [{"field_id": "term", "message": "その期別の滞納はありません。税目コード・賦課年度・期別を確かめてください。"}] if is_empty else [],
        "may_assign": True,
        "may_release": False,
    }  # fmt: skip


DEBTOR = {"id": 7, "number": "0000004187", "name": "見本 佳代", "href": "/debtors/7"}
OWED = {"count": 3, "principal": 92_000, "fee": 300, "charge": 4_200, "total": 96_500, "as_of": date(2026, 11, 18)}


def plans() -> Model:
    looks = {"broken": ("err", "warn"), "good_standing": ("ok", "check")}
    rows = [
        {
            "href": f"/plans/{number}", "debtor_no": f"{4187 + number:010d}", "agreed_on": date(2026, 8, 3), "total": 96_000, "paid": paid,
            "percent": round(paid / 960), "instalments": 6, "next_due_on": due, "missed": missed, "state": state, "look": looks[state],
        }
        for number, (paid, due, missed, state) in enumerate(
            [(16_000, date(2026, 9, 30), 1, "broken"), (48_000, date(2026, 11, 30), 0, "good_standing")]
        )
    ]  # fmt: skip
    names = (("進行中", 2), ("7日以内に期日", 0), ("履行中", 1), ("不履行", 1), ("完了", 14), ("終了", 3))
    tabs = [{"label": label, "href": "/plans", "count": count, "is_current": label == "進行中"} for label, count in names]
    pages = {"first": 1, "last": 2, "total": 2, "previous_href": None, "next_href": None}
    return {"tabs": tabs, "rows": rows, "pages": pages, "may_decide": True, "today": date(2026, 11, 18)}


def plan_new() -> Model:
    return {
        "debtor": DEBTOR, "owed": OWED, "has_plan": True, "total": 96_500, "count": 3, "first_due": "2026-12-31", "remainder": "first",
        "agreed_on": "2026-11-18", "grace_days": 7, "allowed_misses": 0,
        "rows": [("2026-12-31", "32,500"), ("2027-01-31", "32,000"), ("2027-02-28", "32,000")],
        "errors": [{"field_id": "due_2", "message": "2回目の期日が早すぎます。前の回より後の日付にしてください。"}],
    }  # fmt: skip


def plan() -> Model:
    states = [
        ("paid", ("ok", "check"), 16_500),
        ("late", ("warn", "check"), 16_000),
        ("missed", ("err", "warn"), 4_000),
        ("due", ("", "clock"), 0),
    ]
    rows = [
        {"number": number, "due_on": date(2026, 7 + number, 28), "amount": 16_500 if number == 1 else 16_000, "paid": paid, "state": state, "look": look, "is_waiting": False}
        for number, (state, look, paid) in enumerate(states, start=1)
    ]  # fmt: skip
    return {
        "plan": SimpleNamespace(
            id=1, state="broken", source="officer", source_ref="", agreed_on=date(2026, 8, 3), total=64_500, paid=36_500, missed=2,
            next_due_on=date(2026, 10, 28), grace_days=7, allowed_misses=0, ended_at=None,
        ),
        "look": ("err", "warn"), "percent": 57, "debtor": DEBTOR, "decided_by": "堀", "owed": OWED, "complete_to": date(2026, 11, 9),
        "rows": rows, "may_end": True,
    }  # fmt: skip
