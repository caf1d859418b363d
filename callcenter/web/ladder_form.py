"""The form of a campaign's ladder, cycles and retries: settings as fields, fields as settings, and each mistake at its field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import FormData

from callcenter.web import phrases
from callcenter.web.i18n import Translate
from campaigns.attempts.codes import LineResult
from campaigns.planning.conduct import Conduct, options_of
from campaigns.planning.ladder import DoneOn, Line, Need

MAX_STEPS, SPARE_STEPS = 10, 1
GROUPS: dict[str, tuple[Need, ...]] = {
    "line": (Need.MOBILE, Need.LANDLINE, Need.LANDLINE_ONLY),
    "reach": (Need.NEVER_REACHED, Need.REACHED),
    "kind": (Need.PERSON, Need.COMPANY),
}
NUMBERS = ("attempts", "wait_days", "between_days", "min_yen", "priority")
RULE_NUMBERS = ("minutes", "soon", "hours", "days", "status_after")
LADDER_FIELDS = ("done_paid_percent", "max_attempts", "numbers", "at_end", "end_wait_days")
CYCLE_FIELDS = ("start_day", "restart", "history_days")
RETRY_FIELDS = ("max_tries", "spread_days", "weekend_after")
REFUSALS = {"at most": "ladder.error_alike", "operators' calls": "ladder.error_between", "the parts": "ladder.error_parts"}
LINE_WORDS = {"固定": Line.LANDLINE.value, "携帯": Line.MOBILE.value}


def values_of(conduct: Conduct) -> dict[str, str]:
    """The fields of a form that says what is set."""
    told = options_of(conduct)
    ladder, cycle, retry = told["ladder"], told["cycle"], told["retry"]
    found = {"version": version_of(conduct), "cycle.every": "days" if cycle["days"] else "month", "cycle.days": str(cycle["days"] or 30)}
    found |= {f"cycle.{name}": str(cycle[name]) for name in CYCLE_FIELDS}
    found |= {f"ladder.{name}": str(ladder[name]) for name in LADDER_FIELDS}
    found |= {f"done.{name}": "1" for name in ladder["done_on"]}
    found |= {"ladder.in_business_days": "1"} if ladder["in_business_days"] else {}
    for place, step in enumerate(ladder["steps"]):
        found |= {f"step.{place}.{name}": str(step[name]) for name in ("channel", *NUMBERS)}
        found |= {f"step.{place}.order": str(place + 1), f"step.{place}.lines": ", ".join(step["lines"])}
        found |= {f"step.{place}.{group}": next((n for n in needs if n in step["needs"]), "") for group, needs in GROUPS.items()}
    found |= {f"retry.{name}": str(retry[name]) for name in RETRY_FIELDS}
    found["retry.parts"] = ", ".join(part[:5] for part in retry["parts"])
    for result in LineResult:
        rule = retry[result.value]
        found |= {f"retry.{result}.{name}": str(rule[name]) for name in (*RULE_NUMBERS, "status")}
        found |= {f"retry.{result}.counts": "1"} if rule["counts"] else {}
    return found


def version_of(conduct: Conduct) -> str:
    """A word for the present settings: who saves over others' changes is told."""
    return hashlib.sha256(json.dumps(options_of(conduct), sort_keys=True).encode()).hexdigest()[:16]


def typed(form: FormData) -> dict[str, str]:
    """What was typed, as text."""
    return {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}


def rows_of(values: Mapping[str, str]) -> list[int]:
    """The rows of the form that are steps, in their order."""
    rows = [row for row in range(MAX_STEPS) if values.get(f"step.{row}.channel")]
    return sorted(rows, key=lambda row: (_rank(values.get(f"step.{row}.order", "")), row))


