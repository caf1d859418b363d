"""Who may do what: one table, role × action. A page or a route names its action; nothing else decides."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from callcenter.auth.models import Role


class Action(StrEnum):
    """What the system lets people do."""

    TAKE_CALLS = "take_calls"
    SEE_BOARD = "see_board"
    PAUSE_OPERATORS = "pause_operators"
    SUPERVISE_CALLS = "supervise_calls"
    HEAR_RECORDINGS = "hear_recordings"
    REVIEW_CALLS = "review_calls"
    DELETE_RECORDINGS = "delete_recordings"
    SHAPE_RECORDING = "shape_recording"
    SEE_OWN_REVIEWS = "see_own_reviews"
    IMPORT_FILES = "import_files"
    RUN_CAMPAIGNS = "run_campaigns"
    SEE_BATCHES = "see_batches"
    RELEASE_BATCHES = "release_batches"
    SEE_RULES = "see_rules"
    EDIT_RULES = "edit_rules"
    SEE_SCRIPTS = "see_scripts"
    EDIT_SCRIPTS = "edit_scripts"
    SHAPE_POLICY = "shape_policy"
    EDIT_TEMPLATES = "edit_templates"
    CHOOSE_SENDER = "choose_sender"
    SEE_DEBTORS = "see_debtors"
    EDIT_DEBTORS = "edit_debtors"
    OPEN_HOUSEHOLDS = "open_households"
    DECIDE_ESCALATIONS = "decide_escalations"
    MAKE_VISITS = "make_visits"
    SEE_PAYMENTS = "see_payments"
    ASSIGN_PAYMENTS = "assign_payments"
    SEE_PLANS = "see_plans"
    DECIDE_PLANS = "decide_plans"
    SEE_REPORTS = "see_reports"
    SEE_TEAM_FIGURES = "see_team_figures"
    SET_TARGETS = "set_targets"
    PUBLISH_DATA = "publish_data"
    MANAGE_USERS = "manage_users"
    SHAPE_OFFICE = "shape_office"
    READ_AUDIT = "read_audit"
    SEE_ALERTS = "see_alerts"
    OWN_ACCOUNT = "own_account"


_OP, _SV, _TO, _AU, _AD = Role.OPERATOR, Role.SUPERVISOR, Role.TAX_OFFICER, Role.AUDITOR, Role.ADMINISTRATOR

# Administrators run the system and see no debtor; auditors see everything and change nothing; officers do not direct contracted operators.
PERMISSIONS: Mapping[Action, frozenset[Role]] = {
    Action.TAKE_CALLS: frozenset({_OP}),
    Action.SEE_BOARD: frozenset({_SV}),
    Action.PAUSE_OPERATORS: frozenset({_SV}),
    Action.SUPERVISE_CALLS: frozenset({_SV}),
    Action.HEAR_RECORDINGS: frozenset({_SV, _AU}),
    Action.REVIEW_CALLS: frozenset({_SV}),
    Action.DELETE_RECORDINGS: frozenset({_SV}),
    Action.SHAPE_RECORDING: frozenset({_SV, _AD}),
    Action.SEE_OWN_REVIEWS: frozenset({_OP}),
    Action.IMPORT_FILES: frozenset({_SV, _TO}),
    Action.RUN_CAMPAIGNS: frozenset({_SV}),
    Action.SEE_BATCHES: frozenset({_SV, _TO, _AU}),
    Action.RELEASE_BATCHES: frozenset({_SV, _TO}),
    Action.SEE_RULES: frozenset({_SV, _TO, _AU, _AD}),
    Action.EDIT_RULES: frozenset({_SV}),
    Action.SEE_SCRIPTS: frozenset({_SV, _TO, _AU, _AD}),
    Action.EDIT_SCRIPTS: frozenset({_SV, _TO}),
    Action.SHAPE_POLICY: frozenset({_SV, _TO, _AD}),
    Action.EDIT_TEMPLATES: frozenset({_SV, _TO, _AD}),
    Action.CHOOSE_SENDER: frozenset({_AD}),
    Action.SEE_DEBTORS: frozenset({_SV, _TO, _AU}),
    Action.EDIT_DEBTORS: frozenset({_SV, _TO}),
    Action.OPEN_HOUSEHOLDS: frozenset({_SV, _TO}),
    Action.DECIDE_ESCALATIONS: frozenset({_TO}),
    Action.MAKE_VISITS: frozenset({_TO}),
    Action.SEE_PAYMENTS: frozenset({_SV, _TO, _AU}),
    Action.ASSIGN_PAYMENTS: frozenset({_SV, _TO}),
    Action.SEE_PLANS: frozenset({_TO, _AU}),
    Action.DECIDE_PLANS: frozenset({_TO}),
    Action.SEE_REPORTS: frozenset({_SV, _TO, _AU}),
    Action.SEE_TEAM_FIGURES: frozenset({_OP, _SV, _TO, _AU}),
    Action.SET_TARGETS: frozenset({_SV, _TO}),
    Action.PUBLISH_DATA: frozenset({_TO}),
    Action.MANAGE_USERS: frozenset({_AD}),
    Action.SHAPE_OFFICE: frozenset({_AD}),
    Action.READ_AUDIT: frozenset({_AU}),
    Action.SEE_ALERTS: frozenset({_SV, _AU}),
    Action.OWN_ACCOUNT: frozenset(Role),
}

HOME: Mapping[Role, str] = {
    Role.OPERATOR: "/operator",
    Role.SUPERVISOR: "/supervisor",
    Role.TAX_OFFICER: "/escalations",
    Role.AUDITOR: "/audit",
    Role.ADMINISTRATOR: "/users",
}


def may(role: Role | str, action: Action) -> bool:
    """Whether that role may do that."""
    return Role(role) in PERMISSIONS[action]
