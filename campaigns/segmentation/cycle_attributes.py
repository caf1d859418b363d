"""What rules may ask about the campaign's cycle and ladder, and about experiments."""

from __future__ import annotations

from campaigns.segmentation.experiments import PLACES
from campaigns.segmentation.kinds import Attribute, Build, Group, Unit, flag, number
from campaigns.segmentation.parameters import ARM, EXPERIMENT
from campaigns.segmentation.query import AS_OF_DAY, Ask
from campaigns.segmentation.sources import IS_RIGHT_PARTY, OWED, day_of, days_since

CYCLE_FROM, COUNTS_FROM = "CAST(:cycle_from AS timestamptz)", "CAST(:counts_from AS timestamptz)"
COUNTED = "a.line_result IS DISTINCT FROM :failed"
# :cycle_from is the cycle's first moment; the ladder counts from :counts_from; what lies before, from :before_from on, only tells how high
# a debtor had come. A failed SMS is no attempt, but says that the number takes none.
CYCLE = """SELECT {columns} FROM attempt a
  WHERE a.office_id = :office AND a.began_at >= CAST(:before_from AS timestamptz) AND a.began_at <= :as_of
    AND (a.handed_over_at IS NOT NULL OR a.state <> 'closed' OR a.source = 'imported'
      OR (a.channel = 'sms' AND a.line_result = :failed)){one} GROUP BY debtor_id"""
CYCLE_PAYMENTS = f"""SELECT {{columns}} FROM payment
  WHERE office_id = :office AND debtor_id IS NOT NULL AND status = 'matched'
    AND paid_on >= CAST(:cycle_day AS date) AND paid_on <= {AS_OF_DAY}{{one}} GROUP BY debtor_id"""  # noqa: S608 - constants
BEFORE = "bit_or(CASE a.channel WHEN 'sms' THEN 1 WHEN 'auto_call' THEN 2 WHEN 'operator_call' THEN 4 WHEN 'visit' THEN 8 ELSE 0 END)"


def _count(*conditions: str) -> Build:
    return lambda ask: ask.count(CYCLE, *conditions)


def _paid(ask: Ask) -> str:
    return f"coalesce(CAST({ask.column(CYCLE_PAYMENTS, 'sum(principal + demand_fee + late_charge)')} AS bigint), 0)"


def _paid_percent(ask: Ask) -> str:
    paid, owed = _paid(ask), f"CAST({ask.column(OWED, 'sum(outstanding)')} AS bigint)"
    return f"coalesce(100 * {paid} / nullif({paid} + {owed}, 0), 0)"


def _ladder(name: str, channel: str, ja: str, en: str) -> Attribute:
    return number(name, Group.CYCLE, Unit.TIMES, _count(f"a.channel = '{channel}'", COUNTED, f"a.began_at >= {COUNTS_FROM}"), ja, en)


def _before(name: str, bit: int, ja: tuple[str, str], en: tuple[str, str]) -> Attribute:
    return flag(
        name, Group.CYCLE, lambda ask: f"({ask.column(CYCLE, BEFORE, f'a.began_at < {COUNTS_FROM}', COUNTED)} & {bit}) <> 0", ja, en
    )


def _place(ask: Ask) -> str:
    key = f"{ask.bind(ask.params['experiment'], 'text')} || ':' || CAST(:office AS text) || ':' || d.debtor_no"
    return f"CAST(CAST(CAST('x' || substr(md5({key}), 1, 8) AS bit(32)) AS bigint) % {PLACES} AS integer)"


def _arm_days(ask: Ask) -> str:
    enrolled = f"""SELECT {{columns}} FROM experiment_enrolment WHERE office_id = :office AND experiment = {ask.word("experiment")}
  AND arm = {ask.word("arm")} AND entered_at <= :as_of{{one}} GROUP BY debtor_id"""  # noqa: S608 - values are bound
    return f"({days_since(day_of(ask.column(enrolled, 'min(entered_at)')))})"


