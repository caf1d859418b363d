"""A town whose people are all to get a message: for the benchmarks of batches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, text

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from campaigns.planning.service import create_campaign, set_status
from campaigns.planning.state import CampaignStatus

TOWN = """
INSERT INTO debtor (office_id, debtor_no, name)
  SELECT :office, lpad(n::text, 10, '0'), '見本 ' || translate(n::text, '0123456789', '零一二三四五六七八九')
  FROM generate_series(1, :people) n;
INSERT INTO debt (office_id, debtor_id, tax_code, levy_year, base_year, term, notice_no, due_on, outstanding, demand_sent_on)
SELECT :office, id, '10', 2026, 2026, 1, id::text, date '2026-08-31', 1000 + id % 5000, date '2026-09-20' FROM debtor;
INSERT INTO phone_number (office_id, debtor_id, position, original, e164, line_type, status)
SELECT :office, id, 1, '', '+8190' || lpad(id::text, 8, '0'), 'mobile', 'unverified' FROM debtor;
INSERT INTO attempt (office_id, debtor_id, channel, state, source, began_at, handed_over_at, line_result, party)
SELECT :office, id, 'operator_call', 'closed', 'live', m.at, m.at, 'no_answer', 'nobody'
FROM debtor CROSS JOIN LATERAL (SELECT CAST(:now AS timestamptz) - (20 + id % 30) * interval '1 day' AS at) m WHERE id % 2 = 0
"""
ASSIGN = """
INSERT INTO channel_assignment (office_id, campaign_id, debtor_id, channel, reason_codes, rule_code, rule_set_id, as_of, assigned_at)
SELECT :office, :campaign, id, 'sms', ARRAY['bench'], 'bench', :rules, :now, :now FROM debtor
"""


def settle(engine: Engine, people: int, now: datetime, *, is_training: bool = False) -> tuple[int, int]:
    """Makes the town and its running campaign, planned; returns the ids of office and campaign."""
    with transaction(None) as session:
        office = Office(code="bench", name="見本市", phone="+81300000001", is_training=is_training)
        session.add(office)
        session.flush()
        office_id = office.id
    with engine.begin() as connection:
        for statement in TOWN.split(";\n"):
            connection.execute(text(statement), {"office": office_id, "people": people, "now": now})
    with transaction(office_id) as session:
        campaign = create_campaign(session, "bench", now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        campaign.planned_as_of = now
        session.flush()
        values = {"office": office_id, "campaign": campaign.id, "rules": campaign.rule_set_id, "now": now}
        session.execute(text(ASSIGN), values)
        campaign_id = campaign.id
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return office_id, campaign_id
