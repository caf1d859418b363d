"""`callcenter plan` and `callcenter explain`: who is contacted how, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from callcenter.commands.language import pick
from callcenter.commands.moments import local_text, read_moment
from callcenter.commands.runtime import open_office, put
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import CHANNEL_JA, Channel
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.planning.explain import explain as explain_debtor
from campaigns.planning.position import lines_of
from campaigns.planning.service import PlanResult, find_campaign, latest_campaign
from campaigns.planning.service import plan as plan_campaign
from campaigns.planning.versions import version_beside
from campaigns.segmentation.reasons import reason_text
from campaigns.worklist.fill import fill

SHOWN_DECISIONS = 5
STEPS = {"decide": ("判断", "deciding"), "write": ("書き込み", "writing"), "queue": ("架電の準備", "queueing calls")}


@contextmanager
def steps_shown() -> Iterator[Callable[[str], None]]:
    """The step under way and its time, on standard error when that is a terminal; a step is one statement, so that no share is known."""
    console, lang = Console(stderr=True), get_settings().lang
    if not console.is_terminal:
        yield lambda step: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=pick(lang, *STEPS[step]))


def plan(
    campaign: str = typer.Argument(help="Name or number of the campaign."),
    as_of: str = typer.Option("", "--as-of", help="Date or timestamp whose facts count; default: now."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Count only; nothing is written."),
    everybody: bool = typer.Option(False, "--everybody", help="Decide for everybody, not only for whom something may have changed."),
    rule_set_version: int = typer.Option(0, "--rule-set-version", help="Count by another version of the campaign's rule set."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Assigns a channel and a reason to every listed debtor, and queues the operators' calls."""
    moment = read_moment(as_of)
    with open_office() as office, steps_shown() as tell, transaction(office.id) as session:
        found = find_campaign(session, campaign)
        other = version_beside(session, found, rule_set_version).id if rule_set_version else None
        result = plan_campaign(
            session, found.id, moment, dry_run=dry_run, rule_set_id=other, everybody=True if everybody else None, tell=tell
        )
        if not dry_run:
            tell("queue")
            fill(session, found.id, moment)
    document = {
        "campaign": result.campaign,
        "as_of": local_text(result.as_of),
        "debtors": result.debtors,
        "channels": result.channels,
        "reasons": result.reasons,
    }
    put(document, as_json_document=as_json, lines=lambda: _plan_lines(result))


def _plan_lines(result: PlanResult) -> list[str]:
    lang = get_settings().lang
    is_ja = lang == "ja"
    anew = "" if result.concerned is None else f", {pick(lang, '判断し直し', 'decided anew')} {result.concerned}"
    written = pick(lang, "(試算のみ)", "(dry run)") if result.is_dry_run else f"{pick(lang, '書込', 'written')} {result.changed}{anew}"
    channels = [f"{CHANNEL_JA[Channel(channel)] if is_ja else channel}\t{count}" for channel, count in result.channels.items()]
    reasons = [f"  {count}\t{reason_text(code, lang)} ({code})" for code, count in result.reasons.items()]
    return [
        f"{result.campaign}\t{local_text(result.as_of)}\t{pick(lang, '対象者', 'debtors')} {result.debtors}, {written}",
        *channels,
        *reasons,
    ]


def explain(
    debtor_no: str = typer.Argument(help="宛名番号, leading zeros included."),
    campaign: str = typer.Option("", "--campaign", help="Name or number; default: the running one."),
    as_of: str = typer.Option("", "--as-of", help="Date or timestamp; default: now."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Tells why this debtor is, or is not, contacted by which channel when."""
    moment, lang = read_moment(as_of), get_settings().lang
    with open_office() as office, transaction(office.id) as session:
        found = find_campaign(session, campaign) if campaign else latest_campaign(session)
        told = explain_debtor(session, debtor_no, found, moment, lang, now=utc_now())
    put(told, as_json_document=as_json, lines=lambda: _explain_lines(told, lang))


def _explain_lines(told: dict[str, Any], lang: str) -> list[str]:
    reasons = [
        f"  {reason['text']} ({reason['code']}): " + ", ".join(f"{name}={value}" for name, value in reason["inputs"].items())
        for reason in told["reasons"]
    ]
    rules = f"{told['rules']['name']} v{told['rules']['version']}" if told["rules"]["version"] else told["rules"]["name"]
    return [
        f"{told['debtor_no']}\t{told['channel']}",
        *reasons,
        *(f"  {line}" for line in (lines_of(told["ladder"], lang) if "ladder" in told else ())),
        *(line for channel, gate in told["gate"].items() for line in _gate_lines(channel, gate | told["gate_detail"][channel], lang)),
        *_hour_lines(told["best_hour"], lang),
        *([f"  ※ {told['note']}"] if told["note"] else []),
        f"  {pick(lang, '規則', 'rules')}\t{rules}",
        *(_decision_line(row, lang) for row in told["decisions"][:SHOWN_DECISIONS]),
    ]


def _gate_lines(channel: str, told: dict[str, Any], lang: str) -> list[str]:
    name = CHANNEL_JA[Channel(channel)] if lang == "ja" else channel
    if told["allowed"]:
        return [f"  {name}\tOK"]
    also = [denial_text(DenialReason(reason), lang) for reason in told["also"]]
    others = [f"  \t{pick(lang, '他に', 'also')}: {'、'.join(also) if lang == 'ja' else ', '.join(also)}"] if also else []
    return [f"  {name}\t{told['text']}{_until(told, lang)}", *others]


def _hour_lines(told: dict[str, Any] | None, lang: str) -> list[str]:
    if told is None:
        return []
    best, chance, now, calls = told["hour"], f"{told['chance']:.0%}", f"{told['now']:.0%}", f"{told['calls']:,}"
    ja = f"{best}時台(応答の見込み {chance}、この時刻は {now}。通話 {calls} 件から)"
    return [f"  {pick(lang, '良い時間帯', 'best hour')}\t{pick(lang, ja, f'{best}:00 (reached {chance}; now {now}; from {calls} calls)')}"]


def _decision_line(row: dict[str, Any], lang: str) -> str:
    name = CHANNEL_JA[Channel(row["channel"])] if lang == "ja" else row["channel"]
    where = pick(lang, "計画時", "planning") if row["asked"] == "set" else pick(lang, "直前", "at contact")
    return f"  {row['at']:%Y-%m-%d %H:%M}\t{name}\t{where}\t{row['text'] or 'OK'}"


def _until(told: dict[str, Any], lang: str) -> str:
    if told["next_allowed_at"] is None:
        return pick(lang, "(期限なし)", " (until it is lifted)")
    return f" → {told['next_allowed_at']:%Y-%m-%d %H:%M}"
