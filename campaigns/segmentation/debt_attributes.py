"""What rules may ask about debts, payments and promises."""

from __future__ import annotations

from campaigns.segmentation.kinds import Attribute, Build, Group, Kind, Unit, flag, number
from campaigns.segmentation.parameters import DAYS, TAX, VINTAGE
from campaigns.segmentation.query import AS_OF_DAY, Ask
from campaigns.segmentation.sources import OWED, OWED_DISTINCT, PAYMENTS, PLANS, PROMISES, days_since

OF_DEBT = (TAX, VINTAGE)


def _owed(ask: Ask) -> list[str]:
    return ask.given(tax="tax_code", vintage="vintage")


def _sum(fields: str) -> Build:
    return lambda ask: f"coalesce(CAST({ask.column(OWED, f'sum({fields})', *_owed(ask))} AS bigint), 0)"


def _paid(ask: Ask) -> list[str]:
    within = [f"paid_on >= {ask.day_before('days')}"] if "days" in ask.params else []
    return [*ask.given(tax="tax_code"), *within]


def _promises(states: str) -> Build:
    def build(ask: Ask) -> str:
        within = [f"due_on + grace_days >= {ask.day_before('days')}"] if "days" in ask.params else []
        return ask.count(PROMISES, f"({states})", *within)

    return build


IS_LAPSED = f"due_on + grace_days + lag_days < {AS_OF_DAY}"
IS_OPEN = f"state = 'open' AND due_on + grace_days + lag_days >= {AS_OF_DAY}"
BROKEN = f"state IN ('broken','part_kept') OR (state = 'open' AND {IS_LAPSED})"

