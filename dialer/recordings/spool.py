"""The carrier's spool: the only place where a conversation is in the clear, in memory (tmpfs)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpoolFiles:
    """Both directions of a recording in the spool."""

    debtor: Path
    operator: Path

    @classmethod
    def of(cls, spool: Path, name: str) -> SpoolFiles:
        """Those of the recording `name`."""
        return cls(spool / f"{name}-in.sln", spool / f"{name}-out.sln")

    @property
    def both(self) -> tuple[Path, Path]:
        """The two paths."""
        return self.debtor, self.operator

    def sizes(self) -> tuple[int, ...]:
        """Bytes of the files that are there."""
        return tuple(path.stat().st_size for path in self.both if path.exists())

    def is_still(self, seconds: float) -> bool:
        """Whether nothing has been written to them for so long."""
        return all(time.time() - path.stat().st_mtime >= seconds for path in self.both if path.exists())

    def remove(self) -> None:
        """Takes them out of the spool."""
        for path in self.both:
            path.unlink(missing_ok=True)


def make_spool(spool: Path) -> None:
    """The spool, for this user and group only: Asterisk's user belongs to the group, or the other way round."""
    spool.mkdir(parents=True, exist_ok=True, mode=0o770)
