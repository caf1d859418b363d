"""The command line: `callcenter` with one module per command under `callcenter.commands`."""

from __future__ import annotations

import sys

import typer

from callcenter.commands import (
    batch,
    campaign,
    charge,
    dial,
    imports,
    office,
    plan,
    processes,
    report,
    sample,
    serve,
    telephony,
    up,
    user,
    verify,
)
from callcenter.commands.runtime import guarded, say
from callcenter.core.logging import configure_logging

app = typer.Typer(
    name="callcenter",
    help="Outbound collection call center for municipal tax offices (電話催告システム).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(office.app, name="office")
app.add_typer(campaign.app, name="campaign")
app.command("import")(imports.import_command)
app.command("sample")(sample.sample)
app.command("plan")(plan.plan)
app.command("batch")(batch.batch)
app.command("explain")(plan.explain)
app.command("charge")(charge.charge)
app.add_typer(user.app, name="user")
app.command("report")(report.report)
app.command("verify")(verify.verify)
app.command("up")(up.up)
app.command("serve")(serve.serve)
app.add_typer(telephony.app, name="telephony")
app.command("migrate")(office.migrate)
app.command("work")(processes.work)
app.command("dial")(dial.dial)
app.command("schedule")(processes.schedule)


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status: 0 done, 1 failed, 2 wrong use, 3 done with rejected rows."""

    def action() -> int:
        try:
            app(args=arguments)
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
