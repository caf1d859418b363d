"""What the simulated network noted: the only witness beside the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

SWALLOWED = "swallowed"  # of an invitation: the trunk took it, and nothing becomes of it


@dataclass(frozen=True, slots=True)
class LogLine:
    """One thing that truly happened.

    Attributes:
        what: invited, invited_again, refused_503, ringing, answered, machine, joined, left_alone, abandoned, ended, leg_up,
            leg_down; and of the surroundings: carrier_down, carrier_up, killed, died, started, clock_stepped, held_up, begins,
            database_back.
        at: true time; machine_at: what the machine's clock said.
        detail: for ended the line's result, for killed and delayed the point, for died and started the node, for clock_stepped the seconds.
    """

    what: str
    at: datetime
    machine_at: datetime
    channel: str = ""
    number: str = ""
    detail: str = ""


@dataclass
class NetworkLog:
    """The lines in order."""

    lines: list[LogLine] = field(default_factory=list)

    def of(self, *what: str) -> Iterator[LogLine]:
        """Lines of some kinds."""
        return (line for line in self.lines if line.what in what)

    def told(self) -> list[str]:
        """The log with channels numbered as they came up, for comparing two runs of one seed."""
        names: dict[str, str] = {}
        out = []
        for line in self.lines:
            name = names.setdefault(line.channel, f"#{len(names)}") if line.channel else ""
            out.append(f"{line.at:%H:%M:%S.%f} {line.machine_at:%H:%M:%S.%f} {line.what} {name} {line.number} {line.detail}".rstrip())
        return out
