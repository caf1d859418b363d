"""Where a debtor's timeline comes from: per source its moment, its facts and whose doing it was, as SQL over the rows of one debtor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """What the list can be narrowed to."""

    CONTACT = "contact"
    MONEY = "money"
    LIST = "list"
    DECISION = "decision"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows `t` of one debtor. Of one moment the higher rank stands above: what followed from what. `number` tells rows of a rank apart."""

    rank: int
    kind: str
    group: Group
    at: str
    facts: str
    rows: str
    user: str = "NULL::bigint"
    number: str = "t.id"


_MINE = "t.office_id = :office AND t.debtor_id = :debtor"

SOURCES: Sequence[Source] = (
    Source(
        10,
        "listed",
        Group.LIST,
        at="t.created_at",
        facts="jsonb_build_object('import', t.list_import_id)",
        rows="debtor t WHERE t.office_id = :office AND t.id = :debtor",
    ),
    Source(
        12,
        "changed",
        Group.LIST,
        at="t.at",
        facts="t.changes || jsonb_build_object('import', t.import_id, 'file', f.original_name, 'as_of', f.as_of, 'has_as_of', f.has_as_of)",
        rows=f"debtor_change t LEFT JOIN import_file f ON f.office_id = :office AND f.id = t.import_id WHERE {_MINE}",
        user="f.created_by",
        number="t.import_id",
    ),
    Source(
        20,
        "assigned",
        Group.DECISION,
        at="t.assigned_at",
        facts="jsonb_build_object('channel', t.channel, 'reasons', t.reason_codes, 'campaign', c.name, 'arm', t.arm, 'rule', t.rule_code)",
        rows="campaign c JOIN channel_assignment t ON t.office_id = :office AND t.campaign_id = c.id AND t.debtor_id = :debtor"
        " WHERE c.office_id = :office",
        number="t.campaign_id",
    ),
    Source(
        30,
        "refused",
        Group.DECISION,
        at="t.at",
        facts="jsonb_build_object('channel', t.channel, 'reason', t.reason, 'next', t.next_allowed_at, "
        "'until', t.ended_at, 'is_plan', t.check_id IS NOT NULL)",
        rows=f"compliance_decision t WHERE {_MINE} AND NOT t.is_allowed",
    ),
    Source(
        40,
        "attempt",
        Group.CONTACT,
        at="t.began_at",
        facts="jsonb_build_object('channel', t.channel, 'line', t.line_result, 'party', t.party, 'outcome', t.outcome, "
        "'note', t.note, 'seconds', t.talk_seconds, 'phone', t.phone_text, 'is_imported', t.source = 'imported', "
        "'state', t.state, 'keys', t.robocall_keys, 'verified', t.verified_at IS NOT NULL)",
        rows=f"attempt t WHERE {_MINE} AND NOT (t.channel = 'sms' AND EXISTS (SELECT FROM message m"
        " WHERE m.office_id = :office AND m.debtor_id = :debtor AND m.attempt_id = t.id))",
        user="t.operator_id",
    ),
    Source(
        42,
        "message",
        Group.CONTACT,
        at="coalesce(t.handed_over_at, t.updated_at)",
        facts="jsonb_build_object('channel', b.channel, 'state', t.state, 'reason', t.reason, 'body', t.body, "
        "'phone', t.e164, 'provider', t.provider, 'updated', t.updated_at)",
        rows=f"message t JOIN batch b ON b.office_id = :office AND b.id = t.batch_id WHERE {_MINE} AND b.channel = 'sms'",
    ),
    Source(
        44,
        "replied",
        Group.CONTACT,
        at="t.received_at",
        facts="jsonb_build_object('kind', t.kind, 'body', t.body, 'phone', t.e164)",
        rows=f"message_reply t WHERE {_MINE}",
    ),
    Source(
        50,
        "number",
        Group.CONTACT,
        at="t.at",
        facts="jsonb_build_object('phone', p.original, 'old', t.old_status, 'new', t.new_status, 'why', t.why, 'attempt', t.attempt_id)",
        rows=f"phone_event t JOIN phone_number p ON p.office_id = :office AND p.id = t.phone_id WHERE {_MINE}",
        user="t.user_id",
    ),
    Source(
        52,
        "held",
        Group.DECISION,
        at="t.starts_at",
        facts="jsonb_build_object('reason', t.reason, 'channel', t.channel, 'until', t.ends_at, 'note', t.note)",
        rows=f"suppression t WHERE {_MINE}",
        user="t.created_by",
    ),
    Source(
        54,
        "lifted",
        Group.DECISION,
        at="t.lifted_at",
        facts="jsonb_build_object('reason', t.reason, 'channel', t.channel, 'note', t.lift_note)",
        rows=f"suppression t WHERE {_MINE} AND t.lifted_at IS NOT NULL",
        user="t.lifted_by",
    ),
    Source(
        56,
        "wished",
        Group.DECISION,
        at="t.created_at",
        facts="jsonb_build_object('is_only', t.is_only, 'weekdays', t.weekdays, 'opens', to_char(t.opens, 'HH24:MI'), "
        "'closes', to_char(t.closes, 'HH24:MI'), 'channel', t.channel, 'until', t.ends_on)",
        rows=f"contact_wish t WHERE {_MINE}",
        user="t.created_by",
    ),
    Source(
        58,
        "wish_lifted",
        Group.DECISION,
        at="t.lifted_at",
        facts="jsonb_build_object('channel', t.channel)",
        rows=f"contact_wish t WHERE {_MINE} AND t.lifted_at IS NOT NULL",
        user="t.lifted_by",
    ),
    Source(
        60,
        "handed_over",
        Group.DECISION,
        at="t.created_at",
        facts="jsonb_build_object('reason', t.reason, 'note', t.note)",
        rows=f"escalation t WHERE {_MINE}",
        user="t.created_by",
    ),
    Source(
        62,
        "decided",
        Group.DECISION,
        at="t.decided_at",
        facts="jsonb_build_object('reason', t.reason, 'state', t.state)",
        rows=f"escalation t WHERE {_MINE} AND t.decided_at IS NOT NULL",
        user="t.decided_by",
    ),
    Source(
        70,
        "promised",
        Group.MONEY,
        at="t.made_at",
        facts="jsonb_build_object('yen', t.amount, 'on', t.due_on, 'kind', t.kind)",
        rows=f"promise t WHERE {_MINE}",
        user="t.made_by",
    ),
    Source(
        72,
        "judged",
        Group.MONEY,
        at="t.settled_at",
        facts="jsonb_build_object('yen', t.amount, 'on', t.due_on, 'state', t.state, 'paid', t.paid)",
        rows=f"promise t WHERE {_MINE} AND t.settled_at IS NOT NULL AND t.state <> 'open'",
    ),
    Source(
        74,
        "paid",
        Group.MONEY,
        at="t.recorded_at",
        facts="jsonb_build_object('yen', t.principal + t.demand_fee + t.late_charge, 'principal', t.principal, "
        "'fee', t.demand_fee, 'charge', t.late_charge, 'refund', t.refund, 'paid_on', t.paid_on, "
        "'is_reversal', t.is_reversal, 'status', t.status, 'tax', coalesce(nullif(b.tax_name, ''), t.tax_code), "
        "'levy_year', t.levy_year, 'term', t.term)",
        rows=f"payment t LEFT JOIN debt b ON b.office_id = :office AND b.id = t.debt_id WHERE {_MINE}",
    ),
    Source(
        80,
        "instalments",
        Group.MONEY,
        at="t.updated_at",
        facts="jsonb_build_object('state', t.state, 'on', t.next_due_on, 'yen', t.total, 'paid', t.paid, 'missed', t.missed)",
        rows=f"instalment_plan t WHERE {_MINE}",
        user="CASE WHEN t.ended_at IS NULL THEN t.decided_by ELSE t.ended_by END",
    ),
    Source(
        90,
        "seen",
        Group.VIEW,
        at="t.at",
        facts="jsonb_build_object('action', t.action, 'detail', t.detail)",
        rows="audit_event t WHERE t.office_id = :office AND t.subject_type = 'debtor' AND t.subject_id = :debtor",
        user="t.user_id",
    ),
)
