"""Whether a script can be spoken to people: every finding with its place, so that a form can show it there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialer.ivr.script import Script, Wording
from dialer.telephony.robocall import NodeKind, OnMachine

# Words that tell a listener, whoever that is, what the call is about (地方税法22条, reference/domain §2.4).
TAX_WORDS = re.compile(r"税|滞納|未納|納付|納期|督促|催告|差押|差し押|徴収|収納|延滞|債務|借金|保険料")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that must be put right: `code` names it, `value` is what it is about; `node` "" is the script as a whole."""

    code: str
    node: str = ""
    field: str = ""
    value: str = ""


WORDS_EN = {
    "twice": "this code is used twice",
    "no_target": "leads to '{value}', which does not exist",
    "unreachable": "can't be reached from the beginning",
    "no_words": "says nothing: write its words or choose a recording",
    "no_recording": "there is no recording '{value}'",
    "no_keys": "a menu needs at least one key",
    "no_then": "does not say where it goes when no operator is free",
    "no_way_on": "does not say where it goes",
    "endless": "whoever presses nothing never comes to an end",
    "effect_not_end": "only an end can mean something, so that it is meant once",
    "tax_word": "says '{value}', and the script is neutral",
    "no_message": "an answering machine is to get a message, and there is none",
    "message_tax_word": "the message for answering machines says '{value}'; whoever lives there hears it",
}


def check_script(script: Script, recordings: frozenset[str]) -> list[Problem]:
    """Everything that must be put right before the script may be active; `recordings` are the names of those that exist."""
    codes = [node.code for node in script.nodes]
    found = [Problem("twice", code, "code", code) for code in dict.fromkeys(codes) if codes.count(code) > 1]
    found += _targets(script)
    reached = _reachable(script)
    found += [Problem("unreachable", node.code, "code") for node in script.nodes if node.code not in reached]
    for node in script.nodes:
        found += _node_problems(script, node.code, recordings)
    found += _endless(script)
    return found + _message(script, recordings)


def _targets(script: Script) -> list[Problem]:
    known = {node.code for node in script.nodes}
    fields = {"": "then", "?": "on_wrong"}
    return [
        Problem("no_target", node.code, fields.get(way, f"key_{way}"), target)
        for node in script.nodes
        for way, target in node.ways().items()
        if target not in known
    ]


def _reachable(script: Script) -> set[str]:
    reached: set[str] = set()
    waiting = [script.nodes[0].code]
    while waiting:
        code = waiting.pop()
        node = script.node(code)
        if node is None or code in reached:
            continue
        reached.add(code)
        waiting += node.ways().values()
    return reached


def _node_problems(script: Script, code: str, recordings: frozenset[str]) -> list[Problem]:
    node = script.node(code)
    assert node is not None
    found = []
    if not node.say and not (node.kind is NodeKind.END and node.effect is None):
        found.append(Problem("no_words", code, "say"))
    if node.recording and node.recording not in recordings:
        found.append(Problem("no_recording", code, "recording", node.recording))
    if node.kind is NodeKind.MENU and not node.keys:
        found.append(Problem("no_keys", code, "keys"))
    if node.kind is NodeKind.TRANSFER and not node.then:
        found.append(Problem("no_then", code, "then"))
    if node.kind is NodeKind.SAY and not node.then:
        found.append(Problem("no_way_on", code, "then"))
    if node.effect is not None and node.kind is not NodeKind.END:
        found.append(Problem("effect_not_end", code, "effect"))
    word = TAX_WORDS.search(node.say)
    if word and script.wording is Wording.NEUTRAL:
        found.append(Problem("tax_word", code, "say", word.group()))
    return found


def _endless(script: Script) -> list[Problem]:
    """Whoever presses no key follows `then`: that way must end from every node."""
    found = []
    for node in script.nodes:
        seen, at = {node.code}, script.node(node.then)
        while at is not None and at.kind is not NodeKind.END and at.code not in seen:
            seen.add(at.code)
            at = script.node(at.then)
        if at is not None and at.code == node.code and node.kind is not NodeKind.END:
            found.append(Problem("endless", node.code, "then", node.then))
    return found


def _message(script: Script, recordings: frozenset[str]) -> list[Problem]:
    found = []
    if script.on_machine is OnMachine.LEAVE_MESSAGE and not script.message:
        found.append(Problem("no_message", "", "message"))
    if script.message_recording and script.message_recording not in recordings:
        found.append(Problem("no_recording", "", "message_recording", script.message_recording))
    word = TAX_WORDS.search(script.message)
    if word:
        found.append(Problem("message_tax_word", "", "message", word.group()))
    return found
