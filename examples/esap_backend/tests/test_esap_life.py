"""The life of a job, as ESAP's front end sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

ITEM = {"archive": "rucio", "record": {"scope": "cta", "name": "Müon-Läufe_été_2041.fits", "bytes": 20480}}

AS_TEXT = json.dumps(ITEM)
FORMS = {
    "as it is": ITEM,
    "as text": AS_TEXT,
    "as accounts give it": {"item_data": AS_TEXT, "user_profile": "anna"},
    "saved again": {
        "item_data": json.dumps({"item_data": AS_TEXT, "user_profile": None}),
        "user_profile": "anna",
    },
}


def test_facilities_come_in_esaps_envelope(esap: Any) -> None:
    """The list has the members of ESAP's own list of facilities, and finds them by a word."""
    listed = esap.get("facilities/search")
    assert (2, 1, 50) == (listed["count"], listed["requested_page"], listed["requested_page_size"])
    assert [("dirac", "none"), ("rosetta", "singularity")] == sorted(
        (row["facilitytype"], row["runtimeengine"]) for row in listed["results"]
    )
    found = esap.get("facilities/search?keyword=CTA-dirac")
    assert ["dirac"] == [row["id"] for row in found["results"]]


def test_workflows_are_found_by_a_word(esap: Any) -> None:
    """The list of workflows is searched as ESAP searches it."""
    assert [1, 2] == [row["id"] for row in esap.get("workflows/search")["results"]]
    assert [2] == [row["id"] for row in esap.get("workflows/search?keyword=CTAPIPE")["results"]]


@pytest.mark.parametrize("facility", ["rosetta", "dirac"])
def test_submit_check_fetch_done(facility: str, esap: Any) -> None:
    """A selected record goes through a job at either facility; then both sides forget the job."""
    record = esap.submit(facility)
    assert ("QUEUED", False, None) == (record["phase"], record["stale"], record["trouble"])
    job = esap.until(record, "succeeded")
    assert ("COMPLETED", 0) == (job["phase"], job["job"]["exit_code"])
    listed = esap.results(record)
    assert (True, 1) == (listed["complete"], listed["count"])
    (result,) = listed["results"]
    assert result["url"].endswith(f"/esap-api/batch/jobs/{record['id']}/results/{result['id']}/")
    answer, content = esap.file(record, f"results/{result['id']}/")
    assert ITEM == json.loads(content)
    assert str(len(content)) == answer["Content-Length"]
    assert b"read item-0.json\n" == esap.file(record, "logs/stdout/")[1]
    assert 204 == esap.send("delete", f"jobs/{record['id']}/").status_code
    assert 404 == esap.send("get", f"jobs/{record['id']}/").status_code
    assert 0 == esap.jobs_there()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_basket_item_is_the_same_job(form: str, esap: Any) -> None:
    """A job finds the item itself, however often ESAP has wrapped it in JSON."""
    record = esap.submit("rosetta", FORMS[form])
    assert [ITEM] == record["items"]
    esap.until(record, "succeeded")
    (result,) = esap.results(record)["results"]
    assert ITEM == json.loads(esap.file(record, f"results/{result['id']}/")[1])


def test_looking_costs_little(esap: Any) -> None:
    """What did not change is not sent again, and for a job that is over nobody is asked."""
    record = esap.submit(scenario="slow_queue")
    esap.until(record, "queued")
    esap.mock.advance(1)
    esap.look(record)
    assert "queued" == esap.look(record)["state"]
    asked = esap.mock.sent[-1]
    assert asked.header("If-None-Match")
    assert 304 == asked.status
    esap.until(record, "succeeded")
    before = len(esap.mock.sent)
    job = esap.look(record, wait_seconds=20)
    assert ("COMPLETED", False) == (job["phase"], "spec" in job["job"])
    assert before == len(esap.mock.sent)


def test_a_wait_is_no_longer_than_esap_can_bear(esap: Any) -> None:
    """A look with a long wait, or with nonsense for one, keeps no worker busy for long."""
    record = esap.submit(scenario="slow_queue")
    esap.look(record, wait_seconds=99999)
    assert "wait_seconds=20" == esap.mock.sent[-1].query
    esap.get(f"jobs/{record['id']}/?wait_seconds=-1")
    assert "" == esap.mock.sent[-1].query


def test_parts_of_a_result_pass_through(esap: Any) -> None:
    """A range is answered as one, one beyond the end is refused, and Accept plays no part."""
    record = esap.submit()
    esap.until(record, "succeeded")
    (result,) = esap.results(record)["results"]
    path = f"results/{result['id']}/"
    whole, content = esap.file(record, path, Accept="image/png")
    answer, part = esap.file(record, path, Range="bytes=2-8", If_Range=whole["ETag"])
    assert (206, content[2:9]) == (answer.status_code, part)
    assert f"bytes 2-8/{len(content)}" == answer["Content-Range"]
    answer, part = esap.file(record, path, Range="bytes=2-8", If_Range='"other"')
    assert (200, content) == (answer.status_code, part)
    answer, _ = esap.file(record, path, Range="bytes=999999-")
    assert (416, "range-not-satisfiable") == (answer.status_code, answer.json()["code"])


def test_what_a_job_wrote_is_never_shown_as_a_page_of_esaps(esap: Any) -> None:
    """A result is a file to save, whatever its type says."""
    record = esap.submit()
    esap.until(record, "succeeded")
    (result,) = esap.results(record)["results"]
    for path in (f"results/{result['id']}/", "logs/stdout/"):
        assert esap.file(record, path)[0]["Content-Disposition"].startswith("attachment")


