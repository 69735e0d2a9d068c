"""Results and logs over HTTP: bytes as they are, whole or in part, and what is said when they are not there."""

from hashlib import sha256
from typing import Any

import pytest

from common_compute_connector.jobs import State

OUT = [{"path": "**", "required": False}]


def test_a_result_comes_byte_for_byte(house: Any) -> None:
    """List and bytes agree, and the headers keep a browser from running what a job wrote."""
    house.hand.files = {"dir/plot é.svg": bytes(range(256)) * 1000}
    job_id = house.ended(outputs=OUT)
    listed = house.ask("GET", f"/jobs/{job_id}/results").json()
    (result,) = listed["results"]
    response = house.ask(
        "GET", f"/jobs/{job_id}/results/{result['id']}", headers={"accept": "text/x-nothing"}
    )

    assert listed["complete"]
    assert "task_index" not in result
    assert ("dir/plot é.svg", 256_000) == (result["path"], result["size_bytes"])
    assert result["sha256"] == sha256(response.content).hexdigest()
    assert {
        "content-type": "image/svg+xml",
        "content-length": "256000",
        "etag": f'"{result["sha256"]}"',
        "content-disposition": "attachment; filename=\"plot _.svg\"; filename*=UTF-8''plot%20%C3%A9.svg",
        "x-content-type-options": "nosniff",
        "accept-ranges": "bytes",
    }.items() <= dict(response.headers).items()
    head = house.ask("HEAD", f"/jobs/{job_id}/results/{result['id']}")
    assert (200, b"", "256000") == (head.status_code, head.content, head.headers["content-length"])


def test_a_result_that_was_sent_elsewhere(house: Any) -> None:
    """CC-STAGE-005: it has `location` in place of bytes, and what is secret in its destination is not shown."""
    house.hand.files = {"out.txt": b"elsewhere", "here.txt": b"here"}
    destination = {"url": "https://data.example.org/out.txt?signature=s3same"}
    job_id = house.ended(outputs=[{"path": "out.txt", "destination": destination}, {"path": "here.txt"}])
    listed = house.ask("GET", f"/jobs/{job_id}/results")
    here, there = sorted(listed.json()["results"], key=lambda each: each["path"])

    assert listed.json()["complete"]
    assert ("https://data.example.org/out.txt", 9, "text/plain", sha256(b"elsewhere").hexdigest()) == (
        there["location"],
        there["size_bytes"],
        there["media_type"],
        there["sha256"],
    )
    assert "location" not in here
    assert 404 == house.ask("GET", f"/jobs/{job_id}/results/{there['id']}").status_code
    assert b"here" == house.ask("GET", f"/jobs/{job_id}/results/{here['id']}").content
    job = house.ask("GET", f"/jobs/{job_id}")
    assert "https://data.example.org/out.txt?signature=REDACTED" in job.text
    assert "s3same" not in job.text + listed.text


@pytest.mark.parametrize(
    ("headers", "status", "content", "content_range"),
    [
        ({"range": "bytes=2-4"}, 206, b"234", "bytes 2-4/10"),
        ({"range": "bytes=-3"}, 206, b"789", "bytes 7-9/10"),
        ({"range": "bytes=0-"}, 206, b"0123456789", "bytes 0-9/10"),
        ({"range": "bytes=0-1,3-4"}, 200, b"0123456789", None),
        ({"range": "pages=1-2"}, 200, b"0123456789", None),
        ({"range": "bytes=2-4", "if-range": '"other"'}, 200, b"0123456789", None),
        (
            {"range": "bytes=2-4", "if-range": f'"{sha256(b"0123456789").hexdigest()}"'},
            206,
            b"234",
            "bytes 2-4/10",
        ),
        ({"range": "bytes=10-"}, 416, None, "bytes */10"),
    ],
)
def test_a_part_of_a_result(
    house: Any, headers: dict[str, str], status: int, content: bytes | None, content_range: str | None
) -> None:
    """A single range gives those bytes, anything else the whole, and one beyond the end 416."""
    job_id = house.ended(outputs=OUT)
    result = house.ask("GET", f"/jobs/{job_id}/results").json()["results"][0]
    response = house.ask("GET", f"/jobs/{job_id}/results/{result['id']}", headers=headers)

    assert (status, content_range) == (response.status_code, response.headers.get("content-range"))
    if content is None:
        assert "range-not-satisfiable" == response.json()["code"]
    else:
        assert content == response.content


