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
from campaigns.attempts.codes import Channel
from campaigns.planning.models import Campaign
from reports.cut_forms import FORMS
from reports.cuts import Cut
from reports.eras import YEARS_WORDS, Years
from reports.exports.table import channel_words
from reports.periods import Period, month_to_date, read_day, zone_of
from reports.queries.headline import CHANNELS, HeadlineQuery
from reports.queries.opening import opening_period
from reports.staff import Staff, people_of, staff_of
from reports.words import Words

SHOWN_CAMPAIGNS = 100
WITHOUT_OPERATORS = (Channel.SMS, Channel.AUTO_CALL)
NO_STAFF = {
    "bad_staff": ("オペレーターと班は、どちらか一つで絞ってください。", "Filter by operator or by team, not by both."),
    "bad_operator": ("その名前のオペレーターはいません。", "There is no operator of that name."),
    "bad_team": ("その名前の班はありません。", "There is no such team."),
}
STAFF_ONLY = (
    "担当者のいる架電・訪問と、その人の時間・約束だけを数えています。名簿・放棄呼・SMS・自動電話・費用は担当者を持たないため、出していません。",
    "Only attempts with an operator, their hours and their promises. The list, abandoned calls, SMS, automated calls and costs know no"
    " operator and are left out.",
)
NO_OPERATOR_THERE = (
    "SMSと自動電話には担当者がいません。オペレーターや班で絞ると、オペレーターにつないだものだけが残ります。",
    "SMS and automated calls have no operator: by operator or team only those put through to one are left.",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for, and what could not be read (field, message): the rest stands at its default.

    `is_month_before`: nobody asked for a period, and this month has nothing to show yet.
    """

    query: HeadlineQuery
    errors: tuple[tuple[str, str], ...] = ()
    years: Years = Years.WESTERN
    is_month_before: bool = False

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
            **({str(query.staff.by): query.staff.key} if query.staff else {}),
            "years": "" if self.years is Years.WESTERN else str(self.years),
        }
        return urlencode({name: value for name, value in given.items() if value})


def read_filters(session: Session, who: SignedIn, given: Mapping[str, str], now: datetime, lang: str) -> Filters:
    """Filters from an address; what can't be read is named in `errors`."""
    errors: list[tuple[str, str]] = []
    zone = zone_of(session)
    today, is_asked = local_day(now, zone), bool(given.get("from") or given.get("to"))
    period = _period(given, today, zone, errors, lang) if is_asked else opening_period(session, today, zone)
    query = HeadlineQuery(period, Cut.HOUR)
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
    query = replace(query, staff=_staff(session, who, given, errors, lang))
    years = Years.WESTERN
    if written := given.get("years", ""):
        if written in tuple(Years):
            years = Years(written)
        else:
            errors.append(("years", phrases.pick(lang, ("年の書き方は western か era です。", "Years are western or era."))))
    return Filters(query, tuple(errors), years, is_month_before=not is_asked and period.last.replace(day=1) != today.replace(day=1))


def _staff(session: Session, who: SignedIn, given: Mapping[str, str], errors: list[tuple[str, str]], lang: str) -> Staff | None:
    """The operators of an address; single ones and teams, which may be of one, are for those who may see reports."""
    operator, team = given.get("operator", "")[:64], given.get("team", "")[:64]
    if not (operator or team):
        return None
    if not may(who.role, Action.SEE_REPORTS):
        errors.append(("operator", phrases.pick(lang, ("オペレーターや班では絞れません。", "You can't filter by operator or team."))))
        return None
    try:
        return staff_of(session, operator, team)
    except InvalidInput as problem:
        errors.append(("operator" if operator else "team", phrases.pick(lang, NO_STAFF[problem.code])))
        return None


def staff_note(query: HeadlineQuery, lang: str) -> str:
    """What a filter by operators leaves out; "" without one."""
    if query.staff is None:
        return ""
    return phrases.pick(lang, NO_OPERATOR_THERE if query.channel in WITHOUT_OPERATORS else STAFF_ONLY)


def opening_note(filters: Filters, lang: str) -> str:
    """Why the month before is shown though nobody asked for it; "" otherwise."""
    words = (
        "今月は、記録のある日がまだ終わっていないため、先月の数字です。今月の分は期間を選ぶと出ます。",
        "No day of this month with anything on record is over yet: these are last month's figures. Choose a period for this month's.",
    )
    return phrases.pick(lang, words) if filters.is_month_before else ""


def staff_words(query: HeadlineQuery, lang: str) -> str:
    """The filter by operators for a heading; "" without one."""
    return "" if query.staff is None else query.staff.told.in_language(lang)


def cuts_for(who: SignedIn) -> tuple[Cut, ...]:
    """The cuts a person may see: operators, and teams, which may be of one, are for those who may see reports, the rest for everybody."""
    return tuple(cut for cut in Cut if cut not in (Cut.OPERATOR, Cut.TEAM) or may(who.role, Action.SEE_REPORTS))


def _period(given: Mapping[str, str], today: date, zone: ZoneInfo, errors: list[tuple[str, str]], lang: str) -> Period:
    """The days asked for, in the office's zone as at the command line and in the pack; a missing end is the month's so far."""
    usual = month_to_date(today, zone)
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
    people, teams = people_of(session) if may(who.role, Action.SEE_REPORTS) else ([], [])
    chosen = {str(query.staff.by): query.staff} if query.staff else {}
    return {
        "operator": _staff_options(people, chosen.get("operator"), every, lang),
        "team": _staff_options(teams, chosen.get("team"), every, lang),
        "by": [option(cut, FORMS[cut].name.in_language(lang), query.cut) for cut in cuts_for(who)],
        "channel": [option(channel, channel_words(channel).in_language(lang), query.channel) for channel in CHANNELS],
        "campaign": [
            option("", every, query.campaign_id or ""),
            *(option(str(number), name, str(query.campaign_id or "")) for number, name in campaigns),
        ],
    }


def _staff_options(known: list[tuple[str, Words]], chosen: Staff | None, every: str, lang: str) -> list[dict[str, Any]]:
    """Nothing where there is nothing to choose from; who is chosen is always in the list."""
    listed = known if chosen is None or chosen.key in dict(known) else [*known, (chosen.key, chosen.words)]
    key = chosen.key if chosen else ""
    return [option("", every, key), *(option(each, words.in_language(lang), key) for each, words in listed)] if listed else []


def years_options(years: Years, lang: str) -> list[dict[str, Any]]:
    """How dates may be written."""
    return [option(each, words.in_language(lang), years) for each, words in YEARS_WORDS.items()]


def option(value: str, label: str, chosen: object) -> dict[str, Any]:
    return {"value": str(value), "label": label, "is_chosen": str(value) == str(chosen)}
