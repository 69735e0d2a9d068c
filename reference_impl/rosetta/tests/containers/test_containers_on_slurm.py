"""Containers in Slurm's jobs: their images are there before sbatch is called, and Slurm's word holds for them."""

import pytest

from common_compute_connector.jobs import State
from common_compute_connector.protocol import Deferred

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]

each_runtime = pytest.mark.parametrize("runtime", ["charliecloud", "podman", "bubblewrap"])


@each_runtime
async def test_an_array_in_an_image(make_house, runtime):
    """Each task of an array runs in the image, with its own index, and the digest is told of each."""
    house = make_house(host="cluster", runtimes=[runtime])
    script = "echo $CC_TASK_INDEX $WHO >it; exit $CC_TASK_INDEX"
    run = await house.run(
        "sh", "-c", script, image="odd", array={"count": 5}, count=5, outputs=[{"path": "it"}]
    )
    assert [0, 1, 2, 3, 4] == [run.seen[index].exit_code for index in range(5)]
    assert [f"{index} image\n".encode() for index in range(5)] == [
        run.results[index, "it"] for index in range(5)
    ]
    digests = {seen.resolved.image_digest for seen in run.seen.values()}
    assert {house.images["odd"].partition("@")[2]} == digests


@each_runtime
async def test_what_is_not_there_is_told(make_house, runtime):
    """Neither a missing command nor a missing image looks like a command that failed."""
    house = make_house(host="cluster", runtimes=[runtime])
    registry = house.facility["registry"]["address"]
    (answer,) = await house.connector.submit(
        [house.submission(house.spec("true", image=f"{registry}/tests/none:1"))]
    )
    assert isinstance(answer, Deferred)
    code, detail = await house.refusal(f"{registry}/tests/none:1")
    assert ("image-unavailable", True) == (code, detail != "")
    run = await house.run("nope", image="busybox")
    assert (State.FAILED, "command-not-found") == (run.task.state, run.task.reason.code)


@each_runtime
async def test_slurm_ends_a_container(make_house, runtime):
    """A cancelled job in a container ends as cancelled."""
    house = make_house(host="cluster", runtimes=[runtime])
    run = await house.submit(house.spec("sh", "-c", "sleep 300"))
    await house.until(run, "running")
    await house.connector.cancel([run.live])
    await house.end(run)
    assert State.CANCELLED == run.task.state


@each_runtime
async def test_slurm_holds_a_container_to_its_memory(make_house, slurm_facility, runtime):
    """A command in a container that uses more memory than the job asked for is ended, where Slurm can."""
    house = make_house(host="cluster", runtimes=[runtime])
    hog = "import time; a = bytearray(400_000_000); print('has it', flush=True); time.sleep(2)"
    run = await house.run("python3", "-c", hog, image="python", resources={"memory_bytes": 200_000_000})
    enforced = slurm_facility["memory_enforced"]
    assert (State.FAILED if enforced else State.SUCCEEDED) == run.task.state
    if enforced:
        assert "out-of-memory" == run.task.reason.code
