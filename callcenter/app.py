"""The web process: middleware, routes, error answers, and what lives as long as the process does."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import callcenter.tables  # noqa: F401 - all tables are known before the first request
from callcenter.api import imports as api_imports
from callcenter.api import operators as api_operators
from callcenter.api import reports as api_reports
from callcenter.api.webhooks import gateway, twilio
from callcenter.core.db import get_engine
from callcenter.core.settings import Settings, get_settings
from callcenter.web import (
    alert_pages,
    arms_pages,
    audit_pages,
    batch_pages,
    calendar_pages,
    campaign_pages,
    carrier_pages,
    collection_pages,
    control_pages,
    cross_pages,
    debtor_actions,
    debtor_pages,
    debtor_search,
    design_pages,
    dialling_pages,
    errors,
    escalation_pages,
    events,
    factor_pages,
    forecast_pages,
    health,
    import_pages,
    incoming_actions,
    incoming_pages,
    ladder_pages,
    layout_pages,
    login,
    mapper_pages,
    message_pages,
    office_pages,
    oidc_pages,
    open_data_pages,
    operator_actions,
    operator_pages,
    pack_pages,
    payment_pages,
    phone_actions,
    plan_pages,
    policy_pages,
    recording_pages,
    recording_terms_pages,
    report_pages,
    request_pages,
    retention_pages,
    rule_editor,
    rule_pages,
    rule_preview,
    screen_lock,
    script_pages,
    second_step,
    setup_pages,
    skipped_pages,
    supervisor_desk,
    supervisor_pages,
    talk_pages,
    team_pages,
    template_pages,
    user_pages,
    visit_pages,
    visit_phone,
    watched_pages,
)
from callcenter.web.board_feed import FEED
from callcenter.web.live import Listener
from callcenter.web.quick import Quick, words_of
from callcenter.web.rendering import STATIC, static_version
from callcenter.web.shield import Shield

ROUTERS = (
    login.router,
    second_step.router,
    screen_lock.router,
    oidc_pages.router,
    factor_pages.router,
    operator_pages.router,
    request_pages.router,
    talk_pages.router,
    operator_actions.router,
    phone_actions.router,
    incoming_actions.router,
    incoming_pages.router,
    script_pages.router,
    supervisor_pages.router,
    supervisor_desk.router,
    team_pages.router,
    recording_pages.router,
    recording_terms_pages.router,
    watched_pages.router,
    mapper_pages.router,  # before the files: their addresses lie below /imports, too
    layout_pages.router,
    import_pages.router,
    skipped_pages.router,
    template_pages.router,
    message_pages.router,
    campaign_pages.router,
    batch_pages.router,
    rule_pages.router,
    rule_editor.router,
    rule_preview.router,
    debtor_actions.router,
    dialling_pages.router,
    ladder_pages.router,
    calendar_pages.router,
    policy_pages.router,
    debtor_pages.router,
    debtor_search.router,
    payment_pages.router,
    plan_pages.router,
    escalation_pages.router,
    visit_phone.router,  # before the rounds: its addresses lie below /visits, too
    visit_pages.router,
    user_pages.router,
    design_pages.router,
    audit_pages.router,
    alert_pages.router,
    office_pages.router,
    setup_pages.router,
    carrier_pages.router,
    retention_pages.router,
    report_pages.router,
    cross_pages.router,
    collection_pages.router,
    control_pages.router,
    arms_pages.router,
    forecast_pages.router,
    pack_pages.router,
    open_data_pages.router,
    events.router,
    health.router,
    api_reports.router,
    api_imports.router,
    api_operators.router,
    twilio.router,
    twilio.messages_router,
    gateway.router,
)


_VERSION = re.compile(r"[0-9a-f]{12}", re.ASCII)


class Static(StaticFiles):
    """Files of ours: their address changes with their content, so browsers keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Strips the version off the address and lets the answer be kept for a year.

        A page that was opened before an update asks by its version for what it loads later (a part of the font): it gets the file of now.
        """
        version, _, rest = path.partition("/")
        response: Response = await super().get_response(rest if _VERSION.fullmatch(version) else path, scope)
        if isinstance(response, FileResponse) and str(response.path).endswith((".css", ".js", ".svg")):
            response = _zipped(str(response.path), response) if _takes_gzip(scope) else response
            response.headers["Vary"] = "Accept-Encoding"
        if response.status_code in (200, 304):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if version == static_version() else "no-cache"
        return response


def _takes_gzip(scope: Scope) -> bool:
    return "gzip" in Headers(scope=scope).get("accept-encoding", "") and scope["method"] == "GET"


@lru_cache(maxsize=128)
def _zip(path: str, _changed: float) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 9, mtime=0)


def _zipped(path: str, plain: FileResponse) -> Response:
    """The same file compressed, once a process: it holds no secret that its size could tell of, as a page would (BREACH)."""
    body = _zip(path, Path(path).stat().st_mtime)
    kept = {name: plain.headers[name] for name in ("last-modified", "content-type") if name in plain.headers}
    return Response(body, headers=kept | {"content-encoding": "gzip"})


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Listens for live events as long as the process serves."""
    listener = Listener(get_engine().url.render_as_string(hide_password=False), on_heard=FEED.note)
    app.state.listener = listener
    listener.start()
    yield
    listener.stop()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; its description is not served (ASVS 13.4.5).

    Args:
        settings: limits only; stores and cookies follow `get_settings()`.
    """
    settings = settings or get_settings()
    app = FastAPI(title="callcenter", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    for router in ROUTERS:
        app.include_router(router)
        words = words_of(router.routes)
        if words is not None:
            app.router.routes[-1] = Quick(app.router.routes[-1], words)
    app.mount("/static", Static(directory=STATIC), name="static")
    errors.install(app)
    app.add_middleware(Shield, upload_limit=settings.upload_max_mb * 1_000_000)
    return app
