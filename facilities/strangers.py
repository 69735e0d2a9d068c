"""Two callers of one server: what one of them has is to the other what never was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
from served import Served

from common_compute_cli import specification


def _operations_on_jobs() -> dict[str, tuple[str, str]]:
    """Give method and path of each operation that the contract has on a job."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, members in specification.openapi()["paths"].items()
        if "{job_id}" in path
        for method, operation in members.items()
        if isinstance(operation, dict) and "operationId" in operation
    }


def _shared(answer: httpx.Response, job_id: str) -> dict[str, Any]:
    """Give what a problem says but for what is each answer's own."""
    problem = json.loads(answer.text.replace(job_id, "ID"))
    return {name: value for name, value in problem.items() if name not in ("instance", "request_id")}


def check_nobody_reaches(server: Served, owner: str, stranger: str, ended: str, live: str) -> None:
    """See that an ended job with one result and a running one are to a stranger as if they never were."""
    (result,) = server.clients[owner].list_results(ended)
    before = server.clients[owner].get_job(ended)
    operations = _operations_on_jobs()
    assert {"get_job", "cancel_job", "release_job", "get_result", "get_log"} < set(operations)
    for method, path in operations.values():
        for job_id in (live, ended):
            nobodys = "0" * len(job_id)
            of_theirs, of_nobodys = (
                path.format(job_id=each, result_id=result["id"], stream="stdout")
                for each in (job_id, nobodys)
            )
            theirs, missing = (server.call(stranger, method, each) for each in (of_theirs, of_nobodys))
            assert (theirs.status_code, theirs.json()["code"]) == (404, "not-found"), (method, path)
            assert _shared(missing, nobodys) == _shared(theirs, job_id)
            assert set(missing.headers) == set(theirs.headers)
            assert server.call(None, method, of_theirs).status_code == 401
    assert before == server.clients[owner].get_job(ended)
    assert [result] == list(server.clients[owner].list_results(ended))
    running = server.clients[owner].get_job(live)
    assert (running["state"], "cancel_requested_at" in running) == ("running", False)


def check_keys_and_pages(server: Served, tokens: Sequence[str], body: dict[str, Any]) -> None:
    """See that an idempotency key makes a job for each caller, and a page is for who got its token."""
    ids = []
    for token in tokens:
        answers = [
            server.call(token, "POST", "/jobs", json=body, headers={"Idempotency-Key": "once"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [201, 200]
        ids += {answer.json()["id"] for answer in answers}
    assert len(set(ids)) == 2
    page = server.call(tokens[0], "GET", "/jobs?page_size=1").json()["next_page_token"]
    path = f"/jobs?page_size=1&page_token={page}"
    assert [server.call(token, "GET", path).status_code for token in tokens] == [200, 422]
