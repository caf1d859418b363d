"""The document that describes a provider's HTTP interface. It holds no secret and no host: those come from the environment.

Values of fields, headers and paths are texts with marks in braces: {to} (+8190…), {to_national} (090…), {to_digits} (8190…), {text},
{reference} (ours), {sender}, {callback} (the address for reports), {provider_id} (status queries only).
"""

from __future__ import annotations

import re
import tomllib
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from callcenter.core.errors import InvalidInput
from campaigns.messages.senders.troubles import Trouble
from campaigns.messages.state import MessageState

MARKS = frozenset({"to", "to_national", "to_digits", "text", "reference", "sender", "callback"})
STATUS_MARKS = MARKS - {"text", "callback"} | {"provider_id"}
MOST_BYTES = 20_000
TAKEN_NAMES = frozenset({"twilio", "simulated", "simulator", "settings", "gateway"})
_MARK = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
State = Literal["accepted", "delivered", "undelivered", "failed"]


def _path(text: str) -> str:
    if not text.startswith("/") or text.startswith("//") or ".." in text or any(sign.isspace() for sign in text):
        raise ValueError("expected a path that begins with one slash, such as /v1/messages")
    return text


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError("expected the name of a header, such as X-Signature")
    return text


Path = Annotated[str, Field(max_length=300), AfterValidator(_path)]
HeaderName = Annotated[str, AfterValidator(_header)]
Values = dict[Annotated[str, Field(min_length=1, max_length=80)], Annotated[str, Field(max_length=300)]]
Place = Annotated[str, Field(min_length=1, max_length=120)]
Rate = Annotated[float, Field(gt=0, le=1000)]
Statuses = list[Annotated[int, Field(ge=100, le=599)]]


class Part(BaseModel):
    """A table of the document: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Document = TypeVar("Document", bound=Part)


class Auth(Part):
    """How we show who we are. `basic` and `bearer` are HTTP's own; `header` puts the secret into `header`; `hmac` signs the body.

    With `timestamp_header` the signature covers the time in seconds, a full stop and the body, and the time is sent along.
    """

    kind: Literal["none", "basic", "bearer", "header", "hmac"] = "none"
    header: HeaderName = "X-Signature"
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Annotated[str, Field(max_length=20)] = ""
    timestamp_header: HeaderName | None = None


class Request(Part):
    """One message out. `not_taken`: statuses after which the provider has certainly not taken the message, though it is a 5xx."""

    method: Literal["POST", "PUT", "GET"] = "POST"
    path: Path
    format: Literal["json", "form"] = "json"
    fields: Values
    headers: dict[HeaderName, Annotated[str, Field(max_length=300)]] = {}
    success: Statuses = [200, 201, 202]
    not_taken: Statuses = [429]


class Answer(Part):
    """Where the answer says what; places are names joined by full stops, numbers count through lists (`messages.0.id`)."""

    id: Place
    error: Place | None = None
    is_ok_code: Annotated[str, Field(max_length=40)] = ""
    errors: dict[str, Trouble] = {}


class Callback(Part):
    """A report about a message, posted to /webhooks/gateway/OFFICE/status. `reference` or `id` says which message."""

    format: Literal["json", "form"] = "json"
    reference: Place | None = None
    id: Place | None = None
    state: Place
    error: Place | None = None
    states: dict[str, State]
    errors: dict[str, Trouble] = {}
    auth: Auth = Auth()

    @model_validator(mode="after")
    def _names_the_message(self) -> Callback:
        if self.reference is None:
            raise ValueError("needs `reference`: the field that carries our {reference} back")
        if self.auth.kind in ("none", "basic", "bearer"):
            raise ValueError("auth.kind must be header or hmac: a report nobody signed could come from anybody")
        return self


class Status(Part):
    """Asking about one message: needed so that a lost answer can be settled. `items` is the place of a list, where there is one."""

    method: Literal["GET", "POST"] = "GET"
    path: Path
    fields: Values = {}
    format: Literal["json", "form"] = "json"
    items: Place | None = None
    reference: Place | None = None
    id: Place
    state: Place
    error: Place | None = None
    states: dict[str, State] | None = None
    not_found: Statuses = [404]


class Reply(Part):
    """A message from a citizen, posted to /webhooks/gateway/OFFICE/replies; signed as the reports are."""

    format: Literal["json", "form"] = "json"
    id: Place
    number: Place
    text: Place


class Gateway(Part):
    """The whole document."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,19}$")]
    title: Annotated[str, Field(max_length=80)] = ""
    segments_per_second: Rate
    numbers: Annotated[dict[Annotated[str, Field(min_length=1, max_length=40)], Rate], Field(max_length=100)] = {}
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    auth: Auth
    request: Request
    answer: Answer
    callback: Callback | None = None
    status: Status | None = None
    reply: Reply | None = None

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if name in TAKEN_NAMES:
            raise ValueError(f"'{name}' is the name of a built-in sender")
        return name

    @model_validator(mode="after")
    def _is_whole(self) -> Gateway:
        sent = [*self.request.fields.values(), *self.request.headers.values(), self.request.path]
        _only(sent, MARKS, "request")
        used = {mark for text in sent for mark in _MARK.findall(text)}
        if not used & {"to", "to_national", "to_digits"}:
            raise ValueError("request.fields: no field carries the number; one needs {to}, {to_national} or {to_digits}")
        if "text" not in used:
            raise ValueError("request.fields: no field carries the text; one needs {text}")
        if "reference" not in used:
            raise ValueError("request.fields: no field carries our reference; one needs {reference}")
        if self.numbers and "sender" not in used:
            raise ValueError("numbers: no field of the request carries {sender}, so no number could be told")
        if self.request.method == "GET" and self.request.format == "json":
            raise ValueError("request.format: a GET request has no body; expected form")
        if self.status is not None:
            _only([*self.status.fields.values(), self.status.path], STATUS_MARKS, "status")
            if "{reference}" not in " ".join([*self.status.fields.values(), self.status.path]) and self.status.reference is None:
                raise ValueError("status: asks by no {reference} and names no `reference` place, so no message could be told from another")
            if self.status.states is None and self.callback is None:
                raise ValueError("status.states: missing, and there is no callback.states to take")
        if self.callback is None and self.status is None:
            raise ValueError("callback, status: at least one of them is needed, else no delivery would ever be known")
        if self.reply is not None and self.callback is None:
            raise ValueError("reply: needs callback.auth, by which replies are checked")
        return self

    @property
    def asked_states(self) -> dict[str, State]:
        """The words a status query answers with."""
        if self.status is not None and self.status.states is not None:
            return self.status.states
        return self.callback.states if self.callback is not None else {}


