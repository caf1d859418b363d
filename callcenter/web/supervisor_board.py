"""The supervisor's board as its template wants it: today's figures with their bases, operators, lines, refusals, what needs a hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from callcenter.core.clock import OFFICE_ZONE
from callcenter.web import phrases
from callcenter.web.board_feed import Board
from callcenter.web.desk_model import refused_href
from callcenter.web.formats import write_day
from callcenter.web.i18n import Translate
from callcenter.web.supervise_model import gap_notices, pace_model, stop_notices, supervision_model, watchers_of
from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DENIAL_JA, DenialReason
from dialer.agents.state import AgentState
from dialer.inbound.queries import Callers
from reports.exports.table import per_cent, shown
from reports.figures import Figures
from reports.metrics import HEADLINE, Metric, Unit
from reports.queries.live import LiveBoard, OperatorToday, Skipped

METRICS: dict[str, Metric] = {metric.code: metric for metric in HEADLINE}
TILES = (
    ("attempts", ""),
    ("contact_rate_per_call", "contacts / attempts"),
    ("contact_rate_per_person", "persons_contacted / persons_attempted"),
    ("promise_rate", "promises / right_party_contacts"),
    ("attempts_per_operator_hour", ""),
)
USUAL_HOURS = (9, 17)  # shown even when nothing was called in them


def board_model(found: Board, me: int, lang: str, t: Translate) -> dict[str, Any]:
    """All fields of supervisor_board.html, as the supervisor `me` sees them."""
    board = found.live
    notices = _notices(board, lang)
    rows = stop_notices(found.standings, t, lang) + notices["rows"] + gap_notices(found.gaps, t, lang)
    operators = _operators(board, lang)
    for row, operator in zip(operators["rows"], board.operators, strict=True):
        watchers = watchers_of(found.watches, operator.user_id, t)
        row |= {"watchers": watchers, "listen_user_id": operator.user_id}
    return {
        "supervision": supervision_model(found.watches, board.operators, me, t),
        "pace": pace_model(found.standings, t),
        "figures": [_tile(board, code, parts, found.targets.get(code), lang) for code, parts in TILES] + [_abandoned(board, lang)],
        "operators": operators,
        "lines": _callers(found.callers, lang) + _lines(board, lang),
        "hours": _hours(board, lang),
        "skipped": _skipped(board.skipped_hour, board.skipped, lang),
        "notices": {"open": len(rows), "rows": rows},
        "callbacks": _callbacks(board, lang),
    }


def _tile(board: LiveBoard, code: str, parts: str, target: float | None, lang: str) -> dict[str, Any]:
    metric, value = METRICS[code], board.today.value(code)
    over, _, under = parts.partition(" / ")
    counts = f"{board.today.value(over) or 0:,} / {board.today.value(under) or 0:,}" if under else ""
    written = "–" if value is None else str(per_cent(value)) if metric.is_rate else shown(value, metric)
    before = board.before_whole.value(code)
    goal = target if metric.is_rate or metric.unit is Unit.CALLS_PER_HOUR else None  # a month's count is no day's target
    is_short = goal is not None and value is not None and value < goal
    return {
        "label": metric.name.in_language(lang),
        "base": counts,
        "value": written,
        "unit": "%" if metric.is_rate else phrases.pick(lang, ("件", "")),
        "href": None,
        "percent": _percent(value, metric, goal if goal is not None and not metric.is_rate else before),
        "target": None if goal is None else round(goal * 100, 1) if metric.is_rate else 100,
        "target_text": _before_text(before, metric, lang),
        "is_warning": is_short,
        "change": "" if goal is None else phrases.pick(lang, (f"目標 {shown(goal, metric)}", f"target {shown(goal, metric)}")),
        "state": None
        if goal is None or value is None
        else {"kind": "warn", "image": "lower", "word": phrases.pick(lang, ("目標より低い", "Below target"))}
        if is_short
        else {"kind": "ok", "image": "check", "word": phrases.pick(lang, ("目標に届いている", "On target"))},
        "definition": {
            "numerator": metric.numerator.in_language(lang),
            "denominator": metric.denominator.in_language(lang) if metric.denominator else "–",
            "note": metric.scope.in_language(lang),
        },
    }


def _percent(value: float | None, metric: Metric, before: float | None) -> float:
    if not value:
        return 0
    return round(value * 100, 1) if metric.is_rate else round(min(100.0, value / before * 100), 1) if before else 100


def _before_text(before: float | None, metric: Metric, lang: str) -> str:
    if before is None:
        return phrases.pick(lang, ("先週の同じ曜日 なし", "same day last week: none"))
    text = shown(before, metric)
    return phrases.pick(lang, (f"先週の同じ曜日 {text}", f"same day last week: {text}"))


def _abandoned(board: LiveBoard, lang: str) -> dict[str, Any]:
    rate = board.abandoned / board.answered if board.answered else None
    return {
        "label": phrases.pick(lang, ("放棄率", "Abandoned")),
        "base": f"{board.abandoned:,} / {board.answered:,}",
        "value": "–" if rate is None else str(per_cent(rate)),
        "unit": "%",
        "href": None,
        "percent": min(100, round((rate or 0) * 1000)),
        "target": 30,
        "target_text": phrases.pick(lang, ("上限 3.0%", "at most 3.0%")),
        "is_warning": (rate or 0) > 0.03,
        "change": "",
        "state": {"kind": "warn", "image": "warn", "word": phrases.pick(lang, ("上限を超過", "Too many"))} if (rate or 0) > 0.03 else None,
        "definition": None,
    }


def _operators(board: LiveBoard, lang: str) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for operator in board.operators:
        word = phrases.pick(lang, phrases.STATES[AgentState(operator.state)])
        counts[word] = counts.get(word, 0) + 1
    summary = "・".join(f"{word} {count}" for word, count in counts.items())
    people = phrases.pick(lang, (f"{len(board.operators)}人中 {summary}", f"{len(board.operators)}: {summary}"))
    return {
        "summary": people if counts else "",
        "rows": [_operator(board, operator, lang) for operator in board.operators],
        **_counts(board.today),
    }


def _counts(figures: Figures) -> dict[str, Any]:
    return {
        "calls": figures.attempts,
        "contacts": figures.contacts,
        "promises": figures.promises,
        "per_hour": figures.attempts_per_operator_hour,
    }


def _operator(board: LiveBoard, operator: OperatorToday, lang: str) -> dict[str, Any]:
    state = AgentState(operator.state)
    kind, image, *words = phrases.STATES[state]
    note = phrases.pause_label(lang, operator.pause_reason) if state is AgentState.PAUSED else ""
    if operator.next_state == AgentState.PAUSED:
        note = phrases.pick(lang, ("通話のあと離席", "Pauses after this call"))
    is_over = operator.wrap_up_until is not None and operator.wrap_up_until < board.as_of
    return {
        "name": operator.display_name,
        "state": {"kind": kind, "image": image, "word": phrases.pick(lang, tuple(words))},
        "state_note": note,
        "since": operator.since,
        "case_no": operator.debtor_no,
        "case_note": "",
        **_counts(operator.figures),
        "is_over": is_over,
        "href": "",
        "pause_user_id": operator.user_id if state is not AgentState.PAUSED and operator.next_state != AgentState.PAUSED else None,
    }


def _callers(found: Callers, lang: str) -> list[dict[str, Any]]:
    """Who called in and waits comes first; nothing while nobody called."""
    if not found.waiting and not found.talking:
        return []
    since = found.since.astimezone(OFFICE_ZONE).strftime("%H:%M:%S") if found.since else ""
    waits = {"kind": "warn", "image": "phone", "word": phrases.pick(lang, (f"{since}から待っている", f"waiting since {since}"))}
    return [
        {
            "label": phrases.pick(lang, ("着信の待ち", "Callers waiting")),
            "value": f"{found.waiting:,}",
            "unit": phrases.pick(lang, ("件", "")),
            "of": "",
            "note": phrases.pick(lang, (f"着信で通話中 {found.talking}", f"{found.talking} talking")),
            "href": "/incoming",
            "state": waits if found.waiting else None,
        }
    ]


def _lines(board: LiveBoard, lang: str) -> list[dict[str, Any]]:
    calls = [line for line in board.queue if line.channel == Channel.OPERATOR_CALL]
    due, ready = sum(line.due for line in calls), sum(line.ready for line in calls)
    rows: list[tuple[tuple[str, str], int, str, tuple[str, str]]] = [
        (("回線", "Lines"), board.lines_in_use, "", (f"うち通話 {board.lines_talking}", f"{board.lines_talking} talking")),
        (("いま掛けられる案件", "Cases due now"), due, f"{ready:,}", ("待ちの全体のうち", "of all that wait")),
    ]
    rows += [
        ((f"{line.campaign_name}・自動電話", f"{line.campaign_name}: automated"), line.due, f"{line.ready:,}", ("", ""))
        for line in board.queue
        if line.channel == Channel.AUTO_CALL
    ]
    return [
        {
            "label": phrases.pick(lang, label),
            "value": f"{value:,}",
            "unit": phrases.pick(lang, ("件", "")),
            "of": of,
            "note": phrases.pick(lang, note),
            "href": "",
            "state": None,
        }
        for label, value, of, note in rows
    ]


def _hours(board: LiveBoard, lang: str) -> dict[str, Any]:
    by_hour = {int(str(row.key)[:2]): row.figures for row in board.hours if row.key is not None}
    most = max((figures.attempts for figures in by_hour.values()), default=0)
    top = max(10, math.ceil(most / 10) * 10)
    now_hour = board.as_of.astimezone(OFFICE_ZONE).hour
    columns: list[dict[str, Any]] = []
    for hour in range(min((USUAL_HOURS[0], *by_hour)), max((USUAL_HOURS[1], *by_hour)) + 1):
        figures = by_hour.get(hour)
        rate = None if figures is None else figures.contact_rate_per_call
        columns.append(
            {
                "label": str(hour),
                "value": None if figures is None else figures.attempts,
                "is_partial": hour == now_hour,
                "note": "–" if rate is None else f"{rate * 100:.0f}%",
            }
        )
    shown = [column for column in columns if column["value"] is not None]
    description = "、".join(f"{column['label']}時 {column['value']}件" for column in shown)
    if lang == "en":
        description = ", ".join(f"{column['label']}h {column['value']}" for column in shown)
    return {"description": description, "top": top, "columns": columns}


def _skipped(hour: Sequence[Skipped], day: Sequence[Skipped], lang: str) -> dict[str, Any]:
    """By reason and channel: people of the last hour, and of the day."""
    in_hour = {(row.reason, row.channel): row.debtors for row in hour}
    rows = []
    for row in day:
        reason = row.reason
        word = DENIAL_JA.get(DenialReason(reason), reason) if reason in set(DenialReason) and lang == "ja" else reason.replace("_", " ")
        rows.append(
            {
                "reason": f"{word}({phrases.label(lang, Channel(row.channel))})",
                "then": _then(row.next_allowed_at, lang),
                "count": row.debtors,
                "hour": in_hour.get((row.reason, row.channel), 0),
                "href": refused_href(row.reason, row.channel),
            }
        )
    return {"total": sum(row.debtors for row in day), "hour": sum(in_hour.values()), "rows": rows}


def _then(moment: datetime | None, lang: str) -> str:
    if moment is None:
        return phrases.pick(lang, ("事情が変わるまで連絡しない", "Until things change"))
    at = moment.astimezone(OFFICE_ZONE)
    return phrases.pick(lang, (f"早くて{write_day(at, lang)} {at:%H:%M}", f"From {write_day(at, lang)} {at:%H:%M}"))


def _notices(board: LiveBoard, lang: str) -> dict[str, Any]:
    late = phrases.pick(lang, ("期限切れ", "Overdue"))
    rows: list[dict[str, Any]] = [
        {
            "state": {"kind": "err", "image": "warn", "word": late},
            "at": overdue.since,
            "text": phrases.pick(
                lang,
                (f"{overdue.display_name}さんの通話の結果が書かれていません。", f"{overdue.display_name}: a result was not written down."),
            ),
            "href": f"/debtors/{overdue.debtor_id}",
            "href_text": overdue.debtor_no,
            "action": None,
        }
        for overdue in board.overdue
    ]
    return {"open": len(rows), "rows": rows}


def _callbacks(board: LiveBoard, lang: str) -> dict[str, Any]:
    late = {"kind": "err", "image": "warn", "word": phrases.pick(lang, ("期限切れ", "Overdue"))}
    waits = {"kind": "", "image": "clock", "word": phrases.pick(lang, ("予定", "Planned"))}
    return {
        "done": board.callbacks_done,
        "href": "/supervisor/desk#h-back",
        "rows": [
            {
                "due": row.due_at,
                "case_no": row.debtor_no,
                "href": f"/debtors/{row.debtor_id}",
                "note": "",
                "user": row.display_name or phrases.pick(lang, ("未定", "open")),
                "state": late if row.is_late else waits,
                "is_late": row.is_late,
            }
            for row in board.callbacks[:20]
        ],
    }
