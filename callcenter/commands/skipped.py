"""`callcenter campaign skipped CAMPAIGN`: who will be skipped and why, before anything is dialled or sent."""

from __future__ import annotations

from typing import Any

import typer

from callcenter.commands.moments import local_text, read_moment
from callcenter.commands.runtime import open_office, put, usage_error
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import CHANNEL_JA, Channel
from campaigns.compliance.gate import CHANNELS, load_policy
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.compliance.sets import NEVER, ChannelCount, survey
from campaigns.planning.service import find_campaign


def skipped(
    campaign: str = typer.Argument(help="Name or number."),
    channel: str = typer.Option("", "--channel", help="sms, auto_call, operator_call or visit; default: all."),
    as_of: str = typer.Option("", "--as-of", help="Date or timestamp; the next contact window from there on; default: now."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Counts who the gate would refuse at the next contact window, by channel and reason; writes nothing."""
    if channel and channel not in CHANNELS:
        usage_error(f"--channel: '{channel}' is no channel.", f"Expected one of: {', '.join(CHANNELS)}.")
    moment, lang = read_moment(as_of), get_settings().lang
    with open_office() as office, transaction(office.id) as session:
        found = find_campaign(session, campaign)
        policy = load_policy(session)
        counts = survey(session, found.id, policy, moment, (Channel(channel),) if channel else CHANNELS)
        name, version = found.name, policy.version
    document = {
        "campaign": name,
        "as_of": local_text(moment),
        "rules": {"name": policy.name, "version": version},
        "asked": sum(count.asked for count in counts),
        "allowed": sum(count.allowed for count in counts),
        "refused": sum(count.refused for count in counts),
        "channels": {count.channel.value: _told(count) for count in counts},
    }
    put(
        document,
        as_json_document=as_json,
        lines=lambda: [_head(document, lang), *(line for count in counts for line in _lines(count, lang))],
    )


def _told(count: ChannelCount) -> dict[str, Any]:
    return {
        "asked_for": local_text(count.moment),
        "asked": count.asked,
        "allowed": count.allowed,
        "refused": count.refused,
        "reasons": dict(sorted(count.reasons.items(), key=lambda item: (-item[1], item[0]))),
        "next_allowed": dict(sorted(count.next_days.items())),
    }


def _head(document: dict[str, Any], lang: str) -> str:
    words = ("対象", "連絡できる", "見送る") if lang == "ja" else ("asked", "allowed", "refused")
    figures = zip(words, (document["asked"], document["allowed"], document["refused"]), strict=True)
    return f"{document['campaign']}\t" + "\t".join(f"{word} {number}" for word, number in figures)


def _lines(count: ChannelCount, lang: str) -> list[str]:
    name = CHANNEL_JA[count.channel] if lang == "ja" else count.channel.value
    at = local_text(count.moment) or ""
    rows = sorted(count.reasons.items(), key=lambda item: (-item[1], item[0]))
    reasons = [f"  {people}\t{denial_text(DenialReason(code), lang)} ({code})" for code, people in rows]
    never = "期限なし" if lang == "ja" else "until lifted"
    days = [f"  → {never if day == NEVER else day}\t{people}" for day, people in sorted(count.next_days.items())]
    return [f"{name}\t{at[:16].replace('T', ' ')}\t{count.refused}/{count.asked}", *reasons, *days]
