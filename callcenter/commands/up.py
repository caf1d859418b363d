"""`callcenter up`: the whole system in one process tree."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import typer

from callcenter.commands.runtime import open_stores, say
from callcenter.core.embedded import embedded_stores
from callcenter.core.logging import configure_logging
from callcenter.core.settings import get_settings
from callcenter.supervise import Supervisor, lock_data, require_free_port, standard_children


def up(
    demo: bool = typer.Option(False, "--demo", help="Load a small made-up town at the first start."),
    port: int = typer.Option(None, "--port", min=1, max=65535, help="Where the console listens (default 8400)."),
    host: str = typer.Option(None, "--host", help="Address to listen on (default 127.0.0.1)."),
    data: Path = typer.Option(None, "--data", help="Data folder (default ./var)."),
) -> None:
    """Starts everything: stores, web, workers, schedule, dialer. Ctrl-C stops all of it."""
    for name, value in (("PORT", port), ("HOST", host), ("DATA", data)):
        if value is not None:
            os.environ[f"CALLCENTER_{name}"] = str(value)
    get_settings.cache_clear()
    settings = get_settings()
    os.environ["CALLCENTER_DATA"] = str(settings.data_dir)
    get_settings.cache_clear()
    configure_logging(settings.log_level)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor takes over: leave the stores in good order
    with lock_data(settings.data_dir):
        stores = embedded_stores(settings, redis=True)
        supervisor = Supervisor(standard_children(settings), settings.data_dir, stores)
        supervisor.end_leftovers()
        require_free_port(settings.host, settings.port)
        say("starting the stores …")
        with open_stores(redis=True) as opened, supervisor:
            supervisor.start(supervisor.children[0])  # takes its time to load, while the demo is prepared here
            url = f"http://{settings.host}:{settings.port}"
            sign_in = prepare(demo, url)
            supervisor.install_signals()
            if supervisor.wait_for_web(url, 60):
                say(f"\nready: {url}\n{sign_in}\nlogs: {opened.data_dir / 'log'}    stop: Ctrl-C")
            elif not supervisor.stopping.is_set():
                say(f"the console did not come up yet; see {opened.data_dir / 'log' / 'web.log'}")
            supervisor.run()
        say("stopped")


def prepare(demo: bool, url: str) -> str:
    """Makes the demo town where asked to, and returns how to sign in, or how to set up."""
    from callcenter.demo import ensure_demo, how_to_begin

    return ensure_demo(say) if demo else how_to_begin(url)
