"""What an operator does: each POST is checked against the present state, done once, and answered with what the screen shows then.

A page that is behind, or not in charge, gets 409 and keeps what was typed. Rows are locked in the order call, attempt, operator.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Form as Field
from prometheus_client import Histogram
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from callcenter.auth import audit
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.settings import get_settings
from callcenter.web.dependencies import Once, SignedIn, Tx, once
from callcenter.web.operator_form import OutcomeForm, read_outcome
from callcenter.web.operator_outcome import ending_of
from callcenter.web.operator_pages import Operator, answer_stage, console_of, is_in_charge, read_scene
from callcenter.web.operator_stage import checks_model
from callcenter.web.pages import fragment, lang_of, shell_of
from campaigns.attempts import service as attempts
from campaigns.attempts import talk, undo, verification, wrap_up
from campaigns.attempts.models import Attempt
from dialer.agents import consoles, phones, preview
from dialer.agents import service as agents
from dialer.agents.state import AgentState, PauseReason
from dialer.calls import service as calls
from dialer.calls.models import Call

router = APIRouter(prefix="/console")
PAINTED = Histogram("console_painted_seconds", "From the answer to the painted case", buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5))
MAX_MEMO = 2_000
Do = Callable[[Session, SignedIn, datetime], None]


def act(request: Request, session: Session, who: SignedIn, done: Once, do: Do, call_of: int | None = None) -> Response:
    """Carries an action out unless it was done already, and answers with the screen after it."""
    now = utc_now()
    scene = read_scene(session, who, now)
    _require(is_in_charge(request, session, scene, now))
    key = scene.key  # before anything of it changes
    if not done.is_repeat:
        if call_of is not None:
            session.scalar(select(Call.id).where(Call.attempt_id == call_of).with_for_update())
        do(session, who, now)
        session.flush()
    if request.headers.get("hx-request") != "true":
        return RedirectResponse("/operator", 303)
    return answer_stage(request, session, who, key, now)


def require_charge(request: Request, session: Session, who: SignedIn, now: datetime) -> None:
    """Raises Conflict when another page of this operator is in charge."""
    _require(consoles.is_in_charge(session, who.user_id, console_of(request), now))


def _require(is_mine: bool) -> None:
    if not is_mine:
        raise Conflict("別の画面で操作中です。", hint="この画面で続けるには「この画面で続ける」を押してください。", code="other_console")


Action = Annotated[Once, once]


@router.post("/claim")
def claim_console(request: Request, session: Tx, who: Operator) -> JSONResponse:
    """Asked by a page when it opens: whether it is in charge or only looks on."""
    is_mine = consoles.is_in_charge(session, who.user_id, console_of(request), utc_now())
    return JSONResponse({"is_read_only": not is_mine})


@router.post("/take-over")
def take_console_over(request: Request, session: Tx, who: Operator, done: Action) -> Response:
    """This page takes charge; the other one only looks on."""
    now = utc_now()
    if not done.is_repeat:
        consoles.take_over(session, who.user_id, console_of(request))
        audit.record(session, "console.taken_over", "user", who.user_id, who.user_id, who.address, None, now)
    return answer_stage(request, session, who, "", now)


@router.post("/state")
def change_state(
    request: Request,
    session: Tx,
    who: Operator,
    done: Action,
    state: Annotated[str, Field(max_length=10)],
    reason: Annotated[str, Field(max_length=30)] = PauseReason.OTHER.value,
) -> Response:
    """Ready for calls, or paused for a reason; in a call: after it."""
    return act(request, session, who, done, lambda session, who, now: _change(session, who, now, state, reason))


@router.post("/after")
def change_after(request: Request, session: Tx, who: Operator, done: Action, state: Annotated[str, Field(max_length=10)]) -> Response:
    """What follows this call."""
    return act(request, session, who, done, lambda session, who, now: _change(session, who, now, state, PauseReason.BREAK.value))


def _change(session: Session, who: SignedIn, now: datetime, state: str, reason: str) -> None:
    if state == "ready":
        phones.begin(session, who.user_id, now, has_softphone=bool(get_settings().softphone_url))
        agents.ready(session, who.user_id, now)
    elif state == "paused":
        agents.pause(session, who.user_id, reason, now)
    else:
        raise InvalidInput("その状態にはできません。", hint="ready または paused", code="bad_state")


@router.post("/end")
def end_work(request: Request, session: Tx, who: Operator, done: Action) -> Response:
    """Ends work without signing out; in a call: after it."""
    return act(request, session, who, done, lambda session, who, now: preview.sign_out(session, who.user_id, now))


@router.post("/next")
def request_next(request: Request, session: Tx, who: Operator, done: Action) -> Response:
    """Preview: the next case to look at."""
    return act(request, session, who, done, lambda session, who, now: void(preview.request_next(session, who.user_id, now)))


@router.post("/call")
def call_now(request: Request, session: Tx, who: Operator, done: Action) -> Response:
    """Preview: calls the person of the case."""
    return act(request, session, who, done, lambda session, who, now: void(preview.call_now(session, who.user_id, now)))


@router.post("/skip")
def skip_case(request: Request, session: Tx, who: Operator, done: Action) -> Response:
    """Preview: gives the case back, uncalled."""
    return act(request, session, who, done, lambda session, who, now: preview.skip(session, who.user_id, now))


@router.post("/calls/{attempt_id}/hangup")
def hang_up(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """Ends the line; the carrier is asked at once."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        _require_current(session, who, attempt_id)
        calls.request_hang_up(session, who.user_id, now)

    return act(request, session, who, done, do, attempt_id)


