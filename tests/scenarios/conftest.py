"""Scenarios that need a town get it in the test's own transaction."""

from __future__ import annotations

from tests.campaigns.conftest import town

__all__ = ["town"]
