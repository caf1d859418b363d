"""Checks of calls, attempts and operators: nothing hangs, everything has its result."""

from __future__ import annotations

from reports.checks.model import Check, by_sql
from reports.checks.todo import SEE_THE_DIALER, TELL_MAINTENANCE
from reports.words import Words

CALLS: tuple[Check, ...] = (
    Check(
        "open_calls_have_attempts",
        Words("続いている通話には続いている架電がある", "every open call has a live attempt"),
        SEE_THE_DIALER,
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
        SEE_THE_DIALER,
        by_sql(
            """
            SELECT 'call ' || id FROM call WHERE state <> 'ended' AND placed_at < CAST(:now AS timestamptz) - interval '1 day' ORDER BY id
            """
        ),
    ),
    Check(
        "one_live_call_each",
        Words("同じ人に同時に二つの通話がない", "no debtor has two live calls at once"),
        Words("二つ目の通話を切り、架電を止めて保守に連絡する", "end the second call, stop dialling and tell whoever maintains the system"),
        by_sql(
            """
            SELECT 'debtor ' || a.debtor_id || ': calls ' || string_agg(c.id::text, ', ' ORDER BY c.id)
            FROM call c JOIN attempt a ON a.office_id = c.office_id AND a.id = c.attempt_id
            WHERE c.state <> 'ended' GROUP BY a.debtor_id HAVING count(*) > 1 ORDER BY a.debtor_id
            """
        ),
    ),
    Check(
        "attempts_have_results",
        Words("終わった架電には回線結果がある", "no call attempt is closed without its line result"),
        TELL_MAINTENANCE,
        by_sql(
            """
            SELECT 'attempt ' || id FROM attempt
            WHERE state = 'closed' AND source = 'live' AND channel IN ('operator_call', 'auto_call') AND line_result IS NULL ORDER BY id
            """
        ),
    ),
    Check(
        "no_attempt_hangs",
        Words("一日を超えて終わらない架電がない", "no attempt has been open, or in wrap-up, for a day"),
        SEE_THE_DIALER,
        by_sql(
            """
            SELECT 'attempt ' || id FROM attempt
            WHERE state <> 'closed' AND coalesce(wrap_up_until, began_at) < CAST(:now AS timestamptz) - interval '1 day' ORDER BY id
            """
        ),
    ),
    Check(
        "one_state_span_at_a_time",
        Words("オペレーターの状態の記録が重ならない", "an operator's sign-in has at most one open span, and none once it is over"),
        Words(
            "その人の一日の件数を確かめ、保守に連絡する", "check that person's figures of the day, and tell whoever maintains the system"
        ),
        by_sql(
            """
            SELECT 'agent_session ' || g.id FROM agent_session g
            JOIN agent_state_span s ON s.office_id = g.office_id AND s.agent_session_id = g.id AND s.ended_at IS NULL AND s.state <> 'ended'
            GROUP BY g.id, g.state HAVING count(*) > 1 OR g.state = 'ended' ORDER BY g.id
            """
        ),
    ),
)
