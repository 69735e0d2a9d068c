"""A real DIRAC whose workers have containers, and whose users have files on the grid: certified, and in use.

Images lie unpacked where the workers see them, as grids have them; files are in DIRAC's own file catalogue and
storage element, and each is moved by DIRAC's own client on the worker, with the proxy of the job's user.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hostile import NO_LINKS, check_words, links_job, words_job
from pytest_dirac import SCRIPT
from served_dirac import ALICE, BOB, EQUIPPED, GridServer, job
from use_cases import run_here, use_case

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.needs("dirac"), pytest.mark.timeout(900)]

CONTENT = b"a run of alice's\n"
LARGE = 24 * 1024 * 1024
"""More than an output sandbox takes."""
MEASURE = "cat run-{{RUN}}.txt >out; echo {{RUN}} >>out"


class Folder:
    """A folder of alice's on the grid, and DIRAC's own commands as its users."""

    def __init__(self, grid: dict[str, Any], room: Path) -> None:
        self.name = f"{grid['folders']['alice']}/{time.time_ns()}"
        self.element = grid["storage_element"]
        self.room = room

    def url(self, path: str) -> str:
        return f"lfn:{self.name}/{path}"

    def dirac(self, command: str, *arguments: str, user: str = "alice") -> subprocess.CompletedProcess[str]:
        """Run one of DIRAC's commands as a user."""
        return subprocess.run(
            [SCRIPT, "as", user, command, *arguments],
            check=False,
            cwd=self.room,
            capture_output=True,
            text=True,
        )

    def put(self, path: str, content: bytes) -> None:
        file = self.room / "put"
        file.write_bytes(content)
        done = self.dirac("dirac-dms-add-file", f"{self.name}/{path}", str(file), self.element)
        assert 0 == done.returncode, done.stdout + done.stderr

    def get(self, path: str, user: str = "alice") -> bytes | None:
        """Fetch a file as a user does; None if DIRAC does not give it to them."""
        file = self.room / Path(path).name
        file.unlink(missing_ok=True)
        self.dirac("dirac-dms-get-file", f"{self.name}/{path}", user=user)
        return file.read_bytes() if file.exists() else None