def document_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The settings a form says, for `conduct_of` to judge."""
    is_monthly = values.get("cycle.every") != "days"
    retry: dict[str, Any] = {name: values.get(f"retry.{name}", "") for name in RETRY_FIELDS}
    retry["parts"] = [part.strip() for part in values.get("retry.parts", "").split(",") if part.strip()]
    for result in LineResult:
        rule: dict[str, Any] = {name: values.get(f"retry.{result}.{name}", "") for name in (*RULE_NUMBERS, "status")}
        retry[result.value] = rule | {"counts": bool(values.get(f"retry.{result}.counts"))}
    return {
        "cycle": {name: values.get(f"cycle.{name}", "") for name in CYCLE_FIELDS}
        | {"days": 0 if is_monthly else values.get("cycle.days") or "0"},
        "ladder": {name: values.get(f"ladder.{name}", "") for name in LADDER_FIELDS}
        | {
            "in_business_days": bool(values.get("ladder.in_business_days")),
            "done_on": [word.value for word in DoneOn if values.get(f"done.{word}")],
            "steps": [_step(values, row) for row in rows_of(values)],
        },
        "retry": retry,
    }


def errors_of(problem: ValidationError, values: Mapping[str, str], t: Translate, lang: str) -> list[dict[str, str]]:
    """Each mistake with the field it belongs to, in the page's language."""
    errors = problem.errors(include_url=False)
    within = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    rows = rows_of(values)
    return [{"field_id": _field(error["loc"], rows), "message": _said(error, t, lang)} for error in errors if error["loc"] not in within]


def _rank(order: str) -> int:
    return int(order) if order.isdigit() and len(order) < 4 else 999


def _step(values: Mapping[str, str], row: int) -> dict[str, Any]:
    needs = [values[name] for group in GROUPS if values.get(name := f"step.{row}.{group}")]
    lines = values.get(f"step.{row}.lines", "").replace("、", ",").split(",")
    words = [LINE_WORDS.get(line.strip(), line.strip()) for line in lines if line.strip()]
    numbers = {name: values[f"step.{row}.{name}"].replace(",", "") for name in NUMBERS if values.get(f"step.{row}.{name}")}
    return {"channel": values[f"step.{row}.channel"], "needs": needs, "lines": words, **numbers}


def _field(loc: tuple[int | str, ...], rows: list[int]) -> str:
    """The id of the field that a place in the settings came from."""
    match loc:
        case ("ladder", "steps", int(place), str(name), *_):
            group = next((word for word in GROUPS if name == "needs"), name)
            return f"step-{rows[place]}-{group}"
        case ("ladder", "steps", *_) | ("ladder",):
            return "step-0-channel"
        case ("ladder", "done_on", *_):
            return "done-right_party"
        case ("retry",) | ("retry", "parts", *_):
            return "retry-parts"
        case (str(first), str(second), *rest):
            return "-".join((first, second, *(str(part) for part in rest if isinstance(part, str))))
    return "ladder-form"


def _said(error: ErrorDetails, t: Translate, lang: str) -> str:
    kind, given = error["type"], error.get("ctx", {})
    where = ""
    match error["loc"]:
        case ("ladder", "steps", int(place), str(name), *_):
            where = t("ladder.error_step", n=place + 1, field=t(f"ladder_field.{name}"))
        case (section, str(name), *rest):
            last = next((part for part in reversed(rest) if isinstance(part, str)), name)
            where = t("ladder_field.days_long" if (section, last) == ("cycle", "days") else f"ladder_field.{last}")
            if error["loc"][0] == "retry" and last != name:
                where = f"{phrases.label(lang, LineResult(name))} {where}"
    if kind == "greater_than_equal":
        what = t("ladder.error_least", n=given["ge"])
    elif kind == "less_than_equal":
        what = t("ladder.error_most", n=given["le"])
    elif kind == "value_error":
        what = t(next(key for begin, key in REFUSALS.items() if str(given["error"]).startswith(begin)))
    elif kind == "too_short":
        what = t("ladder.error_empty")
    else:
        what = t("ladder.error_unreadable")
    return f"{where}: {what}" if where else what
