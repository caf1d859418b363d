"""A town in the test's own transaction."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.campaigns.town import Town


@pytest.fixture
def town(session: Session) -> Town:
    """Builders on the test's session."""
    return Town(session)
