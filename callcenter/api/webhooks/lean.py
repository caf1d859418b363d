"""Routes for what comes hundreds of times a second: the endpoint takes the request as it is and answers itself.

Nothing is declared, so nothing is resolved, read as a form or turned into JSON before or after it; the size limit, the security headers and
the answers to errors are those of every route.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class LeanRoute(APIRoute):
    """A route whose endpoint is `async def hear(request) -> Response`; parts of the path are in `request.path_params`, as text."""

    def get_route_handler(self) -> Endpoint:
        """The endpoint itself. A request that it took leaves no line of its own in the log: those who keep reports count them."""
        endpoint = cast(Endpoint, self.endpoint)

        async def handle(request: Request) -> Response:
            answer = await endpoint(request)
            request.state.is_counted_elsewhere = answer.status_code < 400
            return answer

        return handle