def test_without_the_class_ranges_everything_is_whole(make_house: Any, hand: Any) -> None:
    """Where the facility does not claim ranges they are neither announced nor given."""
    house = make_house(facilities=[hand(classes=("core", "software"))])
    job_id = house.ended(outputs=OUT)
    result = house.ask("GET", f"/jobs/{job_id}/results").json()["results"][0]
    response = house.ask("GET", f"/jobs/{job_id}/results/{result['id']}", headers={"range": "bytes=2-4"})

    assert (200, b"0123456789") == (response.status_code, response.content)
    assert "accept-ranges" not in response.headers


def test_results_of_an_array_are_paged_and_name_their_task(house: Any) -> None:
    """Every task's files come once, in order, with the index of their task."""
    house.hand.files = {"a": b"a", "b": b"b"}
    job_id = house.ended(array={"count": 3}, outputs=OUT)
    found, path = [], f"/jobs/{job_id}/results?page_size=2"
    while path:
        page = house.ask("GET", path).json()
        found += [(result["task_index"], result["path"]) for result in page["results"]]
        token = page.get("next_page_token")
        path = f"/jobs/{job_id}/results?page_size=2&page_token={token}" if token else ""

    assert [(index, name) for index in range(3) for name in "ab"] == found
    one = house.ask("GET", f"/jobs/{job_id}/results?task_index=1").json()
    assert [1, 1] == [result["task_index"] for result in one["results"]]
    assert [] == house.ask("GET", f"/jobs/{job_id}/results?task_index=9").json()["results"]


def test_results_before_the_end_are_409(house: Any) -> None:
    """A job that goes on has no results yet."""
    job_id = house.submit()

    for path in ("results", "results/nothing"):
        assert "results-not-ready" == house.ask("GET", f"/jobs/{job_id}/{path}").json()["code"]


def test_results_expire(house: Any) -> None:
    """After `expires_at` results and logs are 410, at that very moment, while the job is still there."""
    job_id = house.ended(outputs=OUT)
    result = house.ask("GET", f"/jobs/{job_id}/results").json()["results"][0]["id"]
    paths = [f"/jobs/{job_id}/{path}" for path in ("results", f"results/{result}", "logs/stdout")]
    house.clock.advance(999)
    assert [200] * 3 == [house.ask("GET", path).status_code for path in paths]
    house.clock.advance(1)

    assert ["result-expired"] * 3 == [house.ask("GET", path).json()["code"] for path in paths]
    house.step()
    assert ["result-expired"] * 3 == [house.ask("GET", path).json()["code"] for path in paths]
    assert 200 == house.ask("GET", f"/jobs/{job_id}").status_code


def test_an_unknown_result_is_404(house: Any) -> None:
    """An id that is no result of this job is not found, whatever it looks like."""
    mine, other = house.ended(outputs=OUT), house.ended(outputs=OUT)
    theirs = house.ask("GET", f"/jobs/{other}/results").json()["results"][0]
    house.hand.files = {"different": b""}
    third = house.ended(outputs=OUT)

    for name in ("nothing", "-", "a%00b", theirs["id"]):
        assert 404 == house.ask("GET", f"/jobs/{third}/results/{name}").status_code
    assert 200 == house.ask("GET", f"/jobs/{mine}/results/{theirs['id']}").status_code


def test_kept_bytes_that_are_gone_are_503(house: Any) -> None:
    """A result whose bytes the service should have and cannot find is a trouble of its store."""
    job_id = house.ended(outputs=OUT)
    result = house.ask("GET", f"/jobs/{job_id}/results").json()["results"][0]["id"]
    house.store.content.drop(job_id)
    response = house.ask("GET", f"/jobs/{job_id}/results/{result}")

    assert (503, "service-unavailable") == (response.status_code, response.json()["code"])


