"""Passing results on: each fact once per target, in a file that reads back."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.rules import PromiseTerms
from campaigns.attempts.service import open_attempt, record_line_result, record_outcome
from campaigns.debtors.models import PhoneNumber
from campaigns.sync.connectors.csv_drop import COLUMNS, deliver
from campaigns.sync.models import SyncAck
from campaigns.sync.outbox import leave
from tests.campaigns.town import NOW, TODAY, Town


def test_results_are_dropped_once_in_a_file_that_reads_back(session: Session, town: Town, tmp_path: Path) -> None:
    debtor = town.debtor()
    phone = session.scalars(select(PhoneNumber)).one()
    attempt = open_attempt(session, None, phone, NOW, Channel.OPERATOR_CALL, debtor_id=debtor.id)
    record_line_result(session, attempt.id, LineResult.ANSWERED, NOW, answered_at=NOW - timedelta(seconds=61))
    attempt.verified_at = NOW
    terms = PromiseTerms(38_500, TODAY + timedelta(days=7))
    record_outcome(session, attempt.id, Party.DEBTOR, Outcome.PROMISE_FULL, '給料日"のあと,\n残り', promise=terms, now=NOW)

    dropped = deliver(session, tmp_path, NOW)
    assert dropped.rows == 1
    assert dropped.path is not None
    assert dropped.path.read_bytes().startswith(b"\xef\xbb\xbf")
    with dropped.path.open(encoding="utf-8-sig", newline="") as file:
        header, row = list(csv.reader(file))
    assert tuple(header) == COLUMNS
    assert row == [
        debtor.debtor_no,
        "2026-11-18 10:00:00",
        "電話催告",
        phone.original,
        "",
        "応答",
        "本人",
        "納付約束(全額)",
        "61",
        "38500",
        "2026-11-25",
        '給料日"のあと,\n残り',
    ]
    assert deliver(session, tmp_path, NOW).path is None
    assert len(list(tmp_path.iterdir())) == 1


def test_a_crash_before_the_acknowledgement_writes_the_same_file_again(session: Session, town: Town, tmp_path: Path) -> None:
    debtor = town.debtor()
    attempt = open_attempt(session, None, None, NOW, Channel.OPERATOR_CALL, debtor_id=debtor.id)
    record_line_result(session, attempt.id, LineResult.BUSY, NOW)
    nested = session.begin_nested()
    first = deliver(session, tmp_path, NOW)
    nested.rollback()
    again = deliver(session, tmp_path, NOW)
    assert first.path == again.path
    assert len(list(tmp_path.iterdir())) == 1


def test_the_same_fact_is_left_once(session: Session, town: Town) -> None:
    debtor = town.debtor()
    for _ in range(2):
        leave(session, "other", "key", debtor.id, {}, NOW)
    deliver(session, Path("unused"), NOW)
    assert len(session.scalars(select(SyncAck)).all()) == 1
