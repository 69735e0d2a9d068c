"""Staging at a real Slurm over SSH: files come before sbatch is called, and go once their task has ended."""

import asyncio

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Deferred

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]


async def test_an_array_with_files_from_elsewhere(slurm_house, files):
    """CC-STAGE-001, 003 and 005: each task has its files from a URL and a storage, and its result is at its
    destination; a task whose own file is not there fails alone; what all want is fetched once."""
    house = slurm_house
    house.store("it", b"stored")
    files.content |= {"all": b"all", "of-0": b"0", "of-2": b"2"}
    spec = house.spec(
        "sh",
        "-c",
        "cat all own it >sum; echo $CC_TASK_INDEX >home",
        inputs=[
            {"path": "all", "source": {"kind": "url", "url": files.url("/files/all")}},
            {
                "path": "own",
                "source": {"kind": "url", "url": files.url("/files/of-{{CC_TASK_INDEX}}?s3same")},
            },
            {"path": "it", "source": {"kind": "storage", "storage": "data", "path": "it"}},
        ],
        outputs=[{"path": "sum", "destination": {"url": files.url("/files/sums/?0pen")}}, {"path": "home"}],
        array={"count": 3},
    )
    run = await house.collect(await house.end(await house.submit(spec, 3)))
    assert [State.SUCCEEDED, State.FAILED, State.SUCCEEDED] == [run.seen[index].state for index in range(3)]
    assert ("input-unavailable", "own: 127.0.0.1 answers with status 404") == (
        run.seen[1].reason.code,
        run.seen[1].reason.detail,
    )
    assert {"sums/0/sum": b"all0stored", "sums/2/sum": b"all2stored"} == files.put
    assert {files.url(f"/files/sums/{index}/sum") for index in (0, 2)} == {
        sent.location for sent in run.sent.values()
    }
    assert {(0, "home"): b"0\n", (2, "home"): b"2\n"} == run.results
    assert 1 == files.seen["/files/all"]
    left = [file for file in house.base.rglob("*") if file.is_file()]
    assert [] == [file for file in left if b"s3same" in file.read_bytes() or b"0pen" in file.read_bytes()]


async def test_sbatch_is_called_once_the_inputs_are_there(slurm_house, files):
    """While an input is on its way Slurm has no job, and neither job nor wall time passes."""
    house = slurm_house
    files.content["x"] = b"whole"
    spec = house.fetching(files.url("/held/x"))
    submission = house.submission(spec)
    (answer,) = await house.connector.submit([submission])
    assert isinstance(answer, Deferred)
    async with asyncio.timeout(30):
        while not files.asked:
            await house.clock.sleep(0.05)
    asked = await house.connector._transport.run(["squeue", "-h", "-o", "%j"], deadline_seconds=30)
    assert submission.part.key.job_id not in asked.stdout.decode()
    files.held.set()
    run = await house.submit(spec)
    await house.collect(await house.end(run))
    assert (State.SUCCEEDED, b"whole") == (run.task.state, run.stdout)


async def test_the_class_is_claimed(slurm_house):
    """The document of a Slurm facility claims the class, too."""
    document = await slurm_house.connector.describe()
    assert (True, ["https"], "data") == (
        "staging" in document["conforms_to"],
        document["input_url_schemes"],
        document["storage"][0]["name"],
    )
