"""A host whose shell and tools are all busybox's, as on Alpine: its `head -c` takes more than it gives."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from common_compute_connector.jobs import State

pytestmark = [pytest.mark.real, pytest.mark.needs("busybox")]


@pytest.fixture
def busybox(tmp_path: Path) -> Path:
    """Give a directory with busybox under the names of all that it is."""
    program = shutil.which("busybox")
    assert program is not None
    directory = tmp_path / "busybox"
    directory.mkdir()
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        (directory / name).symlink_to(program)
    return directory


async def test_a_job_runs_where_all_is_busybox(house, busybox):
    """A submission is read to its last byte, and a job ends with its logs, results and exit code."""
    house.reopen(shell=str(busybox / "sh"), path=f"{busybox}:/usr/bin:/bin")
    inline = {"kind": "inline", "content_base64": "aGVsbG8="}
    async with asyncio.timeout(60):
        run = await house.run(
            "sh",
            "-c",
            "cat in; echo err >&2; echo x >d.txt; exit 5",
            inputs=[{"path": "in", "source": inline}],
            outputs=[{"path": "*.txt"}],
        )
    assert (State.FAILED, 5, b"hello", b"err\n") == (
        run.task.state,
        run.task.exit_code,
        run.stdout,
        run.stderr,
    )
    assert {(0, "d.txt"): b"x\n"} == run.results
