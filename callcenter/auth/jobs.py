"""What the schedule runs for accounts and the audit trail."""

from __future__ import annotations

from callcenter.auth.sealing import heads_path, load_key, seal_office
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings


def seal_audit(office_id: int) -> None:
    """Seals the audit rows of the last minute."""
    data_dir = get_settings().data_dir
    key = load_key(data_dir)
    with transaction(office_id) as session:
        seal_office(session, key, utc_now(), heads=heads_path(data_dir, office_id))
