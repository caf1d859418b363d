"""`callcenter batch`: the night's batches prepared, shown, watched, released, paused and cancelled."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.commands.moments import local_text, read_moment
from callcenter.commands.runtime import OpenOffice, open_office, put, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import Channel
from campaigns.messages import moving
from campaigns.messages.accounting import Account, Group, account, estimate
from campaigns.messages.batches import BatchResult, prepare_batch
from campaigns.messages.models import Batch
from campaigns.messages.state import BatchState
from campaigns.messages.terms import change_campaign_terms, change_terms, shown
from campaigns.messages.words import reason_words
from campaigns.planning.models import Campaign
from campaigns.planning.service import find_campaign

app = typer.Typer(help="The night's batches of messages and automated calls.", no_args_is_help=True)
Change = Callable[[Session, int], Batch]
COUNTED = {group: "refused_late" if group is Group.REFUSED else group.value for group in Group}  # beside those refused when it was prepared
OVER = (BatchState.DONE.value, BatchState.CANCELLED.value)
LOOK_SECONDS = 0.5
CAMPAIGN = typer.Argument(help="Name or number of the campaign.")
AS_OF = typer.Option("", "--as-of", help="Date or timestamp; the next contact window from there on; default: now.")
DRY_RUN = typer.Option(False, "--dry-run", help="Count only; nothing is written.")
WAITS = typer.Option(False, "--wait", help="Somebody must release it, on a page or by `batch release`; else it goes out by itself.")
JSON = typer.Option(False, "--json", help="One JSON document.")
NUMBER = typer.Argument(metavar="BATCH", help="The batch's number.")


@app.command("sms")
def sms(campaign: str = CAMPAIGN, as_of: str = AS_OF, dry_run: bool = DRY_RUN, wait: bool = WAITS, as_json: bool = JSON) -> None:
    """Prepares the night's messages and tells what is released when."""
    _prepare(Channel.SMS, campaign, as_of, dry_run=dry_run, waits=wait, as_json=as_json)


@app.command("robocall")
def robocall(campaign: str = CAMPAIGN, as_of: str = AS_OF, dry_run: bool = DRY_RUN, wait: bool = WAITS, as_json: bool = JSON) -> None:
    """Prepares the night's automated calls and tells what is released when."""
    _prepare(Channel.AUTO_CALL, campaign, as_of, dry_run=dry_run, waits=wait, as_json=as_json)


@app.command("list")
def list_batches(campaign: str = typer.Option("", "--campaign", help="Only those of one campaign."), as_json: bool = JSON) -> None:
    """The newest batches."""
    with open_office() as office, transaction(office.id) as session:
        wanted = select(Batch, Campaign.name).join(Campaign, (Campaign.office_id == Batch.office_id) & (Campaign.id == Batch.campaign_id))
        if campaign:
            wanted = wanted.where(Batch.campaign_id == find_campaign(session, campaign).id)
        rows = [_head(batch, name) for batch, name in session.execute(wanted.order_by(Batch.id.desc()).limit(50))]
    put(rows, as_json_document=as_json, lines=lambda: [_line(row) for row in rows] or ["(none)"])


@app.command("show")
def show(batch: int = NUMBER, as_json: bool = JSON) -> None:
    """One batch: what it was prepared from, and what became of everybody in it."""
    with open_office() as office:
        document = _document(office, batch)
    put(document, as_json_document=as_json, lines=lambda: _lines_of(document))


@app.command("watch")
def watch(batch: int = NUMBER, as_json: bool = JSON) -> None:
    """Follows a batch until it is over; with --json a line for each change."""
    with open_office() as office, _bar(is_shown=not as_json and sys.stderr.isatty()) as tell:
        before: dict[str, Any] = {}
        while True:
            document = _document(office, batch)
            if document != before:
                if as_json:
                    print(json.dumps(document, ensure_ascii=False), flush=True)
                elif tell is None:
                    print(_line(document), flush=True)
                else:
                    tell(document["prepared"] - document["waiting"], document["prepared"])
            if document["state"] in OVER:
                return
            before = document
            time.sleep(LOOK_SECONDS)


@app.command("release")
def release(batch: int = NUMBER, as_json: bool = JSON) -> None:
    """Lets a batch go out when its window opens; on record as released at the terminal."""
    _change(batch, lambda session, number: moving.approve_batch(session, number, None, utc_now()), as_json=as_json)


@app.command("pause")
def pause(batch: int = NUMBER, as_json: bool = JSON) -> None:
    """Stops a batch within two seconds; nothing is lost."""
    _move(batch, BatchState.PAUSED, as_json=as_json)


@app.command("resume")
def resume(batch: int = NUMBER, as_json: bool = JSON) -> None:
    """Goes on with a paused batch."""
    _move(batch, BatchState.READY, as_json=as_json)


@app.command("cancel")
def cancel(batch: int = NUMBER, as_json: bool = JSON) -> None:
    """Ends a batch; what was not handed over is withdrawn."""
    _move(batch, BatchState.CANCELLED, as_json=as_json)


