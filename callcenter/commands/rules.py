"""`callcenter rules list|show|check|add|edit|export|diff|try|propose|return|activate|discard|four-eyes`: rule sets as files, in versions.

A version is named `NAME` (the active one, else the newest) or `NAME@3`. Who proposes and activates is told by `--user`: the sign-in name
of a supervisor; whoever edited a version last does not activate it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from sqlalchemy.orm import Session

from callcenter.auth import audit
from callcenter.auth.models import Role, User
from callcenter.auth.service import find_user
from callcenter.commands.moments import local_text, read_moment
from callcenter.commands.rule_lines import change_of, diff_lines, line_of, problem_line, problem_of, text_of, trial_lines
from callcenter.commands.runtime import EXIT_FAILED, open_office, put, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput, NotAllowed
from callcenter.core.settings import get_settings
from campaigns.planning import trials, versions
from campaigns.planning.models import RuleSet, RuleTrial
from campaigns.segmentation.comparing import compare
from campaigns.segmentation.documents import check_document, read_rule_set
from campaigns.segmentation.sentences import experiment_words, rule_words
from dialer.ivr.service import script_codes

app = typer.Typer(help="Rule sets (振り分けの規則): who is contacted how.", no_args_is_help=True)
JSON = typer.Option(False, "--json", help="One JSON document.")
USER = typer.Option(..., "--user", help="Sign-in name of the supervisor who does it.")
REASON = typer.Option(..., "--reason", help="Why; it stays on record.")
ADDRESS = "command line"
MAX_BYTES = 5_000_000


@app.command("list")
def list_(as_json: bool = JSON) -> None:
    """Lists all versions, by name, the newest first."""
    with open_office() as office, transaction(office.id) as session:
        rows = [line_of(row) for row in versions.list_versions(session)]
    put(rows, as_json_document=as_json, lines=lambda: [text_of(row) for row in rows] or ["(none)"])


@app.command("show")
def show(rule_set: str = typer.Argument(help="NAME or NAME@VERSION."), as_json: bool = JSON) -> None:
    """Shows a version: its rules in words, or with --json its document."""
    lang = get_settings().lang
    with open_office() as office, transaction(office.id) as session:
        row = _find(session, rule_set)
        line, document = line_of(row), row.document
    told = read_rule_set(document)
    lines = [f"{n}\t{rule.code}\t{rule_words(rule, lang)}" for n, rule in enumerate(told.rules, 1)]
    lines += [f"  {words}" for words in experiment_words(told.experiment, lang)]
    put(line | {"document": document}, as_json_document=as_json, lines=lambda: [text_of(line), *lines])


@app.command("check")
def check(file: str = typer.Argument(help="JSON file; - for standard input."), as_json: bool = JSON) -> None:
    """Tells every mistake of a rule set with its position; needs no database."""
    problems = check_document(_read(file))
    lang = get_settings().lang
    document = {"file": file, "is_valid": not problems, "problems": [problem_of(problem, lang) for problem in problems]}
    put(document, as_json_document=as_json, lines=lambda: [problem_line(problem, lang) for problem in problems] or ["OK"])
    if problems:
        raise typer.Exit(EXIT_FAILED)


@app.command("add")
def add(
    file: str = typer.Argument(help="JSON file; - for standard input."),
    name: str = typer.Option("standard", "--name", help="Name of the rule set; the file becomes its next version, a draft."),
    user: str = USER,
    as_json: bool = JSON,
) -> None:
    """Stores a file as a new draft."""
    rule_set, now = read_rule_set(_read(file)), utc_now()
    with open_office(create=True) as office, transaction(office.id) as session:
        who = _supervisor(session, user)
        row = versions.store_draft(session, name, rule_set, now, user_id=who.id)
        _note(session, "rules.drafted", row, who)
        line = line_of(row)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("edit")
def edit(
    rule_set: str = typer.Argument(help="NAME@VERSION of a draft."),
    file: str = typer.Argument(help="JSON file; - for standard input."),
    revision: int = typer.Option(0, "--revision", help="Refuse when the draft has been edited since this revision."),
    user: str = USER,
    as_json: bool = JSON,
) -> None:
    """Replaces the rules of a draft by those of a file."""
    told, now = read_rule_set(_read(file)), utc_now()
    with open_office() as office, transaction(office.id) as session:
        who, row = _supervisor(session, user), _find(session, rule_set)
        row = versions.edit(session, row.id, revision or row.revision, told, now, user_id=who.id)
        _note(session, "rules.edited", row, who)
        line = line_of(row)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("export")
def export(
    rule_set: str = typer.Argument(help="NAME or NAME@VERSION."),
    output: Path | None = typer.Option(None, "--output", help="File to write; default: standard output."),
) -> None:
    """Writes a version's document, as `add` reads it."""
    with open_office() as office, transaction(office.id) as session:
        document = _find(session, rule_set).document
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