def read_gateway(text: str) -> Gateway:
    """The document, checked.

    Raises:
        InvalidInput: no TOML, or fields that are unknown, missing or unusable: every one is named with what was expected.
    """
    return read_toml(Gateway, text, "bad_gateway", "See `callcenter sender example`.")


def read_toml(kind: type[Document], text: str, code: str, hint: str) -> Document:
    """A document of some kind, checked.

    Raises:
        InvalidInput: no TOML, or fields that are unknown, missing or unusable.
    """
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise InvalidInput(f"The document has more than {MOST_BYTES} bytes.", code=code)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput(f"The document is no TOML: {problem}.", code=code) from None
    try:
        return kind.model_validate(_plain(document))
    except ValidationError as problem:
        raise InvalidInput(" ".join(map(_describe, problem.errors())), hint=hint, code=code) from None


def state_of(word: str, states: dict[str, State]) -> MessageState | None:
    """Our state for the provider's word, whatever its case; None for a word the document does not have."""
    for known, state in states.items():
        if known.casefold() == word.casefold():
            return MessageState(state)
    return None


def _plain(value: Any) -> Any:
    """Whole numbers where the document may have either; words of ours as our own type, so that strictness stays elsewhere."""
    if isinstance(value, dict):
        out = {key: _plain(one) for key, one in value.items()}
        if isinstance(out.get("errors"), dict):
            out["errors"] = {key: Trouble(one) if one in set(Trouble) else one for key, one in out["errors"].items()}
        return out
    return value


def _only(texts: list[str], known: frozenset[str], where: str) -> None:
    for text in texts:
        for mark in _MARK.findall(text):
            if mark not in known:
                raise ValueError(f"{where}: the mark {{{mark}}} is unknown; there are {', '.join(sorted(known))}")


def _describe(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}." if place else f"{message}."
