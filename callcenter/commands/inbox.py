"""`callcenter inbox`: what providers reported about messages, and having it processed again."""

from __future__ import annotations

from typing import Any

import typer

from callcenter.auth import audit
from callcenter.commands.language import words
from callcenter.commands.moments import read_moment
from callcenter.commands.runtime import open_office, put
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.jobs import process_inbox
from campaigns.messages.inbox import service

app = typer.Typer(no_args_is_help=True, help="Reports and replies of providers, stored as they came.")
AS_JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("show")
def show_inbox(as_json: bool = AS_JSON) -> None:
    """How many reports wait and how many could not be processed, with the reasons."""
    with open_office() as office, transaction(office.id) as session:
        document: dict[str, Any] = {**service.counts(session), "reasons": service.problem_counts(session)}

    def shown() -> list[str]:
        head = words(f"waiting {document['waiting']:,}, problems {document['problems']:,}, all {document['all']:,}")
        return [head, *(f"  {count}\t{code}" for code, count in document["reasons"].items())]

    put(document, as_json_document=as_json, lines=shown)


@app.command("replay")
def replay_inbox(
    numbers: list[int] = typer.Argument(None, help="Numbers of reports."),
    since: str = typer.Option("", "--since", help="Date or timestamp: all that came from then on."),
    problems: bool = typer.Option(False, "--problems", help="Only those that could not be processed."),
    as_json: bool = AS_JSON,
) -> None:
    """Processes stored reports again; what was done already is not done twice."""
    now = utc_now()
    with open_office() as office:
        with transaction(office.id) as session:
            moment = read_moment(since) if since else None
            marked = service.replay(session, since=moment, inbox_ids=numbers or (), only_problems=problems)
            audit.record(session, "inbox.replayed", "message_inbox", None, None, "cli", {"count": marked}, now)
        processed = process_inbox(office.id)
        with transaction(office.id) as session:
            left = service.counts(session)
    document = {"replayed": marked, "processed": processed, **left}
    put(
        document,
        as_json_document=as_json,
        lines=lambda: [words(f"replayed {marked:,}, processed {processed:,}, problems {left['problems']:,}")],
    )
