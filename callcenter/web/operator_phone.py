"""The telephone strip of the operator's page: state, line, controls, and the talk with a tax officer.

Before anybody is verified none of its words may tell the matter: officers are "staff", and only neutral reasons to ask them are offered.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.clock import utc_now
from callcenter.core.phones import LineType, format_national
from callcenter.core.settings import get_settings
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn
from callcenter.web.operator_reasons import REASONS, reasons_for
from callcenter.web.operator_stage import Scene
from dialer.agents import phones
from dialer.agents.state import CHOOSABLE_PAUSES, IN_CALL, AgentState
from dialer.controls import service as controls
from dialer.controls.queries import LineView, line_view
from dialer.controls.state import Talk

LINE_TYPES: dict[str, tuple[str, str]] = {
    LineType.MOBILE: ("携帯", "Mobile"),
    LineType.FIXED: ("固定", "Landline"),
    LineType.IP: ("IP電話", "IP phone"),
}

TOLD_FOR = timedelta(seconds=30)  # how long a wish that failed is told: nobody presses again later than that
ENDINGS: dict[str, tuple[str, str]] = {
    "busy": ("{name}さんは話し中でした。", "{name} was busy."),
    "no_answer": ("{name}さんは出ませんでした。", "{name} did not answer."),
    "refused": ("{name}さんの電話機につながりませんでした。", "{name}'s telephone could not be reached."),
    "officer_left": ("{name}さんが電話を切りました。", "{name} has hung up."),
    "lost": ("{name}さんとの電話が切れました。", "The line to {name} was lost."),
}
PROBLEMS: dict[str, tuple[str, str]] = {
    "not_supported": ("この操作は、いまの電話会社ではできません。", "The present carrier can't do that."),
    "no_call": ("通話が終わっていたため、できませんでした。", "The call was over; it was not done."),
    "": ("電話機への指示ができませんでした。もう一度押してください。", "It could not be done. Press it again."),
}


def phone_model(session: Session, scene: Scene, who: SignedIn, lang: str) -> dict[str, Any]:
    """The field `phone` of operator/phone.html."""
    view = scene.view
    states = {"ringing": "ringing", "talking": "talking", "talking_unverified": "talking", "saved": "talking", "wrapup": "wrapup"}
    states["incoming"] = "incoming"
    state = states.get(scene.name, "paused" if view.state is AgentState.PAUSED else "idle")
    line = line_view(session, view.agent_session_id, view.call_id, utc_now() - TOLD_FOR) if state == "talking" else LineView()
    if state == "talking" and line.held_at is not None:
        state = "held"
    is_call, is_talk = state in ("ringing", "talking", "held"), state in ("talking", "held")
    after = "paused" if view.next_state == AgentState.PAUSED else "ready"
    return {
        "state": state,
        "since": line.held_at or (view.answered_at if is_talk else None) or view.state_since,
        "attempt_id": view.attempt_id,
        "number": format_national(view.phone_text) if is_call or state == "wrapup" else "",
        "number_note": _line_note(scene, lang) if is_call else "",
        "is_verified": scene.is_verified if is_talk or state == "wrapup" else None,
        "is_muted": line.is_muted,
        "can_hold": is_talk and line.talk in (None, Talk.JOINED),
        "can_keys": is_talk and line.talk in (None, Talk.JOINED) and line.held_at is None,
        "can_transfer": is_talk and line.talk is None,
        "pause_after": after == "paused",
        "pause_reasons": [
            {"value": reason.value, "label": phrases.label(lang, reason), "is_chosen": reason.value == view.pause_reason}
            for reason in CHOOSABLE_PAUSES
        ],
        "paused_for": phrases.pause_label(lang, view.pause_reason) if state == "paused" else "",
        "ended": _ended(scene) if state == "wrapup" else None,
        "after": [
            {"value": value, "label": phrases.pick(lang, words), "is_chosen": value == after}
            for value, words in (("ready", ("待機(次の電話を受ける)", "Ready (next call)")), ("paused", ("離席", "Pause")))
        ],
        **_telephone(session, view.leg_kind, who, is_up=view.is_leg_up, is_free=view.state not in IN_CALL),
        **_talk(session, scene, line, lang, is_talk=is_talk),
    }


def _telephone(session: Session, kind: str, who: SignedIn, *, is_up: bool, is_free: bool) -> dict[str, Any]:
    """Which telephone, and what it may be changed to."""
    has_softphone = bool(get_settings().softphone_url)
    kind = kind or phones.usual_kind(session, who.user_id, who.phone_address, has_softphone=has_softphone)
    return {
        "kind": kind,
        "has_softphone": kind == phones.BROWSER,
        "is_line_up": is_up,
        "kinds": [phones.BROWSER, phones.DESK] if has_softphone and who.phone_address and is_free else [],
    }


def _talk(session: Session, scene: Scene, line: LineView, lang: str, *, is_talk: bool) -> dict[str, Any]:
    """The talk with an officer, whom one may ask and why, and what came of the last wish."""
    told = ""
    if is_talk and line.ending in ENDINGS:
        told = phrases.pick(lang, ENDINGS[line.ending]).format(name=line.officer)
    elif is_talk and line.problem:
        told = phrases.pick(lang, PROBLEMS.get(line.problem, PROBLEMS[""]))
    return {
        "talk": {"state": line.talk.value, "since": line.talk_since, "officer": line.officer} if is_talk and line.talk else None,
        "told": told,
        "officers": [{"value": number, "label": name} for number, name in controls.officers(session)] if is_talk and not line.talk else [],
        "reasons": [{"value": reason, "label": phrases.pick(lang, REASONS[reason])} for reason in reasons_for(scene)] if is_talk else [],
    }


def _ended(scene: Scene) -> dict[str, Any] | None:
    view = scene.view
    if view.answered_at is None or view.call_ended_at is None:
        return None
    seconds = max(0.0, (view.call_ended_at - view.answered_at).total_seconds())
    return {"began_at": view.answered_at, "ended_at": view.call_ended_at, "seconds": seconds}


def _line_note(scene: Scene, lang: str) -> str:
    kind = scene.screen.line_type
    came_in = phrases.pick(lang, ("着信", "Incoming")) if scene.attempt is not None and scene.attempt.is_inbound else ""
    return "・".join(filter(None, (phrases.pick(lang, LINE_TYPES[kind]) if kind in LINE_TYPES else "", came_in)))
