"""Work done ahead in a thread of its own: the next part of a file is read and checked while the server still takes the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(parts: Iterable[T]) -> Iterator[T]:
    """The same parts in the same order, each made by another thread while the one before is used; what goes wrong there is raised here."""
    made, end = iter(parts), object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as other:
        waiting = other.submit(next, made, end)
        while (part := waiting.result()) is not end:
            waiting = other.submit(next, made, end)
            yield part  # type: ignore[misc]