@router.post("/attempts/{attempt_id}/draft")
def keep_draft(
    request: Request,
    session: Tx,
    who: Operator,
    attempt_id: int,
    field: Annotated[str, Field(max_length=40)],
    text: Annotated[str, Field(max_length=4000)] = "",
) -> Response:
    """Keeps what is being typed; the newest wins, so sending it twice is harmless."""
    now = utc_now()
    if field not in verification.DRAFT_FIELDS:
        raise InvalidInput("この欄は下書きできません。", code="bad_field")
    if field == "memo" and len(text) > MAX_MEMO:
        raise InvalidInput(f"メモは{MAX_MEMO:,}文字までです。", hint="短くしてください。", code="note_too_long")
    require_charge(request, session, who, now)
    verification.require_own(session, attempt_id, who.user_id)
    verification.save_draft(session, attempt_id, who.user_id, field, text, now)
    return JSONResponse({"saved_at": now.isoformat()})


@router.post("/attempts/{attempt_id}/verify")
def verify(
    request: Request,
    session: Tx,
    who: Operator,
    done: Action,
    attempt_id: int,
    item: Annotated[str, Field(max_length=20)],
    said: Annotated[str, Field(max_length=200)] = "",
) -> Response:
    """Compares what the caller said with what is registered; the answer says only whether they agree."""
    now = utc_now()
    require_charge(request, session, who, now)
    attempt = verification.require_own(session, attempt_id, who.user_id)
    is_match = item in attempt.verified_with.split(",")
    checks = verification.read_checks(session, attempt, who.user_id)
    if not done.is_repeat and not is_match:
        is_match, checks = verification.check(session, attempt_id, who.user_id, item, said, now)
        detail = {"attempt_id": attempt_id, "asked": item, "is_match": is_match, "failures": checks.failures}
        audit.record(session, "debtor.verification_tried", "debtor", attempt.debtor_id, who.user_id, who.address, detail, now)
    scene = read_scene(session, who, now)
    assert scene.debtor is not None
    model = checks_model(checks, scene.debtor, lang_of(request), "" if is_match else item)
    shell = shell_of(request, "")
    return fragment(request, "operator/checks_answer.html", shell=shell, checks=model, attempt_id=attempt_id)