def test_a_log_comes_as_it_was_written(house: Any) -> None:
    """A log is plain text without a charset, its streams apart, and may be empty."""
    house.hand.logs = {"stdout": b"\xff\x00out", "stderr": b""}
    job_id = house.ended()
    out, err = (house.ask("GET", f"/jobs/{job_id}/logs/{stream}") for stream in ("stdout", "stderr"))

    assert (b"\xff\x00out", b"") == (out.content, err.content)
    assert "text/plain" == out.headers["content-type"]
    assert b"out" == house.ask("GET", f"/jobs/{job_id}/logs/stdout", headers={"range": "bytes=-3"}).content
    assert 404 == house.ask("GET", f"/jobs/{job_id}/logs/stdin").status_code
    assert 404 == house.ask("GET", f"/jobs/{job_id}/logs/stdout?task_index=1").status_code
    assert 200 == house.ask("GET", f"/jobs/{job_id}/logs/stdout?task_index=0").status_code


def test_a_lost_log_is_no_empty_one(house: Any) -> None:
    """A log that the facility lost is 404 `log-unavailable`; one of a task that never ran is empty."""
    house.hand.logs = {"stdout": None, "stderr": b""}
    lost = house.ended()
    never = house.submit()
    house.ask("POST", f"/jobs/{never}/cancel")
    house.step()

    assert "log-unavailable" == house.ask("GET", f"/jobs/{lost}/logs/stdout").json()["code"]
    empty = house.ask("GET", f"/jobs/{never}/logs/stdout")
    assert (200, b"") == (empty.status_code, empty.content)


def test_a_log_grows_while_its_job_runs(house: Any) -> None:
    """A running job's log is what there is by now, and may be asked for from where one stopped."""
    job_id = house.submit()
    path = f"/jobs/{job_id}/logs/stdout"
    assert (200, b"") == (house.ask("GET", path).status_code, house.ask("GET", path).content)
    house.hand.runs(job_id)
    house.hand.logs["stdout"] = b"one"
    house.step()
    assert b"one" == house.ask("GET", path).content
    house.hand.logs["stdout"] = b"one two"
    more = house.ask("GET", path, headers={"range": "bytes=3-"})
    assert (206, b" two", "bytes 3-6/7") == (more.status_code, more.content, more.headers["content-range"])
    end = house.ask("GET", path, headers={"range": "bytes=7-"})
    assert (416, "bytes */7") == (end.status_code, end.headers["content-range"])

    house.hand.down = True
    away = house.ask("GET", path)
    assert (503, "facility-unavailable", "30") == (
        away.status_code,
        away.json()["code"],
        away.headers["retry-after"],
    )


def test_without_live_logs_a_log_waits_for_the_end(make_house: Any, hand: Any) -> None:
    """A facility that does not claim live-logs has logs of ended jobs alone."""
    house = make_house(facilities=[hand(classes=("core", "software"))])

    assert "results-not-ready" == house.ask("GET", f"/jobs/{house.submit()}/logs/stdout").json()["code"]


def test_the_log_of_an_array_is_a_task_s(house: Any) -> None:
    """An array job has a log for each task, and who does not say which is told to."""
    job_id = house.ended(array={"count": 2})
    missing = house.ask("GET", f"/jobs/{job_id}/logs/stdout")

    assert (422, "task_index") == (missing.status_code, missing.json()["errors"][0]["parameter"])
    assert b"hello\n" == house.ask("GET", f"/jobs/{job_id}/logs/stdout?task_index=1").content
    assert 404 == house.ask("GET", f"/jobs/{job_id}/logs/stdout?task_index=2").status_code


def test_a_failed_job_keeps_what_it_wrote(house: Any) -> None:
    """The results of a failed job are there like any other's."""
    job_id = house.ended(state=State.FAILED, outputs=OUT)

    assert 1 == len(house.ask("GET", f"/jobs/{job_id}/results").json()["results"])
