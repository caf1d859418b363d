"""Locks in a test's own database: the server tells also those of its other databases, where the run's other workers test the same."""

from __future__ import annotations

HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
