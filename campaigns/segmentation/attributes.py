"""What rules may ask about a debtor: each attribute's type, words, and the SQL that computes it.

Attempts count as in reports: handed over, under way or imported, and not failed by equipment. A number is usable when it can be
dialled and was not found dead, wrong or refused. A statement joins only the parts that its rules ask for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from campaigns.compliance.facts import COUNTS, USABLE_STATUSES, VOICE_LINES


class Kind(StrEnum):
    """Types of attributes."""

    NUMBER = "number"
    FLAG = "flag"
    WORD = "word"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing rules can ask about; `sql` is an expression over the joined parts named in `parts`."""

    name: str
    kind: Kind
    sql: str
    parts: tuple[str, ...]
    ja: str
    en: str
    is_nullable: bool = False


def _number(name: str, sql: str, parts: str, ja: str, en: str, *, nullable: bool = False) -> Attribute:
    return Attribute(name, Kind.NUMBER, sql, tuple(parts.split()), ja, en, nullable)


def _count(name: str, part: str, ja: str, en: str) -> Attribute:
    return Attribute(name, Kind.NUMBER, f"coalesce({part}.{name}, 0)", (part,), ja, en)


def _flag(name: str, sql: str, parts: str, ja: str, en: str) -> Attribute:
    return Attribute(name, Kind.FLAG, f"coalesce({sql}, false)", tuple(parts.split()), ja, en)


