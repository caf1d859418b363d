"""What rules may ask about the contact history and about reactions."""

from __future__ import annotations

from campaigns.compliance.facts import COUNTS
from campaigns.segmentation.kinds import Attribute, Build, Choice, Group, Kind, Unit, flag, number
from campaigns.segmentation.parameters import (
    CHANNEL,
    CHANNELS,
    DAYS,
    LINE_RESULT,
    LINE_RESULTS,
    OF_CHANNEL,
    OUTCOME,
    OUTCOMES,
    PARTIES,
    REACTION,
    WITHIN,
)
from campaigns.segmentation.query import Ask
from campaigns.segmentation.sources import (
    ATTEMPTS,
    IS_CONTACT,
    IS_RIGHT_PARTY,
    day_of,
    days_since,
    last_attempt,
)


def _where(ask: Ask) -> list[str]:
    given = ask.given(channel="a.channel", outcome="a.outcome", line_result="a.line_result")
    return [*given, *([f"a.began_at >= {ask.moment_before('days')}"] if "days" in ask.params else [])]


def _count(*conditions: str) -> Build:
    return lambda ask: ask.count(ATTEMPTS, *conditions, *_where(ask))


def _since(*conditions: str) -> Build:
    return lambda ask: f"({days_since(day_of(ask.column(ATTEMPTS, 'max(a.began_at)', *conditions, *_where(ask))))})"


def _last(name: str, column: str, words: tuple[Choice, ...], ja: str, en: str) -> Attribute:
    def build(ask: Ask) -> str:
        return ask.column(last_attempt(column, *ask.given(channel="a.channel")), "value")

    params = () if column == "channel" else (CHANNEL,)
    return Attribute(name, Kind.WORD, build, ja, en, True, Group.HISTORY, params=params, choices=words)


def _by_channel(name: str, channel: str, ja: str, en: str) -> Attribute:
    return number(name, Group.HISTORY, Unit.TIMES, _count(f"a.channel = '{channel}'"), ja, en)


def _failed_calls(ask: Ask) -> str:
    """Calls after the last contact: a letter for each in order, c for a contact.

    Neither a window function nor a sub-select, since these would keep the database from using several cores.
    """
    letter = f"CASE WHEN {IS_CONTACT} THEN 'c' WHEN a.channel IN ('auto_call','operator_call') THEN 'x' END"
    letters = ask.column(ATTEMPTS, f"string_agg({letter}, '' ORDER BY a.began_at, {letter} DESC)")
    return f"coalesce(CASE WHEN strpos({letters}, 'c') = 0 THEN length({letters}) ELSE strpos(reverse({letters}), 'c') - 1 END, 0)"


