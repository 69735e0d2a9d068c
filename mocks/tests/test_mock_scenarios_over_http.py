"""The scenarios as a client meets them: through the whole service, on a clock that the test holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from common_compute_mocks import flavours
from common_compute_mocks.histories import past_jobs
from common_compute_mocks.in_process import InProcessMock, MockSettings, MockTransport

SOFTWARE = {
    "rosetta": {"kind": "container", "image": "debian:12-slim"},
    "dirac": {"kind": "installed", "name": "ctapipe"},
}


class Client:
    """A client of one mock with one facility."""

    def __init__(self, flavour: str, *scenarios: str, **settings: Any) -> None:
        self.flavour = flavour
        self.mock = InProcessMock(MockSettings(facilities=(flavour,), scenarios=scenarios, **settings))
        headers = {"authorization": f"Bearer {self.mock.tokens['anna']}"} if settings.get("bearer") else {}
        transport = MockTransport(self.mock)
        self.http = httpx.Client(transport=transport, base_url=self.mock.url, headers=headers)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.http.get(path, **arguments)

    def facility(self) -> dict[str, Any]:
        document: dict[str, Any] = self.get(f"/facilities/{self.flavour}").json()
        return document

    def post(self, *command: str, scenario: str | None = None, **members: Any) -> httpx.Response:
        labels = {"labels": {"mock.scenario": scenario}} if scenario else {}
        software = SOFTWARE[self.flavour]
        spec = {"facility_id": self.flavour, "software": software, "command": command or ("sleep", "1")}
        return self.http.post("/jobs", json={**spec, **labels, **members})

    def submit(self, *command: str, scenario: str | None = None, **members: Any) -> str:
        answer = self.post(*command, scenario=scenario, **members)
        assert 201 == answer.status_code, answer.text
        path: str = f"/jobs/{answer.json()['id']}"
        return path

    def job(self, path: str) -> dict[str, Any]:
        document: dict[str, Any] = self.get(path).json()
        return document

    def ended(self, *command: str, scenario: str | None = None, within: float = 30, **members: Any) -> Any:
        path = self.submit(*command, scenario=scenario, **members)
        self.mock.advance(within)
        job = self.job(path)
        assert job["state"] in ("succeeded", "failed", "cancelled"), job
        return path, job

    def close(self) -> None:
        self.http.close()
        self.mock.close()


Make = Callable[..., Client]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make clients of mocks that were started with scenarios."""
    made: list[Client] = []

    def start(flavour: str, *scenarios: str, **settings: Any) -> Client:
        made.append(Client(flavour, *scenarios, **settings))
        return made[-1]

    yield start
    for client in made:
        client.close()


@pytest.fixture(params=sorted(SOFTWARE))
def flavour(request: pytest.FixtureRequest) -> str:
    """Each flavour."""
    return str(request.param)


OUTPUTS = [{"path": "table.csv"}, {"path": "log.txt", "required": False}]


def test_a_job_turns_stale_and_recovers(make: Make, flavour: str) -> None:
    """A job out of contact keeps its state, is stale, and ends well when the facility answers again."""
    client = make(flavour)
    path = client.submit(scenario="lost_contact")
    client.mock.advance(1)
    assert ("queued", False) == (client.job(path)["state"], client.job(path)["stale"])
    client.mock.advance(12)
    assert ("queued", True) == (client.job(path)["state"], client.job(path)["stale"])
    client.mock.advance(10)
    assert ("succeeded", False) == (client.job(path)["state"], client.job(path)["stale"])


def test_a_forgotten_job_is_lost(make: Make, flavour: str) -> None:
    """A job that its facility does not know any more ends as lost, not before the announced patience is over."""
    client = make(flavour)
    path = client.submit(scenario="forgotten", outputs=OUTPUTS)
    client.mock.advance(50)
    assert "queued" == client.job(path)["state"]
    client.mock.advance(20)
    assert ("failed", "lost") == (client.job(path)["state"], client.job(path)["reason"]["code"])
    assert not client.get(f"{path}/results").json()["complete"]


def test_results_that_the_facility_lost(make: Make, flavour: str) -> None:
    """A job whose results are gone failed, says which, has no complete results, and keeps its logs."""
    client = make(flavour)
    path, job = client.ended("timeseria", scenario="results_lost", outputs=OUTPUTS)
    assert ("failed", "results-lost", 0) == (job["state"], job["reason"]["code"], job["exit_code"])
    assert "table.csv" in job["reason"]["detail"]
    assert {"complete": False, "results": []} == client.get(f"{path}/results").json()
    assert client.get(f"{path}/logs/stdout").text.startswith("timeseria\n")


