"""A Python client that openapi-python-client makes of the contract, at work with a live mock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

PACKAGE = "client_made_of_the_contract"


class Generated:
    """The generated package: its operations as functions bound to one client, and its models."""

    def __init__(self, url: str) -> None:
        self.models = import_module(f"{PACKAGE}.models")
        self._client = import_module(PACKAGE).Client(base_url=url, httpx_args={"trust_env": False})

    def call(self, tag: str, operation: str, *arguments: Any, **parameters: Any) -> Any:
        """Call an operation, and give what the client makes of the answer."""
        module = import_module(f"{PACKAGE}.api.{tag}.{operation}")
        return module.sync_detailed(*arguments, client=self._client, **parameters)

    def close(self) -> None:
        """Close its connections."""
        self._client.get_httpx_client().close()


@pytest.fixture(scope="module")
def generated(
    tmp_path_factory: pytest.TempPathFactory, contract: Path, held_mock: Any
) -> Iterator[Generated]:
    """Make the client, and let it speak to a mock."""
    place = tmp_path_factory.mktemp("python")
    program = Path(sys.executable).with_name("openapi-python-client")
    command: list[str | Path] = [
        program,
        "generate",
        "--path",
        contract,
        "--meta",
        "none",
        "--fail-on-warning",
    ]
    command += [
        "--output-path",
        place / PACKAGE,
        "--config",
        Path(__file__).with_name("python_generator.yaml"),
    ]
    made = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    assert 0 == made.returncode, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        client = Generated(held_mock.url)
        yield client
        client.close()
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def submit(generated: Generated) -> Callable[[str], str]:
    """Give what submits a job by its name, as models of the generated package, and gives its id."""
    models = generated.models

    def send(name: str) -> str:
        spec = models.JobSpec(
            facility_id="rosetta",
            software=models.ContainerSoftware(
                kind=models.ContainerSoftwareKind.CONTAINER, image="debian:12-slim"
            ),
            command=["/bin/sh", "-c", 'printf "%s\\377" "$GREETING" >greeting.bin; printf "done\\377"'],
            name=name,
            environment=models.Environment.from_dict({"GREETING": "grüß Gott"}),
            outputs=[models.Output(path="*.bin")],
            labels=models.Labels.from_dict({"made_by": "openapi-python-client"}),
            inputs=[
                models.Input(
                    path="in",
                    source=models.InlineSource(kind=models.InlineSourceKind.INLINE, content_base64="YQ=="),
                )
            ],
            resources=models.Resources(cpu_cores=1),
        )
        answer = generated.call("jobs", "submit_job", body=spec, idempotency_key=f"{name}-once")
        assert answer.status_code in (200, 201)
        return str(answer.parsed.id)

    return send


def test_it_submits_polls_pages_downloads_and_releases(
    generated: Generated, submit: Callable[[str], str]
) -> None:
    """The generated code alone takes jobs through their whole life."""
    call, state = generated.call, generated.models.JobState
    first, second = submit("first"), submit("second")
    assert first == submit("first")
    for job_id in (first, second):
        while (job := call("jobs", "get_job", job_id, wait_seconds=10).parsed).state != state.SUCCEEDED:
            assert job.state in (state.PENDING, state.QUEUED, state.RUNNING)
    assert "container" == job.spec.software.kind
    assert [second, first] == _listed(generated)
    (result,) = call("results", "list_results", first).parsed.results
    assert "greeting.bin" == result.path
    assert (
        "grüß Gott".encode() + b"\xff"
        == call("results", "get_result", first, result.id).parsed.payload.read()
    )
    assert b"done\xff" == call("results", "get_log", first, "stdout").parsed.payload.read()
    assert 206 == call("results", "get_result", first, result.id, range_="bytes=0-3").status_code
    for job_id in (first, second):
        assert 204 == call("jobs", "release_job", job_id).status_code
    assert "not-found" == call("jobs", "get_job", first).parsed.code
    assert [] == _listed(generated)


def test_it_reads_every_document_of_the_service(generated: Generated) -> None:
    """Facilities, software and the service itself come as models, and say again what they were read from."""
    call = generated.call
    facilities = call("facilities", "list_facilities").parsed.facilities
    assert ["dirac", "rosetta"] == sorted(facility.id for facility in facilities)
    assert all(type(facility).from_dict(facility.to_dict()) == facility for facility in facilities)
    for answer in (
        call("service", "get_service_info"),
        call("service", "get_health"),
        call("facilities", "list_software", "dirac"),
    ):
        assert json.loads(answer.content) == answer.parsed.to_dict()


def test_it_reads_a_problem_with_its_faults(generated: Generated) -> None:
    """A refused specification comes back as a problem whose faults have pointers."""
    problem = generated.call("jobs", "validate_job", body={"facility_id": "rosetta"}).parsed
    assert not problem.valid
    assert ["/command", "/software"] == sorted(fault.pointer for fault in problem.errors)


def _listed(generated: Generated) -> list[str]:
    """List the jobs by their label, in pages of one."""
    ids: list[str] = []
    query: dict[str, Any] = {"label": ["made_by=openapi-python-client"], "page_size": 1}
    while True:
        page = generated.call("jobs", "list_jobs", **query).parsed
        ids += [job.id for job in page.jobs]
        if not page.next_page_token:
            return ids
        query["page_token"] = page.next_page_token
