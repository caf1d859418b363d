"""The schema `bi`: what other tools may read. Views with comments, no name, address, number or free text of a person in any of them.

A reader signs in with a role of their own that is a member of `callcenter_bi` and stands in `bi.reader` with its office. The views run with
the reader's rights (`security_invoker`), who may read nothing but the columns named here. Besides the office that a session names, a
restrictive policy asks `bi.reader`, so that a reader who names another office sees nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from alembic import op

BI_ROLE = "callcenter_bi"
DAY = "({moment} AT TIME ZONE (SELECT o.time_zone FROM office o WHERE o.id = {table}.office_id))"


@dataclass(frozen=True, slots=True)
class BiView:
    """One view: what it is, the tables with the columns it reads, its statement, and what each column means."""

    name: str
    comment: str
    reads: dict[str, tuple[str, ...]]
    statement: str
    columns: dict[str, str]


_BEGAN = DAY.format(moment="a.began_at", table="a")
_CONTACT = "a.line_result = 'answered' AND a.party IN ('debtor', 'debtor_unverified', 'family', 'company_contact', 'agent')"
_RIGHT = "a.line_result = 'answered' AND a.party IN ('debtor', 'company_contact', 'agent')"
PERSON = "The taxpayer's number within this system: no 宛名番号, and the same in all views"

VIEWS: tuple[BiView, ...] = (
    BiView(
        "attempt",
        "架電・送信の1件ごと。One row for each attempt to reach a taxpayer, by the moment it began.",
        {
            "attempt": (
                "office_id",
                "id",
                "debtor_id",
                "campaign_id",
                "channel",
                "operator_id",
                "source",
                "began_at",
                "handed_over_at",
                "answered_at",
                "ended_at",
                "talk_seconds",
                "line_result",
                "party",
                "outcome",
                "is_inbound",
                "script_version",
            ),
            "office": ("id", "time_zone"),
        },
        f"""
        SELECT a.id AS attempt_id, a.debtor_id, a.campaign_id, a.channel, a.operator_id, a.source, a.began_at,
          {_BEGAN}::date AS began_on, extract(hour FROM {_BEGAN})::integer AS hour, extract(isodow FROM {_BEGAN})::integer AS weekday,
          a.talk_seconds, a.line_result, a.party, a.outcome, a.script_version,
          (a.handed_over_at IS NOT NULL OR a.source = 'imported') AND a.line_result IS DISTINCT FROM 'failed' AS is_counted,
          coalesce({_CONTACT}, false) AS is_contact, coalesce({_RIGHT}, false) AS is_right_party,
          coalesce(a.outcome IN ('promise_full', 'promise_part'), false) AS is_promise
        FROM attempt a WHERE NOT a.is_inbound
        """,
        {
            "attempt_id": "Number of the attempt",
            "debtor_id": PERSON,
            "campaign_id": "bi.campaign",
            "channel": "sms, auto_call, operator_call, visit",
            "operator_id": "Number of the operator; no name is shown",
            "source": "live, or imported with the office's history",
            "began_at": "When it began",
            "began_on": "Its day in the office's time zone",
            "hour": "Its hour there, 0 to 23",
            "weekday": "1 Monday to 7 Sunday",
            "talk_seconds": "Seconds of talk",
            "line_result": "回線結果",
            "party": "応対者",
            "outcome": "交渉結果",
            "script_version": "The automated call's script",
            "is_counted": "Counts as an attempt in the reports (架電件数)",
            "is_contact": "Counts as a contact (接触件数)",
            "is_right_party": "Counts as a right-party contact (本人接触件数)",
            "is_promise": "Counts as a promise (約束件数)",
        },
    ),
    BiView(
        "promise",
        "納付約束。One row for each promise to pay.",
        {
            "promise": (
                "office_id",
                "id",
                "debtor_id",
                "attempt_id",
                "kind",
                "amount",
                "made_on",
                "due_on",
                "grace_days",
                "threshold_percent",
                "state",
                "paid",
            )
        },
        """
        SELECT p.id AS promise_id, p.debtor_id, p.attempt_id, p.kind, p.amount, p.made_on, p.due_on, p.grace_days,
          p.due_on + p.grace_days::integer AS judged_on, p.threshold_percent, p.state, p.paid
        FROM promise p
        """,
        {
            "promise_id": "Number of the promise",
            "debtor_id": PERSON,
            "attempt_id": "bi.attempt in which it was made",
            "kind": "full or part",
            "amount": "Yen promised",
            "made_on": "Day of the promise",
            "due_on": "Day promised",
            "grace_days": "Days of grace",
            "judged_on": "due_on and the grace: the day that counts in the reports",
            "threshold_percent": "Share of the amount from which it counts as kept",
            "state": "open, kept, part_kept, broken, cancelled, superseded",
            "paid": "Yen paid in time so far",
        },
    ),
    BiView(
        "payment",
        "収納。One row for each posting; a reversal is a row of its own.",
        {
            "payment": (
                "office_id",
                "id",
                "debtor_id",
                "debt_id",
                "tax_code",
                "levy_year",
                "paid_on",
                "posted_on",
                "principal",
                "demand_fee",
                "late_charge",
                "is_reversal",
                "status",
            )
        },
        """
        SELECT y.id AS payment_id, y.debtor_id, y.debt_id, y.tax_code, y.levy_year, y.paid_on, y.posted_on, y.principal, y.demand_fee,
          y.late_charge, y.is_reversal, y.status
        FROM payment y
        """,
        {
            "payment_id": "Number of the posting",
            "debtor_id": PERSON,
            "debt_id": "bi.debt; null while unmatched",
            "tax_code": "税目コード",
            "levy_year": "賦課年度",
            "paid_on": "納付日",
            "posted_on": "反映日",
            "principal": "Yen of tax",
            "demand_fee": "Yen of 督促手数料",
            "late_charge": "Yen of 延滞金",
            "is_reversal": "Takes back another posting",
            "status": "matched, unmatched, reversed, reversal",
        },
    ),
    BiView(
        "debtor",
        "名簿の人。One row for each taxpayer who is or was on the list, without anything that says who it is.",
        {"debtor": ("office_id", "id", "kind", "is_listed", "do_not_contact", "created_at")},
        "SELECT d.id AS debtor_id, d.kind, d.is_listed, d.do_not_contact, d.created_at FROM debtor d",
        {
            "debtor_id": PERSON,
            "kind": "person or company",
            "is_listed": "Has an open debt on the present list",
            "do_not_contact": "連絡禁止",
            "created_at": "When first listed here",
        },
    ),
    BiView(
        "debt",
        "期別ごとの未納。One row for each instalment owed.",
        {
            "debt": (
                "office_id",
                "id",
                "debtor_id",
                "tax_code",
                "tax_name",
                "levy_year",
                "base_year",
                "term",
                "due_on",
                "assessed",
                "received",
                "outstanding",
                "vintage",
                "hold",
                "status",
            )
        },
        """
        SELECT b.id AS debt_id, b.debtor_id, b.tax_code, b.tax_name, b.levy_year, b.base_year, b.term, b.due_on, b.assessed, b.received,
          b.outstanding, b.vintage, b.hold, b.status
        FROM debt b
        """,
        {
            "debt_id": "Number of the instalment here",
            "debtor_id": PERSON,
            "tax_code": "税目コード",
            "tax_name": "税目名",
            "levy_year": "賦課年度",
            "base_year": "相当年度",
            "term": "期別",
            "due_on": "納期限",
            "assessed": "調定額",
            "received": "収入済額",
            "outstanding": "未納額",
            "vintage": "current (現年) or carried_over (滞繰)",
            "hold": "停止区分, 0 none",
            "status": "open, settled, not_listed",
        },
    ),
    BiView(
        "assignment",
        "手段の割り当て。The channel, the rule and the arm of the experiment that each campaign gave a taxpayer.",
        {"channel_assignment": ("office_id", "campaign_id", "debtor_id", "channel", "rule_code", "arm", "propensity", "as_of")},
        "SELECT g.campaign_id, g.debtor_id, g.channel, g.rule_code, g.arm, g.propensity, g.as_of FROM channel_assignment g",
        {
            "campaign_id": "bi.campaign",
            "debtor_id": PERSON,
            "channel": "sms, auto_call, operator_call, visit, tax_officer, none",
            "rule_code": "The rule that decided",
            "arm": "Arm of the experiment; all without one",
            "propensity": "Probability of that arm",
            "as_of": "Moment of the plan",
        },
    ),
    BiView(
        "campaign",
        "業務。One row for each campaign.",
        {"campaign": ("office_id", "id", "name", "status", "created_at")},
        "SELECT c.id AS campaign_id, c.name, c.status, c.created_at FROM campaign c",
        {
            "campaign_id": "Number of the campaign",
            "name": "Its name",
            "status": "draft, running, paused, finished",
            "created_at": "When made",
        },
    ),
    BiView(
        "message",
        "SMSと自動電話の1通ごと。One row for each message of a batch, without its text and number.",
        {
            "message": ("office_id", "id", "batch_id", "debtor_id", "segments", "state", "reason", "handed_over_at"),
            "batch": ("office_id", "id", "campaign_id", "channel"),
        },
        """
        SELECT m.id AS message_id, m.batch_id, t.campaign_id, t.channel, m.debtor_id, m.segments, m.state, m.reason, m.handed_over_at
        FROM message m JOIN batch t ON t.office_id = m.office_id AND t.id = m.batch_id
        """,
        {
            "message_id": "Number of the message",
            "batch_id": "Number of the batch",
            "campaign_id": "bi.campaign",
            "channel": "sms or auto_call",
            "debtor_id": PERSON,
            "segments": "Parts the provider bills",
            "state": "How far it came",
            "reason": "Why it did not go",
            "handed_over_at": "When the provider took it",
        },
    ),
    BiView(
        "daily_figure",
        "日ごとの集計。The reports' own facts of days that are over: one row for each day, campaign and channel.",
        {
            "fact": (
                "office_id",
                "dimension",
                "grain",
                "campaign_id",
                "day",
                "channel",
                "attempts",
                "contacts",
                "right_party_contacts",
                "promises",
                "promises_due",
                "promises_kept",
                "worked_us",
            )
        },
        """
        SELECT f.day, nullif(f.campaign_id, 0) AS campaign_id, f.channel, f.attempts, f.contacts, f.right_party_contacts, f.promises,
          f.promises_due, f.promises_kept, f.worked_us / 3600000000.0 AS operator_hours
        FROM fact f WHERE f.dimension = 'all' AND f.grain = 'd'
        """,
        {
            "day": "Day in the office's time zone",
            "campaign_id": "bi.campaign; null: all campaigns together, do not add up with the others",
            "channel": "As in bi.attempt",
            "attempts": "架電件数",
            "contacts": "接触件数",
            "right_party_contacts": "本人接触件数",
            "promises": "約束件数",
            "promises_due": "期日が来た約束",
            "promises_kept": "守られた約束",
            "operator_hours": "稼働時間; null: unknown",
        },
    ),
    BiView(
        "collection",
        "収納の状況。The core system's totals at the end of each month.",
        {
            "collection_total": (
                "office_id",
                "fiscal_year",
                "month",
                "tax_code",
                "vintage",
                "assessed",
                "received",
                "written_off",
            )
        },
        "SELECT t.fiscal_year, t.month, t.tax_code, t.vintage, t.assessed, t.received, t.written_off FROM collection_total t",
        {
            "fiscal_year": "年度",
            "month": "First day of the month at whose end it stood so",
            "tax_code": "税目",
            "vintage": "current (現年) or carried_over (滞繰)",
            "assessed": "調定額",
            "received": "収入済額",
            "written_off": "不納欠損額",
        },
    ),
    BiView(
        "target",
        "月ごとの目標。What a figure should reach in a month.",
        {"metric_target": ("office_id", "month", "metric", "value")},
        "SELECT t.month, t.metric, t.value FROM metric_target t",
        {
            "month": "First day of the month",
            "metric": "Code of the figure as in the reports",
            "value": "Target; rates as a share from 0 to 1",
        },
    ),
)
OPERATOR_VIEW = BiView(
    "operator",
    "担当者と班。One row for each user who may stand in bi.attempt, without a name.",
    {"app_user": ("office_id", "id", "team", "is_enabled")},
    "SELECT u.id AS operator_id, nullif(u.team, '') AS team, u.is_enabled FROM app_user u",
    {
        "operator_id": "As in bi.attempt; no name is shown",
        "team": "班: the team the person is in now; null for none",
        "is_enabled": "May sign in still",
    },
)
LATER_VIEWS: tuple[BiView, ...] = (OPERATOR_VIEW,)
"""Views over what later migrations added; each is made by its own migration."""


def _tables(*views: BiView) -> list[str]:
    return sorted({table for view in views for table in view.reads if table != "office"})


BI_TABLES: tuple[str, ...] = tuple(_tables(*VIEWS, *LATER_VIEWS))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def create_bi() -> None:
    """Makes the role, the schema, its list of readers and its views."""
    op.execute(
        f"""
        DO $$ BEGIN
          CREATE ROLE {BI_ROLE} NOLOGIN NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute("CREATE SCHEMA bi")
    op.execute("COMMENT ON SCHEMA bi IS 'Read-only views for other tools, without personal data; see docs/open-data.md'")
    op.execute("CREATE TABLE bi.reader (role_name name PRIMARY KEY, office_id integer NOT NULL REFERENCES public.office (id))")
    op.execute("COMMENT ON TABLE bi.reader IS 'Which sign-in role reads which office'")
    op.execute(f"GRANT USAGE ON SCHEMA bi TO {BI_ROLE}")
    op.execute(f"GRANT SELECT ON bi.reader TO {BI_ROLE}")
    for table in _tables(*VIEWS):
        _guard(table)
    for view in VIEWS:
        _create(view)


