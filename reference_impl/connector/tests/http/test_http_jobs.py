"""The life of a job as its caller sees it over HTTP."""

import asyncio
from typing import Any

import pytest

from common_compute_connector.jobs import State


def test_a_job_lives_and_is_released(house: Any, spec: dict[str, Any]) -> None:
    """A submission is 201 with its place, is followed to its end, and after its release is gone everywhere."""
    sent = {
        **spec,
        "name": "n",
        "labels": {"a": "b"},
        "metadata": {"x": None, "y": 1.0},
        "outputs": [{"path": "*"}],
    }
    made = house.ask("POST", "/jobs", json=sent)
    job_id = made.json()["id"]
    assert (201, f"/v1/jobs/{job_id}") == (made.status_code, made.headers["location"])
    assert sent == made.json()["spec"]
    assert "pending" == made.json()["state"]

    house.hand.runs(job_id)
    house.step()
    assert "running" == house.ask("GET", f"/jobs/{job_id}").json()["state"]
    house.hand.ends(job_id)
    house.step()
    job = house.ask("GET", f"/jobs/{job_id}").json()
    assert ("succeeded", 0, False) == (job["state"], job["exit_code"], job["stale"])
    assert ["pending", "queued", "running", "succeeded"] == [entry["state"] for entry in job["history"]]

    assert 204 == house.ask("DELETE", f"/jobs/{job_id}").status_code
    for path in ("", "/tasks", "/results", "/logs/stdout"):
        assert 404 == house.ask("GET", f"/jobs/{job_id}{path}").status_code
    assert [] == house.ask("GET", "/jobs").json()["jobs"]
    assert 404 == house.ask("DELETE", f"/jobs/{job_id}").status_code


def test_only_a_terminal_job_is_released(house: Any) -> None:
    """The release of a job that goes on is 409, and it goes on."""
    job_id = house.submit()

    assert "job-not-terminal" == house.ask("DELETE", f"/jobs/{job_id}").json()["code"]
    assert 200 == house.ask("GET", f"/jobs/{job_id}").status_code


def test_cancelling_is_202_until_it_is_over(house: Any) -> None:
    """A cancel is recorded once while a job lives, and changes nothing afterwards."""
    job_id = house.submit()
    house.step()
    first = house.ask("POST", f"/jobs/{job_id}/cancel")
    house.clock.advance(1)
    again = house.ask("POST", f"/jobs/{job_id}/cancel")
    assert (202, 202) == (first.status_code, again.status_code)
    assert first.json()["cancel_requested_at"] == again.json()["cancel_requested_at"]

    house.step()
    job = house.ask("GET", f"/jobs/{job_id}").json()
    assert ("cancelled", "cancelled-by-user") == (job["state"], job["reason"]["code"])
    over = house.ask("POST", f"/jobs/{job_id}/cancel")
    assert (200, job) == (over.status_code, over.json())


def test_a_list_is_paged_newest_first(house: Any) -> None:
    """Walking through the pages gives each job once, whatever is submitted meanwhile."""
    made = []
    for _ in range(5):
        made.append(house.submit())
        house.clock.advance(1)
    seen: list[str] = []
    path = "/jobs?page_size=2"
    while path:
        page = house.ask("GET", path).json()
        assert all("spec" not in job and "history" not in job for job in page["jobs"])
        seen += [job["id"] for job in page["jobs"]]
        house.submit()
        token = page.get("next_page_token")
        path = f"/jobs?page_size=2&page_token={token}" if token else ""

    assert list(reversed(made)) == seen