ATTRIBUTES: dict[str, Attribute] = {
    a.name: a
    for a in (
        _number("outstanding", "o.outstanding", "o", "未納額(円)", "Outstanding (yen)"),
        _number("debt_count", "o.debt_count", "o", "未納の期数", "Open instalments"),
        _number("oldest_days", "o.oldest_days", "o", "最も古い納期限からの日数", "Days since the oldest due date"),
        _number("levy_years", "lv.levy_years", "lv", "賦課年度の数", "Levy years"),
        _flag("has_carried_over", "o.has_carried_over", "o", "滞納繰越がある", "Has carried-over arrears"),
        Attribute("tax_codes", Kind.WORDS, "lv.tax_codes", ("lv",), "税目", "Taxes"),
        Attribute("kind", Kind.WORD, "d.kind", (), "個人・法人", "Person or company"),
        _flag("do_not_contact", "d.do_not_contact", "", "連絡禁止", "Not to be contacted"),
        _flag("is_stopped", "(o.holds & 2) <> 0", "o", "執行停止中", "Collection suspended"),
        _flag("has_collection_grace", "(o.holds & 4) <> 0", "o", "徴収猶予中", "Grace of collection"),
        _flag("has_realisation_grace", "(o.holds & 8) <> 0", "o", "換価猶予中", "Grace of realisation"),
        _flag("is_seized", "(o.holds & 16) <> 0", "o", "差押中", "Seized"),
        _flag("is_investigated", "(o.holds & 32) <> 0", "o", "破産・相続の調査中", "Bankruptcy or inheritance"),
        _flag("has_plan", "(o.holds & 64) <> 0 OR pl.debtor_id IS NOT NULL", "o pl", "分納を履行中", "Keeps an instalment plan"),
        _flag("is_vulnerable", "(o.holds & 512) <> 0 OR s.vulnerable", "o s", "要配慮", "Needs special care"),
        _flag("has_unknown_hold", "(o.holds & 384) <> 0", "o", "不明な停止区分", "Unknown hold"),
        _flag("payment_claimed", "s.payment_claimed", "s", "支払済みと申告、確認中", "Says it is paid"),
        _flag("stop_requested", "s.stop_request", "s", "連絡停止の要請", "Asked to stop"),
        _flag("deceased_moved", "s.deceased_moved", "s", "死亡・転出の情報", "Dead or moved"),
        _flag("has_complaint", "s.complaint", "s", "苦情を対応中", "Complaint"),
        _flag("with_officer", "s.officer_hold OR e.debtor_id IS NOT NULL", "s e", "徴税吏員が対応中", "With a tax officer"),
        _flag("has_usable_phone", "p.has_usable", "p", "使える番号がある", "Has a usable number"),
        _flag("has_mobile", "p.has_mobile", "p", "使える携帯がある", "Has a usable mobile"),
        _flag("has_landline", "p.has_landline", "p", "使える固定電話がある", "Has a usable landline"),
        _flag("has_open_promise", "pr.open_promises > 0", "pr", "期日前の納付約束がある", "Has an open promise"),
        _count("broken_promises", "pr", "不履行の約束の数", "Broken promises"),
        _count("sms_count", "t", "SMSの数", "SMS sent"),
        _count("auto_call_count", "t", "自動電話の数", "Automated calls"),
        _count("operator_call_count", "t", "電話催告の数", "Operator calls"),
        _count("visit_count", "t", "訪問の数", "Visits"),
        _count("contact_count", "t", "接触の数", "Contacts"),
        _count("refusals", "t", "拒否・異議の数", "Refusals and disputes"),
        _count("failed_calls", "f", "最後の接触からあとの不通の数", "Failed calls since the last contact"),
        _number(
            "days_since_attempt", "t.days_since_attempt", "t", "最後の架電・送信からの日数", "Days since the last attempt", nullable=True
        ),
        _number("days_since_contact", "t.days_since_contact", "t", "最後の接触からの日数", "Days since the last contact", nullable=True),
        _number(
            "days_since_payment", "pay.days_since_payment", "pay", "最後の納付からの日数", "Days since the last payment", nullable=True
        ),
        _count("cycle_attempts", "c", "この周期の連絡の数(全手段)", "Attempts in this cycle, all channels"),
        _flag("cycle_right_party", "c.cycle_right_party", "c", "この周期に本人と接触した", "Right party reached in this cycle"),
        _count("cycle_paid", "cp", "この周期の納付額(円)", "Paid in this cycle (yen)"),
        _number(
            "cycle_paid_percent",
            "coalesce(100 * cp.cycle_paid / nullif(cp.cycle_paid + o.outstanding, 0), 0)",
            "o cp",
            "この周期に納めた割合(%)",
            "Part paid in this cycle (%)",
        ),
        _count("ladder_sms", "c", "手順で数えるSMSの数", "SMS the ladder counts"),
        _count("ladder_auto_calls", "c", "手順で数える自動電話の数", "Automated calls the ladder counts"),
        _count("ladder_operator_calls", "c", "手順で数える電話催告の数", "Operator calls the ladder counts"),
        _count("ladder_visits", "c", "手順で数える訪問の数", "Visits the ladder counts"),
        _count("ladder_sms_failures", "c", "届かなかったSMSの数", "SMS that did not arrive"),
        _flag("ladder_reacted", "c.ladder_reacted", "c", "自動電話に操作で応じた", "Reacted to an automated call"),
        _flag("sms_before", "(c.ladder_before & 1) <> 0", "c", "前の周期までにSMSを送った", "SMS sent before this cycle"),
        _flag("auto_call_before", "(c.ladder_before & 2) <> 0", "c", "前の周期までに自動電話をかけた", "Automated call before this cycle"),
        _flag("operator_call_before", "(c.ladder_before & 4) <> 0", "c", "前の周期までに電話催告をした", "Operator call before this cycle"),
        _flag("visit_before", "(c.ladder_before & 8) <> 0", "c", "前の周期までに訪問した", "Visited before this cycle"),
        _number("ladder_days", "c.ladder_days", "c", "手順の最後の連絡からの日数", "Days since the ladder's last attempt", nullable=True),
    )
}

_USABLE = (
    f"e164 IS NOT NULL AND status IN ({', '.join(repr(s) for s in USABLE_STATUSES)}) "
    f"AND line_type IN ({', '.join(repr(line) for line in VOICE_LINES)})"
)
_CONTACT = "a.line_result = 'answered' AND a.party IN ('debtor','debtor_unverified','family','company_contact','agent')"
_RIGHT = "a.party IN ('debtor','company_contact','agent') AND (a.line_result = 'answered' OR a.channel = 'visit')"
_COUNTED = "a.line_result IS DISTINCT FROM :failed"
_DAY = "CAST({} AT TIME ZONE 'Asia/Tokyo' AS date)"

