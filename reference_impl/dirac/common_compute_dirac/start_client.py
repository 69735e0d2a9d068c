"""Start client.py in DIRAC's own environment, where this package is not installed.

    PYTHON -P start_client.py SETTINGS     see client.py

The modules beside this one are found as what they are, a package. Its directory is not on the search path,
where their names would hide those of DIRAC's, nor is the one around it, which may hold a whole environment.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "common_compute_dirac"


def main() -> None:
    """Find the package, and be the client."""
    package = ModuleType(PACKAGE)
    package.__path__ = [str(Path(__file__).parent)]
    sys.modules[PACKAGE] = package
    from common_compute_dirac import client  # noqa: PLC0415  (it cannot be found before)

    client.main()


if __name__ == "__main__":
    main()
