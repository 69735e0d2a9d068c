"""The pages that people wrote: taken over as they are, their links led to where things are on the site."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from posixpath import dirname, normpath

from common_compute_website import places
from common_compute_website.markdown import link, outside_code

_LINK = re.compile(r"(?<!\[)`[^`]+`|(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
"""A link, or code, in which there are none."""
_TITLE = re.compile(r"^# .*$", re.MULTILINE)


class BrokenLink(Exception):
    """A page leads to what is not there."""


def take_over(target: Path) -> None:
    """Write the pages of `docs/` and the decisions below a directory, and what they link to."""
    for source, page in places.WRITTEN.items():
        text = (places.ROOT / source).read_text(encoding="utf-8")
        write(target, page, with_links(text, source, page, target))
    write(target, places.DECISIONS_PAGE, _decisions(target))


def write(target: Path, page: str, text: str) -> None:
    """Write a page below a directory."""
    file = target / page
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def with_links(text: str, source: str, page: str, target: Path) -> str:
    """Lead a page's links to pages, else to copies of files; a link to a folder is its text alone.

    Raises:
        BrokenLink: what a link names is not there.
    """

    def led(found: re.Match[str]) -> str:
        words, to = found[1], found[2]
        if to is None:
            return found[0]
        if to.startswith(("https:", "http:", "#", "mailto:")):
            return found[0]
        path, _, anchor = to.partition("#")
        named = normpath(f"{dirname(source)}/{path}".lstrip("/"))
        there = places.ROOT / named
        if not there.exists():
            raise BrokenLink(f"{source} links to {to}, and there is no {named}")
        if (on_site := places.page_of(named)) is not None:
            goal = f"{on_site.partition('#')[0]}#{anchor}" if anchor else on_site
            return f"[{words}]({link(page, goal)})"
        if there.is_dir():
            return words
        return f"[{words}]({link(page, copied(there, target))})"

    return outside_code(text, lambda part: _LINK.sub(led, part))


def copied(file: Path, target: Path) -> str:
    """Put a file of the repository beside the pages, and give its address."""
    named = f"files/{file.relative_to(places.ROOT).as_posix()}"
    if file.suffix in (".py", ".md", ".sh"):
        named += ".txt"  # which browsers show and do not run or save
    (target / named).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target / named)
    return named


def _decisions(target: Path) -> str:
    parts = [
        "# Decisions\n",
        "The choices that cost an argument: what was decided, and what follows from it.\n",
    ]
    for record in places.decision_records():
        source = record.relative_to(places.ROOT).as_posix()
        text = with_links(record.read_text(encoding="utf-8"), source, places.DECISIONS_PAGE, target)
        text = outside_code(text, lambda part: re.sub(r"^(#+ )", r"#\1", part, flags=re.MULTILINE))
        head, _, rest = text.partition("\n")
        parts.append(f"{head} {{#{places.decision_anchor(record)}}}\n{rest}")
    return "\n".join(parts)
