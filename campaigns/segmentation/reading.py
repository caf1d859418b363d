"""Reads a rule set's document, noting every mistake with its position and going on."""

from __future__ import annotations

from contextlib import suppress

from campaigns.attempts.codes import Channel
from campaigns.segmentation.conditions import All
from campaigns.segmentation.experiments import PLACES, Arm, ByLadder, Experiment, Override, RuleChannel, allot, arms_by_place
from campaigns.segmentation.reading_conditions import ALWAYS, MAX_LIST, ConditionReader
from campaigns.segmentation.reading_values import Refused
from campaigns.segmentation.rules import Rule, RuleSet

SCHEMA = 2
MAX_RULES, MAX_ARMS, MAX_WAIT = 200, 8, 180
CHANNELS: dict[object, RuleChannel] = {channel.value: channel for channel in (*Channel, *ByLadder)}
USES_TEMPLATE, USES_SCRIPT = (Channel.SMS, ByLadder.LADDER), (Channel.AUTO_CALL, ByLadder.LADDER)


class Reader(ConditionReader):
    """Reads one document."""

    schema = SCHEMA

    # the whole

    def rule_set(self, document: object) -> RuleSet | None:
        """The rule set; with any problem noted it is not to be used."""
        with suppress(Refused):
            root = self.mapping(document, "rule set", {"schema", "rules", "experiment"}, required=("rules",))
            self.schema = root.get("schema", 1)
            if self.schema not in (1, SCHEMA) or isinstance(self.schema, bool):
                self.refuse("bad_schema", "schema", self.schema, (1, SCHEMA))
            self.allows_unknown = self.schema == 1
            rows = self.sequence(root["rules"], "rules")
            if not 0 < len(rows) <= MAX_RULES:
                self.refuse("rule_count", "rules", len(rows), highest=MAX_RULES)
            rules = [rule for number, row in enumerate(rows, 1) if (rule := self.rule(row, number)) is not None]
            self.rule_number, self.rule_code = 0, ""
            experiment = self.attempt(lambda: self._experiment(root.get("experiment", {})))
            if len(rules) == len(rows):
                self._check_together(rules)
                if experiment is not None:
                    self._check_experiment(rules, experiment)
            return RuleSet(tuple(rules), experiment or Experiment())
        return None

    def _check_together(self, rules: list[Rule]) -> None:
        seen: set[str] = set()
        for self.rule_number, rule in enumerate(rules, 1):
            self.rule_code = rule.code
            with suppress(Refused):
                if rule.code in seen:
                    self.refuse("code_twice", f"rules[{self.rule_number - 1}].code", rule.code)
                seen.add(rule.code)
        with suppress(Refused):
            if rules[-1].when != All(()) or rules[-1].arms:
                self.refuse("last_rule", f"rules[{len(rules) - 1}].{'arms' if rules[-1].arms else 'when'}", expected=(ALWAYS,))

    def _check_experiment(self, rules: list[Rule], experiment: Experiment) -> None:
        """That the rules and the arms name each other."""
        arms, codes = {arm.code: arm for arm in experiment.arms}, sorted(rule.code for rule in rules)
        for self.rule_number, rule in enumerate(rules, 1):
            self.rule_code, where = rule.code, f"rules[{self.rule_number - 1}].arms"
            with suppress(Refused):
                for code in rule.arms:
                    if code not in arms:
                        self.refuse("no_arm", where, code, tuple(arms))
                    if arms[code].wait_days:
                        self.refuse("arm_waits", where, code)
        self.rule_number, self.rule_code = 0, ""
        for number, arm in enumerate(experiment.arms):
            for override in arm.overrides:
                with suppress(Refused):
                    if override.rule not in codes:
                        self.refuse("no_rule", f"experiment.arms[{number}].overrides.{override.rule}", override.rule, codes)

    # rules

    def rule(self, row: object, number: int) -> Rule | None:
        """The `number`-th rule, or None when it can't be read."""
        self.rule_number, self.rule_code, where = number, "", f"rules[{number - 1}]"
        known = {"code", "name", "channel", "reasons", "priority", "template", "script", "arms", "when"}
        noted = len(self.problems)
        with suppress(Refused):
            fields = self.mapping(row, where, known, required=("code", "channel", "reasons", "when"))
            self.rule_code = fields["code"] if isinstance(fields["code"], str) else ""
            values = {
                "code": self.attempt(lambda: self.code(fields["code"], f"{where}.code")),
                "channel": self.attempt(lambda: self.channel(fields["channel"], f"{where}.channel")),
                "reasons": self.attempt(lambda: self._reasons(fields["reasons"], f"{where}.reasons", fields["channel"])),
                "when": self.attempt(lambda: self.condition(fields["when"], f"{where}.when")),
                "priority": self.attempt(lambda: self.whole(fields.get("priority", 5), f"{where}.priority", 1, 9)),
                "name": self.attempt(lambda: self.text(fields.get("name", ""), f"{where}.name", 60)),
                "template": self.attempt(lambda: self.own_code(fields.get("template", ""), f"{where}.template")),
                "script": self.attempt(lambda: self.own_code(fields.get("script", ""), f"{where}.script")),
                "arms": self.attempt(lambda: self._codes(fields.get("arms", []), f"{where}.arms")),
            }
            if len(self.problems) == noted:
                rule = Rule(**values)  # type: ignore[arg-type]
                self._fits_channel(rule.channel, rule.template, rule.script, where)
                return rule
        return None

    def channel(self, value: object, where: str) -> RuleChannel:
        """A channel, or the ladder."""
        found = CHANNELS.get(value) if isinstance(value, str) else None
        if found is None:
            self.refuse("bad_channel", where, value, tuple(CHANNELS))
        return found

    def _fits_channel(self, channel: RuleChannel, template: str | None, script: str | None, where: str) -> None:
        if template and channel not in USES_TEMPLATE:
            self.refuse("not_for_channel", f"{where}.template", channel.value, USES_TEMPLATE)
        if script and channel not in USES_SCRIPT:
            self.refuse("not_for_channel", f"{where}.script", channel.value, USES_SCRIPT)

    def _reasons(self, value: object, where: str, channel: object) -> tuple[str, ...]:
        reasons = self._codes(value, where)
        if not reasons and channel != ByLadder.LADDER:
            self.refuse("no_reason", where)
        return reasons

    def _codes(self, value: object, where: str) -> tuple[str, ...]:
        rows = self.sequence(value, where)
        if len(rows) > MAX_LIST:
            self.refuse("bad_count", where, len(rows), highest=MAX_LIST)
        return tuple(self.code(row, f"{where}[{number}]") for number, row in enumerate(rows))

    # the experiment

    def _experiment(self, value: object) -> Experiment:
        if self.schema == 1:
            return self._first_experiment(value)
        fields = self.mapping(value, "experiment", {"code", "arms"})
        if not fields:
            return Experiment()
        code = self.own_code(fields.get("code", ""), "experiment.code", is_required=True)
        rows = self.sequence(fields.get("arms", []), "experiment.arms")
        if not 2 <= len(rows) <= MAX_ARMS:
            self.refuse("arm_count", "experiment.arms", len(rows), highest=MAX_ARMS)
        arms = self.each(rows, "experiment.arms", self._arm)
        if len(arms) < len(rows):
            raise Refused
        return Experiment(code, self._shared_out(arms))

    def _first_experiment(self, value: object) -> Experiment:
        fields = self.mapping(value, "experiment", {"salt", "wait_permille"})
        salt = self.text(fields.get("salt", ""), "experiment.salt", 60)
        waiting = self.whole(fields.get("wait_permille", 0), "experiment.wait_permille", 0, PLACES)
        if not 0 < waiting < PLACES:
            return Experiment()
        return Experiment(salt or "experiment", allot((Arm("treated", PLACES - waiting), Arm("wait", waiting, wait_days=30))))

    def _shared_out(self, arms: list[Arm]) -> tuple[Arm, ...]:
        codes = [arm.code for arm in arms]
        for number, arm in enumerate(arms):
            if arm.code in codes[:number]:
                self.refuse("code_twice", f"experiment.arms[{number}].code", arm.code)
        if sum(arm.share for arm in arms) != PLACES:
            self.refuse("shares", "experiment.arms", sum(arm.share for arm in arms))
        if arms[0].wait_days or arms[0].overrides:
            self.refuse("champion_waits", "experiment.arms[0]", arms[0].code)
        for number, arm in enumerate(arms):
            if arm.wait_days and arm.overrides:
                self.refuse("arm_waits", f"experiment.arms[{number}].overrides", arm.code)
        if not any(arm.slots for arm in arms):
            return allot(arms)
        owners = arms_by_place(arms)
        if [owners.count(number) for number in range(len(arms))] != [arm.share for arm in arms]:
            self.refuse("bad_slots", "experiment.arms")
        return tuple(arms)

    def _arm(self, row: object, where: str) -> Arm:
        fields = self.mapping(row, where, {"code", "name", "share", "slots", "wait_days", "overrides"}, required=("code", "share"))
        overrides = self.mapping(fields.get("overrides", {}), f"{where}.overrides", None)
        return Arm(
            self.code(fields["code"], f"{where}.code"),
            self.whole(fields["share"], f"{where}.share", 0, PLACES),
            self.text(fields.get("name", ""), f"{where}.name", 60),
            tuple(
                self._slot(slot, f"{where}.slots[{n}]") for n, slot in enumerate(self.sequence(fields.get("slots", []), f"{where}.slots"))
            ),
            self.whole(fields.get("wait_days", 0), f"{where}.wait_days", 0, MAX_WAIT),
            tuple(self._override(rule, each, f"{where}.overrides.{rule}") for rule, each in overrides.items()),
        )

    def _slot(self, value: object, where: str) -> tuple[int, int]:
        ends = self.sequence(value, where)
        if len(ends) != 2:
            self.refuse("bad_between", where, value)
        first, last = (self.whole(end, where, 0, PLACES - 1) for end in ends)
        return first, last

    def _override(self, rule: str, value: object, where: str) -> Override:
        fields = self.mapping(value, where, {"channel", "priority", "template", "script"})
        return Override(
            rule,
            self.channel(fields["channel"], f"{where}.channel") if "channel" in fields else None,
            self.whole(fields["priority"], f"{where}.priority", 1, 9) if "priority" in fields else None,
            self.own_code(fields["template"], f"{where}.template") if "template" in fields else None,
            self.own_code(fields["script"], f"{where}.script") if "script" in fields else None,
        )
