"""The first run: once, only with the code of the data folder, on the page and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Office, Role, User
from callcenter.auth.setup import CODE_FILE, setup_code
from callcenter.cli import run
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from callcenter.web.i18n import LANGUAGES, catalogue
from tests.callcenter.conftest import CSRF, Person, sign_in

PASSWORD = "several words in a row"


@pytest.fixture
def data(clean_database: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLCENTER_DATA", str(tmp_path))
    get_settings.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def settings_again() -> Iterator[None]:
    yield
    get_settings.cache_clear()


def fill(client: TestClient, **changes: str) -> int:
    found = CSRF.search(client.get("/setup").text)
    assert found is not None
    form = {
        "name": "架空市",
        "code": "kakuu",
        "phone": "03-1234-5678",
        "sign_in_name": "kanri",
        "display_name": "管理",
        "password": PASSWORD,
    }
    return client.post("/setup", data=form | {"csrf_token": found[1]} | changes).status_code


def test_a_fresh_installation_asks_for_the_code_of_its_data_folder(app: FastAPI, data: Path) -> None:
    client = TestClient(app, follow_redirects=False)
    assert client.get("/setup").status_code == 200
    code = (data / CODE_FILE).read_text().strip()
    assert (data / CODE_FILE).stat().st_mode & 0o077 == 0
    assert code not in client.get("/setup").text
    assert fill(client, setup="guessed") == 403
    assert fill(client, setup=code, csrf_token="forged") == 403
    assert fill(client, setup=code, password="short") == 422
    assert fill(client, setup=code, name=" ") == 422
    assert fill(client, setup=code, code="no such code!") == 422
    with transaction(None) as session:
        assert session.scalars(select(Office)).all() == []
    assert fill(client, setup=code) == 303
    assert not (data / CODE_FILE).exists()
    steps = client.get("/first-steps")
    assert steps.status_code == 200
    assert "7のうち0" in steps.text
    with transaction(None) as session:
        office = session.scalars(select(Office)).one()
    assert (office.name, office.phone) == ("架空市", "+81312345678")
    with transaction(office.id) as session:
        user = session.scalars(select(User)).one()
        assert (user.role, user.password_until) == (Role.ADMINISTRATOR, None)
        assert "installation.set_up" in session.scalars(select(AuditEvent.action)).all()
    later = TestClient(app, follow_redirects=False)
    assert later.get("/setup").headers["location"] == "/login"
    assert later.post("/setup", data={"setup": code}).headers["location"] == "/login"
    assert sign_in(later, "kanri", password=PASSWORD).status_code == 303


def test_guessing_the_code_is_braked(app: FastAPI, data: Path) -> None:
    client = TestClient(app, follow_redirects=False)
    assert [fill(client, setup=f"guess {n}") for n in range(9)][-1] == 429
    assert fill(client, setup=setup_code(data)) == 429


def test_the_command_line_does_the_same_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["setup", "--name", "架空市", "--phone", "abc"]) == 2
    capsys.readouterr()
    assert run(["setup", "--name", "架空市", "--code", "kakuu", "--phone", "03-1234-5678", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["office"] == "kakuu"
    assert len(told["password"]) > 20
    assert run(["setup", "--name", "別の市", "--code", "betsu"]) == 1
    with transaction(None) as session:
        assert session.scalars(select(Office.code)).all() == ["kakuu"]


def test_a_further_offices_number_is_kept_as_carriers_need_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["office", "add", "betsu", "--name", "別の市", "--phone", "市民課"]) == 1
    assert "自治体の公表する番号が" in capsys.readouterr().err
    assert run(["office", "add", "betsu", "--name", "別の市", "--phone", "０３－１２３４－５６７８"]) == 0
    with transaction(None) as session:
        assert session.scalars(select(Office.phone)).all() == ["+81312345678"]


def test_steps_are_ticked_by_what_was_done(person: Callable[..., Person]) -> None:
    administrator = person(Role.ADMINISTRATOR)
    person(Role.SUPERVISOR)
    administrator.post("/carriers/test")
    assert "7のうち2" in administrator.get("/first-steps").text
    for lang in LANGUAGES:
        assert {"office", "list"} <= {key.partition(".")[2] for key in catalogue(lang) if key.startswith("setup_step.")}
