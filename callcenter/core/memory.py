"""Memory that is free inside the process, given back to the machine."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any


@lru_cache
def _trim() -> Any:
    """`malloc_trim` of the GNU C library (malloc_trim(3)); None where there is another one."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Returns what is free: each thread that ever needed much would keep it for itself otherwise, for as long as the process lives."""
    if (trim := _trim()) is not None:
        trim(0)