# Each part is one row per debtor; {one} limits it to one debtor when only that one is asked about.
PARTS: dict[str, str] = {
    "o": """JOIN (SELECT debtor_id, CAST(sum(outstanding) AS bigint) AS outstanding, count(*) AS debt_count,
  :as_of_day - min(due_on) AS oldest_days,
  bool_or(vintage = 'carried_over') AS has_carried_over, bit_or(1 << hold) AS holds
  FROM debt WHERE office_id = :office AND status = 'open'{one} GROUP BY debtor_id) o ON o.debtor_id = d.id""",
    "lv": """LEFT JOIN (SELECT debtor_id, count(DISTINCT levy_year) AS levy_years, array_agg(DISTINCT tax_code) AS tax_codes
  FROM debt WHERE office_id = :office AND status = 'open'{one} GROUP BY debtor_id) lv ON lv.debtor_id = d.id""",
    "p": f"""LEFT JOIN (SELECT debtor_id, bool_or({_USABLE}) AS has_usable, bool_or({_USABLE} AND line_type = 'mobile') AS has_mobile,
  bool_or({_USABLE} AND line_type <> 'mobile') AS has_landline
  FROM phone_number WHERE office_id = :office AND is_listed{{one}} GROUP BY debtor_id) p ON p.debtor_id = d.id""",  # noqa: S608 - constants of this module
    "s": """LEFT JOIN (SELECT debtor_id, bool_or(reason = 'vulnerable') AS vulnerable,
  bool_or(reason = 'payment_claimed') AS payment_claimed,
  bool_or(reason = 'stop_request') AS stop_request, bool_or(reason = 'deceased_moved') AS deceased_moved,
  bool_or(reason = 'complaint') AS complaint, bool_or(reason = 'officer_hold') AS officer_hold
  FROM suppression WHERE office_id = :office AND lifted_at IS NULL AND starts_at <= :as_of
  AND (ends_at IS NULL OR ends_at > :as_of){one} GROUP BY debtor_id) s ON s.debtor_id = d.id""",
    "e": """LEFT JOIN (SELECT DISTINCT debtor_id FROM escalation
  WHERE office_id = :office AND state IN ('open','accepted') AND created_at <= :as_of{one}) e ON e.debtor_id = d.id""",
    "pl": """LEFT JOIN (SELECT DISTINCT debtor_id FROM instalment_plan
  WHERE office_id = :office AND state = 'good_standing'{one}) pl ON pl.debtor_id = d.id""",
    "pr": """LEFT JOIN (SELECT debtor_id, count(*) FILTER (WHERE state = 'open' AND due_on + grace_days >= :as_of_day) AS open_promises,
  count(*) FILTER (WHERE state IN ('broken','part_kept') OR (state = 'open' AND due_on + grace_days < :as_of_day)) AS broken_promises
  FROM promise WHERE office_id = :office AND made_at <= :as_of{one} GROUP BY debtor_id) pr ON pr.debtor_id = d.id""",
    "t": f"""LEFT JOIN (SELECT a.debtor_id, count(*) FILTER (WHERE a.channel = 'sms') AS sms_count,
  count(*) FILTER (WHERE a.channel = 'auto_call') AS auto_call_count,
  count(*) FILTER (WHERE a.channel = 'operator_call') AS operator_call_count,
  count(*) FILTER (WHERE a.channel = 'visit') AS visit_count, count(*) FILTER (WHERE {_CONTACT}) AS contact_count,
  count(*) FILTER (WHERE a.outcome IN ('refuses','disputes_assessment')) AS refusals,
  :as_of_day - {_DAY.format("max(a.began_at)")} AS days_since_attempt,
  :as_of_day - {_DAY.format(f"max(a.began_at) FILTER (WHERE {_CONTACT})")} AS days_since_contact
  FROM attempt a WHERE a.office_id = :office AND a.began_at <= :as_of AND {COUNTS}{{one}} GROUP BY a.debtor_id) t
  ON t.debtor_id = d.id""",  # noqa: S608 - constants of this module
    "f": f"""LEFT JOIN (SELECT x.debtor_id, count(*) FILTER (WHERE x.is_call AND (x.met IS NULL OR x.began_at > x.met)) AS failed_calls
  FROM (SELECT a.debtor_id, a.began_at, a.channel IN ('auto_call','operator_call') AS is_call,
    max(a.began_at) FILTER (WHERE {_CONTACT}) OVER (PARTITION BY a.debtor_id) AS met
    FROM attempt a WHERE a.office_id = :office AND a.began_at <= :as_of AND {COUNTS}{{one}}) x GROUP BY x.debtor_id) f
  ON f.debtor_id = d.id""",  # noqa: S608 - constants of this module
    "pay": """LEFT JOIN (SELECT debtor_id, :as_of_day - max(paid_on) AS days_since_payment FROM payment
  WHERE office_id = :office AND status = 'matched' AND paid_on <= :as_of_day{one} GROUP BY debtor_id) pay ON pay.debtor_id = d.id""",
    # The campaign's cycle: :cycle_from is its first moment; the ladder counts from :counts_from; what lies before, from :before_from on,
    # only tells how high a debtor had come. A failed SMS is no attempt, but says that the number takes none.
    "c": f"""LEFT JOIN (SELECT a.debtor_id,
  count(*) FILTER (WHERE a.began_at >= :cycle_from AND {_COUNTED}) AS cycle_attempts,
  bool_or(a.began_at >= :cycle_from AND {_RIGHT}) AS cycle_right_party,
  count(*) FILTER (WHERE a.channel = 'sms' AND {_COUNTED} AND a.began_at >= :counts_from) AS ladder_sms,
  count(*) FILTER (WHERE a.channel = 'auto_call' AND {_COUNTED} AND a.began_at >= :counts_from) AS ladder_auto_calls,
  count(*) FILTER (WHERE a.channel = 'operator_call' AND {_COUNTED} AND a.began_at >= :counts_from) AS ladder_operator_calls,
  count(*) FILTER (WHERE a.channel = 'visit' AND {_COUNTED} AND a.began_at >= :counts_from) AS ladder_visits,
  count(*) FILTER (WHERE a.channel = 'sms' AND a.line_result IN ('failed','unreachable') AND a.began_at >= :counts_from)
    AS ladder_sms_failures,
  bool_or(a.channel = 'auto_call' AND a.began_at >= :counts_from AND (a.outcome <> 'no_result' OR a.robocall_keys <> ''))
    AS ladder_reacted,
  :as_of_day - {_DAY.format(f"max(a.began_at) FILTER (WHERE a.began_at >= :counts_from AND {_COUNTED})")} AS ladder_days,
  bit_or(CASE a.channel WHEN 'sms' THEN 1 WHEN 'auto_call' THEN 2 WHEN 'operator_call' THEN 4 WHEN 'visit' THEN 8 ELSE 0 END)
    FILTER (WHERE a.began_at < :counts_from AND {_COUNTED}) AS ladder_before
  FROM attempt a WHERE a.office_id = :office AND a.began_at >= :before_from AND a.began_at <= :as_of
    AND (a.handed_over_at IS NOT NULL OR a.state <> 'closed' OR a.source = 'imported'
      OR (a.channel = 'sms' AND a.line_result = :failed)){{one}} GROUP BY a.debtor_id) c ON c.debtor_id = d.id""",  # noqa: S608 - constants of this module
    "cp": """LEFT JOIN (SELECT debtor_id, CAST(sum(principal + demand_fee + late_charge) AS bigint) AS cycle_paid FROM payment
  WHERE office_id = :office AND status = 'matched' AND paid_on >= :cycle_day AND paid_on <= :as_of_day{one} GROUP BY debtor_id) cp
  ON cp.debtor_id = d.id""",
}
ALWAYS = ("o",)


def facts_from(names: Iterable[str], *, for_one: bool = False) -> str:
    """The FROM part for the attributes `names`; `for_one` limits it to the debtor `:debtor`."""
    wanted = set(ALWAYS).union(*(ATTRIBUTES[name].parts for name in names))
    joins = "\n".join(sql for part, sql in PARTS.items() if part in wanted)
    one = " AND debtor_id = :debtor" if for_one else ""
    only = " AND d.id = :debtor" if for_one else ""
    joins = joins.replace("{one}", one).replace(":as_of_day", "CAST(:as_of_day AS date)").replace(":cycle_day", "CAST(:cycle_day AS date)")
    for moment in (":cycle_from", ":counts_from", ":before_from"):
        joins = joins.replace(moment, f"CAST({moment} AS timestamptz)")
    return f"FROM debtor d\n{joins}\nWHERE d.office_id = :office AND d.is_listed{only}"
