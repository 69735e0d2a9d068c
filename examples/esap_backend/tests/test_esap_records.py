"""ESAP's records and the service's jobs: none lost, none twice, whatever breaks in between."""

from __future__ import annotations

from typing import Any

import pytest
from batch import jobs
from batch.models import JobRecord
from django.db import transaction


@pytest.mark.common_compute_mock(scenarios=["many_jobs"])
def test_thousands_of_jobs_are_there_already(esap: Any) -> None:
    """An ESAP that was away for weeks finds its jobs on whichever page, with one request for each page."""
    there = list(jobs.computing().list_jobs(page_size=1000))
    pages = len(esap.mock.sent)
    assert pages > 1
    assert len(there) == len({job["id"] for job in there}) > 1000 * (pages - 1)
    oldest, owner = there[-1], esap.user()
    for job in (there[0], there[1500], oldest):
        JobRecord.objects.create(
            owner=owner, name=job["name"], facility=job["facility_id"], items=[], specification={},
            state="running", job_id=job["id"], updated_at=oldest["created_at"],
        )  # fmt: skip
    before = len(esap.mock.sent)
    assert "0 submitted, 3 changed, 0 gone" == esap.refresh()
    assert pages == len(esap.mock.sent) - before
    ended = {row["job"]["id"]: row["state"] for row in esap.get("jobs/")["results"]}
    assert {job["id"]: job["state"] for job in (there[0], there[1500], oldest)} == ended


def test_a_crash_between_submission_and_answer(esap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was submitted, and of which ESAP then died, is found again, and there is one."""

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "remember", die)
        with pytest.raises(KeyboardInterrupt):
            esap.ask()
    (record,) = esap.get("jobs/")["results"]
    assert ("unsent", 1) == (record["state"], esap.jobs_there())
    assert "1 submitted, 0 changed, 0 gone" == esap.refresh()
    assert [(201, record["id"]), (200, record["id"])] == [
        (sent.status, sent.header("Idempotency-Key")) for sent in esap.posts()
    ]
    assert 1 == esap.jobs_there()
    esap.until(record, "succeeded")


def test_a_record_cannot_be_rolled_back(esap: Any) -> None:
    """ESAP does not submit where an outer transaction could take the record away again."""
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        esap.ask()
    assert not esap.posts()


def test_an_answer_that_was_long_under_way(esap: Any) -> None:
    """What was seen earlier undoes nothing that was seen later, and a list nothing that a look has shown."""
    listed = esap.submit()["job"]
    record = JobRecord.objects.get()
    jobs.look(record, wait_seconds=20)
    seen = record.job
    assert seen["updated_at"] > listed["updated_at"]
    etag = record.etag
    assert not jobs.remember(record, listed)
    assert not jobs.remember(record, listed, "old")
    assert not jobs.remember(record, {**seen, "history": []})
    assert (seen, etag) == (record.job, record.etag)


def test_a_submission_that_turned_out_to_be_no_good(esap: Any) -> None:
    """What could not be sent at first, and is refused later, says why, and can be removed."""
    record = JobRecord.objects.create(
        owner=esap.user(),
        name="too late",
        facility="nowhere",
        items=[],
        specification={"facility_id": "nowhere"},
    )
    esap.refresh()
    (listed,) = esap.get("jobs/")["results"]
    assert ("refused", "ERROR") == (listed["state"], listed["phase"])
    assert "invalid-request" == listed["trouble"]["code"]
    assert 204 == esap.send("delete", f"jobs/{record.pk}/").status_code


@pytest.mark.parametrize("by", ["look", "refresh"])
def test_a_job_is_no_longer_known(by: str, esap: Any) -> None:
    """A job that the service has forgotten is not waited for any more, and its record can be removed."""
    record = esap.submit(scenario="slow_queue")
    esap.mock.reset()
    if by == "look":
        esap.look(record)
    else:
        assert "0 submitted, 0 changed, 1 gone" == esap.refresh()
    job = esap.look(record)
    assert ("gone", "UNKNOWN", "not-found") == (job["state"], job["phase"], job["trouble"]["code"])
    assert 204 == esap.send("delete", f"jobs/{record['id']}/").status_code
