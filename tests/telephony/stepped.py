"""The dialer process with a clock that can be set: `python -m tests.telephony.stepped dial …` is `callcenter dial …` by another clock.

A test can't set the machine's clock. `SteppedClock` reads from a file by how much it is ahead; the process is made to take its time from it
before anything of the product is imported.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

OFFSET = "CALLCENTER_TEST_CLOCK"


class SteppedClock:
    """The machine's clock and an offset that anybody may set."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def offset(self) -> timedelta:
        """By how much it is ahead."""
        return timedelta(seconds=float(self._file.read_text("ascii"))) if self._file.exists() else timedelta(0)

    def set(self, offset: timedelta) -> None:
        """From here on it is so much ahead, in every process that reads the file."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset.total_seconds()!r}", "ascii")
        new.replace(self._file)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def elapsed(self) -> float:
        return time.monotonic()


def main() -> None:
    """Runs the command line."""
    from callcenter.core import clock

    stepped = SteppedClock(Path(os.environ[OFFSET]))
    with patch.object(clock.SystemClock, "now", lambda _self: stepped.now()), patch.object(clock, "utc_now", stepped.now):
        from callcenter.cli import main as run

        sys.argv[0] = "callcenter"
        run()


if __name__ == "__main__":
    main()
