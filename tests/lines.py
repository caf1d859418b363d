"""Files that somebody else is still writing to."""

from __future__ import annotations

from pathlib import Path


def whole_lines(log: Path) -> list[str]:
    """The lines of a log so far, none when there is no file.

    What follows the last line's end is left out: a reader may see one write in two parts, and who is killed leaves half a line.
    """
    return log.read_bytes().decode("utf-8", "ignore").split("\n")[:-1] if log.exists() else []
