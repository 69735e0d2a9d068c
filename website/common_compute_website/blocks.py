"""The blocks of code on a page: which there are, and whether data is what it says it is. Pure."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from dataclasses import dataclass

import yaml

RUN = ("bash", "python", "js")
READ = ("json", "yaml", "toml")
TEXT = "text"
LANGUAGES = (*RUN, *READ, TEXT)

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code; `line` is its first one on the page."""

    language: str
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """Give the blocks of a page in their order."""
    return [
        Block(
            found["language"].strip(), textwrap.dedent(found["text"]), page.count("\n", 0, found.start()) + 1
        )
        for found in _FENCE.finditer(page)
    ]


def fault_of(block: Block) -> str | None:
    """Say what is wrong with a block of data, or with the language of any block; None if nothing is."""
    if block.language not in LANGUAGES:
        return f"its language is {block.language!r}, and has to be one of {', '.join(LANGUAGES)}"
    try:
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)
    except (ValueError, yaml.YAMLError) as error:
        return str(error)
    return None
