"""The console's own files: what they are, and that they cost nothing before they are wanted."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from importlib.resources import files
from typing import Any

STATIC = files("common_compute_connector") / "console" / "static"


def test_the_script_is_the_one_that_was_released() -> None:
    """Its digest is that of the file beside it, and its licence is there."""
    digest, name = (STATIC / "htmx.sha256").read_text().split()

    assert ("htmx.min.js", digest) == (name, sha256((STATIC / name).read_bytes()).hexdigest())
    assert "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de" == digest
    assert (STATIC / "htmx.LICENSE").read_text().startswith("Zero-Clause BSD")


def test_files_are_kept_by_browsers(visitor: Any) -> None:
    """They are addressed by their content, may be kept, and set no cookie."""
    page = visitor.get("/").text
    for name, media_type in (
        ("console.css", "text/css; charset=utf-8"),
        ("htmx.min.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ):
        content = (STATIC / name).read_bytes()
        address = f"/console/static/{name}?v={sha256(content).hexdigest()[:12]}"
        assert f'"{address}"' in page
        visitor.client.cookies.clear()
        got = visitor.get(address)
        assert (200, content, media_type) == (got.status_code, got.content, got.headers["content-type"])
        assert "public, max-age=86400" == got.headers["cache-control"]
        assert "set-cookie" not in got.headers
        assert "nosniff" == got.headers["x-content-type-options"]


def test_the_script_runs_no_text(visitor: Any) -> None:
    """It is told to evaluate nothing, to add no style, and to ask nobody but this server."""
    page = visitor.get("/").text

    for setting in ('"allowEval":false', '"includeIndicatorStyles":false', '"selfRequestsOnly":true'):
        assert setting in page


def test_pages_wait_for_the_first_visitor() -> None:
    """A server starts without the console's modules and templates, which take their time."""
    program = (
        "import sys, common_compute_connector.assembly; "
        "print([name for name in sorted(sys.modules) if '_connector.console.' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "['common_compute_connector.console.gate']\n" == done.stdout
