"""Fixtures of the telephony tests: the rig (a real Asterisk and SIPp) once per worker, and a connected carrier per test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialer.telephony.asterisk.carrier import AsteriskCarrier
from tests.telephony.listening import resync_of
from tests.telephony.rig import Rig, RigMissing, asterisk_root


@pytest.fixture(scope="session")
def rig_is_there() -> None:
    """Skips loudly, or fails where everything has to be there, when the rig's parts are missing."""
    try:
        asterisk_root()
    except RigMissing as missing:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"the Asterisk rig can't run: {missing}")
        pytest.skip(f"NOT RUN on a real Asterisk: {missing}")


@pytest.fixture(scope="session")
def rig(rig_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One Asterisk and one far end for all tests of a worker; each test uses numbers of its own."""
    with Rig(tmp_path_factory.mktemp("rig")) as standing:
        yield standing


@pytest.fixture
def own_rig(rig_is_there: None, tmp_path: Path) -> Iterator[Rig]:
    """An Asterisk of the test's own, to be killed."""
    with Rig(tmp_path) as standing:
        yield standing


@pytest.fixture
def carrier(rig: Rig) -> Iterator[AsteriskCarrier]:
    """A carrier connected to the shared rig; its first event, RESYNC, is taken off."""
    made = rig.carrier()
    made.connect()
    try:
        resync_of(made)
        yield made
    finally:
        made.close()
