"""The database of a simulation."""

from __future__ import annotations


def simulation_url(url: str) -> str:
    """The same database for one thread that plays everybody: who finds a row locked gives up, instead of waiting for himself."""
    return f"{url}?options=-c%20lock_timeout%3D15ms%20-c%20jit%3Doff"