def _guard(table: str) -> None:
    mine = "office_id = (SELECT r.office_id FROM bi.reader r WHERE r.role_name = session_user)"
    op.execute(f"CREATE POLICY bi_reader ON {table} AS RESTRICTIVE FOR SELECT TO {BI_ROLE} USING ({mine})")


def _create(view: BiView) -> None:
    for table, columns in view.reads.items():
        op.execute(f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {BI_ROLE}")
    op.execute(f"CREATE VIEW bi.{view.name} WITH (security_invoker = true) AS {view.statement}")
    op.execute(f"COMMENT ON VIEW bi.{view.name} IS {_quoted(view.comment)}")
    for column, meaning in view.columns.items():
        op.execute(f"COMMENT ON COLUMN bi.{view.name}.{column} IS {_quoted(meaning)}")
    op.execute(f"GRANT SELECT ON bi.{view.name} TO {BI_ROLE}")


def create_view(view: BiView) -> None:
    """Makes a view over tables that no view read before."""
    for table in _tables(view):
        _guard(table)
    _create(view)


def drop_view(view: BiView) -> None:
    """Takes such a view away again."""
    op.execute(f"DROP VIEW bi.{view.name}")
    for table in _tables(view):
        _unguard(table)


def _unguard(table: str) -> None:
    op.execute(f"DROP POLICY bi_reader ON {table}")
    op.execute(f"REVOKE ALL ON {table} FROM {BI_ROLE}")


def drop_bi() -> None:
    """Takes the schema away again; the role may serve other databases of the server and stays."""
    op.execute("DROP SCHEMA bi CASCADE")
    for table in _tables(*VIEWS):
        _unguard(table)
    op.execute(f"REVOKE ALL ON office FROM {BI_ROLE}")
