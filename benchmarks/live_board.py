"""What an open board costs the database: milliseconds of statements a second and viewer, against the limit of 5 ms/s.

An office in mid-day: operators at work, a day of attempts, a month behind it, an event every second, so that every viewer refetches each
second. The peer is the same board made anew for every viewer at every event. What is counted is processor time of the server's own process
(Linux, a server on this machine), which does not grow when the machine is busy with other things.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

import callcenter.tables  # noqa: F401
from benchmarks.scratch import database
from callcenter.auth.models import Role, User
from callcenter.auth.offices import add_office
from callcenter.core.db import transaction
from callcenter.web.board_feed import BoardFeed
from campaigns.planning.service import create_campaign
from dialer.agents import service as agents

NOW = datetime(2026, 11, 18, 5, 0, tzinfo=UTC)  # 14:00 in Japan
LIMIT_MS = 5.0
_PEOPLE = "INSERT INTO debtor (debtor_no, name) SELECT lpad(n::text, 10, '0'), 'x' FROM generate_series(1, :n) n"
_ATTEMPTS = """
INSERT INTO attempt (debtor_id, campaign_id, channel, operator_id, state, began_at, handed_over_at, answered_at, ended_at, line_result)
SELECT 1 + n % :people, :campaign, 'operator_call', (SELECT min(id) FROM app_user) + n % :operators, 'closed',
       at, at, at, at + interval '2 min',
       CASE n % 3 WHEN 0 THEN 'answered' ELSE 'no_answer' END
FROM generate_series(0, :n - 1) n, LATERAL (SELECT CAST(:first AS timestamptz) + n * CAST(:gap AS interval) AS at) m
"""


def run(quick: bool) -> dict[str, Any]:
    """The figures; quick has a week behind it instead of a month."""
    days, viewers, seconds = (7, 4, 20) if quick else (30, 10, 60)
    with database() as engine:
        office = _office(operators=8, days=days)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        figures = {}
        for name, make in (("shared", _shared), ("each anew", _anew)):
            for count in (1, viewers):
                figures[f"{name}, {count} viewer{'s' * (count > 1)}"] = _cost(engine, office, make(), count, seconds)
        shared, anew = figures["shared, 1 viewer"], figures["each anew, 1 viewer"]
        return {
            "ms of database a second and viewer": figures,
            "one viewer / limit of 5 ms/s": shared / LIMIT_MS,
            f"{viewers} viewers, each / limit": figures[f"shared, {viewers} viewers"] / LIMIT_MS,
            "one viewer / each anew": shared / anew,
        }


def _office(operators: int, days: int) -> int:
    with transaction(None) as session:
        office = add_office(session, code="bench", name="架空市").id
    with transaction(office) as session:
        campaign = create_campaign(session, "十一月", NOW)
        campaign.status = "running"
        users = [User(sign_in_name=f"op{n}", display_name=f"担当{n}", role=Role.OPERATOR) for n in range(operators)]
        session.add_all(users)
        session.execute(text(_PEOPLE), {"n": 5000})
        session.flush()
        for day in range(days):
            first = NOW - timedelta(days=day, hours=5)
            told = {"people": 5000, "campaign": campaign.id, "operators": operators, "n": 400, "first": first, "gap": "45 seconds"}
            session.execute(text(_ATTEMPTS), told)
        for user in users:
            agents.sign_in(session, user.id, now=NOW - timedelta(hours=5), leg_address="p")
            agents.ready(session, user.id, NOW)
    return office


Look = Callable[[Any, datetime, int], None]


def _shared() -> Look:
    feed = BoardFeed()

    def look(session: Any, now: datetime, viewer: int) -> None:
        if viewer == 0:
            feed.note(session.info["office_id"])
        feed.board(session, now, is_fresh=False)

    return look


def _anew() -> Look:
    return lambda session, now, viewer: (BoardFeed().board(session, now, is_fresh=True), None)[1]


def _cost(engine: Engine, office: int, look: Look, viewers: int, seconds: int) -> float:
    """Milliseconds of processor time of the server's process, a second and viewer."""
    began = 0
    for second in range(-1, seconds):  # the first look fills caches of the server and is not counted
        if second == 0:
            began = _processor_time(engine)
        for viewer in range(viewers):
            with transaction(office) as session:
                look(session, NOW + timedelta(seconds=second), viewer)
    return (_processor_time(engine) - began) / 1e6 / seconds / viewers


def _processor_time(engine: Engine) -> int:
    """Nanoseconds that the server's processes of this database were on a processor, whatever else the machine did."""
    with engine.connect() as connection:
        pids = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).scalars().all()
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) for pid in pids)
