"""The command line: `callcenter` with one module per command under `callcenter.commands`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

import typer

from callcenter.commands.runtime import guarded, say
from callcenter.core.logging import configure_logging

GROUPS = (
    "office",
    "layout",
    "campaign",
    "batch",
    "debtor",
    "rules",
    "script",
    "template",
    "sender",
    "inbox",
    "user",
    "visits",
    "telephony",
    "recordings",
    "audit",
)
COMMANDS = {
    "import": "imports:import_command",
    "sample": "sample:sample",
    "plan": "plan:plan",
    "explain": "plan:explain",
    "charge": "charge:charge",
    "report": "report:report",
    "verify": "verify:verify",
    "setup": "setup:setup",
    "up": "up:up",
    "serve": "serve:serve",
    "migrate": "office:migrate",
    "work": "processes:work",
    "dial": "dial:dial",
    "schedule": "processes:schedule",
}


def build(names: Iterable[str]) -> typer.Typer:
    """The command line with the named commands and groups; only their modules are imported."""
    app = typer.Typer(
        name="callcenter",
        help="Outbound collection call center for municipal tax offices (電話催告システム).",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # a single command keeps its name
    for name in names:
        if name in GROUPS:
            app.add_typer(import_module(f"callcenter.commands.{name}").app, name=name)
        else:
            module, _, function = COMMANDS[name].partition(":")
            app.command(name)(getattr(import_module(f"callcenter.commands.{module}"), function))
    return app


def wanted(arguments: list[str]) -> list[str]:
    """The commands to build: the one that is called, since importing all takes seconds; all of them for help and mistakes."""
    every = [*GROUPS, *COMMANDS]
    return [arguments[0]] if arguments and arguments[0] in every else every


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 1 failed, 2 wrong use, 3 done with rejected rows."""

    words = sys.argv[1:] if arguments is None else arguments

    def action() -> int:
        try:
            build(wanted(words))(args=words)
        except SystemExit as done:
            return done.code if isinstance(done.code, int) else int(done.code is not None)
        return 0

    return guarded(action)


def main() -> None:
    """Entry point of the `callcenter` program."""
    configure_logging("WARNING")  # unconfigured, structlog would write into the JSON on standard output
    try:
        status = run()
    except OSError as problem:
        say(f"error: {problem.strerror or problem}: {problem.filename or ''}".rstrip(": "))
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
