"""Who gets alerts by e-mail, through the page."""

from __future__ import annotations

import re
from collections.abc import Callable

from callcenter.auth.models import Role
from tests.callcenter.conftest import Person

HERE = "/reports/targets/recipients"


def test_addresses_are_kept_and_taken_off_by_those_who_set_targets(person: Callable[..., Person]) -> None:
    client = person(Role.SUPERVISOR)
    assert "届け先はまだありません" in client.get("/reports/targets").text
    assert client.post(f"{HERE}/add", {"address": "kikaku@kakuu.example", "lang": "en"}).status_code == 303
    shown = client.get("/reports/targets").text
    assert "kikaku@kakuu.example" in shown
    assert client.post(f"{HERE}/add", {"address": "KIKAKU@kakuu.example"}).status_code == 409
    refused = client.post(f"{HERE}/add", {"address": "kikaku＠市"})
    assert refused.status_code == 422
    assert "メールアドレスとして読めません" in refused.text
    assert "kikaku＠市" in refused.text, "what was typed stays"
    found = re.search(rf'action="({HERE}/\d+/remove)"', shown)
    assert found is not None
    assert client.post(found[1]).status_code == 303
    assert client.post(found[1]).status_code == 404
    assert person(Role.AUDITOR).post(f"{HERE}/add", {"address": "a@kakuu.example"}).status_code == 403
    assert "届け先" not in person(Role.AUDITOR).get("/reports/targets").text
