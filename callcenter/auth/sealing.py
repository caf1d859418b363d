"""Sealing the audit trail: a signed Merkle root over each minute's rows, chained to the one before, and the head told outside.

A seal covers the rows of transactions that are over: from the last seal's horizon to the oldest transaction still running, by the rows'
own `txid`; so no row is missed and no writer waits. The key is a file that is not in the database: whoever can rewrite the tables can't
make seals. Cutting off the newest seals with their rows passes any check that looks only inside, so every head also goes into a file and
the log, from where a collector takes it off the machine.

A database restored on another server counts its transactions anew: the rows left over from before are sealed to the end, and a new epoch
begins above the last of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, AuditSeal, Office
from callcenter.core.db import after_commit, office_of, try_advisory_lock
from callcenter.core.errors import InvalidInput

log = structlog.get_logger(__name__)

LOCK = "audit_seal"
END_OF_EPOCH = 2**62  # beyond every transaction number: what was left over is sealed to the end
GENESIS = "0" * 64
_HORIZON = text("SELECT ((pg_snapshot_xmin(pg_current_snapshot()))::text)::bigint")


@dataclass(frozen=True, slots=True)
class SealKey:
    """The key that signs, kept outside the database; `key_id` names its public half."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the public key's SHA-256."""
        return hashlib.sha256(self.public).hexdigest()[:16]


def key_path(data_dir: Path) -> Path:
    """Where the key lies: readable by the processes' user alone."""
    return data_dir / "keys" / "audit-seal.pem"


def load_key(data_dir: Path) -> SealKey:
    """The installation's key, made on first use (mode 0600), with its public half beside it.

    Raises:
        InvalidInput: the file is not a key of ours.
    """
    path = key_path(data_dir)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Ed25519PrivateKey.generate()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return load_key(data_dir)  # another process was first
        with os.fdopen(descriptor, "wb") as out:
            out.write(fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.with_suffix(".pub").write_text(SealKey(fresh).public.hex() + "\n", encoding="ascii")
    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except ValueError as problem:
        raise InvalidInput(
            f"{path.name} can't be read as a key.", hint="Restore it from its copy; without it nothing is sealed."
        ) from problem
    if not isinstance(found, Ed25519PrivateKey):
        raise InvalidInput(f"{path.name} is not an Ed25519 key.", hint="Restore it from its copy.")
    return SealKey(found)


FIELDS = ("id", "at", "user_id", "action", "subject_type", "subject_id", "address", "detail", "txid")


def as_line(event: Row[Any]) -> str:
    """A row as it is sealed and exported: JSON with sorted keys, moments in UTC with microseconds."""
    fields = {name: getattr(event, name) for name in FIELDS} | {"at": event.at.astimezone(UTC).isoformat(timespec="microseconds")}
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def merkle_root(lines: Iterable[str]) -> tuple[str, int]:
    """The root of a Merkle tree (RFC 6962: leaves and nodes are hashed apart, the left half is the larger power of two); and its leaves."""
    hashes = [hashlib.sha256(b"\x00" + line.encode()).digest() for line in lines]
    return _root(hashes).hex(), len(hashes)


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _root(hashes[:half]) + _root(hashes[half:])).digest()


def chain_of(previous: str, seal: AuditSeal) -> str:
    """The hash that covers a seal and, by the one before, all before it."""
    moment = seal.sealed_at.astimezone(UTC).isoformat(timespec="microseconds")
    parts = (
        previous,
        seal.office_id,
        seal.number,
        seal.from_txid,
        seal.to_txid,
        seal.after_id,
        seal.events,
        seal.root,
        seal.key_id,
        moment,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def is_signed(seal: AuditSeal, public: bytes) -> bool:
    """Whether the seal's signature is one of this key over its chain."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(seal.signature), seal.chain.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def covered(session: Session, seal: AuditSeal) -> Iterator[str]:
    """The rows a seal is over, by their numbers, each as its line."""
    which = (AuditEvent.txid >= seal.from_txid, AuditEvent.txid < seal.to_txid, AuditEvent.id > seal.after_id)
    upper = session.scalar(select(AuditSeal.after_id).where(AuditSeal.after_id > seal.after_id).order_by(AuditSeal.after_id).limit(1))
    within = () if upper is None else (AuditEvent.id <= upper,)  # rows above belong to a later epoch
    columns = [getattr(AuditEvent, name) for name in FIELDS]
    for event in session.execute(select(*columns).where(*which, *within).order_by(AuditEvent.id)).yield_per(5_000):
        yield as_line(event)


def seal_office(session: Session, key: SealKey, now: datetime, *, heads: Path | None = None) -> AuditSeal | None:
    """Seals this office's rows of the transactions that are over; None when there are none, or another process is at it.

    Args:
        heads: the file that is told each new head once it is committed.
    """
    if not try_advisory_lock(session, LOCK):
        return None
    horizon: int = session.scalars(_HORIZON).one()
    head = session.scalar(select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1))
    seal = AuditSeal(
        office_id=office_of(session),
        number=1 if head is None else head.number + 1,
        from_txid=0 if head is None else head.to_txid,
        to_txid=horizon,
        after_id=0 if head is None else head.after_id,
        key_id=key.key_id,
        sealed_at=now,
    )
    if head is not None and head.to_txid == END_OF_EPOCH:
        seal.from_txid, seal.after_id = 0, _last_of_epoch(session, head)
    elif head is not None and horizon < head.to_txid:
        seal.to_txid = END_OF_EPOCH
    seal.root, seal.events = merkle_root(covered(session, seal))
    if not seal.events and seal.to_txid != END_OF_EPOCH:
        return None
    seal.chain = chain_of(GENESIS if head is None else head.chain, seal)
    seal.signature = key.private.sign(seal.chain.encode()).hex()
    session.add(seal)
    session.flush()
    made = made_at(session)
    after_commit(session, lambda: _tell_head(seal, made, heads))
    return seal


def made_at(session: Session) -> str:
    """When this office was made: heads of another database with the same data folder are not ours."""
    return session.scalars(select(Office.created_at).where(Office.id == office_of(session))).one().astimezone(UTC).isoformat()


def _last_of_epoch(session: Session, head: AuditSeal) -> int:
    """The number of the last row that the epoch ended by `head` sealed; what came since stands above it."""
    sizes = session.scalars(select(AuditSeal.events).where(AuditSeal.after_id == head.after_id))
    last = select(AuditEvent.id).where(AuditEvent.id > head.after_id).order_by(AuditEvent.id).offset(max(sum(sizes) - 1, 0)).limit(1)
    return session.scalar(last) or head.after_id


def _tell_head(seal: AuditSeal, made: str, heads: Path | None) -> None:
    told = {
        "office": seal.office_id,
        "office_made": made,
        "number": seal.number,
        "chain": seal.chain,
        "events": seal.events,
        "key_id": seal.key_id,
    }
    log.info("audit_sealed", **told)
    if heads is None:
        return
    heads.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = json.dumps(told | {"sealed_at": seal.sealed_at.isoformat()})
    with heads.open("a", encoding="ascii") as out:
        out.write(line + "\n")
        out.flush()
        os.fsync(out.fileno())


def heads_path(data_dir: Path, office_id: int) -> Path:
    """The file of an office's heads, one JSON line each; to be taken off this machine."""
    return data_dir / "audit" / f"heads-{office_id}.jsonl"
