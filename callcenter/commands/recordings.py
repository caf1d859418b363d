"""`callcenter recordings`: what is recorded, what would be deleted, keys, score cards, and whether what is stored can be read."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.commands.runtime import open_office, put, say
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import AppError, InvalidInput
from callcenter.core.settings import get_settings
from campaigns.planning.models import Campaign
from campaigns.planning.service import find_campaign
from dialer.recordings import criteria, keys, retention, service, vault
from dialer.recordings.jobs import forget_recordings
from dialer.recordings.models import Recording
from dialer.recordings.terms import office_terms, set_office_terms, set_terms, terms_of

app = typer.Typer(help="Recorded conversations.", no_args_is_help=True)
JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("status")
def status(as_json: bool = JSON) -> None:
    """What is recorded on which terms, and how many recordings there are in each state."""
    with open_office() as office, transaction(office.id) as session:
        states = {
            row.state: {"count": row.number, "bytes": int(row.size or 0)}
            for row in session.execute(
                select(Recording.state, func.count().label("number"), func.sum(Recording.size).label("size")).group_by(Recording.state)
            )
        }
        campaigns = {
            campaign.name: asdict(terms_of(campaign.options)) for campaign in session.scalars(select(Campaign).order_by(Campaign.id))
        }
        document = {"office": asdict(office_terms(session)), "campaigns": campaigns, "recordings": states}
    put(document, as_json_document=as_json, lines=lambda: [f"{name}: {value}" for name, value in document.items()])


@app.command("set")
def set_(
    campaign: str = typer.Argument("", help="A campaign; without one, the office's terms."),
    on: bool | None = typer.Option(None, "--on/--off", help="Whether conversations of this campaign are recorded."),
    notice: str = typer.Option("", help="How the debtor is told: none, voice, operator."),
    keep_days: int | None = typer.Option(None, help="How many days recordings are kept."),
    as_json: bool = JSON,
) -> None:
    """Changes a campaign's terms, or the office's days."""
    with open_office() as office, transaction(office.id) as session:
        if not campaign:
            if on is not None or notice or keep_days is None:
                raise InvalidInput("The office has --keep-days only.", hint="Name a campaign for the others.", code="usage")
            set_office_terms(session, replace(office_terms(session), keep_days=keep_days))
            changed: dict[str, object] = asdict(office_terms(session))
            subject: tuple[str, int] = ("office", office.id)
        else:
            found = find_campaign(session, campaign)
            terms = terms_of(found.options)
            terms = replace(
                terms,
                is_on=terms.is_on if on is None else on,
                notice=notice or terms.notice,
                keep_days=terms.keep_days if keep_days is None else keep_days,
            )
            set_terms(session, found.id, terms)
            changed, subject = asdict(terms), ("campaign", found.id)
        audit.record(session, "recording_terms.changed", *subject, None, "command line", changed, utc_now())
    put(changed, as_json_document=as_json, lines=lambda: [f"{name}: {value}" for name, value in changed.items()])


@app.command("expire")
def expire(
    run: bool = typer.Option(False, "--run", help="Delete them now; without it they are only counted."), as_json: bool = JSON
) -> None:
    """What is older than it is kept: a preview by campaign, or its deletion."""
    with open_office() as office:
        with transaction(office.id) as session:
            due = [asdict(row) for row in retention.preview(session, utc_now())]
        deleted = forget_recordings(office.id) if run else 0
    document = {"due": due, "deleted": deleted}
    lines = [f"{row['campaign'] or '-'}: {row['count']} older than {row['keep_days']} days, {row['bytes']} bytes" for row in due]
    put(document, as_json_document=as_json, lines=lambda: [*lines, f"deleted: {deleted}"])


@app.command("rotate-key")
def rotate_key(
    destroy_old: bool = typer.Option(False, "--destroy-old", help="Remove the old versions' files: older database copies open nothing."),
    as_json: bool = JSON,
) -> None:
    """Makes a new version of the office's key and wraps every recording's own key with it."""
    with open_office() as office:
        now, data = utc_now(), get_settings().data_dir
        with transaction(office.id) as session:
            version, count = keys.rotate(session, data, now, destroy=destroy_old)
            audit.record(session, "recording_key.rotated", "office", office.id, None, "command line", {"version": version}, now)
        path = keys.key_path(data, office.id, version)
    document = {"version": version, "wrapped": count, "file": str(path)}
    put(document, as_json_document=as_json, lines=lambda: [f"{name}: {value}" for name, value in document.items()])
    say(f"Copy {path.name} to a safe place: without it no recording of this office can be heard.")


@app.command("verify")
def verify(as_json: bool = JSON) -> None:
    """Reads every stored recording to its end; exit status 1 if one can't be read. Nothing is shown of what was said."""
    with open_office() as office:
        data = get_settings().data_dir
        with transaction(office.id) as session:
            rows = session.scalars(select(Recording).where(Recording.state == "stored").order_by(Recording.id)).all()
            broken = [row.id for row in rows if not _is_whole(session, row, data)]
    document = {"stored": len(rows), "unreadable": broken}
    put(document, as_json_document=as_json, lines=lambda: [f"{name}: {value}" for name, value in document.items()])
    if broken:
        raise typer.Exit(1)


def _is_whole(session: Session, row: Recording, data: Path) -> bool:
    try:
        key = service.key_of(session, data, row)
        vault.peaks_of(row, key)
        path = vault.vault_path(data, row.office_id, row.name)
        size = sum(len(piece) for piece in vault.read_wav(path, row, key, 0, vault.wav_size(row) - 1))
    except AppError:
        return False
    return size == vault.wav_size(row)


@app.command("criteria")
def criteria_(
    set_file: Path | None = typer.Option(None, "--set", help="A TOML file with [[criterion]] tables."), as_json: bool = JSON
) -> None:
    """Shows the score card's criteria, or takes them from a file."""
    with open_office() as office, transaction(office.id) as session:
        if set_file is not None:
            try:
                text = set_file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as problem:
                raise InvalidInput(f"{set_file} can't be read.", hint="Expected a text file in UTF-8.") from problem
            criteria.set_criteria(session, criteria.read_toml(text))
        rows = [asdict(criterion) for criterion in criteria.criteria_of(session)]
    lines = [f"{row['code']}: 0-{row['most']} x{row['weight']} {row['ja']} / {row['en']}" for row in rows]
    put(rows, as_json_document=as_json, lines=lambda: lines)
