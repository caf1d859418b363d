"""How templates write numbers, money, days, moments and spans; each takes the page's language from the context."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from callcenter.core.clock import OFFICE_ZONE
from callcenter.core.eras import format_era, format_era_short
from reports.eras import Years
from reports.exports.table import per_cent, rounded
from reports.facts.late import Late
from reports.periods import Period

_WEEKDAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def attachment(name: str) -> str:
    """The Content-Disposition of a download; a name with letters beyond ASCII is told both ways (RFC 6266)."""
    plain = "".join(char if char.isascii() else "_" for char in name)
    return f'attachment; filename="{plain}"' + ("" if name.isascii() else f"; filename*=UTF-8''{quote(name)}")


def _lang(context: Context) -> str:
    return str(context["lang"])


def _local(moment: date | datetime, zone: ZoneInfo = OFFICE_ZONE) -> date | datetime:
    return moment.astimezone(zone) if isinstance(moment, datetime) else moment


def write_day(day: date | datetime, lang: str, zone: ZoneInfo = OFFICE_ZONE) -> str:
    """11月25日(水) or Wed 25 Nov; the office's day of a moment."""
    local = _local(day, zone)
    name = _WEEKDAYS[lang][local.weekday()]
    return f"{name} {local.day} {_MONTHS[local.month - 1]}" if lang == "en" else f"{local.month}月{local.day}日({name})"


def period_words(period: Period, years: Years, lang: str) -> str:
    """2026年11月1日(日)〜2026年11月26日(木), 令和8年11月1日(日)〜…, or the same in English."""

    def written(day: date) -> str:
        if years is Years.ERA:
            name = _WEEKDAYS[lang][day.weekday()]
            return f"{name} {format_era_short(day)}" if lang == "en" else f"{format_era(day)}({name})"
        return f"{write_day(day, lang)} {day.year}" if lang == "en" else f"{day.year}年{write_day(day, lang)}"

    return f"{written(period.first)}{' – ' if lang == 'en' else '〜'}{written(period.last)}"


def moment_in(moment: datetime, lang: str, zone: ZoneInfo) -> str:
    """11月25日(水) 14:05 or Wed 25 Nov 14:05, in the zone."""
    return f"{write_day(moment, lang, zone)} {moment.astimezone(zone):%H:%M}"


def counted(now: datetime, lang: str, zone: ZoneInfo) -> str:
    """As of when the figures of a page are, in the office's zone."""
    moment = moment_in(now, lang, zone)
    return f"Counted {moment}." if lang == "en" else f"集計は{moment}に作りました。"


def counted_late(late: Late, lang: str, zone: ZoneInfo) -> str:
    """That some of a period's days changed after they were over; nothing where none did. The moment is the office's zone's."""
    if late.last is None:
        return ""
    moment = moment_in(late.last, lang, zone)
    if lang == "en":
        return f"{late.days} of its days were counted again later, last {moment}, with late records, corrections, payments and reversals."
    return f"うち{late.days}日は翌日より後に数え直しました（最後は{moment}）。遅れて届いた記録・結果の訂正・入金とその取消を含みます。"


def write_yen(yen: int, lang: str) -> str:
    """12,000円 or ¥12,000."""
    return f"¥{yen:,}" if lang == "en" else f"{yen:,}円"


@pass_context
def day(context: Context, value: date | datetime) -> str:
    """11月25日(水) or Wed 25 Nov."""
    return write_day(value, _lang(context))


@pass_context
def yen(context: Context, value: int) -> str:
    """12,000円 or ¥12,000."""
    return write_yen(value, _lang(context))


@pass_context
def era(context: Context, value: date) -> str:
    """R8.2.2, as on the office's papers; 2026-02-02 in English."""
    return value.isoformat() if _lang(context) == "en" else format_era_short(value)


def number(value: float, places: int = 0) -> str:
    """12,000, or with `places` decimals; rounded half up, as in files."""
    return f"{value:,}" if places == 0 and type(value) is int else f"{rounded(value, places):,}"


def signed(value: float, places: int = 0) -> str:
    """+189, −13, 0: with a true minus sign."""
    text = number(abs(value), places)
    if value == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def percent(value: float | None, places: int = 1) -> str:
    """A share as 31.4%, as in files; – where there is no denominator."""
    return "–" if value is None else f"{per_cent(value, places)}%"


def clock(moment: datetime, seconds: bool = False) -> str:
    """14:05, or 14:05:12, in the office's zone."""
    return moment.astimezone(OFFICE_ZONE).strftime("%H:%M:%S" if seconds else "%H:%M")


def span(seconds: float) -> str:
    """A length of time as 02:41, from an hour on as 1:02:41."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def iso(moment: date | datetime) -> str:
    """For attributes: ISO 8601, moments with their zone."""
    return moment.isoformat()


FILTERS = {
    "day": day,
    "yen": yen,
    "era": era,
    "number": number,
    "signed": signed,
    "percent": percent,
    "clock": clock,
    "span": span,
    "iso": iso,
}