def test_logs_that_the_facility_lost(make: Make, flavour: str) -> None:
    """A log that is gone answers 404 and its own code, and what was declared is there."""
    client = make(flavour)
    path, job = client.ended("timeseria", scenario="logs_lost", outputs=OUTPUTS)
    assert ("failed", "results-lost") == (job["state"], job["reason"]["code"])
    answer = client.get(f"{path}/logs/stdout")
    assert (404, "log-unavailable") == (answer.status_code, answer.json()["code"])
    assert client.get(f"{path}/results").json()["complete"]


def test_an_output_that_was_never_written(make: Make, flavour: str) -> None:
    """A job that lacks a required output failed although it exited with 0; without such a one it succeeds."""
    client = make(flavour)
    _, job = client.ended("timeseria", scenario="output_missing", outputs=OUTPUTS)
    assert ("failed", "output-missing", 0) == (job["state"], job["reason"]["code"], job["exit_code"])
    _, job = client.ended("timeseria", scenario="output_missing", outputs=OUTPUTS[1:])
    assert "succeeded" == job["state"]


def test_huge_result_where_results_fit_a_sandbox(make: Make) -> None:
    """At DIRAC a huge result is named as lost, and what is smaller beside it comes home."""
    client = make("dirac")
    outputs = [{"path": "cube.fits"}, {"path": "table.csv"}]
    path, job = client.ended("timeseria", scenario="huge_result", outputs=outputs)
    assert ("failed", "results-lost", 0) == (job["state"], job["reason"]["code"], job["exit_code"])
    results = client.get(f"{path}/results").json()
    assert (["table.csv"], False) == ([each["path"] for each in results["results"]], results["complete"])


def test_huge_result(make: Make) -> None:
    """`huge_result` announces 2 GiB, gives any range of them, and takes hardly any disk."""
    client = make("rosetta")
    outputs = [{"path": "cube.fits"}, {"path": "table.csv"}]
    path, job = client.ended("timeseria", scenario="huge_result", outputs=outputs)
    assert "succeeded" == job["state"]
    results = client.get(f"{path}/results").json()["results"]
    assert [("cube.fits", 2 << 30)] == [(r["path"], r["size_bytes"]) for r in results[:1]]
    assert results[1]["size_bytes"] < 1000
    content = f"{path}/results/{results[0]['id']}"
    start = 1234 << 20
    part = client.get(content, headers={"range": f"bytes={start}-{start + 99}"})
    line = f"block at byte {start} of {2 << 30}".ljust(63) + "\n"
    assert (206, line.encode() + bytes(36)) == (part.status_code, part.content)
    assert bytes(10) == client.get(content, headers={"range": "bytes=-10"}).content
    kept = client.mock.service.app.service.store.content
    files = list(kept.path(job["id"], "x").parent.iterdir())
    assert sum(file.stat().st_blocks * 512 for file in files) < (2 << 30) / 50


def test_a_huge_result_is_what_its_digest_says(make: Make, tmp_path: Any) -> None:
    """The bytes that a huge result is read as are those of its digest and length."""
    size = 3 * (1 << 20) + 10
    file = tmp_path / "big.yaml"
    file.write_text(f"big: {{summary: Big., results: {{huge: [{{path: '*', size_bytes: {size}}}]}}}}")
    client = make("rosetta", str(file))
    path, _ = client.ended("timeseria", scenario="big", outputs=[{"path": "cube.fits"}])
    (result,) = client.get(f"{path}/results").json()["results"]
    body = client.get(f"{path}/results/{result['id']}").content
    assert (size, hashlib.sha256(body).hexdigest()) == (len(body), result["sha256"])


def test_names_in_many_scripts(make: Make, flavour: str) -> None:
    """Names and logs that are no ASCII come through as they are, also where a browser saves the file."""
    client = make(flavour)
    path, job = client.ended(scenario="non_ascii_names", outputs=[{"path": "*.csv"}], name="Größe 数据")
    assert ("succeeded", "Größe 数据") == (job["state"], job["name"])
    (result,) = client.get(f"{path}/results").json()["results"]
    assert "Größe μ данные 数据 🔭.csv" == result["path"]
    answer = client.get(f"{path}/results/{result['id']}")
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%CE%BC" in answer.headers["content-disposition"]
    assert "数据, 🔭" in client.get(f"{path}/logs/stdout").content.decode()


