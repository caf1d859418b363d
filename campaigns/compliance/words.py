"""Contact rules in plain words: the name of each setting, and what a policy says, sentence by sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from campaigns.attempts.codes import CHANNEL_EN, CHANNEL_JA, Channel
from campaigns.compliance.days import LAST, DayKind, DayRule, DeclaredDay, Hours, hours_text, read_hours, time_text
from campaigns.compliance.documents import read_rule
from campaigns.compliance.policy import Cap, ContactPolicy, Scope, Window
from campaigns.compliance.presets import NAMES, preset
from campaigns.compliance.reasons import DenialReason, denial_text

CHANNELS = (Channel.OPERATOR_CALL, Channel.AUTO_CALL, Channel.SMS, Channel.VISIT)
WEEKDAYS = {"ja": tuple("月火水木金土日"), "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
COUNTRIES = {"JP": ("日本", "Japan"), "US": ("米国", "United States"), "GB": ("英国", "United Kingdom")}
SETTINGS: Mapping[str, tuple[str, str]] = {
    "max_per_day": ("一人あたり一日の上限(回)", "Attempts per person and day"),
    "max_per_week": ("一人あたり7日間の上限(回)", "Attempts per person in 7 days"),
    "is_calendar_week": ("週は月曜から数える", "Weeks begin on Monday"),
    "gap_minutes": ("同じ番号への間隔(分)", "Minutes between attempts to one number"),
    "quiet_days": ("会話の後に静かにする日数", "Quiet days after a conversation"),
    "is_conversation_day_first": ("会話の日を1日目と数える", "The day of the conversation is the first"),
    "callback_days": ("頼まれた折り返しが優先する日数", "Days an asked-for call-back goes first"),
    "payment_claim_days": ("支払い済みと言われて待つ日数", "Days to wait for a claimed payment"),
    "abandon_hours": ("放棄呼の後に予測発信・自動電話をしない時間", "Hours without predictive or automated calls after an abandoned one"),
    "robocall_rest_days": ("本人と話した後に自動電話を休む日数", "Days without automated calls after meeting the right party"),
    "allows_workplace": ("勤務先の番号にかける", "Workplace numbers may be called"),
    "max_list_days": ("リストを信じる日数(0は確かめない)", "Days a list is trusted (0: not asked)"),
    "decision_seconds": ("判断が有効な秒数", "Seconds a decision may be acted upon"),
    "keep_contact_days": ("一件ごとの判断を残す日数", "Days single decisions are kept"),
    "keep_set_days": ("まとめての判断を残す日数", "Days decisions of sets are kept"),
    "caps": ("ほかの上限", "Further limits"),
    "exempt": ("条件を当てない手段", "Channels a condition does not stop"),
    "is_closed_on_holidays": ("祝日は連絡しない", "No contact on public holidays"),
    "country": ("祝日の国", "Holidays of"),
    "is_closed_at_year_end": ("年末年始は連絡しない", "No contact at the year's end"),
    "year_end": ("年末年始の期間", "The year's end from and to"),
    "envelope": ("何があっても守る時間帯", "Hours that nothing goes beyond"),
    "weekly": ("曜日ごとの時間帯", "Hours by weekday"),
    "evening_closes": ("夜間窓口の日の終わり", "End on evening days"),
    "open_day": ("休日開庁の日の時間帯", "Hours on open Sundays and holidays"),
    "rules": ("くり返す夜間・休日開庁・閉庁", "Evenings, open and closed days that come again"),
    "name": ("もとにした規則", "Began as"),
}
SCOPES = {
    Scope.PERSON: ("一人に", "per person"),
    Scope.NUMBER: ("一つの番号に", "per number"),
    Scope.HOUSEHOLD: ("一世帯に", "per household"),
}
KINDS = {DayKind.CLOSED: ("閉庁", "closed"), DayKind.EVENING: ("夜間窓口", "evening office"), DayKind.OPEN: ("休日開庁", "open day")}

SENTENCES: Mapping[str, tuple[str, str]] = {
    "closed": ("{days}は連絡しません。", "No contact on {days}."),
    "never_closed": ("祝日と年末年始も連絡します。", "Holidays and the year's end are like other days."),
    "envelope": ("何を宣言しても {hours} の外では連絡しません。", "Whatever is declared, nothing outside {hours}."),
    "gap_minutes": ("同じ番号へは{n}分以上あけます。", "At least {n} minutes between attempts to one number."),
    "quiet_days": (
        "会話の後{n}日間{first}は連絡しません。約束の期日が過ぎたときは例外です。",
        "No contact for {n} days after a conversation{first}, unless a promise fell due.",
    ),
    "callback_days": (
        "頼まれた折り返しは、その時刻から{n}日間、上限と静かな期間に優先します。",
        "A call-back that was asked for goes before limits and quiet days for {n} days.",
    ),
    "payment_claim_days": ("支払い済みと言われたら{n}日間待ちます。", "A claimed payment is waited for {n} days."),
    "abandon_hours": (
        "放棄呼の後{n}時間は、予測発信と自動電話をしません。",
        "No predictive and no automated call for {n} hours after an abandoned one.",
    ),
    "robocall_rest_days": (
        "本人と話した後{n}日間は、自動電話をかけません。",
        "No automated call for {n} days after the right party was met.",
    ),
    "workplace": ("勤務先の番号にもかけます。", "Workplace numbers are called, too."),
    "no_workplace": ("備考に勤務先とある番号にはかけません。", "Numbers remarked as a workplace's are not called."),
    "max_list_days": ("{n}日より古いリストでは連絡しません。", "No contact on a list older than {n} days."),
    "any_list": ("リストの古さは確かめません。", "The list's age is not asked."),
    "exempt": ("「{reason}」でも、{channels}では連絡します。", "In spite of “{reason}” contact is made by {channels}."),
    "decision_seconds": ("可否の判断は{n}秒だけ有効です。", "A decision may be acted upon for {n} seconds."),
}


def channel_word(channel: str, lang: str) -> str:
    """A channel's name."""
    return (CHANNEL_EN if lang == "en" else CHANNEL_JA)[Channel(channel)]


