"""The form of a draft of the contact rules: its fields as the template wants them, and a document out of what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from starlette.datastructures import FormData

from campaigns.attempts.codes import Channel
from campaigns.compliance.days import DayKind
from campaigns.compliance.documents import COUNTRIES, COUNTS, SWITCHES, read_document
from campaigns.compliance.fields import BadField
from campaigns.compliance.policy import EXEMPTIBLE, Scope, Window
from campaigns.compliance.reasons import denial_text
from campaigns.compliance.words import CHANNELS, KINDS, SCOPES, WEEKDAYS, channel_word, pick, setting_word
from campaigns.compliance.words import COUNTRIES as COUNTRY_WORDS

SPARE_LINES = 2
NTH = (1, 2, 3, 4, 5, -1)
WINDOW_WORDS = {
    Window.DAY: ("一日", "a day"),
    Window.WEEK: ("月曜からの一週間", "a week from Monday"),
    Window.ROLLING: ("直近の日数", "the last days"),
}
GROUPS: Sequence[tuple[str, Sequence[str]]] = (
    ("counts", ("max_per_day", "max_per_week", "gap_minutes")),
    ("quiet", ("quiet_days", "callback_days", "payment_claim_days", "abandon_hours", "robocall_rest_days")),
    ("trust", ("max_list_days", "decision_seconds", "keep_contact_days", "keep_set_days")),
)
SWITCHES_OF: Mapping[str, Sequence[str]] = {
    "counts": ("is_calendar_week",),
    "quiet": ("is_conversation_day_first",),
    "trust": ("allows_workplace",),
}


def document_of(form: FormData, name: str) -> dict[str, Any]:
    """What the form says, as a document that still has to be read; `name` is of the preset it began as."""
    return {
        "name": name,
        **{key: _number(form.get(key)) for key in COUNTS},
        **{key: form.get(key) is not None for key in SWITCHES},
        "is_closed_on_holidays": form.get("is_closed_on_holidays") is not None,
        "is_closed_at_year_end": form.get("is_closed_at_year_end") is not None,
        "country": _text(form.get("country")),
        "year_end": f"{_text(form.get('year_end_from'))}/{_text(form.get('year_end_to'))}",
        "envelope": _text(form.get("envelope")),
        "weekly": {channel: _week(form, channel) for channel in CHANNELS},
        "evening_closes": _by_channel(form, "evening_closes"),
        "open_day": _by_channel(form, "open_day"),
        "caps": [_cap(form, place) for place in _places(form, "caps", "most")],
        "rules": [_rule(form, place) for place in _places(form, "rules", "kind")],
        "exempt": {reason.value: told for reason in EXEMPTIBLE if (told := [str(one) for one in form.getlist(f"exempt.{reason.value}")])},
    }


def problems_of(document: Mapping[str, Any], base: Mapping[str, Any]) -> list[BadField]:
    """Everything in a document that can't be read; each wrong value is set aside for that of `base` to look at the rest."""
    tried, found = deepcopy(dict(document)), list[BadField]()
    for _ in range(40):
        try:
            read_document(tried, {})
        except BadField as problem:
            found.append(problem)
            if not _set_aside(tried, base, problem.path.split(".")):
                break
        else:
            break
    return found


def form_model(document: Mapping[str, Any], problems: Sequence[BadField], lang: str) -> dict[str, Any]:
    """The form's fields with what they hold and what is wrong with them."""
    errors = {_field_id(problem.path): problem.told(lang) for problem in problems}
    return {
        "errors": errors,
        "error_list": [
            {"field_id": _field_id(problem.path), "message": f"{setting_word(problem.path, lang)}: {problem.told(lang)}"}
            for problem in problems
        ],
        "groups": [
            {
                "name": group,
                "fields": [
                    {"id": key, "label": setting_word(key, lang), "value": document.get(key), "bounds": COUNTS[key]} for key in keys
                ],
                "switches": [{"id": key, "label": setting_word(key, lang), "is_on": bool(document.get(key))} for key in SWITCHES_OF[group]],
            }
            for group, keys in GROUPS
        ],
        "hours": _hours_model(document, lang),
        "caps": [_cap_model(place, cap, lang) for place, cap in enumerate([*document.get("caps", []), *[{}] * SPARE_LINES])],
        "rules": [_rule_model(place, rule, lang) for place, rule in enumerate([*document.get("rules", []), *[{}] * SPARE_LINES])],
        "exempt": [
            {
                "id": f"exempt.{reason.value}",
                "label": denial_text(reason, lang),
                "channels": _choices(CHANNELS, document.get("exempt", {}).get(reason.value, []), lambda one: channel_word(one, lang)),
            }
            for reason in EXEMPTIBLE
        ],
        "channels": [channel_word(channel, lang) for channel in CHANNELS],
    }


def _hours_model(document: Mapping[str, Any], lang: str) -> dict[str, Any]:
    year_end = str(document.get("year_end") or "/").split("/")
    return {
        "weekdays": WEEKDAYS["en" if lang == "en" else "ja"],
        "rows": [
            {
                "label": channel_word(channel, lang),
                "days": [
                    {"id": f"weekly.{channel}.{day}", "value": document.get("weekly", {}).get(channel, {}).get(str(day), "")}
                    for day in range(7)
                ],
                "evening": {"id": f"evening_closes.{channel}", "value": document.get("evening_closes", {}).get(channel, "")},
                "open": {"id": f"open_day.{channel}", "value": document.get("open_day", {}).get(channel, "")},
            }
            for channel in CHANNELS
        ],
        "envelope": document.get("envelope", ""),
        "is_closed_on_holidays": bool(document.get("is_closed_on_holidays")),
        "countries": [
            {"value": country, "label": pick(lang, *COUNTRY_WORDS[country]), "is_chosen": country == document.get("country")}
            for country in COUNTRIES
        ],
        "is_closed_at_year_end": bool(document.get("is_closed_at_year_end")),
        "year_end_from": year_end[0],
        "year_end_to": year_end[-1],
    }


