"""Mend what the theme leaves: pages that ask another host, and controls without a name.

A browser starts no worker from a file on disk, and Material's search is one. Its offline plug-in loads a shim
for that from elsewhere; here the worker's own text stands in a script instead, from which a page starts it.
Two of Material's own parts have no name for those who hear a page: the search, and a section of the menu that
has a page of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

_SHIM = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"></script>')
_ELSEWHERE = re.compile(r'<(?:script|img|iframe|link)[^>]* (?:src|href)="https?://[^"]*"')
_SEARCH = re.compile(r'(<div class="md-search" data-md-component="search" role="dialog")>')
_SECTION = re.compile(
    r'aria-labelledby="__nav_\d+_label"(?P<more>[^>]*>\s*<label class="md-nav__title"[^>]*>'
    r'\s*<span class="md-nav__icon md-icon"></span>\s*(?P<title>[^<]*?)\s*</label>)'
)
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
    """Mend all pages of a built site.

    Raises:
        AsksElsewhere: a page still asks another host.
    """
    (worker,) = (site / "assets" / "javascripts" / "workers").glob("search.*.min.js")
    text = worker.read_text(encoding="utf-8").partition("//# sourceMappingURL")[0]
    (site / _FILE).write_text(_SCRIPT % json.dumps(text), encoding="utf-8")
    for page in site.glob("**/*.html"):
        before = page.read_text(encoding="utf-8")
        up = "../" * (len(page.relative_to(site).parts) - 1)
        after = mended(before, up)
        if found := _ELSEWHERE.search(after):
            raise AsksElsewhere(f"{page.relative_to(site)}: {found[0]}")
        if after != before:
            page.write_text(after, encoding="utf-8")


def mended(html: str, up: str) -> str:
    """Give a page mended; `up` leads from it to the root of the site."""
    html = _SHIM.sub(f'<script src="{up}{_FILE}"></script>', html)
    html = _SEARCH.sub(r'\1 aria-label="Search">', html)
    return _SECTION.sub(lambda found: f'aria-label="{found["title"]}"{found["more"]}', html)
