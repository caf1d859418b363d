"""The office's settings in one table, what is kept how long, the carrier's test, and alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from callcenter.auth.models import AuditEvent, Office, Role, UserSession
from callcenter.auth.offices import published_number
from callcenter.auth.terms import KEY as ACCESS
from callcenter.auth.terms import AccessTerms
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.demo import TOWNS
from callcenter.web import office_options as table
from callcenter.web.i18n import LANGUAGES, catalogue
from callcenter.web.rendering import STATIC
from campaigns.imports.models import ImportFile, Rejection
from campaigns.messages.terms import KEY as BATCHES
from campaigns.messages.terms import BatchTerms, load_terms
from campaigns.promises.terms import Terms
from campaigns.promises.terms import load_terms as promise_terms
from dialer.recordings.terms import OfficeTerms, office_terms
from dialer.retention import KINDS, forget_old
from tests.callcenter.conftest import Person

PersonMaker = Callable[..., Person]
ROOT = STATIC.parents[2]


def test_the_table_lists_whatever_a_room_reads() -> None:
    listed = {option.path for option in table.OPTIONS}
    rooms: dict[str, Any] = {"": Terms, BATCHES: BatchTerms, table.RECORDINGS: OfficeTerms, ACCESS: AccessTerms}
    expected = {(key, field.name) if key else (field.name,) for key, room in rooms.items() for field in fields(room)}
    assert listed == expected | {("rounding",), ("rules_four_eyes",)}
    assert len({option.key for option in table.OPTIONS}) == len(table.OPTIONS)


def test_whoever_writes_an_option_is_known_here() -> None:
    """A room that begins to keep something in the office's options names it in the table, or among what is settled elsewhere."""
    known = {"promises/terms.py", "messages/terms.py", "recordings/terms.py", "payments/debt_charges.py", "planning/versions.py"}
    known |= {"recordings/criteria.py", "web/office_pages.py", "web/retention_pages.py"}
    writing = {
        f"{path.parent.name}/{path.name}"
        for folder in ("callcenter", "campaigns", "dialer", "reports")
        for path in Path(ROOT / folder).rglob("*.py")
        if "office.options = " in path.read_text("utf-8")
    }
    assert writing == known


def test_every_option_has_its_words() -> None:
    for lang in LANGUAGES:
        words = catalogue(lang)
        for option in table.OPTIONS:
            assert words[f"office_option.{option.key}"]
            assert words[f"office_help.{option.key}"]
            assert option.kind != table.CHOICE or all(words[f"office_choice.{option.key}_{each}"] for each in option.choices)
        assert all(words[f"retention_kind.{kind.name}"] and words[f"retention_help.{kind.name}"] for kind in KINDS)


def form_of(group: str, **changes: Any) -> dict[str, Any]:
    """What the untouched form of a section would send, with changes."""
    sent: dict[str, Any] = {}
    for option in table.group_of(group):
        if option.kind == table.SWITCH:
            sent |= {option.key: "true"} if option.default else {}
        elif option.kind != table.ROLES:
            sent[option.key] = table.shown(option, option.default)
    return sent | changes


def test_rooms_follow_what_is_saved_and_a_bad_value_changes_nothing(person: PersonMaker, office_id: int) -> None:
    who = person(Role.ADMINISTRATOR)
    shown = who.get("/office").text
    assert f'id="office-number">{office_id}<' in shown
    assert f"/webhooks/twilio/incoming/{office_id}" in shown
    assert who.post("/office/promises", form_of("promises", promise_grace_days="10", rounding="phase")).status_code == 303
    assert who.post("/office/batches", form_of("batches", batches_release="one_person", batches_segment_price="8.8")).status_code == 303
    assert who.post("/office/recordings", {"recordings_keep_days": "30", "recordings_open_minutes": "15"}).status_code == 303
    with transaction(office_id) as session:
        assert promise_terms(session).promise_grace_days == 10
        assert (load_terms(session).release, load_terms(session).segment_price) == ("one_person", 880)
        assert office_terms(session) == OfficeTerms(30, shows_supervision=False, shows_reviews=False, open_minutes=15)
        before = session.get_one(Office, office_id).options
    bad = who.post("/office/promises", form_of("promises", promise_grace_days="61", posting_lag_days="3"))
    assert bad.status_code == 422
    assert 'value="61"' in bad.text
    assert 'aria-invalid="true"' in bad.text
    assert who.post("/office/nothing", {}).status_code == 303
    with transaction(office_id) as session:
        assert session.get_one(Office, office_id).options == before
        told = session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "office.changed").order_by(AuditEvent.id)).all()
    assert told[0] == {"group": "promises", "options": "promise_grace_days rounding"}


