"""Requests to Twilio and answers of it against its published API description: every deviation as a sentence.

The description is an extract (`scripts/extract_twilio_description.py` writes it) of twilio_api_v2010.json. It is taken more strictly than
it has to be: fields it does not know are deviations both ways, and an answer has every field of its resource, as Twilio's have.
The description says nothing about errors and reports: the form of an error is in Twilio's guide to its REST interface, the fields of
reports are in `twilio_reports`.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

HOST = "https://api.twilio.com"
DESCRIPTION = Path(__file__).with_name("twilio_api_v2010.json")
ERROR_FIELDS = {"code": int, "message": str, "more_info": str, "status": int}
LONGEST_TWIML = 4000
FORM = "application/x-www-form-urlencoded"


def _is_address(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _is_twiml(value: str) -> bool:
    try:
        return len(value) <= LONGEST_TWIML and ET.fromstring(value).tag == "Response"
    except ET.ParseError:
        return False


def _is_moment(value: str) -> bool:
    try:
        return parsedate_to_datetime(value).utcoffset() is not None
    except ValueError:
        return False


def _is_number(value: str) -> bool:
    return value.removeprefix("+").isascii() and value.removeprefix("+").isdigit() and value.startswith("+")


def _is_endpoint(value: str) -> bool:
    return _is_number(value) or value.startswith(("client:", "sip:"))


FORMATS = {
    "currency": lambda value: len(value) == 3 and value.isupper(),
    "date-time-rfc-2822": _is_moment,
    "endpoint": _is_endpoint,
    "phone-number": _is_number,
    "twiml": _is_twiml,
}


@dataclass
class Request:
    """A request as it was on the wire; fulfils openapi-core's protocol."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    parameters: RequestParameters = field(init=False)
    host_url: str = HOST

    def __post_init__(self) -> None:
        self.method = self.method.lower()
        parts = urlsplit(self.target)
        self.path = parts.path
        query = parse_qsl(parts.query, keep_blank_values=True)
        self.parameters = RequestParameters(query=ImmutableMultiDict(query), header=Headers(dict(self.headers)))

    @property
    def content_type(self) -> str:
        """Without its parameters, as the description names it."""
        return self.headers.get("Content-Type", FORM).partition(";")[0].strip().lower()


@dataclass
class Answer:
    """An answer as it goes out; fulfils openapi-core's protocol."""

    status_code: int
    data: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def corrected(document: dict[str, Any]) -> dict[str, Any]:
    """The description as Twilio's own examples in it need it: a conference that goes on has no reason why it ended."""
    ended = document["components"]["schemas"].get("conference_enum_reason_conference_ended", {"enum": []})
    ended.update(nullable=True, enum=[*ended["enum"], None])
    _leave_maps_open(document)
    return document


def _leave_maps_open(value: Any) -> None:
    """An object without fields of its own is a table whose names are not described (`subresource_uris`)."""
    if isinstance(value, dict) and value.get("type") == "object" and "properties" not in value:
        value.setdefault("additionalProperties", True)
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _leave_maps_open(one)


class Description:
    """The published description, ready for use; loading it takes a moment, so there is one (`description`)."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = corrected(document)
        strict = {"additional_properties_default_policy": "forbid", "response_properties_default_policy": "required"}
        asked, told = {**FORMATS, "uri": _is_address}, {**FORMATS, "uri": lambda value: value.startswith("/") or _is_address(value)}
        self._requests = OpenAPI.from_dict(document, config=Config(extra_format_validators=asked, **strict))  # type: ignore[arg-type]
        self._answers = OpenAPI.from_dict(document, config=Config(extra_format_validators=told, **strict))  # type: ignore[arg-type]

    def blank(self, schema: str) -> dict[str, Any]:
        """Every field of a resource, with nothing in it."""
        return dict.fromkeys(self._document["components"]["schemas"][schema]["properties"])

    def deviations_of_request(self, request: Request) -> list[str]:
        """What is wrong with a request; empty for one that conforms."""
        read = self._requests.unmarshal_request(request)
        if read.errors:
            return _said(request, "request", read.errors)
        # openapi-core passes over fields the description does not know. Twilio passes over them, too, so nobody would notice.
        sent = {*request.parameters.query, *(name for name, _ in parse_qsl(request.body.decode(), keep_blank_values=True))}
        unknown = sorted(sent - {*read.parameters.query, *(read.body or ())})
        return [f"{_place(request)}, request: Twilio knows no field {name}" for name in unknown]

    def deviations_of_answer(self, request: Request, answer: Answer) -> list[str]:
        """What is wrong with the answer to this request; empty for one that conforms."""
        if answer.status_code >= 400:
            return _wrong_error(request, answer)
        read = self._answers.unmarshal_response(request, answer)
        return _said(request, f"answer {answer.status_code}", read.errors)


@cache
def description() -> Description:
    """The one that is read once."""
    return Description(json.loads(DESCRIPTION.read_text()))


def _place(request: Request) -> str:
    return f"{request.method.upper()} {request.path}"


def _said(request: Request, what: str, problems: Iterable[Exception]) -> list[str]:
    """One sentence for each problem, with the field it is about."""
    found = []
    for problem in problems:
        causes = getattr(problem.__cause__, "schema_errors", ())
        for one in causes:
            where = ".".join(str(part) for part in one.absolute_path)
            found.append(f"{_place(request)}, {what}: {where + ': ' if where else ''}{one.message}")
        if not causes:
            found.append(f"{_place(request)}, {what}: {problem.__cause__ or problem}")
    return found


def _wrong_error(request: Request, answer: Answer) -> list[str]:
    """Errors are alike for every resource: a code, words for people, a link and the status again."""
    document = json.loads(answer.data)
    is_right = document.keys() == ERROR_FIELDS.keys() and all(type(document[name]) is kind for name, kind in ERROR_FIELDS.items())
    if is_right and document["status"] == answer.status_code:
        return []
    return [f"{_place(request)}, answer {answer.status_code}: an error has {', '.join(ERROR_FIELDS)}, this one is {document}"]
