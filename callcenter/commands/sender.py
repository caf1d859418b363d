"""`callcenter sender`: which way messages go, a provider's description checked, and one message to try it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from callcenter.auth import audit
from callcenter.commands.language import words
from callcenter.commands.runtime import EXIT_FAILED, open_office, put, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from callcenter.core.settings import Settings, get_settings
from campaigns.messages.rate import rates_of
from campaigns.messages.senders import choice
from campaigns.messages.senders.gateway.document import Gateway, read_gateway
from campaigns.messages.senders.gateway.sender import example_document, example_request
from campaigns.messages.senders.numbers import document_of
from campaigns.messages.senders.registry import missing_settings, opened

app = typer.Typer(no_args_is_help=True, help="Ways to send text messages.")
AS_JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("show")
def show_sender(as_json: bool = AS_JSON) -> None:
    """The sender in use, its rate, and what is missing for it."""
    settings = get_settings()
    with open_office() as office:
        with transaction(office.id) as session:
            chosen = choice.chosen(session)
        kind = settings.sms_sender if chosen.kind == "settings" else chosen.kind
        document: dict[str, Any] = {
            "chosen": chosen.kind,
            "kind": kind,
            "name": "",
            "segments_per_second": None,
            "numbers": {},
            "problem": "",
        }
        try:
            sender = opened(settings, office.id, chosen)
            numbers = {number: rate for number, rate in rates_of(sender).items() if number}
            document |= {"name": sender.name, "segments_per_second": sum(rates_of(sender).values()), "numbers": numbers}
        except InvalidInput as problem:
            document["problem"] = str(problem)
    put(document, as_json_document=as_json, lines=lambda: _shown(document))
    if document["problem"]:
        raise typer.Exit(EXIT_FAILED)


def _shown(document: dict[str, Any]) -> list[str]:
    head = f"{document['kind']}" + (" (as the settings say)" if document["chosen"] == "settings" else " (the office's choice)")
    rate = f"{document['name']}: {document['segments_per_second']} segments a second"
    return [words(head), words(document["problem"] or rate), *(f"  {number}: {rate:g}" for number, rate in document["numbers"].items())]


@app.command("choose")
def choose_sender(
    kind: str = typer.Argument(help="settings, simulator, twilio or gateway."),
    file: Path | None = typer.Argument(None, help="The provider's description, for gateway."),
    number: list[str] = typer.Option(
        [], "--number", help="For twilio: a number and its segments a second, as +815012345678=1; repeatable."
    ),
    rate: str = typer.Option("", "--rate", help="For twilio: segments a second of the Messaging Service or the settings' number (1)."),
    as_json: bool = AS_JSON,
) -> None:
    """Makes a sender the office's; batches not yet released go out by it."""
    if (number or rate) and (kind != "twilio" or file is not None):
        usage_error("--number and --rate are for twilio, without a file.", "For example: sender choose twilio --number +815012345678=1")
    text = document_of(number, rate) if kind == "twilio" and file is None else _text_of(file) if file is not None else ""
    now = utc_now()
    with open_office(create=True) as office, transaction(office.id) as session:
        row = choice.choose(session, kind, text, None, now)
        if row.created_at == now:
            audit.record(session, "sender.chosen", "sender_choice", row.id, None, "cli", {"kind": row.kind}, now)
        document = {"kind": row.kind, "choice": row.id, "is_new": row.created_at == now}
    put(document, as_json_document=as_json, lines=lambda: [words(f"{kind}: {'chosen' if document['is_new'] else 'unchanged'}")])


@app.command("check")
def check_sender(file: Path = typer.Argument(help="A provider's description (TOML)."), as_json: bool = AS_JSON) -> None:
    """Checks a description field by field, shows the request it makes, and says which settings are missing. Nothing is sent."""
    described = read_gateway(_text_of(file))
    settings = get_settings()
    document = {
        "name": described.name,
        "request": example_request(
            described,
            settings.sms_gateway_url or "https://sms.example",
            next(iter(described.numbers), "") or settings.sms_gateway_from or "SENDER",
        ),
        "missing": missing_settings(described, settings),
        "notes": _notes(described, settings),
    }
    put(document, as_json_document=as_json, lines=lambda: _checked(document))
    if document["missing"]:
        raise typer.Exit(EXIT_FAILED)


def _notes(described: Gateway, settings: Settings) -> list[str]:
    notes = []
    if described.status is None:
        notes.append("no [status]: a message whose answer is lost stays 'unknown' until a report comes")
    if described.callback is None or not settings.public_url:
        notes.append("no reports are expected: deliveries are asked for")
    if described.reply is None:
        notes.append("no [reply]: opting out is only possible by telephone or at the provider")
    return notes


def _checked(document: dict[str, Any]) -> list[str]:
    request = document["request"]
    lines = [words(f"{document['name']}: the description is whole"), f"{request['method']} {request['url']}"]
    lines += [f"  {name}: {value}" for name, value in request["headers"].items()]
    lines += [f"  {request['body']}"] if request["body"] else []
    lines += [words(f"note: {note}") for note in document["notes"]]
    return lines + [words(f"not set: {name}") for name in document["missing"]]


@app.command("example")
def render_example() -> None:
    """A description to begin with, every field explained."""
    print(example_document(), end="")


app.command("render-example", hidden=True)(render_example)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{file}: the file can't be read.", hint="Expected a TOML document in UTF-8.", code="no_file") from problem