def test_a_role_that_now_needs_a_second_factor(person: PersonMaker, office_id: int) -> None:
    who = person(Role.ADMINISTRATOR)
    sent = form_of("access", access_second_factor_roles=["auditor", "nobody"], access_lock_minutes="0")
    assert who.post("/office/access", sent).status_code == 303
    with transaction(office_id) as session:
        assert session.get_one(Office, office_id).options[ACCESS]["second_factor_roles"] == ["auditor"]
    assert "data-lock-minutes" not in who.get("/office").text


def test_the_office_s_names(person: PersonMaker, office_id: int) -> None:
    who = person(Role.ADMINISTRATOR)
    wrong = who.post("/office/identity", {"name": "", "phone": "abc"})
    assert wrong.status_code == 422
    assert wrong.text.count('aria-invalid="true"') == 2
    assert (
        who.post("/office/identity", {"name": "新架空市", "desk_name": "新架空市コールセンター", "phone": "03-1234-5678"}).status_code
        == 303
    )
    with transaction(office_id) as session:
        office = session.get_one(Office, office_id)
        assert (office.name, office.phone) == ("新架空市", "+81312345678")


def test_what_is_over_is_counted_first_and_then_goes(person: PersonMaker, office_id: int) -> None:
    who, now = person(Role.ADMINISTRATOR), utc_now()
    with transaction(office_id) as session:
        for days in (400, 40):
            row = ImportFile(
                kind="debts", layout="standard", as_of=local_day(now), original_name="list.csv", stored_path="/x.upload", sha256="0" * 64,
                size_bytes=1, status="done", created_at=now - timedelta(days=days),
            )  # fmt: skip
            session.add(row)
            session.flush()
            session.add(Rejection(import_id=row.id, row_no=1, column="氏名", code="x", reason="x", original=["見本 佳代"]))
    sent = {kind.name: str(kind.days) for kind in KINDS}
    assert who.post("/retention", sent | {"import_files": "29"}).status_code == 422
    shown = who.post("/retention", sent | {"import_files": "30", "preview": "true"})
    assert "まだ保存していません" in shown.text
    assert '<td class="n">2</td>' in shown.text
    assert who.post("/retention", sent).status_code == 303
    assert forget_old(office_id) == {"import_files": 1}
    assert forget_old(office_id) == {}
    with transaction(office_id) as session:
        rows = session.scalars(select(ImportFile).order_by(ImportFile.created_at)).all()
        assert [row.stored_path for row in rows] == ["", "/x.upload"]
        assert session.scalar(select(func.count()).select_from(Rejection)) == 1
        assert session.scalar(select(func.count()).select_from(UserSession)) == 1
        assert session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "retention.done")).one() == {"import_files": 1}
    assert who.get("/retention").status_code == 200


def test_the_carrier_is_tried_and_no_secret_is_shown(person: PersonMaker, office_id: int) -> None:
    who = person(Role.ADMINISTRATOR)
    assert "模擬回線" in who.get("/carriers").text
    answer = who.post("/carriers/test")
    assert answer.status_code == 200
    assert "すべて使えます" in answer.text
    with transaction(office_id) as session:
        assert session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "carrier.tested")).one()["is_ok"] is True


def test_an_alert_waits_until_somebody_says_what_was_found(person: PersonMaker, office_id: int) -> None:
    reader, auditor = person(Role.SUPERVISOR), person(Role.AUDITOR)
    with transaction(office_id) as session:
        event = AuditEvent(at=utc_now(), action="alert.bulk_reading", user_id=reader.user_id, detail={"most": 40, "per": "minute"})
        session.add(event)
        session.flush()
        alert = event.id
    assert "1分に40人を超えて開きました" in auditor.get("/alerts").text
    assert auditor.post(f"/alerts/{alert}/seen", {"found": "guess"}).status_code == 422
    assert auditor.post("/alerts/999999/seen", {"found": "nothing"}).status_code == 404
    assert auditor.post(f"/alerts/{alert}/seen", {"found": "spoken_to"}).status_code == 303
    shown = auditor.get("/alerts").text
    assert "確かめるものはありません" in shown
    assert "本人に注意した" in shown


def test_the_published_number_is_one_that_carriers_take() -> None:
    assert [published_number(text) for text in ("03-1234-5678", " +81300000001 ", "")] == ["+81312345678", "+81300000001", ""]
    assert {published_number(town.phone) for town in TOWNS} == {town.phone for town in TOWNS}
    with pytest.raises(InvalidInput):
        published_number("03-12")
