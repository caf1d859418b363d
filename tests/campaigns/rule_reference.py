"""What a rule set's document means, worked out row by row from the tables: written apart from the product, to judge it.

Nothing of `campaigns.segmentation` is used here but the document and the ladder's finished branches. Everything is as of one moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

JST = ZoneInfo("Asia/Tokyo")
TABLES = (
    "debt", "phone_number", "attempt", "promise", "payment", "suppression", "escalation", "instalment_plan", "experiment_enrolment",
)  # fmt: skip
Row = Mapping[str, Any]
REACHES = ("sms", "auto_call", "operator_call", "visit", "ladder")


@dataclass
class Known:
    """Everything on record about one debtor, and the moment that counts."""

    debtor: Row
    rows: dict[str, list[Row]]
    as_of: datetime
    cycle: Mapping[str, Any]
    members: int
    office: int
    extra: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def today(self) -> date:
        return self.as_of.astimezone(JST).date()

    def day(self, moment: datetime) -> date:
        return moment.astimezone(JST).date()

    @cached_property
    def debts(self) -> list[Row]:
        return [row for row in self.rows["debt"] if row["status"] == "open"]

    @cached_property
    def attempts(self) -> list[Row]:
        def counts(row: Row) -> bool:
            was_made = row["handed_over_at"] is not None or row["state"] != "closed" or row["source"] == "imported"
            return was_made and row["line_result"] != "failed" and row["began_at"] <= self.as_of

        return [row for row in self.rows["attempt"] if counts(row)]

    @cached_property
    def payments(self) -> list[Row]:
        return [row for row in self.rows["payment"] if row["status"] == "matched" and row["paid_on"] <= self.today]

    @cached_property
    def promises(self) -> list[Row]:
        return [row for row in self.rows["promise"] if row["made_at"] <= self.as_of]

    @cached_property
    def phones(self) -> list[Row]:
        return [row for row in self.rows["phone_number"] if row["is_listed"]]

    @cached_property
    def suppressions(self) -> set[str]:
        return {
            row["reason"]
            for row in self.rows["suppression"]
            if row["lifted_at"] is None and row["starts_at"] <= self.as_of and (row["ends_at"] is None or row["ends_at"] > self.as_of)
        }


def usable(phone: Row) -> bool:
    return phone["e164"] is not None and phone["status"] in ("unverified", "works") and phone["line_type"] in ("fixed", "ip", "mobile")


def is_contact(row: Row) -> bool:
    return row["line_result"] == "answered" and row["party"] in ("debtor", "debtor_unverified", "family", "company_contact", "agent")


def is_right(row: Row) -> bool:
    return row["party"] in ("debtor", "company_contact", "agent") and (row["line_result"] == "answered" or row["channel"] == "visit")


def is_open(known: Known, promise: Row) -> bool:
    last = promise["due_on"] + timedelta(days=promise["grace_days"] + promise["lag_days"])
    return promise["state"] == "open" and last >= known.today


def is_broken(known: Known, promise: Row) -> bool:
    return promise["state"] in ("broken", "part_kept") or (promise["state"] == "open" and not is_open(known, promise))


def ended_within(known: Known, promise: Row, given: Mapping[str, Any]) -> bool:
    ends = promise["due_on"] + timedelta(days=promise["grace_days"])
    return "days" not in given or ends >= known.today - timedelta(days=given["days"])


def owed(known: Known, given: Mapping[str, Any]) -> list[Row]:
    return [
        row
        for row in known.debts
        if row["tax_code"] == given.get("tax", row["tax_code"]) and row["vintage"] == given.get("vintage", row["vintage"])
    ]


def tried(known: Known, given: Mapping[str, Any], *also: Callable[[Row], bool]) -> list[Row]:
    found = [row for row in known.attempts if all(condition(row) for condition in also)]
    for name in ("channel", "outcome", "line_result"):
        if name in given:
            found = [row for row in found if row[name] == given[name]]
    if "days" in given:
        found = [row for row in found if known.day(row["began_at"]) >= known.today - timedelta(days=given["days"])]
    return found


def paid(known: Known, given: Mapping[str, Any]) -> list[Row]:
    found = [row for row in known.payments if row["tax_code"] == given.get("tax", row["tax_code"])]
    return [row for row in found if "days" not in given or row["paid_on"] >= known.today - timedelta(days=given["days"])]


def money(row: Row) -> int:
    return int(row["principal"] + row["demand_fee"] + row["late_charge"])


def since(known: Known, days: Sequence[date]) -> int | None:
    return (known.today - max(days)).days if days else None


def last(known: Known, column: str, given: Mapping[str, Any]) -> Any:
    found = [row for row in tried(known, {k: v for k, v in given.items() if k == "channel"}) if row[column] is not None]
    return max(found, key=lambda row: (row["began_at"], row["id"]))[column] if found else None


def failed_calls(known: Known) -> int:
    met = [row["began_at"] for row in known.attempts if is_contact(row)]
    return sum(row["channel"] in ("auto_call", "operator_call") and (not met or row["began_at"] > max(met)) for row in known.attempts)


def reacted(known: Known, row: Row, given: Mapping[str, Any]) -> bool:
    begun, end = known.day(row["began_at"]), known.day(row["began_at"]) + timedelta(days=given["days"])
    ways = {
        "payment": any(begun <= payment["paid_on"] <= end for payment in known.payments),
        "call_back": any(
            other["outcome"] == "callback_promised"
            and row["began_at"] <= other["began_at"] <= known.as_of
            and known.day(other["began_at"]) <= end
            for other in known.rows["attempt"]
        ),
        "reply": row["robocall_keys"] != "" or (row["outcome"] or "no_result") not in ("no_result", "interrupted"),
    }
    return ways[given["reaction"]] if "reaction" in given else any(ways.values())


def holds_of(known: Known) -> set[int]:
    return {row["hold"] for row in known.debts}


def cycle_rows(known: Known, start: str, *, failed_sms: bool = False) -> list[Row]:
    """Attempts from a moment of the cycle on; what equipment failed is none, unless failed SMS are asked for."""
    begin = known.cycle[start]

    def belongs(row: Row) -> bool:
        if not known.cycle["before_from"] <= row["began_at"] <= known.as_of or row["began_at"] < begin:
            return False
        was_made = row["handed_over_at"] is not None or row["state"] != "closed" or row["source"] == "imported"
        was_made = was_made or (row["channel"] == "sms" and row["line_result"] == "failed")
        return was_made and (failed_sms or row["line_result"] != "failed")

    return [row for row in known.rows["attempt"] if belongs(row)]


def before(known: Known, channel: str) -> bool:
    return any(row["began_at"] < known.cycle["counts_from"] and row["channel"] == channel for row in cycle_rows(known, "before_from"))


def cycle_paid(known: Known) -> int:
    return sum(money(row) for row in known.payments if row["paid_on"] >= known.cycle["cycle_day"])


def on_ladder(channel: str) -> Callable[[Known, Mapping[str, Any]], int]:
    return lambda k, g: sum(row["channel"] == channel for row in cycle_rows(k, "counts_from"))


def age(known: Known) -> int | None:
    born = known.debtor["birth_date"]
    return None if born is None else known.today.year - born.year - ((known.today.month, known.today.day) < (born.month, born.day))


def place(known: Known, experiment: str) -> int:
    told = f"{experiment}:{known.office}:{known.debtor['debtor_no']}"
    return int(hashlib.md5(told.encode()).hexdigest()[:8], 16) % 1000


def arm_days(known: Known, given: Mapping[str, Any]) -> int | None:
    entered = [
        known.day(row["entered_at"])
        for row in known.rows["experiment_enrolment"]
        if row["experiment"] == given["experiment"] and row["arm"] == given["arm"] and row["entered_at"] <= known.as_of
    ]
    return (known.today - min(entered)).days if entered else None


def paid_percent(known: Known) -> int:
    got, rest = cycle_paid(known), sum(row["outstanding"] for row in known.debts)
    return 100 * got // (got + rest) if got + rest else 0


VALUES: dict[str, Callable[[Known, Mapping[str, Any]], Any]] = {
    "outstanding": lambda k, g: sum(row["outstanding"] for row in owed(k, g)),
    "total_due": lambda k, g: sum(row["outstanding"] + row["late_charge"] + row["demand_fee"] for row in owed(k, g)),
    "late_charge": lambda k, g: sum(row["late_charge"] for row in owed(k, g)),
    "demand_fee": lambda k, g: sum(row["demand_fee"] for row in owed(k, g)),
    "debt_count": lambda k, g: len(owed(k, g)),
    "oldest_days": lambda k, g: (k.today - min(row["due_on"] for row in owed(k, g))).days if owed(k, g) else None,
    "newest_days": lambda k, g: since(k, [row["due_on"] for row in owed(k, g)]),
    "days_since_demand": lambda k, g: since(k, [row["demand_sent_on"] for row in owed(k, g) if row["demand_sent_on"]]),
    "undemanded_count": lambda k, g: sum(row["demand_sent_on"] is None for row in owed(k, g)),
    "levy_years": lambda k, g: len({row["levy_year"] for row in k.debts}),
    "oldest_levy_year": lambda k, g: min(row["levy_year"] for row in k.debts),
    "newest_levy_year": lambda k, g: max(row["levy_year"] for row in k.debts),
    "has_carried_over": lambda k, g: any(row["vintage"] == "carried_over" for row in k.debts),
    "has_current": lambda k, g: any(row["vintage"] == "current" for row in k.debts),
    "tax_codes": lambda k, g: sorted({row["tax_code"] for row in k.debts}),
    "has_open_promise": lambda k, g: any(is_open(k, row) for row in k.promises),
    "open_promises": lambda k, g: sum(is_open(k, row) for row in k.promises),
    "promised_amount": lambda k, g: sum(row["amount"] for row in k.promises if is_open(k, row)),
    "days_to_due": lambda k, g: min(((row["due_on"] - k.today).days for row in k.promises if is_open(k, row)), default=None),
    "kept_promises": lambda k, g: sum(row["state"] == "kept" and ended_within(k, row, g) for row in k.promises),
    "broken_promises": lambda k, g: sum(is_broken(k, row) and ended_within(k, row, g) for row in k.promises),
    "has_plan": lambda k, g: 6 in holds_of(k) or any(row["state"] == "good_standing" for row in k.rows["instalment_plan"]),
    "days_since_payment": lambda k, g: since(k, [row["paid_on"] for row in paid(k, {n: v for n, v in g.items() if n == "tax"})]),
    "payments": lambda k, g: len(paid(k, g)),
    "paid_amount": lambda k, g: sum(money(row) for row in paid(k, g)),
    "kind": lambda k, g: k.debtor["kind"],
    "age": lambda k, g: age(k),
    "postal_code": lambda k, g: k.debtor["postal_code"].replace("-", ""),
    "address": lambda k, g: k.debtor["address"],
    "household_members": lambda k, g: k.members,
    "do_not_contact": lambda k, g: k.debtor["do_not_contact"],
    "is_stopped": lambda k, g: 1 in holds_of(k),
    "has_collection_grace": lambda k, g: 2 in holds_of(k),
    "has_realisation_grace": lambda k, g: 3 in holds_of(k),
    "is_seized": lambda k, g: 4 in holds_of(k),
    "is_investigated": lambda k, g: 5 in holds_of(k),
    "is_vulnerable": lambda k, g: 9 in holds_of(k) or "vulnerable" in k.suppressions,
    "has_unknown_hold": lambda k, g: bool({7, 8} & holds_of(k)),
    "payment_claimed": lambda k, g: "payment_claimed" in k.suppressions,
    "stop_requested": lambda k, g: "stop_request" in k.suppressions,
    "deceased_moved": lambda k, g: "deceased_moved" in k.suppressions,
    "has_complaint": lambda k, g: "complaint" in k.suppressions,
    "with_officer": lambda k, g: (
        "officer_hold" in k.suppressions
        or any(row["state"] in ("open", "accepted") and row["created_at"] <= k.as_of for row in k.rows["escalation"])
    ),
    "has_usable_phone": lambda k, g: any(usable(row) for row in k.phones),
    "has_mobile": lambda k, g: any(usable(row) and row["line_type"] == "mobile" for row in k.phones),
    "has_landline": lambda k, g: any(usable(row) and row["line_type"] != "mobile" for row in k.phones),
    "usable_phones": lambda k, g: sum(usable(row) and row["line_type"] == g.get("line_type", row["line_type"]) for row in k.phones),
    "phones": lambda k, g: sum(
        row["line_type"] == g.get("line_type", row["line_type"]) and row["status"] == g.get("phone_status", row["status"])
        for row in k.phones
    ),
    "phone_types": lambda k, g: sorted({row["line_type"] for row in k.phones if usable(row)}),
    "attempts": lambda k, g: len(tried(k, g)),
    "sms_count": lambda k, g: len(tried(k, {"channel": "sms"})),
    "auto_call_count": lambda k, g: len(tried(k, {"channel": "auto_call"})),
    "operator_call_count": lambda k, g: len(tried(k, {"channel": "operator_call"})),
    "visit_count": lambda k, g: len(tried(k, {"channel": "visit"})),
    "days_since_attempt": lambda k, g: since(k, [k.day(row["began_at"]) for row in tried(k, g)]),
    "contact_count": lambda k, g: len(tried(k, g, is_contact)),
    "days_since_contact": lambda k, g: since(k, [k.day(row["began_at"]) for row in tried(k, g, is_contact)]),
    "right_party_contacts": lambda k, g: len(tried(k, g, is_right)),
    "days_since_right_party": lambda k, g: since(k, [k.day(row["began_at"]) for row in tried(k, g, is_right)]),
    "failed_calls": lambda k, g: failed_calls(k),
    "outcomes": lambda k, g: len(tried(k, g)),
    "days_since_outcome": lambda k, g: since(k, [k.day(row["began_at"]) for row in tried(k, g)]),
    "line_results": lambda k, g: len(tried(k, g)),
    "last_channel": lambda k, g: last(k, "channel", g),
    "last_line_result": lambda k, g: last(k, "line_result", g),
    "last_party": lambda k, g: last(k, "party", g),
    "last_outcome": lambda k, g: last(k, "outcome", g),
    "refusals": lambda k, g: len(tried(k, {}, lambda row: row["outcome"] in ("refuses", "disputes_assessment"))),
    "needs_language": lambda k, g: any(row["outcome"] == "language_support" for row in k.attempts),
    "reactions": lambda k, g: sum(reacted(k, row, g) for row in tried(k, {"channel": g["channel"]})),
    "without_reaction": lambda k, g: sum(
        k.day(row["began_at"]) + timedelta(days=g["days"]) < k.today and not reacted(k, row, g)
        for row in tried(k, {"channel": g["channel"]})
    ),
    "cycle_attempts": lambda k, g: len(cycle_rows(k, "cycle_from")),
    "cycle_right_party": lambda k, g: any(is_right(row) for row in cycle_rows(k, "cycle_from", failed_sms=True)),
    "cycle_paid": lambda k, g: cycle_paid(k),
    "cycle_paid_percent": lambda k, g: paid_percent(k),
    "ladder_sms": on_ladder("sms"),
    "ladder_auto_calls": on_ladder("auto_call"),
    "ladder_operator_calls": on_ladder("operator_call"),
    "ladder_visits": on_ladder("visit"),
    "ladder_sms_failures": lambda k, g: sum(
        row["channel"] == "sms" and row["line_result"] in ("failed", "unreachable") for row in cycle_rows(k, "counts_from", failed_sms=True)
    ),
    "ladder_reacted": lambda k, g: any(
        row["channel"] == "auto_call" and (row["outcome"] not in (None, "no_result") or row["robocall_keys"] != "")
        for row in cycle_rows(k, "counts_from", failed_sms=True)
    ),
    "sms_before": lambda k, g: before(k, "sms"),
    "auto_call_before": lambda k, g: before(k, "auto_call"),
    "operator_call_before": lambda k, g: before(k, "operator_call"),
    "visit_before": lambda k, g: before(k, "visit"),
    "ladder_days": lambda k, g: since(k, [k.day(row["began_at"]) for row in cycle_rows(k, "counts_from")]),
    "experiment_place": lambda k, g: place(k, g["experiment"]),
    "arm_days": arm_days,
}


def true_of(when: Any, known: Known) -> bool:
    """Whether a condition of a document holds."""
    if when == "always":
        return True
    if "all" in when:
        return all(true_of(part, known) for part in when["all"])
    if "any" in when:
        return any(true_of(part, known) for part in when["any"])
    if "not" in when:
        return not true_of(when["not"], known)
    value, op, told = VALUES[when["attribute"]](known, when.get("params", {})), when["op"], when["value"]
    if op == "is empty":
        return (value is None or value == "" or value == []) is told
    if value is None:
        return False
    return {
        "=": lambda: value == told,
        "!=": lambda: value != told,
        "<": lambda: value < told,
        "<=": lambda: value <= told,
        ">": lambda: value > told,
        ">=": lambda: value >= told,
        "between": lambda: told[0] <= value <= told[1],
        "in": lambda: value in told,
        "not in": lambda: value not in told,
        "starts with": lambda: any(value[: len(word)] == word for word in told),
        "is": lambda: value is told,
        "has any": lambda: bool(set(value) & set(told)),
        "has all": lambda: set(told) <= set(value),
        "has none": lambda: not set(value) & set(told),
    }[op]()


@dataclass(frozen=True)
class Answer:
    """What a debtor is assigned."""

    channel: str
    reasons: tuple[str, ...]
    rule: str
    priority: int
    arm: str
    propensity: float
    template: str
    script: str


Ladder = Callable[[Known], tuple[str, str, int | None]]  # channel, reason, priority


def decide(document: Mapping[str, Any], known: Known, ladder: Ladder) -> Answer:
    """The meaning of a document for one debtor; `ladder` answers where the channel is the ladder's."""
    experiment = document.get("experiment") or {"code": "", "arms": []}
    arms = experiment["arms"]

    def first(arm: str) -> Mapping[str, Any]:
        return next(rule for rule in document["rules"] if (not rule.get("arms") or arm in rule["arms"]) and true_of(rule["when"], known))

    rule = dict(first(arms[0]["code"] if arms else ""))
    mine, waits, waited = None, False, False
    if arms and rule["channel"] in REACHES:
        ticket = place(known, experiment["code"])
        mine = next(arm for arm in arms if any(low <= ticket <= high for low, high in arm.get("slots", [])))
        if mine.get("wait_days"):
            days = arm_days(known, {"experiment": experiment["code"], "arm": mine["code"]})
            waited = days is not None and days >= mine["wait_days"]
            waits = not waited
        else:
            rule = dict(first(mine["code"]))
            rule |= mine.get("overrides", {}).get(rule["code"], {})
    channel, reasons, priority = rule["channel"], list(rule["reasons"]), rule.get("priority", 5)
    if channel == "ladder":
        channel, reason, own = ladder(known)
        reasons, priority = [reason, *reasons], own or priority
    template = rule.get("template", "") if channel == "sms" else ""
    script = rule.get("script", "") if channel == "auto_call" else ""
    if waits:
        channel, reasons, template, script = "none", ["experiment_wait", *reasons], "", ""
    if waited:
        reasons.append("experiment_waited")
    arm, share = (mine["code"], mine["share"] / 1000) if mine else ("all", 1.0)
    return Answer(channel, tuple(reasons), rule["code"], priority, arm, share, template, script)


def read_world(session: Session, office: int, as_of: datetime, cycle: Mapping[str, Any]) -> dict[int, Known]:
    """Every listed debtor who owes, with all rows."""
    debtors = session.execute(text("SELECT * FROM debtor")).mappings().all()
    households: dict[str, int] = {}
    for debtor in debtors:
        if debtor["is_listed"] and debtor["household_no"]:
            households[debtor["household_no"]] = households.get(debtor["household_no"], 0) + 1
    world = {
        debtor["id"]: Known(debtor, {table: [] for table in TABLES}, as_of, cycle, households.get(debtor["household_no"], 1), office)
        for debtor in debtors
    }
    for table in TABLES:
        for row in session.execute(text(f"SELECT * FROM {table}")).mappings():
            if row["debtor_id"] in world:
                world[row["debtor_id"]].rows[table].append(row)
    return {number: known for number, known in world.items() if known.debtor["is_listed"] and known.debts}
