"""What real facilities will do to ESAP one day: each difficult situation, and what its users see of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from batch.models import Workflow
from django.core.management.base import CommandError

RECORD_IN_A_CONTAINER = {
    "software": {"kind": "container", "image": "debian:12-slim"},
    "command": ["/bin/sh", "-c", 'cat "$ITEM" > record.json'],
}
ACCOUNT = {"account": "esap"}


def test_a_slow_queue(esap: Any) -> None:
    """A job that waits is shown as waiting, with the facility's own word for it, and is done in the end."""
    record = esap.submit(scenario="slow_queue")
    esap.mock.advance(15)
    job = esap.look(record)
    assert ("queued", "QUEUED", "PENDING") == (job["state"], job["phase"], job["job"]["native"]["state"])
    esap.until(record, "succeeded")


def test_a_second_attempt(esap: Any) -> None:
    """A job that its facility starts again is one job, and its history tells of both attempts."""
    record = esap.submit(scenario="requeue")
    job = esap.until(record, "succeeded")["job"]
    assert 2 == job["attempt"]
    assert [1, 2] == sorted({entry["attempt"] for entry in job["history"]})


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("fails", "exit-nonzero"),
        ("out_of_memory", "out-of-memory"),
        ("wall_time", "wall-time-exceeded"),
        ("image_unavailable", "image-unavailable"),
        ("node_failure", "node-failure"),
        ("output_missing", "output-missing"),
        ("forgotten", "lost"),
    ],
)
def test_a_failure_has_its_reason(scenario: str, reason: str, esap: Any) -> None:
    """A job that failed says why."""
    job = esap.until(esap.submit(scenario=scenario), "failed")
    assert ("ERROR", reason) == (job["phase"], job["job"]["reason"]["code"])


def test_a_facility_refuses_the_submission(esap: Any) -> None:
    """What only the facility can judge ends the job, and the user reads the facility's own words."""
    job = esap.until(esap.submit(scenario="submission_rejected"), "failed")
    reason = job["job"]["reason"]
    assert "submission-rejected" == reason["code"]
    assert reason["detail"].startswith("Batch job submission failed")


@pytest.mark.common_compute_mock(scenarios=["facility_down"])
def test_a_facility_is_away_for_a_while(esap: Any) -> None:
    """A job of which nothing is known keeps its state and is marked; it recovers, and jobs are taken meanwhile."""
    record = esap.submit(scenario="slow_queue")
    esap.until(record, "queued")
    esap.mock.advance(40)
    job = esap.look(record)
    assert ("queued", True, None) == (job["state"], job["stale"], job["trouble"])
    listed = {row["id"]: row["status"]["state"] for row in esap.get("facilities/search")["results"]}
    assert "unavailable" == listed["rosetta"]
    meanwhile = esap.submit()
    esap.mock.advance(60)
    assert "succeeded" == esap.until(record, "succeeded")["state"]
    assert not esap.until(meanwhile, "succeeded")["stale"]


@pytest.mark.common_compute_mock(scenarios=["maintenance"])
def test_a_facility_is_in_maintenance(esap: Any) -> None:
    """The list of facilities says so, in words for users; jobs are taken, and run later."""
    record = esap.submit()
    esap.mock.advance(60)
    status = {row["id"]: row["status"] for row in esap.get("facilities/search")["results"]}["rosetta"]
    assert "maintenance" == status["state"]
    assert status["message"]
    assert "queued" == esap.look(record)["state"]
    esap.until(record, "succeeded")


@pytest.mark.common_compute_mock(scenarios=["rate_limited"])
def test_too_many_requests(esap: Any) -> None:
    """ESAP waits as long as it is asked to, where that is bearable; else its front end is asked to wait."""
    while not esap.pauses:
        esap.get("facilities/search")
    assert all(1 <= pause <= 5 for pause in esap.pauses)
    with esap.configured(COMMON_COMPUTE_PATIENCE_SECONDS=0):
        while (answer := esap.send("get", "facilities/search")).status_code == 200:
            pass
    assert (503, "rate-limited") == (answer.status_code, answer.json()["code"])
    assert 1 <= int(answer["Retry-After"])


@pytest.mark.common_compute_mock(scenarios=["service_unavailable"])
def test_the_service_is_away_at_the_submission(esap: Any) -> None:
    """The user's wish is kept, and becomes one job as soon as the service is back."""
    esap.mock.advance(12)
    answer = esap.ask()
    record = answer.json()
    assert (202, "unsent", "QUEUED") == (answer.status_code, record["state"], record["phase"])
    assert "service-unavailable" == record["trouble"]["code"]
    for method, path in [("get", "results/"), ("post", "cancel/"), ("delete", "")]:
        refused = esap.send(method, f"jobs/{record['id']}/{path}")
        assert (409, "not-submitted") == (refused.status_code, refused.json()["code"])
    assert "0 submitted, 0 changed, 0 gone" == esap.refresh()
    esap.mock.advance(30)
    assert "1 submitted, 0 changed, 0 gone" == esap.refresh()
    assert esap.until(record, "succeeded")["trouble"] is None
    assert 1 == esap.jobs_there()


@pytest.mark.common_compute_mock(scenarios=["service_unavailable"])
def test_the_service_is_away_while_a_job_runs(esap: Any) -> None:
    """What cannot be done now is answered with when to try again."""
    record = esap.submit(scenario="long_run")
    esap.until(record, "running")
    esap.mock.advance(12)
    answer = esap.send("post", f"jobs/{record['id']}/cancel/")
    assert (503, "service-unavailable", "5") == (
        answer.status_code,
        answer.json()["code"],
        answer["Retry-After"],
    )
    esap.mock.advance(30)
    assert 202 == esap.send("post", f"jobs/{record['id']}/cancel/").status_code


