"""Every server of ours says which contract it speaks, and refuses what that reserves, whoever is behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import served

from common_compute_cli import specification
from common_compute_cli.demo.facility import write_configuration
from common_compute_mutants import houses
from common_compute_proposal.rules.instances import ReservedRequest, reserved_requests

pytestmark = pytest.mark.real

RESERVED = list(reserved_requests(specification.version()))


@pytest.fixture(scope="module", params=["mock rosetta", "mock dirac", "internal"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server that runs."""
    kind, _, flavour = request.param.partition(" ")
    with ExitStack() as stack:
        if kind == "mock":
            yield stack.enter_context(houses.running(flavour)).url
        else:
            room: Path = tmp_path_factory.mktemp("internal")
            yield stack.enter_context(served.serving(write_configuration(room)))


def test_something_is_reserved() -> None:
    """The software kind `repository` and variables that begin with CC_ are among what is reserved."""
    assert {("submit_job", "/software"), ("submit_job", "/environment")} <= {
        (each.operation, each.place) for each in RESERVED
    }


def test_a_server_says_which_contract_it_speaks(server: str) -> None:
    """The version in get_service_info is the document's."""
    assert specification.version().number == httpx.get(f"{server}/service-info").json()["type"]["version"]


@pytest.mark.parametrize("reserved", RESERVED, ids=lambda each: f"{each.operation} {each.place}")
def test_a_reserved_value_is_refused(server: str, reserved: ReservedRequest) -> None:
    """A request that is right but for a reserved value is answered 422, and the fault is at the value."""
    facility = httpx.get(f"{server}/facilities").json()["facilities"][0]
    body = {
        "facility_id": facility["id"],
        "software": next(iter(facility["probe"].values())),
        "command": ["/bin/true"],
    }
    operation = specification.version().operations[reserved.operation]
    assert (reserved.operation, operation["method"]) in {("submit_job", "POST"), ("validate_job", "POST")}
    url = server + operation["path"]
    assert httpx.post(url, json=body).is_success

    answer = httpx.post(url, json={**body, reserved.place.removeprefix("/"): reserved.value})
    assert (422, "invalid-request") == (answer.status_code, answer.json().get("code"))
    assert all(fault["pointer"].startswith(reserved.place) for fault in answer.json()["errors"])
