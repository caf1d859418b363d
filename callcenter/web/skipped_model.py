"""Who will be skipped and why, as the template and the file want it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from callcenter.core.clock import OFFICE_ZONE
from callcenter.web.formats import clock, write_day
from campaigns.attempts.codes import Channel
from campaigns.compliance import checks
from campaigns.compliance.checks import SkipFilter
from campaigns.compliance.models import ComplianceCheck
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.compliance.sets import NEVER
from campaigns.compliance.words import CHANNELS, channel_word, pick
from campaigns.planning.models import Campaign
from campaigns.planning.state import TRANSITIONS, CampaignStatus
from reports.exports.table import plain_text

PAGE = 50
SHOWN_DAYS = 14
ZONE = OFFICE_ZONE.key


def read_filter(given: Mapping[str, str], lang: str) -> tuple[SkipFilter, list[dict[str, str]]]:
    """What an address asks for; what can't be read is named and left out."""
    errors = []
    chosen = SkipFilter()
    if channel := given.get("channel", ""):
        if channel in CHANNELS:
            chosen = replace(chosen, channel=channel)
        else:
            errors.append({"field_id": "channel", "message": pick(lang, "その手段はありません。", "There is no such channel.")})
    if reason := given.get("reason", ""):
        if reason in set(DenialReason):
            chosen = replace(chosen, reason=reason)
        else:
            errors.append({"field_id": "reason", "message": pick(lang, "その理由はありません。", "There is no such reason.")})
    if next_on := given.get("next", ""):
        if next_on == NEVER or _is_day(next_on):
            chosen = replace(chosen, next_on=next_on)
        else:
            errors.append({"field_id": "next", "message": pick(lang, "その日付は読めません。", "This is no date.")})
    return chosen, errors


def skipped_model(session: Session, campaign: Campaign, chosen: SkipFilter, lang: str, *, page_no: int, is_start: bool) -> dict[str, Any]:
    """Fields of skipped.html."""
    done, running = checks.latest(session, campaign.id), checks.latest(session, campaign.id, is_done=False)
    counts = checks.reasons_of(session, campaign.id) if done else {}
    days = checks.next_days(session, campaign.id, replace(chosen, next_on=""), ZONE) if done else {}
    total = _meant(counts, days, chosen)
    is_asked = bool(chosen.channel or chosen.reason or chosen.next_on)
    people = checks.people(session, campaign.id, chosen, ZONE, offset=(page_no - 1) * PAGE, count=PAGE) if done and is_asked else []
    may_start = CampaignStatus.RUNNING in TRANSITIONS[CampaignStatus(campaign.status)]
    return {
        "campaign": {"id": campaign.id, "name": campaign.name, "is_planned": campaign.planned_as_of is not None},
        "start": {"is_asked": is_start and may_start, "may": may_start},
        "check": None if done is None else _check(done, lang),
        "progress": progress_model(campaign.id, running),
        "channels": _channels(campaign.id, done, counts, chosen, lang),
        "timeline": _timeline(campaign.id, days, chosen, done.at.astimezone(OFFICE_ZONE).date(), lang) if done else None,
        "chosen": _chosen(chosen, lang),
        "clear_url": _url(campaign.id, SkipFilter()),
        "csv_url": f"/campaigns/{campaign.id}/skipped/people.csv?{_query(chosen)}",
        "url": _url(campaign.id, chosen),
        "channel_options": [{"value": "", "label": pick(lang, "すべて", "All"), "is_chosen": not chosen.channel}]
        + [{"value": one.value, "label": channel_word(one, lang), "is_chosen": one == chosen.channel} for one in CHANNELS],
        "reason_options": [{"value": "", "label": pick(lang, "すべて", "All"), "is_chosen": not chosen.reason}]
        + [
            {"value": reason, "label": denial_text(DenialReason(reason), lang), "is_chosen": reason == chosen.reason}
            for reason in dict.fromkeys(reason for _, reason in counts)
        ],
        "next_on": chosen.next_on,
        "people": [
            {
                "href": f"/debtors/{person.debtor_id}",
                "number": person.debtor_no,
                "name": person.name,
                "channel": channel_word(person.channel, lang),
                "reason": denial_text(DenialReason(person.reason), lang),
                "since": person.at,
                "next": person.next_allowed_at,
            }
            for person in people
        ],
        "pages": _pages(campaign.id, chosen, page_no, total) if people else None,
    }


def progress_model(campaign_id: int, running: ComplianceCheck | None) -> dict[str, Any] | None:
    """Fields of skipped_progress.html; None when no check is under way."""
    if running is None:
        return None
    return {"url": f"/campaigns/{campaign_id}/skipped/progress", "asked": running.asked, "total": running.total}


def people_csv(session: Session, campaign_id: int, chosen: SkipFilter, lang: str) -> tuple[bytes, int]:
    """The people a filter means as CSV (UTF-8 with BOM, CRLF), and how many they are."""
    heads = pick(
        lang,
        "宛名番号,氏名,手段,理由,理由コード,判断日時,次に可能な日時,規則の版",
        "No.,Name,Channel,Reason,Code,Decided at,Possible again at,Rules version",
    )
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heads.split(","))
    count, offset = 0, 0
    while part := checks.people(session, campaign_id, chosen, ZONE, offset=offset, count=2_000):
        for person in part:
            moments = [
                moment.astimezone(OFFICE_ZONE).isoformat(timespec="minutes") if moment else ""
                for moment in (person.at, person.next_allowed_at)
            ]
            words = [
                person.debtor_no,
                person.name,
                channel_word(person.channel, lang),
                denial_text(DenialReason(person.reason), lang),
                person.reason,
            ]
            writer.writerow([*map(plain_text, words), *moments, person.rules_version])
        count, offset = count + len(part), offset + len(part)
    return ("\ufeff" + out.getvalue()).encode("utf-8"), count


