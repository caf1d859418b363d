"""Structured logs on standard error, without names, phone numbers or amounts."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

FORBIDDEN_KEYS = frozenset({"name", "name_kana", "address", "phone", "number", "amount", "body", "birth_date", "note", "password"})


def drop_personal(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces values under keys that hold personal data: a second fence behind not logging them."""
    for key in FORBIDDEN_KEYS & event.keys():
        event[key] = "***"
    return event


def configure_logging(level: str = "INFO", *, as_json: bool = False) -> None:
    """Sets structlog up once per process; messages go to standard error."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_personal,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