@app.command("diff")
def diff(
    before: str = typer.Argument(help="NAME or NAME@VERSION."),
    after: str = typer.Argument(help="NAME or NAME@VERSION."),
    as_json: bool = JSON,
) -> None:
    """Compares two versions rule by rule."""
    lang = get_settings().lang
    with open_office() as office, transaction(office.id) as session:
        old, new = _find(session, before), _find(session, after)
        told = compare(read_rule_set(old.document), read_rule_set(new.document))
        names = [f"{row.name}@{row.version}" for row in (old, new)]
    changes = [change_of(change, lang) for change in told.changes]
    document = {
        "before": names[0],
        "after": names[1],
        "is_same": told.is_same,
        "changes": changes,
        "is_experiment_changed": told.is_experiment_changed,
        "moved_places_of_1000": told.moved_places,
    }
    put(
        document,
        as_json_document=as_json,
        lines=lambda: [line for change in told.changes for line in diff_lines(change, lang)] or ["(same)"],
    )


@app.command("try")
def try_(
    rule_set: str = typer.Argument(help="NAME or NAME@VERSION."),
    as_of: str = typer.Option("", "--as-of", help="Date or timestamp whose facts count; default: now."),
    as_json: bool = JSON,
) -> None:
    """Counts what a version would do beside the active one; nothing changes."""
    moment, lang = read_moment(as_of), get_settings().lang
    with open_office() as office:
        with transaction(office.id) as session:
            row = _find(session, rule_set)
            trial_id = trials.request(session, row, moment, user_id=None).id
        with typer.progressbar(length=100, label=f"{row.name}@{row.version}", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            trials.run(office.id, trial_id, utc_now(), tell=lambda percent: bar.update(percent - bar.pos))
        with transaction(office.id) as session:
            trial = session.get_one(RuleTrial, (office.id, trial_id))
            if trial.state != "done":
                raise InvalidInput(trial.error or "The dry run failed.")
            result = trial.result
    told = {name: value for name, value in result.items() if name != "examples"}
    document = {"rule_set": row.name, "version": row.version, "as_of": local_text(moment), **told}
    put(document, as_json_document=as_json, lines=lambda: trial_lines(result, lang))


@app.command("propose")
def propose(rule_set: str = typer.Argument(help="NAME@VERSION of a draft."), user: str = USER, as_json: bool = JSON) -> None:
    """Hands a draft over for activation by another supervisor."""
    with open_office() as office, transaction(office.id) as session:
        who, row = _supervisor(session, user), _find(session, rule_set)
        row = versions.propose(session, row.id, utc_now(), user_id=who.id, scripts=script_codes(session))
        _note(session, "rules.proposed", row, who)
        line = line_of(row)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("return")
def return_(
    rule_set: str = typer.Argument(help="NAME@VERSION of a proposal."), reason: str = REASON, user: str = USER, as_json: bool = JSON
) -> None:
    """Makes a proposal a draft again."""
    with open_office() as office, transaction(office.id) as session:
        who, row = _supervisor(session, user), _find(session, rule_set)
        row = versions.send_back(session, row.id, note=reason)
        _note(session, "rules.returned", row, who)
        line = line_of(row)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("activate")
def activate(
    rule_set: str = typer.Argument(help="NAME@VERSION of a proposal."), reason: str = REASON, user: str = USER, as_json: bool = JSON
) -> None:
    """Makes a proposal the version that campaigns follow from their next plan on."""
    with open_office() as office, transaction(office.id) as session:
        who, row = _supervisor(session, user), _find(session, rule_set)
        following = [campaign.name for campaign in versions.activate(session, row.id, utc_now(), user_id=who.id, note=reason)]
        _note(session, "rules.activated", row, who)
        line = line_of(row) | {"campaigns": following}
    put(line, as_json_document=as_json, lines=lambda: [text_of(line), *(f"  → {name}" for name in following)])


@app.command("discard")
def discard(rule_set: str = typer.Argument(help="NAME@VERSION of a draft or proposal."), user: str = USER, as_json: bool = JSON) -> None:
    """Gives up a draft or a proposal."""
    with open_office() as office, transaction(office.id) as session:
        who, row = _supervisor(session, user), _find(session, rule_set)
        row = versions.discard(session, row.id)
        _note(session, "rules.discarded", row, who)
        line = line_of(row)
    put(line, as_json_document=as_json, lines=lambda: [text_of(line)])


@app.command("four-eyes")
def four_eyes(
    setting: str = typer.Argument("", help="on: two people for each activation; off: one is enough; nothing: tell which."),
    as_json: bool = JSON,
) -> None:
    """Tells or sets whether activation needs a second person."""
    if setting not in ("", "on", "off"):
        usage_error(f"'{setting}' is neither on nor off.", "Expected on or off.")
    with open_office() as office, transaction(office.id) as session:
        if setting:
            versions.set_four_eyes(session, needed=setting == "on")
            audit.record(session, f"rules.four_eyes_{setting}", "office", office.id, None, ADDRESS, None, utc_now())
        document = {"four_eyes": versions.needs_four_eyes(session)}
    put(document, as_json_document=as_json, lines=lambda: ["on" if document["four_eyes"] else "off"])


def _read(file: str) -> object:
    try:
        text = sys.stdin.read(MAX_BYTES) if file == "-" else Path(file).read_bytes()[:MAX_BYTES].decode("utf-8-sig")
        return json.loads(text)
    except OSError as problem:
        raise InvalidInput(f"{file}: the file can't be read ({problem.strerror}).", hint="Check the path.") from problem
    except UnicodeDecodeError as problem:
        raise InvalidInput(f"{file}: byte {problem.start} is no UTF-8.", hint="Save it as UTF-8.") from problem
    except (json.JSONDecodeError, RecursionError) as problem:
        where = f"line {problem.lineno}, column {problem.colno}: " if isinstance(problem, json.JSONDecodeError) else ""
        raise InvalidInput(f"{file}: {where}no JSON.", hint="`callcenter rules export` writes a file that can be edited.") from problem


def _find(session: Session, reference: str) -> RuleSet:
    name, at, number = reference.rpartition("@")
    if not at:
        return versions.find_version(session, reference)
    if not number.isdigit() or len(number) > 9:
        usage_error(f"'{reference}' names no version.", "Expected NAME or NAME@3.")
    return versions.find_version(session, name, int(number))


def _supervisor(session: Session, name: str) -> User:
    user = find_user(session, name)
    if user.role != Role.SUPERVISOR or not user.is_enabled:
        raise NotAllowed(f"'{name}' may not do that.", hint="Rule sets are for supervisors with an open account.")
    return user


def _note(session: Session, action: str, row: RuleSet, who: User) -> None:
    audit.record(session, action, "rule_set", row.id, who.id, ADDRESS, {"version": row.version, "revision": row.revision}, utc_now())
