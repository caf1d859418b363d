"""Robocall scripts in the browser: begun, changed, heard, approved by a second person, and never changed once in use."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import Debtor
from dialer.ivr.detection import Measured, keep_measurement, own_measurement
from dialer.ivr.models import RobocallScript
from tests.callcenter.conftest import Person
from tests.dialer.test_recordings import recorded

FIELD = re.compile(r'<(input|textarea|select)[^>]*? name="([^"]+)"[^>]*?>')


def fields(page: str) -> dict[str, str]:
    """What the editor's form would send as it stands."""
    form = page[page.index('class="scriptform"') :]
    found: dict[str, str] = {}
    for match in FIELD.finditer(form):
        kind, name, tag = match[1], match[2], match[0]
        rest = form[match.end() :]
        if kind == "textarea":
            found[name] = rest[: rest.index("</textarea>")]
        elif kind == "select":
            options = rest[: rest.index("</select>")]
            chosen = re.search(r'value="([^"]*)" selected', options)
            found[name] = chosen[1] if chosen else ""
        elif value := re.search(r'value="([^"]*)"', tag):
            found[name] = value[1]
    found.pop("csrf_token", None)
    return found


@pytest.fixture
def writer(person: Callable[..., Person]) -> Person:
    return person(Role.SUPERVISOR)


def begun(writer: Person, code: str = "spring") -> str:
    answer = writer.post("/scripts/new", {"code": code})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_a_script_is_begun_changed_heard_and_used(writer: Person, office_id: int) -> None:
    where = begun(writer)
    page = writer.get(where).text
    assert "直すところはありません" in page
    assert page.count('<g class="box') == 6
    form = fields(page)
    assert "8 = opt_out" in form["node0.keys"]
    form["title"] = "春の案内"
    form["node5.say"] = "またお電話します。"
    assert writer.post(f"{where}/save", form).headers["location"] == where
    page = writer.get(where).text
    assert ("春の案内" in page, "またお電話します。" in page) == (True, True)
    sound = writer.get(f"{where}/goodbye.wav")
    assert (sound.headers["content-type"], sound.content[:4]) == ("audio/wav", b"RIFF")
    assert writer.get(f"{where}/nothing.wav").status_code == 404
    assert writer.post(f"{where}/activate").status_code == 303
    form["title"] = "夏の案内"
    assert writer.post(f"{where}/save", form).headers["location"] == "/scripts/spring/2"
    with transaction(office_id) as session:
        rows = session.scalars(select(RobocallScript).order_by(RobocallScript.version)).all()
        assert [(row.document["title"], row.is_active) for row in rows] == [("春の案内", True), ("夏の案内", False)]
        actions = session.scalars(
            select(AuditEvent.action).where(AuditEvent.subject_type == "robocall_script").order_by(AuditEvent.id)
        ).all()
        assert actions == ["script.added", "script.saved", "script.activated", "script.saved"]
    assert writer.post(f"{where}/withdraw").status_code == 303
    assert writer.get("/scripts").text.count("使用中") == 1  # the built-in one again


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"node0.keys": "1 = nowhere"}, "行き先「nowhere」がありません"),
        ({"node5.say": "市税の件でした。"}, "中立の台本に「税」があります"),
        ({"node0.then": ""}, "直すところ"),
        ({"on_machine": "leave_message", "message": ""}, "留守番電話に残す伝言がありません"),
    ],
)
def test_findings_are_shown_in_their_place_and_keep_it_from_being_used(writer: Person, change: dict[str, str], words: str) -> None:
    where = begun(writer)
    form = fields(writer.get(where).text) | change
    assert writer.post(f"{where}/save", form).status_code == 303
    assert words in writer.get(where).text
    is_wrong = change != {"node0.then": ""}
    assert (writer.post(f"{where}/activate").status_code == 422) == is_wrong or words == "直すところ"


