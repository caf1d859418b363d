"""Versions of scripts, from the command line to the call that speaks them; what each answer does to the debtor."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.cli import run
from callcenter.core.db import transaction
from campaigns.attempts.codes import Channel
from campaigns.attempts.models import Attempt
from campaigns.debtors.models import PhoneNumber, Suppression
from dialer.calls.service import apply_event
from dialer.ivr.models import RobocallScript
from dialer.telephony.events import CarrierEvent, EventKind
from tests.dialer.world import Hall

OWN = """code = "spring"
title = "春"
[[node]]
code = "start"
kind = "menu"
say = "こちらは{office}です。"
keys = { "1" = "person", "2" = "opt_out" }
then = "bye"
[[node]]
code = "person"
kind = "transfer"
say = "おつなぎします。"
then = "later"
[[node]]
code = "later"
kind = "end"
say = "折り返しお電話します。"
effect = "call_back"
[[node]]
code = "opt_out"
kind = "end"
say = "止めます。"
effect = "opt_out"
[[node]]
code = "bye"
kind = "end"
"""


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object], str]:
    status = run(["script", *arguments, "--json"])
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else {}, err


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "spring.toml"
    file.write_text(OWN, encoding="utf-8")
    return file


def test_a_script_is_checked_kept_and_made_active(office_id: int, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "check", str(own))[:2] == (0, {"code": "spring", "nodes": 5, "problems": []})
    status, told, _ = called(capsys, "add", str(own))
    assert (status, told["version"], told["is_new"], told["is_active"]) == (0, 1, True, False)
    assert called(capsys, "add", str(own))[1]["is_new"] is False
    assert called(capsys, "activate", "spring")[1] == {"code": "spring", "version": 1, "is_active": True}
    own.write_text(OWN.replace("おつなぎします。", "少々お待ちください。"), encoding="utf-8")
    assert called(capsys, "add", str(own))[1]["version"] == 2
    with transaction(office_id) as session:
        rows = session.execute(select(RobocallScript.version, RobocallScript.is_active).order_by(RobocallScript.version)).all()
        assert [tuple(row) for row in rows] == [(1, True), (2, False)]
    assert called(capsys, "activate", "spring", "--version", "2")[0] == 0
    with transaction(office_id) as session:
        assert session.scalars(select(RobocallScript.version).where(RobocallScript.is_active)).all() == [2]
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
        assert [action for action in actions if action.startswith("script.")] == ["script.added", "script.activated"] * 2
    status, shown, _ = called(capsys, "show", "spring")
    assert status == 0
    assert len(shown["script"]["node"]) == 5  # type: ignore[index]
    assert called(capsys, "show", "nothing")[0] == 1


def test_findings_keep_a_script_from_being_active(office_id: int, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(OWN.replace('"2" = "opt_out"', '"2" = "nowhere"'), encoding="utf-8")
    status, told, _ = called(capsys, "check", str(own))
    assert (status, {each["code"] for each in told["problems"]}) == (1, {"no_target", "unreachable"})  # type: ignore[index, attr-defined]
    assert called(capsys, "add", str(own))[0] == 0
    status, _, err = called(capsys, "activate", "spring")
    assert (status, "nowhere" in err) == (1, True)
    own.write_text("[[node", encoding="utf-8")
    assert called(capsys, "check", str(own))[0] == 1


def test_words_about_tax_need_two_people(office_id: int, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text('wording = "tax"\n' + OWN.replace("こちらは{office}です。", "{office}から市税のお知らせです。"), encoding="utf-8")
    with transaction(office_id) as session:
        session.add_all([User(sign_in_name=name, display_name=name, role=Role.SUPERVISOR) for name in ("hori", "toda")])
    assert called(capsys, "add", str(own), "--by", "hori")[0] == 0
    for by in ([], ["--by", "hori"], ["--by", "nobody"]):
        assert called(capsys, "activate", "spring", *by)[0] == 1
    assert called(capsys, "activate", "spring", "--by", "toda")[0] == 0


def speaking(office_id: int, suffix: str, own: str = OWN, operators: int = 0) -> Hall:
    """A campaign that speaks this script to one debtor."""
    from dialer.ivr.documents import from_toml
    from dialer.ivr.versions import activate, add_version

    hall = Hall(office_id, [suffix], operators=operators, channel=Channel.AUTO_CALL, options={"robocall_script": "spring"})
    with transaction(office_id) as session:
        code, document = from_toml(own)
        activate(session, add_version(session, code, document, hall.clock.now(), None), hall.clock.now(), None)
    hall.dialer.start()
    return hall


def test_opting_out_stops_automated_calls_only(office_id: int) -> None:
    hall = speaking(office_id, "0013")  # presses 2
    hall.pass_time(90)
    attempt = hall.attempts()[0]
    assert (attempt.outcome, attempt.robocall_path) == ("stop_number", "start>opt_out")
    assert [(item.state, item.reason) for item in hall.items()] == [("done", "stop_number")]
    with transaction(office_id) as session:
        assert session.execute(select(Suppression.reason, Suppression.channel)).all() == [("stop_request", "auto_call")]
        assert session.scalars(select(PhoneNumber.status)).all() == ["unverified"]


def test_not_me_disables_the_number_wherever_it_is_known(office_id: int) -> None:
    hall = Hall(office_id, ["0010"], operators=0, channel=Channel.AUTO_CALL)
    with transaction(office_id) as session:
        from tests.dialer.world import add_debtor

        number = session.scalars(select(PhoneNumber)).one()
        other = add_debtor(session, 99)
        session.add(PhoneNumber(debtor_id=other.id, original="same", e164=number.e164, line_type="mobile", position=2))
    hall.dialer.start()
    hall.pass_time(90)
    with transaction(office_id) as session:
        assert session.scalars(select(PhoneNumber.status).where(PhoneNumber.e164 == number.e164)).all() == ["wrong_person"] * 2


def test_who_asks_for_a_person_gets_the_free_operator_and_the_result_is_a_person_s(office_id: int) -> None:
    hall = speaking(office_id, "0012", operators=1)  # presses 1
    hall.staff()
    hall.pass_time(25)
    attempt, call = hall.attempts()[0], hall.calls()[0]
    assert (hall.agent().state, hall.agent().attempt_id, call.state) == ("talking", attempt.id, "bridged")
    assert attempt.operator_id == hall.user_ids[0]
    hall.pass_time(70)
    attempt = hall.attempts()[0]
    assert (attempt.state, attempt.robocall_path, hall.agent().state) == ("wrap_up", "start>person", "wrap_up")


def test_without_a_free_operator_the_script_goes_on(office_id: int) -> None:
    hall = speaking(office_id, "0012")
    hall.pass_time(90)
    assert (hall.attempts()[0].outcome, hall.attempts()[0].robocall_path) == ("callback_promised", "start>person>later")


def test_a_key_that_is_told_after_the_end_still_counts_once(office_id: int) -> None:
    hall = speaking(office_id, "0011")  # hangs up without a word
    hall.pass_time(60)
    call = hall.calls()[0]
    assert (hall.attempts()[0].outcome, hall.attempts()[0].robocall_path) == ("no_result", "start")
    event = CarrierEvent(EventKind.DIGIT, call.channel_id, hall.clock.now(), "late", digit="2", node="opt_out", step=2)
    for _ in range(2):
        with transaction(office_id) as session:
            apply_event(session, event, hall.clock.now() + timedelta(seconds=1))
    with transaction(office_id) as session:
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.outcome, attempt.robocall_path, attempt.robocall_keys) == ("stop_number", "start>opt_out", "2")
        assert len(session.scalars(select(Suppression)).all()) == 1
