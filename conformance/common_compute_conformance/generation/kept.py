"""Systematic requests, the same for every target, kept in the user's cache: to make them takes seconds."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from common_compute_conformance.generation.questions import NOTHING, Draft, Shape


def cache_directory() -> Path:
    """Give the directory of what can be made again (XDG Base Directory Specification)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return (cache if cache.is_absolute() else Path(tempfile.gettempdir())) / "common-compute"


def kept_drafts(made_of: Sequence[Any], make: Callable[[], list[Draft]]) -> list[Draft]:
    """Give the drafts that were made of the same before, or make them; they are the same each time.

    `made_of` is JSON that says all they depend on. What is kept and cannot be read is made again, and where
    nothing can be kept nothing is.
    """
    name = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    file = cache_directory() / "drafts" / f"{name}.json"
    with suppress(OSError, ValueError, LookupError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(kept, list):
            return [_read(*members) for members in kept]
    drafts = make()
    with suppress(OSError):
        _keep(file, json.dumps([_members(draft) for draft in drafts]))
    return drafts


def _keep(file: Path, text: str) -> None:
    """Write a file at once: many may be making it at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as room:
        new = Path(room, file.name)
        new.write_text(text, encoding="utf-8")
        new.replace(file)


def _members(draft: Draft) -> list[Any]:
    body = [] if draft.body is NOTHING else [draft.body]
    head = [draft.operation_id, draft.method, dict(draft.path), draft.query, dict(draft.headers)]
    return [*head, body, draft.shape.value]


def _read(
    operation_id: str,
    method: str,
    path: dict[str, str],
    query: list[list[str]],
    headers: dict[str, str],
    body: list[Any],
    shape: str,
) -> Draft:
    pairs = tuple((name, value) for name, value in query)
    return Draft(operation_id, method, path, pairs, headers, body[0] if body else NOTHING, Shape(shape))
