"""Whether the wordings and scripts that rules name exist."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.messages.models import Template
from campaigns.messages.templates import DEFAULT_CODE
from campaigns.planning.models import Campaign
from campaigns.planning.models import RuleSet as StoredRuleSet
from campaigns.segmentation.problems import Problem
from campaigns.segmentation.rules import RuleSet


def template_codes(session: Session) -> list[str]:
    """Codes of the wordings that campaigns and rules may name."""
    return sorted({DEFAULT_CODE, *session.scalars(select(Template.code).where(Template.is_active).distinct())})


def scripts_in(session: Session, campaign_id: int) -> list[str]:
    """Codes of the scripts that a campaign's rules and arms name."""
    query = select(StoredRuleSet.document).join(
        Campaign, (Campaign.office_id == StoredRuleSet.office_id) & (Campaign.rule_set_id == StoredRuleSet.id)
    )
    document = session.scalar(query.where(Campaign.id == campaign_id)) or {}
    rows = [
        *document.get("rules", ()),
        *(o for arm in document.get("experiment", {}).get("arms", ()) for o in arm.get("overrides", {}).values()),
    ]
    return sorted({row["script"] for row in rows if row.get("script")})


def missing_references(session: Session, rule_set: RuleSet, scripts: Collection[str]) -> list[Problem]:
    """Rules and arms that name a wording or a script that does not exist."""
    templates = template_codes(session)
    problems: list[Problem] = []

    def check(value: str | None, known: Collection[str], code: str, where: str, number: int, rule_code: str) -> None:
        if value and value not in known:
            problems.append(Problem(code, where, number, rule_code, "", value, tuple(sorted(known))))

    for number, rule in enumerate(rule_set.rules, 1):
        check(rule.template, templates, "no_template", f"rules[{number - 1}].template", number, rule.code)
        check(rule.script, scripts, "no_script", f"rules[{number - 1}].script", number, rule.code)
    for at, arm in enumerate(rule_set.experiment.arms):
        for other in arm.overrides:
            where = f"experiment.arms[{at}].overrides.{other.rule}"
            check(other.template, templates, "no_template", f"{where}.template", 0, "")
            check(other.script, scripts, "no_script", f"{where}.script", 0, "")
    return problems