def channels_word(channels: Iterable[str] | None, lang: str) -> str:
    """Several channels; all where none is named."""
    chosen = [channel for channel in CHANNELS if channels is not None and channel in set(channels)]
    if not chosen or len(chosen) == len(CHANNELS):
        return pick(lang, "すべての手段", "all channels")
    return pick(lang, "・", ", ").join(channel_word(channel, lang) for channel in chosen)


def setting_word(path: str, lang: str) -> str:
    """The name of a setting by its path in the document: `weekly.sms.0`, `exempt.open_promise`, `caps.2.most`."""
    head, _, rest = path.partition(".")
    words = [pick(lang, *SETTINGS[head])] if head in SETTINGS else [head]
    for part in filter(None, rest.split(".")):
        if part in set(Channel):
            words.append(channel_word(part, lang))
        elif part in set(DenialReason):
            words.append(denial_text(DenialReason(part), lang))
        elif head == "weekly" and part.isdigit():
            words.append(WEEKDAYS[_key(lang)][int(part)])
        elif part.isdigit():
            words.append(pick(lang, f"{int(part) + 1}行目", f"line {int(part) + 1}"))
    return pick(lang, "・", ", ").join(words)


def value_word(path: str, value: Any, lang: str) -> str:
    """A value of the document in words."""
    if value in (None, "", [], {}):
        return pick(lang, "なし", "none")
    if isinstance(value, bool):
        return pick(lang, "はい", "yes") if value else pick(lang, "いいえ", "no")
    if path.startswith("exempt."):
        return channels_word(value, lang)
    if path.startswith("weekly.") and isinstance(value, dict):
        return _week_words({int(day): read_hours(parts) for day, parts in value.items()}, lang)
    if path == "name" and value in NAMES:
        return preset(value).title["en" if lang == "en" else "ja"]
    if path.startswith("caps"):
        told = value if isinstance(value, list) else [value]
        return pick(lang, "、", "; ").join(_cap_told(one, lang) for one in told)
    if path.startswith("rules"):
        told = value if isinstance(value, list) else [value]
        return pick(lang, "、", "; ").join(_rule_told(one, lang) for one in told)
    return str(value)


def cap_words(cap: Cap, lang: str) -> str:
    """一人に7日間で3回まで(SMS)."""
    span = {
        Window.DAY: ("一日", "a day"),
        Window.WEEK: ("月曜からの一週間", "a week from Monday"),
        Window.ROLLING: (f"{cap.days}日間", f"{cap.days} days"),
    }[cap.window]
    scope = pick(lang, *SCOPES[cap.scope])
    channels = f"({channels_word(cap.channels, lang)})" if cap.channels else ""
    if lang == "en":
        return f"at most {cap.most} attempt{'' if cap.most == 1 else 's'} in {span[1]} {scope} {channels}".rstrip()
    return f"{scope}{span[0]}で{cap.most}回まで{channels}"


def day_words(day: DeclaredDay, lang: str) -> str:
    """夜間窓口 20:00まで."""
    words = [pick(lang, *KINDS[day.kind])]
    if day.hours:
        words.append(hours_words(day.hours, lang))
    if day.until is not None:
        words.append(pick(lang, f"{time_text(day.until)}まで", f"until {time_text(day.until)}"))
    if day.channels is not None:
        words.append(f"({channels_word(day.channels, lang)})")
    return " ".join(words)


def rule_words(rule: DayRule, lang: str) -> str:
    """毎週火曜 夜間窓口 20:00まで; 第3日曜 休日開庁 09:00〜16:00."""
    names = WEEKDAYS[_key(lang)]
    days = [names[day] for day in sorted(rule.weekdays)]
    if rule.last_workdays:
        when = pick(lang, f"月末の開庁日{rule.last_workdays}日", f"the last {rule.last_workdays} working days of a month")
    elif lang == "en":
        places = {LAST: "last", 1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 5: "5th"}
        when = f"{', '.join(places[n] for n in sorted(rule.nth, key=lambda n: n % 7)) or 'every'} {', '.join(days)}"
    else:
        places_ja = [("最終" if n == LAST else f"第{n}") for n in sorted(rule.nth, key=lambda n: n % 7)]
        when = "・".join(f"{place}{day}曜" for place in places_ja or ["毎週"] for day in days)
    months = pick(lang, f"({'・'.join(map(str, sorted(rule.months)))}月)", f"(months {', '.join(map(str, sorted(rule.months)))})")
    span = f" {rule.from_on or ''}〜{rule.until_on or ''}" if rule.from_on or rule.until_on else ""
    return f"{when}{months if rule.months else ''}{span} {day_words(rule.day, lang)}" + (
        pick(lang, "(祝日も)", " (holidays, too)") if rule.is_on_holidays else ""
    )


