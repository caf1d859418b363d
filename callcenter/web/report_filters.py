"""The report page's filters as they stand in its address: read, checked, written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.permissions import Action, may
from callcenter.core.clock import local_day
from callcenter.core.errors import InvalidInput
from callcenter.web import phrases
from callcenter.web.dependencies import SignedIn
from campaigns.planning.models import Campaign
from reports.cut_forms import FORMS
from reports.cuts import Cut
from reports.eras import YEARS_WORDS, Years
from reports.exports.table import channel_words
from reports.periods import Period, month_to_date, read_day, zone_of
from reports.queries.headline import CHANNELS, HeadlineQuery

SHOWN_CAMPAIGNS = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for, and what could not be read (field, message): the rest stands at its default."""

    query: HeadlineQuery
    errors: tuple[tuple[str, str], ...] = ()
    years: Years = Years.WESTERN

    @property
    def address(self) -> str:
        """The filters as the query of an address, in one order, defaults left out."""
        query = self.query
        given = {
            "from": query.period.first.isoformat(),
            "to": query.period.last.isoformat(),
            "by": str(query.cut) if query.cut and query.cut is not Cut.HOUR else "",
            "channel": "" if query.channel == "operator_call" else str(query.channel),
            "campaign": str(query.campaign_id or ""),
            "years": "" if self.years is Years.WESTERN else str(self.years),
        }
        return urlencode({name: value for name, value in given.items() if value})


def read_filters(session: Session, who: SignedIn, given: Mapping[str, str], now: datetime, lang: str) -> Filters:
    """Filters from an address; what can't be read is named in `errors`."""
    errors: list[tuple[str, str]] = []
    query = HeadlineQuery(_period(given, now, zone_of(session), errors, lang), Cut.HOUR)
    if by := given.get("by", ""):
        if by in cuts_for(who):
            query = replace(query, cut=Cut(by))
        else:
            errors.append(("by", phrases.pick(lang, ("この区切りは使えません。", "This cut can't be used."))))
    if channel := given.get("channel", ""):
        if channel in CHANNELS:
            query = replace(query, channel=channel)
        else:
            errors.append(("channel", phrases.pick(lang, ("その手段はありません。", "There is no such channel."))))
    if campaign := given.get("campaign", ""):
        if campaign.isdecimal() and len(campaign) < 18 and session.scalar(select(Campaign.id).where(Campaign.id == int(campaign))):
            query = replace(query, campaign_id=int(campaign))
        else:
            errors.append(("campaign", phrases.pick(lang, ("その業務はありません。", "There is no such campaign."))))
    years = Years.WESTERN
    if written := given.get("years", ""):
        if written in tuple(Years):
            years = Years(written)
        else:
            errors.append(("years", phrases.pick(lang, ("年の書き方は western か era です。", "Years are western or era."))))
    return Filters(query, tuple(errors), years)


def cuts_for(who: SignedIn) -> tuple[Cut, ...]:
    """The cuts a person may see: operators, and teams, which may be of one, are for those who may see reports, the rest for everybody."""
    return tuple(cut for cut in Cut if cut not in (Cut.OPERATOR, Cut.TEAM) or may(who.role, Action.SEE_REPORTS))


def _period(given: Mapping[str, str], now: datetime, zone: ZoneInfo, errors: list[tuple[str, str]], lang: str) -> Period:
    """The days asked for, in the office's zone as at the command line and in the pack; the month so far without any."""
    usual = month_to_date(local_day(now, zone), zone)
    days: dict[str, date] = {"from": usual.first, "to": usual.last}
    for name in days:
        if text := given.get(name, ""):
            try:
                days[name] = read_day(text, name)
            except InvalidInput:
                words = ("日付を読めません。例: 2026-09-01、令和8年9月1日", "This is not a date. Example: 2026-09-01")
                errors.append((name, phrases.pick(lang, words)))
    if days["from"] > days["to"] and not errors:
        if given.get("to"):
            errors.append(("from", phrases.pick(lang, ("期間の始めが終わりより後です。", "The period ends before it begins."))))
            return usual
        return Period(days["from"], days["from"], zone)
    return usual if errors else Period(days["from"], days["to"], zone)


def require_readable(filters: Filters) -> HeadlineQuery:
    """The query of a file; raises InvalidInput where the address can't be read."""
    if filters.errors:
        raise InvalidInput(" ".join(message for _, message in filters.errors), code="bad_filter")
    return filters.query


def choices(session: Session, who: SignedIn, query: HeadlineQuery, lang: str) -> dict[str, list[dict[str, Any]]]:
    """The options of the filters' lists: {value, label, is_chosen}."""
    campaigns = session.execute(select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()).limit(SHOWN_CAMPAIGNS))
    every = phrases.pick(lang, ("すべて", "All"))
    return {
        "by": [option(cut, FORMS[cut].name.in_language(lang), query.cut) for cut in cuts_for(who)],
        "channel": [option(channel, channel_words(channel).in_language(lang), query.channel) for channel in CHANNELS],
        "campaign": [
            option("", every, query.campaign_id or ""),
            *(option(str(number), name, str(query.campaign_id or "")) for number, name in campaigns),
        ],
    }


def years_options(years: Years, lang: str) -> list[dict[str, Any]]:
    """How dates may be written."""
    return [option(each, words.in_language(lang), years) for each, words in YEARS_WORDS.items()]


def option(value: str, label: str, chosen: object) -> dict[str, Any]:
    return {"value": str(value), "label": label, "is_chosen": str(value) == str(chosen)}
