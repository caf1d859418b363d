"""Checks of one office's rows. Each statement sees only the office that the transaction named."""

from __future__ import annotations

from campaigns.promises.settle import PAID_IN_TIME
from reports.checks.model import Check, by_sql
from reports.words import Words

CALLS: tuple[Check, ...] = (
    Check(
        "open_calls_have_attempts",
        Words("続いている通話には続いている架電がある", "every open call has a live attempt"),
        # a result may be written while the line is still up; after a quarter of an hour nobody is talking any more
        by_sql(
            """
            SELECT 'call ' || c.id FROM call c JOIN attempt a ON a.office_id = c.office_id AND a.id = c.attempt_id
            WHERE c.state <> 'ended' AND a.state = 'closed'
              AND coalesce(a.recorded_at, a.ended_at, a.began_at) < CAST(:now AS timestamptz) - interval '15 minutes' ORDER BY c.id
            """
        ),
    ),
    Check(
        "no_call_hangs",
        Words("一日を超えて続く通話がない", "no call has been open for a day"),
        by_sql(
            "SELECT 'call ' || id FROM call WHERE state <> 'ended' AND placed_at < CAST(:now AS timestamptz) - interval '1 day' ORDER BY id"
        ),
    ),
    Check(
        "one_state_span_at_a_time",
        Words("オペレーターの状態の記録が重ならない", "an operator's sign-in has at most one open span, and none once it is over"),
        by_sql(
            """
            SELECT 'agent_session ' || g.id FROM agent_session g
            JOIN agent_state_span s ON s.office_id = g.office_id AND s.agent_session_id = g.id AND s.ended_at IS NULL AND s.state <> 'ended'
            GROUP BY g.id, g.state HAVING count(*) > 1 OR g.state = 'ended' ORDER BY g.id
            """
        ),
    ),
    Check(
        "one_live_item_each",
        Words("同じ人・同じ業務の待ち案件は一つ", "no two live items per debtor and campaign"),
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
        by_sql(
            """
            SELECT 'work_item ' || id FROM work_item
            WHERE state = 'claimed' AND (claim_token IS NULL OR lease_until IS NULL) OR state = 'ready' AND claim_token IS NOT NULL
            ORDER BY id
            """
        ),
    ),
)

COUNTS: tuple[Check, ...] = (
    Check(
        "batches_add_up",
        Words("準備した件数が内訳の合計に等しい", "what a batch prepared equals the sum of its messages' or calls' states"),
        by_sql(
            """
            SELECT 'batch ' || b.id || ': prepared ' || b.prepared || ', found ' || n.found FROM batch b
            CROSS JOIN LATERAL (SELECT CASE b.channel
                WHEN 'sms' THEN (SELECT count(*) FROM message m WHERE m.office_id = b.office_id AND m.batch_id = b.id)
                ELSE (SELECT count(*) FROM work_item w WHERE w.office_id = b.office_id AND w.batch_id = b.id) END AS found) n
            WHERE b.state <> 'preparing' AND b.prepared <> n.found ORDER BY b.id
            """
        ),
    ),
    Check(
        "imports_add_up",
        Words("取込の件数が合う", "rows of an import = created + updated + unchanged + rejected, and the rejected ones are kept"),
        by_sql(
            """
            SELECT 'import_file ' || f.id FROM import_file f
            WHERE f.status = 'done' AND (f.rows <> f.created + f.updated + f.unchanged + f.rejected
              OR NOT f.is_dry_run AND least(f.rejected, 10000) <> (
                SELECT count(DISTINCT r.row_no) FROM rejection r WHERE r.office_id = f.office_id AND r.import_id = f.id)) ORDER BY f.id
            """
        ),
    ),
)

MONEY: tuple[Check, ...] = (
    Check(
        "debts_add_up",
        Words("滞納の金額と状態が合う", "a debt's amounts fit its state; assessed − received = outstanding where the list gave all three"),
        by_sql(
            """
            SELECT 'debt ' || b.id FROM debt b LEFT JOIN (
                SELECT debt_id, greatest(sum(principal), 0) AS yen FROM allocation GROUP BY debt_id) a ON a.debt_id = b.id
            WHERE b.status = 'settled' AND b.outstanding > 0 OR b.status = 'open' AND b.outstanding = 0
               OR b.assessed > 0 AND b.received > coalesce(a.yen, 0) AND b.assessed - b.received <> b.outstanding ORDER BY b.id
            """
        ),
    ),
    Check(
        "allocations_within_payments",
        Words("充当額が入金額を超えない", "no payment is set against debts for more than was paid"),
        by_sql(
            """
            SELECT 'payment ' || p.id FROM payment p
            JOIN (SELECT payment_id, sum(principal) AS yen FROM allocation GROUP BY payment_id) a ON a.payment_id = p.id
            WHERE abs(a.yen) > p.principal OR p.is_reversal <> (a.yen < 0) ORDER BY p.id
            """
        ),
    ),
    Check(
        "promises_equal_payments",
        Words("約束の納付額が入金の合計に等しい", "what a promise says was paid equals the payments, and its state follows from it"),
        # a promise of today may not have been judged yet
        by_sql(
            """
            SELECT 'promise ' || p.id FROM promise p LEFT JOIN LATERAL ({paid}) paid ON true
            WHERE p.state NOT IN ('cancelled', 'superseded') AND NOT (p.state = 'open' AND p.made_on >= :today)
              AND (p.paid <> coalesce(paid.yen, 0) OR (p.state = 'kept') <> (coalesce(paid.yen, 0) * 100 >= p.amount * p.threshold_percent))
            ORDER BY p.id
            """.replace("{paid}", PAID_IN_TIME)
        ),
    ),
)

AUDIT: tuple[Check, ...] = (
    Check(
        "audit_in_order",
        Words("監査記録の時刻が順に並ぶ", "audit rows stand in the order of their moments, and none lies in the future"),
        # parallel requests overtake each other by seconds; simulated operators may live in a faster time
        by_sql(
            """
            SELECT 'audit_event ' || id FROM (
                SELECT e.id, e.at, max(e.at) OVER (ORDER BY e.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM audit_event e
                WHERE NOT EXISTS (SELECT FROM agent_session g WHERE g.office_id = e.office_id AND g.user_id = e.user_id AND g.is_bot)
            ) ordered WHERE at < before - interval '5 minutes' OR at > CAST(:now AS timestamptz) + interval '5 minutes' ORDER BY id
            """
        ),
    ),
)

OFFICE_CHECKS: tuple[Check, ...] = (*CALLS, *COUNTS, *MONEY, *AUDIT)
