"""The recordings' pages in the fields their templates list: filters, rows, the waveform, the score card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import urlencode

from callcenter.core.clock import local_day
from callcenter.web.formats import span
from callcenter.web.i18n import Translate
from dialer.recordings.criteria import Criterion, read
from dialer.recordings.models import QualityReview, Recording
from dialer.recordings.queries import STATES, Listed, Wanted
from dialer.recordings.service import REASONS

PAGE = 50
KINDS = {"stored": "ok", "running": "run", "deleted": "off"}
IMAGES = {"stored": "check", "running": "phone", "deleted": "stop"}
WAVE_HEIGHT = 60  # of each side, in the picture's units; a bar is one unit wide


def read_wanted(given: Mapping[str, str]) -> Wanted:
    """The filter of an address; what can't be read is left out."""
    number = {name: int(text) for name in ("campaign", "operator") if (text := given.get(name, "")).isdecimal() and len(text) < 10}
    state = given.get("state", "")
    return Wanted(
        campaign_id=number.get("campaign"),
        user_id=number.get("operator"),
        first=_day(given.get("from", "")),
        last=_day(given.get("to", "")),
        state=state if state in STATES else "",
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def address(wanted: Wanted, page_no: int = 1) -> str:
    """The list's address with its filters, defaults left out: numbers and days only."""
    given = {
        "campaign": wanted.campaign_id,
        "operator": wanted.user_id,
        "from": wanted.first,
        "to": wanted.last,
        "state": wanted.state,
        "page_no": page_no if page_no > 1 else "",
    }
    query = urlencode({name: str(value) for name, value in given.items() if value})
    return "/recordings" + (f"?{query}" if query else "")


def filters_model(
    wanted: Wanted, campaigns: Sequence[tuple[int, str]], operators: Sequence[tuple[int, str]], t: Translate
) -> dict[str, Any]:
    """{campaigns, operators, states: options; first, last: iso day|""}."""
    return {
        "campaigns": _options(campaigns, wanted.campaign_id, t),
        "operators": _options(operators, wanted.user_id, t),
        "states": _options([(state, t(f"recording_state.{state}")) for state in STATES], wanted.state or None, t),
        "first": wanted.first.isoformat() if wanted.first else "",
        "last": wanted.last.isoformat() if wanted.last else "",
    }


def _options(entries: Sequence[tuple[Any, str]], chosen: Any, t: Translate) -> list[dict[str, Any]]:
    every = {"value": "", "label": t("recordings.every"), "is_chosen": chosen is None}
    return [every, *({"value": value, "label": label, "is_chosen": value == chosen} for value, label in entries)]


def row_model(row: Listed, t: Translate) -> dict[str, Any]:
    """A line of recordings.html."""
    recording = row.recording
    return {
        "href": f"/recordings/{recording.id}",
        "at": recording.began_at,
        "campaign": row.campaign,
        "operator": row.operator,
        "debtor_no": row.debtor_no,
        "length": span(recording.seconds) if recording.seconds else "–",
        "state": state_model(recording, t),
        "problem": t(f"recording_problem.{recording.problem}") if recording.problem else "",
        "percent": row.percent,
        "is_kept": bool(recording.kept_for),
    }


def state_model(recording: Recording, t: Translate) -> dict[str, str]:
    """The state as a badge."""
    state = recording.state
    if state == "running" and recording.problem:
        return {"kind": "err", "image": "warn", "word": t("recording_state.missing")}
    return {"kind": KINDS.get(state, "err"), "image": IMAGES.get(state, "warn"), "word": t(f"recording_state.{state}")}


def pages_model(wanted: Wanted, page_no: int, shown: int, total: int) -> dict[str, Any]:
    """As macros.html: pagination."""
    first = (page_no - 1) * PAGE
    return {
        "first": first + 1 if shown else 0,
        "last": first + shown,
        "total": total,
        "previous_href": address(wanted, page_no - 1) if page_no > 1 else None,
        "next_href": address(wanted, page_no + 1) if first + shown < total else None,
    }


def reasons_model(t: Translate, chosen: str = "") -> list[dict[str, Any]]:
    """Reasons to hear a recording, as options; none is chosen beforehand."""
    none = {"value": "", "label": t("recordings.choose"), "is_chosen": not chosen}
    return [none, *({"value": code, "label": t(f"recording_reason.{code}"), "is_chosen": code == chosen} for code in REASONS)]


def wave_model(debtor: bytes, operator: bytes, seconds: float) -> dict[str, Any]:
    """{width, height, debtor, operator: path data; seconds, length, marks: list of {x, label}}: two rows of bars, louder is higher."""
    width = max(len(debtor), 1)
    step = next(step for step in (10, 30, 60, 300, 600, 1800, 7200) if seconds / step <= 8 or step == 7200)
    marks = [{"x": round(at / seconds * width, 1), "label": span(at)} for at in range(0, int(seconds) + 1, step)] if seconds else []
    return {
        "width": width,
        "height": 2 * WAVE_HEIGHT,
        "debtor": _bars(debtor, WAVE_HEIGHT / 2),
        "operator": _bars(operator, WAVE_HEIGHT * 1.5),
        "seconds": round(seconds, 2),
        "length": span(seconds),
        "marks": marks,
    }


def _bars(peaks: bytes, middle: float) -> str:
    half = WAVE_HEIGHT / 2 - 2
    heights = (max(0.5, (peak / 255) ** 0.5 * half) for peak in peaks)  # as the ear hears it: quiet speech is seen, too
    return "".join(f"M{x + 0.5} {middle - height:.1f}V{middle + height:.1f}" for x, height in enumerate(heights))


def card_model(criteria: Sequence[Criterion], mine: QualityReview | None, lang: str) -> dict[str, Any]:
    """{rows: list of {code, label, help, scores: options}; comment, percent|None}: the card to be filled in, with what this person gave."""
    scores: dict[str, Any] = mine.scores if mine else {}
    return {
        "rows": [
            {
                "code": criterion.code,
                "label": criterion.label(lang),
                "help": criterion.help(lang),
                "scores": [
                    {"value": score, "label": str(score), "is_chosen": scores.get(criterion.code) == score}
                    for score in range(criterion.most + 1)
                ],
            }
            for criterion in criteria
        ],
        "comment": mine.comment if mine else "",
        "percent": mine.percent if mine else None,
    }


def review_model(review: QualityReview, reviewer: str, lang: str) -> dict[str, Any]:
    """{reviewer, at, percent, comment, is_shown, rows: list of {label, score, most}}."""
    rows = [
        {"label": criterion.label(lang), "score": review.scores.get(criterion.code, 0), "most": criterion.most}
        for criterion in read(review.criteria)
    ]
    return {
        "reviewer": reviewer,
        "at": review.reviewed_at,
        "percent": review.percent,
        "comment": review.comment,
        "is_shown": review.is_shown,
        "rows": rows,
    }


def read_scores(form: Mapping[str, Any], criteria: Sequence[Criterion]) -> dict[str, int]:
    """The scores of a form; what is no number is missing, and named when the card is worked out."""
    told = {criterion.code: form.get(f"score_{criterion.code}") for criterion in criteria}
    return {code: int(score) for code, score in told.items() if isinstance(score, str) and score.isdecimal() and len(score) < 3}


def due_model(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """What retention would delete: {campaign, keep_days, count, megabytes, oldest: date}."""
    return [asdict(row) | {"megabytes": row.bytes / 1_000_000, "oldest": local_day(row.oldest)} for row in rows]