@app.command("terms")
def terms(
    change: list[str] = typer.Option([], "--set", help="NAME=VALUE; may be repeated."),
    campaign: str = typer.Option("", help="Name or number: its own terms and template; NAME= lets the office's hold again."),
    as_json: bool = JSON,
) -> None:
    """Shows or changes how the office releases its batches: who may, spread, leftovers, rounds, prices in yen."""
    changes = {}
    for told in change:
        name, separator, value = told.partition("=")
        if not separator or not name.strip():
            usage_error(f"--set: '{told}' is not NAME=VALUE.", "For example pace=even.")
        changes[name.strip()] = value.strip()
    with open_office() as office, transaction(office.id) as session:
        if campaign:
            document = change_campaign_terms(session, find_campaign(session, campaign), changes)
        else:
            document = shown(change_terms(session, changes))
    put(document, as_json_document=as_json, lines=lambda: [f"{name}\t{value}" for name, value in document.items()])


def _prepare(channel: Channel, campaign: str, as_of: str, *, dry_run: bool, waits: bool, as_json: bool) -> None:
    moment = read_moment(as_of)
    with open_office() as office, _bar(is_shown=sys.stderr.isatty()) as tell, transaction(office.id) as session:
        found = find_campaign(session, campaign)
        result = prepare_batch(session, found.id, channel, moment, now=utc_now(), dry_run=dry_run, waits=waits, tell=tell)
    document = {
        "batch": result.batch,
        "prepared": result.prepared,
        "refused": result.refused,
        "withdrawn": result.withdrawn,
        "release_from": local_text(result.release_from),
        "release_until": local_text(result.release_until),
        "reasons": result.reasons,
    }
    put(document, as_json_document=as_json, lines=lambda: _result_lines(result))


def _result_lines(result: BatchResult) -> list[str]:
    lang = get_settings().lang
    reasons = [f"  {count}\t{reason_words(code, lang)} ({code})" for code, count in result.reasons.items()]
    name = "(dry run)" if result.batch is None else f"batch {result.batch}"
    return [
        f"{name}\tprepared {result.prepared}, refused {result.refused}, withdrawn {result.withdrawn}",
        f"release {local_text(result.release_from)} - {local_text(result.release_until)}",
        *reasons,
    ]


def _move(number: int, wanted: BatchState, *, as_json: bool) -> None:
    _change(number, lambda session, batch: moving.set_batch_state(session, batch, wanted, utc_now()), as_json=as_json)


def _change(number: int, change: Change, *, as_json: bool) -> None:
    with open_office() as office:
        with transaction(office.id) as session:
            change(session, number)
        document = _document(office, number)
    put(document, as_json_document=as_json, lines=lambda: [_line(document)])


def _head(batch: Batch, campaign: str) -> dict[str, Any]:
    return {
        "batch": batch.id,
        "campaign": campaign,
        "channel": batch.channel,
        "state": batch.state,
        "is_released": batch.approved_at is not None,
        "prepared": batch.prepared,
        "refused": batch.refused,
        "release_from": local_text(batch.release_from),
        "release_until": local_text(batch.release_until),
    }


def _document(office: OpenOffice, number: int) -> dict[str, Any]:
    with transaction(office.id) as session:
        batch = moving.find_batch(session, number)
        name = session.scalars(select(Campaign.name).where(Campaign.id == batch.campaign_id)).one()
        told = account(session, batch)
        return _head(batch, name) | _counts(told) | _frozen(batch)


def _counts(told: Account) -> dict[str, Any]:
    lines = [{"group": line.group.value, "state": line.state, "reason": line.reason, "count": line.count} for line in told.lines]
    counts = {COUNTED[group]: told.count(group) for group in Group}
    return counts | {"adds_up": told.adds_up, "lines": lines}


def _frozen(batch: Batch) -> dict[str, Any]:
    return {
        "state_reason": batch.state_reason,
        "rule_set": batch.rule_set_id,
        "policy_version": batch.policy_version,
        "template": batch.template_id,
        "list_as_of": batch.list_as_of.isoformat() if batch.list_as_of else None,
        "as_of": local_text(batch.as_of),
        "pace": batch.pace,
        "leftover": batch.leftover,
        "rounds": batch.rounds,
        "segments": batch.segments,
        "estimated_yen": estimate(batch),
        "moved": batch.moved,
        "reasons": batch.reasons,
    }


def _line(row: dict[str, Any]) -> str:
    counts = "".join(f", {name} {row[name]}" for name in ("refused", *COUNTED.values()) if name in row)
    held = " (not released)" if row["state"] == BatchState.READY.value and not row["is_released"] else ""
    return f"{row['batch']}\t{row['channel']}\t{row['state']}{held}\tprepared {row['prepared']}{counts}"


def _lines_of(row: dict[str, Any]) -> list[str]:
    lang = get_settings().lang
    lines = [
        f"  {line['count']}\t{line['group']}\t{line['state']}" + (f"\t{reason_words(line['reason'], lang)}" if line["reason"] else "")
        for line in row["lines"]
    ]
    window = f"release {row['release_from']} - {row['release_until']}, {row['pace']}, {row['leftover']}"
    inputs = f"rules {row['rule_set']}, contact rules {row['policy_version']}, template {row['template']}, list {row['list_as_of']}"
    why = [f"because: {reason_words(row['state_reason'], lang)}"] if row["state_reason"] else []
    return [_line(row), *why, window, inputs, f"{row['segments']} segments, about {row['estimated_yen']} yen", *lines]


@contextmanager
def _bar(*, is_shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on a terminal, told how far it is; nothing elsewhere."""
    if not is_shown:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("batch", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
