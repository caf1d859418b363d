"""How a campaign dials, as its page wants it: what was chosen, what is in force and why, and the settings as they were typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from campaigns.planning.dialling import LAW_PERCENT, Dialling
from campaigns.planning.models import Campaign
from campaigns.planning.service import DIAL_MODES
from dialer.pacing.decision import REFUSALS, Why
from dialer.pacing.standing import STOPS, Standing

Words = Callable[..., str]
ERROR = "dialling.error"


@dataclass(frozen=True, slots=True)
class Whole:
    """A number of the form, with its bounds."""

    name: str
    low: float
    high: float
    is_whole: bool = True


NUMBERS = (
    Whole("ring_seconds", 15, 90),
    Whole("wrap_up_seconds", 5, 1800),
    Whole("max_lines", 0, 2000),
    Whole("robocall_lines", 0, 2000),
    Whole("least_operators", 2, 100),
    Whole("abandon_percent", 0, LAW_PERCENT, is_whole=False),
)
LONGEST_TEXT = 300


def now_model(standing: Standing, t: Words) -> dict[str, Any]:
    """The fields of dialling_now.html."""
    why = Why(standing.why) if standing.why in set(Why) else None
    is_refused = standing.asked == "predictive" and why in REFUSALS
    return {
        "asked": t(f"ladder_mode.{standing.asked}"),
        "mode": t(f"ladder_mode.{standing.mode}"),
        "is_held": is_refused or standing.why in STOPS,
        "is_known": standing.why != "",
        "why": t(f"dialling_why.{standing.why}", n=standing.least_operators, at_work=standing.at_work) if standing.why else "",
        "is_predictive": standing.asked == "predictive",
        "figures": [
            _share(t("dialling.today"), standing.abandoned_today, standing.answers_today, standing.limit, t),
            _share(t("dialling.thirty_days"), standing.abandoned_30_days, standing.answers_30_days, standing.limit, t),
        ],
        "lines": standing.lines,
        "ringing": standing.ringing,
        "at_work": standing.at_work,
        "answer_chance": _percent(standing.answer_chance),
        "risk": _percent(standing.risk),
        "risk_allowed": _percent(standing.risk_allowed),
    }


def _share(label: str, abandoned: int, answers: int, limit: float, t: Words) -> dict[str, Any]:
    rate = abandoned / answers if answers else None
    top = max(limit * 2, 0.01)
    is_over = rate is not None and rate > limit
    return {
        "label": label,
        "base": t("dialling.of_answers", n=f"{abandoned:,}", total=f"{answers:,}"),
        "value": "–" if rate is None else f"{rate * 100:.2f}",
        "unit": "" if rate is None else "%",
        "href": None,
        "percent": round(min(1.0, (rate or 0.0) / top) * 100, 1),
        "target": round(limit / top * 100, 1),
        "target_text": t("dialling.at_most", n=f"{limit * 100:g}"),
        "is_warning": is_over,
        "change": "",
        "state": {"kind": "err", "image": "warn", "word": t("dialling.over")} if is_over else None,
        "definition": None,
    }


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f}%"


def values_of(campaign: Campaign, dialling: Dialling) -> dict[str, str]:
    """The form's fields as they are kept."""
    return {
        "dial_mode": campaign.dial_mode,
        "priority": str(campaign.priority),
        "abandon_text": dialling.abandon_text,
        **{field.name: f"{getattr(dialling, field.name):g}" for field in NUMBERS},
    }


def form_model(values: Mapping[str, str], errors: Mapping[str, str], t: Words) -> dict[str, Any]:
    """The fields of the form in dialling.html."""
    modes = [{"value": mode, "label": t(f"dialling_mode.{mode}"), "is_chosen": values.get("dial_mode") == mode} for mode in DIAL_MODES]
    numbers = [
        {
            "name": field.name,
            "label": t(f"dialling_field.{field.name}"),
            "help": t(f"dialling_help.{field.name}"),
            "value": values.get(field.name, ""),
            "error": errors.get(field.name, ""),
        }
        for field in NUMBERS
    ]
    priorities = [
        {"value": str(n), "label": t("dialling.priority_n", n=n), "is_chosen": values.get("priority") == str(n)} for n in range(1, 10)
    ]
    return {"modes": modes, "priorities": priorities, "numbers": numbers, "text": values.get("abandon_text", "")}


def read_form(values: Mapping[str, str], t: Words) -> tuple[dict[str, Any], dict[str, str]]:
    """The typed settings, and the mistakes by field."""
    settings: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in NUMBERS:
        number = _number(values.get(field.name, ""), is_whole=field.is_whole)
        if number is None or not field.low <= number <= field.high:
            label = t(f"dialling_field.{field.name}")
            errors[field.name] = t("dialling.error_range", name=label, low=f"{field.low:g}", high=f"{field.high:g}")
        else:
            settings[field.name] = number
    text = values.get("abandon_text", "").strip()
    if len(text) > LONGEST_TEXT:
        errors["abandon_text"] = t("dialling.error_long", n=LONGEST_TEXT)
    settings["abandon_text"] = text
    if values.get("dial_mode") not in DIAL_MODES:
        errors["dial_mode"] = t("dialling.error_mode")
    if values.get("priority", "") not in {str(n) for n in range(1, 10)}:
        errors["priority"] = t("dialling.error_priority")
    return settings, errors


def _number(text: str, *, is_whole: bool) -> float | int | None:
    """A number as people type it, full-width digits, too."""
    try:
        value = float(text.strip().replace(",", ""))
    except ValueError:
        return None
    if value != value or abs(value) > 1e9 or (is_whole and value != int(value)):
        return None
    return int(value) if is_whole else value
