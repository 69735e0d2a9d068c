"""Beside the others: their features side by side, and what is lost on the way to three of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from common_compute_website import contract
from common_compute_website.markdown import cell, table

PAGE = "peers/index.md"
_SIGNS = {"yes": "✓", "partly": "~", "no": "-"}


@cache
def facts() -> dict[str, Any]:
    """Read what the other specifications say."""
    return dict(yaml.safe_load(Path(__file__).with_name("peers.yaml").read_text(encoding="utf-8")))


def what_was_read() -> str:
    """Give the specifications with version and date."""
    rows = [
        (f"[{each['name']}]({each['at']})", str(each["version"]), each["read"])
        for each in facts()["peers"].values()
    ]
    return f"Looked at on {facts()['looked_at']}.\n\n" + table(
        ("interface", "version", "what was read"), rows
    )


def features() -> str:
    """Give the features side by side: a table of signs, whose words stand below it for each interface."""
    peers = facts()["peers"]
    heads = ("feature", "here", *(each["name"] for each in peers.values()))
    rows = [
        (each["feature"], *(_sign(each[name]) for name in ("ours", *peers))) for each in facts()["features"]
    ]
    return f'<div class="features" markdown>\n\n{table(heads, rows)}\n</div>\n'


def better() -> str:
    """Give what each of them does better, and how far it goes with each feature, in words."""
    parts = []
    for name, peer in facts()["peers"].items():
        told = [
            f"- {each['feature']}: {_said(each[name])}"
            for each in facts()["features"]
            if isinstance(each[name], str) and "; " in each[name]
        ]
        parts.append(f"### {peer['name']} {{#{name}}}\n\n**Better there.** {facts()['better'][name]}\n")
        parts.append("\n".join(told) + "\n")
    return "\n".join(parts)


def mappings() -> str:
    """Give what stands for our members and operations at three others, and what is lost."""
    parts = []
    for name, rows in facts()["mappings"].items():
        peer = facts()["peers"][name]
        parts.append(f"### To {peer['name']} {peer['version']} {{#to-{name}}}\n")
        parts.append(
            table(
                ("here", "there", "lost on the way"),
                [
                    (
                        contract.linked(PAGE, ours) if ours in contract.operations() else f"`{ours}`",
                        cell(each.get("there", "nothing")),
                        cell(each.get("lost", "")),
                    )
                    for ours, each in rows.items()
                ],
            )
        )
    return "\n".join(parts)


def _sign(value: bool | str) -> str:
    verdict = _verdict(value)
    words = f'<span class="words"> {verdict}</span>'
    return f'<span class="sign sign-{verdict}" title="{verdict}">{_SIGNS[verdict]}{words}</span>'


def _verdict(value: bool | str) -> str:
    # YAML 1.1 reads a bare yes or no as a truth.
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.partition(";")[0]


def _said(value: bool | str) -> str:
    verdict, _, words = str(value).partition("; ")
    return f"{verdict}, {words}" if words else _verdict(value)
