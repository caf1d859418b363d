"""The tables behind the attributes, a row per debtor each (see `query`).

Attempts count as in reports: handed over, under way or imported, and not failed by equipment. A number is usable when it can be
dialled and was not found dead, wrong or refused.
"""

from __future__ import annotations

from campaigns.compliance.facts import COUNTS, USABLE_STATUSES
from campaigns.compliance.lines import voice_lines
from campaigns.segmentation.query import AS_OF_DAY, ZONE


def _of(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def usable() -> str:
    """Whether a number may be called at all, as a condition."""
    return f"e164 IS NOT NULL AND status IN ({_of(USABLE_STATUSES)}) AND line_type IN ({_of(voice_lines())})"


IS_CONTACT = "a.line_result = 'answered' AND a.party IN ('debtor','debtor_unverified','family','company_contact','agent')"
IS_RIGHT_PARTY = "a.party IN ('debtor','company_contact','agent') AND (a.line_result = 'answered' OR a.channel = 'visit')"

# The source every debtor must be in.
OWED = "SELECT {columns} FROM debt WHERE office_id = :office AND status = 'open'{one} GROUP BY debtor_id"
# Distinct values make the database sort: whoever asks for none does not pay for it.
OWED_DISTINCT = "SELECT {columns} FROM debt distinct_debt WHERE office_id = :office AND status = 'open'{one} GROUP BY debtor_id"
PHONES = "SELECT {columns} FROM phone_number WHERE office_id = :office AND is_listed{one} GROUP BY debtor_id"
PHONES_DISTINCT = "SELECT {columns} FROM phone_number distinct_number WHERE office_id = :office AND is_listed{one} GROUP BY debtor_id"
ATTEMPTS = f"SELECT {{columns}} FROM attempt a WHERE a.office_id = :office AND a.began_at <= :as_of AND {COUNTS}{{one}} GROUP BY debtor_id"  # noqa: S608 - constants
PROMISES = "SELECT {columns} FROM promise WHERE office_id = :office AND made_at <= :as_of{one} GROUP BY debtor_id"
PAYMENTS = f"""SELECT {{columns}} FROM payment
  WHERE office_id = :office AND debtor_id IS NOT NULL AND status = 'matched' AND paid_on <= {AS_OF_DAY}{{one}} GROUP BY debtor_id"""  # noqa: S608
SUPPRESSIONS = """SELECT {columns} FROM suppression WHERE office_id = :office AND lifted_at IS NULL AND starts_at <= :as_of
  AND (ends_at IS NULL OR ends_at > :as_of){one} GROUP BY debtor_id"""
ESCALATIONS = """SELECT {columns} FROM escalation
  WHERE office_id = :office AND state IN ('open','accepted') AND created_at <= :as_of{one} GROUP BY debtor_id"""
PLANS = "SELECT {columns} FROM instalment_plan WHERE office_id = :office AND state = 'good_standing'{one} GROUP BY debtor_id"
HOUSEHOLDS = """LEFT JOIN (SELECT household_no, count(*) AS members FROM debtor
  WHERE office_id = :office AND is_listed AND household_no <> '' AND {household} GROUP BY household_no) hh
  ON hh.household_no = d.household_no"""


def day_of(moment: str) -> str:
    """The office's day of a moment."""
    return f"CAST({moment} AT TIME ZONE {ZONE} AS date)"


def days_since(day: str) -> str:
    """Days from a day to the plan's."""
    return f"{AS_OF_DAY} - {day}"


def last_attempt(column: str, *conditions: str) -> str:
    """The newest attempt that has something in a column."""
    more = "".join(f" AND {condition}" for condition in conditions)
    return f"""SELECT {{columns}} FROM (SELECT DISTINCT ON (a.debtor_id) a.debtor_id, a.{column} AS value
  FROM attempt a WHERE a.office_id = :office AND a.began_at <= :as_of AND {COUNTS} AND a.{column} IS NOT NULL{more}{{one}}
  ORDER BY a.debtor_id, a.began_at DESC, a.id DESC) x"""  # noqa: S608
