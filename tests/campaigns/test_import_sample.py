"""The made-up city's files against their own manifest: counts, refusals, sums and every headline figure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from callcenter.commands.sampling.writing import write_sample
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.debtors.models import Debt, Debtor
from campaigns.imports.models import Rejection
from campaigns.imports.service import register_upload, run_import
from campaigns.payments.models import Payment
from reports.cuts import Cut
from reports.periods import Period
from reports.queries.headline import HeadlineQuery, headline

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
KINDS = ("debts", "payments", "attempts")


def load_file(office_id: int, folder: Path, kind: str) -> dict[str, Any]:
    """Imports one file of the folder; its counts and refusals."""
    with transaction(office_id) as session:
        row = register_upload(session, kind, f"{kind}.csv", folder / f"{kind}.csv", now=NOW, is_queued=False)
    document = run_import(office_id, row.id, now=NOW).document()
    with transaction(office_id) as session:
        refused = session.execute(select(Rejection.row_no, Rejection.code).where(Rejection.import_id == row.id).order_by(Rejection.row_no))
        document["refused"] = [tuple(line) for line in refused]
    return document


def check_counts(document: dict[str, Any], truth: dict[str, Any], load: str) -> None:
    """Counts as the manifest says; on a list's repetition the refusals are not listed again."""
    assert {name: document[name] for name in truth[load]} == truth[load]
    if load == "first":
        assert document["refused"] == [(told["row"], told["code"]) for told in truth["rejections"]]


def check_headline(office_id: int, truth: dict[str, Any]) -> None:
    """Every figure of every cut."""
    period = Period(date.fromisoformat(truth["from"]), date.fromisoformat(truth["to"]))
    for channel, cuts in truth["channels"].items():
        for cut, expected in cuts.items():
            with transaction(office_id) as session:
                query = HeadlineQuery(period, channel=channel, cut=None if cut == "all" else Cut(cut))
                rows = headline(session, query, NOW).document()["rows"]
            counted = {row["key"]: row for row in rows if row["attempts"] or row["promises_due"]}
            for row in expected:
                found = counted.pop(row["key"])
                assert {name: found[name] for name in row} == row, (channel, cut)
            assert not counted, (channel, cut)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8"])
def test_the_manifest_is_the_truth(office_id: int, tmp_path: Path, encoding: str) -> None:
    manifest = write_sample(tmp_path, size=1200, seed=7, encoding=encoding)
    for kind in KINDS:
        check_counts(load_file(office_id, tmp_path, kind), manifest["files"][f"{kind}.csv"], "first")
        if kind == "debts":
            with transaction(office_id) as session:
                assert session.scalar(select(func.sum(Debt.outstanding))) == manifest["total_outstanding"]
                assert session.scalar(select(func.count()).select_from(Debtor)) == manifest["debtors"]
                assert session.scalar(select(func.count()).select_from(Debt)) == manifest["debts"]
    after = manifest["after_payments"]
    with transaction(office_id) as session:
        settled = session.scalar(select(func.count()).select_from(Debt).where(Debt.status == "settled"))
        gone = session.scalar(select(func.count()).select_from(Debtor).where(Debtor.is_listed.is_(False)))
        stray = session.scalar(select(func.count()).select_from(Payment).where(Payment.debt_id.is_(None), Payment.is_reversal.is_(False)))
        assert session.scalar(select(func.sum(Debt.outstanding))) == after["total_outstanding"]
        assert session.scalar(select(func.sum(Debt.refund_candidate))) == after["refund_yen"]
        assert (settled, gone, stray) == (after["settled_debts"], after["settled_debtors"], after["unmatched_payments"])
    check_headline(office_id, manifest["headline"])
    for kind in KINDS:
        check_counts(load_file(office_id, tmp_path, kind), manifest["files"][f"{kind}.csv"], "again")
    with transaction(office_id) as session:
        assert session.scalar(select(func.sum(Debt.outstanding))) == after["total_outstanding"]


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    write_sample(tmp_path / "a", size=50, seed=1, encoding="utf-8")
    write_sample(tmp_path / "b", size=50, seed=1, encoding="utf-8")
    write_sample(tmp_path / "c", size=50, seed=2, encoding="utf-8")
    names = ("debts.csv", "payments.csv", "attempts.csv", "manifest.json")
    assert [(tmp_path / "a" / name).read_bytes() for name in names] == [(tmp_path / "b" / name).read_bytes() for name in names]
    assert (tmp_path / "a" / "debts.csv").read_bytes() != (tmp_path / "c" / "debts.csv").read_bytes()


@pytest.mark.parametrize("size", [1, 2, 9])
def test_small_towns_are_possible(tmp_path: Path, size: int) -> None:
    assert write_sample(tmp_path, size=size, seed=1, encoding="cp932")["debtors"] == size


def test_wrong_use_is_told(tmp_path: Path) -> None:
    for options in ({"size": 0}, {"encoding": "latin-1"}):
        with pytest.raises(InvalidInput):
            write_sample(tmp_path, **({"size": 1, "seed": 1, "encoding": "utf-8"} | options))  # type: ignore[arg-type]
