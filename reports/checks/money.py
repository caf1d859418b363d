"""Checks of money: lists, payments, debts, promises and plans agree to the yen."""

from __future__ import annotations

from campaigns.promises.settle import PAID_IN_TIME
from reports.checks.model import Check, by_sql
from reports.checks.todo import JUDGE_AGAIN, LOAD_AGAIN, TELL_MAINTENANCE
from reports.words import Words

MONEY: tuple[Check, ...] = (
    Check(
        "debts_add_up",
        Words("滞納の金額と状態が合う", "a debt's amounts fit its state; assessed − received = outstanding where its list gave all three"),
        LOAD_AGAIN,
        by_sql(
            """
            SELECT 'debt ' || id FROM debt
            WHERE status = 'settled' AND outstanding > 0 OR status = 'open' AND outstanding = 0
               OR assessed > 0 AND coalesce(listed_received, received) > 0
                  AND assessed - coalesce(listed_received, received) <> coalesce(listed_outstanding, outstanding) ORDER BY id
            """
        ),
    ),
    Check(
        "debts_follow_payments",
        Words(
            "滞納の残額が名簿と入金から計算した額に等しい",
            "what is left of a debt is what its list told less the payments since, and its refund candidate the sum of theirs",
        ),
        LOAD_AGAIN,
        by_sql(
            """
            SELECT 'debt ' || b.id FROM debt b
            LEFT JOIN (SELECT debt_id, sum(principal) AS yen FROM allocation GROUP BY debt_id) a ON a.debt_id = b.id
            LEFT JOIN (SELECT debt_id, sum(refund) AS yen FROM payment WHERE refund > 0 GROUP BY debt_id) r ON r.debt_id = b.id
            WHERE b.outstanding <> coalesce(b.listed_outstanding, b.outstanding) - coalesce(a.yen, 0)
               OR b.listed_received IS NOT NULL AND b.received <> greatest(b.listed_received + coalesce(a.yen, 0), 0)
               OR b.refund_candidate <> coalesce(r.yen, 0) ORDER BY b.id
            """
        ),
    ),
    Check(
        "allocations_within_payments",
        Words(
            "充当額が入金額を超えず、同じ滞納を指す",
            "no payment is set against a debt for more than was paid, nor against another than its own",
        ),
        LOAD_AGAIN,
        by_sql(
            """
            SELECT 'payment ' || p.id FROM payment p
            JOIN (SELECT payment_id, sum(principal) AS yen, min(debt_id) AS debt_id FROM allocation GROUP BY payment_id) a
              ON a.payment_id = p.id
            WHERE abs(a.yen) > p.principal OR a.yen <> 0 AND p.is_reversal <> (a.yen < 0) OR a.debt_id IS DISTINCT FROM p.debt_id
            ORDER BY p.id
            """
        ),
    ),
    Check(
        "payments_are_accounted_for",
        Words(
            "入金の行方がすべて説明できる",
            "every yen of a matched payment stands against its debt, is a refund candidate, was taken back, or was in the list",
        ),
        LOAD_AGAIN,
        by_sql(
            """
            SELECT 'payment ' || p.id FROM payment p
            LEFT JOIN allocation a ON a.office_id = p.office_id AND a.payment_id = p.id
            LEFT JOIN payment r ON r.office_id = p.office_id AND r.source_ref = p.source_ref AND r.is_reversal
            WHERE NOT p.is_reversal AND CASE
                WHEN p.debt_id IS NULL THEN p.status = 'matched' OR a.id IS NOT NULL OR p.refund > 0
                WHEN p.is_listed THEN a.id IS NOT NULL OR p.refund > 0
                ELSE coalesce(a.principal, 0) + p.refund <> p.principal - CASE WHEN r.id IS NULL THEN 0
                    WHEN r.principal + r.demand_fee + r.late_charge = 0 THEN p.principal ELSE least(r.principal, p.principal) END END
            ORDER BY p.id
            """
        ),
    ),
    Check(
        "payments_found_their_debts",
        Words("滞納がある入金は消し込まれている", "no payment is unmatched although its debt is there"),
        Words("最新の名簿を読み込み直すか、「入金」の画面で割り当てる", "load the latest list again, or assign it on the page Payments"),
        by_sql(
            """
            SELECT 'payment ' || p.id FROM payment p JOIN debtor d ON d.office_id = p.office_id AND d.debtor_no = p.debtor_no
            JOIN debt b ON b.office_id = p.office_id AND b.debtor_id = d.id AND b.tax_code = p.tax_code AND b.levy_year = p.levy_year
              AND b.base_year = p.base_year AND b.term = p.term AND b.notice_no = p.notice_no
            WHERE p.status = 'unmatched' AND NOT p.is_reversal ORDER BY p.id
            """
        ),
    ),
    Check(
        "reversals_reached_their_payments",
        Words("取消が元の入金に反映されている", "a reversal whose payment is there has taken it back"),
        LOAD_AGAIN,
        by_sql(
            """
            SELECT 'payment ' || r.id FROM payment r
            LEFT JOIN payment o ON o.office_id = r.office_id AND o.source_ref = r.source_ref AND NOT o.is_reversal
            WHERE r.is_reversal AND ((r.status = 'reversal') <> (o.id IS NOT NULL) OR o.id IS NOT NULL AND o.reversed = 0
              AND o.principal + o.demand_fee + o.late_charge > 0) ORDER BY r.id
            """
        ),
    ),
    Check(
        "debtors_are_listed_by_their_debts",
        Words("名簿に載っているのは未納がある人", "a debtor is on the list as long as a debt is open"),
        LOAD_AGAIN,
        by_sql(
            """
            SELECT 'debtor ' || d.id FROM debtor d
            LEFT JOIN (SELECT DISTINCT debtor_id FROM debt WHERE status = 'open') b ON b.debtor_id = d.id
            WHERE d.is_listed <> (b.debtor_id IS NOT NULL) ORDER BY d.id
            """
        ),
    ),
    Check(
        "promises_equal_payments",
        Words("約束の納付額と状態が入金に合う", "what a promise says was paid equals the payments, and its state follows from it"),
        JUDGE_AGAIN,
        # a promise of today may not have been judged yet, one that ended yesterday waits for the night
        by_sql(
            f"""
            SELECT 'promise ' || id FROM (
                SELECT p.*, coalesce(paid.yen, 0) AS yen, p.due_on + p.grace_days::integer AS last_on
                FROM promise p LEFT JOIN LATERAL ({PAID_IN_TIME}) paid ON true
                WHERE p.state NOT IN ('cancelled', 'superseded') AND NOT (p.state = 'open' AND p.made_on >= :today)) j
            WHERE paid <> yen OR (state = 'kept') <> (yen * 100 >= amount * threshold_percent)
               OR state = 'open' AND last_on + lag_days::integer + 1 < CAST(:today AS date)
               OR state IN ('part_kept', 'broken') AND (last_on >= CAST(:today AS date) OR (state = 'part_kept') <> (yen > 0)) ORDER BY id
            """
        ),
    ),
    Check(
        "promises_are_replaced_once",
        Words("置き換えられた約束には置き換えた約束がある", "a promise that another took the place of is over, and the other is there"),
        TELL_MAINTENANCE,
        by_sql(
            """
            SELECT 'promise ' || p.id FROM promise p
            LEFT JOIN promise n ON n.office_id = p.office_id AND n.id = p.superseded_by AND n.debtor_id = p.debtor_id
            WHERE p.superseded_by IS NOT NULL AND (n.id IS NULL OR p.state NOT IN ('superseded', 'cancelled')) ORDER BY p.id
            """
        ),
    ),
    Check(
        "plans_add_up",
        Words("分納の計画と回ごとの金額が合う", "a plan's sums are those of its instalments, and its state follows from theirs"),
        JUDGE_AGAIN,
        by_sql(
            """
            SELECT 'instalment_plan ' || q.id FROM instalment_plan q JOIN (
                SELECT plan_id, sum(amount) AS total, sum(paid) AS paid, bool_or(paid > amount OR paid < 0) AS is_odd,
                       bool_and(state IN ('paid', 'late')) AS is_done, count(*) FILTER (WHERE state = 'missed') AS overdue,
                       bool_or((state IN ('paid', 'late')) <> (paid = amount)) AS is_wrong
                FROM instalment GROUP BY plan_id) i ON i.plan_id = q.id
            WHERE q.total <> i.total OR i.is_odd OR (q.state = 'ended') <> (q.ended_at IS NOT NULL)
               OR q.state <> 'ended' AND (q.paid <> i.paid OR i.is_wrong OR (q.state = 'completed') <> i.is_done
                                          OR NOT i.is_done AND (q.state = 'broken') <> (i.overdue > q.allowed_misses)) ORDER BY q.id
            """
        ),
    ),
)
