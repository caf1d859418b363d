"""Judges an exported audit trail. It shares no code with what seals it, reads no database, and needs only the exported files.

Rows: JSON lines as they were sealed. Seals: JSON lines in order. Heads: JSON lines that were told outside when a seal was made.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIRST = "0" * 64


@dataclass
class Verdict:
    """What was found: `problems` in words, and how many rows no seal covers yet."""

    rows: int = 0
    seals: int = 0
    unsealed: int = 0
    problems: list[str] = field(default_factory=list)


def judge_export(events: Path, seals: Path, public_key: Path, heads: Path | None = None) -> Verdict:
    """Checks every seal's rows, chain and signature, that no row is covered twice, and that the heads told outside are still there."""
    rows = [(json.loads(line), line) for line in events.read_text(encoding="utf-8").splitlines()]
    told = [json.loads(line) for line in seals.read_text(encoding="ascii").splitlines()]
    key = bytes.fromhex(public_key.read_text(encoding="ascii").strip())
    verdict = Verdict(rows=len(rows), seals=len(told))
    identifiers = [row["id"] for row, _ in rows]
    if sorted(set(identifiers)) != identifiers:
        verdict.problems.append("rows are not in the order of their numbers, or one stands twice")
    previous, sealed, reached = FIRST, set[int](), 0
    floors = sorted({seal["after_id"] for seal in told})
    for expected, seal in enumerate(told, start=1):
        ceiling = next((floor for floor in floors if floor > seal["after_id"]), None)
        inside = [(row["id"], line) for row, line in rows if _is_inside(row, seal, ceiling)]
        verdict.problems += _faults(seal, expected, previous, [line for _, line in inside], key)
        if any(number in sealed for number, _ in inside):
            verdict.problems.append(f"seal {seal['number']}: covers a row that another covers")
        if seal["from_txid"] != reached and seal["from_txid"] != 0:
            verdict.problems.append(f"seal {seal['number']}: does not begin where the one before ended")
        sealed.update(number for number, _ in inside)
        previous, reached = seal["chain"], seal["to_txid"]
    verdict.unsealed = len(rows) - len(sealed)
    verdict.problems += _lost_heads(told, heads)
    return verdict


def _is_inside(row: dict[str, Any], seal: dict[str, Any], ceiling: int | None) -> bool:
    above = row["id"] > seal["after_id"] and (ceiling is None or row["id"] <= ceiling)
    return bool(above and seal["from_txid"] <= row["txid"] < seal["to_txid"])


def _faults(seal: dict[str, Any], expected: int, previous: str, lines: list[str], key: bytes) -> list[str]:
    name = f"seal {seal['number']}"
    found = []
    if seal["number"] != expected:
        found.append(f"{name}: seal {expected} is missing")
    if seal["events"] != len(lines):
        found.append(f"{name}: sealed {seal['events']} rows, found {len(lines)}")
    if seal["root"] != tree(lines):
        found.append(f"{name}: its rows were changed")
    order = ("office_id", "number", "from_txid", "to_txid", "after_id", "events", "root", "key_id", "sealed_at")
    chain = hashlib.sha256("|".join([previous, *(str(seal[part]) for part in order)]).encode()).hexdigest()
    if seal["chain"] != chain:
        found.append(f"{name}: does not follow from the one before")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(seal["signature"]), seal["chain"].encode())
    except (InvalidSignature, ValueError):
        found.append(f"{name}: the signature is not of this key")
    return found


def tree(lines: list[str]) -> str:
    """The Merkle root over lines, built from the leaves up: an odd node waits on its level."""
    level = [hashlib.sha256(b"\0" + line.encode()).digest() for line in lines]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\1" + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = pairs + (level[-1:] if len(level) % 2 else [])
    return level[0].hex()


def _lost_heads(told: list[dict[str, Any]], heads: Path | None) -> list[str]:
    """Heads that were told outside and are no longer what stands inside."""
    if heads is None:
        return []
    inside = {seal["number"]: seal["chain"] for seal in told}
    outside = {head["number"]: head["chain"] for head in map(json.loads, heads.read_text(encoding="ascii").splitlines())}
    gone = [f"seal {number}: was told outside, and is not there any more" for number in sorted(outside.keys() - inside.keys())]
    changed = [
        f"seal {number}: is not the one that was told outside"
        for number in sorted(outside.keys() & inside.keys())
        if outside[number] != inside[number]
    ]
    return gone + changed
