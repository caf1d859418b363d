"""Checks of what is queued: once each, leased for a time, and nothing for those who must not be contacted."""

from __future__ import annotations

from reports.checks.model import Check, by_sql
from reports.checks.todo import SEE_THE_SCHEDULE, TELL_MAINTENANCE
from reports.words import Words

QUEUES: tuple[Check, ...] = (
    Check(
        "one_live_item_each",
        Words("同じ人・同じ業務の待ち案件は一つ", "no two live items per debtor and campaign"),
        TELL_MAINTENANCE,
        by_sql(
            """
            SELECT 'work_item ' || string_agg(id::text, ', ' ORDER BY id) FROM work_item
            WHERE state IN ('ready', 'claimed') GROUP BY campaign_id, debtor_id HAVING count(*) > 1
            """
        ),
    ),
    Check(
        "claims_have_leases",
        Words("取られた案件には期限がある", "every claimed item has its token and its lease"),
        TELL_MAINTENANCE,
        by_sql(
            """
            SELECT 'work_item ' || id FROM work_item
            WHERE state = 'claimed' AND (claim_token IS NULL OR lease_until IS NULL) OR state = 'ready' AND claim_token IS NOT NULL
            ORDER BY id
            """
        ),
    ),
    Check(
        "leases_end",
        Words("期限の切れた案件が戻されている", "nothing stays claimed after its lease"),
        SEE_THE_SCHEDULE,
        # whose attempt is under way is left to whoever reconciles the attempt
        by_sql(
            """
            SELECT 'work_item ' || w.id FROM work_item w
            WHERE w.state = 'claimed' AND w.lease_until < CAST(:now AS timestamptz) - interval '15 minutes' AND NOT EXISTS (
                SELECT FROM attempt a WHERE a.office_id = w.office_id AND a.work_item_id = w.id AND a.state <> 'closed')
            UNION ALL
            SELECT 'message ' || id FROM message
            WHERE state = 'claimed' AND lease_until < CAST(:now AS timestamptz) - interval '15 minutes'
            """
        ),
    ),
    Check(
        "nobody_forbidden_is_queued",
        Words(
            "完納・停止・連絡禁止・連絡停止中の人の準備済み案件がない",
            "nothing is ready for a debtor who owes nothing, is held, not to be contacted, or suppressed",
        ),
        Words(
            "計画を立て直す(`callcenter plan`)。続くときは保守に連絡する",
            "plan again (`callcenter plan`); if it stays, tell whoever maintains the system",
        ),
        by_sql(
            """
            WITH queued AS (
                SELECT 'work_item ' || id AS name, debtor_id, channel, greatest(not_before, CAST(:now AS timestamptz)) AS moment
                FROM work_item WHERE state = 'ready'
                UNION ALL
                SELECT 'message ' || id, debtor_id, 'sms', CAST(:now AS timestamptz) FROM message WHERE state = 'ready'),
            owed AS (SELECT debtor_id, bool_or(hold <> 0) AS is_held FROM debt WHERE status = 'open' GROUP BY debtor_id)
            SELECT q.name || ': ' || CASE WHEN o.debtor_id IS NULL THEN 'settled' WHEN d.do_not_contact THEN 'do not contact'
                                          WHEN o.is_held THEN 'held' ELSE 'suppressed' END
            FROM queued q JOIN debtor d ON d.id = q.debtor_id LEFT JOIN owed o ON o.debtor_id = q.debtor_id
            WHERE o.debtor_id IS NULL OR d.do_not_contact OR o.is_held OR EXISTS (
                SELECT FROM suppression s
                WHERE s.debtor_id = q.debtor_id AND s.lifted_at IS NULL AND s.reason <> 'wished_time' AND s.starts_at <= :now
                  AND coalesce(s.ends_at > q.moment, true) AND coalesce(s.channel = q.channel, true)) ORDER BY 1
            """
        ),
    ),
    Check(
        "decisions_have_reasons",
        Words("見送りにはすべて理由がある", "every refusal of the gate has its reason, and no permission has one"),
        TELL_MAINTENANCE,
        by_sql(
            """
            SELECT 'compliance_decision ' || id FROM compliance_decision WHERE is_allowed <> (reason = '') ORDER BY id
            """
        ),
    ),
    Check(
        "withdrawals_have_reasons",
        Words("取り下げた案件とメッセージには理由がある", "what was withdrawn or refused says why"),
        TELL_MAINTENANCE,
        by_sql(
            """
            SELECT 'work_item ' || id FROM work_item WHERE state = 'withdrawn' AND reason = ''
            UNION ALL SELECT 'message ' || id FROM message WHERE state IN ('withdrawn', 'refused') AND reason = ''
            """
        ),
    ),
)
