"""What is exported: each table with its statement, its columns' meanings, and the columns given up where too few persons share a cell."""

from __future__ import annotations

from dataclasses import dataclass

from reports.queries.raw import HANDED_OVER, HITS

LEAST_PERSONS = 5
PERSON = "person"
OUTCOME_GROUPS = {
    "promise": ("promise_full", "promise_part"),
    "claims_paid": ("claims_paid",),
    "callback": ("callback_promised", "callback_message_left"),
    "refuses": ("refuses", "disputes_assessment"),
    "no_result": ("no_result", "interrupted"),
}
"""Results as they are published; all others, among them what tells of illness, hardship or death, are `other`."""
AMOUNT_BANDS = (0, 10_000, 50_000, 100_000, 300_000, 1_000_000)
_GROUPS = " ".join(f"WHEN a.outcome IN ({', '.join(repr(code) for code in codes)}) THEN '{name}'" for name, codes in OUTCOME_GROUPS.items())


def _band(amount: str) -> str:
    return " ".join(["CASE", *(f"WHEN {amount} >= {bound} THEN {bound}" for bound in reversed(AMOUNT_BANDS)), "ELSE 0 END"])


@dataclass(frozen=True, slots=True)
class OpenTable:
    """`statement` gives `debtor_id` and the columns, of one month; `columns` say what each means, in both languages.

    `cell` are all columns but the person; `given_up` those of them emptied, in this order, in cells of fewer than LEAST_PERSONS persons;
    rows still alone are left out. The channel and what counts are never emptied: facts are added up from them.
    """

    name: str
    meaning: tuple[str, str]
    statement: str
    cell: tuple[str, ...]
    given_up: tuple[str, ...]
    columns: dict[str, tuple[str, str]]


_CONTACT, _RIGHT = (f"coalesce({HITS[name]}, false)" for name in ("contacts", "right_party_contacts"))
WHO = {
    PERSON: (
        "人ごとの記号。出力のたびに変わる鍵で作るため、別の出力とは結べない",
        "A sign for each person, by a key that changes with each export: exports can't be joined",
    )
}
TABLES: tuple[OpenTable, ...] = (
    OpenTable(
        "attempts",
        ("架電・送信の1件ごと", "One row for each attempt"),
        f"""
        SELECT a.debtor_id, (a.began_at AT TIME ZONE :zone)::date AS day, extract(hour FROM a.began_at AT TIME ZONE :zone)::integer AS hour,
          a.channel, a.line_result, {_CONTACT} AS is_contact, {_RIGHT} AS is_right_party,
          CASE WHEN a.outcome IS NULL THEN NULL {_GROUPS} ELSE 'other' END AS outcome, least(a.talk_seconds / 30 * 30, 600) AS talk_seconds
        FROM attempt a WHERE a.office_id = :office AND a.began_at >= :start AND a.began_at < :end AND NOT a.is_inbound AND {HANDED_OVER}
        ORDER BY a.began_at, a.id
        """,
        ("day", "hour", "channel", "line_result", "is_contact", "is_right_party", "outcome", "talk_seconds"),
        ("talk_seconds", "outcome", "line_result", "hour", "day"),
        WHO
        | {
            "day": ("日（自治体の時刻）", "Day in the office's time zone"),
            "hour": ("時（0〜23）", "Hour, 0 to 23"),
            "channel": ("手段", "sms, auto_call, operator_call, visit"),
            "line_result": ("回線結果", "Result of the line"),
            "is_contact": ("接触に数えるか", "Counts as a contact"),
            "is_right_party": ("本人接触に数えるか", "Counts as a right-party contact"),
            "outcome": ("交渉結果のまとまり", f"Result in groups: {', '.join(OUTCOME_GROUPS)}, other"),
            "talk_seconds": ("通話秒数（30秒きざみ、600まで）", "Seconds of talk in steps of 30, at most 600"),
        },
    ),
    OpenTable(
        "promises",
        ("納付約束の1件ごと", "One row for each promise"),
        f"""
        SELECT p.debtor_id, to_char(p.made_on, 'YYYY-MM') AS made_in, least((p.due_on - p.made_on) / 7, 8) AS weeks,
          {_band("p.amount")} AS amount_from,
          CASE WHEN p.state = 'superseded' THEN 'replaced' ELSE p.state END AS state
        FROM promise p WHERE p.office_id = :office AND p.state <> 'cancelled' AND p.made_on >= :first AND p.made_on <= :last
        ORDER BY p.made_at, p.id
        """,
        ("made_in", "weeks", "amount_from", "state"),
        ("weeks", "amount_from", "state", "made_in"),
        WHO
        | {
            "made_in": ("約束した月", "Month of the promise"),
            "weeks": ("約束日までの週（8は8以上）", "Weeks until the day promised; 8 is 8 or more"),
            "amount_from": ("約束額の区分の下限（円）", f"Lower bound of the amount's band in yen: {', '.join(map(str, AMOUNT_BANDS))}"),
            "state": ("状態", "open, kept, part_kept, broken, replaced"),
        },
    ),
    OpenTable(
        "payments",
        ("収納の1件ごと（取り消されたものを除く）", "One row for each payment that was not reversed"),
        f"""
        SELECT y.debtor_id, to_char(y.paid_on, 'YYYY-MM') AS paid_in, y.tax_code,
          {_band("(y.principal + y.demand_fee + y.late_charge)")} AS amount_from
        FROM payment y WHERE y.office_id = :office AND y.debtor_id IS NOT NULL AND y.status = 'matched'
          AND y.paid_on >= :first AND y.paid_on <= :last
        ORDER BY y.paid_on, y.id
        """,
        ("paid_in", "tax_code", "amount_from"),
        ("amount_from", "tax_code", "paid_in"),
        WHO
        | {
            "paid_in": ("納付した月", "Month of the payment"),
            "tax_code": ("税目コード", "Code of the tax"),
            "amount_from": ("納付額の区分の下限（円）", "Lower bound of the amount's band in yen"),
        },
    ),
)
FACTS = OpenTable(
    "facts",
    ("日・時・手段ごとの件数", "Counts by day, hour and channel"),
    "",
    (),
    (),
    {
        "day": ("日。出せない場合は空", "Day; empty where too few persons were concerned"),
        "hour": ("時。出せない場合は空", "Hour; empty where too few"),
        "channel": ("手段", "Channel"),
        "attempts": ("架電件数", "Attempts"),
        "persons": ("人数", "Persons"),
        "contacts": (f"接触件数（{LEAST_PERSONS}人未満は空）", f"Contacts; empty for fewer than {LEAST_PERSONS} persons"),
        "right_party_contacts": (
            f"本人接触件数（{LEAST_PERSONS}人未満は空）",
            f"Right-party contacts; empty for fewer than {LEAST_PERSONS} persons",
        ),
    },
)
