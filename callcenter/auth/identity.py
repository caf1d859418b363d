"""Signing in at an identity provider (OpenID Connect, code flow with PKCE): the provider's addresses, the exchange, the token's check.

Who somebody is are `iss` and `sub` together, linked once by the person. Tokens never leave this process and are not kept. Only the
configured issuer counts, to the letter; signatures by RSA or elliptic curves only.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException, Response
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from callcenter.auth.models import User, UserIdentity
from callcenter.core.errors import AppError, Conflict, InvalidInput, Unavailable
from callcenter.core.settings import Settings

ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY = 60  # seconds the two clocks may differ
SECONDS = 10.0
STRONG = frozenset({"mfa", "otp", "hwk", "swk", "sc"})  # RFC 8176: a second factor was used there
LOCAL = ("127.0.0.1", "localhost")


class NotIdentified(AppError):
    """The provider's answer does not say who it is; `why` is for the record."""

    status = 401
    code = "oidc_refused"

    def __init__(self, why: str) -> None:
        super().__init__("認証基盤の答えを確認できませんでした。", hint="もう一度はじめからサインインしてください。")
        self.why = why


class ProviderAway(Unavailable):
    """The identity provider does not answer."""

    code = "oidc_away"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is; `has_second`: a second factor was used there."""

    issuer: str
    subject: str
    has_second: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What binds an answer to the browser that asked."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Provider:
    """The configured provider, and where it wants its answers sent."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str

    def begin(self) -> tuple[str, Ask]:
        """The address to send the browser to, and what its answer has to match. Raises ProviderAway."""
        ask = Ask(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        with self._client() as client:
            address, _ = client.create_authorization_url(
                self._places(client)["authorization_endpoint"], state=ask.state, nonce=ask.nonce, code_verifier=ask.verifier
            )
        return str(address), ask

    def identify(self, code: str, ask: Ask) -> Identity:
        """Whom the code stands for. Raises NotIdentified, ProviderAway."""
        with self._client() as client:
            places = self._places(client)
            try:
                told = client.fetch_token(places["token_endpoint"], code=code, code_verifier=ask.verifier, timeout=SECONDS)
                keys = _fetch(client, places["jwks_uri"])
            except AuthlibBaseError as problem:
                raise NotIdentified("code") from problem
            except (RequestException, ValueError) as problem:
                raise ProviderAway("認証基盤が応答しません。", hint="しばらくしてから試してください。") from problem
        return self.read(str(told.get("id_token", "")), keys, ask.nonce)

    def read(self, token: str, keys: Mapping[str, Any], nonce: str) -> Identity:
        """The checked contents of an ID token (OpenID Connect Core 3.1.3.7). Raises NotIdentified."""
        try:
            claims = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=list(ALGORITHMS)).claims  # type: ignore[arg-type]
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.client_id},
                nonce={"essential": True, "value": nonce},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as problem:
            raise NotIdentified(type(problem).__name__) from problem
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self.client_id:
            raise NotIdentified("azp")
        methods = claims.get("amr", [])
        return Identity(self.issuer, str(claims["sub"])[:255], isinstance(methods, list) and bool(STRONG & {str(each) for each in methods}))

    def _client(self) -> OAuth2Session:
        client = OAuth2Session(
            self.client_id, self.client_secret, redirect_uri=self.redirect_uri, scope="openid", code_challenge_method="S256"
        )
        client.max_redirects = 0
        return client

    def _places(self, client: OAuth2Session) -> Mapping[str, str]:
        """The provider's description of itself, which has to be about this issuer."""
        try:
            told = _fetch(client, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        except (RequestException, ValueError) as problem:
            raise ProviderAway("認証基盤が応答しません。", hint="しばらくしてから試してください。") from problem
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if told.get("issuer") != self.issuer or not all(is_safe(str(told.get(name, ""))) for name in needed):
            raise NotIdentified("issuer")
        return {name: str(told[name]) for name in needed}


def _fetch(client: OAuth2Session, address: str) -> Any:
    """A public document of the provider's; our tokens do not go along."""
    answer: Response = client.request("GET", address, withhold_token=True, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json()


def is_safe(address: str) -> bool:
    """Whether it is an https address, or one of this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)


def provider_of(settings: Settings, base_url: str) -> Provider | None:
    """The configured provider, None where there is none.

    Args:
        base_url: of this console, where no public address is set.

    Raises:
        InvalidInput: the issuer's address is not one.
    """
    if not settings.oidc_issuer or not settings.oidc_client_id:
        return None
    if not is_safe(settings.oidc_issuer):
        raise InvalidInput("CALLCENTER_OIDC_ISSUER is not usable.", hint="Expected https://…", code="oidc_settings")
    home = (settings.public_url or base_url).rstrip("/")
    secret = settings.oidc_client_secret.get_secret_value()
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret, f"{home}/login/oidc/answer")


def user_of(session: Session, identity: Identity) -> User | None:
    """The enabled user of this office who is linked with it."""
    joined = select(User).join(UserIdentity, (UserIdentity.office_id == User.office_id) & (UserIdentity.user_id == User.id))
    return session.scalar(joined.where(UserIdentity.issuer == identity.issuer, UserIdentity.subject == identity.subject, User.is_enabled))


def link(session: Session, user_id: int, identity: Identity, now: datetime) -> None:
    """Links a user with an identity, in place of another one of that provider. Raises Conflict: it is somebody else's."""
    held = select(UserIdentity.user_id).where(UserIdentity.issuer == identity.issuer, UserIdentity.subject == identity.subject)
    owner = session.scalar(held)
    if owner == user_id:
        return
    if owner is not None:
        raise Conflict("その認証基盤のアカウントは、別の利用者のものです。", code="identity_taken")
    unlink(session, user_id, identity.issuer)
    session.add(UserIdentity(user_id=user_id, issuer=identity.issuer, subject=identity.subject, linked_at=now))
    session.flush()


def unlink(session: Session, user_id: int, issuer: str) -> None:
    """Takes the link with that provider away."""
    session.execute(delete(UserIdentity).where(UserIdentity.user_id == user_id, UserIdentity.issuer == issuer))


def is_linked(session: Session, user_id: int, issuer: str) -> bool:
    """Whether the user is linked with that provider."""
    query = select(UserIdentity.id).where(UserIdentity.user_id == user_id, UserIdentity.issuer == issuer)
    return session.scalar(query) is not None
