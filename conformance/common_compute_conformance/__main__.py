"""Certify a target from the command line, as `python -m common_compute_conformance URL`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from common_compute_conformance.budget import BUDGETS, QUICK
from common_compute_conformance.errors import ConformanceError
from common_compute_conformance.reporting.publication import write
from common_compute_conformance.reporting.report import report
from common_compute_conformance.runner import certify


def main(arguments: Sequence[str] | None = None) -> int:
    """Certify; return 0 for a certificate, 1 for none, 2 if nothing answers or the arguments are wrong."""
    options = _parser().parse_args(arguments)
    # Also where a shell has started this in the background, with SIGINT ignored: nothing may be left behind.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        certificate = certify(
            options.url,
            token=options.token,
            other_token=options.other_token,
            facility=options.facility,
            only=options.only,
            classes=options.classes,
            strict=options.strict,
            seed=options.seed,
            budget=options.budget,
            fail_fast=options.fail_fast,
            patience=options.patience,
        )
    except ConformanceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; what was made at the target has been released.\n")
        return 130
    if options.out is not None:
        write(certificate, options.out)
    if options.json:
        sys.stdout.write(json.dumps(certificate.document(), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(report(certificate))
    return certificate.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m common_compute_conformance", description=__doc__)
    parser.add_argument("url", help="the target's base URL, such as http://localhost:8080/v1")
    parser.add_argument("--token", help="a bearer token of the caller")
    parser.add_argument("--other-token", help="a bearer token of a second caller, for the class access")
    parser.add_argument(
        "--facility", metavar="ID", help="the facility to run jobs at; the first one if not given"
    )
    parser.add_argument("--class", dest="classes", action="append", default=[], metavar="CLASS")
    parser.add_argument("--only", action="append", default=[], metavar="CC-AREA-NNN")
    parser.add_argument(
        "--strict", action="store_true", help="let requirements of level SHOULD decide as well"
    )
    parser.add_argument("--seed", type=int, help="repeat what another run drew")
    parser.add_argument(
        "--budget", choices=list(BUDGETS), default=QUICK.name, help="how many jobs, examples and repetitions"
    )
    parser.add_argument(
        "--fail-fast", action="store_true", help="let the first check that is red be the last"
    )
    parser.add_argument(
        "--patience", type=float, default=600.0, metavar="SECONDS", help="for the first job to end"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write certificate.json and junit.xml there")
    parser.add_argument("--json", action="store_true", help="print the certificate instead of the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
