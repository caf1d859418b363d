"""`callcenter serve`: the web process."""

from __future__ import annotations

from typing import Any

import typer

from callcenter.commands.runtime import open_stores
from callcenter.core.logging import configure_logging
from callcenter.core.settings import Settings, get_settings
from callcenter.supervise import require_free_port

GRACE_SECONDS = 3  # event streams never end by themselves


def serve(
    host: str = typer.Option(None, "--host", help="Address to listen on (CALLCENTER_HOST, else 127.0.0.1)."),
    port: int = typer.Option(None, "--port", min=1, max=65535, help="Port to listen on (CALLCENTER_PORT, else 8400)."),
) -> None:
    """Serves the console, the API and the carriers' webhooks."""
    import uvicorn

    settings = get_settings()
    host, port = host or settings.host, port or settings.port
    configure_logging(settings.log_level)
    require_free_port(host, port)
    with open_stores(redis=True) as opened:
        from callcenter.app import create_app

        uvicorn.run(create_app(opened), host=host, port=port, timeout_graceful_shutdown=GRACE_SECONDS, **server_options(opened))


def server_options(settings: Settings) -> dict[str, Any]:
    """What the server shows of itself (nothing), and whose word about addresses it takes: only the named proxy's."""
    return {
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxy),
        "forwarded_allow_ips": settings.trusted_proxy or None,
    }