def _check(done: ComplianceCheck, lang: str) -> dict[str, Any]:
    return {
        "at": done.at,
        "asked": done.asked,
        "allowed": done.allowed,
        "refused": done.refused,
        "share": done.refused / done.asked if done.asked else None,
        "version": done.policy_version,
    }


def _channels(
    campaign_id: int, done: ComplianceCheck | None, counts: Mapping[tuple[str, str], int], chosen: SkipFilter, lang: str
) -> list[dict[str, Any]]:
    """Each channel with its reasons, most frequent first; bars are shares of the channel's people."""
    told = []
    for channel in CHANNELS if done is not None else ():
        asked = int(done.counts.get(channel.value, {}).get("asked", 0)) if done else 0
        if not asked:
            continue
        rows = sorted(((reason, n) for (one, reason), n in counts.items() if one == channel), key=lambda row: (-row[1], row[0]))
        moment = done.moments.get(channel.value) if done else None
        told.append(
            {
                "label": channel_word(channel, lang),
                "href": _url(campaign_id, SkipFilter(channel.value)),
                "asked": asked,
                "refused": sum(n for _, n in rows),
                "moment": _moment_words(moment, lang),
                "reasons": [_reason_row(campaign_id, channel, reason, n, asked, chosen, lang) for reason, n in rows],
            }
        )
    return told


def _reason_row(campaign_id: int, channel: Channel, reason: str, n: int, asked: int, chosen: SkipFilter, lang: str) -> dict[str, Any]:
    return {
        "label": denial_text(DenialReason(reason), lang),
        "count": n,
        "share": n / asked,
        "percent": round(100 * n / asked, 1),
        "href": _url(campaign_id, SkipFilter(channel.value, reason)),
        "is_current": (channel.value, reason) == (chosen.channel, chosen.reason),
    }


def _timeline(campaign_id: int, days: Mapping[date | None, int], chosen: SkipFilter, first: date, lang: str) -> dict[str, Any] | None:
    """When contact is possible again: a column a day, then everything later, then what has no end."""
    if not days:
        return None
    shown = [first + timedelta(days=n) for n in range(SHOWN_DAYS)]
    rows: list[dict[str, Any]] = [
        {
            "label": f"{day.month}/{day.day}",
            "count": days.get(day, 0),
            "words": write_day(day, lang),
            "href": _next_url(campaign_id, chosen, day.isoformat()),
        }
        for day in shown
    ]
    later = sum(n for day, n in days.items() if day is not None and day not in shown)
    rows.append({"label": pick(lang, "以降", "later"), "count": later, "words": pick(lang, "その後", "Later"), "href": ""})
    never = pick(lang, "期限なし", "no end")
    rows.append(
        {"label": pick(lang, "なし", "none"), "count": days.get(None, 0), "words": never, "href": _next_url(campaign_id, chosen, NEVER)}
    )
    return {
        "rows": rows,
        "columns": [{"label": row["label"], "value": row["count"], "is_partial": row["href"] == "", "note": ""} for row in rows],
        "top": max([1, *(row["count"] for row in rows)]),
    }


def _meant(counts: Mapping[tuple[str, str], int], days: Mapping[date | None, int], chosen: SkipFilter) -> int:
    if chosen.next_on:
        return days.get(None if chosen.next_on == NEVER else date.fromisoformat(chosen.next_on), 0)
    return sum(n for (channel, reason), n in counts.items() if chosen.channel in ("", channel) and chosen.reason in ("", reason))


def _chosen(chosen: SkipFilter, lang: str) -> str:
    words = [
        channel_word(chosen.channel, lang) if chosen.channel else "",
        denial_text(DenialReason(chosen.reason), lang) if chosen.reason else "",
        pick(lang, "期限なし", "no end") if chosen.next_on == NEVER else "",
        write_day(date.fromisoformat(chosen.next_on), lang) if chosen.next_on and chosen.next_on != NEVER else "",
    ]
    return pick(lang, "・", ", ").join(filter(None, words))


def _pages(campaign_id: int, chosen: SkipFilter, page_no: int, total: int) -> dict[str, Any]:
    def href(number: int) -> str:
        return f"/campaigns/{campaign_id}/skipped?{_query(chosen)}&page_no={number}#h-people"

    first = (page_no - 1) * PAGE + 1
    return {
        "first": first,
        "last": min(first + PAGE - 1, total),
        "total": total,
        "previous_href": href(page_no - 1) if page_no > 1 else None,
        "next_href": href(page_no + 1) if first + PAGE - 1 < total else None,
    }


def _moment_words(text: str | None, lang: str) -> str:
    moment = datetime.fromisoformat(text) if text else None
    return f"{write_day(moment, lang)} {clock(moment)}" if moment else ""


def _next_url(campaign_id: int, chosen: SkipFilter, next_on: str) -> str:
    return _url(campaign_id, replace(chosen, next_on=next_on))


def _url(campaign_id: int, chosen: SkipFilter) -> str:
    query = _query(chosen)
    return f"/campaigns/{campaign_id}/skipped{'?' + query if query else ''}{'#h-people' if query else ''}"


def _query(chosen: SkipFilter) -> str:
    given = {"channel": chosen.channel, "reason": chosen.reason, "next": chosen.next_on}
    return urlencode({name: value for name, value in given.items() if value})


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10
