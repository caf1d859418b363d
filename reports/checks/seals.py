"""The check that the audit trail's seals hold: rows, chain, signatures, and the heads that were told outside."""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditSeal
from callcenter.auth.sealing import GENESIS, SealKey, chain_of, covered, heads_path, is_signed, key_path, load_key, made_at, merkle_root
from callcenter.core.db import office_of
from reports.checks.model import SHOWN_ROWS, Check, Facts, Found
from reports.words import Words


def find_broken(session: Session, facts: Facts) -> Found:
    """Seals whose rows were changed, that do not follow from the one before, or that another key made; heads that are gone."""
    key = load_key(facts.data_dir) if facts.data_dir is not None and key_path(facts.data_dir).exists() else None
    found, previous, chains = [], GENESIS, {}
    for expected, seal in enumerate(session.scalars(select(AuditSeal).order_by(AuditSeal.number)).all(), start=1):
        if seal.number != expected:
            found.append(f"audit_seal {expected}: missing")
        if (seal.root, seal.events) != merkle_root(covered(session, seal)):
            found.append(f"audit_seal {seal.number}: rows were changed")
        if seal.chain != chain_of(previous, seal) or not _is_ours(seal, key):
            found.append(f"audit_seal {seal.number}: chain or signature does not hold")
        previous = chains[seal.number] = seal.chain
    found += [f"audit_seal {number}: told outside, not there" for number, chain in _told(session, facts) if chains.get(number) != chain]
    return Found(len(found), tuple(found[:SHOWN_ROWS]))


def _is_ours(seal: AuditSeal, key: SealKey | None) -> bool:
    """A seal of another key can't be judged here: the audit's separate verifier does, with that key's public half."""
    return key is None or seal.key_id != key.key_id or is_signed(seal, key.public)


def _told(session: Session, facts: Facts) -> list[tuple[int, str]]:
    path = None if facts.data_dir is None else heads_path(facts.data_dir, office_of(session))
    if path is None or not path.exists():
        return []
    heads = map(json.loads, path.read_text(encoding="ascii").splitlines())
    made = made_at(session)
    return [(head["number"], head["chain"]) for head in heads if head["office_made"] == made]


SEALS: tuple[Check, ...] = (
    Check(
        "audit_seals_hold",
        Words("監査記録の封印が保たれている", "the audit trail's seals hold: nothing was changed, taken out or cut off"),
        Words(
            "監査の担当に知らせ、`callcenter audit export` の控えを外に保管したヘッドと突き合わせる",
            "tell the auditors, and compare `callcenter audit export` with the heads kept elsewhere",
        ),
        find_broken,
    ),
)
