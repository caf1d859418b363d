"""`callcenter campaign create|list|show|skipped|start|pause|finish`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import typer

from callcenter.commands.language import words
from callcenter.commands.runtime import open_office, put, usage_error
from callcenter.commands.skipped import skipped
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput
from campaigns.planning.conduct import conduct_of, options_of, read_file, toml_of
from campaigns.planning.dialling import NAMES
from campaigns.planning.service import (
    campaign_line,
    change_campaign,
    create_campaign,
    find_campaign,
    list_campaigns,
    set_status,
    show_campaign,
)
from campaigns.planning.state import CampaignStatus
from dialer.pacing.standing import Standing, standing_of

app = typer.Typer(help="Campaigns: runs through the list.", no_args_is_help=True)
LADDER = typer.Option(None, "--ladder", help="TOML file with [ladder], [cycle] and [retry]; `campaign ladder` writes one.")
JSON = typer.Option(False, "--json", help="One JSON document.")


@app.command("create")
def create(
    name: str = typer.Argument(help="For example 2026年11月."),
    rule_set: str = typer.Option("", "--rule-set", help="Name of the rule set; default: the standard one."),
    mode: str = typer.Option("progressive", "--mode", help="Dialling: preview, progressive or predictive."),
    priority: int = typer.Option(5, "--priority", help="1 first to 9 last."),
    starts: str = typer.Option("", "--from", help="First day."),
    ends: str = typer.Option("", "--to", help="Last day."),
    ladder: Path | None = LADDER,
    start: bool = typer.Option(False, "--start", help="Start it at once."),
    as_json: bool = JSON,
) -> None:
    """Makes a campaign, in draft unless --start is given."""
    first, last = _day(starts, "--from"), _day(ends, "--to")
    options = {} if ladder is None else options_of(read_file(ladder))
    now = utc_now()
    with open_office(create=True) as office, transaction(office.id) as session:
        campaign = create_campaign(
            session, name, now, rule_set=rule_set or None, dial_mode=mode, priority=priority, starts_on=first, ends_on=last, options=options
        )
        if start:
            campaign = set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        line = campaign_line(campaign)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("edit")
def edit(
    campaign: str = typer.Argument(help="Name or number."),
    ladder: Path | None = LADDER,
    mode: str = typer.Option("", "--mode", help="Dialling: preview, progressive or predictive."),
    priority: int = typer.Option(0, "--priority", help="1 first to 9 last."),
    settings: list[str] = typer.Option([], "--set", help=f"NAME=VALUE, may be repeated: {', '.join(NAMES)}."),
    as_json: bool = JSON,
) -> None:
    """Changes a campaign: its ladder, cycles and retries, its dialling, its priority. What is not given stays."""
    if ladder is None and not mode and not priority and not settings:
        usage_error("There is nothing to change.", "Give --ladder FILE, --mode, --priority or --set NAME=VALUE.")
    dialling = dict(map(_setting, settings)) if settings else None
    conduct = None if ladder is None else read_file(ladder)
    with open_office() as office, transaction(office.id) as session:
        found = find_campaign(session, campaign)
        changed = change_campaign(session, found.id, conduct=conduct, dial_mode=mode or None, priority=priority or None, dialling=dialling)
        line = campaign_line(changed)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("ladder")
def show_ladder(campaign: str = typer.Argument(help="Name or number."), as_json: bool = JSON) -> None:
    """Writes a campaign's ladder, cycles and retries as a file for `edit --ladder`."""
    with open_office() as office, transaction(office.id) as session:
        conduct = conduct_of(find_campaign(session, campaign).options)
    put(options_of(conduct), as_json_document=as_json, lines=lambda: toml_of(conduct).splitlines())


@app.command("list")
def list_(as_json: bool = JSON) -> None:
    """Lists campaigns, the newest first."""
    with open_office() as office, transaction(office.id) as session:
        rows = [campaign_line(campaign) for campaign in list_campaigns(session)]
    put(rows, as_json_document=as_json, lines=lambda: [text_of(row) for row in rows] or [words("(none)")])


@app.command("show")
def show(campaign: str = typer.Argument(help="Name or number."), as_json: bool = JSON) -> None:
    """Shows a campaign with its assignments and work."""
    with open_office() as office, transaction(office.id) as session:
        found = find_campaign(session, campaign)
        shown = show_campaign(session, found) | {"dialling": _dialling_line(standing_of(session, found.id, utc_now()))}
    put(shown, as_json_document=as_json, lines=lambda: [f"{key}: {_shown(value)}" for key, value in shown.items()])


app.command("skipped")(skipped)


@app.command("start")
def start(campaign: str = typer.Argument(help="Name or number."), as_json: bool = JSON) -> None:
    """Starts a campaign, or goes on with a paused one."""
    _set(campaign, CampaignStatus.RUNNING, as_json)


@app.command("pause")
def pause(campaign: str = typer.Argument(help="Name or number."), as_json: bool = JSON) -> None:
    """Pauses a campaign: nothing new is dialled or sent."""
    _set(campaign, CampaignStatus.PAUSED, as_json)


@app.command("finish")
def finish(campaign: str = typer.Argument(help="Name or number."), as_json: bool = JSON) -> None:
    """Finishes a campaign for good and withdraws what still waits."""
    _set(campaign, CampaignStatus.FINISHED, as_json)


def _setting(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or name not in NAMES:
        usage_error(f"--set {text}: unknown setting.", f"Expected NAME=VALUE with one of: {', '.join(NAMES)}.")
    return name, value


def _dialling_line(standing: Standing) -> dict[str, Any]:
    """Mode asked and in force, why, and the abandoned share."""
    return {
        "asked": standing.asked,
        "in_force": standing.mode if standing.why else "",
        "why": standing.why,
        "lines": standing.lines,
        "abandoned_today": standing.abandoned_today,
        "answers_today": standing.answers_today,
        "abandoned_30_days": standing.abandoned_30_days,
        "answers_30_days": standing.answers_30_days,
        "limit": standing.limit,
    }


def _shown(value: object) -> str:
    """A value on one line; a table as its names and values."""
    return ", ".join(f"{name} {each}" for name, each in value.items()) if isinstance(value, dict) else str(value)


def text_of(line: dict[str, Any]) -> str:
    """A campaign in one line for people."""
    return f"{line['id']}\t{line['name']}\t{line['status']}\t{line['dial_mode']}"


def _set(reference: str, status: CampaignStatus, as_json: bool) -> None:
    with open_office() as office, transaction(office.id) as session:
        line = campaign_line(set_status(session, find_campaign(session, reference).id, status, utc_now()))
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


def _day(text: str, option: str) -> date | None:
    try:
        return parse_date(text)
    except InvalidInput as problem:
        usage_error(f"{option}: {problem.message}", problem.hint)
