"""Data as Markdown. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from posixpath import relpath
from typing import Any

_CODE = re.compile(r"(`+[^`]+`+)")
_FENCE = re.compile(r"^( *)(`{3,})[^\n]*\n.*?^\1\2`*[ ]*$", re.DOTALL | re.MULTILINE)


def prose(text: object) -> str:
    """Give text in which only code in backticks means something, and no tag is one."""
    parts = _CODE.split(str(text))
    for at in range(0, len(parts), 2):
        escaped = parts[at].replace("&", "&amp;").replace("<", "&lt;")
        parts[at] = re.sub(r"([*_\[\]])", r"\\\1", escaped)
    return "".join(parts)


def cell(text: object) -> str:
    """Put Markdown on one line of a table; a bar in code is none between columns already."""
    parts = _CODE.split(" ".join(str(text).split()))
    parts[::2] = [part.replace("|", "&#124;") for part in parts[::2]]
    return "".join(parts)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Give a table of Markdown cells."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def fenced(language: str, text: str) -> str:
    """Give a block of code, whatever is in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def folded(title: str, content: str) -> str:
    """Give what opens when it is asked for."""
    quoted = title.replace('"', "&quot;")
    return f'??? example "{quoted}"\n\n' + indented(content) + "\n"


def indented(content: str) -> str:
    """Move lines four places in."""
    return "".join(f"    {line}\n" if line.strip() else "\n" for line in content.splitlines())


def json_text(value: Any) -> str:
    """Write JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def outside_code(text: str, change: Any) -> str:
    """Change what is no block of code."""
    done, at = [], 0
    for block in _FENCE.finditer(text):
        done += [change(text[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*done, change(text[at:])])


def link(from_page: str, to_page: str) -> str:
    """Give the address of a page as it is written on another one; both are below the root of the site."""
    path, _, anchor = to_page.partition("#")
    here = from_page.rpartition("/")[0] or "."
    return relpath(path, here) + (f"#{anchor}" if anchor else "")
