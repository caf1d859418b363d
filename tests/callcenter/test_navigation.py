"""The navigation: groups at the top, the pages of a group in a row of their own."""

from __future__ import annotations

import pytest

from callcenter.auth.models import Role
from callcenter.auth.permissions import HOME
from callcenter.web.i18n import translator
from callcenter.web.pages import GROUPS, NAVIGATION, navigation


@pytest.mark.parametrize("role", list(Role))
def test_every_entry_has_its_words_and_home_is_one_of_them(role: Role) -> None:
    nav, _ = navigation(role, HOME[role])
    assert sum(entry["is_current"] for entry in nav) == 1
    for lang in ("ja", "en"):
        words = translator(lang)
        assert all(words(f"nav.{entry['name']}") for entry in nav)
    assert len(nav) <= 7


def test_a_group_shows_its_pages_and_the_deepest_one_is_current() -> None:
    nav, subnav = navigation(Role.SUPERVISOR, "/reports/collection/effect")
    assert [entry["name"] for entry in nav if entry["is_current"]] == ["figures"]
    assert [entry["name"] for entry in subnav] == [
        "report",
        "cross",
        "arms",
        "targets",
        "decisions",
        "forecast",
        "collection",
        "effect",
        "pack",
        "definitions",
        "opendata",
    ]
    assert [entry["name"] for entry in subnav if entry["is_current"]] == ["effect"]


def test_a_single_page_of_a_group_stands_for_it() -> None:
    nav, subnav = navigation(Role.ADMINISTRATOR, "/rules/4")
    assert [entry["name"] for entry in nav if entry["is_current"]] in (["rules"], ["planning"])
    assert all(entry["href"] for entry in subnav)


def test_groups_name_known_entries_once() -> None:
    named = [name for names in GROUPS.values() for name in names]
    assert len(named) == len(set(named))
    assert len({href for _, href, _ in NAVIGATION}) == len(NAVIGATION)