def test_lists_are_narrowed(house: Any) -> None:
    """State, facility, labels and times narrow a list; any of the states, all of the labels."""
    ended = house.ended(labels={"a": "1", "b": "2"})
    middle = house.clock.now()
    house.clock.advance(1)
    waiting = house.submit(labels={"a": "1"})

    def found(query: str) -> list[str]:
        return [job["id"] for job in house.ask("GET", f"/jobs?{query}").json()["jobs"]]

    assert [ended] == found("state=succeeded")
    assert [waiting, ended] == found("state=succeeded&state=pending")
    assert [waiting, ended] == found("label=a=1")
    assert [ended] == found("label=a=1&label=b=2")
    assert [] == found("label=a=2")
    assert [waiting] == found(f"created_after={middle.isoformat().replace('+00:00', 'Z')}")
    assert [waiting, ended] == found("facility_id=hand")
    assert [] == found("facility_id=elsewhere")
    assert [] == found("facility_id=-no-id-")


def test_an_etag_holds_while_the_job_is_the_same(house: Any) -> None:
    """A job's tag answers 304 until something but `observed_at` changes."""
    job_id = house.submit()
    house.hand.runs(job_id)
    house.step()
    etag = house.ask("GET", f"/jobs/{job_id}").headers["etag"]
    house.step(2)
    assert etag.startswith('W/"')
    for sent in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        same = house.ask("GET", f"/jobs/{job_id}", headers={"if-none-match": sent})
        assert (304, b"", etag) == (same.status_code, same.content, same.headers["etag"])

    house.hand.ends(job_id)
    house.step()
    assert 200 == house.ask("GET", f"/jobs/{job_id}", headers={"if-none-match": etag}).status_code


def test_staleness_is_part_of_the_tag(house: Any) -> None:
    """A job that is not heard of turns stale, which is a difference; hearing of it ends that."""
    job_id = house.submit()
    house.step()
    house.hand.down = True
    fresh = house.ask("GET", f"/jobs/{job_id}")
    house.step(61)
    stale = house.ask("GET", f"/jobs/{job_id}", headers={"if-none-match": fresh.headers["etag"]})

    assert (False, 200, True) == (fresh.json()["stale"], stale.status_code, stale.json()["stale"])
    assert fresh.json()["state"] == stale.json()["state"]


async def _while_asking(
    house: Any, path: str, headers: dict[str, str], *steps: Any
) -> tuple[Any, list[bool]]:
    """Ask, and between the steps of the story note whether the answer is there."""
    asking = asyncio.create_task(house.client.get(path, headers=headers))
    there = []
    for step in steps:
        await asyncio.sleep(0.02)
        there.append(asking.done())
        result = step()
        if result is not None:
            await result
    return await asyncio.wait_for(asking, 5), there


def test_a_wait_ends_with_a_change_of_state(house: Any) -> None:
    """Without a tag the answer comes at the first change of state, not before."""
    job_id = house.submit()
    house.step()
    house.hand.runs(job_id)

    def time_passes() -> Any:
        house.clock.advance(1)
        return house.dispatcher.step()

    response, there = house.run(_while_asking(house, f"/jobs/{job_id}?wait_seconds=20", {}, time_passes))

    assert ([False], 200, "running") == (there, response.status_code, response.json()["state"])


@pytest.mark.parametrize(("with_tag", "status"), [(True, 304), (False, 200)])
def test_a_wait_ends_with_its_time(house: Any, with_tag: bool, status: int) -> None:
    """Nothing changes: 304 for who has a tag, 200 for who has none, and never later than the limit."""
    job_id = house.submit()
    house.step()
    headers = {"if-none-match": house.ask("GET", f"/jobs/{job_id}").headers["etag"]} if with_tag else {}
    story = _while_asking(
        house,
        f"/jobs/{job_id}?wait_seconds=100000",
        headers,
        lambda: house.clock.advance(29),
        lambda: house.clock.advance(1),
    )
    response, there = house.run(story)

    assert ([False, False], status) == (there, response.status_code)


