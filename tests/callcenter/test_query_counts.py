"""How many statements the operator's screen costs the database: a limit for each of its main routes, so that it stays quick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import event, select, update

from callcenter.auth import sessions
from callcenter.auth.models import Role
from callcenter.core.clock import utc_now
from callcenter.core.db import get_engine, transaction
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber
from campaigns.worklist.models import WorkItem
from dialer.agents import service as agents
from dialer.agents.models import AgentSession
from tests.callcenter.conftest import Person, add_case, put_on_the_line


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that the process sends meanwhile."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(" ".join(statement.split()))

    engine = get_engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def desk(person: Callable[..., Person], office_id: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Person, int]:
    """An operator in a call from the list, and the attempt. What is written once in ten seconds or a minute is not counted."""
    monkeypatch.setattr(agents, "SEEN_EVERY", timedelta(days=1))
    monkeypatch.setattr(sessions, "TOUCH_EVERY", timedelta(days=1))
    operator, case = person(Role.OPERATOR), add_case(office_id)
    attempt_id, now = put_on_the_line(office_id, operator.user_id, case), utc_now()
    with transaction(office_id) as session:
        item = WorkItem(campaign_id=case.campaign_id, debtor_id=case.debtor_id, channel="operator_call", state="claimed", not_before=now)
        item.created_at = item.updated_at = now
        session.add(item)
        session.flush()
        phone = select(PhoneNumber.id).where(PhoneNumber.debtor_id == case.debtor_id).scalar_subquery()
        session.execute(update(Attempt).where(Attempt.id == attempt_id).values(work_item_id=item.id, phone_id=phone))
        session.execute(update(AgentSession).values(console_id=operator.console))
    return operator, attempt_id


def test_the_operator_s_screen_asks_the_database_little(desk: tuple[Person, int], office_id: int) -> None:
    operator, attempt = desk
    csrf = operator.csrf

    def note(name: str, limit: int, ask: Callable[[], Response]) -> None:
        with counted() as said:
            answer = ask()
        assert answer.status_code in (200, 204), (name, answer.text)
        assert len(said) <= limit, (name, said)

    def post(path: str, **form: str) -> Response:
        headers = {"X-CSRF-Token": csrf, "HX-Request": "true", "X-Console": operator.console, "Idempotency-Key": uuid4().hex}
        return operator.client.post(f"/console/{path}", data=form, headers=headers)

    def stage() -> Response:
        return operator.fragment("/console/stage?key=another")

    note("call card", 12, stage)
    note("draft", 5, lambda: post(f"attempts/{attempt}/draft", field="memo", text="25日の給料のあと"))
    note("verify", 14, lambda: post(f"attempts/{attempt}/verify", item="birth_date", said="S55.4.3"))
    note("open", 22, lambda: post(f"attempts/{attempt}/open"))
    note("case", 15, stage)
    note("case, again", 14, lambda: operator.fragment(f"/console/stage?key=case:{attempt}"))
    note("page", 15, lambda: operator.get("/operator"))
    note("painted", 2, lambda: post("painted", ms="50"))
    note("result", 34, lambda: post(f"attempts/{attempt}/outcome", outcome="interrupted", memo="午後に"))
    with transaction(office_id) as session:
        session.execute(update(AgentSession).values(state="ready", attempt_id=None))
    note("waiting", 8, stage)
    note("undo", 42, lambda: post(f"attempts/{attempt}/undo"))
    note("result, the next at once", 38, lambda: post(f"attempts/{attempt}/outcome", outcome="refuses"))
    note("pause", 17, lambda: post("state", state="paused", reason="break"))
    note("ready", 18, lambda: post("state", state="ready"))
