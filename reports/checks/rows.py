"""Checks of one office's rows. Each statement sees only the office that the transaction named."""

from __future__ import annotations

from reports.checks.calls import CALLS
from reports.checks.files import FILES
from reports.checks.model import Check, by_sql
from reports.checks.money import MONEY
from reports.checks.queues import QUEUES
from reports.checks.seals import SEALS
from reports.words import Words

COUNTS: tuple[Check, ...] = (
    Check(
        "batches_add_up",
        Words("準備した件数が内訳の合計に等しい", "what a batch prepared equals the sum of its messages' or calls' states"),
        Words("その夜の配信を止め、保守に連絡する", "stop that batch, and tell whoever maintains the system"),
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
        Words("そのファイルを読み込み直す", "load that file again"),
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

AUDIT: tuple[Check, ...] = (
    Check(
        "audit_in_order",
        Words("監査記録の時刻が順に並ぶ", "audit rows stand in the order of their moments, and none lies in the future"),
        Words("サーバーの時計を確かめ、監査の担当に知らせる", "check the servers' clocks, and tell the auditors"),
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

OFFICE_CHECKS: tuple[Check, ...] = (*CALLS, *QUEUES, *COUNTS, *MONEY, *AUDIT, *SEALS, *FILES)
