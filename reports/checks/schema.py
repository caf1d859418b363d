"""Checks of the schema: who may see and change what, whatever the rows say."""

from __future__ import annotations

from reports.checks.model import Check, by_sql
from reports.words import Words

_TODO = Words("外部からの接続を止め、保守に連絡する", "stop connections from outside, and tell whoever maintains the system")

SCHEMA_CHECKS: tuple[Check, ...] = (
    Check(
        "tenant_tables_isolated",
        Words("自治体ごとの表はすべて行の分離を強制している", "every office's table forces row-level security"),
        _TODO,
        by_sql(
            """
            SELECT name FROM unnest(CAST(:tables AS text[])) AS name
            LEFT JOIN pg_class c ON c.relname = name AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            WHERE c.oid IS NULL OR NOT c.relrowsecurity OR NOT c.relforcerowsecurity
               OR NOT EXISTS (
                    SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*'
                      AND pg_get_expr(p.polqual, c.oid) LIKE '%app.office_id%'
                      AND pg_get_expr(p.polwithcheck, c.oid) LIKE '%app.office_id%')
            ORDER BY name
            """
        ),
    ),
    Check(
        "one_policy_each",
        Words("分離を緩める別の規則がない", "no second policy loosens the isolation"),
        _TODO,
        by_sql(
            """
            SELECT c.relname || '.' || p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
            WHERE c.relname = ANY(:tables) AND p.polpermissive
              AND pg_get_expr(p.polqual, c.oid) NOT LIKE '%office_id = %current_setting(''app.office_id''%' ORDER BY 1
            """
        ),
    ),
    Check(
        "no_unknown_office_table",
        Words("自治体の列を持つ表はすべて登録されている", "every table with an office column is known as an office's table"),
        _TODO,
        by_sql(
            """
            SELECT DISTINCT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'office_id'
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped AND c.relname <> ALL(:tables)
            ORDER BY 1
            """
        ),
    ),
    Check(
        "no_view_leaks",
        Words("分離を通さない閲覧表(ビュー)がない", "no view shows rows past the isolation"),
        _TODO,
        by_sql(
            """
            SELECT c.relname::text FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND (c.relkind = 'm' OR c.relkind = 'v'
              AND NOT coalesce('security_invoker=true' = ANY(c.reloptions) OR 'security_invoker=on' = ANY(c.reloptions), false))
              AND has_table_privilege(:role, c.oid, 'SELECT') ORDER BY 1
            """
        ),
    ),
    Check(
        "no_function_leaks",
        Words("所有者の権限で動く関数がない", "no function runs with its owner's rights"),
        _TODO,
        by_sql("SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1"),
    ),
    Check(
        "role_owns_nothing",
        Words("業務用の役割は何も所有しない", "the application's role owns nothing"),
        _TODO,
        by_sql(
            """
            SELECT relname::text FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = :role)
            UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspowner = (SELECT oid FROM pg_roles WHERE rolname = :role) ORDER BY 1
            """
        ),
    ),
    Check(
        "role_is_plain",
        Words("業務用の役割に特権がない", "the application's role has no special rights"),
        _TODO,
        by_sql(
            """
            SELECT rolname::text FROM pg_roles
            WHERE rolname = :role AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
            UNION ALL SELECT :role WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)
            UNION ALL SELECT 'member of ' || pg_get_userbyid(m.roleid) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
            WHERE r.rolname = :role
            """
        ),
    ),
    Check(
        "audit_only_grows",
        Words("監査記録は書き足すことだけができる", "the audit trail can only be added to"),
        _TODO,
        by_sql(
            """
            SELECT 'audit_event: ' || wish FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS wish
            WHERE has_table_privilege(:role, 'audit_event', wish)
               OR wish = 'UPDATE' AND has_any_column_privilege(:role, 'audit_event', 'UPDATE')
            """
        ),
    ),
)
