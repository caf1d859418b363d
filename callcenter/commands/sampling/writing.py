"""The files and their manifest in a folder."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from callcenter.commands.sampling import debts as lists
from callcenter.commands.sampling import history, truth
from callcenter.commands.sampling import payments as postings
from callcenter.commands.sampling.draws import Draws
from callcenter.commands.sampling.people import debtors
from callcenter.core.errors import InvalidInput

AS_OF = date(2026, 11, 2)
ENCODINGS = ("utf-8", "utf-8-sig", "cp932")


def write_frame(path: Path, frame: pl.DataFrame, encoding: str) -> None:
    """Writes the rows as CSV with CRLF."""
    plain = frame.select(pl.when(pl.all() != "").then(pl.all()).name.keep())  # an empty cell is written as nothing, not as ""
    path.write_bytes(plain.write_csv(line_terminator="\r\n").encode(encoding))


def _bad_count(size: int) -> int:
    return min(size, max(9, size // 500), 500)


def write_sample(
    folder: Path, *, size: int, seed: int, encoding: str, as_of: date = AS_OF, posted_until: date | None = None
) -> dict[str, Any]:
    """Writes debts.csv, payments.csv, attempts.csv and manifest.json for `size` debtors; the manifest.

    Args:
        as_of: the list's date. Payments are posted after it, up to three weeks.
        posted_until: leaves payments posted later than this day out, where what is after the list must not be in the future.

    Raises InvalidInput for sizes below 1 or above 5,000,000, unknown encodings and a folder that can't be written.
    """
    if not 1 <= size <= 5_000_000:
        raise InvalidInput("--debtors must be from 1 to 5,000,000.", hint="For instance --debtors 5000.", code="usage")
    if encoding.lower() not in ENCODINGS:
        raise InvalidInput(f"'{encoding}' is no encoding of ours.", hint="Expected one of: " + ", ".join(ENCODINGS) + ".", code="usage")
    draws = Draws(seed)
    people = debtors(draws, size, as_of)
    debts = lists.installments(draws, people, as_of)
    attempts = history.attempts(draws, people, debts, as_of)
    payments = postings.payments(draws, debts, size, attempts, as_of)
    if posted_until is not None:
        payments = payments.filter(pl.col("posted_on") <= posted_until)
    written = {
        "debts.csv": lists.written_list(draws, people, debts, as_of),
        "payments.csv": postings.written_payments(payments),
        "attempts.csv": history.written_attempts(draws, attempts),
    }
    bad = {
        "debts.csv": lists.bad_rows(written["debts.csv"], _bad_count(size)),
        "payments.csv": postings.bad_payments(written["payments.csv"]),
        "attempts.csv": history.bad_attempts(written["attempts.csv"]),
    }
    files = {name: pl.concat([written[name], rows]) if told else written[name] for name, (rows, told) in bad.items()}
    manifest = {
        "seed": seed,
        "as_of": as_of.isoformat(),
        "encoding": encoding.lower(),
        "debtors": size,
        "debts": debts.height,
        "total_outstanding": int(debts["outstanding"].sum()),
        "with_phone": int(people["has_phone"].sum()),
        "promises": attempts["promised_on"].len() - attempts["promised_on"].null_count(),
        "operators": sorted(set(attempts["operator"].to_list()) - {""}),
        "files": {name: truth.file_truth(frame.height, bad[name][1]) for name, frame in files.items()},
        "after_payments": truth.after_payments(debts, payments),
        "headline": truth.headline(attempts, payments, *truth.period_of(as_of)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in files.items():
            write_frame(folder / name, frame, encoding.lower())
        (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as problem:
        raise InvalidInput(f"{folder} can't be written: {problem.strerror}.", hint="Choose another folder.") from problem
    return manifest