def test_users_see_their_own_jobs_only(esap: Any) -> None:
    """Another user's job is not there, in no way."""
    record = esap.submit()
    path = f"jobs/{record['id']}/"
    assert 1 == esap.get("jobs/")["count"]
    assert 0 == esap.get("jobs/", name="bert")["count"]
    calls = [
        ("get", ""),
        ("delete", ""),
        ("post", "cancel/"),
        ("get", "results/"),
        ("get", "results/r/"),
        ("get", "logs/stdout/"),
    ]
    statuses = {call: esap.send(call[0], path + call[1], name="bert").status_code for call in calls}
    assert dict.fromkeys(calls, 404) == statuses


def test_the_users_jobs_come_by_pages_and_states(esap: Any) -> None:
    """The list is paged in ESAP's envelope, newest first."""
    records = [esap.submit(name=f"job {number}") for number in range(3)]
    esap.until(records[0], "succeeded")
    listed = esap.get("jobs/?page=2&page_size=2")
    assert (3, 2, ["job 0"]) == (listed["count"], listed["pages"], [row["name"] for row in listed["results"]])
    assert ["job 0"] == [row["name"] for row in esap.get("jobs/?state=succeeded")["results"]]


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ("not JSON", "The basket item is a text, but not JSON."),
        (json.dumps("a text"), "The basket item is a text, but not JSON."),
        ({"record": {}}, 'A basket item is an object with an "archive", or the JSON text of one.'),
        ({"archive": "rucio"}, "The item of 'rucio' has no \"record\": give the record that was selected."),
        (
            '{"archive": "rucio", "record": {"flux": NaN}}',
            "The item holds what cannot be written as JSON in UTF-8.",
        ),
        (
            '{"archive": "rucio", "record": {"name": "\\ud800"}}',
            "The item holds what cannot be written as JSON in UTF-8.",
        ),
        ("[" * 100_000, "The basket item is a text, but not JSON."),
    ],
)
def test_what_is_no_basket_item_is_refused(item: Any, complaint: str, esap: Any) -> None:
    """The answer names the item that is none, and nothing is submitted."""
    answer = esap.ask("rosetta", ITEM, item)
    assert (400, {"items": {"1": [complaint]}}) == (answer.status_code, answer.json())
    assert (0, 0) == (esap.get("jobs/")["count"], len(esap.mock.sent))


def test_a_refused_submission_names_its_faults(esap: Any) -> None:
    """What the API refuses comes back with the API's pointers, and leaves nothing in ESAP."""
    answer = esap.ask("dirac", workflow=1)
    problem = answer.json()
    assert (400, "unsupported-capability") == (answer.status_code, problem["code"])
    assert ["/software/kind"] == [fault["pointer"] for fault in problem["errors"]]
    assert problem["request_id"]
    answer = esap.ask("nowhere", workflow=1)
    assert (400, "unknown-facility") == (answer.status_code, answer.json()["code"])
    assert 0 == esap.get("jobs/")["count"]


def test_a_job_that_is_not_over_is_not_released(esap: Any) -> None:
    """Release and results of a job that runs are refused with the API's reason; the job stays."""
    record = esap.submit(scenario="slow_queue")
    answer = esap.send("delete", f"jobs/{record['id']}/")
    assert (409, "job-not-terminal") == (answer.status_code, answer.json()["code"])
    answer = esap.send("get", f"jobs/{record['id']}/results/")
    assert (409, "results-not-ready") == (answer.status_code, answer.json()["code"])
    assert 1 == esap.get("jobs/")["count"]


def test_a_cancelled_job_ends(esap: Any) -> None:
    """A cancel is taken at once and takes effect a little later; once more, it changes nothing."""
    record = esap.submit(scenario="slow_queue")
    esap.until(record, "queued")
    answer = esap.send("post", f"jobs/{record['id']}/cancel/")
    assert 202 == answer.status_code
    assert answer.json()["job"]["cancel_requested_at"]
    job = esap.until(record, "cancelled")
    assert ("ABORTED", "cancelled-by-user") == (job["phase"], job["job"]["reason"]["code"])
    assert "cancelled" == esap.send("post", f"jobs/{record['id']}/cancel/").json()["state"]


def test_one_list_refreshes_all_jobs(esap: Any) -> None:
    """refresh_jobs needs one request for all jobs of ESAP, and none when all are over."""
    records = [esap.submit() for _ in range(5)]
    esap.mock.advance(30)
    before = len(esap.mock.sent)
    assert "0 submitted, 5 changed, 0 gone" == esap.refresh()
    assert before + 1 == len(esap.mock.sent)
    assert "updated_after=" in esap.mock.sent[-1].query
    assert 5 == esap.get("jobs/?state=succeeded")["count"]
    assert "0 submitted, 0 changed, 0 gone" == esap.refresh()
    assert before + 1 == len(esap.mock.sent)
    # The list has no history; who looks at the job gets it.
    assert ["pending", "queued", "running", "succeeded"] == [
        entry["state"] for entry in esap.look(records[0])["job"]["history"]
    ]


def test_a_refresh_misses_nothing_and_asks_for_nothing_twice(esap: Any) -> None:
    """What changed long ago, what changed just now and what did not change come with one and the same list."""
    early = esap.submit()
    esap.mock.advance(20)
    waiting = esap.submit(scenario="slow_queue")
    esap.until(waiting, "queued")
    esap.submit()
    esap.mock.advance(2)
    before = len(esap.mock.sent)
    assert "0 submitted, 2 changed, 0 gone" == esap.refresh()
    assert before + 1 == len(esap.mock.sent)
    assert "succeeded" == esap.look(early)["state"]
    before = len(esap.mock.sent)
    assert "0 submitted, 0 changed, 0 gone" == esap.refresh()
    assert before + 1 == len(esap.mock.sent)
