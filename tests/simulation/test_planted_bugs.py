"""The checker sees: each planted bug is caught within a few seeds, by a rule that is about it."""

from __future__ import annotations

import psycopg
import pytest

from campaigns.compliance import versions
from tests.simulation.bugs import BUGS, planted
from tests.simulation.judging import judge

pytestmark = [pytest.mark.slow, pytest.mark.fault]
# The rule that must speak, and the seeds it may take.
CAUGHT_BY: dict[str, tuple[str, tuple[int, ...]]] = {
    "calls_placed_again_after_a_restart": ("everything_explained", (-1, -2)),
    "cap_off_by_one": ("caps_kept", (1, 2)),
    "event_on_the_wrong_call": ("outcomes_are_what_happened", (-1, -2)),
    "gap_ignored": ("gap_kept", (11, 12)),
    "gate_says_yes": ("nobody_forbidden", (1, 2)),
    "handed_over_before_commit": ("everything_explained", (-7, -5)),
    "lost_calls_stay_open": ("everything_ended", (-1, -2)),
    "new_connection_settles_nothing": ("operators_freed_after_a_fault", (-1, 2)),
    "operator_not_released": ("operators_freed", (-1, -2)),
    "opt_out_ignored": ("nobody_forbidden", (183, 1)),
    "originate_retried_after_timeout": ("everything_explained", (-1, -2)),
    "payment_does_not_stop_calls": ("nobody_forbidden", (100, 1)),
    "permission_never_ends": ("everything_explained", (-5, -4)),
    "second_hang_up_is_a_new_call": ("everything_ended", (1, 2)),
    "silent_trunk_dialled_on": ("silent_trunk_left_alone", (-9, -10)),
    "unknown_hand_over_taken_for_a_refusal": ("outcomes_are_what_happened", (-3, -1)),
    "wrong_time_zone": ("inside_the_window", (1, 2)),
}


def test_every_planted_bug_has_its_rule() -> None:
    assert set(CAUGHT_BY) == set(BUGS)


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_planted_bug_is_caught(eyes: psycopg.Connection, name: str) -> None:
    rule, seeds = CAUGHT_BY[name]
    seen: set[str] = set()
    with planted(name):
        for seed in seeds:
            seen |= {violation.rule for violation in judge(seed, eyes).violations}
            if rule in seen:
                return
    pytest.fail(f"{name} was not caught by {rule} within {len(seeds)} seeds, only by {seen}")


def test_a_planted_bug_leaves_no_contact_rules_behind(eyes: psycopg.Connection) -> None:
    """An office of another database has the same number and, for the same seed, the same rules: it would be called at 09:59:45."""
    before = dict(versions._known)  # of offices that other tests of this process made
    with planted("wrong_time_zone"):
        judge(1, eyes)
        assert versions._known
    assert versions._known == before