def test_nothing_answers_at_all(esap: Any) -> None:
    """What was last seen of a job is still shown, with the trouble, until it passes."""
    record = esap.submit(scenario="slow_queue")
    esap.until(record, "queued")
    with esap.configured(COMMON_COMPUTE_URL="http://127.0.0.1:1/v1", COMMON_COMPUTE_PATIENCE_SECONDS=1):
        job = esap.look(record)
        assert ("queued", "unreachable") == (job["state"], job["trouble"]["code"])
        assert 503 == esap.send("get", "facilities/search").status_code
        with pytest.raises(CommandError, match="does not answer"):
            esap.refresh()
    assert ("queued", None) == (esap.look(record)["state"], esap.look(record)["trouble"])


@pytest.mark.common_compute_mock(bearer=True)
def test_a_credential_has_to_be_set_up_first(esap: Any) -> None:
    """A submission is refused, with what to do; staff enrols ESAP, and after the facility's step jobs are taken."""
    answer = esap.ask()
    assert (409, "credential-required") == (answer.status_code, answer.json()["code"])
    assert 0 == esap.get("jobs/")["count"]
    path = "facilities/rosetta/credential/"
    credential = esap.get(path)
    assert "missing" == credential["state"]
    assert credential["instructions"]
    assert 403 == esap.send("put", path, ACCOUNT).status_code
    assert 200 == esap.send("put", path, ACCOUNT, name="boss").status_code
    credential = esap.get(path)
    assert "awaiting_user" == credential["state"]
    assert credential["public_key"] in credential["instructions"]
    esap.mock.advance(5)
    assert "valid" == esap.get(path)["state"]
    esap.until(esap.submit(), "succeeded")


@pytest.mark.common_compute_mock(bearer=True, scenarios=["credential_expired"])
def test_a_credential_has_expired(esap: Any) -> None:
    """Jobs are taken and fail, and the reason names the credential."""
    esap.send("put", "facilities/rosetta/credential/", ACCOUNT, name="boss")
    esap.mock.advance(5)
    job = esap.until(esap.submit(), "failed")
    assert "credential-rejected" == job["job"]["reason"]["code"]


@pytest.mark.common_compute_mock(bearer=True)
def test_esaps_own_token_is_not_accepted(esap: Any) -> None:
    """That is no fault of the user's: the job is kept for a better token, and other requests are 502."""
    with esap.configured(COMMON_COMPUTE_TOKEN="expired"):
        answer = esap.send("get", "facilities/search")
        assert (502, "unauthenticated") == (answer.status_code, answer.json()["code"])
        answer = esap.ask("dirac")
    assert (202, "unauthenticated") == (answer.status_code, answer.json()["trouble"]["code"])


def test_some_tasks_of_an_array_fail(esap: Any) -> None:
    """Several items make one job; it tells for which of them it failed, and gives what is there of all."""
    items = [{"archive": "rucio", "record": {"name": f"pool-{number}"}} for number in range(4)]
    record = esap.submit("rosetta", *items, scenario="some_tasks_fail")
    job = esap.until(record, "failed")["job"]
    assert (4, 3, 1) == tuple(job["task_counts"][name] for name in ("total", "succeeded", "failed"))
    (failed,) = esap.get(f"jobs/{record['id']}/tasks/?state=failed")["results"]
    assert (1, 3, items[1]) == (failed["index"], failed["exit_code"], failed["item"])
    found = {
        result["task_index"]: json.loads(esap.file(record, f"results/{result['id']}/")[1])
        for result in esap.results(record)["results"]
    }
    assert items == [found[index] for index in range(4)]
    assert b"read item-2.json\n" == esap.file(record, "logs/stdout/?task_index=2")[1]


def test_results_are_lost(esap: Any) -> None:
    """A job whose results could not be kept has failed, and the list of results says that it is not complete."""
    record = esap.submit(scenario="results_lost")
    assert "results-lost" == esap.until(record, "failed")["job"]["reason"]["code"]
    assert {"complete": False, "count": 0, "results": []} == esap.results(record)


def test_a_log_is_lost(esap: Any) -> None:
    """A lost log is missing, and no empty one."""
    record = esap.submit(scenario="logs_lost")
    esap.until(record, "failed")
    answer, _ = esap.file(record, "logs/stdout/")
    assert (404, "log-unavailable") == (answer.status_code, answer.json()["code"])


def test_names_in_all_scripts(esap: Any) -> None:
    """Names of jobs and files come back as they were, in lists and in the header of a download."""
    Workflow.objects.filter(pk=1).update(job={**RECORD_IN_A_CONTAINER, "outputs": [{"path": "*.json"}]})
    record = esap.submit(scenario="non_ascii_names", name="Größe μ данные 数据 🔭")
    esap.until(record, "succeeded")
    assert "Größe μ данные 数据 🔭" == esap.get("jobs/")["results"][0]["name"]
    (result,) = esap.results(record)["results"]
    assert not result["path"].isascii()
    answer, content = esap.file(record, f"results/{result['id']}/")
    assert "filename*=UTF-8''" in answer["Content-Disposition"]
    assert result["size_bytes"] == len(content)


def test_a_cancel_that_comes_too_late(esap: Any) -> None:
    """The job shows that it was to be cancelled, and ends by its own way."""
    record = esap.submit(scenario="cancel_loses_race")
    esap.until(record, "running")
    esap.send("post", f"jobs/{record['id']}/cancel/")
    job = esap.until(record, "succeeded")
    assert job["job"]["cancel_requested_at"]
