"""Operators at work, as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from callcenter.auth.permissions import Action
from callcenter.web.dependencies import SignedIn, Tx, may
from dialer.agents.queries import board

router = APIRouter(prefix="/api/v1/operators")


@router.get("")
def list_operators(session: Tx, who: Annotated[SignedIn, may(Action.SEE_BOARD)]) -> list[dict[str, Any]]:
    """Everybody signed in, with their state and since when."""
    return [
        {
            "user_id": line.user_id,
            "name": line.display_name,
            "state": line.state.value,
            "since": line.state_since,
            "pause_reason": line.pause_reason,
            "next_state": line.next_state,
            "is_leg_up": line.is_leg_up,
        }
        for line in board(session)
    ]