@pytest.fixture(scope="module")
def folder(dirac_facility: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Give a folder with a few runs, one of which is not what somebody says."""
    made = Folder(dirac_facility, tmp_path_factory.mktemp("folder"))
    for number in range(3):
        made.put(f"run-{number}.txt", CONTENT + bytes([48 + number, 10]))
    made.put("taken.bin", b"here already")
    return made


def fetched(url: str, path: str = "run.txt", **more: str) -> dict[str, Any]:
    """Give an input from the grid."""
    return {"path": path, "source": {"kind": "url", "url": url, **more}}


def in_shell(text: str, **more: Any) -> dict[str, Any]:
    """Give a job on the equipped facility that runs a line of shell."""
    return job("/bin/sh", "-c", text, facility=EQUIPPED, **more)


@pytest.fixture(scope="module")
def certifying(
    grid_server: GridServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[dict[str, Any]]]:
    """Certify it beside all else: a certificate mostly waits for DIRAC."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit(grid_server.certify, EQUIPPED, tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def submitted(grid_server: GridServer, folder: Folder) -> Iterator[dict[str, str]]:
    """Submit what alice wants done, which runs side by side, and give the ids of her jobs."""
    images = {name: {"kind": "container", "image": each} for name, each in grid_server.grid["images"].items()}
    box = images["busybox"]
    digest = hashlib.sha256(CONTENT + b"0\n").hexdigest()
    unknown = box["image"].partition("@")[0] + "@sha256:" + "0" * 64
    large = f"head -c {LARGE} /dev/zero | tr '\\0' x >large.bin; cat run.txt >small.txt"
    home = [fetched(folder.url("run-0.txt"), sha256=digest)]
    yield grid_server.submit(
        {
            "spectrum": use_case("cta_container", EQUIPPED, IMAGE=box["image"]),
            "words": words_job(job, EQUIPPED, software=box),
            "links": {**links_job(job, EQUIPPED, "**"), "software": box},
            "python": job(
                *(
                    "python3",
                    "-c",
                    "import os, sys; print(os.environ['FACILITY_IMAGE'], sys.version_info[0])",
                ),
                facility=EQUIPPED,
                software={**images["python"], "image": images["python"]["image"].partition("@")[0]},
            ),
            "unknown": in_shell("echo ran", software={**box, "image": unknown}),
            "missing": job("ctapipe-process", facility=EQUIPPED, software=box),
            "late": in_shell("sleep 9872", software=box, resources={"wall_time_seconds": 2}),
            "cancelled": in_shell("sleep 9873", software=box),
            "large": in_shell(
                large,
                software=box,
                inputs=home,
                outputs=[
                    {"path": "*.bin", "destination": {"url": folder.url("results/")}},
                    {"path": "small.txt"},
                ],
            ),
            "each": in_shell(
                MEASURE,
                inputs=[fetched(folder.url("run-{{RUN}}.txt"), "run-{{RUN}}.txt")],
                outputs=[{"path": "out", "destination": {"url": folder.url("each/")}}],
                array={"parameters": [{"RUN": str(number)} for number in range(4)]},
            ),
            "wrong": in_shell("echo ran", inputs=[fetched(folder.url("run-1.txt"), sha256=digest)]),
            "taken": in_shell(
                "echo other >taken.bin",
                outputs=[{"path": "taken.bin", "destination": {"url": folder.url("taken.bin")}}],
            ),
            "elsewhere": in_shell(
                "echo x >x", outputs=[{"path": "x", "destination": {"url": "lfn:/cta/user/b/bob/x"}}]
            ),
            "another vo": in_shell("echo ran", inputs=[fetched("lfn:/ctao/user/a/alice/x")]),
        }
    )
    grid_server.clean_up()


def test_cta_in_a_container_by_its_digest(
    grid_server: GridServer,
    submitted: dict[str, str],
    certifying: Future[dict[str, Any]],
    tmp_path: Path,
) -> None:
    """The body that a cluster gets runs on the grid by the image's digest, and gives what its command gives here."""
    ended = grid_server.succeeded(submitted["spectrum"])
    assert grid_server.grid["images"]["busybox"].partition("@")[2] == ended["resolved"]["image_digest"]
    expected = run_here("cta_container", "spectrum.csv", tmp_path / "here")
    assert expected == grid_server.results(ended["id"], tmp_path / "out")


def test_words_arrive_byte_for_byte_in_a_container(
    grid_server: GridServer, submitted: dict[str, str], tmp_path: Path
) -> None:
    """And nothing of DIRAC's or the worker's does."""
    grid_server.succeeded(submitted["words"])
    check_words(grid_server.results(submitted["words"], tmp_path), b"DIRAC", b"X509", b"JOB", b"USER", b"LD_")


def test_no_link_is_followed_out_of_a_container(
    grid_server: GridServer, submitted: dict[str, str], tmp_path: Path
) -> None:
    """What leads somewhere inside leads somewhere else outside: of neither anything comes home."""
    grid_server.succeeded(submitted["links"])
    assert NO_LINKS == grid_server.results(submitted["links"], tmp_path)


def test_a_tag_is_what_it_stands_for(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """An image without a digest runs, with its own variables, and its digest is told."""
    ended = grid_server.succeeded(submitted["python"])
    assert grid_server.grid["images"]["python"].partition("@")[2] == ended["resolved"]["image_digest"]
    assert b"python 3\n" == grid_server.log(ended["id"], "stdout")


def test_an_image_that_is_not_there_runs_nothing(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """No other one of that name is taken for it."""
    ended = grid_server.ended(submitted["unknown"])
    assert ("failed", "image-unavailable") == (ended["state"], ended["reason"]["code"])
    assert "is not among the images in" in ended["reason"]["detail"]
    assert ("exit_code" in ended, b"") == (False, grid_server.log(ended["id"], "stdout"))


def test_what_a_worker_has_is_not_in_a_container(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """A command that is not in the image is not found."""
    ended = grid_server.ended(submitted["missing"])
    assert ("command-not-found", 127) == (ended["reason"]["code"], ended["exit_code"])


def _sleeps(seconds: str) -> bool:
    """Tell whether anybody on this machine sleeps for so long."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if line.read_bytes() == f"sleep\0{seconds}\0".encode():
                return True
        except OSError:
            continue
    return False


def test_the_wall_time_ends_a_container(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """With all that runs in it."""
    ended = grid_server.ended(submitted["late"])
    assert "wall-time-exceeded" == ended["reason"]["code"]
    assert not _sleeps("9872")


def test_a_cancelled_container_ends(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """Once it is cancelled, its processes are gone as soon as the facility says."""
    until = time.monotonic() + 300
    while not _sleeps("9873"):
        assert time.monotonic() < until, grid_server.clients[ALICE].get_job(submitted["cancelled"])
        time.sleep(0.3)
    grid_server.clients[ALICE].cancel_job(submitted["cancelled"])
    ended = grid_server.ended(submitted["cancelled"])
    assert ("cancelled", "cancelled-by-user") == (ended["state"], ended["reason"]["code"])
    grace = grid_server.clients[ALICE].get_facility(EQUIPPED)["limits"]["cancel_grace_seconds"]
    until = time.monotonic() + grace + 5
    while _sleeps("9873"):
        assert time.monotonic() < until
        time.sleep(0.3)


def test_a_result_above_the_sandbox_goes_to_the_grid(
    grid_server: GridServer, submitted: dict[str, str], folder: Folder, tmp_path: Path
) -> None:
    """A file from the catalogue goes into a container, and 24 MiB come out of it into the storage element.

    The result tells where it is, DIRAC gives its bytes to alice and to nobody else, and what else there is comes home.
    """
    ended = grid_server.succeeded(submitted["large"])
    listed = {each["path"]: each for each in grid_server.clients[ALICE].list_results(ended["id"])}
    assert {"large.bin", "small.txt"} == set(listed)
    large = listed["large.bin"]
    assert (folder.url("results/large.bin"), LARGE) == (large["location"], large["size_bytes"])
    bytes_there = folder.get("results/large.bin")
    assert bytes_there == b"x" * LARGE
    assert large["sha256"] == hashlib.sha256(bytes_there).hexdigest()
    assert folder.get("results/large.bin", user="bob") is None
    answer = grid_server.call(ALICE, "GET", f"/jobs/{ended['id']}/results/{large['id']}")
    assert 404 == answer.status_code
    small = grid_server.call(ALICE, "GET", f"/jobs/{ended['id']}/results/{listed['small.txt']['id']}")
    assert CONTENT + b"0\n" == small.content


def test_each_task_has_its_own_file(
    grid_server: GridServer, submitted: dict[str, str], folder: Folder
) -> None:
    """In an array each gets what its parameter names, and leaves it in its own folder; one has nothing to get."""
    ended = grid_server.ended(submitted["each"])
    tasks = list(grid_server.clients[ALICE].list_tasks(ended["id"]))
    assert ["succeeded", "succeeded", "succeeded", "failed"] == [task["state"] for task in tasks]
    reason = tasks[3]["reason"]
    assert ("input-unavailable", True) == (reason["code"], "No such file" in reason["detail"])
    located = {
        each["task_index"]: each["location"] for each in grid_server.clients[ALICE].list_results(ended["id"])
    }
    assert {number: folder.url(f"each/{number}/out") for number in range(3)} == located
    assert CONTENT + b"2\n2\n" == folder.get("each/2/out")


def test_other_bytes_than_were_meant_run_nothing(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """A file whose sha256 is another one is no input, whatever the catalogue says."""
    ended = grid_server.ended(submitted["wrong"])
    reason = ended["reason"]
    assert ("input-unavailable", "run.txt: its sha256 is another one") == (reason["code"], reason["detail"])
    assert b"" == grid_server.log(ended["id"], "stdout")


@pytest.mark.parametrize(
    ("name", "words"),
    [("taken", "another file of this name is there"), ("elsewhere", "Permission denied")],
)
def test_nothing_is_written_where_it_should_not_be(
    grid_server: GridServer, submitted: dict[str, str], folder: Folder, name: str, words: str
) -> None:
    """A file that is there stays as it was, and into bob's folder alice's job can write nothing: its result is lost."""
    ended = grid_server.ended(submitted[name])
    assert ("failed", "results-lost") == (ended["state"], ended["reason"]["code"]), ended
    assert words in ended["reason"]["detail"]
    assert b"here already" == folder.get("taken.bin")


def test_files_are_their_user_s_own(grid_server: GridServer, folder: Folder) -> None:
    """Bob's job gets nothing of alice's: the catalogue knows whose job it is."""
    body = in_shell("echo ran", inputs=[fetched(folder.url("run-0.txt"))])
    ended = grid_server.ended(grid_server.clients[BOB].submit_job(body)["id"], BOB)
    reason = ended["reason"]
    assert ("input-unavailable", "run.txt: Permission denied") == (reason["code"], reason["detail"])


def test_what_no_task_can_get_never_gets_to_dirac(grid_server: GridServer, submitted: dict[str, str]) -> None:
    """A name of another VO's is no input; the job fails before DIRAC hears of it."""
    ended = grid_server.ended(submitted["another vo"])
    assert "input-unavailable" == ended["reason"]["code"]
    assert "native" not in ended


@pytest.mark.parametrize(
    ("member", "pointer"),
    [
        ({"inputs": [fetched("https://example.org/x")]}, "/inputs/0/source/url"),
        (
            {"outputs": [{"path": "x", "destination": {"url": "https://example.org/x"}}]},
            "/outputs/0/destination/url",
        ),
    ],
)
def test_other_schemes_are_refused(grid_server: GridServer, member: dict[str, Any], pointer: str) -> None:
    """What is not in the catalogue the grid does not fetch, nor send."""
    answer = grid_server.call(ALICE, "POST", "/jobs", json=in_shell("true", **member))
    assert 422 == answer.status_code
    assert [pointer] == [error["pointer"] for error in answer.json()["errors"]]


def test_a_pattern_needs_a_folder(grid_server: GridServer, folder: Folder) -> None:
    """Of several files none could be told from another at one name."""
    body = in_shell("true", outputs=[{"path": "*", "destination": {"url": folder.url("one")}}])
    ended = grid_server.ended(grid_server.clients[ALICE].submit_job(body)["id"])
    assert ("submission-rejected", True) == (
        ended["reason"]["code"],
        "must be a folder" in ended["reason"]["detail"],
    )


def test_it_is_certified(certifying: Future[dict[str, Any]]) -> None:
    """With containers and files on the grid the contract is kept, and both classes are claimed."""
    certificate = certifying.result()
    claimed = {name for name, entry in certificate["classes"].items() if entry["claimed"]}
    assert {"core", "container", "software", "arrays", "ranges", "staging", "credentials"} <= claimed