def test_a_wait_with_a_tag_ends_with_any_difference(house: Any) -> None:
    """A wish to cancel is a difference, though it is no change of state; so is turning stale."""
    job_id = house.submit()
    house.step()
    tag = {"if-none-match": house.ask("GET", f"/jobs/{job_id}").headers["etag"]}
    story = _while_asking(
        house, f"/jobs/{job_id}?wait_seconds=20", tag, lambda: house.client.post(f"/jobs/{job_id}/cancel")
    )
    response, _ = house.run(story)
    assert (200, True) == (response.status_code, "cancel_requested_at" in response.json())

    other = house.submit()
    house.clock.advance(50)
    tag = {"if-none-match": house.ask("GET", f"/jobs/{other}").headers["etag"]}
    story = _while_asking(house, f"/jobs/{other}?wait_seconds=20", tag, lambda: house.clock.advance(10))
    response, _ = house.run(story)
    assert (200, True) == (response.status_code, response.json()["stale"])


def test_a_wait_without_a_tag_minds_the_state_alone(house: Any) -> None:
    """A wish to cancel is no change of state, so who has no tag waits on."""
    job_id = house.submit()
    house.step()
    story = _while_asking(
        house,
        f"/jobs/{job_id}?wait_seconds=20",
        {},
        lambda: house.client.post(f"/jobs/{job_id}/cancel"),
        lambda: house.clock.advance(20),
    )
    response, there = house.run(story)

    assert ([False, False], 200, "queued") == (there, response.status_code, response.json()["state"])


def test_a_terminal_job_answers_at_once(house: Any) -> None:
    """Nobody waits for a job that does not change any more."""
    job_id = house.ended()
    etag = house.ask("GET", f"/jobs/{job_id}").headers["etag"]

    assert 200 == house.ask("GET", f"/jobs/{job_id}?wait_seconds=30").status_code
    waiting = house.ask("GET", f"/jobs/{job_id}?wait_seconds=30", headers={"if-none-match": etag})
    assert 304 == waiting.status_code


def test_a_release_ends_the_waiting(house: Any) -> None:
    """Who waits for a job that is gone hears that it is."""
    job_id = house.submit()
    house.step()
    house.hand.ends(job_id, State.FAILED)

    def ends() -> Any:
        return house.dispatcher.step()

    response, _ = house.run(_while_asking(house, f"/jobs/{job_id}?wait_seconds=20", {}, ends))
    assert "failed" == response.json()["state"]


def test_a_stop_answers_the_waiting(house: Any) -> None:
    """A service that is about to stop holds nobody up."""
    job_id = house.submit()
    story = _while_asking(house, f"/jobs/{job_id}?wait_seconds=20", {}, house.app.answer_waiting)
    response, there = house.run(story)

    assert ([False], 200) == (there, response.status_code)


def test_tasks_are_listed_by_index(house: Any) -> None:
    """An array has its tasks by index, over pages and by state; a job that is none has one."""
    job_id = house.submit(array={"count": 5})
    house.step()
    first = house.ask("GET", f"/jobs/{job_id}/tasks?page_size=3").json()
    token = first["next_page_token"]
    rest = house.ask("GET", f"/jobs/{job_id}/tasks?page_token={token}").json()
    plain = house.ask("GET", f"/jobs/{house.submit()}/tasks").json()

    assert [0, 1, 2, 3, 4] == [task["index"] for task in first["tasks"] + rest["tasks"]]
    assert [0] == [task["index"] for task in plain["tasks"]]
    assert [] == house.ask("GET", f"/jobs/{job_id}/tasks?state=failed").json()["tasks"]
    assert 5 == house.ask("GET", f"/jobs/{job_id}").json()["task_counts"]["total"]


def test_a_token_of_another_list_is_422(house: Any) -> None:
    """A page token serves the list that it came from."""
    for _ in range(3):
        house.submit()
    token = house.ask("GET", "/jobs?page_size=1").json()["next_page_token"]

    for path in ("/jobs?state=pending&page_token=", "/facilities/hand/software?page_token="):
        response = house.ask("GET", path + token)
        assert (422, "page_token") == (response.status_code, response.json()["errors"][0]["parameter"])
