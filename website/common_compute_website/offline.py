"""Let the built site work without a network, also from a disk: nothing in it asks another host.

A browser starts no worker from a file on disk, and Material's search is one. Its offline plug-in loads a shim
for that from elsewhere; here the worker's own text stands in a script instead, from which a page starts it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

_SHIM = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"></script>')
_FILE = "assets/javascripts/worker-from-disk.js"
_SCRIPT = """\
(() => {
  if (location.protocol !== "file:") return;
  const text = %s;
  const FromNetwork = Worker;
  window.Worker = class extends FromNetwork {
    constructor() {
      super(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    }
  };
})();
"""


class AsksElsewhere(Exception):
    """A page would have a browser ask another host."""


def mend(site: Path) -> None:
    """Take out what asks other hosts.

    Raises:
        AsksElsewhere: something is left.
    """
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.min.js")
    text = worker.read_text(encoding="utf-8").partition("//# sourceMappingURL")[0]
    (site / _FILE).write_text(_SCRIPT % json.dumps(text), encoding="utf-8")
    for page in site.glob("**/*.html"):
        before = page.read_text(encoding="utf-8")
        up = "../" * (len(page.relative_to(site).parts) - 1)
        after = _SHIM.sub(f'<script src="{up}{_FILE}"></script>', before)
        if found := re.search(r'<(?:script|img|iframe|link)[^>]* (?:src|href)="https?://[^"]*"', after):
            raise AsksElsewhere(f"{page.relative_to(site)}: {found[0]}")
        if after != before:
            page.write_text(after, encoding="utf-8")
