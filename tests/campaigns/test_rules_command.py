"""`callcenter rules …` and `plan --rule-set-version` as people type them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callcenter.auth.models import Role, User
from callcenter.cli import run
from callcenter.core.db import transaction
from tests.campaigns.test_commands import told
from tests.campaigns.town import Town

DOCUMENT: dict[str, Any] = {
    "schema": 2,
    "rules": [
        {
            "code": "small",
            "channel": "operator_call",
            "reasons": ["small"],
            "when": {"attribute": "outstanding", "op": "<", "value": 50_000},
        },
        {"code": "rest", "channel": "tax_officer", "reasons": ["rest"], "when": "always"},
    ],
}


@pytest.fixture
def office(office_id: int) -> int:
    with transaction(office_id) as session:
        town = Town(session)
        for owes in (10_000, 30_000, 90_000):
            town.debtor(owes=owes)
        for name, role in (("mori", Role.SUPERVISOR), ("hori", Role.SUPERVISOR), ("saeki", Role.OPERATOR)):
            session.add(User(sign_in_name=name, display_name=name, role=role))
    return office_id


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return path


def refused(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    assert run(list(arguments)) == status
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    return output.err


def test_a_rule_set_from_a_file_to_the_campaign(office: int, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "campaign", "create", "11月")
    assert told(capsys, "rules", "check", str(file)) == {"file": str(file), "is_valid": True, "problems": []}
    added = told(capsys, "rules", "add", str(file), "--user", "mori")
    assert (added["name"], added["version"], added["status"], added["rules"]) == ("standard", 2, "draft", 2)
    trial = told(capsys, "rules", "try", "standard@2", "--as-of", "2026-11-18")
    assert trial["channels"]["new"] == {"operator_call": 2, "tax_officer": 1}
    assert [(rule["matches"], rule["takes"]) for rule in trial["rules"]] == [(2, 2), (3, 1)]
    dry = told(capsys, "plan", "11月", "--as-of", "2026-11-18", "--dry-run", "--rule-set-version", "2")
    assert dry["channels"]["tax_officer"] == 1
    assert "usage" not in refused(capsys, 2, "plan", "11月", "--rule-set-version", "2")
    diff = told(capsys, "rules", "diff", "standard@1", "standard@2")
    assert not diff["is_same"]
    assert {change["change"] for change in diff["changes"]} == {"added", "removed"}
    assert told(capsys, "rules", "propose", "standard@2", "--user", "mori")["status"] == "proposed"
    assert "最後に編集した人" in refused(capsys, 1, "rules", "activate", "standard@2", "--user", "mori", "--reason", "x")
    assert "saeki" in refused(capsys, 1, "rules", "activate", "standard@2", "--user", "saeki", "--reason", "x")
    active = told(capsys, "rules", "activate", "standard@2", "--user", "hori", "--reason", "合意済み")
    assert (active["status"], active["campaigns"], active["note"]) == ("active", ["11月"], "合意済み")
    assert told(capsys, "plan", "11月", "--as-of", "2026-11-18")["reasons"] == {"small": 2, "rest": 1}
    assert [(row["version"], row["status"]) for row in told(capsys, "rules", "list")] == [(2, "active"), (1, "retired")]
    copy = tmp_path / "copy.json"
    assert run(["rules", "export", "standard", "--output", str(copy)]) == 0
    assert json.loads(copy.read_text(encoding="utf-8")) == told(capsys, "rules", "show", "standard")["document"]
    assert told(capsys, "rules", "four-eyes") == {"four_eyes": True}
    assert told(capsys, "rules", "four-eyes", "off") == {"four_eyes": False}


def test_editing_a_draft_that_somebody_else_edited_is_refused(office: int, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "rules", "add", str(file), "--user", "mori", "--name", "own")
    assert told(capsys, "rules", "edit", "own@1", str(file), "--user", "hori", "--revision", "1")["revision"] == 2
    assert "meanwhile" in refused(capsys, 1, "rules", "edit", "own@1", str(file), "--user", "mori", "--revision", "1")
    told(capsys, "rules", "propose", "own@1", "--user", "mori")
    assert told(capsys, "rules", "return", "own@1", "--user", "hori", "--reason", "境を見て")["status"] == "draft"
    assert told(capsys, "rules", "discard", "own@1", "--user", "hori")["status"] == "retired"


def test_a_mistake_is_told_with_its_position(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = json.loads(file.read_text(encoding="utf-8"))
    bad["rules"][0]["when"]["value"] = "much"
    file.write_text(json.dumps(bad), encoding="utf-8")
    assert run(["rules", "check", str(file), "--json"]) == 1
    problem = json.loads(capsys.readouterr().out)["problems"][0]
    assert (problem["rule"], problem["where"], problem["attribute"], problem["value"]) == (1, "rules[0].when.value", "outstanding", "much")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["rules", "show", "none such"], 1),
        (["rules", "show", "standard@x"], 2),
        (["rules", "check", "/nowhere.json"], 1),
        (["rules", "four-eyes", "three"], 2),
        (["rules", "activate", "standard@1", "--user", "nobody", "--reason", "x"], 1),
        (["rules", "activate", "standard@1"], 2),
        (["rules", "diff", "standard"], 2),
    ],
)
def test_wrong_use_is_told(office: int, arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, status, *arguments).strip()


def test_what_is_no_json_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, words in (('{"rules": [', "1 行目"), ("[" * 100_000, "JSON"), ("\xff", "UTF-8")):
        path = tmp_path / "bad.json"
        path.write_bytes(text.encode("latin-1"))
        assert words in refused(capsys, 1, "rules", "check", str(path))
