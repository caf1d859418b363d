"""The auditor's page: narrowed, judged, taken out."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from callcenter.auth import audit
from callcenter.auth.jobs import seal_audit
from callcenter.auth.models import AuditEvent, Role
from callcenter.cli import run
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import get_engine, transaction
from callcenter.core.settings import get_settings
from callcenter.web.i18n import catalogue
from campaigns.messages.state import BatchState
from campaigns.planning.state import CampaignStatus
from tests.callcenter.conftest import Person

PersonMaker = Callable[..., Person]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CALLCENTER_DATA", str(tmp_path))
    get_settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    get_settings.cache_clear()


def test_rows_are_narrowed_by_action_person_subject_and_day(person: PersonMaker, office_id: int) -> None:
    auditor, other, now = person(Role.AUDITOR), person(Role.SUPERVISOR), utc_now()
    with transaction(office_id) as session:
        for subject, user, days in ((7, auditor.user_id, 0), (8, other.user_id, 0), (7, other.user_id, 3)):
            audit.record(session, "debtor.viewed", "debtor", subject, user, "10.0.0.1", None, now - timedelta(days=days))

    def shown(**wanted: str) -> int:
        answer = auditor.get("/audit", params=wanted)
        assert answer.status_code == 200
        return answer.text.count('<code class="t14">debtor.viewed')

    today = local_day(now).isoformat()
    assert shown(action="debtor.") == 3
    assert shown(action="debtor.", subject="7") == 2
    assert shown(action="debtor.", user=str(other.user_id)) == 2
    assert shown(subject="7", first=today, last=today) == 1
    assert shown(action="debtor.%") == 0
    for bad in ({"subject": "x"}, {"first": "きのう"}, {"user": "-1"}):
        assert auditor.get("/audit", params=bad).status_code == 422


def test_the_seals_are_judged_and_the_trail_is_taken_out(person: PersonMaker, office_id: int, data: Path) -> None:
    auditor = person(Role.AUDITOR)
    assert "まだ封印がありません" in auditor.get("/audit").text
    seal_audit(office_id)
    assert "封印はすべて保たれています" in auditor.post("/audit/verify").text
    answer = auditor.post("/audit/export")
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert sorted(archive.namelist()) == ["audit-seal.pub", "events.jsonl", "seals.jsonl"]
    archive.extractall(data / "out")
    assert run(["audit", "verify", str(data / "out")]) == 0
    assert list((data / "tmp").iterdir()) == []
    with get_engine().begin() as connection:  # as somebody who owns the tables could
        connection.execute(text("ALTER TABLE audit_event DISABLE ROW LEVEL SECURITY"))
        connection.execute(text("UPDATE audit_event SET address = '203.0.113.1' WHERE action = 'session.opened'"))
        connection.execute(text("ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY"))
    assert "保たれていない封印が1件" in auditor.post("/audit/verify").text
    with transaction(office_id) as session:
        told = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("audit.%")).order_by(AuditEvent.id)).all()
    assert [name for name in told if name != "audit.read"] == ["audit.verified", "audit.exported", "audit.verified"]


ROOMS = ("callcenter", "dialer", "campaigns", "reports")
ACTION = re.compile(r"[a-z_]+\.[a-z_]*[a-z]")
# said by a variable: the states a campaign, batch, round, case or rule set can be put in
SPOKEN = {
    *(f"campaign.{state}" for state in CampaignStatus),
    *(f"batch.{state}" for state in BatchState),
    *(f"visit.{state}" for state in ("done", "cancelled", "report_recorded", "report_dropped")),
    *(f"escalation.{decision}" for decision in ("accepted", "open", "returned", "decided")),
    *(f"rules.{to}" for to in ("draft", "propose", "return", "discard", "activate", "four_eyes_on", "four_eyes_off")),
}


def told_actions() -> set[str]:
    """Every code that the program writes into the trail, read from its source."""
    found = set(SPOKEN)
    for room in ROOMS:
        for path in Path(room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("record", "_note", "note"):
                    words = [each.value for arg in node.args[:3] for each in ast.walk(arg) if isinstance(each, ast.Constant)]
                    found |= {word for word in words if isinstance(word, str) and ACTION.fullmatch(word)}
    return found


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_action_is_told_in_words(lang: str) -> None:
    texts = catalogue(lang)
    actions = told_actions()
    assert len(actions) > 120
    parts = [(action, action.partition(".")) for action in sorted(actions)]
    assert [a for a, (noun, _, verb) in parts if f"audit_noun.{noun}" not in texts or f"audit_verb.{verb}" not in texts] == []


def test_a_row_tells_what_was_done_in_words(person: PersonMaker, office_id: int) -> None:
    auditor, now = person(Role.AUDITOR), utc_now()
    with transaction(office_id) as session:
        audit.record(
            session, "debtor.listed", "visit_round", 7, auditor.user_id, "10.0.0.1", {"rows": 3, "reaction": "", "strange": 1}, now
        )
    page = auditor.get("/audit").text
    for told in ("対象者・一覧の表示", "訪問の回 7", "件数 3、strange 1<"):
        assert told in page
    assert '<option value="debtor.">対象者</option>' in page
