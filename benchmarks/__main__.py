"""`make bench`: every figure as a ratio against a named peer or limit.

    python -m benchmarks [--full] [--json] [NAME ...]
    python -m benchmarks amd --recordings FOLDER [--keep]

Each module has `run(quick)`, which measures alternately with its peer, asserts that both did the same, and returns its figures. Absolute
times wander on shared machines; only the ratios of one run are to be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

FIGURES = {
    "import_rows": "import of a list / COPY of the same file",
    "plan_debtors": "planning / bare INSERT … SELECT CASE",
    "search_debtors": "searching debtors, p95 / 100 ms",
    "report_headline": "headline report / raw GROUP BY",
    "report_pages": "each page of the reports, p95 / 100 ms; a day of 100,000 attempts made into facts / the bare GROUP BY",
    "operator_screen": "the operator's screen at 50 operators: p99 / a bare route with one SELECT; answer to paint / 200 ms",
    "live_board": "an open board: ms of database a second and viewer / 5 ms",
    "gate": "the gate in sets / its facts query alone; one decision / a row by its key",
    "batch_prepare": "preparing a batch / bare INSERT … SELECT of the same bytes",
    "sms_handover": "messages handed over / what the provider permits; with the limit off / the provider alone",
    "best_hour": "whom to call in which hour / chance and an oracle",
    "pacing": "predictive pacing in simulated shifts / a plain newsvendor reference",
    "status_callbacks": "status callbacks into one web process / a bare route with one INSERT",
    "amd": "people taken for machines / people, and machines missed / machines, on generated greetings or on recordings",
    "originate": "originate through the carrier / bare AMI",
    "dialer_rate": "the whole dialer at 100 calls a second, and at 20 with prompt and key / the bare AMI client",
    "recovery": "operators free after each fault of a shift / 5 s; people tried in vain in a minute of 503",
    "answer_bridge": "answer to operator joined, with the database / a bare line of dialplan",
}


def lines(figures: dict[str, Any], indent: str = "  ") -> list[str]:
    """The figures of one benchmark, a line each."""
    out = []
    for name, value in figures.items():
        if isinstance(value, dict):
            out += [f"{indent}{name}:", *lines(value, indent + "  ")]
        else:
            out.append(f"{indent}{name}: {value:.3f}" if isinstance(value, float) else f"{indent}{name}: {value}")
    return out


def main() -> int:
    """Runs the benchmarks named, or all; 1 when one could not be run."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    options.add_argument("--full", action="store_true", help="the sizes of the targets instead of a minute's worth")
    options.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options.add_argument(
        "--recordings", type=Path, metavar="FOLDER", help="amd: WAV files person-* and machine-* instead of generated greetings"
    )
    options.add_argument(
        "--keep", action="store_true", help="amd: with --recordings, keep the result for the page of scripts (data folder)"
    )
    given = options.parse_args()
    if unknown := set(given.names) - FIGURES.keys():
        options.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    if given.recordings and given.names != ["amd"]:
        options.error("--recordings FOLDER goes with amd alone")
    if given.keep and not given.recordings:
        options.error("--keep goes with --recordings")
    more = {"recordings": given.recordings, "keep": given.keep} if given.recordings else {}
    results: dict[str, Any] = {}
    failed = False
    for name in given.names or FIGURES:
        began = time.monotonic()
        print(f"{name}: {FIGURES[name]} …", file=sys.stderr)
        try:
            results[name] = import_module(f"benchmarks.{name}").run(quick=not given.full, **more)
        except (RuntimeError, OSError) as problem:
            failed = True
            results[name] = {"not_run": str(problem)}
        if not given.json:
            print("\n".join([f"{name}  ({time.monotonic() - began:.0f} s)", *lines(results[name])]))
    if given.json:
        print(json.dumps(results, ensure_ascii=False))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
