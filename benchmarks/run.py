"""Measure, show the figures, and keep them: `make bench`."""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dirac_figures
import download_figures
import in_process_figures
import list_figures
import machine
import mock_figures
import mutant_figures
import plain_schemathesis
import report
import request_figures
import slurm_figures
import start_figures
import store_figures

HERE = Path(__file__).parent
_NAMES = [
    *("requests", "store", "list", "start", "mock", "in-process"),
    *("slurm", "slurm-arrays", "download", "dirac", "schemathesis", "mutants"),
]


def main() -> None:
    """Run the measurements that are asked for, and keep each under `results/` as soon as it is made."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every server is stopped then, too
    _install_prism()
    measurements = {
        "requests": lambda: request_figures.measure(arguments.rounds),
        "store": lambda: [store_figures.measure(arguments.rounds)],
        "list": lambda: [list_figures.measure(arguments.rounds)],
        "start": lambda: start_figures.measure(arguments.rounds),
        "mock": lambda: mock_figures.measure(arguments.rounds),
        "in-process": lambda: [in_process_figures.measure(arguments.rounds)],
        "slurm": lambda: slurm_figures.measure(arguments.rounds),
        "slurm-arrays": lambda: slurm_figures.measure_arrays(arguments.rounds),
        "download": lambda: [download_figures.measure(arguments.rounds)],
        "dirac": lambda: dirac_figures.measure(min(arguments.rounds, 3)),
        "schemathesis": lambda: plain_schemathesis.measure(arguments.sample),
        "mutants": lambda: mutant_figures.measure(arguments.rounds),
    }
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    described = machine.description()
    for name in arguments.only or measurements:
        print(f"Measuring: {name} ...", flush=True)
        sections = measurements[name]()
        print(report.tables_of(sections))
        page = report.keep(HERE / "results", date, described, name, sections)
        print(f"Kept in {page.relative_to(HERE.parent)}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is measured")
    parser.add_argument(
        "--sample",
        type=int,
        default=plain_schemathesis.MUTANTS,
        help="how many of the mutants plain schemathesis meets",
    )
    parser.add_argument("--only", action="append", choices=_NAMES, help="repeatable; all if not given")
    return parser.parse_args()


def _install_prism() -> None:
    if not shutil.which("npm"):
        raise SystemExit("The peer Prism needs node and npm: install them (Debian: apt install npm)")
    if not (HERE / "node_modules" / ".package-lock.json").is_file():  # which npm writes last
        subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)


if __name__ == "__main__":
    main()
