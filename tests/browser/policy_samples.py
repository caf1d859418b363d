"""The pages of the contact rules, the calendar and who will be skipped, as their templates want them; texts from the rules themselves."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from callcenter.web.policy_form import form_model, problems_of
from callcenter.web.policy_model import coming_days
from campaigns.compliance.comparing import differences, loosened
from campaigns.compliance.documents import from_document, to_document
from campaigns.compliance.presets import municipality, preset
from campaigns.compliance.words import CHANNELS, WEEKDAYS, channel_word, setting_word, summary, value_word

Model = dict[str, Any]
NOW = datetime(2026, 11, 18, 14, 5, tzinfo=ZoneInfo("Asia/Tokyo"))
POLICY = municipality()
DOCUMENT = to_document(POLICY) | {
    "max_per_day": 2,
    "exempt": {"open_promise": ["sms"]},
    "rules": [
        {"kind": "evening", "weekdays": [1], "until": "20:00"},
        {"kind": "open", "weekdays": [6], "nth": [3], "hours": "09:00-16:00"},
    ],
}
DRAFT = from_document(DOCUMENT)
WRONG = DOCUMENT | {"max_per_day": "何回でも", "envelope": "21:00-08:00"}
STATES = (
    {"kind": "run", "image": "pen", "word": "案"},
    {"kind": "ok", "image": "check", "word": "有効"},
    {"kind": "off", "image": "clock", "word": "過去"},
)


def changes(found: Any) -> list[Model]:
    return [
        {
            "name": setting_word(one.path, "ja"),
            "before": value_word(one.path, one.before, "ja"),
            "after": value_word(one.path, one.after, "ja"),
        }
        for one in found
    ]


def version(number: int, place: int) -> Model:
    return {
        "href": f"/policy/versions/{number}",
        "number": number,
        "state": STATES[place],
        "by": "堀",
        "at": NOW - timedelta(days=3 * place + 1),
        "activated_by": "戸田" if place else "",
        "activated_at": NOW - timedelta(days=3 * place) if place else None,
        "loosened": 2 * (place == 1),
        "is_draft": place == 0,
    }


def policy() -> Model:
    base = preset("municipality")
    return {
        "active": {
            "title": base.title["ja"],
            "version": 3,
            "since": NOW - timedelta(days=3),
            "by": "戸田",
            "sentences": summary(DRAFT, "ja"),
            "looser": changes(loosened(DRAFT, POLICY)),
            "note": "期末の一斉催告に合わせ、部長の決裁を得た",
        },
        "lines": [{"text": line.text("ja"), "source": line.source, "not_covered": line.not_covered.get("ja", "")} for line in base.lines],
        "not_covered": base.not_covered["ja"],
        "coming": coming_days(DRAFT, NOW, "ja"),
        "channels": [channel_word(channel, "ja") for channel in CHANNELS],
        "versions": [version(4 - place, place) for place in range(3)],
        "bases": [
            {"value": "3", "label": "いま有効な版", "is_chosen": True},
            {"value": "ofcom", "label": "英国 Ofcom", "is_chosen": False},
        ],
    }


def draft(document: Model = DOCUMENT, **more: Any) -> Model:
    problems = problems_of(document, to_document(POLICY))
    return {
        "draft": {
            "id": 4,
            "version": 4,
            "base": "日本の市町村",
            "by": "堀",
            "at": NOW,
            "seen": NOW.isoformat(),
            "sentences": summary(DRAFT, "ja"),
            "looser": changes(loosened(DRAFT, POLICY)),
            "needs_reason": True,
            "changes": changes(differences(DRAFT, POLICY)),
            "is_own": True,
        }
        | more,
        "note": "",
        "effects": [
            {
                "channel": "電話催告",
                "moment": NOW,
                "waiting": 12_400,
                "asked": 5_000,
                "is_sample": True,
                "refused_now": 812,
                "refused_then": 790,
                "newly_refused": [{"label": "連絡してよい時間帯の外", "count": 31}],
                "newly_allowed": [{"label": "一日の上限に達した", "count": 53}],
            }
        ],
        "form": form_model(document, problems, "ja"),
    }


def calendar(**more: Any) -> Model:
    first = date(2026, 4, 1)
    days = [first + timedelta(days=n) for n in range(30)]
    cells: list[Model | None] = [None, None]
    for day in days:
        mark, style = (
            ("閉", "closed today")
            if day.day == 7
            else ("夜", "evening")
            if day.day == 14
            else ("開", "open")
            if day.day == 19
            else ("", "")
        )
        if day.weekday() >= 5 and not mark:
            mark, style = "–", "off"
        cells.append({"number": day.day, "mark": mark, "style": style, "words": f"4月{day.day}日、09:00〜17:00"})
    cells += [None] * (-len(cells) % 7)
    return {
        "year": 2026,
        "previous": 2025,
        "next": 2027,
        "title": "2026年度",
        "channel": "電話催告",
        "channels": [{"value": one.value, "label": channel_word(one, "ja"), "is_chosen": False} for one in CHANNELS],
        "kinds": [{"value": "closed", "label": "閉庁", "is_chosen": True}],
        "weekdays": WEEKDAYS["ja"],
        "months": [{"title": f"2026年{n}月", "weeks": [cells[at : at + 7] for at in range(0, len(cells), 7)]} for n in range(4, 8)],
        "declared": [{"day": date(2026, 4, 7), "iso": "2026-04-07", "words": "閉庁", "name": "市制記念日"}],
        "rules": ["毎週火曜 夜間窓口 20:00まで"],
        "marks": {"closed": "閉", "evening": "夜", "open": "開"},
        "problems": [],
        "told": dict.fromkeys(("from", "to", "kind", "hours", "until", "name"), ""),
    } | more


def skipped(**more: Any) -> Model:
    reasons = [("会話から所定の日数がたっていない", 2_140), ("納付約束の期日(猶予日数を含む)の前", 811), ("差押中", 96)]
    rows: list[Model] = [{"label": f"11/{18 + n}", "count": n * 37 % 210, "words": f"11月{18 + n}日", "href": "?next=x"} for n in range(12)]
    rows += [
        {"label": "以降", "count": 211, "words": "その後", "href": ""},
        {"label": "なし", "count": 96, "words": "期限なし", "href": "?next=never"},
    ]
    columns = [{"label": row["label"], "value": row["count"], "is_partial": not row["href"], "note": ""} for row in rows]
    return {
        "campaign": {"id": 3, "name": "11月催告", "is_planned": True},
        "start": {"is_asked": True, "may": True},
        "check": {"at": NOW, "asked": 12_400, "allowed": 9_353, "refused": 3_047, "share": 0.2457, "version": 3},
        "progress": None,
        "channels": [
            {
                "label": "電話催告",
                "href": "?channel=operator_call",
                "asked": 12_400,
                "refused": 3_047,
                "moment": "11月19日(木) 09:00",
                "reasons": [
                    {"label": label, "count": n, "share": n / 12_400, "percent": n / 124, "href": "?reason=x", "is_current": n == 811}
                    for label, n in reasons
                ],
            }
        ],
        "timeline": {"rows": rows, "columns": columns, "top": 211},
        "chosen": "電話催告・差押中",
        "clear_url": "/campaigns/3/skipped",
        "csv_url": "/campaigns/3/skipped/people.csv",
        "url": "/campaigns/3/skipped?reason=x",
        "channel_options": [{"value": "", "label": "すべて", "is_chosen": True}],
        "reason_options": [{"value": "", "label": "すべて", "is_chosen": True}],
        "next_on": "",
        "people": [
            {
                "href": "/debtors/1",
                "number": "0001234567",
                "name": "見本 佳代",
                "channel": "電話催告",
                "reason": "差押中",
                "since": NOW,
                "next": at,
            }
            for at in (None, NOW)
        ],
        "pages": {"first": 1, "last": 2, "total": 96, "previous_href": None, "next_href": "?page_no=2"},
        "errors": [],
    } | more


RUNNING = {"url": "/campaigns/3/skipped/progress", "asked": 380_000, "total": 1_000_000}
POLICY_PAGES: dict[str, tuple[str, str, Model]] = {
    "policy": ("policy.html", "連絡の規則", policy()),
    "policy_draft": ("policy_draft.html", "連絡の規則 第4版", draft()),
    "policy_draft_wrong": ("policy_draft.html", "連絡の規則 第4版", draft(WRONG, is_own=False, needs_reason=False)),
    "policy_version": (
        "policy_version.html",
        "連絡の規則 第3版",
        {
            "version": version(3, 1)
            | {
                "sentences": summary(DRAFT, "ja"),
                "looser": changes(loosened(DRAFT, POLICY)),
                "changes": changes(differences(DRAFT, POLICY)),
                "note": "部長の決裁を得た",
                "written_by": "堀",
            }
        },
    ),
    "policy_calendar": ("policy_calendar.html", "開庁カレンダー", calendar()),
    "policy_calendar_wrong": (
        "policy_calendar.html",
        "開庁カレンダー",
        calendar(problems=[{"field_id": "", "message": "2行目「日付」: 読めません"}]),
    ),
    "skipped": ("skipped.html", "見送る人と理由", skipped()),
    "skipped_checking": ("skipped.html", "見送る人と理由", skipped(progress=RUNNING, people=[], chosen="", pages=None)),
}