CYCLES = (
    number(
        "cycle_attempts",
        Group.CYCLE,
        Unit.TIMES,
        _count(f"a.began_at >= {CYCLE_FROM}", COUNTED),
        "この周期の連絡の回数(全手段)",
        "Number of attempts in this cycle, all channels",
    ),
    flag(
        "cycle_right_party",
        Group.CYCLE,
        lambda ask: ask.column(CYCLE, f"bool_or(a.began_at >= {CYCLE_FROM} AND {IS_RIGHT_PARTY})"),
        ("この周期に本人と接触した", "この周期に本人と接触していない"),
        ("was reached in this cycle", "was not reached in this cycle"),
    ),
    number("cycle_paid", Group.CYCLE, Unit.YEN, _paid, "この周期の納付額", "Paid in this cycle"),
    number("cycle_paid_percent", Group.CYCLE, Unit.PERCENT, _paid_percent, "この周期に納めた割合", "Part paid in this cycle"),
    _ladder("ladder_sms", "sms", "手順で数えるSMSの回数", "Number of SMS the ladder counts"),
    _ladder("ladder_auto_calls", "auto_call", "手順で数える自動電話の回数", "Number of automated calls the ladder counts"),
    _ladder("ladder_operator_calls", "operator_call", "手順で数える電話催告の回数", "Number of operator calls the ladder counts"),
    _ladder("ladder_visits", "visit", "手順で数える訪問の回数", "Number of visits the ladder counts"),
    number(
        "ladder_sms_failures",
        Group.CYCLE,
        Unit.TIMES,
        _count("a.channel = 'sms'", "a.line_result IN ('failed','unreachable')", f"a.began_at >= {COUNTS_FROM}"),
        "届かなかったSMSの回数",
        "Number of SMS that did not arrive",
    ),
    flag(
        "ladder_reacted",
        Group.CYCLE,
        lambda ask: ask.column(
            CYCLE,
            f"bool_or(a.channel = 'auto_call' AND a.began_at >= {COUNTS_FROM} AND (a.outcome <> 'no_result' OR a.robocall_keys <> ''))",
        ),
        ("自動電話に操作で応じた", "自動電話に操作で応じていない"),
        ("reacted to an automated call", "did not react to an automated call"),
    ),
    _before(
        "sms_before",
        1,
        ("前の周期までにSMSを送った", "前の周期までにSMSを送っていない"),
        ("had an SMS before this cycle", "had no SMS before"),
    ),
    _before(
        "auto_call_before",
        2,
        ("前の周期までに自動電話をかけた", "前の周期までに自動電話をかけていない"),
        ("had an automated call before this cycle", "had no automated call before"),
    ),
    _before(
        "operator_call_before",
        4,
        ("前の周期までに電話催告をした", "前の周期までに電話催告をしていない"),
        ("had an operator's call before this cycle", "had no operator's call before"),
    ),
    _before(
        "visit_before",
        8,
        ("前の周期までに訪問した", "前の周期までに訪問していない"),
        ("was visited before this cycle", "was not visited before"),
    ),
    number(
        "ladder_days",
        Group.CYCLE,
        Unit.DAYS,
        lambda ask: f"({days_since(day_of(ask.column(CYCLE, 'max(a.began_at)', f'a.began_at >= {COUNTS_FROM}', COUNTED)))})",
        "手順の最後の連絡からの日数",
        "Days since the ladder's last attempt",
        is_nullable=True,
    ),
)
EXPERIMENTS = (
    number(
        "experiment_place", Group.EXPERIMENT, Unit.NONE, _place, "効果測定のくじ番号(0〜999)", "Place in the experiment (0–999)", EXPERIMENT
    ),
    number(
        "arm_days",
        Group.EXPERIMENT,
        Unit.DAYS,
        _arm_days,
        "群に入ってからの日数",
        "Days since coming into the arm",
        EXPERIMENT,
        ARM,
        is_nullable=True,
    ),
)
