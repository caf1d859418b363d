"""An importing process that ends, or waits, at a named point: `python -m tests.faults.importing OFFICE IMPORT POINT NUMBER ACTION FLAG`.

POINT is a step the import tells (read, debtors, phones, debts, close, save, rehearsed), NUMBER which of its tellings. ACTION is `die`
(SIGKILL to this process), `kill` (SIGKILL to the server's process that imports for us) or `wait` (until the file FLAG is gone).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import text

import callcenter.tables  # noqa: F401 - all tables are known, as in every process of ours
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.imports import reading
from campaigns.imports.service import run_import
from tests.faults.locks import HERE

PART_BYTES = 400  # a row or two


def backend(office_id: int) -> int:
    """The process number of the server's side of the import."""
    with transaction(office_id) as session:
        found = session.scalar(
            text(f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :office AND {HERE}"),
            {"office": office_id},
        )
    assert found is not None
    return int(found)


def main() -> None:
    """Imports and acts at the point."""
    office_id, import_id, number = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[4])
    point, action, flag = sys.argv[3], sys.argv[5], Path(sys.argv[6])
    told = 0

    def tell(step: str, done: int, total: int) -> None:
        nonlocal told
        told += step == point
        if step != point or told != number:
            return
        flag.with_suffix(".hit").touch()
        if action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "kill":
            os.kill(backend(office_id), signal.SIGKILL)
        while action == "wait" and flag.exists():
            time.sleep(0.02)

    reading.PART_BYTES = PART_BYTES
    run_import(office_id, import_id, now=utc_now(), progress=tell)


if __name__ == "__main__":
    main()
