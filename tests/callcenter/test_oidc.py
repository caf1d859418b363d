"""Signing in at an identity provider, against a small one that answers here and can be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Office, Role, User, UserIdentity
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from tests.answering import answering
from tests.callcenter.conftest import PASSWORD, Person, add_user, sign_in

CLIENT, CLIENT_SECRET, SUBJECT = "callcenter-test", "a secret of the test, 32 letters and more", "person-4711"
KEY, OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Town:
    """The provider: `changes` are what its next ID token says otherwise; `codes` are those it gave out, each good once."""

    issuer: str = ""
    key: RSAKey | OctKey = field(default_factory=lambda: KEY)
    algorithm: str = "RS256"
    told_issuer: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorize(self, address: str) -> dict[str, str]:
        """What the browser brings back after the person signed in there."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != verifier:
            return 400, {"error": "invalid_grant"}
        now = int(time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": SUBJECT, "nonce": asked["nonce"], "iat": now, "exp": now + 300} | self.changes
        if self.algorithm == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
            signed = ".".join([*parts, ""])
        else:
            signed = jwt.encode({"alg": self.algorithm, "kid": "one"}, {k: v for k, v in claims.items() if v is not None}, self.key)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": signed}


class Answers(BaseHTTPRequestHandler):
    """The provider's three addresses."""

    def __init__(self, town: Town, *arguments: Any) -> None:
        self.town = town
        super().__init__(*arguments)

    def do_GET(self) -> None:
        where = self.town.issuer
        if self.path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": f"{where}/ask", "token_endpoint": f"{where}/token", "jwks_uri": f"{where}/keys"}
            self.say(200, {"issuer": self.town.told_issuer or where} | places)
        else:
            self.say(200, {"keys": [KEY.as_dict(private=False)]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.say(*self.town.token(dict(parse_qsl(body))))

    def say(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    made = Town()
    with answering(partial(Answers, made)) as address:
        made.issuer = address
        for name, value in (("ISSUER", address), ("CLIENT_ID", CLIENT), ("CLIENT_SECRET", CLIENT_SECRET)):
            monkeypatch.setenv(f"CALLCENTER_OIDC_{name}", value)
        get_settings.cache_clear()
        yield made
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture
def saeki(office_id: int, town: Town) -> int:
    """An operator who is linked with the person at the provider."""
    user_id = add_user(office_id, "saeki", Role.OPERATOR)
    with transaction(office_id) as session:
        session.add(UserIdentity(user_id=user_id, issuer=town.issuer, subject=SUBJECT, linked_at=utc_now()))
    return user_id


def come_in(client: TestClient, town: Town, **changes: str) -> str:
    """Goes to the provider and back; where the answer leads."""
    asked = client.get("/login/oidc", params={"next": "/account"})
    assert asked.status_code == 303, asked.text
    answer = client.get("/login/oidc/answer", params=town.authorize(asked.headers["location"]) | changes)
    return answer.headers.get("location", str(answer.status_code))


def whys(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        refused = select(AuditEvent.detail).where(AuditEvent.action == "session.refused").order_by(AuditEvent.id)
        return [row["why"] for row in session.scalars(refused) if "why" in row]


def test_the_right_person_comes_in_and_the_same_answer_only_once(web: TestClient, office_id: int, saeki: int, town: Town) -> None:
    assert "市の認証基盤でサインイン" in web.get("/login").text
    asked = web.get("/login/oidc", params={"next": "/account"})
    sealed = web.cookies["oidc"]
    brought = town.authorize(asked.headers["location"])
    answer = web.get("/login/oidc/answer", params=brought)
    assert answer.headers["location"] == "/account"
    assert "oidc" not in web.cookies
    assert not [secret for secret in ("opaque", "eyJ") if secret in str(answer.headers) + answer.text]
    assert web.get("/account").status_code == 200
    thief = TestClient(web.app, follow_redirects=False, cookies={"oidc": sealed})
    assert thief.get("/login/oidc/answer", params=brought).headers["location"] == "/login?problem=oidc"
    assert whys(office_id) == ["replayed"]
    with transaction(office_id) as session:
        assert {"by": "oidc"} in session.scalars(select(AuditEvent.detail).where(AuditEvent.action == "session.opened")).all()


def test_an_answer_for_another_browser_is_refused(web: TestClient, app: FastAPI, office_id: int, saeki: int, town: Town) -> None:
    mine = web.get("/login/oidc")
    other = TestClient(app, follow_redirects=False)
    theirs = other.get("/login/oidc")
    swapped = town.authorize(theirs.headers["location"])
    assert web.get("/login/oidc/answer", params=swapped).headers["location"] == "/login?problem=oidc"
    assert (
        TestClient(app, follow_redirects=False)
        .get("/login/oidc/answer", params=town.authorize(mine.headers["location"]))
        .headers["location"]
        == "/login?problem=oidc"
    )
    # the right state with the code of somebody else's question: its verifier does not fit
    again = web.get("/login/oidc")
    brought = town.authorize(again.headers["location"]) | {"code": town.authorize(theirs.headers["location"])["code"]}
    assert web.get("/login/oidc/answer", params=brought).headers["location"] == "/login?problem=oidc"
    assert "session" not in web.cookies
    assert whys(office_id) == ["state", "code"]


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": "somebody-else"},
        "algorithm none",
        "algorithm HS256",
        "another key",
        "another issuer in the answer",
        "another issuer in the description",
        "no code",
    ],
    ids=str,
)
def test_whatever_is_wrong_with_an_answer_opens_no_session(
    web: TestClient, office_id: int, saeki: int, town: Town, lie: dict[str, Any] | str
) -> None:
    changes: dict[str, str] = {}
    if isinstance(lie, dict):
        town.changes = lie
    elif lie == "algorithm none":
        town.algorithm = "none"
    elif lie == "algorithm HS256":
        town.algorithm, town.key = "HS256", OctKey.import_key(CLIENT_SECRET)  # a shared secret is no signature of the provider's
    elif lie == "another key":
        town.key = OTHER_KEY
    elif lie == "another issuer in the answer":
        changes = {"iss": "https://elsewhere.example"}
    elif lie == "no code":
        changes = {"code": ""}
    asked = web.get("/login/oidc")
    brought = town.authorize(asked.headers["location"]) | changes
    if lie == "another issuer in the description":
        town.told_issuer = "https://elsewhere.example"
    answer = web.get("/login/oidc/answer", params=brought)
    assert answer.headers["location"] == "/login?problem=oidc"
    assert "session" not in web.cookies
    assert len(whys(office_id)) == 1


def test_a_second_factor_of_ours_is_asked_unless_one_was_used_there(web: TestClient, office_id: int, saeki: int, town: Town) -> None:
    with transaction(office_id) as session:
        session.get_one(Office, office_id).options = {"access": {"second_factor_roles": ["operator"]}}
    assert come_in(web, town) == "200"  # the page that sets one up
    assert "session" not in web.cookies
    town.changes = {"amr": ["pwd"]}
    assert come_in(web, town) == "200"
    town.changes = {"amr": ["pwd", "otp"]}
    assert come_in(web, town) == "/account"


def test_one_links_and_unlinks_one_s_own_account(person: Callable[..., Person], office_id: int, town: Town) -> None:
    who = person(Role.AUDITOR, "kanno")
    assert who.post("/account/identity", {"password": "wrong wrong wrong"}).status_code == 422
    asked = who.post("/account/identity", {"password": PASSWORD})
    assert who.get("/login/oidc/answer", params=town.authorize(asked.headers["location"])).headers["location"] == "/account"
    assert "結び付けてあります" in who.get("/account").text
    other = person(Role.OPERATOR)
    asked = other.post("/account/identity", {"password": PASSWORD})
    assert other.get("/login/oidc/answer", params=town.authorize(asked.headers["location"])).status_code == 409
    assert who.post("/account/identity/drop").status_code == 303
    client = TestClient(who.client.app, follow_redirects=False)
    assert come_in(client, town) == "/login?problem=oidc"
    with transaction(office_id) as session:
        told = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("identity.%")).order_by(AuditEvent.id)).all()
    assert told == ["identity.linked", "identity.unlinked"]


def test_a_disabled_account_does_not_come_in_that_way(web: TestClient, office_id: int, saeki: int, town: Town) -> None:
    with transaction(office_id) as session:
        session.get_one(User, (office_id, saeki)).is_enabled = False
    assert come_in(web, town) == "/login?problem=oidc"


def test_without_a_provider_there_is_no_such_way_and_one_that_is_away_is_said(
    web: TestClient, office_id: int, saeki: int, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLCENTER_OIDC_ISSUER", "http://127.0.0.1:9")
    get_settings.cache_clear()
    assert web.get("/login/oidc").status_code == 503
    monkeypatch.setenv("CALLCENTER_OIDC_ISSUER", "http://elsewhere.example")
    get_settings.cache_clear()
    assert web.get("/login/oidc").status_code == 422  # neither https nor this machine
    monkeypatch.delenv("CALLCENTER_OIDC_ISSUER")
    get_settings.cache_clear()
    assert web.get("/login/oidc").status_code == 404
    assert "認証基盤" not in web.get("/login").text
    assert sign_in(web, "saeki").status_code == 303
