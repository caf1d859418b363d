"""What the reports' tests share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from callcenter.auth.models import Office
from callcenter.core.db import transaction


@pytest.fixture
def new_office(clean_database: None) -> Callable[[], int]:
    """Makes an empty office each time it is called: examples of one test do not see each other's rows."""
    numbers = count(1)

    def make() -> int:
        with transaction(None) as session:
            office = Office(code=f"example-{next(numbers)}", name="例")
            session.add(office)
            session.flush()
            return office.id

    return make
