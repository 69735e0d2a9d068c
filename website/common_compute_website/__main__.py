"""Build the site of the proposal: `python -m common_compute_website OUT`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from common_compute_website.build import build


def main() -> int:
    """Build, and say where."""
    arguments = argparse.ArgumentParser(prog="common_compute_website", description=__doc__)
    arguments.add_argument("out", type=Path, help="the folder of the site, whose present content goes")
    out = arguments.parse_args().out.resolve()
    with tempfile.TemporaryDirectory(prefix="common-compute-website-") as room:
        build(out, Path(room))
    sys.stdout.write(f"{len(list(out.glob('**/*.html')))} pages: {out / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
