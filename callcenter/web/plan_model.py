"""The pages of instalment plans in the fields their templates list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from callcenter.web.i18n import Translate
from campaigns.debtors import case as cases
from campaigns.debtors.models import Debtor
from campaigns.promises.models import Instalment, InstalmentPlan
from campaigns.promises.plans import PlanRow, has_plan
from campaigns.promises.schedule import PlanState
from campaigns.promises.settle import complete_to
from campaigns.promises.terms import load_terms

PAGE = 50
LOOKS = {"good_standing": ("ok", "check"), "broken": ("err", "warn"), "completed": ("off", "check"), "ended": ("off", "stop")}
ROW_LOOKS = {"paid": ("ok", "check"), "late": ("warn", "check"), "missed": ("err", "warn"), "due": ("", "clock")}


def read_choice(given: Mapping[str, str]) -> tuple[str, bool]:
    """State and "due soon" of an address; what can't be read is left out."""
    state = given.get("state", "")
    return state if state in set(PlanState) else "", given.get("due") == "soon"


def address(state: str, due: bool, page_no: int = 1) -> str:
    """The list's address with its filters."""
    given = {"state": state, "due": "soon" if due else "", "page_no": str(page_no) if page_no > 1 else ""}
    query = urlencode({name: value for name, value in given.items() if value})
    return "/plans" + (f"?{query}" if query else "")


def list_model(
    rows: Sequence[PlanRow], counts: Mapping[str, int], chosen: tuple[str, bool], page_no: int, total: int, t: Translate
) -> dict[str, Any]:
    """The fields of plans.html."""
    state, due = chosen
    views = [("", False, counts["good_standing"] + counts["broken"]), *((name, False, counts[name]) for name in PlanState)]
    views.insert(1, ("", True, counts["due_soon"]))
    first = (page_no - 1) * PAGE
    return {
        "tabs": [
            {
                "label": t("plans.due_soon") if is_due else t(f"plan_state.{name}") if name else t("plans.live"),
                "href": address(name, is_due),
                "count": count,
                "is_current": (name, is_due) == chosen,
            }
            for name, is_due, count in views
        ],
        "rows": [
            {
                "href": f"/plans/{row.plan.id}",
                "debtor_no": row.debtor_no,
                "agreed_on": row.plan.agreed_on,
                "total": row.plan.total,
                "paid": row.plan.paid,
                "percent": round(row.plan.paid * 100 / row.plan.total) if row.plan.total else 0,
                "instalments": row.instalments,
                "next_due_on": row.plan.next_due_on,
                "missed": row.plan.missed,
                "state": row.plan.state,
                "look": LOOKS[row.plan.state],
            }
            for row in rows
        ],
        "pages": {
            "first": first + 1 if rows else 0,
            "last": first + len(rows),
            "total": total,
            "previous_href": address(state, due, page_no - 1) if page_no > 1 else None,
            "next_href": address(state, due, page_no + 1) if first + len(rows) < total else None,
        },
    }


def _owed(session: Session, debtor_id: int, today: date) -> dict[str, Any]:
    debts = cases.read_debts(session, debtor_id, today)
    return {
        "count": len(debts.lines),
        "principal": debts.principal,
        "fee": debts.fee,
        "charge": debts.charge,
        "total": debts.total,
        "as_of": today,
    }


def new_model(session: Session, debtor: Debtor, told: Mapping[str, str], today: date) -> dict[str, Any]:
    """The fields of plan_new.html, but for the rows of the schedule."""
    owed, terms = _owed(session, debtor.id, today), load_terms(session)
    return {
        "debtor": {"id": debtor.id, "number": debtor.debtor_no, "name": debtor.name, "href": f"/debtors/{debtor.id}"},
        "owed": owed,
        "has_plan": has_plan(session, debtor.id),
        "total": told.get("total") or owed["total"],
        "count": told.get("count") or "",
        "first_due": told.get("first_due") or "",
        "remainder": told.get("remainder") or "first",
        "agreed_on": told.get("agreed_on") or today.isoformat(),
        "grace_days": terms.plan_grace_days,
        "allowed_misses": terms.plan_allowed_misses,
    }


def plan_model(
    session: Session, plan: InstalmentPlan, debtor: Debtor, decided_by: str, schedule: Sequence[Instalment], today: date
) -> dict[str, Any]:
    """The fields of plan.html."""
    return {
        "plan": plan,
        "look": LOOKS[plan.state],
        "percent": round(plan.paid * 100 / plan.total) if plan.total else 0,
        "debtor": {"number": debtor.debtor_no, "name": debtor.name, "href": f"/debtors/{debtor.id}"},
        "decided_by": decided_by,
        "owed": _owed(session, debtor.id, today),
        "complete_to": complete_to(session),
        "rows": [
            {
                "number": row.number,
                "due_on": row.due_on,
                "amount": row.amount,
                "paid": row.paid,
                "state": row.state,
                "is_waiting": row.state == "due" and row.due_on < today,
                "look": ROW_LOOKS[row.state],
            }
            for row in schedule
        ],
    }
