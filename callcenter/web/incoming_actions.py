"""What an operator does with a caller nobody knows yet: finds out who it is, or ends the call."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Form as Field
from starlette.requests import Request
from starlette.responses import Response

from callcenter.web.dependencies import Tx
from callcenter.web.operator_actions import Action, act
from callcenter.web.operator_incoming import current, find
from callcenter.web.operator_pages import Operator
from callcenter.web.pages import fragment
from dialer.inbound import service as inbound

router = APIRouter(prefix="/console/incoming")


@router.post("/person")
def find_caller(
    request: Request,
    session: Tx,
    who: Operator,
    done: Action,
    name: Annotated[str, Field(max_length=200)] = "",
    birth: Annotated[str, Field(max_length=40)] = "",
) -> Response:
    """Who calls, by what they say; where nobody agrees the screen stays as it is."""
    found: list[bool] = []
    answer = act(request, session, who, done, lambda session, who, now: found.append(find(session, who, now, name, birth)))
    return answer if all(found) else fragment(request, "operator/incoming_nobody.html", 422)


@router.post("/hangup")
def hang_up_caller(request: Request, session: Tx, who: Operator, done: Action) -> Response:
    """Ends the call; it stays on the list."""
    return act(request, session, who, done, lambda session, who, now: inbound.request_hang_up(session, current(session, who), now))
