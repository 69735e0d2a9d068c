"""Inputs from elsewhere for commands in containers: they lie in the working directory there, too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from common_compute_connector.clock import SystemClock
from common_compute_connector.jobs import State

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("slurm"), pytest.mark.timeout(600)]


@pytest.fixture
def storage(slurm_facility) -> Iterator[str]:
    """Give a directory there that holds a file, as its host knows it."""
    name = f"storage-{SystemClock().new_id()}"
    place = Path(slurm_facility["hosts"]["plain"]["room"]) / "srv" / name
    place.mkdir()
    (place / "it").write_text("storage\n")
    yield f"/srv/{name}"
    shutil.rmtree(place)


@pytest.mark.parametrize("runtime", ["charliecloud", "podman", "bubblewrap"])
async def test_inputs_from_a_url_and_a_storage(with_runtime, storage, served, runtime):
    """CC-STAGE-001 and 003: also what runs in an image finds its files, by a certificate that its host trusts."""
    directory, address = served
    (directory / "from-url").write_text("url\n")
    house = with_runtime(runtime, user="carol")
    house.reopen(staging={"hosts": ["127.0.0.1"]}, storage=[{"name": "data", "path": storage}])
    inputs = [
        {"path": "a", "source": {"kind": "url", "url": f"{address}/from-url"}},
        {"path": "b", "source": {"kind": "storage", "storage": "data", "path": "it"}},
    ]
    run = await house.run("cat", "a", "b", inputs=inputs)
    assert (State.SUCCEEDED, b"url\nstorage\n") == (run.task.state, run.stdout)
