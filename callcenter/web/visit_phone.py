"""The page for a telephone without a network: its shell and service worker (no person in either), the round, and what comes back."""

from __future__ import annotations

import base64
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import Conflict
from callcenter.web import rendering
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import lang_of
from callcenter.web.problems import told
from callcenter.web.rendering import static_url, static_version
from callcenter.web.visit_model import phone_words
from campaigns.visits import pack, reports, service
from campaigns.visits.models import VisitRound

router = APIRouter()
Officer = Annotated[SignedIn, may(Action.MAKE_VISITS)]
SHELL = "/visits/phone"
ASSETS = ("vendor/design-tokens/tokens.css", "console.css", "visits.css", "js/visit_phone.js", "js/visit_box.js", "icon.svg")


class Entry(BaseModel):
    """One visit as a telephone tells it; what its words mean is checked by the rules."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=8, max_length=40)
    stop_id: int
    visited_at: str = Field(max_length=40)
    party: str = Field(max_length=20)
    outcome: str = Field(max_length=30)
    note: str = Field(default="", max_length=2_000)
    promise: int | None = None
    due_on: str = Field(default="", max_length=10)
    verified: str = Field(default="", max_length=20)


class Sent(BaseModel):
    """What a telephone sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    entries: list[Entry] = Field(max_length=reports.MOST_ENTRIES)


@router.get("/visits/phone")
def show_shell(request: Request, who: Officer) -> Response:
    """The page without any round: which one is behind the # of its address, so that one copy on the telephone serves all."""
    lang = lang_of(request)
    return HTMLResponse(rendering.render("visit_phone.html", lang, words=phone_words(lang)))


@router.get("/visits/worker.js")
def show_worker(request: Request, who: Officer) -> Response:
    """The service worker of the pages below /visits/."""
    script = rendering.render("visit_worker.js", "ja", version=static_version(), assets=[SHELL, *(static_url(name) for name in ASSETS)])
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/visits/{round_id}/pack")
def give_pack(request: Request, session: Tx, who: Officer, round_id: int) -> Response:
    """The round and the key to encrypt it with, for the officer whose round it is."""
    found = service.require_own_round(session, round_id, who.user_id)
    if found.state == "planned":
        raise Conflict("まだ出発していません。", hint="訪問の画面で「出発」を押してください。", code="visit_not_out")
    return JSONResponse(_packed(session, found, who), headers={"Cache-Control": "no-store"})


@router.post("/visits/{round_id}/sync")
def take_reports(request: Request, session: Tx, who: Officer, round_id: int, sent: Sent) -> Response:
    """Takes what was entered without a network; answers each entry, and with the round as it is now."""
    now, lang = utc_now(), lang_of(request)
    found = service.require_own_round(session, round_id, who.user_id)
    answers = reports.receive(session, round_id, [entry.model_dump() for entry in sent.entries], who.user_id, now)
    counts = {state: sum(answer.state == state for answer in answers) for state in ("recorded", "conflict", "invalid")}
    audit.record(session, "visit.synced", "visit_round", round_id, who.user_id, who.address, counts, now)
    told_back: list[dict[str, Any]] = [
        {
            "key": answer.key,
            "stop_id": answer.stop_id,
            "state": answer.state,
            "why": answer.why,
            "problem": "" if answer.problem is None else " ".join(told(answer.problem, lang)).strip(),
        }
        for answer in answers
    ]
    return JSONResponse({"answers": told_back, **_packed(session, found, who)}, headers={"Cache-Control": "no-store"})


@router.post("/visits/{round_id}/forget")
def forget(request: Request, session: Tx, who: Officer, round_id: int) -> Response:
    """The telephone has wiped the round: its key is thrown away."""
    now = utc_now()
    service.require_own_round(session, round_id, who.user_id)
    pack.end_passes(session, round_id, now, who.user_id)
    audit.record(session, "visit.forgotten", "visit_round", round_id, who.user_id, who.address, None, now)
    return Response(status_code=204)


def _packed(session: Any, found: VisitRound, who: SignedIn) -> dict[str, Any]:
    now = utc_now()
    secret = pack.key_for(session, found, who.user_id, who.session_id, now)
    if secret is None:
        return {"key": None, "csrf": who.csrf, "pack": None, "today": date.isoformat(local_day(now))}
    given = pack.pack_of(session, found, now)
    for stop, debtor in service.stops_of(session, found.id):
        if stop.state == "planned":
            audit.record(session, "debtor.viewed", "debtor", debtor.id, who.user_id, who.address, {"page": "visit_phone"}, now)
    return {"key": base64.b64encode(secret).decode(), "csrf": who.csrf, "pack": given, "today": date.isoformat(local_day(now))}