def test_an_array_that_fails_in_part(make: Make, flavour: str) -> None:
    """An array of which tasks failed has failed, counts them, and gives the results of the others."""
    client = make(flavour)
    outputs = [{"path": "part-{{CC_TASK_INDEX}}.csv"}]
    path, job = client.ended("timeseria", scenario="some_tasks_fail", array={"count": 5}, outputs=outputs)
    counts = {state: count for state, count in job["task_counts"].items() if count}
    assert ("failed", {"total": 5, "succeeded": 3, "failed": 2}) == (job["state"], counts)
    failed = client.get(f"{path}/tasks", params={"state": "failed"}).json()["tasks"]
    assert [(1, 3), (4, 3)] == [(task["index"], task["exit_code"]) for task in failed]
    assert 5 == len(client.get(f"{path}/results").json()["results"])


def test_a_cancel_that_is_not_heeded(make: Make, flavour: str) -> None:
    """A cancel that loses the race is noted, and the job succeeds."""
    client = make(flavour)
    path = client.submit(scenario="cancel_loses_race")
    client.mock.advance(5)
    assert 202 == client.http.post(f"{path}/cancel").status_code
    client.mock.advance(10)
    assert "running" == client.job(path)["state"]
    client.mock.advance(20)
    job = client.job(path)
    assert ("succeeded", True) == (job["state"], "cancel_requested_at" in job)


def test_a_cancel_that_is_heeded_late(make: Make, flavour: str) -> None:
    """A slow cancel leaves the job running for twenty seconds, and cancels it."""
    client = make(flavour)
    path = client.submit(scenario="slow_cancel")
    client.mock.advance(5)
    client.http.post(f"{path}/cancel")
    client.mock.advance(19)
    assert "running" == client.job(path)["state"]
    client.mock.advance(3)
    job = client.job(path)
    assert ("cancelled", "cancelled-by-user") == (job["state"], job["reason"]["code"])


def test_facility_down(make: Make, flavour: str) -> None:
    """`facility_down` makes jobs stale and the facility unavailable for a minute, again and again, and fails none."""
    client = make(flavour, "facility_down")
    path = client.submit("sleep", "65")
    client.mock.advance(9)
    assert ("running", "available") == (client.job(path)["state"], client.facility()["status"]["state"])
    client.mock.advance(31)
    waiting = client.submit("true")
    client.mock.advance(1)
    assert (True, "unavailable") == (client.job(path)["stale"], client.facility()["status"]["state"])
    assert "pending" == client.job(waiting)["state"]
    client.mock.advance(39)
    assert ("succeeded", "succeeded") == (client.job(path)["state"], client.job(waiting)["state"])
    assert "available" == client.facility()["status"]["state"]
    second = client.submit("sleep", "400")
    client.mock.advance(10 + 300 + 30 - 80)
    assert client.job(second)["stale"]
    client.mock.advance(40)
    assert ("running", False) == (client.job(second)["state"], client.job(second)["stale"])


def test_live_logs_of_a_facility_that_is_down(make: Make) -> None:
    """While nobody answers there, a live log is 503 and says when to come again; then it is there, longer."""
    client = make("rosetta", "facility_down")
    path = client.submit(scenario="long_run")
    client.mock.advance(8)
    before = client.get(f"{path}/logs/stdout").text
    client.mock.advance(22)
    answer = client.get(f"{path}/logs/stdout")
    assert (503, "facility-unavailable") == (answer.status_code, answer.json()["code"])
    assert 40 == int(answer.headers["retry-after"])
    client.mock.advance(40)
    after = client.get(f"{path}/logs/stdout").text
    assert before != ""
    assert after.startswith(before)
    assert len(after) > len(before)


def test_maintenance(make: Make, flavour: str) -> None:
    """`maintenance` is told in the facility's status; a job is taken, waits until the end, and then runs."""
    client = make(flavour, "maintenance")
    status = client.facility()["status"]
    assert ("maintenance", True) == (status["state"], "until it is over" in status["message"])
    client.mock.advance(30)
    path = client.submit("true")
    client.mock.advance(89)
    assert ("queued", False) == (client.job(path)["state"], client.job(path)["stale"])
    client.mock.advance(31)
    assert ("succeeded", "available") == (client.job(path)["state"], client.facility()["status"]["state"])
    _, job = client.ended("true", within=3)
    assert "succeeded" == job["state"]


def test_degraded(make: Make, flavour: str) -> None:
    """`degraded` is told, for as long as the mock runs, and the facility works."""
    client = make(flavour, "degraded")
    _, job = client.ended("true", within=3)
    client.mock.advance(1000)
    assert ("succeeded", "degraded") == (job["state"], client.facility()["status"]["state"])