def hours_words(parts: Iterable[Hours], lang: str) -> str:
    """09:00〜12:00、13:00〜17:00."""
    told = tuple(parts)
    if not told:
        return pick(lang, "連絡しない", "closed")
    return hours_text(told).replace("-", pick(lang, "〜", "–")).replace(",", pick(lang, "、", ", "))


def summary(policy: ContactPolicy, lang: str) -> list[str]:
    """What the policy says, in sentences that a person who makes it valid can read and answer for."""
    return [*_hours_sentences(policy, lang), *_caps_sentences(policy, lang), *_condition_sentences(policy, lang)]


def _hours_sentences(policy: ContactPolicy, lang: str) -> list[str]:
    hours = policy.hours
    told = [f"{channel_word(channel, lang)}: {_week_words(hours.weekly.get(channel, {}), lang)}" for channel in CHANNELS]
    closed = []
    if hours.is_closed_on_holidays:
        ja, en = COUNTRIES[hours.country]
        closed.append(pick(lang, f"{ja}の祝日", f"public holidays of {en}"))
    if hours.is_closed_at_year_end:
        span = "〜".join(f"{month}/{day}" for month, day in hours.year_end)
        closed.append(pick(lang, f"年末年始({span})", f"the year's end ({span.replace('〜', '–')})"))
    together = pick(lang, "と", " and ").join(closed)
    told.append(_sentence("closed", lang, days=together) if closed else _sentence("never_closed", lang))
    told += [rule_words(rule, lang) + pick(lang, "。", ".") for rule in hours.rules]
    return [*told, _sentence("envelope", lang, hours=hours_words([hours.envelope], lang))]


def _week_words(week: Mapping[int, tuple[Hours, ...]], lang: str) -> str:
    """月〜金 09:00〜17:00: weekdays of the same hours together."""
    names, groups = WEEKDAYS[_key(lang)], list[tuple[list[int], tuple[Hours, ...]]]()
    for day in range(7):
        parts = week.get(day, ())
        if groups and groups[-1][1] == parts:
            groups[-1][0].append(day)
        else:
            groups.append(([day], parts))
    told = [
        f"{names[days[0]]}{pick(lang, '〜', '–') + names[days[-1]] if len(days) > 1 else ''} {hours_words(parts, lang)}"
        for days, parts in groups
        if parts
    ]
    return pick(lang, "、", "; ").join(told) or pick(lang, "連絡しない", "never")


def _caps_sentences(policy: ContactPolicy, lang: str) -> list[str]:
    told = [pick(lang, f"{cap_words(cap, lang)}。", f"{cap_words(cap, lang).capitalize()}.") for cap in policy.all_caps]
    return [*told, *([_sentence("gap_minutes", lang, n=policy.gap_minutes)] if policy.gap_minutes else [])]


def _condition_sentences(policy: ContactPolicy, lang: str) -> list[str]:
    first = pick(lang, "(会話の日を含む)", " (its day included)") if policy.is_conversation_day_first else ""
    told = [_sentence("quiet_days", lang, n=policy.quiet_days, first=first)]
    for name in ("callback_days", "payment_claim_days", "abandon_hours", "robocall_rest_days"):
        if getattr(policy, name):
            told.append(_sentence(name, lang, n=getattr(policy, name)))
    told.append(_sentence("workplace" if policy.allows_workplace else "no_workplace", lang))
    told.append(_sentence("max_list_days" if policy.max_list_days else "any_list", lang, n=policy.max_list_days))
    for reason, channels in policy.exempt.items():
        told.append(_sentence("exempt", lang, reason=denial_text(reason, lang), channels=channels_word(channels, lang)))
    return [*told, _sentence("decision_seconds", lang, n=policy.decision_seconds)]


def _sentence(name: str, lang: str, **values: object) -> str:
    return pick(lang, *SENTENCES[name]).format(**values)


def _cap_told(told: Mapping[str, Any], lang: str) -> str:
    cap = Cap(Scope(told["scope"]), told["most"], Window(told["window"]), told["days"], frozenset(Channel(one) for one in told["channels"]))
    return cap_words(cap, lang)


def _rule_told(told: Mapping[str, Any], lang: str) -> str:
    return rule_words(read_rule("rules", told), lang)


def pick(lang: str, ja: str, en: str) -> str:
    """The text of the language."""
    return en if lang == "en" else ja


def _key(lang: str) -> str:
    return "en" if lang == "en" else "ja"