DEBTS = (
    number("outstanding", Group.DEBT, Unit.YEN, _sum("outstanding"), "未納額(本税)", "Outstanding (principal)", *OF_DEBT),
    number(
        "total_due",
        Group.DEBT,
        Unit.YEN,
        _sum("outstanding + late_charge + demand_fee"),
        "未納額の合計(延滞金・手数料を含む)",
        "Total due (with late charge and fee)",
        *OF_DEBT,
    ),
    number("late_charge", Group.DEBT, Unit.YEN, _sum("late_charge"), "確定延滞金", "Late charge", *OF_DEBT),
    number("demand_fee", Group.DEBT, Unit.YEN, _sum("demand_fee"), "督促手数料", "Demand fee", *OF_DEBT),
    number(
        "debt_count", Group.DEBT, Unit.ITEMS, lambda ask: ask.count(OWED, *_owed(ask)), "未納の期数", "Number of open instalments", *OF_DEBT
    ),
    number(
        "oldest_days",
        Group.DEBT,
        Unit.DAYS,
        lambda ask: f"({days_since(ask.column(OWED, 'min(due_on)', *_owed(ask)))})",
        "最も古い納期限からの日数",
        "Days since the oldest due date",
        *OF_DEBT,
        is_nullable=True,
    ),
    number(
        "newest_days",
        Group.DEBT,
        Unit.DAYS,
        lambda ask: f"({days_since(ask.column(OWED, 'max(due_on)', *_owed(ask)))})",
        "最も新しい納期限からの日数",
        "Days since the newest due date",
        *OF_DEBT,
        is_nullable=True,
    ),
    number(
        "days_since_demand",
        Group.DEBT,
        Unit.DAYS,
        lambda ask: f"({days_since(ask.column(OWED, 'max(demand_sent_on)', *_owed(ask)))})",
        "最後の督促状からの日数",
        "Days since the last demand notice",
        *OF_DEBT,
        is_nullable=True,
    ),
    number(
        "undemanded_count",
        Group.DEBT,
        Unit.ITEMS,
        lambda ask: ask.count(OWED, "demand_sent_on IS NULL", *_owed(ask)),
        "督促状をまだ送っていない期数",
        "Number of instalments without a demand notice",
        *OF_DEBT,
    ),
    number(
        "levy_years",
        Group.DEBT,
        Unit.ITEMS,
        lambda ask: ask.column(OWED_DISTINCT, "count(DISTINCT levy_year)"),
        "賦課年度の数",
        "Number of levy years",
    ),
    number(
        "oldest_levy_year", Group.DEBT, Unit.NONE, lambda ask: ask.column(OWED, "min(levy_year)"), "最も古い賦課年度", "Oldest levy year"
    ),
    number(
        "newest_levy_year", Group.DEBT, Unit.NONE, lambda ask: ask.column(OWED, "max(levy_year)"), "最も新しい賦課年度", "Newest levy year"
    ),
    flag(
        "has_carried_over",
        Group.DEBT,
        lambda ask: ask.column(OWED, "bool_or(vintage = 'carried_over')"),
        ("滞納繰越がある", "滞納繰越がない"),
        ("has carried-over arrears", "has no carried-over arrears"),
    ),
    flag(
        "has_current",
        Group.DEBT,
        lambda ask: ask.column(OWED, "bool_or(vintage = 'current')"),
        ("現年分の未納がある", "現年分の未納がない"),
        ("owes this year's tax", "owes none of this year's tax"),
    ),
    Attribute(
        "tax_codes",
        Kind.WORDS,
        lambda ask: ask.column(OWED_DISTINCT, "array_agg(DISTINCT tax_code)"),
        "税目",
        "Taxes",
        group=Group.DEBT,
    ),
)
MONEY = (
    flag(
        "has_open_promise",
        Group.PROMISE,
        lambda ask: f"{ask.count(PROMISES, IS_OPEN)} > 0",
        ("期日前の納付約束がある", "期日前の納付約束がない"),
        ("has an open promise", "has no open promise"),
    ),
    number(
        "open_promises", Group.PROMISE, Unit.ITEMS, lambda ask: ask.count(PROMISES, IS_OPEN), "期日前の約束の数", "Number of open promises"
    ),
    number(
        "promised_amount",
        Group.PROMISE,
        Unit.YEN,
        lambda ask: f"coalesce(CAST({ask.column(PROMISES, 'sum(amount)', IS_OPEN)} AS bigint), 0)",
        "期日前の約束の金額",
        "Amount of open promises",
    ),
    number(
        "days_to_due",
        Group.PROMISE,
        Unit.DAYS,
        lambda ask: f"({ask.column(PROMISES, 'min(due_on)', IS_OPEN)} - {AS_OF_DAY})",
        "次の約束の期日までの日数",
        "Days to the next promised date",
        is_nullable=True,
    ),
    number("kept_promises", Group.PROMISE, Unit.ITEMS, _promises("state = 'kept'"), "守った約束の数", "Number of kept promises", DAYS),
    number("broken_promises", Group.PROMISE, Unit.ITEMS, _promises(BROKEN), "不履行の約束の数", "Number of broken promises", DAYS),
    flag(
        "has_plan",
        Group.PROMISE,
        lambda ask: f"({ask.column(OWED, 'bit_or(1 << hold)')} & 64) <> 0 OR {ask.count(PLANS)} > 0",
        ("分納を履行中である", "分納を履行中でない"),
        ("keeps an instalment plan", "keeps no instalment plan"),
    ),
    number(
        "days_since_payment",
        Group.PAYMENT,
        Unit.DAYS,
        lambda ask: f"({days_since(ask.column(PAYMENTS, 'max(paid_on)', *ask.given(tax='tax_code')))})",
        "最後の納付からの日数",
        "Days since the last payment",
        TAX,
        is_nullable=True,
    ),
    number(
        "payments", Group.PAYMENT, Unit.TIMES, lambda ask: ask.count(PAYMENTS, *_paid(ask)), "納付の回数", "Number of payments", DAYS, TAX
    ),
    number(
        "paid_amount",
        Group.PAYMENT,
        Unit.YEN,
        lambda ask: f"coalesce(CAST({ask.column(PAYMENTS, 'sum(principal + demand_fee + late_charge)', *_paid(ask))} AS bigint), 0)",
        "納付額",
        "Paid amount",
        DAYS,
        TAX,
    ),
)
