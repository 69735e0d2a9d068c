"""What lies beside the base path and needs no token: the reference, the contract itself.

Everything comes from this server: the pages work offline, and their policy forbids any other source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import orjson
from swagger_ui_bundle import swagger_ui_path

from common_compute_connector import contract
from common_compute_connector.answers import Headers

# Swagger UI sets inline styles, and shows small pictures of its own as data.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HTML = "text/html; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"
_STYLE = "text/css; charset=utf-8"

_START = """\
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    displayRequestDuration: true,
    validatorUrl: null,
  });
});
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{head}
</head>
<body>
{body}
</body>
</html>
"""

_REFERENCE_HEAD = """\
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>"""


@dataclass(frozen=True, slots=True)
class PublicPage:
    """Bytes that are the same for everybody."""

    media_type: str
    body: bytes
    headers: Headers = ()


def public_pages(name: str) -> Mapping[str, PublicPage]:
    """Make the pages of a service, by path."""
    vendored = Path(swagger_ui_path)
    reference = '<div id="reference"></div>'
    return {
        "/docs": _page(f"{name} - reference", _REFERENCE_HEAD, reference),
        "/docs/start.js": PublicPage(_SCRIPT, _START.encode(), _HARDENED),
        "/docs/swagger-ui.css": _vendored(vendored / "swagger-ui.css", _STYLE),
        "/docs/swagger-ui-bundle.js": _vendored(vendored / "swagger-ui-bundle.js", _SCRIPT),
        "/docs/favicon-32x32.png": _vendored(vendored / "favicon-32x32.png", "image/png"),
        "/openapi.yaml": PublicPage("application/yaml", contract.text().encode(), _HARDENED),
        "/openapi.json": PublicPage("application/json", orjson.dumps(contract.document()), _HARDENED),
    }


_HARDENED: Headers = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", _POLICY),
    ("referrer-policy", "no-referrer"),
)


def _page(title: str, head: str, body: str) -> PublicPage:
    return PublicPage(_HTML, _PAGE.format(title=escape(title), head=head, body=body).encode(), _HARDENED)


def _vendored(path: Path, media_type: str) -> PublicPage:
    return PublicPage(media_type, path.read_bytes(), (*_HARDENED, ("cache-control", "max-age=86400")))