@router.post("/attempts/{attempt_id}/open")
def open_matter(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """The person is the right one: the case is shown from now on."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        attempt = verification.open_matter(session, attempt_id, who.user_id, now)
        detail = {"attempt_id": attempt_id, "with": attempt.verified_with}
        audit.record(session, "debtor.verified", "debtor", attempt.debtor_id, who.user_id, who.address, detail, now)

    return act(request, session, who, done, do)


@router.post("/attempts/{attempt_id}/finish")
def finish_by_branch(
    request: Request, session: Tx, who: Operator, done: Action, attempt_id: int, branch: Annotated[str, Field(max_length=20)] = ""
) -> Response:
    """A call that ends before anybody is verified: records who answered, and hangs up."""
    ending = ending_of(branch)
    if ending is None and not done.is_repeat:
        raise InvalidInput("相手の返事を選んでください。", hint="通話を終える返事を選ぶと、記録できます。", code="branch")

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        assert ending is not None
        attempt = verification.require_own(session, attempt_id, who.user_id)
        version = talk.version_name(read_scene(session, who, now).screen.talk_version)
        party, outcome, line_result = ending
        before = undo.look(session, attempt_id)
        attempts.record_outcome(
            session, attempt_id, party, outcome, line_result=line_result, script_version=version, now=now, user_id=who.user_id
        )
        undo.keep(session, attempt_id, who.user_id, before, now)
        calls.request_hang_up(session, who.user_id, now)
        _recorded(session, who, attempt, now)

    return act(request, session, who, done, do, attempt_id)


@router.post("/attempts/{attempt_id}/lease")
def extend_wrap_up(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """A minute more for the result."""
    return act(request, session, who, done, lambda session, who, now: void(wrap_up.extend(session, attempt_id, who.user_id, now)))


@router.post("/attempts/{attempt_id}/outcome")
def save_outcome(
    request: Request, session: Tx, who: Operator, done: Action, attempt_id: int, form: Annotated[OutcomeForm, Depends(OutcomeForm.read)]
) -> Response:
    """Records the result with all that follows; the operator goes on when the line is down."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        attempt = verification.require_own(session, attempt_id, who.user_id)
        scene = read_scene(session, who, now)
        if scene.view.attempt_id != attempt_id:
            raise Conflict("画面の案件が変わっています。", hint="最新にしてください。", code="other_attempt")
        party, result = read_outcome(session, scene, form, now, who, lang_of(request))
        before = undo.look(session, attempt_id)
        result["script_version"] = talk.version_name(scene.screen.talk_version)
        attempts.record_outcome(session, attempt_id, party, now=now, user_id=who.user_id, **result)
        undo.keep(session, attempt_id, who.user_id, before, now)
        if form.after == "paused":
            agents.pause(session, who.user_id, PauseReason.BREAK.value, now)
        _recorded(session, who, attempt, now)

    return act(request, session, who, done, do, attempt_id)


@router.post("/attempts/{attempt_id}/resume")
def resume_wrap_up(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """Goes back to a result that was not written in time, as long as nobody else has written it."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        wrap_up.resume(session, attempt_id, who.user_id, now)
        if not agents.owe(session, who.user_id, attempt_id, now):
            raise Conflict("通話のあとで書けます。", code="agent_state")

    return act(request, session, who, done, do, attempt_id)


@router.post("/attempts/{attempt_id}/undo")
def undo_outcome(request: Request, session: Tx, who: Operator, done: Action, attempt_id: int) -> Response:
    """Takes the last result back within its ten seconds; it is written anew now, or after the call that has begun since."""

    def do(session: Session, who: SignedIn, now: datetime) -> None:
        agent = agents.require_live(session, who.user_id)
        is_line_up = agent.state == AgentState.TALKING and agent.attempt_id == attempt_id
        attempt = undo.undo(session, attempt_id, who.user_id, now, is_line_up=is_line_up)
        if not is_line_up:
            agents.owe(session, who.user_id, attempt_id, now)
        audit.record(session, "attempt.undone", "debtor", attempt.debtor_id, who.user_id, who.address, {"attempt_id": attempt_id}, now)

    return act(request, session, who, done, do, attempt_id)


def _recorded(session: Session, who: SignedIn, attempt: Attempt, now: datetime) -> None:
    agents.finish_wrap_up(session, who.user_id, attempt.id, now)
    detail = {"attempt_id": attempt.id, "party": attempt.party, "outcome": attempt.outcome}
    audit.record(session, "attempt.recorded", "debtor", attempt.debtor_id, who.user_id, who.address, detail, now)


def _require_current(session: Session, who: SignedIn, attempt_id: int) -> None:
    agent = agents.find_live(session, who.user_id)
    if agent is None or agent.attempt_id != attempt_id:
        raise Conflict("この通話はもう終わっています。", hint="最新にしてください。", code="other_attempt")


@router.post("/painted")
def note_painted(who: Operator, ms: Annotated[int, Field(ge=0, le=60_000)]) -> Response:
    """How long the case took from the answer to the paint, measured in the page."""
    PAINTED.observe(ms / 1000)
    return Response(status_code=204)


def void(_result: object) -> None:
    """For actions whose result is not needed."""