CREDENTIAL = {
    "rosetta": {"account": "anna"},
    "dirac": {"subject": "/DC=org/DC=example/CN=Anna", "group": "cta_user"},
}


def enrolled(client: Client) -> str:
    """Set a credential up, let a minute pass, and give its state."""
    path = f"/facilities/{client.flavour}/credential"
    assert client.http.put(path, json=CREDENTIAL[client.flavour]).status_code in (200, 201)
    client.mock.advance(60)
    state: str = client.get(path).json()["state"]
    return state


def refused_by_credential(client: Client, state: str) -> None:
    assert state == enrolled(client)
    answer = client.post()
    assert (409, "credential-required") == (answer.status_code, answer.json()["code"])


def test_credential_missing(make: Make, flavour: str) -> None:
    """`credential_missing`: what is set up stays missing, and a submission is refused."""
    refused_by_credential(make(flavour, "credential_missing", bearer=True), "missing")


def test_credential_awaiting(make: Make, flavour: str) -> None:
    """`credential_awaiting`: what is set up waits for its user for ever, and a submission is refused."""
    refused_by_credential(make(flavour, "credential_awaiting", bearer=True), "awaiting_user")


def test_credential_expired(make: Make, flavour: str) -> None:
    """`credential_expired`: what is set up has expired, and a job is taken and ends for that reason."""
    client = make(flavour, "credential_expired", bearer=True)
    assert "expired" == enrolled(client)
    _, job = client.ended()
    assert ("failed", "credential-rejected") == (job["state"], job["reason"]["code"])


def test_rate_limited(make: Make, flavour: str) -> None:
    """`rate_limited` lets thirty requests a minute through and then answers 429, with the time to wait."""
    client = make(flavour, "rate_limited")
    answers = [client.get("/jobs") for _ in range(31)]
    assert [200] * 30 == [answer.status_code for answer in answers[:30]]
    assert (429, "rate-limited") == (answers[30].status_code, answers[30].json()["code"])
    client.mock.advance(int(answers[30].headers["retry-after"]))
    assert 200 == client.get("/jobs").status_code


def test_service_unavailable(make: Make, flavour: str) -> None:
    """`service_unavailable` refuses submissions with 503 for half a minute, fails its health, and recovers."""
    client = make(flavour, "service_unavailable")
    path = client.submit()
    client.mock.advance(11)
    answer = client.post()
    assert (503, "service-unavailable") == (answer.status_code, answer.json()["code"])
    assert int(answer.headers["retry-after"]) > 0
    assert (503, "fail") == (client.get("/health").status_code, client.get("/health").json()["status"])
    client.mock.advance(30)
    assert (201, 200) == (client.post().status_code, client.get("/health").status_code)
    assert "succeeded" == client.job(path)["state"]


def test_many_jobs(make: Make, flavour: str) -> None:
    """`many_jobs` begins with five thousand jobs, all over, that a list gives page by page."""
    client = make(flavour, "many_jobs")
    seen: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while token is not None:
        page = client.get("/jobs", params={"page_size": 1000, **token}).json()
        seen += page["jobs"]
        token = {"page_token": page["next_page_token"]} if "next_page_token" in page else None  # type: ignore[assignment]
    assert (5000, 5000) == (len(seen), len({job["id"] for job in seen}))
    assert {job["state"] for job in seen} <= {"succeeded", "failed", "cancelled"}


def test_concordia(make: Make, flavour: str) -> None:
    """`concordia` begins with what was at such a facility, with its end, its logs and its results."""
    client = make(flavour, "concordia")
    jobs = client.get("/jobs").json()["jobs"]
    expected = past_jobs("concordia", flavours.load(flavour), flavour, "anonymous", client.mock.now)
    assert [job.spec["name"] for job in reversed(expected)] == [job["name"] for job in jobs]
    for listed, known in zip(jobs, reversed(expected), strict=True):
        job = client.get(f"/jobs/{listed['id']}").json()
        assert str(known.seen[-1][1].state) == job["state"]
        results = client.get(f"/jobs/{job['id']}/results").json()["results"]
        assert sorted(known.results) == [result["path"] for result in results]
        for result in results:
            body = client.get(f"/jobs/{job['id']}/results/{result['id']}").content
            assert known.results[result["path"]][1] == body
        for stream, text in known.logs.items():
            assert text == client.get(f"/jobs/{job['id']}/logs/{stream}").content
    assert len(expected) == {"dirac": 1, "rosetta": 0}[flavour]
