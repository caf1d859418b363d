"""The event stream of open pages: names only, never content; each page refetches the panel that an event concerns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from callcenter.auth.models import Role
from callcenter.auth.sessions import find_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import StoreUnavailable
from callcenter.web.cookies import session_cookie
from callcenter.web.dependencies import SignedIn, signed_in
from callcenter.web.live import RESYNC, Heard, Listener, Stream
from dialer.agents import service as agents

router = APIRouter()
BEAT = "heartbeat"
BEAT_SECONDS = 10.0  # the page holds a stream that is silent for 22 s for broken
FIRST_RETRY_MS = 2000


@router.get("/events")
async def stream_events(request: Request, who: Annotated[SignedIn, signed_in()]) -> EventSourceResponse:
    """Streams topics with their ids; `heartbeat` every ten seconds; `resync` after a reconnect or a loss. Ends with the session."""
    listener: Listener = request.app.state.listener
    stream = listener.open(who.office_id, who.user_id)
    is_reconnect = "last-event-id" in request.headers
    return EventSourceResponse(_events(request, listener, stream, who, is_reconnect), ping=3600, headers={"Cache-Control": "no-store"})


async def _events(
    request: Request, listener: Listener, stream: Stream, who: SignedIn, is_reconnect: bool
) -> AsyncIterator[ServerSentEvent]:
    try:
        yield _event(RESYNC if is_reconnect else BEAT, None, retry=FIRST_RETRY_MS)
        while await run_in_threadpool(_is_still_open, request, who):
            try:
                heard = await _next_or_session_end(stream)
            except TimeoutError:
                yield _event(BEAT, None)
                continue
            if heard.topic != "session":
                yield _event(heard.topic, heard)
                async for further in _at_hand(stream):
                    yield _event(further.topic, further)
    finally:
        listener.close(stream)


async def _next_or_session_end(stream: Stream) -> Heard:
    return await asyncio.wait_for(stream.queue.get(), BEAT_SECONDS)


async def _at_hand(stream: Stream) -> AsyncIterator[Heard]:
    """What has come in meanwhile, up to the end of a session: then the loop above asks first."""
    while not stream.queue.empty():
        heard = stream.queue.get_nowait()
        if heard.topic == "session":
            return
        yield heard


def _event(name: str, heard: Heard | None, retry: int | None = None) -> ServerSentEvent:
    data = json.dumps({"at": utc_now().isoformat(timespec="milliseconds")})
    return ServerSentEvent(data=data, event=name, id=str(heard.event_id) if heard else None, retry=retry)


def _is_still_open(request: Request, who: SignedIn) -> bool:
    """Whether the session still stands; an operator's open stream says that the console is there."""
    cookie = session_cookie(request)
    now = utc_now()
    try:
        with transaction(who.office_id) as session:
            if cookie is None or find_session(session, cookie[1], now, touch=False) is None:
                return False
            if who.role is Role.OPERATOR:
                agents.heartbeat(session, who.user_id, now)
    except (SQLAlchemyError, StoreUnavailable):
        return True  # the database is away: the page says so by itself when it refetches
    return True
