"""`callcenter batch sms|robocall CAMPAIGN`: prepares the night's batch; it is released inside the contact window."""

from __future__ import annotations

from enum import StrEnum

import typer

from callcenter.commands.moments import local_text, read_moment
from callcenter.commands.runtime import open_office, put
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.messages.batches import BatchResult, prepare_batch
from campaigns.planning.service import find_campaign


class Kind(StrEnum):
    """Kinds of batches as people name them."""

    SMS = "sms"
    ROBOCALL = "robocall"


CHANNELS = {Kind.SMS: Channel.SMS, Kind.ROBOCALL: Channel.AUTO_CALL}


def batch(
    kind: Kind = typer.Argument(help="sms or robocall."),
    campaign: str = typer.Argument(help="Name or number of the campaign."),
    as_of: str = typer.Option("", "--as-of", help="Date or timestamp; the next contact window from there on; default: now."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Count only; nothing is written."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Prepares the night's batch of messages or automated calls and tells what is released when."""
    moment = read_moment(as_of)
    with open_office() as office, transaction(office.id) as session:
        found = find_campaign(session, campaign)
        result = prepare_batch(session, found.id, CHANNELS[kind], moment, now=utc_now(), dry_run=dry_run)
    document = {
        "batch": result.batch,
        "prepared": result.prepared,
        "refused": result.refused,
        "withdrawn": result.withdrawn,
        "release_from": local_text(result.release_from),
        "release_until": local_text(result.release_until),
        "reasons": result.reasons,
    }
    put(document, as_json_document=as_json, lines=lambda: _lines(result))


def _lines(result: BatchResult) -> list[str]:
    lang = get_settings().lang
    known = set(DenialReason)
    reasons = [
        f"  {count}\t{denial_text(DenialReason(code), lang) if code in known else code} ({code})" for code, count in result.reasons.items()
    ]
    name = "(dry run)" if result.batch is None else f"batch {result.batch}"
    return [
        f"{name}\tprepared {result.prepared}, refused {result.refused}, withdrawn {result.withdrawn}",
        f"release {local_text(result.release_from)} - {local_text(result.release_until)}",
        *reasons,
    ]
