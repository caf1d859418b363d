"""A campaign's ladder on the command line: made from a file, written as one, changed, and told by `explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.cli import run
from callcenter.core.db import transaction
from tests.campaigns.test_commands import told
from tests.campaigns.town import Town

LADDER = """
[cycle]
days = 14

[[ladder.steps]]
channel = "auto_call"
attempts = 3

[retry.busy]
minutes = 10
"""


def test_a_ladder_goes_in_and_out_as_a_file(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "手順.toml"
    file.write_text(LADDER, encoding="utf-8")
    told(capsys, "campaign", "create", "秋", "--ladder", str(file))
    conduct = told(capsys, "campaign", "ladder", "秋")
    assert (conduct["cycle"]["days"], conduct["retry"]["busy"]) == (
        14,
        {"minutes": 10, "soon": 3, "hours": 0, "days": 1, "counts": True, "status": "", "status_after": 1},
    )
    assert [(step["channel"], step["attempts"]) for step in conduct["ladder"]["steps"]] == [("auto_call", 3)]
    assert run(["campaign", "ladder", "秋"]) == 0
    written = capsys.readouterr().out
    file.write_text(written.replace("attempts = 3", "attempts = 5"), encoding="utf-8")
    told(capsys, "campaign", "edit", "秋", "--ladder", str(file), "--mode", "preview", "--priority", "2")
    shown = told(capsys, "campaign", "show", "秋")
    assert (shown["dial_mode"], shown["priority"], shown["options"]["ladder"]["steps"][0]["attempts"]) == ("preview", 2, 5)
    assert shown["cycle"] is None
    told(capsys, "campaign", "start", "秋")
    assert told(capsys, "campaign", "show", "秋")["cycle"]["number"] == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[ladder.steps]]\nchannel = "fax"', "ladder.steps[0].channel"),
        ('[[ladder.steps]]\nchannel = "sms"\nattempts = 0', "ladder.steps[0].attempts"),
        ("[cycle]\nstart_day = 31", "cycle.start_day"),
        ("[steps]", "steps: そのような項目はありません"),
        ("ladder = ", "TOML の書き方が正しくありません"),
    ],
)
def test_a_mistake_names_its_place_and_changes_nothing(
    office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    file = tmp_path / "ladder.toml"
    file.write_text(text, encoding="utf-8")
    assert run(["campaign", "create", "秋", "--ladder", str(file)]) == 1
    assert problem in capsys.readouterr().err
    assert told(capsys, "campaign", "list") == []


def test_wrong_use(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "campaign", "create", "秋")
    assert run(["campaign", "edit", "秋"]) == 2
    assert run(["campaign", "edit", "秋", "--ladder", str(tmp_path / "none.toml")]) == 1
    assert "none.toml: ファイルを読み取れません。" in capsys.readouterr().err
    assert run(["campaign", "edit", "秋", "--priority", "10"]) in (1, 2)


def test_explain_tells_the_cycle_and_the_step(office_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(office_id) as session:
        town = Town(session)
        number, large = town.debtor().debtor_no, town.debtor(owes=900_000).debtor_no
    told(capsys, "campaign", "create", "秋")
    ladder = told(capsys, "explain", number, "--campaign", "秋", "--as-of", "2026-11-18T10:00")["ladder"]
    assert ladder == {
        "cycle": {"number": 1, "starts_on": "2026-11-01", "ends_on": "2026-11-30", "day": 18, "days": 30},
        "step": {"number": 1, "channel": "sms", "attempt": 1},
        "code": "mobile_never_reached",
        "text": "携帯があり、まだ接触がない",
        "until": None,
        "decides": True,
    }
    assert told(capsys, "explain", large, "--campaign", "秋", "--as-of", "2026-11-18T10:00")["ladder"]["decides"] is False
    assert run(["explain", number, "--campaign", "秋", "--as-of", "2026-11-18T10:00"]) == 0
    lines = capsys.readouterr().out
    assert "周期\t第1回 2026-11-01 – 2026-11-30 (18/30日目)" in lines
    assert "手順\t1. SMS 1回目: 携帯があり、まだ接触がない" in lines
