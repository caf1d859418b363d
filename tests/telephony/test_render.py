"""The configuration of Asterisk: complete, safe against values that would write lines of their own, readable by one user only."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.core.errors import InvalidInput
from dialer.telephony.asterisk.render import FILES, AsteriskPlan, PhonePlan, TrunkPlan, render, write

PLAN = AsteriskPlan(
    trunk=TrunkPlan("carrier", "sip.example.jp", user="u123", secret="trunk-secret"),
    ami_secret="ami-secret",
    phones=(PhonePlan("op-1", secret="phone-secret", is_browser=True),),
)


def test_every_file_is_filled_in() -> None:
    files = render(PLAN)
    assert tuple(files) == FILES
    assert not any("@@" in text for text in files.values())


def test_nothing_in_the_dialplan_calls_anybody() -> None:
    dialplan = render(PLAN)["extensions.conf"]
    applications = set(re.findall(r"^(?:exten =>[^,]*,1| same => n(?:\([a-z]+\))?),([A-Za-z]+)\(", dialplan, re.MULTILINE))
    assert applications == {
        "Set",
        "GotoIf",
        "Goto",
        "ConfBridge",
        "Hangup",
        "UserEvent",
        "Wait",
        "WaitExten",
        "Background",
        "AMD",
        "Playback",
        "Gosub",
        "Return",
        "MixMonitor",
        "StopMixMonitor",
        "ChanSpy",
        "PlayTones",
        "Answer",
        "Echo",
        "WaitForSilence",
        "Ringing",
        "StopPlayTones",
    }


def test_values_from_the_call_are_filtered_before_use() -> None:
    dialplan = render(PLAN)["extensions.conf"]
    for use in re.findall(r"\$\{[^{}]*\$?\{?CALLCENTER_[A-Z]+", dialplan):
        assert "FILTER" in use or "CALLCENTER_NODE" in use, use  # of a node each field is filtered


def test_manager_has_one_user_one_host_and_few_events() -> None:
    manager = render(PLAN)["manager.conf"]
    assert manager.count("[") == 2
    assert "permit = 127.0.0.1/255.255.255.255" in manager
    assert "system" not in re.search("^write = (.*)$", manager, re.MULTILINE).group(1)  # type: ignore[union-attr]
    assert "TestEvent" not in manager


def test_registering_trunk_and_browser_phone() -> None:
    pjsip = render(PLAN)["pjsip.conf"]
    assert "type = registration" in pjsip
    assert "webrtc = yes" in pjsip
    assert "type = registration" not in render(replace(PLAN, trunk=TrunkPlan("t", "192.0.2.1")))["pjsip.conf"]


@pytest.mark.parametrize("bad", ["a\nsecret = x", "a\r", "a;b", "[general]"])
def test_values_that_would_write_lines_are_refused(bad: str) -> None:
    for plan in (
        replace(PLAN, ami_secret=bad),
        replace(PLAN, ami_user=bad),
        replace(PLAN, sip_bind=bad),
        replace(PLAN, external_address=bad),
        replace(PLAN, trunk=replace(PLAN.trunk, host=bad)),
        replace(PLAN, trunk=replace(PLAN.trunk, name=bad)),
        replace(PLAN, trunk=replace(PLAN.trunk, secret=bad)),
        replace(PLAN, phones=(PhonePlan(bad),)),
        replace(PLAN, phones=(PhonePlan("op", contact=bad),)),
    ):
        with pytest.raises(InvalidInput):
            render(plan)


def test_empty_secret_is_refused() -> None:
    with pytest.raises(InvalidInput, match="empty"):
        render(replace(PLAN, ami_secret=""))


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    for _ in range(2):
        written = write(PLAN, tmp_path / "etc")
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == sorted(FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
