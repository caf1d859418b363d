"""charge, campaign, plan, explain and batch as people type them: documents, and exit statuses for wrong use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callcenter.cli import run
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from tests.campaigns.town import Town


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The JSON document of a command that succeeded."""
    status = run([*arguments, "--json"])
    output = capsys.readouterr()
    assert status == 0, output.err
    return json.loads(output.out)


def test_charge_shows_its_working(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "charge", "--principal", "65,000円", "--due", "R3.5.31", "--paid", "令和4年1月31日")
    assert (document["charge"], document["before_truncation"], document["base"]) == (3_400, 3_496, 65_000)
    assert document["segments"][0] == {"from": "2021-06-01", "to": "2021-06-30", "days": 30, "rate": 2.5, "yen": 133}


def test_charge_after_part_payments_and_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("charge", "--principal", "65000", "--due", "2021-05-31", "--paid", "2022-01-31")
    document = told(capsys, *asked, "--payment", "2021-08-31:20000", "--payment", "R3.12.31=10,000円")
    assert [(part["from"], part["yen"]) for part in document["segments"]] == [
        ("2021-06-01", 133),
        ("2021-07-01", 971),
        ("2021-09-01", 1323),
        ("2022-01-01", 258),
    ]
    assert run([*asked[:-1], "2021-05-01", "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == {"charge": 0, "before_truncation": 0, "base": 65000, "segments": []}
    assert "納期限までの納付" in output.err
    assert run(list(asked)) == 0
    assert "2022-01-31 に納付した場合" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--principal", "-5", "--due", "2021-05-31", "--paid", "2022-01-31"],
        ["--principal", "65000", "--due", "31 May", "--paid", "2022-01-31"],
        ["--principal", "65000", "--due", "2021-05-31", "--paid", ""],
        ["--principal", "65000", "--due", "2021-05-31", "--paid", "2022-01-31", "--rounding", "year"],
        ["--principal", "65000", "--due", "1999-05-31", "--paid", "2022-01-31"],
        ["--principal", "65000", "--due", "2026-05-31", "--paid", "2027-01-31"],
        ["--principal", "65000", "--due", "2021-05-31", "--paid", "2022-01-31", "--payment", "2022-02-01:5000"],
        ["--principal", "65000", "--due", "2021-05-31", "--paid", "2022-01-31", "--payment", "2021-12-01:65001"],
        ["--principal", "65000", "--due", "2021-05-31", "--paid", "2022-01-31", "--payment", "x"],
        ["--principal", "65000"],
    ],
)
def test_charge_refuses_what_it_cannot_read(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["charge", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "Traceback" not in output.err


def test_from_a_campaign_to_a_batch(office_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(office_id) as session:
        town = Town(session)
        numbers = [town.debtor().debtor_no, town.debtor(mobile=False, landline=True).debtor_no, town.debtor(hold=2).debtor_no]
    made = told(capsys, "campaign", "create", "11月")
    assert (made["name"], made["status"]) == ("11月", "draft")
    dry = told(capsys, "plan", "11月", "--as-of", "R8.11.18", "--dry-run")
    plan = told(capsys, "plan", str(made["id"]), "--as-of", "2026-11-18")
    assert dry == plan
    assert plan["channels"] == {"sms": 1, "auto_call": 0, "operator_call": 1, "visit": 0, "tax_officer": 0, "none": 1}
    assert (plan["debtors"], plan["as_of"]) == (3, "2026-11-18T00:00:00+09:00")
    why = told(capsys, "explain", numbers[2], "--campaign", "11月", "--as-of", "2026-11-18T10:00")
    assert (why["channel"], why["reasons"][0]["code"]) == ("none", "hold_collection_grace")
    assert why["gate"]["sms"] == {"allowed": False, "reason": "hold_collection_grace", "next_allowed_at": None}
    batch = told(capsys, "batch", "sms", "11月", "--as-of", "2026-11-18T02:00")
    assert (batch["prepared"], batch["refused"], batch["withdrawn"]) == (1, 0, 0)
    assert (batch["release_from"], batch["release_until"]) == ("2026-11-18T09:00:00+09:00", "2026-11-18T19:00:00+09:00")
    again = told(capsys, "batch", "sms", "11月", "--as-of", "2026-11-18T02:00", "--dry-run")
    assert (again["batch"], again["prepared"], again["reasons"]) == (None, 0, {"already_queued": 1})
    for word in ("start", "pause", "start", "finish"):
        told(capsys, "campaign", word, "11月")
    assert told(capsys, "campaign", "show", "11月")["work"] == {"withdrawn": 1}
    assert [row["status"] for row in told(capsys, "campaign", "list")] == ["finished"]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["plan", "none such"], 1),
        (["plan", "11月", "--as-of", "someday"], 2),
        (["explain", "9999"], 1),
        (["batch", "fax", "11月"], 2),
        (["batch", "sms", "none such"], 1),
        (["campaign", "create", "  "], 2),
        (["campaign", "create", "x", "--mode", "manual"], 2),
        (["campaign", "start", "none such"], 1),
    ],
)
def test_wrong_use_says_what_and_changes_nothing(
    office_id: int, arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == status
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    assert output.err.strip()


def test_the_office_s_terms(office_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    usual = told(capsys, "office", "terms")
    assert usual == {
        "promise_grace_days": 7,
        "promise_threshold_percent": 100,
        "posting_lag_days": 14,
        "plan_grace_days": 7,
        "plan_allowed_misses": 0,
        "rounding": "segment",
    }
    changed = told(capsys, "office", "terms", "--set", "posting_lag_days=10", "--set", "rounding=phase")
    assert changed == usual | {"posting_lag_days": 10, "rounding": "phase"}
    for wrong, status in (("posting_lag_days=x", 1), ("lag=3", 1), ("rounding=year", 1), ("posting_lag_days", 2)):
        assert run(["office", "terms", "--set", wrong]) == status
        assert "error: " in capsys.readouterr().err
    assert told(capsys, "office", "terms") == changed


def test_twilio_s_numbers_are_set_from_the_command_line(
    office_id: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = ("--number", "050-1234-5678=1", "--number", "+819012345678=2.5")
    with monkeypatch.context() as account:
        account.setenv("CALLCENTER_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
        account.setenv("CALLCENTER_TWILIO_AUTH_TOKEN", "token")
        get_settings.cache_clear()
        assert told(capsys, "sender", "choose", "twilio", *numbers)["is_new"] is True
        assert told(capsys, "sender", "choose", "twilio", *numbers)["is_new"] is False
        shown = told(capsys, "sender", "show")
    get_settings.cache_clear()
    assert (shown["numbers"], shown["segments_per_second"]) == ({"+815012345678": 1.0, "+819012345678": 2.5}, 3.5)
    assert run(["sender", "choose", "twilio", "--number", "nowhere!"]) == 1
    assert "Line 1" in capsys.readouterr().err
    assert run(["sender", "choose", "simulator", "--number", "+819012345678=2"]) == 2
