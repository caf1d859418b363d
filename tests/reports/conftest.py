"""What the reports' tests share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import count

import httpx
import pytest
from fastapi import FastAPI

from callcenter.auth.models import Office, Role, User
from callcenter.auth.sessions import open_session
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.web import (
    arms_pages,
    collection_pages,
    control_pages,
    cross_pages,
    errors,
    forecast_pages,
    open_data_pages,
    pack_pages,
    report_pages,
)
from tests.reports.sink import Sink


class Browser:
    """A signed-in person's requests to the application, without a server."""

    def __init__(self, app: FastAPI, session: str) -> None:
        self.app, self.cookies = app, {"session": session}

    def get(self, path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test", cookies=self.cookies) as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def new_office(clean_database: None) -> Callable[[], int]:
    """Makes an empty office each time it is called: examples of one test do not see each other's rows."""
    numbers = count(1)

    def make() -> int:
        with transaction(None) as session:
            office = Office(code=f"example-{next(numbers)}", name="例")
            session.add(office)
            session.flush()
            return office.id

    return make


@pytest.fixture
def browse(office_id: int) -> Callable[[Role], Browser]:
    app = FastAPI()
    errors.install(app)
    app.include_router(report_pages.router)
    app.include_router(cross_pages.router)
    app.include_router(collection_pages.router)
    app.include_router(pack_pages.router)
    app.include_router(control_pages.router)
    app.include_router(arms_pages.router)
    app.include_router(forecast_pages.router)
    app.include_router(open_data_pages.router)

    def sign_in(role: Role) -> Browser:
        with transaction(office_id) as session:
            user = User(sign_in_name=f"the-{role}", display_name="堀", role=role)
            session.add(user)
            session.flush()
            token, _ = open_session(session, user, utc_now())
        return Browser(app, f"{office_id}.{token}")

    return sign_in


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)