@pytest.mark.parametrize(
    "change",
    [
        {"node0.keys": "1 call_back"}, {"node0.keys": "1 = a\n1 = b"}, {"node0.keys": "x = a"}, {"node0.repeats": "many"},
        {"node0.repeats": "9"},
        {"node0.code": "Ä"}, {"wording": "rude"}, {"node0.say": "あ" * 601}, {"node0.kind": "sing"}, {"node1.effect": "pay"},
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_and_nothing_is_lost(writer: Person, change: dict[str, str]) -> None:
    where = begun(writer)
    before = writer.get(where).text
    assert writer.post(f"{where}/save", fields(before) | change).status_code == 422
    assert fields(writer.get(where).text) == fields(before)


def test_words_about_tax_need_somebody_else(writer: Person, person: Callable[..., Person]) -> None:
    where = begun(writer)
    form = fields(writer.get(where).text) | {"wording": "tax", "node5.say": "市税のお知らせでした。"}
    assert writer.post(f"{where}/save", form).status_code == 303
    assert "作成者と別の人が承認します" in writer.get(where).text
    assert writer.post(f"{where}/activate").status_code == 409
    officer = person(Role.TAX_OFFICER)
    assert officer.post(f"{where}/activate").status_code == 303


def test_recordings_are_kept_heard_and_refused_with_their_reason(writer: Person) -> None:
    def upload(name: str, content: bytes) -> Any:
        headers = {"X-CSRF-Token": writer.csrf, "HX-Request": "true", "Idempotency-Key": f"key-{name}-{len(content)}"}
        return writer.client.post(
            "/scripts/recordings/add", data={"name": name}, files={"file": ("a.wav", io.BytesIO(content))}, headers=headers
        )

    assert upload("greeting", recorded()).status_code == 303
    assert upload("greeting", b"not a sound").status_code == 422
    assert upload("../x", recorded()).status_code == 422
    assert writer.get("/scripts/recordings/greeting.wav").content[:4] == b"RIFF"
    assert writer.get("/scripts/recordings/other.wav").status_code == 404
    where = begun(writer)
    form = fields(writer.get(where).text) | {"node0.recording": "greeting"}
    assert writer.post(f"{where}/save", form).status_code == 303
    assert writer.get(f"{where}/start.wav").content == writer.get("/scripts/recordings/greeting.wav").content


def test_the_built_in_script_is_there_to_read_and_hear(writer: Person) -> None:
    page = writer.get("/scripts/built-in").text
    assert "fieldset disabled" in page
    assert "/activate" not in page
    assert writer.get("/scripts/built-in/goodbye.wav").content[:4] == b"RIFF"


def attempts(office_id: int, channel: Channel, label: str, answered: int, machines: int, *, days_ago: int = 1) -> None:
    """Calls as they ended."""
    at = utc_now() - timedelta(days=days_ago)
    with transaction(office_id) as session:
        debtor = Debtor(debtor_no=f"{channel}{days_ago}{label}"[-20:], name="見本 佳代", address="架空市本町1")
        session.add(debtor)
        session.flush()
        results = [LineResult.ANSWERED] * answered + [LineResult.MACHINE] * machines + [LineResult.NO_ANSWER] * 3
        session.add_all(
            Attempt(debtor_id=debtor.id, channel=channel, began_at=at, state="closed", line_result=result, script_version=label)
            for result in results
        )


def test_how_often_machines_are_judged_wrongly_is_shown(writer: Person, office_id: int) -> None:
    where = begun(writer)
    page = writer.get(where).text
    assert "人の挨拶144件のうち0件を留守番電話と誤り(0.0%、95%の幅0.0%〜2.6%)" in page
    assert "この回線の録音では、まだ測っていません" in page
    assert "判定を使っていません" in page
    form = fields(page) | {"on_machine": "hang_up"}
    assert writer.post(where + "/save", form).status_code == 303
    attempts(office_id, Channel.AUTO_CALL, "spring/1", 50, 50)
    attempts(office_id, Channel.AUTO_CALL, "spring/1", 0, 500, days_ago=40)  # too long ago
    attempts(office_id, Channel.AUTO_CALL, "standard/1", 300, 0)  # listens for none
    attempts(office_id, Channel.OPERATOR_CALL, "", 55, 45)
    kept = keep_measurement(get_settings().data_dir, Measured(40, 3, 20, 5, date(2026, 11, 26)))
    try:
        page = writer.get(where).text
    finally:
        kept.unlink()
    assert "この回線の録音での測定(2026-11-26): 人の挨拶40件のうち3件を留守番電話と誤り(7.5%" in page
    assert "判定をする台本では、応答100件のうち50件を留守番電話と判定(50.0%" in page
    assert "担当者が聞いた電話では、応答100件のうち45件(45.0%" in page
    assert "人の電話を切っているおそれ" not in page
    attempts(office_id, Channel.OPERATOR_CALL, "", 300, 0, days_ago=2)
    assert "人の電話を切っているおそれ" in writer.get(where).text


@pytest.mark.parametrize(
    "text", ["", "[]", '{"people": 1}', '{"people": 1, "people_taken": 2, "machines": 0, "machines_missed": 0, "on": "2026-11-26"}']
)
def test_a_measurement_that_is_none_is_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "detection.json").write_text(text)
    assert own_measurement(tmp_path) is None
