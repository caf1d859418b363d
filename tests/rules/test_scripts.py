"""Robocall scripts: read, checked with the place of each finding, and what the way through one comes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.core.errors import InvalidInput
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.rules import consequence_of
from dialer.ivr.checking import WORDS_EN, check_script
from dialer.ivr.documents import from_document, from_toml, to_document
from dialer.ivr.script import DEFAULT, NOBODY, SILENCE, Effect, Node, Script, Voice, Wording, plan_of, result_of
from dialer.telephony.asterisk.robocalls import robocall_variables
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.robocall import NodeKind, OnMachine

MENU, SAY, END, TRANSFER = NodeKind.MENU, NodeKind.SAY, NodeKind.END, NodeKind.TRANSFER
BYE = Node("bye", END, "失礼いたします。")


def found(*nodes: Node, **more: Any) -> set[tuple[str, str, str]]:
    """Code, node and field of every finding."""
    return {(each.code, each.node, each.field) for each in check_script(Script(nodes, "a", 1, **more), frozenset({"known"}))}


def test_the_built_in_script_has_nothing_to_put_right() -> None:
    assert check_script(DEFAULT, frozenset()) == []
    assert check_script(replace(DEFAULT, on_machine=OnMachine.LEAVE_MESSAGE), frozenset()) == []


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([Node("start", MENU, "はい", keys={"1": "nowhere"}, then="bye"), BYE], ("no_target", "start", "key_1")),
        ([Node("start", SAY, "はい", then="bye"), BYE, Node("lost", END, "はい")], ("unreachable", "lost", "code")),
        ([Node("start", MENU, "", keys={"1": "bye"}), BYE], ("no_words", "start", "say")),
        ([Node("start", END, "", effect=Effect.NOT_ME)], ("no_words", "start", "say")),
        ([Node("start", SAY, "はい", then="again"), Node("again", SAY, "はい", then="start")], ("endless", "start", "then")),
        ([Node("start", MENU, "はい", keys={"1": "bye"}, then="start"), BYE], ("endless", "start", "then")),
        ([Node("start", SAY, "市税のお知らせです", then="bye"), BYE], ("tax_word", "start", "say")),
        ([Node("start", MENU, "はい", then="bye"), BYE], ("no_keys", "start", "keys")),
        ([Node("start", TRANSFER, "おつなぎします")], ("no_then", "start", "then")),
        ([Node("start", SAY, "はい")], ("no_way_on", "start", "then")),
        ([Node("start", SAY, "はい", recording="gone", then="bye"), BYE], ("no_recording", "start", "recording")),
        ([Node("start", SAY, "はい", then="bye", effect=Effect.NOT_ME), BYE], ("effect_not_end", "start", "effect")),
        ([Node("start", SAY, "はい", then="bye"), BYE, BYE], ("twice", "bye", "code")),
    ],
)
def test_each_mistake_is_found_in_its_place(nodes: list[Node], expected: tuple[str, str, str]) -> None:
    assert expected in found(*nodes)
    assert expected[0] in WORDS_EN


def test_words_about_tax_are_for_scripts_that_may_and_never_for_machines() -> None:
    nodes = (Node("start", SAY, "市税のお知らせです", then="bye"), BYE)
    assert found(*nodes, wording=Wording.TAX) == set()
    told = found(*nodes, wording=Wording.TAX, on_machine=OnMachine.LEAVE_MESSAGE, message="市税の件です")
    assert told == {("message_tax_word", "", "message")}
    assert found(*nodes, wording=Wording.TAX, on_machine=OnMachine.LEAVE_MESSAGE) == {("no_message", "", "message")}


@pytest.mark.parametrize(
    "document",
    [
        {"node": []},
        {"node": "x"},
        {"node": [1]},
        {"node": [{"code": "Ä"}]},
        {"node": [{"code": "a", "kind": "sing"}]},
        {"node": [{"code": "a", "repeats": 0}]},
        {"node": [{"code": "a", "wait_seconds": True}]},
        {"node": [{"code": "a", "keys": {"12": "b"}}]},
        {"node": [{"code": "a", "keys": {"1": "B!"}}]},
        {"node": [{"code": "a", "effect": "pay"}]},
        {"node": [{"code": "a", "colour": "red"}]},
        {"node": [{"code": "a", "say": "あ" * 601}]},
        {"node": [{"code": "a"}] * 31},
        {"colour": "red", "node": [{"code": "a"}]},
        {"keys": {"x": "call_back"}},
        {"keys": {"1": "pay"}},
    ],
)
def test_what_is_no_script_is_refused_with_its_place(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_document("a", 1, document)
    assert caught.value.message


def test_a_script_of_earlier_times_is_still_read() -> None:
    script = from_document("old", 2, {"text": "お知らせです", "thanks": "では", "keys": {"1": "call_back", "9": "repeat"}, "repeats": 3})
    assert [(node.code, node.say) for node in script.nodes] == [("start", "お知らせです"), ("call_back", "では")]
    assert script.nodes[0].keys == {"1": "call_back", "9": "start"}
    assert (script.nodes[0].repeats, script.label) == (3, "old/2")
    assert from_document("x", 3, {}).nodes == DEFAULT.nodes


def test_toml_and_back() -> None:
    code, document = from_toml('code = "spring"\n[[node]]\ncode = "start"\nkind = "end"\nsay = "はい"\n')
    assert code == "spring"
    assert to_document(from_document(code, 1, document))["node"] == [{"code": "start", "kind": "end", "say": "はい"}]
    for text in ("code = 1\n[[node]]\n", "[[node]", 'code="a"\nnode=3'):
        with pytest.raises(InvalidInput):
            from_toml(text)


_CODES = st.sampled_from(["start", "a", "b", "c"])


@st.composite
def _scripts(draw: st.DrawFn) -> Script:
    nodes = []
    for code in ["start", *draw(st.lists(_CODES, max_size=3, unique=True).map(lambda codes: [c for c in codes if c != "start"]))]:
        kind = draw(st.sampled_from(NodeKind))
        nodes.append(
            Node(
                code,
                kind,
                "はい",
                keys=draw(st.dictionaries(st.sampled_from("1289*#"), _CODES, max_size=3)) if kind is MENU else {},
                then=draw(st.one_of(st.just(""), _CODES)) if kind is not END else "",
                on_wrong=draw(st.one_of(st.just(""), _CODES)) if kind is MENU else "",
            )
        )
    return Script(tuple(nodes), "a", 1)


@given(_scripts(), st.lists(st.sampled_from("0123456789*#"), max_size=8))
def test_a_script_without_findings_is_walked_to_its_end_whatever_is_pressed(script: Script, keys: list[str]) -> None:
    if check_script(script, frozenset()):
        return
    assert from_document("a", 1, to_document(script)) == replace(script, version=1)
    robocall_variables(plan_of(script, Voice("main", "架空市")), "/sounds")
    at, pressed = script.nodes[0].code, list(keys)
    for _ in range(len(keys) + len(script.nodes) + 1):
        node = script.node(at)
        assert node is not None
        if node.kind is END:
            return
        if node.kind is MENU and pressed:
            at = node.keys.get(pressed.pop(0)) or node.on_wrong or node.code
        elif not node.then:
            return
        else:
            at = node.then
    pytest.fail("never came to an end")


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        (LineResult.ANSWERED, ["start", "call_back"], (Party.DEBTOR_UNVERIFIED, Outcome.CALLBACK_PROMISED)),
        (LineResult.ANSWERED, ["start", "done_already"], (Party.DEBTOR_UNVERIFIED, Outcome.CLAIMS_PAID)),
        (LineResult.ANSWERED, ["start", "not_me"], (Party.WRONG_NUMBER, Outcome.NO_RESULT)),
        (LineResult.ANSWERED, ["start", "opt_out"], (Party.DEBTOR_UNVERIFIED, Outcome.STOP_NUMBER)),
        (LineResult.ANSWERED, ["start", "goodbye"], (SILENCE.party, SILENCE.outcome)),
        (LineResult.ANSWERED, ["start", "gone"], (SILENCE.party, SILENCE.outcome)),
        (LineResult.MACHINE, ["start", "call_back"], (NOBODY.party, NOBODY.outcome)),
    ],
)
def test_the_first_node_that_means_something_decides(line: LineResult, path: list[str], expected: tuple[Party, Outcome]) -> None:
    result = result_of(DEFAULT, line, path)
    assert (result.party, result.outcome) == expected


def test_asking_the_voice_to_stop_stops_automated_calls_and_nothing_else() -> None:
    follows = consequence_of(Party.DEBTOR_UNVERIFIED, Outcome.STOP_NUMBER, Channel.AUTO_CALL)
    assert (follows.channels, follows.number_status, follows.is_stopping_all) == ((Channel.AUTO_CALL,), None, False)
    assert consequence_of(Party.DEBTOR, Outcome.STOP_NUMBER).number_status == "refused"


@pytest.mark.parametrize(
    "change",
    [{"code": "a:b"}, {"sound": "../x"}, {"sound": "a b"}, {"keys": {"x": "bye"}}, {"keys": {"1": "a.b"}}, {"then": "A"}, {"sound": ""}],
)
def test_nothing_unsafe_goes_into_a_channel_variable(change: dict[str, Any]) -> None:
    plan = plan_of(DEFAULT, Voice("main", "架空市"))
    with pytest.raises(CarrierRefused):
        robocall_variables(replace(plan, nodes=(replace(plan.nodes[0], **change), *plan.nodes[1:])), "/sounds")
