"""The latest few thousand ids of something, for a process that runs for months."""

from __future__ import annotations

from collections import OrderedDict


class Recent:
    """A set that forgets its oldest members beyond `most`; adding one again makes it young."""

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, one: object) -> bool:
        return one in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, one: str) -> None:
        """Remembers it."""
        self._ids[one] = None
        self._ids.move_to_end(one)
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)

    def discard(self, one: str) -> None:
        """Forgets it, if it is known."""
        self._ids.pop(one, None)
