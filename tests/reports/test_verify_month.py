"""A busy month over the command line: lists, history, plans, batches, simulated days, payments and reversals; then nothing is broken."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from callcenter.cli import run
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from campaigns import jobs
from campaigns.debtors.models import Debtor
from campaigns.promises.plans import enter
from campaigns.promises.schedule import propose

pytestmark = pytest.mark.slow


def told(capsys: pytest.CaptureFixture[str], *arguments: str, allowed: tuple[int, ...] = (0,)) -> Any:
    status = run([*arguments, "--json"])
    output = capsys.readouterr()
    assert status in allowed, (arguments, output.out[-2000:], output.err[-2000:])
    return json.loads(output.out.splitlines()[-1])  # the dialer logs before it


def rewritten(source: Path, target: Path, keep: Any, **changes: Any) -> Path:
    """The rows of a file that `keep` keeps, with columns changed by a function of the row."""
    rows = list(csv.DictReader(io.StringIO(source.read_text(encoding="utf-8-sig"))))
    kept = [row | {name: change(row) for name, change in changes.items()} for row in rows if keep(row)]
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(kept)
    return target


def moved(first: date) -> dict[str, Any]:
    """Payments of that week instead of the sample's own days."""
    return {"納付日": lambda _: str(first + timedelta(days=1)), "反映日": lambda _: str(first + timedelta(days=3))}


def as_promised(office_id: int, target: Path, first: date, sample: Path) -> Path:
    """Every second debtor with an open promise pays what they promised, one of them is taken back in part; strays come along."""
    heads = next(csv.reader(io.StringIO(sample.read_text(encoding="utf-8-sig"))))
    with transaction(office_id) as session:
        found = session.execute(
            text(
                "SELECT DISTINCT ON (p.id) p.id, d.debtor_no, b.tax_code, b.levy_year, b.base_year, b.term, b.notice_no,"
                " p.made_on, p.amount"
                " FROM promise p JOIN debtor d ON d.id = p.debtor_id JOIN debt b ON b.debtor_id = d.id"
                " WHERE p.state = 'open' AND p.id % 2 = 0 ORDER BY p.id, b.id"
            )
        ).all()
    rows = [[*row[1:8], first + timedelta(days=9), row.amount, 0, 0, f"K{first:%m%d}{row.id}", 0] for row in found]
    rows += [[*row[:8], 100, 0, 0, row[11], 1] for row in rows[:1]]
    stray = ["nobody", "010", 2026, 2026, 1, "1", first, first, 5_000, 0, 0]
    rows += [[*stray, f"S{first:%m%d}a", 0], [*stray, f"S{first:%m%d}b", 0], [*stray, f"S{first:%m%d}b", 1]]
    with target.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([heads, *rows])
    return target


def later_list(office_id: int, source: Path, target: Path) -> Path:
    """The list again: it holds a third of those whose work is queued, forbids another third, and no longer has everybody."""
    with transaction(office_id) as session:
        queued = session.scalars(
            text("SELECT DISTINCT d.debtor_no FROM work_item w JOIN debtor d ON d.id = w.debtor_id WHERE w.state = 'ready' ORDER BY 1")
        ).all()
    held, forbidden = set(queued[1::3]), set(queued[2::3])
    return rewritten(
        source,
        target,
        lambda row: row["宛名番号"] in held | forbidden or not row["宛名番号"].endswith("7"),
        停止区分=lambda row: "2" if row["宛名番号"] in held else row["停止区分"],
        連絡禁止=lambda row: "1" if row["宛名番号"] in forbidden else row["連絡禁止"],
    )


def test_a_busy_month_leaves_nothing_broken(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    today = local_day(utc_now())
    monday = today - timedelta(days=today.weekday() + 28)
    folder = tmp_path / "files"
    told(capsys, "sample", str(folder), "--debtors", "200")
    before = str(monday - timedelta(days=3))
    told(capsys, "import", "debts", str(folder / "debts.csv"), "--as-of", before, allowed=(0, 3))
    told(capsys, "import", "attempts", str(folder / "attempts.csv"), allowed=(0, 3))
    told(capsys, "campaign", "create", "月次")
    for week in range(3):
        first = monday + timedelta(days=7 * week)
        night = f"{first - timedelta(days=1)}T22:00"
        told(capsys, "plan", "月次", "--as-of", night)
        if week == 0:
            told(capsys, "campaign", "start", "月次")
        for channel in ("sms", "robocall"):
            told(capsys, "batch", channel, "月次", "--as-of", night)
        if week == 2:  # before the dial: whom it reaches is not the same on every date, what the plan queued always waits
            again = later_list(office_id, folder / "debts.csv", tmp_path / "debts2.csv")
            told(capsys, "import", "debts", str(again), "--as-of", str(first), allowed=(0, 3))
        told(capsys, "dial", "月次", "--simulate", "--as-of", f"{first}T09:00", "--days", "2", "--seed", str(week))
        postings = rewritten(
            folder / "payments.csv",
            tmp_path / f"payments{week}.csv",
            lambda row, week=week: len(row["収納履歴番号"]) > 3 and int(row["収納履歴番号"][-1]) % 3 == week,
            **moved(first),
        )
        told(capsys, "import", "payments", str(postings), "--as-of", str(first), allowed=(0, 3))
        kept = as_promised(office_id, tmp_path / f"kept{week}.csv", first, folder / "payments.csv")
        told(capsys, "import", "payments", str(kept))
        if week == 1:
            with transaction(office_id) as session:
                debtor = session.query(Debtor).filter(Debtor.is_listed).order_by(Debtor.id.desc()).first()
                assert debtor is not None
                enter(session, debtor.id, first, propose(30_000, 3, first + timedelta(days=5)), utc_now(), user_id=None)
    jobs.settle_promises(office_id)
    document = told(capsys, "verify", allowed=(0, 1))
    assert [(check["check"], check["rows"]) for check in document["checks"] if not check["ok"]] == []
    assert_it_was_busy(office_id)


def assert_it_was_busy(office_id: int) -> None:
    """The month had calls, promises of every kind, payments, reversals, lists that closed debts, and withdrawn work."""

    def counted(statement: str) -> dict[str, int]:
        with transaction(office_id) as session:
            return {str(row[0]): row[1] for row in session.execute(text(statement))}

    assert counted("SELECT 'calls', count(*) FROM attempt WHERE source = 'live'")["calls"] > 40
    assert {"kept", "broken"} <= counted("SELECT state, count(*) FROM promise GROUP BY 1").keys()
    assert {"matched", "unmatched", "reversed", "reversal"} <= counted("SELECT status, count(*) FROM payment GROUP BY 1").keys()
    assert {"open", "settled", "not_listed"} <= counted("SELECT status, count(*) FROM debt GROUP BY 1").keys()
    assert {"hold", "do_not_contact"} <= counted("SELECT reason, count(*) FROM work_item WHERE state = 'withdrawn' GROUP BY 1").keys()
