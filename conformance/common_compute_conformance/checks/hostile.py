"""Check what becomes of paths and queries that no client of good will sends, over a socket of our own."""

from __future__ import annotations

from posixpath import normpath
from urllib.parse import urlsplit

from common_compute_conformance.exchange import Exchange
from common_compute_conformance.registry import check
from common_compute_conformance.trial import Trial

_OUT_OF_THE_TREE = (
    b"/jobs/..%2f..%2f..%2f..%2fetc%2fpasswd",
    b"/jobs/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    b"/jobs/..%5c..%5cwindows%5cwin.ini",
    b"/jobs/%252e%252e%252fetc%252fpasswd",
    b"/jobs/%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
    b"/jobs/%ff%fe",
    b"/jobs/%00",
    b"/jobs/%0d%0aX-Injected:%20yes",
    b"/jobs/" + b"a" * 4000,
    b"/facilities/..%2fservice-info",
    b"/facilities/%ff",
)
_WITH_DOTS = (
    b"/../../../../../../etc/passwd",
    b"/jobs/../../../../../../../etc/passwd",
    b"/docs/../../../../../../etc/passwd",
    b"/jobs/../facilities",
    b"/./jobs",
)
_QUERIES = (
    b"/jobs?label=%ff%fe=x",
    b"/jobs?%ff=1",
    b"/jobs?page_size=%ff",
    b"/jobs?page_token=%00%ff",
    b"/jobs?created_after=%c0%80",
    b"/jobs?label=" + b"k" * 3000 + b"=x",
    b"/jobs?" + b"&".join(b"state=running" for _ in range(200)) + b"&state=%00",
)


def _leaks_nothing(trial: Trial, exchange: Exchange) -> None:
    trial.require(
        b"root:" not in exchange.content, f"{exchange.method} {exchange.url} gave a file of the server"
    )
    trial.require("x-injected" not in exchange.headers, f"{exchange.url} put a header into the answer")


@check("CC-SVC-012", specimens=("plain",))
def hostile_paths_are_not_found(trial: Trial) -> None:
    """CC-SVC-012: a path that would leave the tree, or is no UTF-8, is not found, whatever its disguise."""
    job_id = str(trial.workbench.final("plain")["id"]).encode()
    of_the_job = (
        b"/jobs/" + job_id + b"/results/..%2f..%2f..%2fetc%2fpasswd",
        b"/jobs/" + job_id + b"/results/%2fetc%2fpasswd",
        b"/jobs/" + job_id + b"/logs/..%2fstdout",
        b"/jobs/" + job_id + b"/logs/stdout%00",
        b"/jobs/" + job_id + b"%2f..%2f" + job_id,
    )
    for path in (*_OUT_OF_THE_TREE, *of_the_job):
        exchange = trial.client.raw("GET", path)
        _leaks_nothing(trial, exchange)
        # A server may refuse to read what is no UTF-8, or what is too long for a path.
        trial.require(exchange.status in (400, 404, 414, 431), f"{exchange}: expected 404")
    trial.witness(f"{len(_OUT_OF_THE_TREE) + len(of_the_job)} hostile paths led nowhere")
    found = trial.client.raw("GET", b"/jobs/" + job_id)
    trial.equal(200, found.status, "the status of the path of a job that is there, sent in the same way")
    trial.witness(f"and {found}")


@check("CC-SVC-012")
def dots_lead_nowhere_else(trial: Trial) -> None:
    """CC-SVC-012: a path with dot segments is not found, or is what it is once they are resolved."""
    for path in _WITH_DOTS:
        exchange = trial.client.raw("GET", path)
        _leaks_nothing(trial, exchange)
        resolved = trial.client.raw("GET", normpath(path))
        if exchange.status in (301, 307, 308):  # a router that resolves dots may say so first
            told = urlsplit(exchange.headers.get("location", "")).path
            wanted = urlsplit(resolved.url).path
            trial.equal(wanted, told, f"where {exchange} leads")
            continue
        trial.require(
            exchange.status in (400, 404, resolved.status),
            f"{exchange}: expected 404, or what {resolved} says of the path without dots",
        )
        trial.witness(f"{exchange}")


@check("CC-ERR-001")
def hostile_queries_are_refused_in_form(trial: Trial) -> None:
    """CC-ERR-001: a query that is no UTF-8, or absurd, is refused with a problem document."""
    for path in _QUERIES:
        exchange = trial.client.raw("GET", path)
        trial.require(exchange.status < 500, f"{exchange}: expected a refusal of the query")
        if exchange.status >= 400:
            told = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
            trial.equal("application/problem+json", told, f"the Content-Type of {exchange}")
        trial.witness(f"{path[:40].decode('latin-1')}: {exchange.status}")
