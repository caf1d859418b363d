"""The operator's one page and its refreshes: drawn from the database alone, so that a reload in mid-call restores it exactly."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.settings import get_settings
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.operator_case import case_model
from callcenter.web.operator_idle import idle_model, own_callbacks
from callcenter.web.operator_incoming import incoming_model
from callcenter.web.operator_phone import phone_model
from callcenter.web.operator_stage import (
    Scene,
    checks_model,
    person_model,
    scene_of,
    script_model,
    stage_model,
)
from callcenter.web.pages import Shell, fragment, lang_of, page, shell_of
from callcenter.web.shield import policy_with
from campaigns.attempts import undo, verification
from dialer.agents import consoles
from dialer.agents import service as agents
from dialer.agents.queries import AgentView, Screen, current_screen
from dialer.agents.state import AgentState, PauseReason

router = APIRouter()
Operator = Annotated[SignedIn, may(Action.TAKE_CALLS)]
CASE_STAGES = ("talking", "wrapup")


@router.get("/operator")
def show_console(request: Request, session: Tx, who: Operator) -> HTMLResponse:
    """The whole page in whatever state the operator is."""
    now = utc_now()
    scene = read_scene(session, who, now)
    stay(session, scene, now)
    note_view(session, scene, who, now)
    answer = page(request, "operator.html", operator_shell(request, scene), **operator_model(request, session, who, scene, now))
    answer.headers["Content-Security-Policy"] = policy_with(get_settings().softphone_url)
    return answer


@router.get("/operator/panel")
@router.get("/console/stage")
def refresh_stage(
    request: Request, session: Tx, who: Operator, key: str = "", seen: Annotated[str, Query(max_length=40)] = ""
) -> HTMLResponse:
    """What has changed for a page that shows `key` and debts `seen`: parts of the same skeleton, or another stage."""
    now = utc_now()
    scene = read_scene(session, who, now)
    is_mine = is_in_charge(request, session, scene, now)
    stay(session, scene, now)
    return answer_scene(request, session, who, scene, key, now, is_mine=is_mine, seen=seen)


def console_of(request: Request) -> str:
    """The page's own name, kept by it over a reload."""
    return request.headers.get("x-console", "")[:40]


def read_scene(session: Session, who: SignedIn, now: datetime) -> Scene:
    """What is on this operator's screen now; before work has begun it is a pause."""
    return scene_of(current_screen(session, who.user_id, now) or Screen(_before_work(who.user_id, now)))


def is_in_charge(request: Request, session: Session, scene: Scene, now: datetime) -> bool:
    """Whether this page may act for the operator."""
    screen = scene.screen
    if screen.last_seen_at is None:
        return True  # work has not begun
    return consoles.may_act(session, screen.view.user_id, console_of(request), screen.console_id, screen.last_seen_at, now)


def stay(session: Session, scene: Scene, now: datetime) -> None:
    """Notes that the page is open, where that was not noted just now."""
    seen = scene.screen.last_seen_at
    if seen is not None and abs(now - seen) > agents.SEEN_EVERY:
        agents.heartbeat(session, scene.view.user_id, now)


def answer_stage(request: Request, session: Session, who: SignedIn, key: str, now: datetime) -> HTMLResponse:
    """The fragments that bring a page showing `key` up to date, as things stand now."""
    return answer_scene(request, session, who, read_scene(session, who, now), key, now)


def answer_scene(
    request: Request, session: Session, who: SignedIn, scene: Scene, key: str, now: datetime, *, is_mine: bool = True, seen: str = ""
) -> HTMLResponse:
    """The same for what was read already."""
    is_same = scene.key == key
    if not is_same:
        note_view(session, scene, who, now)
    template = "operator/refresh.html" if is_same else "operator/stage.html"
    model = operator_model(request, session, who, scene, now)
    model["has_new_debts"] = bool(seen) and scene.is_verified and model.get("outcome", {}).get("seen", seen) != seen
    response = fragment(request, template, shell=operator_shell(request, scene), **model)
    response.headers["X-Console-State"] = "held" if is_mine else "other"
    response.headers["X-Stage-For"] = key  # a page that shows another one by now asks again (stage.js)
    return response


def operator_shell(request: Request, scene: Scene) -> Shell:
    """The shell whose title says the state and never the matter."""
    lang = lang_of(request)
    return shell_of(request, phrases.pick(lang, phrases.TITLES[scene.name]), status=phrases.pick(lang, phrases.STATUS[scene.name]))


def operator_model(request: Request, session: Session, who: SignedIn, scene: Scene, now: datetime) -> dict[str, Any]:
    """Everything the templates of this stage name in their first comments."""
    lang, mine = lang_of(request), own_callbacks(session, who.user_id, now)
    model: dict[str, Any] = {
        "stage": stage_model(scene),
        "phone": phone_model(session, scene, who, lang),
        "is_wrapup": scene.name == "wrapup",
        "undo": undo_model(scene, now),
        "reminders": [{"id": item.id, "at": item.not_before} for item in mine],
        "attempt_id": scene.view.attempt_id,
    }
    if scene.name == "idle":
        return model | {"idle": idle_model(session, scene, who, mine, lang, now)}
    if scene.name in CASE_STAGES:
        return model | case_model(session, scene, who, lang, now)
    if scene.name == "saved":
        return model
    if scene.name == "incoming":
        return model | incoming_model(session, scene, who, lang)
    model |= person_model(session, scene, lang, now) | script_model(scene, who, lang)
    if scene.name == "talking_unverified":
        assert scene.attempt is not None
        assert scene.debtor is not None
        drafts = verification.drafts_of(session, scene.attempt.id, who.user_id)
        checks = verification.checks_of(scene.attempt, scene.debtor, drafts.values())
        model["checks"] = checks_model(checks, scene.debtor, lang)
        model["kept_form"] = drafts["branch"].value if "branch" in drafts else ""
    return model


def undo_model(scene: Scene, now: datetime) -> dict[str, Any] | None:
    """The field `undo` of operator/_undo.html: the result that may still be taken back, and until when; nothing of the matter."""
    found = undo.open_until(scene.screen.undo, now)
    return None if found is None else {"attempt_id": found[0], "until": found[1]}


def note_view(session: Session, scene: Scene, who: SignedIn, now: datetime) -> None:
    """A person's name or case came on the screen: that is on record."""
    if scene.debtor is None or scene.name in ("idle", "saved"):
        return
    detail = {"stage": scene.name, "attempt_id": scene.view.attempt_id, "is_verified": scene.is_verified}
    audit.record(session, "debtor.viewed", "debtor", scene.debtor.id, who.user_id, who.address, detail, now)


def _before_work(user_id: int, now: datetime) -> AgentView:
    values: dict[str, Any] = dict.fromkeys(AgentView.__dataclass_fields__)
    texts = ("next_state", "next_pause_reason", "campaign_name", "dial_mode", "phone_text", "leg_address", "leg_kind", "waiting_reason")
    values.update(dict.fromkeys(texts, ""))
    values.update(
        agent_session_id=0,
        user_id=user_id,
        state=AgentState.PAUSED,
        state_since=now,
        pause_reason=PauseReason.SIGNED_IN.value,
        is_leg_up=False,
    )
    return AgentView(**values)
