"""Whether the parts answer, in words; figures for the machine's own collector."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from callcenter.auth.offices import all_offices
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, NotFound
from callcenter.core.queue import get_redis
from callcenter.web.dependencies import address_of
from dialer.calls.models import DialerLease

router = APIRouter()


@router.get("/healthz")
def check_health(request: Request) -> JSONResponse:
    """The parts by name with one word each; 503 only where pages can't be served (no database)."""
    database = _database()
    listener = getattr(request.app.state, "listener", None)
    parts = {
        "database": database,
        "redis": _redis(),
        "live_events": "ok" if listener is not None and listener.is_connected else "connecting",
        "dialer": _dialer() if database == "ok" else "unknown",
    }
    return JSONResponse({"status": "ok" if database == "ok" else "unavailable", "parts": parts}, 200 if database == "ok" else 503)


@router.get("/metrics")
def show_metrics(request: Request) -> Response:
    """Prometheus' text format, for this machine only. Elsewhere there is no such page."""
    if not address_of(request).startswith(("127.", "::1")):
        raise NotFound("ページがありません。")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        with transaction(None) as session:
            session.execute(text("SELECT 1"))
    except (SQLAlchemyError, AppError):
        return "does not answer"
    return "ok"


def _redis() -> str:
    client = get_redis()
    if client is None:
        return "not configured"
    try:
        client.ping()
    except RedisError:
        return "does not answer"
    return "ok"


def _dialer() -> str:
    """Whether a dialer holds a campaign of any office, and whether it can place calls."""
    words: set[str] = set()
    now = utc_now()
    try:
        with transaction(None) as session:
            offices = [office.id for office in all_offices(session)]
        for office_id in offices:
            with transaction(office_id) as session:
                leases: Any = session.execute(
                    select(DialerLease.problem, func.count()).where(DialerLease.lease_until > now).group_by(DialerLease.problem)
                )
                words.update(problem or "ok" for problem, _ in leases)
    except (SQLAlchemyError, AppError):
        return "unknown"
    return ", ".join(sorted(words)) or "no dialer at work"
