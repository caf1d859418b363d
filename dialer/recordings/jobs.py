"""What workers do with recordings: each job takes the office, and is harmless when it runs twice."""

from __future__ import annotations

import structlog

from callcenter.auth import audit
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from dialer.recordings.keeping import sweep_vault
from dialer.recordings.retention import CHUNK, forget_some

log = structlog.get_logger(__name__)


def forget_recordings(office_id: int) -> int:
    """Deletes recordings whose time is over, and files that outlived their rows; returns how many recordings went."""
    data_dir, count, removed = get_settings().data_dir, 0, CHUNK
    while removed == CHUNK:
        now = utc_now()
        with transaction(office_id) as session:
            removed = forget_some(session, data_dir, now)
            if removed:
                audit.record(session, "recording.expired", "recording", None, None, "", {"count": removed}, now)
        count += removed
    with transaction(office_id) as session:
        swept = sweep_vault(session, data_dir)
    if count or swept:
        log.info("recordings_forgotten", office_id=office_id, count=count, files=swept)
    return count