HISTORY = (
    number("attempts", Group.HISTORY, Unit.TIMES, _count(), "連絡の回数", "Number of attempts", DAYS, CHANNEL),
    _by_channel("sms_count", "sms", "SMSの回数", "Number of SMS"),
    _by_channel("auto_call_count", "auto_call", "自動電話の回数", "Number of automated calls"),
    _by_channel("operator_call_count", "operator_call", "電話催告の回数", "Number of operator calls"),
    _by_channel("visit_count", "visit", "訪問の回数", "Number of visits"),
    number(
        "days_since_attempt",
        Group.HISTORY,
        Unit.DAYS,
        _since(),
        "最後の連絡からの日数",
        "Days since the last attempt",
        CHANNEL,
        is_nullable=True,
    ),
    number("contact_count", Group.HISTORY, Unit.TIMES, _count(IS_CONTACT), "接触の回数", "Number of contacts", DAYS, CHANNEL),
    number(
        "days_since_contact",
        Group.HISTORY,
        Unit.DAYS,
        _since(IS_CONTACT),
        "最後の接触からの日数",
        "Days since the last contact",
        CHANNEL,
        is_nullable=True,
    ),
    number(
        "right_party_contacts",
        Group.HISTORY,
        Unit.TIMES,
        _count(IS_RIGHT_PARTY),
        "本人接触の回数",
        "Number of right-party contacts",
        DAYS,
        CHANNEL,
    ),
    number(
        "days_since_right_party",
        Group.HISTORY,
        Unit.DAYS,
        _since(IS_RIGHT_PARTY),
        "最後の本人接触からの日数",
        "Days since the right party was reached",
        CHANNEL,
        is_nullable=True,
    ),
    number(
        "failed_calls",
        Group.HISTORY,
        Unit.TIMES,
        _failed_calls,
        "最後の接触からあとの不通の回数",
        "Number of failed calls since the last contact",
    ),
    number("outcomes", Group.HISTORY, Unit.TIMES, _count(), "交渉結果の回数", "Number of results", DAYS, CHANNEL, OUTCOME),
    number(
        "days_since_outcome",
        Group.HISTORY,
        Unit.DAYS,
        _since(),
        "交渉結果からの日数",
        "Days since the result",
        CHANNEL,
        OUTCOME,
        is_nullable=True,
    ),
    number("line_results", Group.HISTORY, Unit.TIMES, _count(), "回線結果の回数", "Number of line results", DAYS, CHANNEL, LINE_RESULT),
    _last("last_channel", "channel", CHANNELS, "最後の連絡の手段", "Last channel"),
    _last("last_line_result", "line_result", LINE_RESULTS, "最後の回線結果", "Last line result"),
    _last("last_party", "party", PARTIES, "最後の応対者", "Who answered last"),
    _last("last_outcome", "outcome", OUTCOMES, "最後の交渉結果", "Last result"),
    number(
        "refusals",
        Group.HISTORY,
        Unit.TIMES,
        _count("a.outcome IN ('refuses','disputes_assessment')"),
        "拒否・異議の回数",
        "Number of refusals and disputes",
    ),
    flag(
        "needs_language",
        Group.HISTORY,
        lambda ask: ask.column(ATTEMPTS, "bool_or(a.outcome = 'language_support')"),
        ("日本語以外の対応が要る", "日本語以外の対応は要らない"),
        ("needs another language", "needs no other language"),
    ),
)

# What counts as a reaction to an attempt `a`, within the days that were asked for.
PAID_AFTER = """EXISTS (SELECT FROM payment y WHERE y.office_id = :office AND y.debtor_id = a.debtor_id AND y.status = 'matched'
    AND y.paid_on <= CAST(:as_of_day AS date) AND y.paid_on BETWEEN {day} AND {day} + {days})"""
CALLED_BACK = """EXISTS (SELECT FROM attempt b WHERE b.office_id = :office AND b.debtor_id = a.debtor_id AND b.began_at <= :as_of
    AND b.outcome = 'callback_promised' AND b.began_at >= a.began_at AND {day_b} <= {day} + {days})"""
REPLIED = "(a.robocall_keys <> '' OR coalesce(a.outcome, 'no_result') NOT IN ('no_result','interrupted'))"


def _reacted(ask: Ask) -> str:
    fields = {"day": day_of("a.began_at"), "day_b": day_of("b.began_at"), "days": ask.number("days")}
    ways = {"payment": PAID_AFTER.format(**fields), "call_back": CALLED_BACK.format(**fields), "reply": REPLIED}
    return ways[str(ask.params["reaction"])] if "reaction" in ask.params else f"({' OR '.join(ways.values())})"


def _attempts_where(ask: Ask, condition: str) -> str:
    return f"""SELECT {{columns}} FROM attempt a WHERE a.office_id = :office AND a.began_at <= :as_of AND {COUNTS}
  AND a.channel = {ask.word("channel")} AND {condition}{{one}} GROUP BY debtor_id"""  # noqa: S608 - constants


def _reactions(ask: Ask) -> str:
    return ask.count(_attempts_where(ask, _reacted(ask)))


def _without_reaction(ask: Ask) -> str:
    is_over = f"{day_of('a.began_at')} + {ask.number('days')} < CAST(:as_of_day AS date)"
    return ask.count(_attempts_where(ask, f"{is_over} AND NOT {_reacted(ask)}"))


REACTED = (
    number(
        "reactions",
        Group.REACTION,
        Unit.TIMES,
        _reactions,
        "反応のあった回数",
        "Number of attempts with a reaction",
        OF_CHANNEL,
        WITHIN,
        REACTION,
    ),
    number(
        "without_reaction",
        Group.REACTION,
        Unit.TIMES,
        _without_reaction,
        "反応のなかった回数",
        "Number of attempts without a reaction",
        OF_CHANNEL,
        WITHIN,
        REACTION,
    ),
)
