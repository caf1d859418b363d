"""Sealing the audit trail, and judging it from outside: every change, loss and forgery is named, and writers are never in the way."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.auth.models import AuditEvent, AuditSeal
from callcenter.auth.sealing import (
    END_OF_EPOCH,
    GENESIS,
    SealKey,
    chain_of,
    covered,
    heads_path,
    key_path,
    load_key,
    merkle_root,
    seal_office,
)
from callcenter.cli import run
from callcenter.commands.trail_verifier import judge_export, tree
from callcenter.core.clock import utc_now
from callcenter.core.db import get_engine, transaction
from callcenter.core.settings import get_settings
from tests import servers


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own."""
    monkeypatch.setenv("CALLCENTER_DATA", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield get_settings().data_dir
    get_settings.cache_clear()


def write(session: Session, count: int) -> None:
    for number in range(count):
        audit.record(session, "debtor.viewed", "debtor", number, None, "127.0.0.1", {"page": "氏名なし"}, utc_now())
    session.flush()


def events(office_id: int, count: int) -> None:
    with transaction(office_id) as session:
        write(session, count)


def is_past(office_id: int) -> bool:
    """Whether every transaction of the whole server, other tests' ones too, began after the newest row."""
    statement = """
        SELECT s.oldest > coalesce((SELECT max(txid) FROM audit_event WHERE txid < s.next), 0) FROM (
            SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
                   pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
        ) s"""
    with transaction(office_id) as session:
        return bool(session.scalar(text(statement)))


def seal(office_id: int, data: Path, *, waits: bool = True) -> int | None:
    if waits:
        servers.wait_for(lambda: is_past(office_id), "the transactions of other tests to end", 240)
    with transaction(office_id) as session:
        made = seal_office(session, load_key(data), utc_now(), heads=heads_path(data, office_id))
        return None if made is None else made.events


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = run([*arguments, "--json"])
    output = capsys.readouterr()
    return status, json.loads(output.out.splitlines()[-1]) if output.out else output.err


def judged(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> list[str]:
    assert told(capsys, "audit", "export", str(folder))[0] == 0
    status, verdict = told(capsys, "audit", "verify", str(folder), *more)
    assert status == (1 if verdict["problems"] else 0)
    problems: list[str] = verdict["problems"]
    return problems


def test_each_row_is_sealed_once(office_id: int, data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert seal(office_id, data) is None
    for count in (3, 1, 5):
        events(office_id, count)
        assert seal(office_id, data) == count
    assert seal(office_id, data) is None
    events(office_id, 2)
    out = tmp_path / "out"
    assert judged(capsys, out, "--heads", str(heads_path(data, office_id))) == []
    verdict = judge_export(out / "events.jsonl", out / "seals.jsonl", out / "audit-seal.pub")
    assert (verdict.rows, verdict.seals, verdict.unsealed) == (11, 3, 2)
    assert stat.S_IMODE(key_path(data).stat().st_mode) == 0o600
    assert run(["verify"]) == 0


def test_a_row_of_a_transaction_still_open_waits_for_its_seal(office_id: int, data: Path) -> None:
    """The late one has the lower number: a seal by numbers would have missed it."""
    with transaction(office_id) as late:
        write(late, 1)
        events(office_id, 2)
        assert seal(office_id, data, waits=False) is None  # nothing is over that began before the late one
    assert seal(office_id, data) == 3


def change(statement: str) -> Callable[[int], None]:
    def by_the_owner(_office_id: int) -> None:
        with get_engine().begin() as connection:
            connection.execute(text(statement))

    return by_the_owner


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("UPDATE audit_event SET action = 'debtor.listed' WHERE id = (SELECT min(id) FROM audit_event)", "rows were changed"),
        ("UPDATE audit_event SET at = at + interval '1 second' WHERE id = (SELECT max(id) FROM audit_event)", "rows were changed"),
        ("DELETE FROM audit_event WHERE id = (SELECT min(id) + 1 FROM audit_event)", "sealed 3 rows, found 2"),
        (
            "INSERT INTO audit_event (office_id, at, action, txid) SELECT office_id, at, action, txid FROM audit_event LIMIT 1",
            "sealed 3 rows, found 4",
        ),
        ("DELETE FROM audit_seal WHERE number = 1", "seal 1 is missing"),
        ("UPDATE audit_seal SET root = repeat('0', 64) WHERE number = 2", "does not follow"),
        ("UPDATE audit_seal SET signature = repeat('0', 128) WHERE number = 2", "not of this key"),
        (
            "DELETE FROM audit_event WHERE txid >= (SELECT from_txid FROM audit_seal WHERE number = 2);"
            " DELETE FROM audit_seal WHERE number = 2",
            "was told outside, and is not there",
        ),
    ],
)
def test_tampering_is_named(office_id: int, data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, fault: str, words: str) -> None:
    for _ in range(2):
        events(office_id, 3)
        seal(office_id, data)
    change(fault)(office_id)
    heads = str(heads_path(data, office_id))
    assert any(words in problem for problem in judged(capsys, tmp_path / "out", "--heads", heads))
    status, found = told(capsys, "verify")
    assert status == 1
    assert "audit_seals_hold" in [check["check"] for check in found["checks"] if not check["ok"]]


def test_a_whole_new_chain_by_another_key_is_named(office_id: int, data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Whoever owns the database can rewrite rows and seals, but not with the key, nor under the heads that left the machine."""
    events(office_id, 3)
    seal(office_id, data)
    change("UPDATE audit_event SET address = ''; DELETE FROM audit_seal")(office_id)
    forged = SealKey(Ed25519PrivateKey.generate())
    with transaction(office_id) as session:
        assert seal_office(session, forged, utc_now()) is not None
    problems = judged(
        capsys, tmp_path / "out", "--heads", str(heads_path(data, office_id)), "--key", str(key_path(data).with_suffix(".pub"))
    )
    assert problems == ["seal 1: the signature is not of this key", "seal 1: is not the one that was told outside"]


def test_the_application_can_only_add(office_id: int, data: Path) -> None:
    events(office_id, 1)
    seal(office_id, data)
    for statement in (update(AuditSeal).values(number=9), update(AuditEvent).values(action="x")):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction(office_id) as session:
            session.execute(statement)


def test_a_database_restored_elsewhere_begins_a_new_epoch(
    office_id: int, data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """On another server transactions are counted anew, from far below those on record."""
    events(office_id, 3)
    seal(office_id, data)
    events(office_id, 2)  # not sealed yet when the copy is made
    far = 10**9
    change(f"UPDATE audit_event SET txid = txid + {far}")(office_id)
    with transaction(office_id) as session:
        session.execute(text("SELECT 1"))
    change("DELETE FROM audit_seal")(office_id)
    with transaction(office_id) as session:  # the seal as the old server had made it over the first three
        first, third = session.scalars(select(AuditEvent.txid).order_by(AuditEvent.id)).all()[0::4]
        old = AuditSeal(number=1, from_txid=0, to_txid=third, events=3, key_id=load_key(data).key_id, sealed_at=utc_now())
        assert first < third
        old.office_id, old.after_id = office_id, 0
        old.root, old.events = merkle_root(covered(session, old))
        old.chain = chain_of(GENESIS, old)
        old.signature = load_key(data).private.sign(old.chain.encode()).hex()
        session.add(old)
    heads_path(data, office_id).unlink()
    events(office_id, 4)  # written on the new server
    assert seal(office_id, data) == 2  # what was left over
    assert seal(office_id, data) == 4
    events(office_id, 1)
    assert seal(office_id, data) == 1
    with transaction(office_id) as session:
        seals = session.scalars(select(AuditSeal).order_by(AuditSeal.number)).all()
        assert [row.to_txid == END_OF_EPOCH for row in seals] == [False, True, False, False]
    assert judged(capsys, tmp_path / "out") == []
    assert run(["verify"]) == 0


def test_an_export_that_can_not_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCENTER_LANG", "en")
    assert run(["audit", "verify", str(tmp_path)]) == 1
    assert "there is no such file" in capsys.readouterr().err
    for name in ("events.jsonl", "seals.jsonl", "audit-seal.pub"):
        (tmp_path / name).write_text("{}\n")
    assert run(["audit", "verify", str(tmp_path)]) == 1
    assert "can't be read" in capsys.readouterr().err


@given(lines=st.lists(st.text(max_size=5), max_size=40))
def test_two_ways_to_the_same_root(lines: list[str]) -> None:
    assert merkle_root(lines) == (tree(lines), len(lines))
