"""The board's part about conversations: who is with whom, how each campaign is dialled, what was not recorded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from callcenter.web import phrases
from callcenter.web.i18n import Translate
from dialer.agents.state import AgentState
from dialer.pacing.standing import STOPS, Standing
from dialer.recordings.queries import Gap
from dialer.supervising.queries import Watch
from dialer.telephony.conversation import SupervisionMode
from reports.queries.live import OperatorToday

KEYS = {SupervisionMode.LISTEN: "L", SupervisionMode.WHISPER: "K", SupervisionMode.BARGE: "B", SupervisionMode.TAKE_OVER: "O"}
NEED_TALK = frozenset({SupervisionMode.BARGE, SupervisionMode.TAKE_OVER})
CODES = frozenset({"no_answer", "operator_gone", "connection_lost", "no_conversation", "not_supported", "leg_not_up"})


def supervision_model(watches: Sequence[Watch], operators: Sequence[OperatorToday], me: int, t: Translate) -> dict[str, Any]:
    """{mine: None|{operator, mode, state, user_id, modes: list of {value, label, key, is_on, is_open}}, next_user_id: int|None, next_name,
    problem: str}: what this supervisor does now, whom they could hear next, and why the last wish came to nothing."""
    names = {operator.user_id: operator.display_name for operator in operators}
    talking = [operator for operator in operators if operator.state == AgentState.TALKING]
    own = next((watch for watch in watches if watch.supervisor_id == me and watch.state != "ended"), None)
    failed = next((watch for watch in reversed(watches) if watch.supervisor_id == me and watch.problem), None)
    current = own.user_id if own else None
    following = _after(talking, current)
    return {
        "mine": None if own is None else _mine(own, names.get(own.user_id, ""), {operator.user_id for operator in talking}, t),
        "next_user_id": following.user_id if following else None,
        "next_name": following.display_name if following else "",
        "problem": "" if failed is None else t(f"supervise_problem.{failed.problem if failed.problem in CODES else 'refused'}"),
    }


def _after(talking: Sequence[OperatorToday], current: int | None) -> OperatorToday | None:
    """The one who talks after the current one in the table, round and round."""
    ids = [operator.user_id for operator in talking]
    if current in ids:
        at = ids.index(current) + 1
        talking = [*talking[at:], *talking[: at - 1]]
    return talking[0] if talking else None


def _mine(own: Watch, name: str, talking: Collection[int], t: Translate) -> dict[str, Any]:
    is_talking = own.user_id in talking
    return {
        "operator": name,
        "user_id": own.user_id,
        "is_ringing": own.state == "asked",
        "mode": t(f"supervise.{own.mode}_on"),
        "modes": [
            {
                "value": mode.value,
                "label": t(f"supervise.{mode.value}"),
                "key": KEYS[mode],
                "is_on": own.state == "on" and own.mode == mode,
                "is_open": own.state == "on" and (is_talking or mode not in NEED_TALK),
            }
            for mode in SupervisionMode
        ],
    }


def watchers_of(watches: Sequence[Watch], user_id: int, t: Translate) -> str:
    """Who is with an operator, for the operator's line."""
    here = [watch for watch in watches if watch.user_id == user_id and watch.state == "on"]
    return "・".join(f"{watch.supervisor} {t(f'supervise.{watch.mode}_on')}" for watch in here)


def pace_model(standings: Sequence[tuple[str, Standing]], t: Translate) -> list[dict[str, Any]]:
    """For each campaign {name, asked, mode, is_other: bool, why, is_stopped: bool, today, month, limit, is_over: bool, lines, ringing}."""
    return [
        {
            "name": name,
            "asked": t(f"pace_mode.{standing.asked}"),
            "mode": t(f"pace_mode.{standing.mode}"),
            "is_other": standing.asked != standing.mode,
            "why": t(f"pace_why.{standing.why or 'none'}"),
            "is_stopped": standing.why in STOPS,
            "today": _share(standing.rate_today, standing.abandoned_today, standing.answers_today),
            "month": _share(standing.rate_30_days, standing.abandoned_30_days, standing.answers_30_days),
            "limit": f"{standing.limit * 100:.1f}%",
            "is_over": any((rate or 0) > standing.limit for rate in (standing.rate_today, standing.rate_30_days)),
            "lines": standing.lines,
            "ringing": standing.ringing,
        }
        for name, standing in standings
    ]


def stop_notices(standings: Sequence[tuple[str, Standing]], t: Translate, lang: str) -> list[dict[str, Any]]:
    """That no calls are placed, as notices of the board, once for all campaigns that one thing stops."""
    stopped: dict[str, list[tuple[str, Standing]]] = {}
    for name, standing in standings:
        if standing.why in STOPS:
            stopped.setdefault(standing.why, []).append((name, standing))
    return [
        {
            "state": {"kind": "err", "image": "warn", "word": t("supervise.stopped")},
            "at": None,
            "text": t(f"pace_why.{why}"),
            "href": "#h-pace",
            "href_text": phrases.pick(lang, ("・", ", ")).join(name for name, _ in those),
            "action": None,
        }
        for why, those in stopped.items()
    ]


def _share(rate: float | None, part: int, whole: int) -> str:
    return "–" if rate is None else f"{rate * 100:.1f}% ({part:,}/{whole:,})"


def gap_notices(gaps: Sequence[Gap], t: Translate, lang: str) -> list[dict[str, Any]]:
    """Recordings that did not come, as notices of the board; several of one operator and one kind as one."""
    return [
        {
            "state": {"kind": "err", "image": "warn", "word": phrases.pick(lang, ("録音", "Recording"))},
            "at": gap.began_at,
            "text": t(
                "supervise.gap" if gap.count == 1 else "supervise.gap_alike",
                name=gap.operator or "–",
                n=gap.count,
                problem=t(f"recording_problem.{gap.problem}"),
            ),
            "href": f"/recordings/{gap.recording_id}",
            "href_text": t("recordings.see"),
            "action": {"label": t("supervise.seen"), "url": f"/recordings/{gap.recording_id}/seen", "fields": {"with_alike": "true"}},
        }
        for gap in gaps
    ]