def _cap_model(place: int, cap: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {
        "id": f"caps.{place}",
        "most": cap.get("most", ""),
        "days": cap.get("days", 1),
        "scopes": _choices(Scope, [cap.get("scope", Scope.PERSON)], lambda one: pick(lang, *SCOPES[Scope(one)])),
        "windows": _choices(Window, [cap.get("window", Window.DAY)], lambda one: pick(lang, *WINDOW_WORDS[Window(one)])),
        "channels": _choices(CHANNELS, cap.get("channels", []), lambda one: channel_word(one, lang)),
    }


def _rule_model(place: int, rule: Mapping[str, Any], lang: str) -> dict[str, Any]:
    names = WEEKDAYS["en" if lang == "en" else "ja"]
    kinds = [{"value": "", "label": "–", "is_chosen": not rule}]
    nth = {-1: ("最終", "last"), **{n: (f"第{n}", str(n)) for n in range(1, 6)}}
    return {
        "id": f"rules.{place}",
        "kinds": kinds + _choices(DayKind, [rule.get("kind")], lambda one: pick(lang, *KINDS[DayKind(one)])),
        "weekdays": [{"value": day, "label": names[day], "is_chosen": day in rule.get("weekdays", [])} for day in range(7)],
        "nth": [{"value": n, "label": pick(lang, *nth[n]), "is_chosen": n in rule.get("nth", [])} for n in NTH],
        "last_workdays": rule.get("last_workdays") or "",
        "hours": rule.get("hours") or "",
        "until": rule.get("until") or "",
        "channels": _choices(CHANNELS, rule.get("channels") or [], lambda one: channel_word(one, lang)),
        "is_on_holidays": bool(rule.get("is_on_holidays")),
        "from_on": rule.get("from_on") or "",
        "until_on": rule.get("until_on") or "",
        "name": rule.get("name") or "",
        # of a document, not of this form: kept as it is
        "months": ",".join(map(str, rule.get("months", []))),
    }


def _choices(values: Any, chosen: Any, label: Any) -> list[dict[str, Any]]:
    return [{"value": str(value), "label": label(value), "is_chosen": value in chosen} for value in values]


def _week(form: FormData, channel: Channel) -> dict[str, str]:
    told = {str(day): _text(form.get(f"weekly.{channel}.{day}")) for day in range(7)}
    return {day: hours for day, hours in told.items() if hours}


def _by_channel(form: FormData, key: str) -> dict[str, str]:
    return {channel.value: told for channel in CHANNELS if (told := _text(form.get(f"{key}.{channel}")))}


def _places(form: FormData, key: str, mark: str) -> list[int]:
    """Lines of a table that are filled in."""
    return [place for place in range(60) if _text(form.get(f"{key}.{place}.{mark}"))]


def _cap(form: FormData, place: int) -> dict[str, Any]:
    path = f"caps.{place}"
    return {
        "scope": _text(form.get(f"{path}.scope")),
        "most": _number(form.get(f"{path}.most")),
        "window": _text(form.get(f"{path}.window")),
        "days": _number(form.get(f"{path}.days")) if form.get(f"{path}.window") == Window.ROLLING else 1,
        "channels": [str(one) for one in form.getlist(f"{path}.channels")],
    }


def _rule(form: FormData, place: int) -> dict[str, Any]:
    path = f"rules.{place}"
    chosen = [str(one) for one in form.getlist(f"{path}.channels")]
    return {
        **{key: _text(form.get(f"{path}.{key}")) for key in ("kind", "hours", "until", "from_on", "until_on", "name")},
        "weekdays": [_number(one) for one in form.getlist(f"{path}.weekdays")],
        "nth": [_number(one) for one in form.getlist(f"{path}.nth")],
        "months": [_number(one) for one in _text(form.get(f"{path}.months")).split(",") if one],
        "last_workdays": _number(form.get(f"{path}.last_workdays") or "0"),
        "is_on_holidays": form.get(f"{path}.is_on_holidays") is not None,
        "channels": chosen or None,
    }


def _set_aside(document: Any, base: Any, path: Sequence[str]) -> bool:
    """Puts the value of `base` where a document is wrong; False where there is no such place."""
    head, rest = (int(path[0]) if isinstance(document, list) else path[0]), path[1:]
    if isinstance(document, list):
        if not isinstance(head, int) or head >= len(document):
            return False
        document.pop(head)  # a line of a table goes as a whole
        return True
    if not isinstance(document, dict):
        return False
    if rest and isinstance(document.get(head), dict | list):
        return _set_aside(document[head], base.get(head, {}) if isinstance(base, dict) else {}, rest)
    if isinstance(base, dict) and head in base:
        document[head] = deepcopy(base[head])
        return True
    return document.pop(head, None) is not None


def _field_id(path: str) -> str:
    """The field of the form that holds a value of the document."""
    if path == "year_end":
        return "year_end_from"
    parts = path.split(".")
    if parts[0] == "caps":
        return ".".join([*parts[:2], parts[2] if len(parts) > 2 else "most"])
    if parts[0] == "rules":
        last = parts[2] if len(parts) > 2 and parts[2] not in ("weekdays", "nth", "channels") else "kind"
        return ".".join([*parts[:2], last]) if len(parts) > 1 else "rules.0.kind"
    return path


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: Any) -> Any:
    """A whole number where it is one; anything else is left for the reading to refuse."""
    text = _text(value)
    return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 10 else text
