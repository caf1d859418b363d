"""The command line: `callcenter` with one module per command under `callcenter.commands`.

Importing them all takes seconds: only the module of the command that is called is imported; help and mistakes are told from `SUMMARIES`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

import typer

from callcenter.commands.runtime import guarded, say, uncollected
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
SUMMARIES = {
    "import": "Imports a file of the core system; ends with 3 when rows were rejected.",
    "sample": "Writes realistic files about a city that does not exist: no real person's data.",
    "plan": "Assigns a channel and a reason to every listed debtor, and queues the operators' calls.",
    "explain": "Tells why this debtor is, or is not, contacted by which channel when.",
    "charge": "Computes the late charge (延滞金) of one instalment as of a day of payment, with its working.",
    "report": "Counts the figures of a period, by the office's days; `rebuild` counts the days' facts behind them anew.",
    "verify": "Checks the database's invariants, of the schema and of every office; ends with 1 when one is broken and names the rows.",
    "setup": "Makes the first office and its first administrator, once; the password is made here and shown once.",
    "up": "Starts everything: stores, web, workers, schedule, dialer. Ctrl-C stops all of it.",
    "serve": "Serves the console, the API and the carriers' webhooks.",
    "migrate": "Brings the schema up to date.",
    "work": "Runs the jobs of one queue.",
    "dial": "Places calls for the running campaigns until it is stopped, or simulates whole days.",
    "schedule": "Starts the periodic jobs; one process per installation, further ones wait.",
    "office": "Offices (自治体) of this installation.",
    "layout": "Layouts: how files of a core system are read.",
    "campaign": "Campaigns: runs through the list.",
    "batch": "The night's batches of messages and automated calls.",
    "debtor": "Taxpayers: found and shown.",
    "rules": "Rule sets (振り分けの規則): who is contacted how.",
    "script": "Robocall scripts: what an automated call says, and what each key means.",
    "template": "Wordings of text messages (文面).",
    "sender": "Ways to send text messages.",
    "inbox": "Reports and replies of providers, stored as they came.",
    "user": "Accounts (利用者) of an office.",
    "visits": "Visits at the door.",
    "telephony": "The connection to the telephone network.",
    "recordings": "Recorded conversations.",
    "audit": "The audit trail: sealed, exported, judged.",
}


def build(names: Iterable[str]) -> typer.Typer:
    """The command line with the named commands and groups; only their modules are imported."""
    app = _empty()
    for name in names:
        if name in GROUPS:
            app.add_typer(import_module(f"callcenter.commands.{name}").app, name=name)
        else:
            module, _, function = COMMANDS[name].partition(":")
            app.command(name)(getattr(import_module(f"callcenter.commands.{module}"), function))
    return app


def outline() -> typer.Typer:
    """The command line as help and mistakes show it: every name with its sentence, and nothing behind it."""
    app = _empty()
    for name, summary in SUMMARIES.items():
        app.command(name, help=summary)(lambda: None)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="callcenter",
        help="Outbound collection call center for municipal tax offices (電話催告システム).",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # a single command keeps its name
    return app


def wanted(arguments: list[str]) -> typer.Typer:
    """The command line of the one command that is called; for help and mistakes the outline."""
    return build(arguments[:1]) if arguments and arguments[0] in SUMMARIES else outline()


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 1 failed, 2 wrong use, 3 done with rejected rows."""

    words = sys.argv[1:] if arguments is None else arguments

    def action() -> int:
        with uncollected():
            command = wanted(words)
        try:
            command(args=words)
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
