"""The arms of a rule set as a form: shares in percent, waiting days, and what an arm does otherwise; a row left empty is no arm."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData

from callcenter.web.rule_fields import channel_options
from campaigns.segmentation.experiments import Arm, Override
from campaigns.segmentation.rules import RuleSet
from campaigns.segmentation.sentences import rule_name

MAX_ARMS = 8


def experiment_model(rules: RuleSet, lang: str) -> dict[str, Any]:
    """The arms with one empty row, and for each what it does otherwise with one empty row."""
    experiment = rules.experiment
    arms: list[Arm | None] = [*experiment.arms, *([None] if len(experiment.arms) < MAX_ARMS else [])]
    if not experiment.arms:
        arms = [None, None, None]
    return {
        "code": experiment.code,
        "arms": [_arm_model(arm, number, lang) for number, arm in enumerate(arms)],
        "rules": [{"code": rule.code, "name": rule_name(rule, lang)} for rule in rules.rules],
        "is_on": bool(experiment.arms),
    }


def _arm_model(arm: Arm | None, number: int, lang: str) -> dict[str, Any]:
    overrides: list[Override | None] = [*(arm.overrides if arm else ()), None] if number else []
    return {
        "n": number,
        "code": arm.code if arm else "",
        "name": arm.name if arm else "",
        "share": f"{arm.share / 10:g}" if arm else "",
        "wait_days": str(arm.wait_days) if arm and arm.wait_days else "",
        "is_champion": number == 0,
        "overrides": [
            {
                "n": n,
                "rule": each.rule if each else "",
                "channels": channel_options(lang, each.channel.value if each and each.channel else ""),
                "template": (each.template or "") if each else "",
                "script": (each.script or "") if each else "",
            }
            for n, each in enumerate(overrides)
        ],
    }


def experiment_document(form: FormData) -> dict[str, Any]:
    """The experiment's document from a posted form; empty when there is no arm."""
    arms = [arm for number in range(MAX_ARMS + 1) if (arm := _arm_document(form, number))]
    return {"code": str(form.get("experiment") or "").strip(), "arms": arms} if arms else {}


def _arm_document(form: FormData, number: int) -> dict[str, Any]:
    told = {name: str(form.get(f"a{number}.{name}") or "").strip() for name in ("code", "name", "share", "wait_days")}
    if not any(told.values()):
        return {}
    arm: dict[str, Any] = {"code": told["code"], "share": _permille(told["share"])}
    if told["name"]:
        arm["name"] = told["name"]
    if told["wait_days"]:
        arm["wait_days"] = int(told["wait_days"]) if told["wait_days"].isascii() and told["wait_days"].isdigit() else told["wait_days"]
    overrides = {}
    for n in range(30):
        rule = str(form.get(f"a{number}.o{n}.rule") or "")
        if rule:
            given = {name: str(form.get(f"a{number}.o{n}.{name}") or "").strip() for name in ("channel", "template", "script")}
            overrides[rule] = {name: value for name, value in given.items() if value}
    return arm | ({"overrides": overrides} if overrides else {})


def _permille(text: str) -> int | str:
    """12.5 percent is 125 of a thousand; what can't be read stays as it is and is refused."""
    try:
        value = float(text.removesuffix("%")) * 10
    except ValueError:
        return text
    return round(value) if 0 <= value <= 1000 and abs(value - round(value)) < 1e-6 else text
